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
            raise ValueError("The office clock needs a start time with a time zone, e.g. 2026-11-24T09:00+05:30.")
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

    def correct(self, by: timedelta) -> datetime:
        """Jump by `by`, forwards or back, as a machine's clock does when it is set right."""
        with self._lock:
            self._now += by
            return self._now

    def advance_to(self, moment: datetime) -> datetime:
        """Move forward to `moment`; an earlier moment changes nothing."""
        with self._lock:
            self._now = max(self._now, moment.astimezone(UTC))
            return self._now


class ClockUnavailable(Exception):
    """The sandbox's clock did not answer; the message says what to do."""


class RemoteClock:
    """The sandbox's office clock, asked over loopback; safe to share between threads.

    `url` answers `{"now": <ISO 8601 with zone>}`. An answer is reused for `fresh_seconds` of real time. `now`
    raises ClockUnavailable.
    """

    def __init__(self, url: str, *, timeout: float = 2.0, fresh_seconds: float = 0.05) -> None:
        import httpx

        self._url = url
        self._fresh_seconds = fresh_seconds
        self._client = httpx.Client(trust_env=False, timeout=timeout)
        self._lock = threading.Lock()
        self._told: datetime | None = None
        self._told_at = 0.0

    def now(self) -> datetime:
        with self._lock:
            if self._told is None or machine_seconds() - self._told_at >= self._fresh_seconds:
                asked_at = machine_seconds()
                self._told, self._told_at = self._ask(), asked_at
            return self._told

    def close(self) -> None:
        """Release the connection."""
        self._client.close()

    def _ask(self) -> datetime:
        import httpx

        try:
            answer = self._client.get(self._url)
        except httpx.HTTPError as error:
            raise ClockUnavailable(
                f"The sandbox's clock at {self._url} does not answer ({type(error).__name__}); start the sandbox or "
                "unset SMGT_CLOCK_URL."
            ) from error
        try:
            moment = datetime.fromisoformat(answer.json()["now"])
        except (ValueError, KeyError, TypeError) as error:
            raise self._no_time() from error
        if moment.tzinfo is None or not answer.is_success:
            raise self._no_time()
        return moment.astimezone(UTC)

    def _no_time(self) -> ClockUnavailable:
        return ClockUnavailable(
            f"{self._url} does not tell a time with its zone; give SMGT_CLOCK_URL the address that the sandbox shows."
        )


def machine_seconds() -> float:
    """Seconds on the monotonic machine clock; only differences mean anything."""
    return time.monotonic()
