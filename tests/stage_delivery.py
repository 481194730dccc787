"""One channel with a delivery over a database, and a port that speaks to nothing, for tests of sending."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from bot.clocks import SteppedClock
from bot.delivery import Delivery, DeliveryPolicy
from bot.pace import PacePolicy
from bot.platforms.port import Batch, Identity, Port, ReadBack, Unknown, Watch
from store import boundaries, channels, outbox, outbox_by_hand
from store.alarms import open_alarms
from store.channels import Channel
from store.db import reading, writing
from store.outbound import Outgoing
from store.outbox import NewRow
from store.vocabulary import DeliveryState, OutgoingAct, Platform

AT_ANY_PACE = PacePolicy((), ())
POLICY = DeliveryPolicy(deadline=0.25, lateness=1.0, standby=0.0, seed=1, pace=AT_ANY_PACE)
UNDER_WAY = 0.35  # real seconds after which a late or slow effect of these tests has happened
PATIENT = replace(POLICY, deadline=5.0)
NOW = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)


class Machine:
    """A machine clock that is moved by hand."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


@dataclass
class Stand:
    """One channel with its port, its clocks and a delivery over a database."""

    engine: sa.Engine
    clock: SteppedClock
    port: Port
    channel: Channel
    machine: Machine = field(default_factory=Machine)
    policy: DeliveryPolicy = PATIENT

    def __post_init__(self) -> None:
        self.delivery = self.new_delivery()

    def new_delivery(self, **options: Any) -> Delivery:
        return Delivery(
            self.engine,
            self.clock,
            self.channel,
            self.port,
            options.pop("policy", self.policy),
            machine=self.machine,
            mark_repeat=lambda _conn, outgoing, _now: replace(outgoing, text=f"(again) {outgoing.text}"),
            **options,
        )

    def add(self, step: str, outgoing: Outgoing, destination: str | None = None, **other: Any) -> int:
        row = NewRow(
            channel_id=self.channel.id,
            step_id=step,
            recipient=other.pop("recipient", "r"),
            destination=destination or outgoing.thread_id,
            template="first_reply",
            outgoing=outgoing,
            **other,
        )
        with writing(self.engine) as conn:
            (row_id,) = outbox.add(conn, [row], self.clock.now())
        return row_id

    def state(self, row_id: int) -> DeliveryState:
        return self.row(row_id).state

    def row(self, row_id: int) -> outbox.OutboxRow:
        with reading(self.engine) as conn:
            found = outbox.row_by_id(conn, row_id)
        assert found is not None
        return found

    def alarms(self) -> list[str]:
        with reading(self.engine) as conn:
            return [alarm.code for alarm in open_alarms(conn)]

    def drop(self, row_id: int) -> None:
        """A person ends a message by hand."""
        with writing(self.engine) as conn:
            assert outbox_by_hand.drop_by_hand(conn, row_id, "by_hand", self.clock.now())

    @contextmanager
    def hooked(self, hook: Callable[[str], None]) -> Iterator[None]:
        """`hook` hears of every boundary while this lasts."""
        boundaries.install(hook)
        try:
            yield
        finally:
            boundaries.install(None)

    async def quiet(self) -> int:
        """Let late effects happen and the quiet time pass, then read back."""
        await self.delivery.read_back_due()
        await asyncio.sleep(UNDER_WAY)
        self.machine.seconds += self.policy.quiet
        return await self.delivery.read_back_due()

    async def settle(self) -> None:
        """Go on until nothing is left to do, moving both clocks as time would."""
        for _ in range(20):
            await self.delivery.send_due()
            with reading(self.engine) as conn:
                unknown = outbox.unknown_rows(conn, self.channel.id)
            if unknown:
                await self.quiet()
            due = self.delivery.next_due()
            if due is None and not unknown:
                return
            self.clock.advance_to(due or self.clock.now())
        raise AssertionError("the outbox does not come to rest")


def stand(engine: sa.Engine, clock: SteppedClock, port: Port, **more: Any) -> Stand:
    with writing(engine) as conn:
        channel = channels.register(conn, f"{port.platform.value}-{port.channel}", port.platform)
    return Stand(engine, clock, port, channel, **more)


class Recorder:
    """A port that speaks to nothing: it keeps what it is given and fails as it is told."""

    platform = Platform.X
    channel = "recorder"

    def __init__(self, platform: Platform = Platform.X) -> None:
        self.platform = platform
        self.sent: list[str] = []
        self.failures: list[Exception] = []
        self.on_send: Any = None
        self.shown: ReadBack | None = None

    async def identify(self) -> Identity:
        return Identity("1", "us", "Us")

    async def read(self, cursors: Mapping[str, str], watch: Watch) -> AsyncIterator[Batch]:
        for batch in list[Batch]():
            yield batch

    async def send(self, outgoing: Outgoing) -> str:
        if self.on_send is not None:
            await self.on_send()
        if self.failures:
            raise self.failures.pop(0)
        self.sent.append(outgoing.text)
        return f"id{len(self.sent)}"

    async def read_back(self, unknown: Sequence[Unknown]) -> ReadBack:
        assert self.shown is not None
        return self.shown

    async def fetch(self, ref: str) -> bytes:
        return b""

    async def close(self) -> None:
        return None


def reply(text: str, thread: str = "t1") -> Outgoing:
    return Outgoing(act=OutgoingAct.REPLY, text=text, thread_id=thread, reply_to_id="p1")
