"""Intake: reads one channel and keeps everything in the inbox before the platform's cursor moves.

Owns the order of keeping and asking on: a batch and its cursors are committed together before the next batch is
asked for. It must not know what an event means. No database session is open while the network is asked.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import datetime, timedelta

import sqlalchemy as sa

from bot.budget import Budget, Purse
from bot.clocks import OfficeClock, machine_seconds
from bot.delivery_policy import LONGEST_TOLD, told_wait
from bot.platforms.port import Batch, CredentialsRefused, PlatformError, Port, Watch, Watched
from store import channels, gaps, inbox
from store.alarms import clear_alarm, raise_alarm
from store.boundaries import passing
from store.channels import Channel
from store.db import reading, writing
from store.watch import watched_threads

logger = logging.getLogger(__name__)

FIRST_WAIT = 1.0
LONGEST_WAIT = 300.0
LONGEST_TOLD_WAIT = 3600.0  # a platform may ask for more, but who is not read is not heard
TELL_AFTER = timedelta(minutes=10)
READING_FAILS = "reading_fails"
BATCH_DEADLINE = 60.0

WatchOf = Callable[[sa.Connection, Channel, datetime], Watch]


def watch_open_threads(conn: sa.Connection, channel: Channel, now: datetime) -> Watch:
    """The threads of open tickets and awaited answers on this channel."""
    threads = watched_threads(conn, channel.id, now)
    return Watch(now, tuple(Watched(one.thread_id, one.last_heard_at, one.message_ids) for one in threads))


class Intake:
    """The reader of one channel; use one at a time for each channel.

    `batch_deadline`: seconds for each batch. `last_error` is the newest fault's code, None after a whole read.
    """

    def __init__(
        self,
        engine: sa.Engine,
        clock: OfficeClock,
        channel: Channel,
        port: Port,
        *,
        watch_of: WatchOf = watch_open_threads,
        machine: Callable[[], float] = machine_seconds,
        batch_deadline: float = BATCH_DEADLINE,
        budget: Budget | None = None,
        seed: int | None = None,
    ) -> None:
        self.channel = channel
        self.counts: Counter[str] = Counter()
        self.last_error: str | None = None
        self._engine = engine
        self._clock = clock
        self._port = port
        self._watch_of = watch_of
        self._machine = machine
        self._batch_deadline = batch_deadline
        self._purse = Purse(channel, budget or Budget(), "reads")
        self._chance = random.Random(seed)  # noqa: S311 - jitter
        self._failures = 0
        self._not_before = 0.0  # machine clock
        self._paused_until: datetime | None = None  # office clock, as the platform said
        self._failing_since: datetime | None = None
        self._may_be_told = True  # an alarm of an earlier process may still be open

    async def read_once(self, watch: Watch | None = None) -> int:
        """Read until caught up and keep all of it; returns how many events are new.

        Never raises for the platform's faults: they are logged, and the next read waits. A channel whose
        credentials are refused is stopped with an alarm. Faults of the database are raised.
        """
        if self._machine() < self._not_before:
            return 0
        begin = await asyncio.to_thread(self._begin, watch)
        if begin is None:
            return 0
        cursors, watch = begin
        new = 0
        batches = self._port.read(cursors, watch)
        try:
            while (batch := await self._next(batches)) is not None:
                new += await asyncio.to_thread(self._keep, batch)
        except _ReadFailed as failed:
            await asyncio.to_thread(self._failed, failed.error)
        else:
            await asyncio.to_thread(self._whole)
        finally:
            await _close(batches)
        return new

    @property
    def paused_until(self) -> datetime | None:
        """Until when (office clock) the platform asked this account not to read, if it did."""
        return self._paused_until

    def next_read_in(self) -> float:
        """Seconds on the machine clock until a read makes sense again after a fault; 0 if now."""
        return max(0.0, self._not_before - self._machine())

    def _begin(self, watch: Watch | None) -> tuple[dict[str, str], Watch] | None:
        now = self._clock.now()
        if self._paused_until is not None and now < self._paused_until <= now + 2 * LONGEST_TOLD:
            return None
        self._paused_until = None
        if self._purse.is_stale(now):
            with writing(self._engine) as conn:
                self._purse.count(conn, now)
        with reading(self._engine) as conn:
            channel = channels.channel(conn, self.channel.id)
            if channel.stopped_at is not None:
                return None
            watch = watch or self._watch_of(conn, channel, now)
            return channels.cursors(conn, channel.id), replace(watch, is_sparing=self._purse.spent_until is not None)

    async def _next(self, batches: AsyncIterator[Batch]) -> Batch | None:
        """The next batch, None at the end. Raises _ReadFailed for whatever the platform or its adapter does."""
        passing("intake.asking")
        try:
            batch = await asyncio.wait_for(anext(batches, None), self._batch_deadline)
        except Exception as error:
            raise _ReadFailed(error) from error
        passing("intake.answered")
        return batch

    def _keep(self, batch: Batch) -> int:
        if batch.is_empty:
            return 0
        now = self._clock.now()
        with writing(self._engine) as conn:
            told = [one for one in batch.unreadable if inbox.put(conn, self.channel.id, [one], {}, now)]
            new = inbox.put(conn, self.channel.id, batch.events, batch.cursors, now) + len(told)
            if batch.gap is not None:
                gaps.note(conn, self.channel.id, batch.gap.since, batch.gap.until, batch.gap.why)
            passing("intake.written")
        passing("intake.committed")
        if batch.gap is not None:
            self.counts["gaps"] += 1
            self._log(logging.ERROR, "gap", f"A stretch could not be read back: {batch.gap.why}")
        for one in told:
            self._log(logging.ERROR, "unreadable", f"{one.key} is parked: {one.why}")
        self.counts["events"] += new
        return new

    def _failed(self, error: Exception) -> None:
        self._failures += 1
        self.counts["failures"] += 1
        self.last_error = error.code if isinstance(error, PlatformError) else type(error).__name__
        grown = min(FIRST_WAIT * 2.0 ** min(self._failures - 1, 16), LONGEST_WAIT)
        wait = grown * self._chance.uniform(0.5, 1.0)
        now = self._clock.now()
        self._failing_since = self._failing_since or now
        if isinstance(error, PlatformError):
            told = told_wait(now, error)
            if told is not None and error.retry_at is not None:
                self._paused_until = now + told
            elif told is not None:
                wait = max(wait, min(told.total_seconds(), LONGEST_TOLD_WAIT))
            self._log(logging.WARNING, error.code, f"Reading failed and is tried again: {error.sentence}")
        elif isinstance(error, TimeoutError):
            self._log(logging.WARNING, "deadline", "Reading took too long and is tried again")
        else:
            logger.error(
                "The adapter of %s failed at reading; it is tried again",
                self.channel.name,
                exc_info=error,
                extra={"action": "intake", "channel": self.channel.name},
            )
        self._not_before = self._machine() + wait
        if isinstance(error, CredentialsRefused):
            with writing(self._engine) as conn:
                channels.stop(conn, self.channel.id, f"{error.code}: {error.sentence}", now)
        elif now - self._failing_since >= TELL_AFTER:
            self._tell(self._failing_since, now)

    def _tell(self, since: datetime, now: datetime) -> None:
        name = self.channel.name
        told = f"{name} could not be read since {since:%Y-%m-%d %H:%M} UTC ({self.last_error})"
        with writing(self._engine) as conn:
            sentence = f"{told}; it is tried again, and what was missed meanwhile is read then."
            raise_alarm(conn, READING_FAILS, name, sentence, now)
        self._may_be_told = True

    def _whole(self) -> None:
        """A read went through to its end."""
        self._failures, self.last_error, self._failing_since = 0, None, None
        self.counts["reads"] += 1
        if self._may_be_told:
            with writing(self._engine) as conn:
                clear_alarm(conn, READING_FAILS, self.channel.name, self._clock.now())
            self._may_be_told = False

    def _log(self, level: int, code: str, sentence: str) -> None:
        extra = {"action": "intake", "channel": self.channel.name, "code": code}
        logger.log(level, "%s: %s (%s)", self.channel.name, sentence, code, extra=extra)


class _ReadFailed(Exception):
    """The platform or its adapter failed, as told apart from our own database."""

    def __init__(self, error: Exception) -> None:
        super().__init__(type(error).__name__)
        self.error = error


async def _close(batches: AsyncIterator[Batch]) -> None:
    close = getattr(batches, "aclose", None)
    if close is not None:
        await close()
