"""The outbox: what will be said, each message once, in order, whatever fails.

Owns adding rows and finding those that may go; store/sending.py owns what becomes of a row that goes. The
caller owns the transaction. It must not know a platform or render a text.

Order holds within a destination: a row that is being sent, is to be tried again or whose outcome is unknown
holds later rows; a row set aside does not; a row that was never tried and is not yet due does not either.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from functools import cache
from typing import Any, Final

import sqlalchemy as sa

from store.channels import is_working
from store.dialects import insert_into, is_one_of
from store.fairness import mixed, speaks_to_citizens
from store.notify import tell_to_send
from store.outbound import Outgoing
from store.payloads import (
    PayloadUnreadable,
    outgoing_from_json,
    outgoing_to_json,
)
from store.readiness import ENDED_UNSENT, OPEN, UNSENT, in_order, is_held, is_not_resting, is_ripe, waits_for_another
from store.tables import channels, events, outbox
from store.vocabulary import DeliveryState

logger = logging.getLogger(__name__)

NOBODY: Final[frozenset[str]] = frozenset()
TOLD: Final = "told_in_a_list"
SHOWN: Final = "shown:"  # a card posted in the place of a notice that was told in a list supersedes under this key


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRow:
    """One message to one recipient.

    `step_id` names what it is for, cycle included (`disposal:<event id>`); `destination` is the thread, or
    `<chat>:<ticket>` on Telegram; `follows_step` is an earlier step to the same recipient whose message is
    edited or replied to, and without which this one is not sent.
    """

    channel_id: int
    step_id: str
    recipient: str
    destination: str
    template: str
    outgoing: Outgoing
    ticket_id: int | None = None
    account_id: int | None = None
    follows_step: str | None = None
    supersede_key: str | None = None
    urgent: bool = False
    not_before: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxRow:
    """One row as it stands. `outgoing` is None once the words were erased, or cannot be read."""

    id: int
    channel_id: int
    step_id: str
    recipient: str
    destination: str
    template: str
    outgoing: Outgoing | None
    ticket_id: int | None
    account_id: int | None
    follows_step: str | None
    supersede_key: str | None
    state: DeliveryState
    urgent: bool
    created_at: datetime
    next_attempt_at: datetime
    attempts: int
    epoch: int | None
    sending_at: datetime | None
    sent_at: datetime | None
    sent_id: str | None
    after_id: str | None
    error_code: str | None
    error: str | None
    marked_repeat: bool
    released_at: datetime | None
    gathered_into: int | None  # the list that told it, of which it was a part

    @property
    def thread(self) -> str:
        """The thread or chat it goes to; its destination once the words are gone."""
        return self.outgoing.thread_id if self.outgoing is not None else self.destination


_PLAIN_FIELDS: Final = tuple(one.name for one in fields(OutboxRow) if one.name not in ("outgoing", "state"))


def add(conn: sa.Connection, rows: Sequence[NewRow], now: datetime) -> list[int]:
    """Add messages in the order given; returns the ids of those that are new.

    A step that was added before for the same recipient is left alone. Unsent older rows of the same channel,
    recipient and supersede key are superseded.
    """
    new = {row_id: row.channel_id for row in rows if (row_id := _add(conn, row, now)) is not None}
    tell_to_send(conn, set(new.values()))
    return list(new)


def due(
    conn: sa.Connection,
    channel_id: int,
    now: datetime,
    limit: int,
    *,
    resting: Collection[str] = NOBODY,
    quiet_resting: Collection[str] = NOBODY,
) -> list[OutboxRow]:
    """Up to `limit` rows that may go now, at most one for each destination, urgent ones first.

    The oldest go first; where citizens wait for more than `limit` answers, store/fairness.py says who does. Chats that
    are `resting` get nothing, those that are `quiet_resting` only what is urgent.

    Needs a writing transaction: rows that follow one that was never sent are cancelled here. A stopped
    channel has nothing due, nor has one that was put back to an earlier moment.
    """
    rests = {"resting": list(resting), "quiet_resting": list(quiet_resting)}
    asked = {"channel": channel_id, "now": now, "most": limit, **rests}
    while True:
        found = conn.execute(_goable(newest=False), asked).all()
        if len(found) >= limit and speaks_to_citizens(conn, channel_id):
            found = mixed(conn.execute(_goable(newest=True), asked).all(), found, limit)
        rows = [outbox_row(one) for one in found]
        firsts = _followed_by(conn, rows)
        stranded = {row.id: reason for row in rows if (reason := _stranded(row, firsts.get(row.id))) is not None}
        for row_id, reason in stranded.items():
            if reason != TOLD or not tell_with_its_notice(conn, row_id):
                cancel(conn, row_id, reason, now)
        if not stranded:
            return rows


def followed(conn: sa.Connection, row: OutboxRow) -> OutboxRow | None:
    """The row this one follows, or the newest one that took its place; for a part of a list, its card once shown."""
    return _followed_by(conn, [row]).get(row.id)


def _followed_by(conn: sa.Connection, rows: Sequence[OutboxRow]) -> dict[int, OutboxRow]:
    """`followed` of many rows, by their ids; those that follow nothing are not in it."""
    steps = sorted({row.follows_step for row in rows if row.follows_step is not None})
    if not steps:
        return {}
    found = {
        (one.step_id, one.recipient): one for one in conn.execute(sa.select(outbox).where(outbox.c.step_id.in_(steps)))
    }
    firsts = {row.id: found.get((row.follows_step, row.recipient)) for row in rows}
    return {row_id: _newest_of(conn, first) for row_id, first in firsts.items() if first is not None}


def _newest_of(conn: sa.Connection, found: sa.Row[Any]) -> OutboxRow:
    """This row, or where it was superseded the newest one in its place."""
    if found.state != DeliveryState.SUPERSEDED:
        return outbox_row(found)
    newer = sa.select(outbox).where(
        outbox.c.channel_id == found.channel_id,
        outbox.c.recipient == found.recipient,
        outbox.c.supersede_key == (found.supersede_key if found.gathered_into is None else f"{SHOWN}{found.step_id}"),
        outbox.c.state != DeliveryState.SUPERSEDED,
        outbox.c.id > found.id,
    )
    return outbox_row(conn.execute(newer.order_by(outbox.c.id.desc()).limit(1)).first() or found)


def tell_with_its_notice(conn: sa.Connection, row_id: int) -> bool:
    """An edit of a notice that was told in a list meanwhile is told with it: there is no message to edit."""
    row = row_by_id(conn, row_id)
    first = followed(conn, row) if row is not None else None
    if first is None or first.gathered_into is None:
        return False
    told = outbox.update().where(outbox.c.id == row_id, outbox.c.state.in_(UNSENT))
    done = told.values(state=DeliveryState.SUPERSEDED, gathered_into=first.gathered_into)
    return conn.execute(done).rowcount > 0


def cancel(conn: sa.Connection, row_id: int, why: str, now: datetime) -> int:
    """Cancel an unsent row and all that follow it, each with an event; returns how many were cancelled."""
    stopped = (
        outbox.update()
        .where(outbox.c.id == row_id, outbox.c.state.in_(UNSENT))
        .values(state=DeliveryState.CANCELLED, error_code=why[:64])
    )
    if conn.execute(stopped).rowcount == 0:
        return 0
    record(conn, row_id, "message_cancelled", why, now)
    return 1 + cancel_followers(conn, row_id, now)


def cancel_followers(conn: sa.Connection, row_id: int, now: datetime) -> int:
    """Cancel the unsent rows that follow a row which will not be sent."""
    one = conn.execute(sa.select(outbox.c.step_id, outbox.c.recipient).where(outbox.c.id == row_id)).one()
    followers = sa.select(outbox.c.id).where(
        outbox.c.follows_step == one.step_id,
        outbox.c.recipient == one.recipient,
        outbox.c.state.in_(UNSENT),
    )
    return sum(cancel(conn, follower, "follows_unsent", now) for follower in conn.scalars(followers).all())


def unknown_rows(conn: sa.Connection, channel_id: int) -> list[OutboxRow]:
    """The rows of a channel whose outcome is unknown, oldest first."""
    wanted = sa.select(outbox).where(
        outbox.c.channel_id == channel_id,
        is_one_of(outbox.c.state, *OPEN),
        outbox.c.state == DeliveryState.UNKNOWN,
    )
    return [outbox_row(row) for row in conn.execute(wanted.order_by(outbox.c.id))]


def list_rows(
    conn: sa.Connection,
    *,
    channel_id: int | None = None,
    states: Collection[DeliveryState] | None = None,
    ticket_id: int | None = None,
    after_id: int = 0,
    limit: int = 100,
) -> list[OutboxRow]:
    """Rows by channel, state or ticket, oldest first, from `after_id` on."""
    wanted = sa.select(outbox).where(outbox.c.id > after_id)
    if channel_id is not None:
        wanted = wanted.where(outbox.c.channel_id == channel_id)
    if states is not None:
        wanted = wanted.where(outbox.c.state.in_(list(states)))
    if ticket_id is not None:
        wanted = wanted.where(outbox.c.ticket_id == ticket_id)
    return [outbox_row(row) for row in conn.execute(wanted.order_by(outbox.c.id).limit(limit))]


def row_by_id(conn: sa.Connection, row_id: int) -> OutboxRow | None:
    """One row as it stands."""
    found = conn.execute(sa.select(outbox).where(outbox.c.id == row_id)).one_or_none()
    return outbox_row(found) if found else None


def count_by_state(conn: sa.Connection, channel_id: int | None = None) -> dict[DeliveryState, int]:
    """How many rows there are in each state."""
    counted = sa.select(outbox.c.state, sa.func.count()).group_by(outbox.c.state)
    if channel_id is not None:
        counted = counted.where(outbox.c.channel_id == channel_id)
    numbers = {row[0]: row[1] for row in conn.execute(counted)}
    return {state: numbers.get(state.value, 0) for state in DeliveryState}


def next_due(conn: sa.Connection, channel_id: int | None = None) -> datetime | None:
    """When the next row may go, in the past if one waits already; rows held by others are not counted.

    Stopped channels have nothing due.
    """
    moments = next_due_by_channel(conn)
    return min(moments.values(), default=None) if channel_id is None else moments.get(channel_id)


def next_due_by_channel(conn: sa.Connection) -> dict[int, datetime]:
    """The same for every channel that has something to send."""
    return {row.channel_id: row.due_at for row in conn.execute(_first_due())}


@cache
def _first_due() -> sa.Select[tuple[int, datetime]]:
    due_at = sa.type_coerce(sa.func.min(outbox.c.next_attempt_at), outbox.c.next_attempt_at.type)
    return (
        sa.select(outbox.c.channel_id, due_at.label("due_at"))
        .join(channels, channels.c.id == outbox.c.channel_id)
        .where(
            is_one_of(outbox.c.state, *OPEN),
            outbox.c.state.in_(UNSENT),
            is_working(),
            ~is_held(outbox.c.next_attempt_at),
            ~waits_for_another(),
        )
        .group_by(outbox.c.channel_id)
    )


def in_flight(conn: sa.Connection) -> int:
    """How many rows of working channels are being sent or have an unknown outcome."""
    going = (DeliveryState.SENDING, DeliveryState.UNKNOWN)
    wanted = (
        sa.select(sa.func.count())
        .select_from(outbox.join(channels, channels.c.id == outbox.c.channel_id))
        .where(is_one_of(outbox.c.state, *OPEN), outbox.c.state.in_(going), is_working())
    )
    return int(conn.execute(wanted).scalar_one())


def record(conn: sa.Connection, row_id: int, kind: str, why: str, now: datetime) -> None:
    """An event of the row's ticket about its message: ids and codes, no words."""
    row = conn.execute(
        sa.select(outbox.c.ticket_id, outbox.c.step_id, outbox.c.template).where(outbox.c.id == row_id)
    ).one()
    codes = {"outbox": row_id, "step": row.step_id, "template": row.template, "why": why}
    conn.execute(
        events.insert().values(ticket_id=row.ticket_id, kind=kind, at=now, actor="office", codes=json.dumps(codes))
    )


