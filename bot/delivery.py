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
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

import sqlalchemy as sa

from bot.budget import Budget
from bot.choosing import Choosing, Gather
from bot.clocks import OfficeClock, machine_seconds
from bot.delivery_policy import DeliveryPolicy
from bot.outcomes import Outcomes, epoch_of
from bot.platforms.port import OutcomeUnknown, PlatformError, Port, RateLimited, in_time
from bot.reading_back import MarkRepeat, ReadingBack
from bot.resting import rest
from bot.seldom import SELDOM
from bot.under_way import Outcome, UnderWay
from handlers.desk.crowds import gather_news
from handlers.desk.repeating import say_again
from handlers.gate import hold_back
from handlers.reach import EVERYBODY, Reach
from store import lanes, outbox, sending
from store.boundaries import passing
from store.channels import Channel
from store.conflicts import DATABASE_FAULTS, is_conflict
from store.db import DatabaseBusy, reading, writing
from store.faults import fault_sentence
from store.outbox import OutboxRow
from store.vocabulary import Platform

__all__ = ["Delivery", "DeliveryPolicy"]

logger = logging.getLogger(__name__)

T = TypeVar("T")

REQUESTS: Final = 20  # for each that may be under way: then what is unknown has its turn


class Delivery:
    """The sender of one channel. Only the holder of the channel's lane sends; others stand by.

    What `reach` does not allow is held in the transaction that would take it for sending.
    `mark_repeat` gives the message that says "sent again" on a platform that cannot be read back; `gather` tells quiet
    news of a crowded chat together. `counts` holds how often each thing happened since the start.
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
        mark_repeat: MarkRepeat = say_again,
        reach: Reach = EVERYBODY,
        budget: Budget | None = None,
        gather: Gather = gather_news,
    ) -> None:
        self.channel = channel
        self.policy = policy or DeliveryPolicy()
        self._engine = engine
        self._clock = clock
        self._port = port
        self._machine = machine
        self._reach = reach
        self._choosing = Choosing(channel, budget or Budget(), self.policy.pace, reach, gather)
        chance = random.Random(self.policy.seed)  # noqa: S311 - jitter
        self._outcomes = Outcomes(engine, clock, channel, self.policy, chance)
        self._reading_back = ReadingBack(
            engine,
            clock,
            channel,
            port,
            self.policy,
            outcomes=self._outcomes,
            machine=machine,
            chance=chance,
            mark_repeat=mark_repeat,
        )
        self.counts = self._outcomes.counts
        self._busy = asyncio.Lock()
        self._at_once = self.policy.side_by_side if channel.platform is Platform.TELEGRAM else 1
        self._lane: lanes.Lane | None = None
        self._newest_id: str | None = None  # a message of ours that stands on X
        self._lane_not_before = 0.0
        self._unwritten: list[tuple[OutboxRow, Outcome]] = []
        self._stop = asyncio.Event()

    @property
    def owns_lane(self) -> bool:
        """Whether this is the channel's sender, as far as it knows."""
        return self._lane is not None

    @property
    def paused_until(self) -> datetime | None:
        """Until when (office clock) the platform asked the whole channel to wait, if it did."""
        return self._outcomes.rests_until

    def due_at(self, conn: sa.Connection, first: datetime) -> datetime:
        """When the lane can next send, if its first row is due at `first`."""
        due = self._choosing.due_at(conn, first, self._clock.now())
        return max(due, self.paused_until or due)

    async def send_due(self, limit: int | None = None) -> int:
        """Send what is due now, up to `limit` requests; returns how many were tried. 0 while standing by."""
        async with self._busy:
            if not await self._hold_lane():
                return 0
            await self._write()
            async with UnderWay(self._at_once) as under_way:
                try:
                    return await self._send(under_way, REQUESTS * self._at_once if limit is None else limit)
                except DATABASE_FAULTS:
                    while under_way:  # what the platform answers is written down once the database is back
                        self._unwritten.extend(await under_way.ended())
                    raise

    async def read_back_due(self) -> int:
        """Settle rows of unknown outcome whose quiet time is over; returns how many were settled."""
        async with self._busy:
            if not await self._hold_lane():
                return 0
            await self._write()
            await asyncio.to_thread(self._adopt)
            return await self._reading_back.settle_due()

    def next_due(self) -> datetime | None:
        """When this lane can next send something, on the office clock; blocks on the database."""
        with reading(self._engine) as conn:
            first = outbox.next_due(conn, self.channel.id)
            return None if first is None else self.due_at(conn, first)

    async def run(self, stop: asyncio.Event, wake: asyncio.Event) -> None:
        """Send until `stop`; `wake` (this lane's own) says that there may be something new."""
        self._stop = stop
        try:
            while not stop.is_set():
                try:
                    moved = await self.send_due() + await self.read_back_due()
                except (sa.exc.DBAPIError, DatabaseBusy) as error:
                    if is_conflict(error):
                        continue
                    self._outcomes.log(logging.ERROR, "database", fault_sentence(error), **SELDOM)
                    moved = 0
                if moved == 0:
                    await rest(self.policy.tick, stop, wake)
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
                self._reading_back.begin_anew()
                self._newest_id = await asyncio.to_thread(self._look_back)
        return self._lane is not None

    def _look_back(self) -> str | None:
        """Our newest post on X, whose ids tell the time of their making; on the others ids tell nothing."""
        with reading(self._engine) as conn:
            self._choosing.begin(conn, self._clock.now())
            return outbox.newest_sent_id(conn, self.channel.id) if self.channel.platform is Platform.X else None

    # -- sending -----------------------------------------------------------------------------------------------

    async def _may_ask(self) -> bool:
        """Whether the platform may be asked now; while its circuit is open, a harmless question goes first."""
        now = self._clock.now()
        if self._outcomes.is_paused(now):
            return False
        if not self._outcomes.circuit.must_probe(now):
            return True
        answer = await self._asked(self._port.identify())
        return not isinstance(answer, PlatformError) or await asyncio.to_thread(self._outcomes.probe_failed, answer)

    def _due(self, limit: int, is_idle: bool) -> list[OutboxRow]:
        lane = self._lane
        if lane is None:
            return []
        with writing(self._engine) as conn:
            now = self._clock.now()
            if is_idle:
                self._take_in_orphans(conn, lane, now)
            rows = self._choosing.rows(conn, now, limit)
        if rows:
            passing("delivery.due")
        return rows

    def _adopt(self) -> None:
        lane = self._lane
        if lane is None:
            return
        with reading(self._engine) as conn:
            if not sending.has_orphans(conn, self.channel.id, lane.epoch):
                return
        with writing(self._engine) as conn:
            self._take_in_orphans(conn, lane, self._clock.now())

    def _take_in_orphans(self, conn: sa.Connection, lane: lanes.Lane, now: datetime) -> None:
        """Nothing of this lane is being sent now: what is `sending` was left by an owner that is gone."""
        left = sending.orphans(conn, self.channel.id, lane.epoch, now)
        if left:
            self.counts["orphans"] += len(left)
            self._outcomes.log(logging.WARNING, "owner_gone", f"{len(left)} messages were left half-way; reading back")
            passing("delivery.orphans_written")

    async def _send(self, under_way: UnderWay, limit: int) -> int:
        """Begin whatever can begin and write down whatever has ended, until nothing is due or the lane should rest."""
        tried, go_on = 0, True
        waiting: list[OutboxRow] = []
        look_at = 0.0
        while True:
            picked: list[OutboxRow] = []
            if go_on and tried < limit and under_way.has_room and not self._stop.is_set():
                picked = under_way.pick(waiting := self._choosing.still(waiting, self._clock.now()))
                if (not picked and not under_way) or self._machine() >= look_at:
                    waiting = await self._look(limit - tried, is_idle=not under_way)
                    look_at = self._machine() + self.policy.tick
                    picked = under_way.pick(waiting)
            if picked:
                tried += len(picked)
                go_on = await self._begin(under_way, picked)
                refused = {row.thread for row in picked} - under_way.threads  # a full chat takes none of its rows
                waiting = [row for row in waiting if row not in picked and row.thread not in refused]
            elif under_way:
                self._unwritten.extend(await under_way.ended(self.policy.tick))
                go_on = await self._write() and go_on
            else:
                return tried

    async def _look(self, limit: int, *, is_idle: bool) -> list[OutboxRow]:
        """What is due, if the platform may be asked at all."""
        if not await self._may_ask():
            return []
        probing = self._outcomes.circuit.open_since is not None
        rows = await asyncio.to_thread(self._due, 1 if probing else limit, is_idle)
        if probing and not rows:
            await asyncio.to_thread(self._outcomes.answered)
        return rows

    async def _begin(self, under_way: UnderWay, rows: list[OutboxRow]) -> bool:
        """Commit rows of different chats as `sending`, then let their requests begin; False if the lane is lost."""
        begun = self._machine()
        taken = await asyncio.to_thread(self._take, [row.id for row in rows])
        if self._lane is None:
            return False
        if self._machine() - begun >= self.policy.start_within:
            self.counts["started_too_late"] += len(taken)
            await asyncio.to_thread(self._put_back, taken)
            return True
        passing("delivery.sending_committed")
        for row in taken:
            self._choosing.begun(row, self._clock.now())
            under_way.begin(row, self._request(row, begun))
        return True

    async def _write(self) -> bool:
        """Write down what became of the latest requests; when the database fails, it is done before anything else."""
        if not self._unwritten:
            return True
        try:
            return await asyncio.to_thread(self._write_down)
        except DATABASE_FAULTS:
            raise
        except BaseException:  # the rows stay `sending`: they are read back like those of a dead owner
            self._unwritten.clear()
            raise

    def _write_down(self) -> bool:
        sent = [(row, outcome) for row, outcome in self._unwritten if isinstance(outcome, str)]
        if sent:
            self._sent(sent)
        self._unwritten = [one for one in self._unwritten if not isinstance(one[1], str)]
        go_on = True
        while self._unwritten:
            row, outcome = self._unwritten[0]
            if isinstance(outcome, PlatformError):
                go_on = self._failed(row, outcome) and go_on
            del self._unwritten[0]
        return go_on

    async def _request(self, row: OutboxRow, begun: float) -> Outcome:
        """The one request for a row: the platform's id of the message, or what went wrong."""
        if row.outgoing is None:
            return OutcomeUnknown("no_words", "the words were erased while the row was taken")
        in_time.set(lambda: self._machine() - begun < self.policy.start_within)
        passing("delivery.requesting")
        outcome = await self._asked(self._port.send(row.outgoing))
        passing("delivery.answered")
        return outcome

    async def _asked(self, question: Coroutine[Any, Any, T]) -> T | PlatformError:
        """The platform's answer within the total deadline, or what went wrong."""
        try:
            return await asyncio.wait_for(question, self.policy.deadline)
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
            going = hold_back(conn, self._reach, row_ids, now)
            taken = (sending.mark_sending(conn, row_id, lane.epoch, now, self._newest_id) for row_id in going)
            rows = [row for row in taken if row is not None]
            self._reading_back.goes_again(row.id for row in rows)
            passing("delivery.sending_written")
            return rows

    def _put_back(self, rows: list[OutboxRow]) -> None:
        with writing(self._engine) as conn:
            for row in rows:
                sending.put_back(conn, row.id, epoch_of(row))
            passing("delivery.put_back_written")
        passing("delivery.put_back_committed")

    def _sent(self, rows: list[tuple[OutboxRow, str]]) -> None:
        with writing(self._engine) as conn:
            self._outcomes.note_answer(conn, self._clock.now())
            for row, sent_id in rows:
                kept = sending.mark_sent(conn, row.id, sent_id, self._clock.now())
                self._outcomes.reached(conn, row, self._clock.now())
                self.counts["sent" if kept else "sent_id_taken"] += 1
            passing("delivery.sent_written")
        passing("delivery.sent_committed")
        if self.channel.platform is Platform.X:
            self._newest_id = rows[-1][1] or self._newest_id

    def _failed(self, row: OutboxRow, error: PlatformError) -> bool:
        if isinstance(error, RateLimited) and error.retry_after is not None:
            self._choosing.slowed(row, self._clock.now() + timedelta(seconds=error.retry_after))
        go_on = self._outcomes.failed(row, error)
        if isinstance(error, OutcomeUnknown):
            self._reading_back.unknown_from_now(row.id)
        return go_on
