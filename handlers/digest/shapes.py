"""What is counted of one stretch of time, as frozen shapes: counts, codes and times, never words.

Pure. Each docstring is the definition that a figure is defended with. All counts are of one scope (handlers/digest/scope):
the tickets whose department or district is the scope's when they are counted. Times are aware UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from store.vocabulary import Disposal, Outcome, Platform

Counts = Mapping[str, int]  # code -> how many, only those above zero, largest first

NOT_KNOWN: Final = ""  # stands in Counts for those that have no district, department or category (yet)


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """Citizens' posts on X and Facebook that reached the inbox in the period, each in exactly one of these parts.

    Not counted: posts of our own accounts, edits and deletions, the same post heard on a second channel of ours,
    and the platforms' refusals of our messages. `ticketed` opened a ticket; `about_tickets` were said about one or
    are later parts of a post in several; `answered` and `ignored` got no ticket, by result code without its
    prefix; `parked` could not be decided, `waiting` is not decided yet. A post has a department or district only by
    its ticket: in their reports nothing is answered without a ticket, and nothing waits.
    """

    total: int
    by_platform: Counts
    ticketed: int
    about_tickets: int
    answered: Counts
    ignored: Counts
    parked: int
    waiting: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """Tickets opened in the period. Categories are counted under the base category they roll up to.

    A code that the tables no longer know is counted under itself.
    """

    total: int
    by_platform: Counts
    by_language: Counts
    by_department: Counts
    by_district: Counts
    by_category: Counts


@dataclass(frozen=True, slots=True, kw_only=True)
class Latest:
    """The ticket that is late the longest. `district` is None when the ticket is sensitive or has none."""

    number: str
    department: str
    district: str | None
    hours: float  # late by


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """Tickets not ended at `now`, those answered but not yet agreed to by the citizen included.

    `ages` counts them by time since they were opened, reopening or not: under 24 hours, under 3 days, under 7
    days, 7 days and more. `late`: with an office, its time limit over; while a citizen's answer is awaited the
    limit stands still, what was over before stays late. `due_today`: with an office, not waiting for the citizen,
    the limit ends between `now` and midnight. `levels`: raised above the nodal officer, by level. `planned`: put off
    by an office to a day that is still to come. `passed_on_twice`: offices passed it on more than once.
    `reopened_twice`: the citizen has said twice or more that it is not solved. `urgent`: emergencies not yet over.
    """

    total: int
    by_status: Counts
    ages: tuple[int, int, int, int]
    due_today: int
    late: int
    late_by_department: Counts
    latest: Latest | None
    levels: Mapping[int, int]
    without_owner: int
    planned: int = 0
    passed_on_twice: int = 0
    reopened_twice: int = 0
    urgent: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What happened in the period.

    `by_disposal`: offices' answers, by what they say (vocabulary.Disposal); one that was taken back within its minute
    is none. `outcomes`: answers of offices whose outcome was settled, by outcome; silence is "no_answer", never
    "satisfied". `solved`: those of the satisfied whose answer said that it is done; the others accepted another
    answer. `closed_early`: closed by the citizen's word before an office answered; not solved by anybody. `reopened`:
    tickets reopened for the first time, the second, the third or later. `escalated`: tickets raised because time ran
    out, by the highest level reached. `rejected`, `withdrawn`, `planned`, `passed_on`: tickets to which this happened.
    `merged`: tickets that ended as part of another.
    """

    by_disposal: Counts
    outcomes: Counts
    solved: int
    reopened: tuple[int, int, int]
    escalated: Mapping[int, int]
    rejected: int
    withdrawn: int
    closed_early: int = 0
    merged: int = 0
    planned: int = 0
    passed_on: int = 0

    @property
    def disposed(self) -> int:
        """How many answers of offices there were."""
        return sum(self.by_disposal.values())

    @property
    def otherwise(self) -> Counts:
        """Answers that do not say that it is done, by what they say."""
        return {code: many for code, many in self.by_disposal.items() if code != Disposal.DONE}

    @property
    def accepted_otherwise(self) -> int:
        """Citizens satisfied with an answer that does not say that it is done."""
        return self.outcomes.get(Outcome.SATISFIED, 0) - self.solved


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstReplies:
    """Minutes from the complaint's own time to our first public reply, over tickets opened in the period.

    `median` and `ninth_decile` (nearest rank) are None when no ticket has been replied to; `unreplied` counts those
    that have not.
    """

    replied: int
    unreplied: int
    median: float | None
    ninth_decile: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """How long something took, in hours over `many` cases: the median, and what nine in ten did not exceed (the
    nearest rank, so a time that really was). None where there is no case."""

    many: int = 0
    median: float | None = None
    ninth_decile: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """Hours on the clock from when a ticket was opened, nights, holidays and waits for the citizen included: what
    the citizen waited.

    `acceptance`: to the first time an office accepted the ticket, over those first accepted in the period.
    `disposal`: to each answer of an office given in the period; after a reopening it is counted from the very
    beginning. `satisfied`: to the citizen's yes, over those solved in the period.
    """

    acceptance: Spread = field(default_factory=Spread)
    disposal: Spread = field(default_factory=Spread)
    satisfied: Spread = field(default_factory=Spread)


@dataclass(frozen=True, slots=True, kw_only=True)
class Holes:
    """Where the directory has nobody. `met`: tickets that were given to an office in the period and found an empty
    chair on the way, by department, as their history says; whether or not somebody above took them.

    As of `now`: `unreached`: by department, the districts in which some complaint would find nobody but the CMO desk;
    `nobody_above`: by department, those in which a late ticket would find nobody above its officer; `missing`: what is
    wrong with posts and desks (store.holes), by code. In the report of a department its own, in that of a district
    its own: 1 for each department concerned.
    """

    met: Counts = field(default_factory=dict)
    unreached: Counts = field(default_factory=dict)
    nobody_above: Counts = field(default_factory=dict)
    missing: Counts = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A stretch of time in which a channel may have missed posts."""

    channel: str
    since_at: datetime
    until_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelWork:
    """What one channel did in the period. `read`: rows that reached the inbox; `posted`: requests to post that may have
    taken effect (both are what budgets count). `lag`: minutes from a post's own time to its arrival here, over
    the posts read; in a Spread, but in minutes. `waiting_minutes`: how long the oldest undecided row has been here at
    `now`; None when nothing waits.
    """

    channel: str
    platform: Platform
    stopped: bool
    read: int = 0
    posted: int = 0
    lag: Spread = field(default_factory=Spread)
    waiting_minutes: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """What a person must repair: as of `now`; the gaps touch the period, `older_gaps` ended before it.

    A gap that a person has dealt with is not counted. `alarms`: open alarms by code, budgets used up (budget_low,
    budget_spent, reads_low, reads_spent) and days that do not add up (day_not_adding_up) among them. Trouble is the
    whole office's: it is the same in every scope.
    """

    parked_inbox: int
    parked_outbox: int
    unknown_outbox: int
    stopped_channels: tuple[str, ...]
    gaps: tuple[Gap, ...]
    older_gaps: int = 0
    alarms: Counts = field(default_factory=dict)
    channels: tuple[ChannelWork, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Everything counted of the time from `start` up to, not including, `end`, at the moment `now`."""

    start: datetime
    end: datetime
    now: datetime
    received: Received
    opened: Opened
    pending: Pending
    done: Done
    replies: FirstReplies
    trouble: Trouble
    times: Times = field(default_factory=Times)
    holes: Holes = field(default_factory=Holes)
