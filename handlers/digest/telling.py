"""What one edition tells, as plain facts: the words that are made of it stand in templates/<language>/digest/forms.j2.

Pure. Every figure is one of the report's (handlers/digest/report.py); here they only stand in the order in which they are
told. It must not know how anything is counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final

from handlers.digest.fairness import Standings
from handlers.digest.period import PeriodKind as Span
from handlers.digest.report import Against, Burning, Checks, LateTicket, Matter
from handlers.digest.scope import Whose
from handlers.digest.shapes import Holes, Latest, Trouble

__all__ = ["Call", "Change", "Day", "LateTicket", "Span", "Telling", "Whose"]

MOST_CALLS: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """Somebody to ring, and why: `kind` is late, latest, surge, growing, again, channel or nobody.

    late: `many` of the office's complaints are late, the latest by `hours`. latest: one ticket is late. surge: `many`
    complaints of a category in a district where `usual` is usual. growing: `many` new complaints of one cause, of which
    `open` are not over. again: a ticket reopened `many` times. channel: an account of ours stands still. nobody: `many`
    complaints whose office has no officer.
    """

    kind: str
    department: str | None = None
    district: str | None = None
    category: str | None = None
    number: str | None = None
    channel: str | None = None
    many: int = 0
    open: int = 0
    usual: float = 0.0
    hours: float = 0.0


@dataclass(frozen=True, slots=True)
class Change:
    """By how much a figure differs from that of an earlier period."""

    against: Against
    by: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """One day, week or month of the trend; `day` is its first. None where it was not counted."""

    day: date
    received: int | None = None
    disposed: int | None = None
    pending: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """All that is told. Counts are of the period, pending ones as of `now`; `changes` by the names of the counts."""

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
    oldest: Latest | None = None
    disposed: int
    yes: int
    no: int
    outcomes: Mapping[str, int]  # satisfied, accepted, not_satisfied, no_answer, not_askable
    ages: tuple[int, int, int, int]
    changes: Mapping[str, tuple[Change, ...]] = field(default_factory=dict)
    days: tuple[Day, ...] = ()
    by_district: Mapping[str, int] | None = None  # pending
    departments: Standings | None = None
    districts: Standings | None = None
    categories: tuple[Matter, ...] = ()
    late_tickets: tuple[LateTicket, ...] = ()
    calls: tuple[Call, ...] = ()
    half_replied: float | None = None  # minutes until half had a first reply
    most_replied: float | None = None  # and nine in ten
    unreplied: int = 0
    blind: bool = False  # a channel stands still, or posts may be missing
    without_owner: int = 0
    burning: Burning = field(default_factory=Burning)
    urgent: int = 0
    reopened_twice: int = 0
    checks: Checks = field(default_factory=Checks)
    trouble: Trouble | None = None
    holes: Holes = field(default_factory=Holes)
    odd_rows: int | None = None
