"""Delivery: one lane that sends what is due on one channel, and finds out what became of it.

Owns the order of commit and request: a row is committed as `sending` before its request starts, and nothing
whose outcome is unknown is sent again before the platform was read back. It must not know tickets, texts or a
platform's SDK. The office clock says when a row is due; the machine clock measures deadlines and quiet times.
No database session is open while the network is asked.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import sqlalchemy as sa

from bot.clocks import OfficeClock, machine_seconds
from bot.delivery_policy import DeliveryPolicy
from bot.outcomes import REPEATABLE, Outcomes, act_of, epoch_of
from bot.platforms.port import (
    CredentialsRefused,
    OutcomeUnknown,
    PlatformError,
    Port,
    ReadBack,
    Unknown,
)
from store import channels, lanes, outbox, sending
from store.channels import Channel
from store.db import DatabaseBusy, reading, writing
from store.outbound import Outgoing
from store.outbox import OutboxRow
from store.sending import Failure
from store.vocabulary import OutgoingAct, Platform

__all__ = ["Delivery", "DeliveryPolicy"]

logger = logging.getLogger(__name__)

LONGEST_READ_BACK_WAIT = 60.0
TAKEN_MARGIN = timedelta(hours=1)  # ids given to rows sent this long before the oldest unknown one


def silently(outgoing: Outgoing) -> Outgoing:
    """The same message without a sound, when the templates offer no words for a repeat."""
    return replace(outgoing, silent=True)


class Delivery:
    """The sender of one channel. Only the holder of the channel's lane sends; others stand by.

    `mark_repeat` gives the message that says "sent again" on a platform that cannot be read back. `counts`
    holds how often each thing happened since the start.
    """

    def __init__(
        self,
        engine: sa.Engine,
        clock: OfficeClock,
        channel: Channel,
        port: Port,
        policy: DeliveryPolicy | None = None,
        *,
        machine: Callable[[], float] = machine_seconds,
        mark_repeat: Callable[[Outgoing], Outgoing] = silently,
    ) -> None:
        self.channel = channel
        self.policy = policy or DeliveryPolicy()
        self._engine = engine
        self._clock = clock
        self._port = port
        self._machine = machine
        self._mark_repeat = mark_repeat
        self._chance = random.Random(self.policy.seed)  # noqa: S311 - jitter
        self._outcomes = Outcomes(engine, clock, channel, self.policy, self._chance)
        self.counts = self._outcomes.counts
        self._busy = asyncio.Lock()
        self._at_once = self.policy.side_by_side if channel.platform is Platform.TELEGRAM else 1
        self._lane: lanes.Lane | None = None
        self._lane_not_before = 0.0
        self._first_seen: dict[int, float] = {}
        self._read_back_not_before = 0.0
        self._read_back_failures = 0

    @property
    def owns_lane(self) -> bool:
        """Whether this is the channel's sender, as far as it knows."""
        return self._lane is not None

    @property
    def paused_until(self) -> datetime | None:
        """Until when (office clock) the platform asked the whole channel to wait, if it did."""
        return self._outcomes.paused_until

    async def send_due(self, limit: int = 20) -> int:
        """Send what is due now, up to `limit` requests; returns how many were tried. 0 while standing by."""
        async with self._busy:
            if not await self._hold_lane():
                return 0
            tried = 0
            while tried < limit and not await asyncio.to_thread(self._paused):
                rows = await asyncio.to_thread(self._due, limit - tried)
                if not rows:
                    break
                for together in _waves(rows, self._at_once):
                    tried += len(together)
                    if not await self._send(together):
                        return tried
            return tried

    async def read_back_due(self) -> int:
        """Settle rows of unknown outcome whose quiet time is over; returns how many were settled."""
        async with self._busy:
            if not await self._hold_lane():
                return 0
            settled, waiting = await asyncio.to_thread(self._settle_without_reading)
            now = self._machine()
            ripe = {row.id for row in waiting if now - self._first_seen[row.id] >= self.policy.quiet}
            if not ripe or now < self._read_back_not_before:
                return settled
            if self.channel.platform is Platform.TELEGRAM:
                repeat = [row for row in waiting if row.id in ripe]
                return settled + await asyncio.to_thread(self._repeat, repeat)
            answer = await self._ask_back(waiting)
            if answer is None:
                return settled
            return settled + await asyncio.to_thread(self._settle, waiting, ripe, answer)

    def next_due(self) -> datetime | None:
        """When this lane can next send something, on the office clock; blocks on the database."""
        with reading(self._engine) as conn:
            due = outbox.next_due(conn, self.channel.id)
        return due if due is None or self._outcomes.paused_until is None else max(due, self._outcomes.paused_until)

    async def run(self, stop: asyncio.Event, wake: asyncio.Event) -> None:
        """Send until `stop`; `wake` (this lane's own) says that there may be something new."""
        try:
            while not stop.is_set():
                try:
                    moved = await self.send_due() + await self.read_back_due()
                except (sa.exc.DBAPIError, DatabaseBusy) as error:
                    self._outcomes.log(logging.ERROR, "database", f"The database failed: {type(error).__name__}")
                    moved = 0
                if moved == 0:
                    await _rest(self.policy.tick, stop, wake)
        finally:
            await self.release()

    async def release(self) -> None:
        """Let another owner take the lane; what is unfinished is read back by them."""
        lane, self._lane = self._lane, None
        if lane is not None:
            await asyncio.to_thread(lane.release)

    # -- the lane ----------------------------------------------------------------------------------------------

    async def _hold_lane(self) -> bool:
        if self._lane is None and self._machine() >= self._lane_not_before:
            self._lane = await asyncio.to_thread(lanes.take_lane, self._engine, self.channel.id, self.channel.name)
            self._lane_not_before = self._machine() + self.policy.standby
            if self._lane is not None:
                self._first_seen.clear()  # what another owner did meanwhile is not known
        return self._lane is not None

    # -- sending -----------------------------------------------------------------------------------------------

    def _paused(self) -> bool:
        if self._outcomes.paused_until is not None and self._clock.now() >= self._outcomes.paused_until:
            self._outcomes.paused_until = None
        return self._outcomes.paused_until is not None

    def _due(self, limit: int) -> list[OutboxRow]:
        lane = self._lane
        if lane is None:
            return []
        with writing(self._engine) as conn:
            now = self._clock.now()
            left = sending.orphans(conn, self.channel.id, lane.epoch, now)
            rows = outbox.due(conn, self.channel.id, now, limit)
        if left:
            self.counts["orphans"] += len(left)
            self._outcomes.log(logging.WARNING, "owner_gone", f"{len(left)} messages were left half-way; reading back")
        return rows

    async def _send(self, rows: list[OutboxRow]) -> bool:
        """Send rows of different destinations side by side; False if the lane should stop for now."""
        begun = self._machine()
        taken = await asyncio.to_thread(self._take, [row.id for row in rows])
        if self._lane is None:
            return False
        if self._machine() - begun >= self.policy.start_within:
            self.counts["started_too_late"] += len(taken)
            await asyncio.to_thread(self._put_back, taken)
            return True
        outcomes = await asyncio.gather(*(self._request(row) for row in taken))
        sent = [(row, outcome) for row, outcome in zip(taken, outcomes, strict=True) if isinstance(outcome, str)]
        await asyncio.to_thread(self._sent, sent)
        go_on = True
        for row, outcome in zip(taken, outcomes, strict=True):
            if not isinstance(outcome, str):
                go_on = await asyncio.to_thread(self._failed, row, outcome) and go_on
        return go_on

    async def _request(self, row: OutboxRow) -> str | PlatformError:
        """The one request for a row, within the total deadline: the platform's id of the message, or what went wrong."""
        if row.outgoing is None:
            return OutcomeUnknown("no_words", "the words were erased while the row was taken")
        try:
            return await asyncio.wait_for(self._port.send(row.outgoing), self.policy.deadline)
        except PlatformError as error:
            return error
        except TimeoutError:
            return OutcomeUnknown("deadline", f"no answer within {self.policy.deadline:g} seconds")
        except Exception as error:  # the adapter itself failed: the message may be out, so it is read back
            name = type(error).__name__
            logger.exception("The adapter of %s failed", self.channel.name, extra={"action": "delivery.adapter"})
            return OutcomeUnknown(f"adapter:{name}", "the adapter failed; see the log")

    def _take(self, row_ids: list[int]) -> list[OutboxRow]:
        lane = self._lane
        if lane is None or not lane.still_mine():
            self._lane = None
            self.counts["lanes_lost"] += 1
            self._outcomes.log(logging.WARNING, "lane_lost", "The lane was lost; standing by")
            if lane is not None:
                lane.release()
            return []
        with writing(self._engine) as conn:
            now = self._clock.now()
            taken = (sending.mark_sending(conn, row_id, lane.epoch, now) for row_id in row_ids)
            return [row for row in taken if row is not None]

    def _put_back(self, rows: list[OutboxRow]) -> None:
        with writing(self._engine) as conn:
            for row in rows:
                sending.put_back(conn, row.id, epoch_of(row))

    def _sent(self, rows: list[tuple[OutboxRow, str]]) -> None:
        if not rows:
            return
        with writing(self._engine) as conn:
            for row, sent_id in rows:
                kept = sending.mark_sent(conn, row.id, sent_id, self._clock.now())
                self.counts["sent" if kept else "sent_id_taken"] += 1

    def _failed(self, row: OutboxRow, error: PlatformError) -> bool:
        go_on = self._outcomes.failed(row, error)
        if isinstance(error, OutcomeUnknown):
            self._first_seen[row.id] = self._machine()
        return go_on

    # -- reading back ------------------------------------------------------------------------------------------

    def _settle_without_reading(self) -> tuple[int, list[OutboxRow]]:
        """What needs no reading back goes again or is dropped; the rest is seen and waits its quiet time."""
        waiting: list[OutboxRow] = []
        settled = 0
        with reading(self._engine) as conn:
            if channels.channel(conn, self.channel.id).stopped_at is not None:
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
        """Where nothing can be read back, a message goes once more and says that it is a repeat."""
        with writing(self._engine) as conn:
            now = self._clock.now()
            for row in rows:
                if row.outgoing is not None and not row.marked_repeat:
                    sending.mark_repeat(conn, row.id, self._mark_repeat(row.outgoing), now)
                    self.counts["repeated"] += 1
                    continue
                failure = Failure("unknown_twice", f"no certain answer twice; last {row.error_code}")
                self._outcomes.set_aside(conn, row, failure, now)
                self._outcomes.alarm(conn, row, "message_unknown", failure, now)
        return len(rows)

    async def _ask_back(self, rows: list[OutboxRow]) -> ReadBack | None:
        wanted = await asyncio.to_thread(self._wanted, rows)
        try:
            answer = await asyncio.wait_for(self._port.read_back(wanted), self.policy.read_deadline)
        except (PlatformError, TimeoutError) as error:
            await asyncio.to_thread(self._read_back_failed, error)
            return None
        self._read_back_failures = 0
        self.counts["read_back"] += 1
        return answer

    def _wanted(self, rows: list[OutboxRow]) -> list[Unknown]:
        begun = {row.id: row.sending_at for row in rows if row.sending_at is not None}
        with reading(self._engine) as conn:
            taken = outbox.taken_ids(conn, self.channel.id, min(begun.values()) - TAKEN_MARGIN)
        return [
            Unknown(row.id, row.outgoing, begun[row.id], taken)
            for row in rows
            if row.outgoing is not None and row.id in begun
        ]

    def _read_back_failed(self, error: PlatformError | TimeoutError) -> None:
        self._read_back_failures += 1
        grown = self.policy.first_wait * 2.0 ** min(self._read_back_failures - 1, 16)
        wait = min(grown, LONGEST_READ_BACK_WAIT) * self._chance.uniform(0.5, 1.0)
        self._read_back_not_before = self._machine() + wait
        code = error.code if isinstance(error, PlatformError) else "deadline"
        self._outcomes.log(logging.WARNING, code, "Reading back failed; it is tried again")
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
                elif row.outgoing is not None and row.sending_at and answer.reaches_back_to <= row.sending_at:
                    self._outcomes.retry_or_park(conn, row, Failure("not_found", "it was not posted"), now, now)
                else:
                    failure = Failure("cannot_be_read_back", "the platform shows too little to tell")
                    self._outcomes.set_aside(conn, row, failure, now)
                    self._outcomes.alarm(conn, row, "message_unknown", failure, now)
                settled += 1
        return settled


async def _rest(seconds: float, stop: asyncio.Event, wake: asyncio.Event) -> None:
    """Wait until `stop`, `wake` or the time is over."""
    waits = {asyncio.ensure_future(stop.wait()), asyncio.ensure_future(wake.wait())}
    try:
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
    wake.clear()


def _waves(rows: list[OutboxRow], at_once: int) -> Iterator[list[OutboxRow]]:
    """The rows in their order, in waves of at most `at_once` different chats: a chat gets one request at a time."""
    left = rows
    while left:
        wave: dict[str, OutboxRow] = {}
        later: list[OutboxRow] = []
        for row in left:
            chat = row.outgoing.thread_id if row.outgoing is not None else row.destination
            if chat in wave or len(wave) >= at_once:
                later.append(row)
            else:
                wave[chat] = row
        yield list(wave.values())
        left = later
