"""One report: everything that is told of a period to one reader, as frozen shapes without a word in them.

Pure. Each docstring is the definition that a figure is defended with. No personal data; of a sensitive ticket its number
and department alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from handlers.digest.fairness import Standings
from handlers.digest.period import Period
from handlers.digest.scope import Scope
from handlers.digest.shapes import Counts, Figures
from store.vocabulary import CheckResult, Language, Outcome

# -- change ------------------------------------------------------------------------------------------------------------


class Against(StrEnum):
    """What a period is compared with."""

    DAY_BEFORE = "day_before"
    SAME_WEEKDAY = "same_weekday"  # seven days before
    MONTH_BEFORE_PER_DAY = "month_before_per_day"  # a day of the calendar month before, on average
    WEEK_BEFORE = "week_before"
    MONTH_BEFORE = "month_before"
    YEAR_BEFORE = "year_before"  # the same month, a year earlier


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyCounts:
    """The few figures that are followed over time.

    `opened`: tickets opened. `disposed`: answers of offices. `solved`: an office said done and the citizen said yes.
    `not_satisfied`: citizens said no. `reopened`: reopenings, each counted. `pending`: tickets opened before the
    stretch's end and not ended by then, as the tickets now say: one that ended and was reopened counts as pending all
    the while, since it never was over. In MONTH_BEFORE_PER_DAY all are averages, `pending` is that of the month's end.
    """

    opened: float = 0
    disposed: float = 0
    solved: float = 0
    not_satisfied: float = 0
    reopened: float = 0
    pending: float = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The same figures of an earlier stretch. Whoever shows them subtracts."""

    against: Against
    start: datetime
    end: datetime
    then: KeyCounts


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One day, week or month of a trend; `day` is its first."""

    day: date
    counts: KeyCounts


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """How it came to this: 14 days, 12 weeks or 12 months, oldest first; the last point is the period itself.

    A period that is not over yet is counted so far.
    """

    points: tuple[Point, ...] = ()

    @property
    def here(self) -> KeyCounts:
        """The period's own figures."""
        return self.points[-1].counts if self.points else KeyCounts()


# -- what burns --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Complaint:
    """A citizen's words, masked (handlers.understanding.mask) and cut. Only of ordinary tickets whose words groups of
    officers may read, never of those who asked to stay hidden."""

    number: str
    opened_at: datetime
    language: Language
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Surge:
    """Far more tickets of one category in one district than that weekday's history lets expect.

    `seen`: tickets opened on `day`, without sensitive and restricted ones. `expected`: the mean of the same weekday over
    the eight weeks before, never less than a floor. `chance`: how probable as many or more would be on an ordinary day
    (handlers/digest/surging). `newest`: up to three complaints, the newest first.
    """

    day: date
    district: str
    category: str
    seen: int
    expected: float
    chance: float
    newest: tuple[Complaint, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class GrowingIncident:
    """One cause that hit many: `new` tickets opened in the period, `total` ever, `open` not ended when counted."""

    incident: int
    category: str
    district: str
    department: str
    began_at: datetime
    new: int
    total: int
    open: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketLine:
    """One ticket as the CMO's digest names it. `category` (base) and `district` are None where sensitive or not known.

    `late_hours`: by how much its limit is over; None while it is not, or no office has it.
    """

    number: str
    department: str | None
    district: str | None
    category: str | None
    opened_at: datetime
    reopened: int
    level: int
    late_hours: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Burning:
    """What needs a word today.

    `surges`: at most three, the least probable first; in a week or month those of its days. `incidents`: those with the
    most new tickets, at least two. `reopened_twice`: pending tickets of which citizens said twice or more that they are
    not solved, the most often reopened first, then the oldest. `emergencies`: urgent tickets not yet over, the oldest
    first. The lists are cut; how many there are stands in `Pending`.
    """

    surges: tuple[Surge, ...] = ()
    incidents: tuple[GrowingIncident, ...] = ()
    reopened_twice: tuple[TicketLine, ...] = ()
    emergencies: tuple[TicketLine, ...] = ()


# -- what is late ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class LateTicket:
    """A ticket whose limit is over (shapes.Pending). `category` (base) and `district` are None where sensitive or not
    known. `hours`: by how much it is late, on a clock that stands still from when it was stopped."""

    number: str
    department: str | None
    district: str | None
    category: str | None
    opened_at: datetime
    due_at: datetime
    hours: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LateOffice:
    """The office, one department in one district, with the most late tickets: how many, and the latest of them by how
    much. Sensitive ones are counted, since no ticket is named."""

    department: str
    district: str | None
    many: int
    hours: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Matter:
    """One base category: tickets opened in the period; pending and late ones at `now`."""

    code: str
    received: int = 0
    pending: int = 0
    late: int = 0


# -- calls to check ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckCall:
    """One citizen to be called: is it as the outcome says? `result` once the desk has called."""

    ticket_id: int
    cycle: int
    number: str
    outcome: Outcome  # satisfied or no_answer
    department: str | None
    district: str | None
    settled_at: datetime
    result: CheckResult | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Checks:
    """The desk's own check of what the figures rest on.

    `calls`: about one in twenty of the answers that citizens said yes to, and of those they did not answer, in the
    period; which ones is decided by a keyed hash of ticket and round, so a second run lists the same and no office can
    foresee it. Sensitive and grave matters are never called about. `drawn_from`: how many there were to draw from, by
    outcome. `results`: what all calls recorded in the period found, by outcome and result
    (`satisfied:agrees`, `no_answer:not_reached` ...). `agrees`: the citizen confirms the yes, or, where no answer had
    come, says it is done.
    """

    calls: tuple[CheckCall, ...] = ()
    drawn_from: Counts = field(default_factory=dict)
    results: Counts = field(default_factory=dict)


# -- the whole ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything told of `period` to the readers of `scope`, counted at one moment of the database.

    `districts` is empty in a district's report, `departments` in a department's; all 23 districts have a row even
    without a ticket, departments where there is anything to tell. `late`: the thousand latest at most, the latest first.
    `matters`: those with the most new tickets first. `odd_rows`: inbox and outbox rows of the period that do
    not add up (handlers/reconciling), None where it was not reconciled.
    """

    period: Period
    scope: Scope
    now: datetime
    figures: Figures
    trend: Trend = field(default_factory=Trend)
    comparisons: tuple[Comparison, ...] = ()
    departments: Standings | None = None
    districts: Standings | None = None
    late: tuple[LateTicket, ...] = ()
    most_late: LateOffice | None = None
    matters: tuple[Matter, ...] = ()
    burning: Burning = field(default_factory=Burning)
    checks: Checks = field(default_factory=Checks)
    odd_rows: int | None = None
