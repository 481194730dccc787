"""What the emulated platforms share: the office clock, the faults to inject, and the lock.

Owns no platform's rules. Faults are picked by (platform, operation) so that a test can say exactly what fails.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from bot.clocks import SteppedClock
from store.vocabulary import Platform


class FaultKind(StrEnum):
    """What can go wrong on the wire."""

    RATE_LIMITED = "rate_limited"  # 429 or the platform's own code, with its headers
    ERROR_BEFORE = "error_before"  # 5xx, nothing done
    ERROR_AFTER = "error_after"  # 5xx although it was done
    RESET_BEFORE = "reset_before"  # connection reset, nothing done
    RESET_AFTER = "reset_after"  # connection reset although it was done
    SLOW = "slow"  # done at once, answered after `seconds` of real time
    LATE = "late"  # answered 5xx now, done after `seconds` of real time
    NOT_JSON = "not_json"  # done, answered with an HTML page
    HALF_ANSWER = "half_answer"  # done, the answer breaks off
    STALE_READ = "stale_read"  # a read that does not yet show the newest `count` items (with `seconds`: younger ones)
    DUPLICATE = "duplicate"  # a read or webhook that brings items twice
    SHUFFLE = "shuffle"  # a read or webhook out of order
    REVOKED = "revoked"  # the token is dead
    PERMANENT = "permanent"  # a permanent refusal of this one request


@dataclass(slots=True)
class Fault:
    """One fault: applies to `times` matching requests (None: for ever), each with probability `rate`."""

    platform: Platform
    operation: str  # the emulator's operation name, or "*"
    kind: FaultKind
    times: int | None = 1
    rate: float = 1.0
    seconds: float = 0.0
    count: int = 1
    channel: str | None = None  # only requests of this account (X user id, Facebook page id, bot id)

    def hides(self, age: timedelta) -> bool:
        """Whether a stale read may hide an item of this age (office time): any, unless `seconds` bounds it."""
        return not self.seconds or age.total_seconds() < self.seconds


class Faults:
    """The faults that are switched on. `asked`: requests that could have met one; `hits`: those that did."""

    def __init__(self, seed: int = 0) -> None:
        self._faults: list[Fault] = []
        self._random = random.Random(seed)
        self._lock = threading.Lock()
        self.asked = 0
        self.hits: list[tuple[Platform, str, FaultKind]] = []

    def add(self, fault: Fault) -> None:
        """Switch a fault on."""
        with self._lock:
            self._faults.append(fault)

    def clear(self) -> None:
        """Switch all faults off."""
        with self._lock:
            self._faults.clear()

    def __iter__(self) -> Iterator[Fault]:
        with self._lock:
            return iter(list(self._faults))

    def pick(self, platform: Platform, operation: str, channel: str | None = None) -> Fault | None:
        """The fault that hits this request, if any; counts it down."""
        with self._lock:
            self.asked += 1
            for fault in self._faults:
                if fault.platform is not platform or fault.operation not in ("*", operation):
                    continue
                if fault.channel is not None and fault.channel != channel:
                    continue
                if fault.times == 0 or (fault.rate < 1.0 and self._random.random() >= fault.rate):
                    continue
                if fault.times is not None:
                    fault.times -= 1
                self.hits.append((platform, operation, fault.kind))
                return fault
        return None


@dataclass(slots=True)
class Limits:
    """How the platforms' limits are scaled: 1.0 keeps them, 10.0 allows ten times as much, None lifts them."""

    scale: float | None = 1.0

    def allowed(self, limit: int) -> int | None:
        """The scaled limit, or None for unlimited."""
        return None if self.scale is None else max(1, int(limit * self.scale))


class World:
    """The shared ground of the emulated platforms."""

    def __init__(self, start: datetime | None = None, *, seed: int = 0, limit_scale: float | None = 1.0) -> None:
        self.clock = SteppedClock(start or datetime.now(UTC))
        self.faults = Faults(seed)
        self.limits = Limits(limit_scale)
        self.random = random.Random(seed)
        self.lock = threading.RLock()
