"""The two clocks, never mixed: the office clock (what time it is for people) and the machine clock (monotonic).

Due dates, windows, ticket numbers and digests read the office clock; lanes, quiet times and HTTP deadlines read
the machine clock. Times are aware UTC.
"""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class OfficeClock(Protocol):
    """What time it is for citizens, officers and digests."""

    def now(self) -> datetime: ...


class WallClock:
    """The real time of day."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class SteppedClock:
    """A clock that stands still until it is moved; safe to share between threads."""

    def __init__(self, start: datetime) -> None:
        if start.tzinfo is None:
            raise ValueError(
                "The office clock needs a start time with a time zone, e.g. 2026-11-24T09:00+05:30."
            )
        self._now = start.astimezone(UTC)
        self._lock = threading.Lock()

    def now(self) -> datetime:
        with self._lock:
            return self._now

    def advance(self, by: timedelta) -> datetime:
        """Move forward by `by`; going back is refused."""
        if by < timedelta(0):
            raise ValueError("The office clock only moves forward.")
        with self._lock:
            self._now += by
            return self._now

    def advance_to(self, moment: datetime) -> datetime:
        """Move forward to `moment`; an earlier moment changes nothing."""
        with self._lock:
            self._now = max(self._now, moment.astimezone(UTC))
            return self._now


def machine_seconds() -> float:
    """Seconds on the monotonic machine clock; only differences mean anything."""
    return time.monotonic()
