"""What platforms may answer to a read although they never should: told with its cause, parked or asked again, never fatal.

The real SDKs read the emulators' answers after somebody on the way has changed them.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from stage_platforms import START, WORDS, Stage, set_stage, shared_server
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.intake import Intake
from bot.platforms.port import Port
from bot.sandbox.world import FaultKind
from store import channels
from store.channels import Channel
from store.db import reading, writing
from store.gaps import all_gaps
from store.tables import inbox
from store.vocabulary import InboxState, Platform

READ_PATHS = ("/mentions", "/tagged", "/getUpdates")
Change = Callable[[Any], Any]


class Tampered:
    """The platform with somebody on the way who changes what a read is answered."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.paths: tuple[str, ...] = READ_PATHS
        self.change: Change | None = None
        self.headers: dict[str, str] = {}
        self.asked = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not str(scope["path"]).endswith(self.paths):
            await self.app(scope, receive, send)
            return
        self.asked += 1
        begun: Message = {}
        body = b""

        async def kept(message: Message) -> None:
            nonlocal begun, body
            if message["type"] == "http.response.start":
                begun = message
                return
            body += message.get("body", b"")
            if not message.get("more_body"):
                await self._send(begun, body, send)

        await self.app(scope, receive, kept)

    async def _send(self, begun: Message, body: bytes, send: Send) -> None:
        if self.change is not None:
            changed = self.change(json.loads(body))
            body = changed if isinstance(changed, bytes) else json.dumps(changed).encode()
        headers = {name: value for name, value in begun["headers"] if name != b"content-length"}
        headers |= {name.encode(): value.encode() for name, value in self.headers.items()}
        headers[b"content-length"] = str(len(body)).encode()
        await send({**begun, "headers": list(headers.items())})
        await send({"type": "http.response.body", "body": body})


class Read:
    """One platform, its reader, and the database behind it."""

    def __init__(self, stage: Stage, engine: sa.Engine, way: Tampered) -> None:
        self.stage, self.engine, self.way = stage, engine, way
        self.machine = 0.0
        with writing(engine) as conn:
            self.channel: Channel = channels.register(conn, stage.platform.value, stage.platform)
        self.port: Port = stage.new_port()
        self.intake = Intake(engine, stage.sandbox.world.clock, self.channel, self.port, machine=lambda: self.machine)

    async def once(self) -> int:
        self.machine += 1000
        return await self.intake.read_once()

    def later(self, **by: float) -> None:
        self.stage.sandbox.world.clock.advance(timedelta(**by))

    def states(self) -> dict[str, int]:
        with reading(self.engine) as conn:
            rows = conn.execute(sa.select(inbox.c.state, sa.func.count()).group_by(inbox.c.state))
            return {row[0]: row[1] for row in rows}

    def parked(self) -> list[str]:
        with reading(self.engine) as conn:
            return list(conn.scalars(sa.select(inbox.c.error).where(inbox.c.state == InboxState.PARKED)))

    def payloads(self) -> list[dict[str, Any]]:
        with reading(self.engine) as conn:
            found = conn.scalars(sa.select(inbox.c.payload).where(inbox.c.state == InboxState.PENDING))
            return [json.loads(one)["heard"] for one in found if one]

    def items(self, answer: Any) -> list[Any]:
        """The list of what was read, inside the answer; changing it changes the answer."""
        found: list[Any] = (
            answer["result"] if self.stage.platform is Platform.TELEGRAM else answer.setdefault("data", [])
        )
        return found


@pytest.fixture(params=list(Platform))
async def read(request: pytest.FixtureRequest, sqlite_engine: sa.Engine) -> AsyncIterator[Read]:
    stage = set_stage(request.param)
    way = Tampered(stage.sandbox.app)
    shared_server()[0].app = way
    one = Read(stage, sqlite_engine, way)
    yield one
    for port in stage.ports:
        await port.close()


NONSENSE: list[Any] = [
    None,
    "a word",
    7,
    [],
    {},
    {"id": None},
    {"id": {}},
    {"update_id": "x"},
    {"id": "", "created_time": 3},
]


