"""Messages held back: what a rule must know before one leaves, the state `held`, and how a ticket is let out of it.

Owns the queries and moves; handlers/reach.py owns the rule. A held row is never sent unless a person says so
(`released_at`, set by store/sending.py), and while a ticket has a held row that nobody released it stays in the shadow.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from store.dialects import is_one_of
from store.outbox import OutboxRow, outbox_row
from store.readiness import UNSENT
from store.tables import channels, events, outbox, tickets
from store.vocabulary import DeliveryState, Platform

FOLLOWS_HELD: Final = "follows_held"
_IS_HELD: Final = is_one_of(outbox.c.state, DeliveryState.HELD)


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A row that wants to leave, with what is known of its ticket and of the row it follows."""

    id: int
    platform: Platform
    step_id: str
    ticket_id: int | None
    district: str | None
    held: frozenset[str]  # why other rows of its ticket are held and not released
    live_districts: frozenset[str]  # of its account's tickets that are not in the shadow; read for rows without ticket
    follows_held: bool
    released: bool


@dataclass(frozen=True, slots=True)
class HeldCount:
    """How many messages of one kind were held for one reason."""

    platform: Platform
    template: str
    why: str
    many: int


def waiting(conn: sa.Connection, row_ids: Collection[int]) -> list[Waiting]:
    """These rows as they want to leave, in the order of their ids; rows that do not wait any more are left out."""
    if not row_ids:
        return []
    rows = conn.execute(_facts().where(outbox.c.id.in_(row_ids), outbox.c.state.in_(UNSENT))).all()
    held = _held_of(conn, {row.ticket_id for row in rows if row.ticket_id is not None})
    accounts = {row.account_id for row in rows if row.ticket_id is None and row.account_id is not None}
    live = _live_districts(conn, accounts) if accounts else {}
    return [
        Waiting(
            id=row.id,
            platform=Platform(row.platform),
            step_id=row.step_id,
            ticket_id=row.ticket_id,
            district=row.district,
            held=frozenset(held.get(row.ticket_id, ())),
            live_districts=frozenset(live.get(row.account_id, ())),
            follows_held=row.first_state == DeliveryState.HELD and row.first_released_at is None,
            released=row.released_at is not None,
        )
        for row in rows
    ]


def hold(conn: sa.Connection, whys: Mapping[int, str], now: datetime) -> int:
    """Hold unsent rows, each for its reason, and what follows them; each with an event. Returns how many."""
    ids_of: dict[str, list[int]] = defaultdict(list)
    for row_id, why in whys.items():
        ids_of[why].append(row_id)
    held = 0
    for why, ids in ids_of.items():
        stopped = (
            outbox.update()
            .where(outbox.c.id.in_(ids), outbox.c.state.in_(UNSENT))
            .values(state=DeliveryState.HELD, error_code=why, error=None, released_at=None)
            .returning(outbox.c.id, outbox.c.ticket_id, outbox.c.step_id, outbox.c.template)
        )
        rows = conn.execute(stopped).all()
        if rows:
            conn.execute(events.insert(), [_event(row, why, now) for row in rows])
            held += len(rows) + hold(conn, dict.fromkeys(_followers(conn, [row.id for row in rows]), FOLLOWS_HELD), now)
    return held


def release(conn: sa.Connection, ticket_ids: Collection[int], now: datetime) -> int:
    """Let tickets out of the shadow: their held rows stay unsent, what comes from now on may go. Returns how many rows."""
    let_out = outbox.update().where(_IS_HELD, outbox.c.ticket_id.in_(ticket_ids), outbox.c.released_at.is_(None))
    return conn.execute(let_out.values(released_at=now)).rowcount


def tickets_in_shadow(conn: sa.Connection) -> list[int]:
    """The tickets of which nothing is said because earlier words were held."""
    wanted = sa.select(outbox.c.ticket_id).where(
        _IS_HELD, outbox.c.ticket_id.is_not(None), outbox.c.released_at.is_(None)
    )
    return [found for found in conn.scalars(wanted.distinct().order_by(outbox.c.ticket_id)) if found is not None]