def newest_sent_id(conn: sa.Connection, channel_id: int) -> str | None:
    """The platform's id of the newest message that is known to stand there."""
    sent = sa.select(outbox.c.sent_id).where(
        outbox.c.channel_id == channel_id, outbox.c.state == DeliveryState.SENT, outbox.c.sent_id.is_not(None)
    )
    return conn.execute(sent.order_by(outbox.c.id.desc()).limit(1)).scalar()


def outbox_row(row: sa.Row[Any]) -> OutboxRow:
    """A row of the table as its shape."""
    values = {name: row._mapping[name] for name in _PLAIN_FIELDS}
    return OutboxRow(outgoing=words_of(row.id, row.payload), state=DeliveryState(row.state), **values)


def words_of(row_id: int, payload: str | None) -> Outgoing | None:
    """The message that a row holds; None when its words were erased or cannot be read."""
    if payload is None:
        return None
    try:
        return outgoing_from_json(payload)
    except PayloadUnreadable as error:
        logger.error("Outbox row %s cannot be read: %s", row_id, error, extra={"action": "outbox.unreadable"})
        return None


def _add(conn: sa.Connection, row: NewRow, now: datetime) -> int | None:
    new = insert_into(conn, outbox).values(
        channel_id=row.channel_id,
        step_id=row.step_id,
        recipient=row.recipient,
        destination=row.destination,
        template=row.template,
        payload=outgoing_to_json(row.outgoing),
        ticket_id=row.ticket_id,
        account_id=row.account_id,
        follows_step=row.follows_step,
        supersede_key=row.supersede_key,
        state=DeliveryState.PENDING,
        urgent=row.urgent,
        created_at=now,
        next_attempt_at=row.not_before or now,
    )
    step = new.on_conflict_do_nothing(index_elements=["step_id", "recipient"]).returning(outbox.c.id)
    row_id: int | None = conn.execute(step).scalar_one_or_none()
    if row_id is not None and row.supersede_key is not None:
        conn.execute(
            outbox.update()
            .where(
                outbox.c.channel_id == row.channel_id,
                outbox.c.recipient == row.recipient,
                outbox.c.supersede_key == row.supersede_key,
                outbox.c.id < row_id,
                outbox.c.state.in_(UNSENT),  # a row to be tried again was certainly not sent
            )
            .values(state=DeliveryState.SUPERSEDED)
        )
    return row_id


@cache
def _goable(*, newest: bool) -> sa.Select[Any]:
    """Built once: composing the statement costs more than running it."""
    working = sa.exists().where(channels.c.id == outbox.c.channel_id, is_working())
    now = sa.bindparam("now", type_=outbox.c.next_attempt_at.type)
    return (
        sa.select(outbox)
        .where(
            outbox.c.channel_id == sa.bindparam("channel"),
            is_one_of(outbox.c.state, *OPEN),
            outbox.c.state.in_(UNSENT),
            is_ripe(outbox, now),
            working,
            ~is_held(now),
            ~waits_for_another(),
            is_not_resting(),
        )
        .order_by(*in_order(newest=newest))
        .limit(sa.bindparam("most"))
    )


def _stranded(row: OutboxRow, first: OutboxRow | None) -> str | None:
    """Why this row can never be sent, or None."""
    if row.outgoing is None:
        return "no_words"
    if row.follows_step is None:
        return None
    if first is None:
        return "follows_nothing"
    if first.gathered_into is not None:
        return TOLD
    return "follows_unsent" if first.state in ENDED_UNSENT else None
