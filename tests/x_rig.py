"""An emulated X on loopback with one official account and a port to it, ready to use."""

from __future__ import annotations

import asyncio
import atexit
import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import tweepy
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.types import ASGIApp

from bot.platforms.http import PlatformSession
from bot.platforms.port import Batch, Watch, Watched
from bot.platforms.x import XCredentials, XPort
from bot.sandbox.wire import LoopbackServer
from bot.sandbox.world import Fault, FaultKind, World
from bot.sandbox.x import XWorld
from store.inbound import Inbound
from store.outbound import Outgoing
from store.vocabulary import OutgoingAct, Platform

START = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
HANDLE = "cmohry_demo"
_NUMBERS = itertools.count(1)
KEYS = {
    "bearer": "bearer-of-the-office",
    "consumer_key": "consumer-key-of-the-office",
    "consumer_secret": "consumer-secret-of-the-office",
    "access_token": "1-access-token-of-the-office",
    "access_secret": "access-secret-of-the-office",
}


@dataclass
class XRig:
    """World, emulator, its address and a port together."""

    world: World
    x: XWorld
    api_url: str
    port: XPort
    me: str

    def sdk(self, **changed: str) -> tweepy.Client:
        """A plain tweepy client of the account, without SMGT's adapter."""
        keys = {**KEYS, **changed}
        client = tweepy.Client(
            keys["bearer"], keys["consumer_key"], keys["consumer_secret"], keys["access_token"],
            keys["access_secret"], return_type=dict,
        )  # fmt: skip
        client.session.close()
        client.session = PlatformSession("https://api.twitter.com", self.api_url, (5, 5))
        return client

    def fault(self, operation: str, kind: FaultKind, **more: Any) -> None:
        self.world.faults.add(Fault(Platform.X, operation, kind, **more))

    def later(self, **by: float) -> None:
        self.world.clock.advance(timedelta(**by))

    async def batches(self, cursors: dict[str, str] | None = None, *threads: Watched) -> list[Batch]:
        watch = Watch(self.world.clock.now(), threads)
        return [batch async for batch in self.port.read(cursors or {}, watch)]

    async def heard(self, cursors: dict[str, str] | None = None, *threads: Watched) -> list[Inbound]:
        """All events of one read, each key once; `cursors` moves along."""
        events: dict[str, Inbound] = {}
        for batch in await self.batches(cursors, *threads):
            events |= {event.key: event for event in batch.events if isinstance(event, Inbound)}
            if cursors is not None:
                cursors.update(batch.cursors)
        return list(events.values())

    def answer(self, post_id: str, text: str = "Your complaint has the number HRY26-000001-4.") -> Outgoing:
        return Outgoing(act=OutgoingAct.REPLY, text=text, thread_id=post_id, reply_to_id=post_id)


@cache
def _stage() -> tuple[Starlette, LoopbackServer]:
    """One server for the whole test run: starting and stopping one for each test would take most of the time."""
    stage = Starlette()
    server = LoopbackServer(stage).start()
    atexit.register(server.stop)
    return stage, server


@contextmanager
def served(app: ASGIApp) -> Iterator[str]:
    """The address of an app on loopback, under a path of its own."""
    stage, server = _stage()
    mount = Mount(f"/{next(_NUMBERS)}", app=app)
    stage.router.routes.append(mount)
    try:
        yield f"{server.url}{mount.path}"
    finally:
        stage.router.routes.remove(mount)


def close_port(port: XPort) -> None:
    """Close it in a thread of its own: a loop may run in this one."""
    closing = threading.Thread(target=asyncio.run, args=(port.close(),))
    closing.start()
    closing.join()


@contextmanager
def ready_x(*, limit_scale: float | None = 1.0, **port_options: Any) -> Iterator[XRig]:
    """A running rig; at the end the port is closed and the emulator gone."""
    world = World(START, limit_scale=limit_scale)
    x = XWorld(world)
    me = x.add_official(HANDLE, "Office of the Chief Minister (demo)", **KEYS)
    with served(Starlette(routes=[Mount("/x", routes=x.routes())])) as url:
        port_options.setdefault("api_url", f"{url}/x")
        port = XPort("x-office", XCredentials(**KEYS), clock=world.clock, **port_options)
        try:
            yield XRig(world, x, f"{url}/x", port, me)
        finally:
            close_port(port)


@contextmanager
def ready_x_port(rig: XRig, **port_options: Any) -> Iterator[XRig]:
    """The same emulated world with another port."""
    port_options.setdefault("api_url", rig.api_url)
    port = XPort("x-office", XCredentials(**KEYS), clock=rig.world.clock, **port_options)
    try:
        yield XRig(rig.world, rig.x, rig.api_url, port, rig.me)
    finally:
        close_port(port)
