"""After a restore: what a channel said in the lost time is read back before anything is decided or sent there.

Owns the order: read on from the old cursors, then our own posts and what became of each waiting message, then let the
channel go, in one transaction. It must not know how a platform is read or what is decided afterwards. The machine clock
measures the quiet time: what the process before the restore had under way may still show itself.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

import sqlalchemy as sa

from bot.clocks import OfficeClock, machine_seconds
from bot.delivery_policy import DeliveryPolicy
from bot.intake import Intake
from bot.platforms.port import CLOCK_MARGIN, OwnWords, PlatformError, Port, ReadBack, Said, Unknown
from bot.reading_back import TAKEN_MARGIN, reaches
from handlers.understanding.number import find_numbers
from store import channels, recognising, rewinding
from store.channels import Channel
from store.db import reading, writing
from store.rewinding import FoundWords
from store.vocabulary import OutgoingAct, Platform

logger = logging.getLogger(__name__)

AT_ONCE = 40  # threads asked for under one deadline


class MakingUp:
    """Makes up for one channel's lost time. Call `once` while the channel's lane is held, until it is True."""

    def __init__(
        self,
        engine: sa.Engine,
        clock: OfficeClock,
        channel: Channel,
        port: Port,
        intake: Intake,
        policy: DeliveryPolicy,
        prefix: str,
        *,
        machine: Callable[[], float] = machine_seconds,
    ) -> None:
        self.channel = channel
        self._engine = engine
        self._clock = clock
        self._port = port
        self._intake = intake
        self._policy = policy
        self._prefix = prefix
        self._machine = machine
        self._begun: float | None = None
        self._said: dict[tuple[str, ...], Said] = {}

    def is_due(self) -> bool:
        """Whether the channel was put back to an earlier moment; blocks on the database."""
        return self._put_back_to() is not None

    async def once(self) -> bool:
        """One try: True once the channel may decide and send. Faults of the platform are logged and tried again."""
        to = await asyncio.to_thread(self._put_back_to)
        if to is None:
            self._begun = None
            self._said.clear()
            return True
        if self._begun is None:
            self._begun = self._machine()
            self._log(
                logging.WARNING,
                f"The database was put back to {to:%Y-%m-%d %H:%M} UTC; reading before anything is said",
            )
        if self._machine() - self._begun < self._policy.quiet:
            return False
        if self.channel.platform is not Platform.TELEGRAM and not await self._read_on():
            return False
        return await self._read_own(to - CLOCK_MARGIN)

    async def _read_on(self) -> bool:
        """Everything that was written to us since, kept in the inbox."""
        before = self._intake.counts["reads"]
        await self._intake.read_once()
        return self._intake.counts["reads"] > before

    async def _read_own(self, since: datetime) -> bool:
        """Our own words, some threads at a time: what was read is kept in mind when the platform asks to wait."""
        waiting, threads = await asyncio.to_thread(self._asked)
        try:
            for part in ((), *_parts(threads)):
                if part not in self._said:
                    told = self._port.said_since(since, part)
                    self._said[part] = await asyncio.wait_for(told, self._policy.read_deadline)
            shown = await self._look_for(waiting)
        except (PlatformError, TimeoutError) as error:
            why = error.sentence if isinstance(error, PlatformError) else "it took too long"
            self._log(logging.WARNING, f"Our own words cannot be read yet and are tried again: {why}")
            return False
        await asyncio.to_thread(self._make_up, since, list(self._said.values()), shown)
        self._said.clear()
        return True

    async def _look_for(self, waiting: Sequence[Unknown]) -> dict[int, ReadBack]:
        """What the platform shows of each waiting message; X shows all in one reading, Facebook each thread by itself."""
        step = max(1, len(waiting)) if self.channel.platform is Platform.X else AT_ONCE
        shown: dict[int, ReadBack] = {}
        for at in range(0, len(waiting), step):
            part = waiting[at : at + step]
            answer = await asyncio.wait_for(self._port.read_back(part), self._policy.read_deadline)
            shown |= dict.fromkeys((one.row_id for one in part), answer)
        return shown

    # -- the database ------------------------------------------------------------------------------------------------

    def _put_back_to(self) -> datetime | None:
        with reading(self._engine) as conn:
            return channels.channel(conn, self.channel.id).rewound_to_at

    def _asked(self) -> tuple[list[Unknown], set[str]]:
        now = self._clock.now()
        with reading(self._engine) as conn:
            rows = rewinding.unsettled(conn, self.channel.id)
            threads = rewinding.waiting_threads(conn, self.channel.id, now)
            begun = [row.sending_at for row in rows if row.sending_at is not None]
            taken = recognising.taken_ids(conn, self.channel.id, min(begun, default=now) - TAKEN_MARGIN)
        waiting = [
            Unknown(row.id, row.outgoing, row.sending_at, taken)
            for row in rows
            if row.outgoing is not None and row.sending_at is not None and row.outgoing.act is OutgoingAct.REPLY
        ]
        return waiting, threads

    def _make_up(self, since: datetime, said: Sequence[Said], shown: dict[int, ReadBack]) -> None:
        now = self._clock.now()
        words = [self._found(one) for part in said for one in part.words]
        reach = max(part.reaches_back_to for part in said)
        with writing(self._engine) as conn:
            if not rewinding.release(conn, self.channel.id):
                return  # a person let it go meanwhile
            settled, doubtful, kept, older = 0, 0, 0, 0
            if self.channel.platform is not Platform.TELEGRAM:  # there, each goes once more as a repeat
                for row in rewinding.unsettled(conn, self.channel.id):
                    answer = shown.get(row.id, ReadBack({}, now))  # one without words cannot be looked for
                    sent_id = answer.found.get(row.id)
                    certain = rewinding.settle(conn, row, sent_id, certain=reaches(answer, row), now=now)
                    settled, doubtful = settled + certain, doubtful + (not certain)
                kept = rewinding.keep(conn, words)
                if reach > since:
                    older = rewinding.set_aside_before(conn, self.channel.id, reach, now)
        self._log(
            logging.WARNING,
            f"The lost time is made up for: {settled} waiting messages settled, {doubtful} for a person; {kept} of our "
            f"own posts found, {older} posts set aside. Working again",
        )

    def _found(self, words: OwnWords) -> FoundWords:
        return FoundWords(
            channel_id=self.channel.id,
            message_id=words.message_id,
            thread_id=words.thread_id,
            reply_to_id=words.reply_to_id,
            numbers=find_numbers(words.text, self._prefix)[0],
            text=words.text,
            written_at=words.written_at,
        )

    def _log(self, level: int, sentence: str) -> None:
        extra = {"action": "making_up", "channel": self.channel.name}
        logger.log(level, "%s: %s", self.channel.name, sentence, extra=extra)


def _parts(threads: set[str]) -> Iterator[tuple[str, ...]]:
    every = sorted(threads)
    return (tuple(every[at : at + AT_ONCE]) for at in range(0, len(every), AT_ONCE))
