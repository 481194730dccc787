"""The directory in the database: loading it whole, and binding desks to chats.

Owns the SQL of desks, posts, coverage and holdings that runs every day; CSV import is in directory_csv, invites in
invites, leave in leave, what is missing in holes. It must not know how tickets are routed. A post without coverage was
abolished by an import: tickets and events may still name it, the directory no longer holds it.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from store.people import Desk, Directory, Leave, Officer, Post
from store.seating import seated
from store.tables import channels, chat_aliases, coverage, desks, holdings, ladders, leaves, officers, outbox, posts
from store.vocabulary import DeliveryState, Language, Platform, Role

CLOCK_DOUBT: Final = timedelta(hours=3)  # who was appointed before the clock was set back holds the post all the same
_OFFICER: Final = ("id", "name", "telegram_user_id")
_OPEN: Final = (
    DeliveryState.PENDING.value,
    DeliveryState.SENDING.value,
    DeliveryState.RETRY.value,
    DeliveryState.UNKNOWN.value,
)


class DirectoryRefused(Exception):
    """The directory cannot be changed like that; the message is one sentence for the operator."""


def load_directory(conn: sa.Connection, now: datetime) -> Directory:
    """Desks, posts, who covers what, who holds them at `now` and who is away; six queries, whatever their number."""
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
        tuple(leaves_where(conn, leaves.c.from_at <= now, leaves.c.to_at > now)),
        tuple(tuple(row) for row in conn.execute(sa.select(ladders.c.department, ladders.c.roles))),
    )


def leaves_where(conn: sa.Connection, *which: sa.ColumnElement[bool]) -> list[Leave]:
    """These leaves, the first to begin first."""
    away, other = officers.alias("away"), officers.alias("other")
    columns = [each.c[name].label(f"{each.name}_{name}") for each in (away, other) for name in _OFFICER]
    joined = leaves.outerjoin(away, away.c.id == leaves.c.officer_id).outerjoin(
        other, other.c.id == leaves.c.substitute_id
    )
    query = sa.select(leaves, *columns).select_from(joined).where(*which).order_by(leaves.c.from_at, leaves.c.id)
    return [
        Leave(row.id, row.from_at, row.to_at, _officer(row, "away"), row.post, _officer(row, "other"))
        for row in conn.execute(query)
    ]


def _officer(row: Any, name: str) -> Officer | None:
    found = [getattr(row, f"{name}_{column}") for column in _OFFICER]
    return None if found[0] is None else Officer(*found)


@lru_cache(maxsize=2)
def _directory(
    covered: tuple[tuple[str, str], ...],
    held: tuple[tuple[str, int, str, str | None], ...],
    post_rows: tuple[Any, ...],
    desk_rows: tuple[Any, ...],
    away: tuple[Leave, ...],
    ladder_rows: tuple[tuple[str, str], ...],
) -> Directory:
    """Built anew only when a row has changed: most batches find the directory of the last one."""
    districts: dict[str, set[str]] = defaultdict(set)
    for post, district in covered:
        districts[post].add(district)
    holders: dict[str, list[Officer]] = defaultdict(list)
    for post, officer_id, name, telegram_user_id in held:
        holders[post].append(Officer(officer_id, name, telegram_user_id))
    found = {
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
    }
    return Directory(
        posts=seated(found, away) if away else found,
        desks={row.code: _desk(row) for row in desk_rows},
        leaves=away,
        ladders={department: tuple(map(Role, roles.split("|"))) for department, roles in ladder_rows},
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
