"""The three platforms with one face, for tests that hold for each: people speak, our adapter reads and answers.

One server for all tests of a worker; each stage has a fresh sandbox behind it.
"""

from __future__ import annotations

import atexit
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from bot.platforms.facebook import FacebookPort
from bot.platforms.port import Batch, PlatformError, Port, Unknown, Watch
from bot.platforms.telegram import TelegramPort
from bot.platforms.x import XPort
from bot.sandbox.server import FACEBOOK_KEYS, TELEGRAM_KEYS, X_KEYS, Sandbox, build, standard_accounts
from bot.sandbox.wire import LoopbackServer
from bot.sandbox.world import Fault, FaultKind
from bot.settings import load_settings
from store.inbound import DeskUpdate, Inbound
from store.outbound import Outgoing
from store.vocabulary import OutgoingAct, Platform

START = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
WORDS = "the old well behind the school is dry"  # a citizen's, never to be logged
NUMBER = "Your complaint has the number HRY26-000001-4."
Event = Inbound | DeskUpdate


@dataclass
class _Switch:
    """The app whose turn it is."""

    app: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert self.app is not None
        await self.app(scope, receive, send)


@cache
def shared_server() -> tuple[_Switch, LoopbackServer]:
    """Starting a server takes longer than most tests."""
    switch = _Switch()
    server = LoopbackServer(switch).start()
    atexit.register(server.stop)
    return switch, server


@dataclass
class Stage:
    """One platform on the stage. `told` holds every failure as a log would print it."""

    sandbox: Sandbox
    url: str
    ports: list[Port] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    platform: Platform = field(init=False)
    identify_op: str = field(init=False)
    read_op: str = field(init=False)
    send_op: str = field(init=False)
    handle: str = field(init=False)

    # what differs

    def say(self, who: str, text: str) -> Outgoing:
        """A person says something to us; an answer to it, still without words."""
        raise NotImplementedError

    def join(self, outgoing: Outgoing, who: str, text: str) -> Outgoing:
        """Another person says something to us in the same thread; an answer to that."""
        raise NotImplementedError

    def seen(self) -> dict[str, str]:
        """Our messages that stand on the platform: id -> text."""
        raise NotImplementedError

    def new_port(self, timeout: float = 5.0, *, url: str | None = None) -> Port:
        """Another adapter of the same account; `url` for a server elsewhere."""
        raise NotImplementedError

    def secrets(self) -> list[str]:
        raise NotImplementedError

    # what does not

    def environment(self, url: str | None) -> dict[str, str]:
        base = url or self.url
        return {
            **standard_accounts(self.sandbox),
            "SMGT_X_API_URL": f"{base}/x",
            "SMGT_FACEBOOK_GRAPH_URL": f"{base}/facebook",
            "SMGT_TELEGRAM_API_URL": f"{base}/telegram",
        }

    def opened(self, port: Port) -> Port:
        self.ports.append(port)
        return port

    def fails(self, operation: str, kind: FaultKind, **more: Any) -> None:
        self.sandbox.world.faults.add(Fault(self.platform, operation, kind, **more))

    def watch(self) -> Watch:
        return Watch(self.sandbox.world.clock.now())

    async def batches(self, port: Port, cursors: Mapping[str, str]) -> list[Batch]:
        return [batch async for batch in port.read(cursors, self.watch())]

    async def failure(self, doing: Any) -> PlatformError:
        """The error this ends in; anything but a PlatformError fails the test."""
        try:
            await doing
        except PlatformError as error:
            self.told += ["".join(traceback.format_exception(error)), repr(error), error.sentence, error.code]
            return error
        raise AssertionError("it ended well")

    def unknown(self, row_id: int, outgoing: Outgoing, taken: Sequence[str] = ()) -> Unknown:
        return Unknown(row_id, outgoing, self.sandbox.world.clock.now(), frozenset(taken))


