"""A ready Facebook for tests: the emulator on a real socket, and our port speaking to it by facebook-sdk."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from starlette.applications import Starlette
from starlette.routing import Mount

from bot.platforms.facebook import FacebookCredentials, FacebookPort
from bot.platforms.port import Watch, Watched
from bot.sandbox.facebook import FacebookWorld
from bot.sandbox.wire import LoopbackServer
from bot.sandbox.world import World
from store.inbound import Inbound
from store.outbound import Outgoing
from store.vocabulary import OutgoingAct

START = datetime(2026, 11, 24, 4, 30, tzinfo=UTC)
TOKEN = "page-token-that-must-not-leak"
APP_SECRET = "app-secret-that-must-not-leak"


@dataclass
class FacebookRig:
    """The world, the emulator, the server and a port for its one Page."""

    world: World
    facebook: FacebookWorld
    server: LoopbackServer
    port: FacebookPort
    page_id: str
    credentials: FacebookCredentials

    @property
    def graph_url(self) -> str:
        return self.server.url + "/facebook"

    def new_port(self, **options: Any) -> FacebookPort:
        settings = {"graph_url": self.graph_url, "clock": self.world.clock, "timeout": (2, 2), **options}
        return FacebookPort("facebook:cmo", settings.pop("credentials", self.credentials), **settings)

    async def read(
        self, cursors: dict[str, str] | None = None, *, watch: Mapping[str, tuple[str, ...]] | None = None
    ) -> list[Inbound]:
        """One read to its end; `cursors` is moved, `watch` is thread id -> message ids to look up."""
        now = self.world.clock.now()
        threads = tuple(Watched(thread_id, now, ids) for thread_id, ids in (watch or {}).items())
        heard: list[Inbound] = []
        async for batch in self.port.read(cursors or {}, Watch(now, threads)):
            heard.extend(event for event in batch.events if isinstance(event, Inbound))
            if cursors is not None:
                cursors.update(batch.cursors)
        return heard


def reply(thread_id: str, text: str, *, to: str | None = None, **more: Any) -> Outgoing:
    """A public reply under a post or comment."""
    return Outgoing(act=OutgoingAct.REPLY, text=text, thread_id=thread_id, reply_to_id=to or thread_id, **more)


@asynccontextmanager
async def facebook_rig(*, limit_scale: float | None = None, **options: Any) -> AsyncIterator[FacebookRig]:
    """Start an emulated Facebook with one Page and a port for it; `options` go to FacebookWorld."""
    world = World(START, limit_scale=limit_scale)
    facebook = FacebookWorld(world, **options)
    page_id = facebook.add_page(
        "cmohry", "CMO Haryana", token=TOKEN, app_id="1", app_secret=APP_SECRET, verify_token="verify"
    )
    credentials = FacebookCredentials(page_id, TOKEN, "1", APP_SECRET, "verify")
    with LoopbackServer(Starlette(routes=[Mount("/facebook", routes=facebook.routes())])) as server:
        port = FacebookPort(
            "facebook:cmo", credentials, graph_url=server.url + "/facebook", clock=world.clock, timeout=(2, 2)
        )
        yield FacebookRig(world, facebook, server, port, page_id, credentials)
        await port.close()
