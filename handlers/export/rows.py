"""The tickets of a stretch of time as rows for a spreadsheet, without personal data.

Owns which columns there are. Places below the district, words, names and accounts are in none of them; of a sensitive
ticket matter, district and department are withheld. It reads the tables and writes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from handlers.understanding.taxonomy import told_as
from store.tables import channels, outbox, satisfaction, tickets
from store.vocabulary import DeliveryState, Platform, Sensitivity

AT_ONCE = 2000  # rows read at a time


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketLine:
    """One ticket as it stands. Times are aware UTC; minutes from the complaint to our first public reply."""

    number: str
    platform: str
    language: str
    status: str
    opened_at: datetime
    category: str | None
    district: str | None
    department: str | None
    rural: bool | None
    sensitive: bool
    urgent: bool
    first_reply_minutes: float | None
    assigned_at: datetime | None
    due_at: datetime | None
    accepted_at: datetime | None
    disposed_at: datetime | None
    ended_at: datetime | None
    disposal: str | None
    outcome: str | None
    solved: bool  # the office says that it is done, and so does the citizen
    reopened: int
    forwarded: int
    level: int


COLUMNS = tuple(one.name for one in fields(TicketLine))


def ticket_lines(conn: sa.Connection, start: datetime, end: datetime) -> Iterator[TicketLine]:
    """The tickets opened from `start` up to, not including, `end`, the oldest first."""
    replied = (
        sa.select(outbox.c.ticket_id, sa.func.min(outbox.c.sent_at).label("at"))
        .join(channels, channels.c.id == outbox.c.channel_id)
        .where(outbox.c.state == DeliveryState.SENT, channels.c.platform != Platform.TELEGRAM)
        .where(outbox.c.ticket_id.is_not(None))
        .group_by(outbox.c.ticket_id)
        .subquery()
    )
    disposed = sa.exists().where(
        satisfaction.c.ticket_id == tickets.c.id,
        satisfaction.c.outcome == "satisfied",
        satisfaction.c.disposal == "done",
    )
    wanted = (
        sa.select(tickets, replied.c.at.label("replied_at"), disposed.label("solved"))
        .outerjoin(replied, replied.c.ticket_id == tickets.c.id)
        .where(tickets.c.opened_at >= start, tickets.c.opened_at < end)
        .order_by(tickets.c.id)
    )
    for row in conn.execution_options(yield_per=AT_ONCE).execute(wanted):
        yield _line(row)


def _line(row: sa.Row[Any]) -> TicketLine:
    sensitive = row.sensitivity == Sensitivity.SENSITIVE
    minutes = (row.replied_at - row.opened_at).total_seconds() / 60 if row.replied_at is not None else None
    return TicketLine(
        number=row.number,
        platform=row.platform,
        language=row.language,
        status=row.status,
        opened_at=row.opened_at,
        category=None if sensitive else told_as(row.category),
        district=None if sensitive else row.district,
        department=None if sensitive else row.department,
        rural=None if sensitive else row.rural,
        sensitive=sensitive,
        urgent=row.urgent,
        first_reply_minutes=round(minutes, 1) if minutes is not None else None,
        assigned_at=row.assigned_at,
        due_at=row.due_at,
        accepted_at=row.accepted_at,
        disposed_at=row.disposed_at,
        ended_at=row.ended_at,
        disposal=row.disposal,
        outcome=row.outcome,
        solved=bool(row.solved) and row.status == "closed",
        reopened=row.reopen_count,
        forwarded=row.forward_count,
        level=row.escalation_level,
    )
