"""The inbox: every event is kept here before its cursor moves and before anything is decided.

Owns the table inbox and, because both move in one transaction, the writing of cursors. The caller owns the
transaction. It must not know what an event means.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa

from store.channels import rewound_ids
from store.dialects import insert_into, is_one_of
from store.holding import hold, try_hold
from store.inbound import DeskUpdate, Heard, Inbound, Undeliverable, Unreadable
from store.notify import tell_heard
from store.payloads import PayloadUnreadable, heard_from_json, heard_to_json
from store.tables import cursors as cursors_table
from store.tables import inbox
from store.vocabulary import InboxState

logger = logging.getLogger(__name__)

UNREADABLE: Final = "unreadable"
FAILED: Final = "failed"
FLOOD: Final = "flood"
COMPLAINT: Final = "desk:complaint"  # the result of a pending row that a person calls a complaint
TURN: Final = 10  # rows of one actor before everybody else's
CLAIM_ROUNDS: Final = 8
AHEAD: Final = timedelta(minutes=5)  # how far a platform's clock may be ahead of the office's


@dataclass(frozen=True, slots=True)
class InboxRow:
    """One event to decide, locked by the transaction that claimed it."""

    id: int
    channel_id: int
    event_key: str
    actor_key: str
    heard: Heard
    occurred_at: datetime
    received_at: datetime
    not_before_at: datetime | None
    attempts: int
    result: str | None = None  # COMPLAINT, or nothing: it is not decided yet


@dataclass(frozen=True, slots=True)
class Decided:
    """How a row was decided: a short code, and the ticket it concerns if any."""

    row_id: int
    result: str
    ticket_id: int | None = None


def put(
    conn: sa.Connection,
    channel_id: int,
    events: Sequence[Heard | Unreadable],
    cursors: Mapping[str, str],
    now: datetime,
) -> int:
    """Keep events in the order given and move the cursors; returns how many events are new.

    Events already kept are left as they are. A malformed event is kept parked with its error and never
    harms the others. An event of the future happened now: else it would wait for its own time. Whoever else hears
    this channel at this moment waits: rows become visible in the order of their ids.
    """
    hold(conn, f"inbox:{channel_id}")
    rows = [_row(channel_id, event, now) for event in events]
    new = 0
    if rows:
        kept = insert_into(conn, inbox).on_conflict_do_nothing().returning(inbox.c.id)
        new = len(conn.execute(kept, rows).all())
    if new:
        tell_heard(conn)
    if cursors:
        moved = insert_into(conn, cursors_table)
        conn.execute(
            moved.on_conflict_do_update(index_elements=["channel_id", "name"], set_={"value": moved.excluded.value}),
            [{"channel_id": channel_id, "name": name, "value": value} for name, value in cursors.items()],
        )
    return new


def claim(conn: sa.Connection, limit: int, now: datetime, first: Collection[int] = ()) -> list[InboxRow]:
    """Up to `limit` pending rows, locked until the caller's transaction ends: those of `first`, then the oldest.

    Rows of one actor come in order: none is given out while an earlier one of the same actor waits or is
    held by another worker. Nor is a row while another worker decides about its actor or its thread: each would
    open a ticket that the other does not see. An actor with many rows gets TURN of them, then everybody else comes
    first. Rows that cannot be read are parked.
    """
    taken: list[InboxRow] = []
    seen: set[int] = set()
    for _ in range(CLAIM_ROUNDS):
        wanted = limit - len(taken)
        if wanted <= 0:
            break
        found = conn.execute(_claimable(now, seen, wanted, first)).all()
        taken += _undisturbed(conn, _readable(conn, _in_turn(conn, taken, found), now))
        if len(found) < wanted:
            break
        seen |= {row.id for row in found}
    return taken


def mark_done(conn: sa.Connection, decided: Sequence[Decided], now: datetime) -> None:
    """Mark rows as decided, in the transaction that wrote what was decided."""
    if decided:
        conn.execute(
            inbox.update()
            .where(inbox.c.id == sa.bindparam("row_id"), inbox.c.state == InboxState.PENDING)
            .values(
                state=InboxState.DONE,
                decided_at=now,
                result=sa.bindparam("code"),
                ticket_id=sa.bindparam("about"),
                attempts=inbox.c.attempts + 1,
            ),
            [{"row_id": one.row_id, "code": one.result[:64], "about": one.ticket_id} for one in decided],
        )


def defer(conn: sa.Connection, row_id: int, not_before: datetime) -> None:
    """Let a pending row, and later rows of its actor, wait until `not_before`."""
    conn.execute(
        inbox.update().where(inbox.c.id == row_id, inbox.c.state == InboxState.PENDING).values(not_before_at=not_before)
    )


def park(conn: sa.Connection, row_id: int, error: str, now: datetime, result: str = FAILED) -> bool:
    """Set a pending row aside for a person; later rows of its actor go on. True if it was pending."""
    parked = (
        inbox.update()
        .where(inbox.c.id == row_id, inbox.c.state == InboxState.PENDING)
        .values(
            state=InboxState.PARKED,
            decided_at=now,
            result=result[:64],
            error=error[:512],
            attempts=inbox.c.attempts + 1,
        )
    )
    return conn.execute(parked).rowcount > 0


def release(conn: sa.Connection, row_id: int) -> bool:
    """Let a parked row be decided again, by a person's wish; True if it was parked and is still readable."""
    released = (
        inbox.update()
        .where(inbox.c.id == row_id, inbox.c.state == InboxState.PARKED, inbox.c.payload.is_not(None))
        .values(state=InboxState.PENDING, decided_at=None, result=None, error=None, not_before_at=None)
    )
    if conn.execute(released).rowcount == 0:
        return False
    tell_heard(conn)
    return True


