"""What one edition tells, as plain facts: the words that are made of it stand in templates/<language>/digest/forms.j2.

Pure. The figures come from handlers/digest/figures.py; here they are only put in the order in which they are told.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final

from handlers.digest.period import PeriodKind as Span
from handlers.digest.scope import Whose

__all__ = ["Call", "Day", "LateTicket", "Line", "Span", "Telling", "Whose"]

LEAST_ANSWERS: Final = 30  # under this many citizens' answers nobody is ranked
MOST_CALLS: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """Somebody to ring, and why: `kind` is late, latest, surge, again, silent, channel or nobody.

    late: `many` of the office's complaints are late, the oldest by `hours`. latest: one ticket is late. surge: `many`
    complaints of a category in a district where `usual` is usual. again: a ticket reopened `many` times. channel: an
    account of ours stands still. nobody: `many` complaints whose office has no officer.
    """

    kind: str
    department: str | None = None
    district: str | None = None
    category: str | None = None
    number: str | None = None
    channel: str | None = None
    many: int = 0
    usual: float = 0.0
    hours: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """One day of the trend; None where it was not counted."""

    day: date
    received: int | None = None
    disposed: int | None = None
    pending: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One department, district or category in the period; None where nothing is known.

    `answered`: citizens who said whether it is done; `yes` of them said it is. `bounds`: of that share (Wilson).
    `rank` is None where fewer than LEAST_ANSWERS answered. `half_hours`: half of the disposals came within so many.
    """

    code: str
    received: int
    pending: int | None = None
    late: int | None = None
    disposed: int | None = None
    yes: int | None = None
    answered: int | None = None
    bounds: tuple[float, float] | None = None
    no_answer: int | None = None
    rejected: int | None = None
    withdrawn: int | None = None
    reopened: int | None = None
    half_hours: float | None = None
    rank: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LateTicket:
    """A ticket that is late, without words or persons; a sensitive one has no district and category."""

    number: str
    department: str | None
    district: str | None
    category: str | None
    opened_at: datetime
    due_at: datetime
    hours: float  # late by


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """All that is told. Counts are of the period, pending ones as of `now`; `before` has earlier counts by their names."""

    span: Span
    whose: Whose
    code: str | None  # of the department or district
    first: date
    last: date
    now: datetime
    so_far: bool = False
    received: int
    opened: int
    pending: int
    late: int
    due_today: int = 0
    oldest: LateTicket | None = None
    disposed: int
    yes: int
    no: int
    outcomes: Mapping[str, int]  # satisfied, accepted, not_satisfied, no_answer, not_askable
    ages: tuple[int, int, int, int]
    before: Mapping[str, int] = field(default_factory=dict)
    days: tuple[Day, ...] = ()
    by_district: Mapping[str, int] | None = None  # pending
    departments: tuple[Line, ...] = ()
    districts: tuple[Line, ...] = ()
    categories: tuple[Line, ...] = ()
    late_tickets: tuple[LateTicket, ...] = ()
    calls: tuple[Call, ...] = ()
    half_replied: float | None = None  # minutes until half had a first reply
    most_replied: float | None = None  # and nine in ten
    unreplied: int = 0
    reopened: int = 0
    rejected: int = 0
    withdrawn: int = 0
    blind: bool = False  # a channel stands still, or posts may be missing
    stopped: tuple[str, ...] = ()
    gaps: tuple[tuple[str, datetime, datetime], ...] = ()
    without_owner: int = 0
    set_aside: int = 0
    unknown: int = 0