class XStage(Stage):
    platform = Platform.X
    identify_op, read_op, send_op = "me", "mentions", "create"
    handle = "cmohry"

    def say(self, who: str, text: str) -> Outgoing:
        post = self.sandbox.x.post(who, f"@cmohry {text}")
        return Outgoing(act=OutgoingAct.REPLY, thread_id=post, reply_to_id=post)

    def join(self, outgoing: Outgoing, who: str, text: str) -> Outgoing:
        post = self.sandbox.x.post(who, f"@cmohry {text}", in_reply_to=outgoing.thread_id)
        return replace(outgoing, reply_to_id=post)

    def seen(self) -> dict[str, str]:
        return {post.id: post.said for post in self.sandbox.x.posts_by("cmohry")}

    def new_port(self, timeout: float = 5.0, *, url: str | None = None) -> Port:
        settings = load_settings(self.environment(url))
        return self.opened(
            XPort(
                "cmohry",
                settings.channels[0].x(),
                api_url=settings.x_api_url,
                clock=self.sandbox.world.clock,
                timeout=(timeout, timeout),
            )
        )

    def secrets(self) -> list[str]:
        return list(X_KEYS.values())


class FacebookStage(Stage):
    platform = Platform.FACEBOOK
    identify_op, read_op, send_op = "me", "tagged", "comment"
    handle = "cmohry"

    def say(self, who: str, text: str) -> Outgoing:
        post = self.sandbox.facebook.tag_post(who, text)
        return Outgoing(act=OutgoingAct.REPLY, thread_id=post, reply_to_id=post)

    def join(self, outgoing: Outgoing, who: str, text: str) -> Outgoing:
        return replace(outgoing, reply_to_id=self.sandbox.facebook.comment(who, outgoing.thread_id, text))

    def seen(self) -> dict[str, str]:
        return {story["id"]: story["text"] for story in self.sandbox.facebook.posts_by_page()}

    def new_port(self, timeout: float = 5.0, *, url: str | None = None) -> Port:
        settings = load_settings(self.environment(url))
        return self.opened(
            FacebookPort(
                "cmo",
                settings.channels[1].facebook(),
                graph_url=settings.facebook_graph_url,
                clock=self.sandbox.world.clock,
                timeout=(timeout, timeout),
            )
        )

    def secrets(self) -> list[str]:
        proof = load_settings(self.environment(None)).channels[1].facebook().proof
        return [FACEBOOK_KEYS["PAGE_TOKEN"], FACEBOOK_KEYS["APP_SECRET"], FACEBOOK_KEYS["VERIFY_TOKEN"], proof]


class TelegramStage(Stage):
    platform = Platform.TELEGRAM
    identify_op, read_op, send_op = "getMe", "getUpdates", "sendMessage"
    handle = "smgt_sandbox_bot"

    def say(self, who: str, text: str) -> Outgoing:
        bot = next(iter(self.sandbox.telegram.bots))
        user = self.sandbox.telegram.add_user(who)
        message = self.sandbox.telegram.write(user, bot, text)
        return Outgoing(act=OutgoingAct.MESSAGE, thread_id=str(user), reply_to_id=str(message))

    def join(self, outgoing: Outgoing, who: str, text: str) -> Outgoing:
        return self.say(who, text)  # a private chat has no second person

    def seen(self) -> dict[str, str]:
        return {
            f"{chat.id}:{message.id}": message.text
            for chat in self.sandbox.telegram.private.values()
            for message in chat.messages.values()
            if message.sender.is_bot and not message.is_deleted
        }

    def new_port(self, timeout: float = 5.0, *, url: str | None = None) -> Port:
        settings = load_settings(self.environment(url))
        return self.opened(
            TelegramPort(
                "desk",
                settings.channels[2].credentials["BOT_TOKEN"],
                api_url=settings.telegram_api_url,
                clock=self.sandbox.world.clock,
                timeout=timeout,
            )
        )

    def secrets(self) -> list[str]:
        return [TELEGRAM_KEYS["BOT_TOKEN"].partition(":")[2], TELEGRAM_KEYS["WEBHOOK_SECRET"]]


STAGES: dict[Platform, type[Stage]] = {
    Platform.X: XStage,
    Platform.FACEBOOK: FacebookStage,
    Platform.TELEGRAM: TelegramStage,
}


def set_stage(platform: Platform) -> Stage:
    """A fresh sandbox with the standard accounts, in front of everybody."""
    switch, server = shared_server()
    sandbox = build(start=START, limit_scale=None)
    standard_accounts(sandbox)
    switch.app = sandbox.app
    return STAGES[platform](sandbox, server.url)
