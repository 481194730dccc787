"""The figures of a day as frozen shapes: counts, codes and times, never words.

Pure. Each docstring is the definition that a figure is defended with.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

Counts = Mapping[str, int]  # code -> how many, only those above zero, largest first


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """The five largest, the sum of all others, and those without that code. Together they are the whole."""

    top: tuple[tuple[str, int], ...] = ()
    others: int = 0
    unknown: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """Citizens' posts on X and Facebook that reached the inbox in the period, each in exactly one of these parts.

    Not counted: posts of our own accounts, edits and deletions, the same post heard on a second channel of ours,
    and the platforms' refusals of our messages. `ticketed` opened a ticket; `about_tickets` were said about one or
    are later parts of a post in several; `answered` and `ignored` got no ticket, by result code without its
    prefix; `parked` could not be decided, `waiting` is not decided yet.
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
    """Tickets opened in the period. Categories are counted under the base category they roll up to."""

    total: int
    by_platform: Counts
    by_language: Counts
    by_department: Ranking
    by_district: Ranking
    by_category: Ranking


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
    the limit ends between `now` and midnight. `levels`: raised above the nodal officer, by level.
    """

    total: int
    by_status: Counts
    ages: tuple[int, int, int, int]
    due_today: int
    late: int
    late_by_department: Ranking
    latest: Latest | None
    levels: Mapping[int, int]
    without_owner: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What happened in the period.

    `disposed`: disposals. `otherwise`: those of them that do not say that it is done, by what they say. `outcomes`:
    disposals whose outcome was settled, by outcome; silence is "no_answer", never "satisfied". `solved`: those of the
    satisfied whose disposal said that it is done; the others accepted another answer. `reopened`: tickets reopened for
    the first time, the second, the third or later. `escalated`: tickets raised because time ran out, by the highest
    level reached. `rejected`, `withdrawn`: tickets.
    """

    disposed: int
    otherwise: Counts
    outcomes: Counts
    solved: int
    reopened: tuple[int, int, int]
    escalated: Mapping[int, int]
    rejected: int
    withdrawn: int


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
class Gap:
    """A stretch of time in which a channel may have missed posts."""

    channel: str
    since_at: datetime
    until_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """What a person must repair: as of `now`; the gaps touch the period, `older_gaps` ended before it.

    A gap that a person has dealt with is not counted.
    """

    parked_inbox: int
    parked_outbox: int
    unknown_outbox: int
    stopped_channels: tuple[str, ...]
    gaps: tuple[Gap, ...]
    older_gaps: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DailyFigures:
    """All figures of one period, and of the moment `now` at which they were counted. Times are aware UTC."""

    start: datetime
    end: datetime
    now: datetime
    received: Received
    opened: Opened
    pending: Pending
    done: Done
    replies: FirstReplies
    trouble: Trouble
