"""The budget of one channel: how much it may still post or read in this day and this month of the office.

Owns the arithmetic, its alarms and their sentences; store/spending.py counts. It must not know a price or a platform.

Ordinary posts stop short of a limit by the reserve, which is left to urgent ones; both go on by themselves when the day
or the month ends, or the limit is raised. What was read is only told: who decides to read less is bot/intake.py.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

import sqlalchemy as sa

from handlers.time_limits import OFFICE_ZONE
from store.alarms import clear_alarm, raise_alarm
from store.channels import Channel
from store.spending import posts_read, posts_sent

logger = logging.getLogger(__name__)

Period = Literal["day", "month"]
What = Literal["posts", "reads"]

LOW_PERCENT: Final = 80
LOOK_AGAIN: Final = timedelta(minutes=1)
SPENT: Final[dict[What, str]] = {"posts": "budget_spent", "reads": "reads_spent"}
LOW: Final[dict[What, str]] = {"posts": "budget_low", "reads": "reads_low"}
_COUNTED: Final = {"posts": posts_sent, "reads": posts_read}
_WORDS: Final[dict[What, str]] = {"posts": "posts", "reads": "posts read"}
_PERIODS: Final[dict[Period, str]] = {"day": "today", "month": "this month"}


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `most` in each period; `setting` is what raises it."""

    period: Period
    most: int
    setting: str


@dataclass(frozen=True, slots=True)
class Budget:
    """The limits of one channel. `reserve_percent` of each limit of posts is kept for urgent ones."""

    posts: tuple[Limit, ...] = ()
    reads: tuple[Limit, ...] = ()
    reserve_percent: int = 10


@dataclass(frozen=True, slots=True)
class Used:
    """How much of one limit is used, and until when it counts."""

    limit: Limit
    used: int
    reserve: int
    ends_at: datetime

    @property
    def ordinary(self) -> int:
        """What is left for ordinary messages."""
        return max(0, self.limit.most - self.reserve - self.used)

    @property
    def urgent(self) -> int:
        """What is left for urgent messages."""
        return max(0, self.limit.most - self.used)

    @property
    def is_low(self) -> bool:
        return self.used * 100 >= self.limit.most * LOW_PERCENT

    def sentence(self, what: What) -> str:
        """`1,234 of 3,000 posts this month`."""
        return f"{self.used:,} of {self.limit.most:,} {_WORDS[what]} {_PERIODS[self.limit.period]}"


def began_at(period: Period, now: datetime) -> datetime:
    """When this day or month of the office began."""
    midnight = now.astimezone(OFFICE_ZONE).replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight if period == "day" else midnight.replace(day=1)


def ends_at(period: Period, now: datetime) -> datetime:
    """When this day or month of the office ends."""
    begun = began_at(period, now)
    return begun + timedelta(days=1) if period == "day" else (begun + timedelta(days=32)).replace(day=1)


def used_of(conn: sa.Connection, channel: Channel, budget: Budget, what: What, now: datetime) -> list[Used]:
    """How much of each limit is used."""
    found = []
    for limit in budget.posts if what == "posts" else budget.reads:
        count = _COUNTED[what](conn, channel.id, began_at(limit.period, now))
        # Rounded up, so that even a small limit keeps one post for an emergency.
        reserve = -(-limit.most * budget.reserve_percent // 100) if what == "posts" else 0
        found.append(Used(limit, count, reserve, ends_at(limit.period, now)))
    return found


class Purse:
    """What one channel may still spend, as last counted. Its holder alone spends, so it need not count at every step."""

    def __init__(self, channel: Channel, budget: Budget, what: What) -> None:
        self._channel = channel
        self._budget = budget
        self._what: What = what
        self._used: list[Used] = []
        self._counted_at: datetime | None = None

    @property
    def has_limits(self) -> bool:
        return bool(self._budget.posts if self._what == "posts" else self._budget.reads)

    @property
    def ordinary(self) -> int:
        """How many ordinary messages may still go."""
        return min((one.ordinary for one in self._used), default=0)

    @property
    def urgent(self) -> int:
        """How many urgent messages may still go."""
        return min((one.urgent for one in self._used), default=0)

    @property
    def spent_until(self) -> datetime | None:
        """Until when nothing ordinary may go; None while it may."""
        return max((one.ends_at for one in self._used if one.ordinary == 0), default=None)

    def is_stale(self, now: datetime) -> bool:
        """Whether it is time to count again."""
        if self._counted_at is None:
            return True  # without limits too: an alarm of before they were lifted may be open
        if self.has_limits and not timedelta(0) <= now - self._counted_at < LOOK_AGAIN:
            return True
        return any(one.ends_at <= now for one in self._used)

    def count(self, conn: sa.Connection, now: datetime) -> None:
        """Count what is used, and raise and clear the alarms about it."""
        self._used, self._counted_at = used_of(conn, self._channel, self._budget, self._what, now), now
        for period in _PERIODS:
            one = next((one for one in self._used if one.limit.period == period), None)
            is_spent = one is not None and one.ordinary == 0
            self._alarm(conn, SPENT[self._what], period, self._spent(one) if one and is_spent else None, now)
            is_low = one is not None and one.is_low and not is_spent
            self._alarm(conn, LOW[self._what], period, self._low(one) if one and is_low else None, now)

    def _alarm(self, conn: sa.Connection, code: str, period: Period, sentence: str | None, now: datetime) -> None:
        name = self._channel.name
        if sentence is None:
            clear_alarm(conn, code, f"{name}:{period}", now)
        elif raise_alarm(conn, code, f"{name}:{period}", sentence, now):
            logger.warning(sentence, extra={"action": "budget", "channel": name, "code": code})

    def _spent(self, one: Used) -> str:
        if self._what == "posts":
            kept = f", {one.reserve:,} are kept for emergencies" if one.reserve else ""
            stops = f"ordinary replies wait{kept},"
        else:
            stops = "mentions are read on, but awaited threads, our own posts and deletes are not looked at"
        until = f"{one.ends_at.astimezone(OFFICE_ZONE):%Y-%m-%d %H:%M} in Haryana"
        raised = f"or until {one.limit.setting} is raised and `smgt run` started again"
        return f"{self._channel.name}: {one.sentence(self._what)} are used: {stops} until {until}, {raised}."

    def _low(self, one: Used) -> str:
        return f"{self._channel.name}: {one.sentence(self._what)} are used ({one.limit.setting})."
