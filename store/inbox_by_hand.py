"""Inbox rows under a person's hands: looking at them without their words, letting a parked one be decided again, ending it.

Owns what an operator sees of the table inbox and the history of what they did. It must not know what an event means.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import sqlalchemy as sa

from store.inbox import release
from store.tables import channels, events, inbox
from store.vocabulary import InboxState

DROPPED: Final = "ignored:dropped"


@dataclass(frozen=True, slots=True)
class InboxNote:
    """One row as a person looks at it: ids and codes. `error` may quote what was heard: only its head is for showing."""

    id: int
    channel: str
    event_key: str
    state: InboxState
    received_at: datetime
    result: str | None
    ticket_id: int | None
    attempts: int
    error: str | None
    is_readable: bool


def list_rows(
    conn: sa.Connection, *, states: Collection[InboxState], after_id: int = 0, limit: int = 100
) -> list[InboxNote]:
    """Rows by state, oldest first, from `after_id` on."""
    return _notes(conn, inbox.c.id > after_id, inbox.c.state.in_(list(states)), limit=limit)


def row_by_id(conn: sa.Connection, row_id: int) -> InboxNote | None:
    """One row as it stands."""
    return next(iter(_notes(conn, inbox.c.id == row_id, limit=1)), None)


def retry(conn: sa.Connection, row_id: int, now: datetime) -> bool:
    """Let a parked row be decided again; True if it was parked and can still be read."""
    if not release(conn, row_id):
        return False
    _record(conn, row_id, "inbox_retried_by_hand", {}, now)
    return True


def drop(conn: sa.Connection, row_id: int, why: str, now: datetime) -> bool:
    """End a parked row: it counts as ignored. `why` is a code; its error stays. True if it was parked."""
    dropped = (
        inbox.update()
        .where(inbox.c.id == row_id, inbox.c.state == InboxState.PARKED)
        .values(state=InboxState.DONE, decided_at=now, result=DROPPED)
    )
    if conn.execute(dropped).rowcount == 0:
        return False
    _record(conn, row_id, "inbox_dropped_by_hand", {"why": why}, now)
    return True


def _record(conn: sa.Connection, row_id: int, kind: str, codes: Mapping[str, str], now: datetime) -> None:
    row = {"kind": kind, "at": now, "actor": "office", "inbox_id": row_id, "codes": json.dumps(codes)}
    conn.execute(events.insert().values(**row))


def _notes(conn: sa.Connection, *where: sa.ColumnElement[bool], limit: int) -> list[InboxNote]:
    wanted = (
        sa.select(inbox, channels.c.name)
        .join(channels, channels.c.id == inbox.c.channel_id)
        .where(*where)
        .order_by(inbox.c.id)
        .limit(limit)
    )
    return [
        InboxNote(
            id=row.id,
            channel=row.name,
            event_key=row.event_key,
            state=InboxState(row.state),
            received_at=row.received_at,
            result=row.result,
            ticket_id=row.ticket_id,
            attempts=row.attempts,
            error=row.error,
            is_readable=row.payload is not None,
        )
        for row in conn.execute(wanted)
    ]
