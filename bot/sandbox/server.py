"""The sandbox as one server: three emulated platforms, the office clock and the control API on one port.

Owns where each is mounted, the standard accounts and the moving of time. It must not know SMGT's tickets, nor the
platforms' rules.
"""

from __future__ import annotations

import asyncio
import errno
import threading
from datetime import datetime, timedelta
from typing import Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route

from bot.clocks import machine_seconds
from bot.sandbox.control import control_routes
from bot.sandbox.facebook import FacebookWorld
from bot.sandbox.telegram import TelegramWorld
from bot.sandbox.wire import LoopbackServer
from bot.sandbox.world import World
from bot.sandbox.x import XWorld

TICK: Final = 0.2  # real seconds between two looks at clock and webhooks

# Words that open nothing but the sandbox. Fixed, so that two terminals agree without talking to each other.
X_KEYS: Final = {
    "BEARER_TOKEN": "sandbox-bearer-token",
    "CONSUMER_KEY": "sandbox-consumer-key",
    "CONSUMER_SECRET": "sandbox-consumer-secret",
    "ACCESS_TOKEN": "sandbox-access-token",
    "ACCESS_SECRET": "sandbox-access-secret",
}
FACEBOOK_KEYS: Final = {
    "PAGE_TOKEN": "sandbox-page-token",
    "APP_ID": "1000000001",
    "APP_SECRET": "sandbox-app-secret",
    "VERIFY_TOKEN": "sandbox-verify-token",
}
TELEGRAM_KEYS: Final = {"BOT_TOKEN": "7000000001:AAsandbox", "WEBHOOK_SECRET": "sandbox-webhook-secret"}
X_HANDLE: Final = "cmohry"
PAGE_HANDLE: Final = "cmohry"
BOT_NAME: Final = "smgt_sandbox_bot"


class PortTaken(Exception):
    """Another program holds the port; the message is one sentence for the operator."""


class Sandbox:
    """The emulated platforms and their world; `app` serves them, `serve` puts it on a loopback port."""

    def __init__(self, world: World, x: XWorld, facebook: FacebookWorld, telegram: TelegramWorld) -> None:
        self.world = world
        self.x = x
        self.facebook = facebook
        self.telegram = telegram
        self.app = Starlette(
            routes=[
                Mount("/x", routes=x.routes()),
                Mount("/facebook", routes=facebook.routes()),
                Mount("/control", routes=control_routes(world, x, facebook, telegram)),
                Route("/clock", self._tell_time, methods=["GET"]),
                *telegram.routes(),
            ]
        )
        self._server: LoopbackServer | None = None
        self._life: _Life | None = None

    @property
    def url(self) -> str:
        """The server's address. Raises RuntimeError while it is not served."""
        if self._server is None:
            raise RuntimeError("The sandbox has no address before serve().")
        return self._server.url

    @property
    def urls(self) -> dict[str, str]:
        """The addresses as environment variables of `smgt run`."""
        return {
            "SMGT_X_API_URL": f"{self.url}/x",
            "SMGT_FACEBOOK_GRAPH_URL": f"{self.url}/facebook",
            "SMGT_TELEGRAM_API_URL": f"{self.url}/telegram",
            "SMGT_CLOCK_URL": f"{self.url}/clock",
        }

    def serve(self, port: int = 0, *, pace: float | None = None) -> Sandbox:
        """Answer on 127.0.0.1; port 0 takes a free one. Use it in a `with`, or call `stop`.

        `pace`: office seconds in one real second, with webhooks delivered as they come; None: time and webhooks
        move only when told. Raises PortTaken.
        """
        if self._server is not None:
            raise RuntimeError("The sandbox is being served already.")
        try:
            self._server = LoopbackServer(self.app, port).start()
        except OSError as error:
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise
            raise PortTaken(
                f"Port {port} on this machine is in use or not allowed; stop the other program or choose another port."
            ) from error
        if pace is not None:
            self._life = _Life(self, pace)
        return self

    def stop(self) -> None:
        """Stop answering and free the port."""
        if self._life is not None:
            self._life.stop()
            self._life = None
        if self._server is not None:
            self._server.stop()
            self._server = None

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    async def _tell_time(self, _request: Request) -> JSONResponse:
        return JSONResponse({"now": self.world.clock.now().isoformat()})


