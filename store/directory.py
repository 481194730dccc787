"""The directory in the database: loading it whole, binding desks to chats, and finding its holes.

Owns the SQL of desks, posts, coverage and holdings that runs every day; CSV import is in directory_csv, invites in
invites. It must not know how tickets are routed. A post without coverage was abolished by an import: tickets and
events may still name it, the directory no longer holds it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from store.people import Desk, Directory, Officer, Post
from store.tables import channels, chat_aliases, coverage, desks, holdings, officers, outbox, posts
from store.vocabulary import DeliveryState, Language, Platform, Role

CLOCK_DOUBT: Final = timedelta(hours=3)  # who was appointed before the clock was set back holds the post all the same
_OPEN: Final = (
    DeliveryState.PENDING.value,
    DeliveryState.SENDING.value,
    DeliveryState.RETRY.value,
    DeliveryState.UNKNOWN.value,
)


class DirectoryRefused(Exception):
    """The directory cannot be changed like that; the message is one sentence for the operator."""


def load_directory(conn: sa.Connection, now: datetime) -> Directory:
    """Desks, posts, who covers what and who holds them at `now`; four queries, whatever their number."""
    held = (
        sa.select(holdings.c.post, officers.c.id, officers.c.name, officers.c.telegram_user_id)
        .join(officers, officers.c.id == holdings.c.officer_id)
        .where(holdings.c.from_at <= now + CLOCK_DOUBT, sa.or_(holdings.c.to_at.is_(None), holdings.c.to_at > now))
        .order_by(officers.c.id)
    )
    return _directory(
        tuple(tuple(row) for row in conn.execute(sa.select(coverage.c.post, coverage.c.district))),
        tuple(tuple(row) for row in conn.execute(held)),
        tuple(conn.execute(sa.select(posts).order_by(posts.c.code))),
        tuple(conn.execute(sa.select(desks).order_by(desks.c.code))),
    )


@lru_cache(maxsize=2)
def _directory(
    covered: tuple[tuple[str, str], ...],
    held: tuple[tuple[str, int, str, str | None], ...],
    post_rows: tuple[Any, ...],
    desk_rows: tuple[Any, ...],
) -> Directory:
    """Built anew only when a row has changed: most batches find the directory of the last one."""
    districts: dict[str, set[str]] = defaultdict(set)
    for post, district in covered:
        districts[post].add(district)
    holders: dict[str, list[Officer]] = defaultdict(list)
    for post, officer_id, name, telegram_user_id in held:
        holders[post].append(Officer(officer_id, name, telegram_user_id))
    return Directory(
        posts={
            row.code: Post(
                code=row.code,
                title=row.title,
                role=Role(row.role),
                department=row.department,
                level=row.level,
                desk=row.desk,
                districts=frozenset(districts[row.code]),
                holders=tuple(holders[row.code]),
            )
            for row in post_rows
            if row.code in districts
        },
        desks={row.code: _desk(row) for row in desk_rows},
    )


def _desk(row: Any) -> Desk:
    return Desk(row.code, row.title, Language(row.language), row.chat_id, row.topic_id, row.lost_at is not None)


# -- desks and their chats ------------------------------------------------------------------------------------


def bind_desk(conn: sa.Connection, desk_code: str, chat_id: str, topic_id: str | None = None) -> None:
    """Say in which Telegram chat (and forum topic) a desk sits; binding again moves it and finds a lost desk.

    Raises DirectoryRefused for an unknown desk or a chat that is another desk's.
    """
    at_this_place = sa.select(desks.c.code).where(
        desks.c.chat_id == chat_id, desks.c.topic_id.is_not_distinct_from(topic_id), desks.c.code != desk_code
    )
    other = conn.execute(at_this_place).scalar()
    if other is not None:
        raise DirectoryRefused(f"That chat is already the desk {other}; give desk {desk_code} its own.")
    changed = conn.execute(
        sa.update(desks).where(desks.c.code == desk_code).values(chat_id=chat_id, topic_id=topic_id, lost_at=None)
    )
    if changed.rowcount == 0:
        raise DirectoryRefused(f"There is no desk {desk_code!r}; `smgt desks` lists them.")


def mark_desk_lost(conn: sa.Connection, chat_id: str, now: datetime) -> tuple[str, ...]:
    """The bot can no longer write in `chat_id`; returns the desks newly lost by that."""
    lost = conn.execute(
        sa.update(desks)
        .where(desks.c.chat_id == chat_id, desks.c.lost_at.is_(None))
        .values(lost_at=now)
        .returning(desks.c.code)
    )
    return tuple(sorted(lost.scalars()))


def mark_desk_found(conn: sa.Connection, chat_id: str) -> tuple[str, ...]:
    """The bot can write in `chat_id` again; returns the desks found by that."""
    found = conn.execute(
        sa.update(desks)
        .where(desks.c.chat_id == chat_id, desks.c.lost_at.is_not(None))
        .values(lost_at=None)
        .returning(desks.c.code)
    )
    return tuple(sorted(found.scalars()))


def move_chat(conn: sa.Connection, old_chat_id: str, new_chat_id: str) -> int:
    """A group became a supergroup: desks and all unsent messages follow it, the old id stays as an alias.

    Run inside one transaction; hearing of the same move twice changes nothing. Returns the messages moved.
    """
    if old_chat_id == new_chat_id:
        return 0
    conn.execute(sa.update(desks).where(desks.c.chat_id == old_chat_id).values(chat_id=new_chat_id))
    conn.execute(
        sa.update(chat_aliases).where(chat_aliases.c.new_chat_id == old_chat_id).values(new_chat_id=new_chat_id)
    )
    insert = postgresql.insert if conn.dialect.name == "postgresql" else sqlite.insert
    alias = insert(chat_aliases).values(old_chat_id=old_chat_id, new_chat_id=new_chat_id)
    conn.execute(
        alias.on_conflict_do_update(index_elements=[chat_aliases.c.old_chat_id], set_={"new_chat_id": new_chat_id})
    )
    return _move_messages(conn, old_chat_id, new_chat_id)


def _move_messages(conn: sa.Connection, old_chat_id: str, new_chat_id: str) -> int:
    """Destinations are `<chat>` or `<chat>:<more>`; the chat is also the payload's thread."""
    waiting = (
        sa.select(outbox.c.id, outbox.c.destination, outbox.c.payload)
        .join(channels, channels.c.id == outbox.c.channel_id)
        .where(channels.c.platform == Platform.TELEGRAM.value, outbox.c.state.in_(_OPEN))
        .where(
            sa.or_(
                outbox.c.destination == old_chat_id, outbox.c.destination.startswith(f"{old_chat_id}:", autoescape=True)
            )
        )
    )
    moved = [
        {
            "row": row.id,
            "to": new_chat_id + row.destination.removeprefix(old_chat_id),
            "what": _with_thread(row.payload, old_chat_id, new_chat_id),
        }
        for row in conn.execute(waiting)
    ]
    if moved:
        conn.execute(
            sa.update(outbox)
            .where(outbox.c.id == sa.bindparam("row"))
            .values(destination=sa.bindparam("to"), payload=sa.bindparam("what")),
            moved,
        )
    return len(moved)


