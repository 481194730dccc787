"""How long sending may take, how often it is tried, and how long to wait between tries.

Owns the numbers and their arithmetic; no clock, no database, no platform.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.circuit import CircuitPolicy
from bot.pace import PacePolicy
from bot.platforms.port import PlatformError

FACTOR = 4.0  # 5 s, 20 s, 80 s, 5 min, 21 min, 85 min, 3 h: eight tries outlast an outage of five hours
LONGEST_TOLD = timedelta(hours=25)  # X's longest window has 24 hours; whoever tells us to wait longer errs


@dataclass(frozen=True, slots=True)
class DeliveryPolicy:
    """Seconds, unless said otherwise.

    `start_within`: a request starts this soon after `sending` was committed or not at all. `deadline`: the
    whole request. `lateness`: how long after its answer a platform may still show a message. `max_attempts`:
    then a message is set aside for a person; tries that say nothing about the message (the platform could not be
    reached, or asked us to slow down) are not counted. `longest_read_wait`: between two tries to read
    back. `circuit`: when a platform is taken for down. `side_by_side`:
    requests under way at once on Telegram, which takes 30 a second; X and Facebook get one at a time.
    `pace`: how much a Telegram chat is given at most.
    """

    start_within: float = 5.0
    deadline: float = 30.0
    lateness: float = 60.0
    max_attempts: int = 8
    first_wait: float = 5.0
    longest_wait: float = 10_800.0
    read_deadline: float = 120.0
    longest_read_wait: float = 60.0
    standby: float = 2.0
    tick: float = 1.0
    side_by_side: int = 8
    seed: int | None = None
    circuit: CircuitPolicy = field(default_factory=CircuitPolicy)
    pace: PacePolicy = field(default_factory=PacePolicy)

    @property
    def quiet(self) -> float:
        """How long an unknown outcome rests before it is read back: what can still happen has happened then."""
        return self.start_within + self.deadline + self.lateness

    def next_attempt(self, now: datetime, attempts: int, error: PlatformError, chance: random.Random) -> datetime:
        """When to try again: what the platform said, else growing waits; always with some jitter."""
        told = told_wait(now, error)
        if told is not None and error.retry_at is not None:
            return now + told + timedelta(seconds=chance.uniform(0.0, 2.0))
        if told is not None:
            return now + told * chance.uniform(1.0, 1.1)
        grown = self.first_wait * FACTOR ** min(max(0, attempts - 1), 16)
        return now + timedelta(seconds=min(grown, self.longest_wait) * chance.uniform(0.5, 1.0))


def told_wait(now: datetime, error: PlatformError) -> timedelta | None:
    """How long the platform asked us to wait, if it did and can be believed: not the past, and not for days."""
    if error.retry_at is not None:
        wait = error.retry_at - now
        return wait if timedelta(0) <= wait <= LONGEST_TOLD else None
    if error.retry_after is not None and 0.0 <= error.retry_after <= LONGEST_TOLD.total_seconds():
        return timedelta(seconds=error.retry_after)
    return None


def is_unbelievable(now: datetime, error: PlatformError) -> bool:
    """Whether the platform named a wait that nobody should obey."""
    told_something = error.retry_at is not None or error.retry_after is not None
    return told_something and told_wait(now, error) is None