class _Life:
    """Moves the clock and delivers webhooks, in two threads: a slow listener must not slow the time."""

    def __init__(self, sandbox: Sandbox, pace: float) -> None:
        self._sandbox = sandbox
        self._pace = pace
        self._ended = threading.Event()
        works = {"smgt-sandbox-clock": self._tick, "smgt-sandbox-webhooks": self._call}
        self._threads = [threading.Thread(target=work, name=name, daemon=True) for name, work in works.items()]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join(30)

    def _tick(self) -> None:
        last = machine_seconds()
        while not self._ended.wait(TICK):
            now = machine_seconds()
            self._sandbox.world.clock.advance(timedelta(seconds=(now - last) * self._pace))
            last = now

    def _call(self) -> None:
        while not self._ended.wait(TICK):
            asyncio.run(self._deliver())

    async def _deliver(self) -> None:
        await self._sandbox.facebook.deliver_webhooks()
        await self._sandbox.telegram.deliver_webhooks()


def build(
    world: World | None = None,
    *,
    start: datetime | None = None,
    seed: int = 0,
    limit_scale: float | None = 1.0,
) -> Sandbox:
    """A sandbox without accounts. `start`, `seed` and `limit_scale` make the world when none is given."""
    world = world or World(start, seed=seed, limit_scale=limit_scale)
    return Sandbox(world, XWorld(world), FacebookWorld(world), TelegramWorld(world))


def standard_accounts(sandbox: Sandbox) -> dict[str, str]:
    """Make the office's X account, Facebook Page and Telegram bot; environment variables that let `smgt run` use them.

    Saying it again changes nothing. The platforms' addresses are among the variables once the sandbox is served.
    """
    sandbox.x.add_official(
        X_HANDLE, "CMO Haryana (sandbox)", **{_ARGUMENT_OF[key]: value for key, value in X_KEYS.items()}
    )
    named = {"cmohry": X_KEYS, "cmo": {"PAGE_ID": _page(sandbox), **FACEBOOK_KEYS}, "desk": TELEGRAM_KEYS}
    bot_id = int(TELEGRAM_KEYS["BOT_TOKEN"].partition(":")[0])
    if bot_id not in sandbox.telegram.bots:
        sandbox.telegram.add_bot(TELEGRAM_KEYS["BOT_TOKEN"], BOT_NAME)
    return {
        "SMGT_CHANNELS": "x:cmohry facebook:cmo telegram:desk",
        **{f"SMGT_{name.upper()}_{key}": value for name, keys in named.items() for key, value in keys.items()},
        **(sandbox.urls if sandbox._server is not None else {}),
    }


_ARGUMENT_OF: Final = {
    "BEARER_TOKEN": "bearer",
    "CONSUMER_KEY": "consumer_key",
    "CONSUMER_SECRET": "consumer_secret",
    "ACCESS_TOKEN": "access_token",
    "ACCESS_SECRET": "access_secret",
}


def _page(sandbox: Sandbox) -> str:
    for page in sandbox.facebook.pages.values():
        if page.handle == PAGE_HANDLE:
            return page.id
    return sandbox.facebook.add_page(
        PAGE_HANDLE,
        "CMO Haryana (sandbox)",
        token=FACEBOOK_KEYS["PAGE_TOKEN"],
        app_id=FACEBOOK_KEYS["APP_ID"],
        app_secret=FACEBOOK_KEYS["APP_SECRET"],
        verify_token=FACEBOOK_KEYS["VERIFY_TOKEN"],
    )