def is_in_shadow(ticket_id: sa.ColumnElement[int]) -> sa.ColumnElement[bool]:
    """The same as a condition on a ticket's id."""
    return sa.exists().where(_IS_HELD, outbox.c.ticket_id == ticket_id, outbox.c.released_at.is_(None))


def held_rows(
    conn: sa.Connection,
    *,
    whys: Sequence[str] = (),
    ticket_id: int | None = None,
    after_id: int = 0,
    limit: int = 100,
) -> list[OutboxRow]:
    """Held rows, the oldest first."""
    wanted = sa.select(outbox).where(_IS_HELD, outbox.c.id > after_id)
    if whys:
        wanted = wanted.where(outbox.c.error_code.in_(whys))
    if ticket_id is not None:
        wanted = wanted.where(outbox.c.ticket_id == ticket_id)
    return [outbox_row(row) for row in conn.execute(wanted.order_by(outbox.c.id).limit(limit))]


def count_held(conn: sa.Connection) -> list[HeldCount]:
    """How many messages are held, by platform, template and reason."""
    keys = (channels.c.platform, outbox.c.template, outbox.c.error_code)
    counted = (
        sa.select(*keys, sa.func.count().label("many"))
        .select_from(outbox.join(channels, channels.c.id == outbox.c.channel_id))
        .where(_IS_HELD)
        .group_by(*keys)
        .order_by(*keys)
    )
    return [HeldCount(Platform(row.platform), row.template, row.error_code, row.many) for row in conn.execute(counted)]


def _facts() -> sa.Select[Any]:
    first = outbox.alias("first")
    follows = sa.and_(first.c.step_id == outbox.c.follows_step, first.c.recipient == outbox.c.recipient)
    joined = outbox.join(channels, channels.c.id == outbox.c.channel_id)
    joined = joined.outerjoin(tickets, tickets.c.id == outbox.c.ticket_id).outerjoin(first, follows)
    return (
        sa.select(
            outbox.c.id,
            channels.c.platform,
            outbox.c.step_id,
            outbox.c.ticket_id,
            outbox.c.account_id,
            outbox.c.released_at,
            tickets.c.district,
            first.c.state.label("first_state"),
            first.c.released_at.label("first_released_at"),
        )
        .select_from(joined)
        .order_by(outbox.c.id)
    )


def _held_of(conn: sa.Connection, ticket_ids: Collection[int]) -> dict[int, set[str]]:
    found: dict[int, set[str]] = defaultdict(set)
    if ticket_ids:
        wanted = sa.select(outbox.c.ticket_id, outbox.c.error_code).where(
            _IS_HELD, outbox.c.ticket_id.in_(ticket_ids), outbox.c.released_at.is_(None)
        )
        for row in conn.execute(wanted.distinct()):
            found[row.ticket_id].add(row.error_code)
    return found


def _live_districts(conn: sa.Connection, account_ids: Collection[int]) -> dict[int, set[str]]:
    in_shadow = sa.exists().where(_IS_HELD, outbox.c.ticket_id == tickets.c.id, outbox.c.released_at.is_(None))
    wanted = sa.select(tickets.c.account_id, tickets.c.district).where(
        tickets.c.account_id.in_(account_ids), tickets.c.district.is_not(None), ~in_shadow
    )
    found: dict[int, set[str]] = defaultdict(set)
    for row in conn.execute(wanted.distinct()):
        found[row.account_id].add(row.district)
    return found


def _followers(conn: sa.Connection, row_ids: Sequence[int]) -> list[int]:
    first = outbox.alias("first")
    wanted = sa.select(outbox.c.id).where(
        first.c.id.in_(row_ids),
        outbox.c.follows_step == first.c.step_id,
        outbox.c.recipient == first.c.recipient,
        outbox.c.state.in_(UNSENT),
    )
    return list(conn.scalars(wanted))


def _event(row: sa.Row[Any], why: str, now: datetime) -> dict[str, Any]:
    codes = {"outbox": row.id, "step": row.step_id, "template": row.template, "why": why}
    return {
        "ticket_id": row.ticket_id,
        "kind": "message_held",
        "at": now,
        "actor": "office",
        "codes": json.dumps(codes),
    }
