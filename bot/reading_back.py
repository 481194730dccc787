"""What became of rows whose outcome is unknown: read back from the platform, and only then settled.

Owns the quiet time of each row, counted on this process's own machine clock from when it first saw the row without a
live owner, and the answer to what the platform shows. It must not send anything. Telegram cannot be read back: there a
message goes once more and says that it is a repeat.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

import sqlalchemy as sa

from bot.clocks import OfficeClock
from bot.delivery_policy import DeliveryPolicy
from bot.outcomes import REPEATABLE, Outcomes, act_of, epoch_of
from bot.platforms.port import (
    CLOCK_MARGIN,
    CredentialsRefused,
    NotSent,
    OutcomeUnknown,
    PlatformError,
    Port,
    ReadBack,
    Unknown,
)
from store import channels, outbox, recognising, sending
from store.boundaries import passing
from store.channels import Channel
from store.db import reading, writing
from store.outbound import Outgoing
from store.outbox import OutboxRow
from store.sending import Failure
from store.vocabulary import OutgoingAct, Platform

logger = logging.getLogger(__name__)

TAKEN_MARGIN = timedelta(hours=6)  # ids given to rows sent this long before the oldest unknown one


MarkRepeat = Callable[[sa.Connection, Outgoing, datetime], Outgoing]
"""Gives a message the words that say that it goes once more."""


class ReadingBack:
    """Settles the unknown rows of one channel; the holder of its lane asks, nobody else.

    `mark_repeat` gives the message that says "sent again" on a platform that cannot be read back.
    """

    def __init__(
        self,
        engine: sa.Engine,
        clock: OfficeClock,
        channel: Channel,
        port: Port,
        policy: DeliveryPolicy,
        *,
        outcomes: Outcomes,
        machine: Callable[[], float],
        chance: random.Random,
        mark_repeat: MarkRepeat,
    ) -> None:
        self.channel = channel
        self.policy = policy
        self.counts = outcomes.counts
        self._engine = engine
        self._clock = clock
        self._port = port
        self._outcomes = outcomes
        self._machine = machine
        self._chance = chance
        self._mark_repeat = mark_repeat
        self._first_seen: dict[int, float] = {}
        self._not_before = 0.0
        self._failures = 0
        self._refused: Counter[str] = Counter()  # failures in a row, by what was asked together
        self._hopeless: Counter[str] = Counter()  # those of them that no patience mends

    def begin_anew(self) -> None:
        """The lane was taken: what another owner did meanwhile is not known, so every quiet time starts again."""
        self._first_seen.clear()

    def unknown_from_now(self, row_id: int) -> None:
        """A request of ours has just ended without a certain outcome."""
        self._first_seen[row_id] = self._machine()

    def goes_again(self, row_ids: Iterable[int]) -> None:
        """These rows are asked for anew: what was seen of an earlier request says nothing about this one."""
        for row_id in row_ids:
            self._first_seen.pop(row_id, None)

    async def settle_due(self) -> int:
        """Settle the rows whose quiet time is over; returns how many."""
        settled, waiting = await asyncio.to_thread(self._settle_without_reading)
        now = self._machine()
        ripe = {row.id for row in waiting if now - self._first_seen[row.id] >= self.policy.quiet}
        if not ripe or now < self._not_before:
            return settled
        if self.channel.platform is Platform.TELEGRAM:
            repeat = [row for row in waiting if row.id in ripe]
            return settled + await asyncio.to_thread(self._repeat, repeat)
        for part in self._parts(waiting, ripe):
            answer = await self._ask_back(part)
            if answer is None:
                break
            settled += await asyncio.to_thread(self._settle, part, ripe, answer)
        return settled

    def _parts(self, waiting: list[OutboxRow], ripe: set[int]) -> list[list[OutboxRow]]:
        """What is asked together: X shows all we said in one reading, Facebook each thread by itself.

        One thread that cannot be read must not keep the others waiting: it is asked last the next time.
        """
        parts: dict[str, list[OutboxRow]] = {}
        for row in waiting:
            parts.setdefault(self._part(row), []).append(row)
        asked = [rows for rows in parts.values() if any(row.id in ripe for row in rows)]
        return sorted(asked, key=lambda rows: (self._refused[self._part(rows[0])], self._first_seen[rows[0].id]))

    def _part(self, row: OutboxRow) -> str:
        return "all" if self.channel.platform is Platform.X else row.thread

    def _settle_without_reading(self) -> tuple[int, list[OutboxRow]]:
        """What needs no reading back goes again or is dropped; the rest is seen and waits its quiet time."""
        waiting: list[OutboxRow] = []
        settled = 0
        with reading(self._engine) as conn:
            channel = channels.channel(conn, self.channel.id)
            if channel.stopped_at is not None or channel.rewound_to_at is not None:
                return 0, []
            unknown = outbox.unknown_rows(conn, self.channel.id)
        for row in unknown:
            if act_of(row) in (*REPEATABLE, OutgoingAct.ANSWER_PRESS):
                settled += 1
                self._settle_harmless(row)
            else:
                waiting.append(row)
                self._first_seen.setdefault(row.id, self._machine())
        self._first_seen = {row.id: self._first_seen[row.id] for row in waiting}
        return settled, waiting

    def _settle_harmless(self, row: OutboxRow) -> None:
        failure = Failure(row.error_code or "unknown", row.error or "")
        with writing(self._engine) as conn:
            now = self._clock.now()
            if act_of(row) is OutgoingAct.ANSWER_PRESS:
                sending.drop(conn, row.id, failure, now, epoch=epoch_of(row))
                self.counts["dropped"] += 1
            else:
                self._outcomes.retry_or_park(conn, row, failure, now, now)

    def _repeat(self, rows: list[OutboxRow]) -> int:
        """Where nothing can be read back, a message goes again until the platform confirms it, and says that it is a
        repeat: an officer who reads a notice twice loses a moment, one who never reads it fails a citizen.
        """
        with writing(self._engine) as conn:
            now = self._clock.now()
            for row in rows:
                if row.outgoing is not None and row.attempts < self.policy.max_attempts:
                    marked = row.outgoing if row.marked_repeat else self._mark_repeat(conn, row.outgoing, now)
                    sending.mark_repeat(conn, row.id, marked, now)
                    self.counts["repeated"] += 1
                    continue
                failure = Failure("never_certain", f"no certain answer {row.attempts} times; last {row.error_code}")
                self._outcomes.set_aside(conn, row, failure, now)
                self._outcomes.alarm(conn, row, "message_unknown", failure, now)
            passing("repeat.written")
        passing("repeat.committed")
        return len(rows)

    async def _ask_back(self, rows: list[OutboxRow]) -> ReadBack | None:
        wanted = await asyncio.to_thread(self._wanted, rows)
        passing("readback.asking")
        try:
            answer = await asyncio.wait_for(self._port.read_back(wanted), self.policy.read_deadline)
        except Exception as error:  # noqa: BLE001 - the adapter itself may fail: asked again, logged, not for ever
            await asyncio.to_thread(self._failed, error, self._part(rows[0]))
            if self._hopeless[self._part(rows[0])] < self.policy.max_attempts:
                return None
            answer = ReadBack({}, self._clock.now())  # it shows us nothing, and never will
        self._failures = 0
        self._refused.pop(self._part(rows[0]), None)
        self._hopeless.pop(self._part(rows[0]), None)
        self.counts["read_back"] += 1
        passing("readback.answered")
        return answer

    def _wanted(self, rows: list[OutboxRow]) -> list[Unknown]:
        begun = {row.id: row.sending_at for row in rows if row.sending_at is not None}
        with reading(self._engine) as conn:
            taken = recognising.taken_ids(conn, self.channel.id, min(begun.values()) - TAKEN_MARGIN)
        return [
            Unknown(row.id, row.outgoing, begun[row.id], taken, row.after_id)
            for row in rows
            if row.outgoing is not None and row.id in begun
        ]

    def _failed(self, error: Exception, part: str) -> None:
        """A platform that is down is waited for; one that refuses to show our messages is not asked for ever."""
        self._failures += 1
        grown = self.policy.first_wait * 2.0 ** min(self._failures - 1, 16)
        self._not_before = self._machine() + min(grown, self.policy.longest_read_wait) * self._chance.uniform(0.5, 1.0)
        passing_trouble = isinstance(error, TimeoutError | CredentialsRefused | NotSent | OutcomeUnknown)
        self._refused[part] += 1
        self._hopeless[part] = 0 if passing_trouble else self._hopeless[part] + 1
        if isinstance(error, PlatformError | TimeoutError):
            code = error.code if isinstance(error, PlatformError) else "deadline"
            self._outcomes.log(logging.WARNING, code, "Reading back failed; it is tried again")
        else:
            extra = {"action": "delivery.adapter", "channel": self.channel.name}
            logger.error("The adapter of %s failed at reading back", self.channel.name, exc_info=error, extra=extra)
        if isinstance(error, CredentialsRefused):
            with writing(self._engine) as conn:
                self._outcomes.stop_channel(conn, error, self._clock.now())

    def _settle(self, rows: list[OutboxRow], ripe: set[int], answer: ReadBack) -> int:
        settled = 0
        with writing(self._engine) as conn:
            now = self._clock.now()
            for row in rows:
                if row.id in answer.found:
                    sending.mark_sent(conn, row.id, answer.found[row.id], now)
                    self.counts["found"] += 1
                elif row.id not in ripe:
                    continue
                elif reaches(answer, row):
                    self._outcomes.retry_or_park(conn, row, Failure("not_found", "it was not posted"), now, now)
                else:
                    failure = Failure("cannot_be_read_back", "the platform shows too little to tell")
                    self._outcomes.set_aside(conn, row, failure, now)
                    self._outcomes.alarm(conn, row, "message_unknown", failure, now)
                settled += 1
            passing("readback.settled")
        passing("readback.committed")
        return settled


def reaches(answer: ReadBack, row: OutboxRow) -> bool:
    """Whether the platform would have shown the row's message, however much its clock differs from ours."""
    if row.outgoing is None or row.sending_at is None:
        return False
    return row.id in answer.certain or answer.reaches_back_to <= row.sending_at - CLOCK_MARGIN