async def test_what_is_no_object_is_parked_once_and_costs_the_others_nothing(
    read: Read, caplog: pytest.LogCaptureFixture
) -> None:
    def with_nonsense(answer: Any) -> Any:
        read.items(answer)[0:0] = NONSENSE
        return answer

    read.way.change = with_nonsense
    for number in range(3):
        read.stage.say("sunita", f"{WORDS} {number}")
    await read.once()
    read.later(minutes=1)
    read.stage.say("ramesh", WORDS)
    await read.once()
    assert read.intake.last_error is None
    assert read.states() == {"pending": 4, "parked": len(NONSENSE)}
    assert all(read.parked())
    told = [record for record in caplog.records if getattr(record, "code", "") == "unreadable"]
    assert len(told) == len(NONSENSE), "each is told once"


async def test_what_nobody_signed_is_kept_without_an_author(read: Read) -> None:
    def unsigned(answer: Any) -> Any:
        for item in read.items(answer):
            for one in (item, item.get("message")):
                for name in ("author_id", "from"):
                    if isinstance(one, dict):
                        one.pop(name, None)
        answer.pop("includes", None)
        return answer

    read.way.change = unsigned
    read.stage.say("sunita", WORDS)
    await read.once()
    (heard,) = read.payloads()
    assert heard["author"] is None
    assert WORDS in heard["text"]


def _dated(read: Read, told: Any) -> Change:
    def change(answer: Any) -> Any:
        for item in read.items(answer):
            for one in (item, item.get("message")):
                for name in ("created_at", "created_time", "date"):
                    if isinstance(one, dict) and name in one:
                        one[name] = told
            item.pop("tagged_time", None)
        return answer

    return change


@pytest.mark.parametrize("told", ["2999-01-01T00:00:00+0000", "2999-01-01T00:00:00.000Z", 32472144000])
async def test_a_date_in_the_future_skips_nothing_that_comes_meanwhile(read: Read, told: Any) -> None:
    read.way.change = _dated(read, told)
    read.stage.say("sunita", WORDS)
    await read.once()
    read.way.change = None
    read.later(minutes=5)
    read.stage.say("ramesh", f"{WORDS} 2")
    assert await read.once() >= 1
    assert read.intake.last_error is None
    with reading(read.engine) as conn:
        latest = conn.scalars(sa.select(sa.func.max(inbox.c.occurred_at))).one()
    assert latest <= read.stage.sandbox.world.clock.now()
    assert any(f"{WORDS} 2" in heard["text"] for heard in read.payloads())


@pytest.mark.parametrize("told", ["yesterday", "", None, -1, 1e300, True, {}, "2026-13-45T99:99:99+0000"])
async def test_a_date_that_cannot_be_read_loses_nothing(read: Read, told: Any) -> None:
    """X's ids tell the time too, Telegram's updates come when they happen; what Facebook dates so is parked."""
    read.way.change = _dated(read, told)
    read.stage.say("sunita", WORDS)
    await read.once()
    assert read.intake.last_error is None
    assert sum(read.states().values()) == 1
    read.way.change = None
    read.later(minutes=5)
    await read.once()
    assert any(WORDS in heard["text"] for heard in read.payloads())


SHAPES: list[Any] = [
    b"",
    b"null",
    b"[]",
    b"7",
    b'"words"',
    b"\xff\xfe",
    b"{",
    {"data": {}, "result": {}, "ok": True},
    {"data": "x", "result": "x", "ok": True, "meta": {}},
    {"data": [], "meta": [1], "paging": [1], "result": 5, "ok": True},
    {"data": [], "meta": "x", "paging": {"cursors": "x", "next": 1}, "result": None, "ok": True},
]


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: str(shape)[:30])
async def test_an_answer_of_another_shape_is_asked_again(
    read: Read, shape: Any, caplog: pytest.LogCaptureFixture
) -> None:
    await read.port.identify()
    read.stage.say("sunita", WORDS)
    read.way.change = lambda _: shape
    await read.once()
    assert read.intake.last_error is None or read.intake.last_error.startswith(read.stage.platform.value)
    assert not [record for record in caplog.records if record.exc_info], "the adapter itself did not fail"
    read.way.change = None
    await read.once()
    assert read.intake.last_error is None
    assert read.states() == {"pending": 1}


