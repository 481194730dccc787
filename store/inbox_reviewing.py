"""Inbox rows before a clerk's eyes: floods that were set aside, posts that were passed over, and what the clerk wishes.

Owns the reading of both and the putting back of a row that is to be decided anew. The caller owns the transaction and
the record of who wished it. It must not know why a row was passed over, nor what its words mean.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from store.channels import all_channels
from store.inbound import Inbound
from store.inbox import COMPLAINT, FLOOD
from store.inbox_by_hand import DROPPED
from store.inbox_looking import peek
from store.notify import tell_heard
from store.tables import inbox
from store.vocabulary import InboxState, Platform

JOINED = "joined"


@dataclass(frozen=True, slots=True)
class Flood:
    """What is set aside of one account."""

    actor_key: str
    posts: int
    since: datetime
    newest_id: int


@dataclass(frozen=True, slots=True)
class SeenPost:
    """A post with its words, and how it was decided."""

    id: int
    post: Inbound
    result: str


class Called(StrEnum):
    """What became of the wish that a post be taken for a complaint."""

    TAKEN = "taken"
    GONE = "gone"  # its author deleted it
    SETTLED = "settled"  # somebody wished it before, or it was never passed over


# -- floods --------------------------------------------------------------------------------------------------------------


def flood_of(conn: sa.Connection, actor_key: str, upto: int | None = None) -> Flood | None:
    """What is set aside of this account (as far as row `upto`); None when there is nothing."""
    counted = sa.select(
        sa.func.count().label("posts"),
        sa.type_coerce(sa.func.min(inbox.c.occurred_at), inbox.c.occurred_at.type).label("since"),
        sa.func.max(inbox.c.id).label("newest_id"),
    ).where(*_set_aside(actor_key, upto))
    row = conn.execute(counted).one()
    return Flood(actor_key, row.posts, row.since, row.newest_id) if row.posts else None


def actor_of(conn: sa.Connection, row_id: int) -> str | None:
    """Whose row this is."""
    return conn.execute(sa.select(inbox.c.actor_key).where(inbox.c.id == row_id)).scalar()


def is_set_aside(conn: sa.Connection, row_id: int) -> bool:
    """Whether this row is set aside as part of a flood."""
    parked = sa.select(inbox.c.id).where(
        inbox.c.id == row_id, inbox.c.state == InboxState.PARKED, inbox.c.result == FLOOD
    )
    return conn.execute(parked).first() is not None


def newest_of_flood(conn: sa.Connection, actor_key: str, limit: int) -> list[SeenPost]:
    """The newest posts of a flood that still have their words, newest first."""
    wanted = sa.select(inbox.c.id, inbox.c.result).where(*_set_aside(actor_key), inbox.c.payload.is_not(None))
    rows = conn.execute(wanted.order_by(inbox.c.id.desc()).limit(limit))
    return _seen(conn, {row.id: row.result for row in rows})


def end_flood(conn: sa.Connection, actor_key: str, upto: int, now: datetime) -> int:
    """End what is set aside of this account as far as row `upto`; returns how many rows that were."""
    ended = (
        inbox.update().where(*_set_aside(actor_key, upto)).values(state=InboxState.DONE, decided_at=now, result=DROPPED)
    )
    return conn.execute(ended).rowcount


def _set_aside(actor_key: str, upto: int | None = None) -> list[sa.ColumnElement[bool]]:
    where = [inbox.c.actor_key == actor_key, inbox.c.state == InboxState.PARKED, inbox.c.result == FLOOD]
    return where if upto is None else [*where, inbox.c.id <= upto]


# -- what was passed over --------------------------------------------------------------------------------------------------


def passed_over(conn: sa.Connection, result: str, since: datetime, limit: int | None = None) -> list[int]:
    """Ids of the posts heard since then that were decided so and still have their words, newest first."""
    heard_on = [one.id for one in all_channels(conn) if one.platform is not Platform.TELEGRAM]
    wanted = sa.select(inbox.c.id).where(
        inbox.c.channel_id.in_(heard_on),
        inbox.c.received_at >= since,
        inbox.c.state == InboxState.DONE,
        inbox.c.result == result,
        inbox.c.payload.is_not(None),
    )
    return list(conn.scalars(wanted.order_by(inbox.c.id.desc()).limit(limit)))


def posts_by_id(conn: sa.Connection, row_ids: Sequence[int]) -> list[SeenPost]:
    """These rows with their words, in the order of `row_ids`; what cannot be read is left out."""
    rows = conn.execute(sa.select(inbox.c.id, inbox.c.result).where(inbox.c.id.in_(row_ids)))
    results = {row.id: row.result for row in rows}
    return _seen(conn, {row_id: results[row_id] for row_id in row_ids if row_id in results})


def call_complaint(conn: sa.Connection, row_id: int, results: Collection[str], now: datetime) -> Called:
    """Let a post that was decided as one of `results` be decided again, as the complaint that a person calls it."""
    row = conn.execute(sa.select(inbox).where(inbox.c.id == row_id).with_for_update()).first()
    if row is None or row.state != InboxState.DONE or row.result not in results:
        return Called.SETTLED
    if row.payload is None:
        return Called.GONE
    back = {"state": InboxState.PENDING, "decided_at": None, "error": None, "not_before_at": now}
    conn.execute(inbox.update().where(inbox.c.id == row_id).values(**back, result=COMPLAINT))
    parts = list(_parts(conn, row))
    if parts:
        conn.execute(inbox.update().where(inbox.c.id.in_(parts)).values(**back, result=None))
    tell_heard(conn)
    return Called.TAKEN


def _parts(conn: sa.Connection, row: sa.Row[Any]) -> Iterator[int]:
    """The rows of the same writer that were decided as further parts of this one."""
    wanted = sa.select(inbox.c.id).where(
        inbox.c.actor_key == row.actor_key,
        inbox.c.id > row.id,
        inbox.c.state == InboxState.DONE,
        inbox.c.result == JOINED,
        inbox.c.ticket_id.is_(None),
        inbox.c.decided_at == row.decided_at,
        inbox.c.payload.is_not(None),
    )
    heard = peek(conn, [row.id, *conn.scalars(wanted)])
    first = heard.get(row.id)
    for row_id, part in heard.items():
        of_it = isinstance(part, Inbound) and isinstance(first, Inbound) and part.thread_id == first.thread_id
        if row_id != row.id and of_it:
            yield row_id


def _seen(conn: sa.Connection, results: Mapping[int, str]) -> list[SeenPost]:
    heard = peek(conn, results.keys())
    posts = ((row_id, heard.get(row_id)) for row_id in results)
    return [SeenPost(row_id, post, results[row_id]) for row_id, post in posts if isinstance(post, Inbound)]
