"""The weather on the wire: which requests of the storm meet a fault, and which one.

Owns the choice. What a fault does to an answer stands with the emulators.
"""

from __future__ import annotations

import random
import threading
from typing import Final

from bot.sandbox.world import Fault, FaultKind, Faults
from store.vocabulary import Platform

BEFORE: Final = (FaultKind.RATE_LIMITED, FaultKind.ERROR_BEFORE, FaultKind.RESET_BEFORE)
AFTER: Final = (
    FaultKind.ERROR_AFTER,
    FaultKind.RESET_AFTER,
    FaultKind.SLOW,
    FaultKind.NOT_JSON,
    FaultKind.HALF_ANSWER,
    FaultKind.LATE,
)
READ: Final = (FaultKind.STALE_READ, FaultKind.DUPLICATE, FaultKind.SHUFFLE)
WEBHOOK: Final = (FaultKind.ERROR_BEFORE, FaultKind.DUPLICATE, FaultKind.SHUFFLE)
READING: Final = frozenset({"mentions", "search", "timeline", "tagged", "feed", "comments", "getUpdates"})


class Gale(Faults):
    """A share of all requests meets a fault, each kind that fits the request as often as the others.

    `lateness`: real seconds within which everything late has happened; `deadline`: those that SMGT gives a request;
    `pace`: office seconds in a real one.
    """

    def __init__(self, share: float, *, seed: int, lateness: float, deadline: float, pace: float) -> None:
        super().__init__(seed)
        self._share = share
        self._chance = random.Random(seed)
        self._guard = threading.Lock()
        self._seconds = {
            FaultKind.LATE: lateness * 0.6,
            FaultKind.SLOW: deadline * 1.2,
            FaultKind.STALE_READ: lateness * 0.5 * pace,  # on the emulators' own clock
            FaultKind.RATE_LIMITED: pace / 2,
        }

    def clear(self) -> None:
        """Calm: no request meets a fault any more."""
        self._share = 0.0
        super().clear()

    def pick(self, platform: Platform, operation: str, channel: str | None = None) -> Fault | None:
        """The fault that this request meets, if any."""
        with self._guard:
            self.asked += 1
            if self._chance.random() >= self._share:
                return None
            kind = self._chance.choice(_fitting(operation))
            if kind is FaultKind.RATE_LIMITED and platform is Platform.FACEBOOK and self._chance.random() < 0.8:
                kind = FaultKind.ERROR_BEFORE  # Facebook's waits are whole minutes: a few of them are storm enough
            self.hits.append((platform, operation, kind))
        seconds = self._seconds.get(kind, 0.0)
        return Fault(platform, operation, kind, times=None, seconds=seconds, count=3, channel=channel)


def _fitting(operation: str) -> tuple[FaultKind, ...]:
    if operation == "webhook":
        return WEBHOOK
    return (*BEFORE, *AFTER, *READ) if operation in READING else (*BEFORE, *AFTER)
