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
from datetime import datetime

import sqlalchemy as sa

from bot.clocks import OfficeClock, machine_seconds
from bot.platforms.port import Batch, CredentialsRefused, Gap, PlatformError, Port, Watch, Watched
from store import channels, inbox
from store.channels import Channel
from store.db import reading, writing
from store.tables import gaps
from store.watch import watched_threads

logger = logging.getLogger(__name__)

FIRST_WAIT = 1.0
LONGEST_WAIT = 300.0
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
        self._chance = random.Random(seed)  # noqa: S311 - jitter
        self._failures = 0
        self._not_before = 0.0  # machine clock
        self._paused_until: datetime | None = None  # office clock, as the platform said

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
            self._failures, self.last_error = 0, None
            self.counts["reads"] += 1
        finally:
            await _close(batches)
        return new

    def next_read_in(self) -> float:
        """Seconds on the machine clock until a read makes sense again after a fault; 0 if now."""
        return max(0.0, self._not_before - self._machine())

    def _begin(self, watch: Watch | None) -> tuple[dict[str, str], Watch] | None:
        now = self._clock.now()
        if self._paused_until is not None and now < self._paused_until:
            return None
        self._paused_until = None
        with reading(self._engine) as conn:
            channel = channels.channel(conn, self.channel.id)
            if channel.stopped_at is not None:
                return None
            return channels.cursors(conn, channel.id), watch or self._watch_of(conn, channel, now)

    async def _next(self, batches: AsyncIterator[Batch]) -> Batch | None:
        """The next batch, None at the end. Raises _ReadFailed for whatever the platform or its adapter does."""
        try:
            return await asyncio.wait_for(anext(batches, None), self._batch_deadline)
        except Exception as error:
            raise _ReadFailed(error) from error

    def _keep(self, batch: Batch) -> int:
        now = self._clock.now()
        with writing(self._engine) as conn:
            new = inbox.put(conn, self.channel.id, batch.events, batch.cursors, now)
            if batch.gap is not None:
                self._note(conn, batch.gap)
        if batch.gap is not None:
            self.counts["gaps"] += 1
            self._log(logging.ERROR, "gap", f"A stretch could not be read back: {batch.gap.why}")
        self.counts["events"] += new
        return new

    def _note(self, conn: sa.Connection, gap: Gap) -> None:
        """A gap is told again when the read that told it broke off: it is noted once."""
        stretch = (
            gaps.c.channel_id == self.channel.id,
            gaps.c.since_at == gap.since,
            gaps.c.until_at == gap.until,
        )
        if conn.execute(sa.select(gaps.c.id).where(*stretch)).first() is None:
            noted = {"channel_id": self.channel.id, "since_at": gap.since, "until_at": gap.until}
            conn.execute(gaps.insert().values(why=gap.why[:256], **noted))

    def _failed(self, error: Exception) -> None:
        self._failures += 1
        self.counts["failures"] += 1
        self.last_error = error.code if isinstance(error, PlatformError) else type(error).__name__
        grown = min(FIRST_WAIT * 2.0 ** min(self._failures - 1, 16), LONGEST_WAIT)
        wait = grown * self._chance.uniform(0.5, 1.0)
        if isinstance(error, PlatformError):
            self._paused_until = error.retry_at
            wait = max(wait, min(error.retry_after or 0.0, LONGEST_WAIT))
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
                channels.stop(conn, self.channel.id, f"{error.code}: {error.sentence}", self._clock.now())

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