def purge(conn: sa.Connection, channel_id: int, message_id: str) -> int:
    """Destroy the kept payloads of one message (deleted by its author); how it was decided stays."""
    posted = sa.or_(
        *(inbox.c.event_key.startswith(f"{head}{message_id}:", autoescape=True) for head in ("", "posted:", "edited:"))
    )
    gone = inbox.update().where(inbox.c.channel_id == channel_id, posted, inbox.c.state != InboxState.PENDING)
    return conn.execute(gone.values(payload=None)).rowcount


def count_by_state(conn: sa.Connection, channel_id: int | None = None) -> dict[InboxState, int]:
    """How many rows there are in each state."""
    counted = sa.select(inbox.c.state, sa.func.count()).group_by(inbox.c.state)
    if channel_id is not None:
        counted = counted.where(inbox.c.channel_id == channel_id)
    numbers = {row[0]: row[1] for row in conn.execute(counted)}
    return {state: numbers.get(state.value, 0) for state in InboxState}


def next_due(conn: sa.Connection) -> datetime | None:
    """When the next pending row may be decided; in the past if one is waiting already."""
    earlier = inbox.alias("earlier")
    is_first = ~sa.exists().where(
        earlier.c.actor_key == inbox.c.actor_key, earlier.c.id < inbox.c.id, _is_pending(earlier)
    )
    due = sa.func.min(sa.func.coalesce(inbox.c.not_before_at, inbox.c.received_at))
    found: datetime | None = conn.execute(
        sa.select(sa.type_coerce(due, inbox.c.received_at.type)).where(_is_pending(inbox), _may_be_decided(), is_first)
    ).scalar_one()
    return found


def actor_key(heard: Heard) -> str:
    """Whose events stay in order: an account, a hidden author's thread, a member of a chat, a ticket."""
    match heard:
        case Undeliverable():
            key = f"outbox:{heard.outbox_id}" if heard.ticket_id is None else f"ticket:{heard.ticket_id}"
        case DeskUpdate():
            key = f"telegram:chat:{heard.chat_id}:{heard.author.id if heard.author else ''}"
        case Inbound(author=None):
            key = f"{heard.platform.value}:thread:{heard.thread_id}"
        case Inbound():
            key = f"{heard.platform.value}:{heard.author.id if heard.author else ''}"
    return _bounded(key, 160)


def _row(channel_id: int, event: Heard | Unreadable, now: datetime) -> dict[str, Any]:
    row: dict[str, Any] = {
        "channel_id": channel_id,
        "received_at": now,
        "state": InboxState.PENDING,
        "decided_at": None,
        "result": None,
        "error": None,
    }
    if isinstance(event, Unreadable):
        return row | _parked(event, event.why, now)
    try:
        event = _not_of_the_future(channel_id, event, now)
        written = heard_to_json(event)
        row |= {
            "event_key": _bounded(event.key, 256),
            "actor_key": actor_key(event),
            "payload": written.text,
            "occurred_at": event.occurred_at,
        }
        if written.cut_from is not None:
            row["error"] = f"cut: {written.cut_from} bytes were too many to keep whole"
    except PayloadUnreadable as error:
        row |= _parked(event, str(error), now)
        logger.error("An event of channel %s was parked: %s", channel_id, error, extra={"action": "inbox.park"})
    return row


def _not_of_the_future(channel_id: int, event: Heard, now: datetime) -> Heard:
    told = getattr(event, "occurred_at", None)
    if not isinstance(told, datetime) or told.tzinfo is None or told <= now + AHEAD:
        return event
    logger.warning(
        "Channel %s told of an event that happens at %s; taken as of now",
        channel_id,
        told.isoformat(),
        extra={"action": "inbox.future"},
    )
    return replace(event, occurred_at=now)