async def test_objects_of_unknown_kinds_and_fields_are_no_trouble(read: Read) -> None:
    def odd(answer: Any) -> Any:
        for item in read.items(answer):
            item |= {
                "kind_of_2031": {"deep": [1, {"x": None}]},
                "entities": 5,
                "attachments": "none",
                "message_tags": 7,
            }
            item |= {"referenced_tweets": "none", "edit_history_tweet_ids": {}, "note_tweet": [], "attachment": 3}
        if "includes" in answer:
            answer["includes"] = {
                "users": [None, 5, {"username": "x"}],
                "tweets": "x",
                "media": {"a": 1},
                "places": [1],
            }
        return answer

    read.way.change = odd
    read.stage.say("sunita", WORDS)
    await read.once()
    assert read.intake.last_error is None
    assert sum(read.states().values()) == 1, "kept, or parked with its reason"


@pytest.mark.parametrize("tokens", [["same"], ["one", "two"]], ids=len)
async def test_a_listing_that_goes_round_in_circles_ends(read: Read, tokens: list[str]) -> None:
    def circle(answer: Any) -> Any:
        token = tokens[read.way.asked % len(tokens)]
        if read.stage.platform is Platform.TELEGRAM:
            answer["result"] = (answer["result"] * 100)[:100]
        answer["meta"] = {"next_token": token}
        answer["paging"] = {"cursors": {"after": token}, "next": "https://graph.facebook.com/next"}
        return answer

    read.stage.say("sunita", WORDS)
    read.way.change = circle
    await asyncio.wait_for(read.once(), 20)
    assert read.way.asked < 30
    read.way.change = None
    read.stage.say("ramesh", f"{WORDS} 2")
    read.later(minutes=1)
    await read.once()
    assert read.intake.last_error is None
    assert read.states() == {"pending": 2}


@pytest.mark.parametrize("read", [Platform.X, Platform.FACEBOOK], indirect=True)  # Telegram has no pages
async def test_a_listing_that_never_ends_is_left_with_a_gap_or_read_on_by_time(read: Read) -> None:
    def endless(answer: Any) -> Any:
        token = f"page{read.way.asked}"
        answer["meta"] = {"next_token": token}
        answer["paging"] = {"cursors": {"after": token}, "next": "https://graph.facebook.com/next"}
        return {**answer, "data": []}

    read.way.paths = ("/mentions", "/tagged", "/search/recent")
    read.way.change = endless
    read.later(hours=2)
    await asyncio.wait_for(read.once(), 30)
    assert read.way.asked <= 230
    read.way.change = None
    read.stage.say("sunita", WORDS)
    read.later(minutes=1)
    await read.once()
    assert read.intake.last_error is None
    assert read.states() == {"pending": 1}
    if read.stage.platform is Platform.X:
        with reading(read.engine) as conn:
            assert len(all_gaps(conn)) == 1


@pytest.mark.parametrize("told", ["-5", "0", "soon", "99999999999999999999", "1e9", "nan", ""])
async def test_an_absurd_wait_is_not_obeyed(read: Read, told: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    await read.port.identify()
    read.stage.say("sunita", WORDS)
    usage = f'{{"call_count": {told or "null"}, "estimated_time_to_regain_access": {told or "null"}}}'
    read.way.headers = {"x-rate-limit-reset": told, "x-rate-limit-remaining": told, "x-app-usage": usage}
    if read.stage.platform is Platform.TELEGRAM:
        number = told if told.lstrip("-").isdigit() else f'"{told}"'
        refusal = (
            '{"ok": false, "error_code": 429, "description": "Too Many Requests", '
            f'"parameters": {{"retry_after": {number}}}}}'
        )
        read.way.change = lambda _: refusal.encode()
    read.stage.fails(read.stage.read_op, FaultKind.RATE_LIMITED)
    await read.once()
    assert read.intake.last_error is not None
    until = read.intake.paused_until
    assert until is None or until <= START + timedelta(hours=25)
    assert read.intake.next_read_in() <= 24 * 3600
    read.way.headers, read.way.change = {}, None
    read.later(minutes=20)
    read.machine += 24 * 3600
    await read.once()
    assert read.states() == {"pending": 1}
