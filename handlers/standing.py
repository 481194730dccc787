"""When the clock of a ticket stands, until when, and which day may be promised meanwhile.

Pure. The office's clock stands while a question to the citizen is open, until a planned day, and while all offices of a
district have been given time; where several of these hold at once, the time is given once.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from handlers.case import Case
from handlers.handing import awaiting_nothing
from store.vocabulary import Awaiting


def stands_until(case: Case) -> datetime | None:
    """The latest moment up to which the clock is known to stand; None where it runs or nobody can tell."""
    known = [moment for moment in (case.planned_until_at, case.standstill_until_at) if moment is not None]
    return max(known, default=None) if case.paused_at is not None else None


def resumed(case: Case, now: datetime) -> Case:
    """The same case with no question open, and its clock going again from `now` unless something else holds it.

    The wait is added to the due time.
    """
    until = stands_until(case)
    if until is not None and until > now:
        return awaiting_nothing(case)
    waited = now - case.paused_at if case.paused_at else timedelta(0)
    return replace(
        awaiting_nothing(case),
        paused_at=None,
        due_at=case.due_at + waited if case.due_at else None,
        assigned_at=case.assigned_at + waited if case.assigned_at else None,
    )


def let_go(case: Case, now: datetime) -> Case:
    """The same case after a plan or a standstill ended; a question to the citizen goes on holding the clock."""
    return case if case.awaiting is not Awaiting.NOTHING else resumed(case, now)


def promised_at(case: Case) -> datetime | None:
    """By when the answer is due, as far as that is known while the clock stands."""
    until = stands_until(case)
    if case.due_at is None or case.paused_at is None or until is None:
        return case.due_at
    return case.due_at + max(until - case.paused_at, timedelta(0))


def is_late(case: Case, now: datetime) -> bool:
    """Is the office's time over? What was not over when the clock was stopped does not become so meanwhile."""
    return case.with_office and case.due_at is not None and (case.paused_at or now) > case.due_at
