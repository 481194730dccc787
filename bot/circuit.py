"""The circuit of one channel: a platform that is down is not asked again and again.

Owns when it opens, how long it rests and when it closes; all times are of the office clock. It must not know a
platform, a message or the database: what a fault is, its caller says.

    closed ── a fault that is certain, or several doubtful ones in a row ──> open, resting
    open, rested ── one probe ──> answered: closed │ failed: open again, resting longer
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class CircuitPolicy:
    """Seconds, unless said otherwise.

    `doubtful_faults`: so many outcomes in a row that are unknown (5xx, no answer in time, broken connections) open
    the circuit; a connection that could not be made at all opens it at once. `first_rest` doubles with each failed
    probe up to `longest_rest`. A person is told when it has been open for `tell_after`.
    """

    doubtful_faults: int = 5
    first_rest: float = 10.0
    longest_rest: float = 300.0
    tell_after: float = 300.0


class Circuit:
    """Open while the platform seems to be down. Not safe between threads that write at once."""

    def __init__(self, policy: CircuitPolicy, chance: random.Random) -> None:
        self._policy = policy
        self._chance = chance
        self._faults = 0
        self._rests = 0
        self.open_since: datetime | None = None
        self.rests_until: datetime | None = None

    def fault(self, now: datetime, *, certain: bool) -> bool:
        """The platform failed; `certain` says that no connection was made at all. True if this opens the circuit."""
        self._faults += 1
        if self.open_since is None and not certain and self._faults < self._policy.doubtful_faults:
            return False
        if self.is_resting(now):
            return False  # one of several requests that were under way together
        opened = self.open_since is None
        self.open_since = self.open_since or now
        rest = min(self._policy.first_rest * 2.0 ** min(self._rests, 16), self._policy.longest_rest)
        self.rests_until = now + timedelta(seconds=rest * self._chance.uniform(0.5, 1.0))
        self._rests += 1
        return opened

    def answered(self) -> bool:
        """The platform answered, be it with a refusal. True if this closes the circuit."""
        was_open = self.open_since is not None
        self._faults = self._rests = 0
        self.open_since = self.rests_until = None
        return was_open

    def is_resting(self, now: datetime) -> bool:
        """Whether nothing may be asked yet. A clock that was set back must not make this last."""
        if self.rests_until is None:
            return False
        return timedelta(0) < self.rests_until - now <= timedelta(seconds=self._policy.longest_rest)

    def must_probe(self, now: datetime) -> bool:
        """Whether the rest is over and one probe may tell."""
        return self.open_since is not None and not self.is_resting(now)

    def is_to_be_told(self, now: datetime) -> bool:
        """Whether it has been open for so long that a person should know."""
        return self.open_since is not None and now - self.open_since >= timedelta(seconds=self._policy.tell_after)