def _parked(event: object, error: str, now: datetime) -> dict[str, Any]:
    key = getattr(event, "key", None)
    if not isinstance(key, str) or not key:
        key = "malformed:" + hashlib.sha256(repr(event).encode("utf-8", "replace")).hexdigest()
    key = _bounded(key, 256)
    return {
        "event_key": key,
        "actor_key": _bounded(f"malformed:{key}", 160),
        "payload": None,
        "occurred_at": now,
        "state": InboxState.PARKED,
        "decided_at": now,
        "result": UNREADABLE,
        "error": error[:512],
    }


def _bounded(key: str, length: int) -> str:
    """A key the column can hold and PostgreSQL can read; a longer one keeps its start and a digest."""
    clean = key.encode("utf-8", "replace").decode().replace("\x00", "")
    if clean == key and len(key) <= length:
        return key
    digest = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return f"{clean[: length - 33]}:{digest}"


def _claimable(now: datetime, seen: Collection[int], wanted: int, first: Collection[int]) -> sa.Select[Any]:
    earlier = inbox.alias("earlier")
    behind_a_waiting_row = sa.exists().where(
        earlier.c.actor_key == inbox.c.actor_key,
        earlier.c.id < inbox.c.id,
        _is_pending(earlier),
        earlier.c.not_before_at > now,
    )
    place = sa.func.row_number().over(partition_by=inbox.c.actor_key, order_by=inbox.c.id)
    ranked = sa.select(inbox.c.id, ((place - 1) // TURN).label("turn")).where(_is_pending(inbox)).subquery()
    return (
        sa.select(inbox)
        .join(ranked, ranked.c.id == inbox.c.id)
        .where(
            _is_pending(inbox),
            _may_be_decided(),
            inbox.c.id.not_in(seen),
            sa.or_(inbox.c.not_before_at.is_(None), inbox.c.not_before_at <= now),
            ~behind_a_waiting_row,
        )
        .order_by(sa.case((inbox.c.id.in_(first), 0), else_=1), ranked.c.turn, inbox.c.id)
        .limit(wanted)
        .with_for_update(skip_locked=True, of=inbox)
    )


def _may_be_decided() -> sa.ColumnElement[bool]:
    """A channel that was put back to an earlier moment only reads, until it is known what it has said since."""
    return inbox.c.channel_id.not_in(rewound_ids())


def _is_pending(rows: sa.FromClause) -> sa.ColumnElement[bool]:
    return is_one_of(rows.c.state, InboxState.PENDING)


def _in_turn(conn: sa.Connection, taken: Sequence[InboxRow], found: Sequence[sa.Row[Any]]) -> list[sa.Row[Any]]:
    """Those of the rows found and locked whose actor has no row in another worker's hands.

    Read after the locks were taken: what another worker has finished by then is done and seen as done. The actor is
    held by name too, because another worker may have begun with a later row, when an earlier one came back.
    """
    if not found:
        return []
    free = try_hold(conn, {f"actor:{row.actor_key}" for row in found})
    mine = {row.id for row in taken} | {row.id for row in found}
    pending = sa.select(inbox.c.actor_key, sa.func.min(inbox.c.id)).where(
        _is_pending(inbox),
        inbox.c.actor_key.in_({row.actor_key for row in found}),
        inbox.c.id.not_in(mine),
    )
    earliest_of_others = {row[0]: row[1] for row in conn.execute(pending.group_by(inbox.c.actor_key))}
    return [
        row
        for row in found
        if f"actor:{row.actor_key}" in free and row.id < earliest_of_others.get(row.actor_key, row.id + 1)
    ]


def _undisturbed(conn: sa.Connection, rows: Sequence[InboxRow]) -> list[InboxRow]:
    """Those of the rows whose thread no other worker decides about, and that follow no row of their actor left behind."""
    threads = {
        row.id: f"thread:{row.heard.platform}:{row.heard.thread_id}" for row in rows if isinstance(row.heard, Inbound)
    }
    free = try_hold(conn, set(threads.values()))
    left_behind: set[str] = set()
    kept = []
    for row in rows:
        if row.actor_key in left_behind or threads.get(row.id) not in {*free, None}:
            left_behind.add(row.actor_key)
        else:
            kept.append(row)
    return kept


def _readable(conn: sa.Connection, taken: Iterable[sa.Row[Any]], now: datetime) -> list[InboxRow]:
    rows: list[InboxRow] = []
    for row in taken:
        try:
            if row.payload is None:
                raise PayloadUnreadable("the payload was purged before it was decided")
            heard = heard_from_json(row.payload)
        except PayloadUnreadable as error:
            park(conn, row.id, str(error), now, UNREADABLE)
            logger.error("Inbox row %s was parked: %s", row.id, error, extra={"action": "inbox.park"})
            continue
        rows.append(
            InboxRow(
                id=row.id,
                channel_id=row.channel_id,
                event_key=row.event_key,
                actor_key=row.actor_key,
                heard=heard,
                occurred_at=row.occurred_at,
                received_at=row.received_at,
                not_before_at=row.not_before_at,
                attempts=row.attempts,
                result=row.result,
            )
        )
    return rows
