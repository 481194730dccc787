"""The sandbox as one server: the real adapters reach all three platforms by the standard accounts' environment."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bot.platforms.facebook import FacebookPort
from bot.platforms.telegram import TelegramPort
from bot.platforms.x import XPort
from bot.sandbox.server import PortTaken, Sandbox, build, standard_accounts
from bot.sandbox.wire import LoopbackServer
from bot.settings import load_settings
from store.vocabulary import Platform

START = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with build(start=START, limit_scale=None).serve() as served:
        yield served


async def test_the_environment_alone_lets_the_real_adapters_in(sandbox: Sandbox) -> None:
    settings = load_settings(standard_accounts(sandbox))
    assert settings.missing_to_run() == ()
    x, facebook, telegram = settings.channels
    clock = sandbox.world.clock
    ports = (
        XPort(x.name, x.x(), api_url=settings.x_api_url, clock=clock),
        FacebookPort(facebook.name, facebook.facebook(), graph_url=settings.facebook_graph_url, clock=clock),
        TelegramPort(telegram.name, telegram.credentials["BOT_TOKEN"], api_url=settings.telegram_api_url, clock=clock),
    )
    try:
        found = {port.platform: (await port.identify()).handle for port in ports}
    finally:
        for port in ports:
            await port.close()
    assert found == {Platform.X: "cmohry", Platform.FACEBOOK: "cmohry", Platform.TELEGRAM: "smgt_sandbox_bot"}


def test_the_standard_accounts_are_made_once(sandbox: Sandbox) -> None:
    first = standard_accounts(sandbox)
    assert standard_accounts(sandbox) == first
    assert len(sandbox.x.accounts) == len(sandbox.facebook.pages) == len(sandbox.telegram.bots) == 1


def test_two_sandboxes_agree_on_every_credential() -> None:
    assert standard_accounts(build(start=START)) == standard_accounts(build(start=START, seed=5))


def test_a_taken_port_is_one_sentence(sandbox: Sandbox) -> None:
    port = int(sandbox.url.rpartition(":")[2])
    with pytest.raises(PortTaken, match=rf"^Port {port} on this machine is in use .* choose another port\.$"):
        build(start=START).serve(port)


def test_a_stopped_sandbox_frees_its_port() -> None:
    sandbox = build(start=START).serve()
    port = int(sandbox.url.rpartition(":")[2])
    sandbox.stop()
    with build(start=START).serve(port) as again:
        assert again.url.endswith(f":{port}")


def test_time_stands_still_unless_it_has_a_pace(sandbox: Sandbox) -> None:
    with httpx.Client(trust_env=False) as client:
        assert client.get(sandbox.urls["SMGT_CLOCK_URL"]).json() == {"now": "2026-11-24T04:00:00+00:00"}
    with build(start=START).serve(pace=3600.0) as lively:
        end = time.monotonic() + 5
        while lively.world.clock.now() < START + timedelta(minutes=10) and time.monotonic() < end:
            time.sleep(0.02)
        assert lively.world.clock.now() >= START + timedelta(minutes=10)
    assert sandbox.world.clock.now() == START


def test_a_lively_sandbox_delivers_webhooks() -> None:
    came: list[str] = []

    async def listen(request: Request) -> Response:
        came.append((await request.json())["object"])
        return Response()

    listener = Starlette(routes=[Route("/", listen, methods=["POST"])])
    with LoopbackServer(listener) as server, build(start=START).serve(pace=1.0) as lively:
        standard_accounts(lively)
        lively.facebook.subscribe(server.url)
        lively.facebook.tag_post("sunita", "water")
        end = time.monotonic() + 5
        while not came and time.monotonic() < end:
            time.sleep(0.02)
    assert came == ["page"]