def _with_thread(payload: str | None, old_chat_id: str, new_chat_id: str) -> str | None:
    if payload is None:
        return None
    outgoing: dict[str, Any] = msgspec.json.decode(payload)
    if outgoing.get("thread_id") == old_chat_id:
        outgoing["thread_id"] = new_chat_id
    return msgspec.json.encode(outgoing).decode()


def current_chat_id(conn: sa.Connection, chat_id: str) -> str:
    """The id under which a chat is known now; its own unless it moved."""
    moved = conn.execute(sa.select(chat_aliases.c.new_chat_id).where(chat_aliases.c.old_chat_id == chat_id)).scalar()
    return chat_id if moved is None else str(moved)


# -- holes ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Hole:
    """Something missing in the directory.

    `code`: no_cmo_desk · nobody_reachable (`department`, `districts`) · post_vacant (`post`: nobody holds it) ·
    post_unlinked (`post`: a holder has not used the invite link) · desk_unbound, desk_lost (`desk`).
    """

    code: str
    department: str = ""
    districts: tuple[str, ...] = ()
    post: str = ""
    desk: str = ""


def holes(
    directory: Directory, departments_of: Mapping[str, Collection[str]], districts: Collection[str]
) -> list[Hole]:
    """What would keep a complaint from reaching a person: missing people, posts and chats.

    `departments_of`: category -> the departments it may be routed to. A department and district are reachable if
    at any level a post covers them whose holder has linked Telegram.
    """
    return [
        *_missing_cmo(directory),
        *_unreached(directory, {d for found in departments_of.values() for d in found}, districts),
        *_empty_posts(directory),
        *_mute_desks(directory),
    ]


def _missing_cmo(directory: Directory) -> Iterator[Hole]:
    if directory.cmo_desk() is None:
        yield Hole("no_cmo_desk")


def _unreached(directory: Directory, departments: Collection[str], districts: Collection[str]) -> Iterator[Hole]:
    for department in sorted(departments):
        linked = [
            post
            for post in directory.posts.values()
            if post.department == department
            and post.role is not Role.FIELD_OFFICER
            and any(holder.telegram_user_id for holder in post.holders)
        ]
        open_districts = sorted(d for d in districts if not any(post.covers(d) for post in linked))
        if open_districts:
            yield Hole("nobody_reachable", department=department, districts=tuple(open_districts))


def _empty_posts(directory: Directory) -> Iterator[Hole]:
    for post in directory.posts.values():
        if not post.holders:
            yield Hole("post_vacant", department=post.department or "", post=post.code)
        elif not all(holder.telegram_user_id for holder in post.holders):
            yield Hole("post_unlinked", department=post.department or "", post=post.code)


def _mute_desks(directory: Directory) -> Iterator[Hole]:
    for desk in directory.desks.values():
        if desk.lost:
            yield Hole("desk_lost", desk=desk.code)
        elif desk.chat_id is None:
            yield Hole("desk_unbound", desk=desk.code)
