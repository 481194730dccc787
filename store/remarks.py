"""Remarks of the Chief Minister's Office: made, answered, reminded of once, and what a digest tells of them.

Owns the SQL and the shapes. Whom a remark reaches and who may answer is handlers/remarks.py's. It must not know words or
chats; what a digest is told holds none.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa

from store.tables import remark_answers, remarks, tickets

ANSWER_WITHIN: Final = timedelta(hours=24)  # on the calendar: the Chief Minister's Office waits through nights too
_HOUR: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Remark:
    """A remark as it stands: on a ticket, or to a post of a department in a district."""

    id: int
    ticket_id: int | None
    post: str | None
    department: str | None
    district: str | None
    text: str
    officer_id: int
    from_post: str
    made_at: datetime
    due_at: datetime
    answered_at: datetime | None
    reminded_at: datetime | None


@dataclass(frozen=True, slots=True)
class RemarkAnswer:
    """What an officer answered, in which chair; of several the first closed the remark."""

    officer_id: int
    post: str
    text: str
    at: datetime


@dataclass(frozen=True, slots=True)
class RemarkTold:
    """A remark in a digest: its ticket's number, or its office; and its hours, till the answer or till now."""

    number: str | None
    department: str | None
    district: str | None
    hours: float


@dataclass(frozen=True, slots=True)
class RemarksTold:
    """How many were made in a period; those open now, the longest first; those answered in it, the slowest first."""

    made: int = 0
    open: tuple[RemarkTold, ...] = ()
    answered: tuple[RemarkTold, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.made or self.open or self.answered)


def make(
    conn: sa.Connection,
    text: str,
    now: datetime,
    *,
    officer_id: int,
    from_post: str,
    ticket_id: int | None = None,
    post: str | None = None,
    department: str | None = None,
    district: str | None = None,
) -> Remark:
    """Keep a remark on a ticket, or to a post."""
    row: dict[str, Any] = {
        "ticket_id": ticket_id,
        "post": post,
        "department": department,
        "district": district,
        "text": text,
        "officer_id": officer_id,
        "from_post": from_post,
        "made_at": now,
        "due_at": now + ANSWER_WITHIN,
    }
    number = int(conn.execute(remarks.insert().values(**row).returning(remarks.c.id)).scalar_one())
    return Remark(id=number, answered_at=None, reminded_at=None, **row)


def take(conn: sa.Connection, number: int) -> Remark | None:
    """The remark, held until the transaction ends: of two answers at once one is the first."""
    row = conn.execute(sa.select(remarks).where(remarks.c.id == number).with_for_update()).one_or_none()
    return None if row is None else _shape(row)


def answer(conn: sa.Connection, remark: Remark, text: str, now: datetime, *, officer_id: int, post: str) -> bool:
    """Keep an answer; True for the one that closes the remark, False for an addition."""
    row = {"remark_id": remark.id, "officer_id": officer_id, "post": post, "text": text, "at": now}
    conn.execute(remark_answers.insert().values(**row))
    closed = remarks.update().where(remarks.c.id == remark.id, remarks.c.answered_at.is_(None))
    return conn.execute(closed.values(answered_at=max(now, remark.made_at))).rowcount > 0


def unanswered(conn: sa.Connection, now: datetime) -> list[Remark]:
    """Those whose time is over without an answer, the oldest first."""
    return _found(conn, remarks.c.answered_at.is_(None), remarks.c.due_at <= now)


def to_remind(conn: sa.Connection, now: datetime) -> list[Remark]:
    """Those of them of which nobody was reminded yet."""
    return [one for one in unanswered(conn, now) if one.reminded_at is None]


def mark_reminded(conn: sa.Connection, number: int, now: datetime) -> bool:
    """True for the one caller who is to remind of it."""
    still = (remarks.c.id == number, remarks.c.reminded_at.is_(None), remarks.c.answered_at.is_(None))
    return conn.execute(remarks.update().where(*still).values(reminded_at=now)).rowcount > 0


def next_look(conn: sa.Connection) -> datetime | None:
    """When the next remark is to be reminded of."""
    waiting = (remarks.c.answered_at.is_(None), remarks.c.reminded_at.is_(None))
    row = conn.execute(sa.select(remarks.c.due_at).where(*waiting).order_by(remarks.c.due_at).limit(1)).first()
    return None if row is None else row.due_at


def of_ticket(conn: sa.Connection, ticket_id: int) -> list[tuple[Remark, tuple[RemarkAnswer, ...]]]:
    """A ticket's remarks with their answers, in their order."""
    found = _found(conn, remarks.c.ticket_id == ticket_id)
    query = sa.select(remark_answers).where(remark_answers.c.remark_id.in_([one.id for one in found]))
    answers: dict[int, list[RemarkAnswer]] = {}
    for row in conn.execute(query.order_by(remark_answers.c.id)):
        kept = RemarkAnswer(row.officer_id, row.post, row.text, row.at)
        answers.setdefault(row.remark_id, []).append(kept)
    return [(one, tuple(answers.get(one.id, ()))) for one in found]


def of_period(conn: sa.Connection, start: datetime, end: datetime, *, now: datetime | None = None) -> RemarksTold:
    """What is told of the time from `start` up to, not including, `end`; what is open is as of `now`, or of the end."""
    seen = end if now is None else now
    made = sa.select(sa.func.count()).select_from(remarks).where(remarks.c.made_at >= start, remarks.c.made_at < end)
    unmet = sa.or_(remarks.c.answered_at.is_(None), remarks.c.answered_at > seen)
    answered = (remarks.c.answered_at >= start, remarks.c.answered_at < end)
    return RemarksTold(
        made=conn.execute(made).scalar_one(),
        open=_told(conn, seen, remarks.c.made_at <= seen, unmet),
        answered=_told(conn, None, *answered),
    )


def _told(conn: sa.Connection, now: datetime | None, *where: sa.ColumnElement[bool]) -> tuple[RemarkTold, ...]:
    """Their hours till `now`, or till they were answered."""
    columns = (remarks.c.department, remarks.c.district, remarks.c.made_at, remarks.c.answered_at, tickets.c.number)
    query = sa.select(*columns).select_from(remarks.outerjoin(tickets, tickets.c.id == remarks.c.ticket_id))
    told = [
        RemarkTold(row.number, row.department, row.district, ((now or row.answered_at) - row.made_at) / _HOUR)
        for row in conn.execute(query.where(*where).order_by(remarks.c.id))
    ]
    return tuple(sorted(told, key=lambda one: -one.hours))


def _found(conn: sa.Connection, *where: sa.ColumnElement[bool]) -> list[Remark]:
    rows: Iterable[sa.Row[tuple[object, ...]]] = conn.execute(sa.select(remarks).where(*where).order_by(remarks.c.id))
    return [_shape(row) for row in rows]


def _shape(row: sa.Row[tuple[object, ...]]) -> Remark:
    return Remark(**row._mapping)
