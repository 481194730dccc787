"""A ready emulated Telegram with a bot, a desk of two officers and our adapter, for any test."""

from __future__ import annotations

import atexit
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any
from uuid import uuid4

from starlette.applications import Starlette
from starlette.routing import Mount

from bot.platforms.port import Batch, Watch
from bot.platforms.telegram import TelegramPort
from bot.sandbox.telegram import TelegramWorld
from bot.sandbox.wire import LoopbackServer
from bot.sandbox.world import Fault, FaultKind, World
from store.inbound import DeskUpdate
from store.outbound import Button, Outgoing
from store.vocabulary import OutgoingAct, Platform

START = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
TOKEN = "7000000001:AAsandbox"
BUTTONS = ((Button("Accept", "t:1:accept"), Button("Forward", "t:1:forward")),)


@dataclass
class TelegramStage:
    """`bot` is the bot's id; `kavita` and `ramesh` are officers in the group `desk`."""

    world: World
    telegram: TelegramWorld
    api_url: str
    port: TelegramPort
    bot: int
    desk: int
    kavita: int
    ramesh: int

    def fails(self, operation: str, kind: FaultKind, **more: Any) -> None:
        """Switch on one fault of the emulated Telegram."""
        self.world.faults.add(Fault(Platform.TELEGRAM, operation, kind, **more))

    def message(self, text: str = "HRY26-000001-4", **more: Any) -> Outgoing:
        """A message to the desk."""
        return Outgoing(
            act=more.pop("act", OutgoingAct.MESSAGE),
            text=text,
            thread_id=more.pop("thread_id", str(self.desk)),
            **more,
        )

    async def batches(self, offset: str | None = None) -> list[Batch]:
        """One read from this offset."""
        cursors = {"offset": offset} if offset else {}
        return [batch async for batch in self.port.read(cursors, Watch(now=START))]

    async def heard(self, offset: str | None = None) -> list[DeskUpdate]:
        """The events of one read."""
        events = [event for batch in await self.batches(offset) for event in batch.events]
        assert all(isinstance(event, DeskUpdate) for event in events)
        return events  # type: ignore[return-value]


@cache
def shared_server() -> tuple[Starlette, LoopbackServer]:
    """One server for all stages of this test run; starting one costs a fifth of a second."""
    app = Starlette()
    server = LoopbackServer(app).start()
    atexit.register(server.stop)
    return app, server


@asynccontextmanager
async def telegram_stage(
    *,
    limit_scale: float | None = 1.0,
    supergroup: bool = True,
    privacy_mode: bool = False,
    forum_topics: tuple[str, ...] = (),
    **port_options: Any,
) -> AsyncIterator[TelegramStage]:
    """A stage that is taken down at the end. The bot hears the whole group unless `privacy_mode`."""
    world = World(START, limit_scale=limit_scale)
    telegram = TelegramWorld(world)
    bot = telegram.add_bot(TOKEN, "smgt_haryana_bot", privacy_mode=privacy_mode)
    kavita, ramesh = telegram.add_user("Kavita Devi", "kavita"), telegram.add_user("Ramesh", "ramesh")
    desk = telegram.add_group("PWD Hisar", members=[kavita, ramesh], forum_topics=forum_topics, supergroup=supergroup)
    telegram.bots[bot].updates.clear()  # the bot's own joining
    app, server = shared_server()
    mount = Mount(f"/{uuid4().hex}", routes=telegram.routes())
    app.router.routes.append(mount)
    api_url = f"{server.url}{mount.path}/telegram"
    port = TelegramPort("tg", TOKEN, api_url=api_url, clock=world.clock, **({"timeout": 2.0} | port_options))
    try:
        yield TelegramStage(world, telegram, api_url, port, bot, desk, kavita, ramesh)
    finally:
        await port.close()
        app.router.routes.remove(mount)
