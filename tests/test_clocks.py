"""The office clocks: only forward, always aware, and the sandbox's clock from afar."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from bot.clocks import ClockUnavailable, RemoteClock, SteppedClock
from bot.sandbox.server import Sandbox, build
from bot.sandbox.wire import LoopbackServer

START = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with build(start=START).serve() as served:
        yield served


def test_a_stepped_clock_only_moves_forward() -> None:
    clock = SteppedClock(START)
    with pytest.raises(ValueError, match=r"only moves forward\.$"):
        clock.advance(timedelta(seconds=-1))
    assert clock.advance_to(START - timedelta(days=1)) == START
    assert clock.advance(timedelta(minutes=5)) == clock.now() == START + timedelta(minutes=5)


def test_a_stepped_clock_needs_a_zone() -> None:
    with pytest.raises(ValueError, match="needs a start time with a time zone"):
        SteppedClock(START.replace(tzinfo=None))


def test_the_remote_clock_tells_the_sandboxs_time(sandbox: Sandbox) -> None:
    clock = RemoteClock(sandbox.urls["SMGT_CLOCK_URL"], fresh_seconds=0)
    assert clock.now() == START
    sandbox.world.clock.advance(timedelta(hours=3))
    assert clock.now() == START + timedelta(hours=3)
    assert clock.now().tzinfo is UTC
    clock.close()


def test_the_remote_clock_is_at_most_a_moment_behind(sandbox: Sandbox) -> None:
    asked = 0
    app = sandbox.app

    async def counted(scope: dict, receive: object, send: object) -> None:  # type: ignore[type-arg]
        nonlocal asked
        asked += 1
        await app(scope, receive, send)  # type: ignore[arg-type]

    with LoopbackServer(counted) as server:  # type: ignore[arg-type]
        lasting = RemoteClock(f"{server.url}/clock", fresh_seconds=60)
        assert [lasting.now() for _ in range(100)] == [START] * 100
        assert asked == 1
        usual = RemoteClock(f"{server.url}/clock")
        usual.now()
        sandbox.world.clock.advance(timedelta(hours=1))
        deadline = datetime.now(UTC) + timedelta(milliseconds=50)
        while datetime.now(UTC) < deadline:
            pass
        assert usual.now() == START + timedelta(hours=1)
        lasting.close()
        usual.close()


def test_a_clock_that_does_not_answer_is_told_clearly() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        clock = RemoteClock(f"http://127.0.0.1:{taken.getsockname()[1]}/clock", timeout=0.5)
        with pytest.raises(ClockUnavailable, match=r"does not answer \(ConnectError\); start the sandbox or unset"):
            clock.now()
        clock.close()


@pytest.mark.parametrize(
    "said", ["<html>", "{}", "[]", '{"now": 5}', '{"now": "soon"}', '{"now": "2026-11-24T09:00:00"}']
)
def test_a_clock_that_tells_no_time_is_told_clearly(said: str) -> None:
    async def answer(_request: Request) -> Response:
        return PlainTextResponse(said)

    with LoopbackServer(Starlette(routes=[Route("/clock", answer)])) as server:
        clock = RemoteClock(f"{server.url}/clock")
        with pytest.raises(ClockUnavailable, match=r"/clock does not tell a time with its zone; give SMGT_CLOCK_URL"):
            clock.now()
        clock.close()
