"""What every platform's adapter promises, held against all three with their real SDKs and emulated wires."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
from stage_platforms import NUMBER, START, WORDS, Stage, set_stage

from bot.platforms.port import (
    CredentialsRefused,
    OutcomeUnknown,
    PlatformError,
    Port,
    RateLimited,
    Refused,
    Unreachable,
)
from bot.sandbox.world import FaultKind
from store.outbound import Outgoing
from store.vocabulary import Platform

EVENTS = 230  # more than two pages of every platform


@pytest.fixture(params=list(Platform))
async def stage(request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture) -> AsyncIterator[Stage]:
    """A platform; at the end no log record at any level and no failure may hold a secret or a citizen's words."""
    caplog.set_level(logging.DEBUG)
    one = set_stage(request.param)
    yield one
    for port in one.ports:
        await port.close()
    logged = [
        f"{record.name}: {record.getMessage()} {record.exc_text or ''}"
        for record in caplog.get_records("call")
        if record.threadName != "smgt-sandbox"  # the emulator's own server
    ]
    hidden = [*one.secrets(), WORDS]
    assert [line for line in [*logged, *one.told] if any(word in line for word in hidden)] == []


async def kept(stage: Stage, port: Port, store: dict[str, object], cursors: dict[str, str]) -> int:
    """One whole read into the store, as the inbox keeps it; how many events were new."""
    before = len(store)
    for batch in await stage.batches(port, cursors):
        store.update({event.key: event for event in batch.events})
        cursors.update(batch.cursors)
    return len(store) - before


async def until_seen(stage: Stage, count: int, seconds: float = 3.0) -> None:
    end = time.monotonic() + seconds
    while len(stage.seen()) < count and time.monotonic() < end:
        await asyncio.sleep(0.01)


# Who we are


async def test_it_knows_itself(stage: Stage) -> None:
    port = stage.new_port()
    identity = await port.identify()
    assert identity.handle == stage.handle
    assert identity.account_id.isdigit()
    assert identity.name
    assert port.platform is stage.platform


# Reading


async def test_each_event_is_read_once_by_its_key(stage: Stage) -> None:
    port, store, cursors = stage.new_port(), dict[str, object](), dict[str, str]()
    for number in range(3):
        stage.say("sunita", f"{WORDS} {number}")
    assert await kept(stage, port, store, cursors) == 3
    stage.sandbox.world.clock.advance(timedelta(minutes=2))
    assert await kept(stage, port, store, cursors) == 0
    stage.say("ramesh", WORDS)
    assert await kept(stage, port, store, cursors) == 1
    texts = sorted(getattr(event, "text", "").removeprefix("@cmohry ") for event in store.values())
    assert texts == sorted([WORDS, *(f"{WORDS} {number}" for number in range(3))])


async def test_a_reader_that_dies_between_batches_loses_nothing(stage: Stage) -> None:
    """Each reader keeps one batch more than the one before it, then dies with the next batch in its hands."""
    said = [stage.say(f"person{number % 7}", f"{WORDS} {number}") for number in range(EVENTS)]
    store: dict[str, object] = {}
    cursors: dict[str, str] = {}
    lives, ended = 0, False
    while not ended:
        ended = True
        batches = stage.new_port().read(dict(cursors), stage.watch())
        index = 0
        async for batch in batches:
            if index == lives:
                ended = False
                break
            store.update({event.key: event for event in batch.events})
            cursors.update(batch.cursors)
            index += 1
        await batches.aclose()  # type: ignore[attr-defined]
        lives += 1
        assert lives < 50
    texts = {getattr(event, "text", "").removeprefix("@cmohry ") for event in store.values()}
    assert lives > 2
    assert len(store) == len(said)
    assert texts == {f"{WORDS} {number}" for number in range(EVENTS)}


async def test_cursors_of_a_page_never_run_ahead_of_what_was_told(stage: Stage) -> None:
    for number in range(EVENTS):
        stage.say("sunita", f"{WORDS} {number}")
    batches = await stage.batches(stage.new_port(), {})
    assert len([batch for batch in batches if batch.events]) > 1
    store: dict[str, object] = {}
    for count in range(1, len(batches) + 1):
        part = batches[:count]
        told = {event.key for batch in part for event in batch.events}
        cursors = {name: value for batch in part for name, value in batch.cursors.items()}
        if stage.platform is Platform.TELEGRAM:
            offset = int(cursors["offset"])  # confirms what is before it, so nothing later may have been told
            assert max(int(key.partition(":")[2]) for key in told) == offset - 1
            continue
        store = {event.key: event for batch in part for event in batch.events}
        await kept(stage, stage.new_port(), store, cursors)
        assert len(store) == EVENTS


@pytest.mark.parametrize("kind", [FaultKind.STALE_READ, FaultKind.DUPLICATE, FaultKind.SHUFFLE])
async def test_a_read_that_lies_is_made_good_by_the_next(stage: Stage, kind: FaultKind) -> None:
    port, store, cursors = stage.new_port(), dict[str, object](), dict[str, str]()
    for number in range(5):
        stage.say("sunita", f"{WORDS} {number}")
        stage.sandbox.world.clock.advance(timedelta(seconds=5))
    stage.fails(stage.read_op, kind, count=2)
    await kept(stage, port, store, cursors)
    await kept(stage, port, store, cursors)
    assert len(store) == 5


READ_FAULTS = [
    FaultKind.RATE_LIMITED,
    FaultKind.ERROR_BEFORE,
    FaultKind.ERROR_AFTER,
    FaultKind.RESET_BEFORE,
    FaultKind.RESET_AFTER,
    FaultKind.NOT_JSON,
    FaultKind.HALF_ANSWER,
    FaultKind.REVOKED,
    FaultKind.PERMANENT,
]


@pytest.mark.parametrize("kind", READ_FAULTS)
async def test_a_read_that_fails_is_made_good_by_the_next(stage: Stage, kind: FaultKind) -> None:
    port, store, cursors = stage.new_port(), dict[str, object](), dict[str, str]()
    await port.identify()
    stage.say("sunita", WORDS)
    stage.fails(stage.read_op, kind)
    error = await stage.failure(stage.batches(port, cursors))
    assert isinstance(error, RateLimited) == (kind is FaultKind.RATE_LIMITED)
    assert isinstance(error, CredentialsRefused) == (kind is FaultKind.REVOKED)
    assert await kept(stage, port, store, cursors) == 1


# Sending


async def test_a_sent_message_is_found_by_its_id(stage: Stage) -> None:
    port = stage.new_port()
    for number in range(2):
        outgoing = replace(stage.say("sunita", WORDS), text=f"{NUMBER} {number}")
        sent = await port.send(outgoing)
        assert stage.seen()[sent] == f"{NUMBER} {number}"
    assert len(stage.seen()) == 2


# What a send ends in, and how many messages stand afterwards.
SENDS: dict[FaultKind, tuple[type[PlatformError] | None, int]] = {
    FaultKind.RATE_LIMITED: (RateLimited, 0),
    FaultKind.ERROR_BEFORE: (OutcomeUnknown, 0),
    FaultKind.ERROR_AFTER: (OutcomeUnknown, 1),
    FaultKind.RESET_BEFORE: (OutcomeUnknown, 0),
    FaultKind.RESET_AFTER: (OutcomeUnknown, 1),
    FaultKind.SLOW: (OutcomeUnknown, 1),
    FaultKind.LATE: (OutcomeUnknown, 1),
    FaultKind.NOT_JSON: (OutcomeUnknown, 1),
    FaultKind.HALF_ANSWER: (OutcomeUnknown, 1),
    FaultKind.REVOKED: (CredentialsRefused, 0),
    FaultKind.PERMANENT: (Refused, 0),
    FaultKind.STALE_READ: (None, 1),
    FaultKind.DUPLICATE: (None, 1),
    FaultKind.SHUFFLE: (None, 1),
}


@pytest.mark.parametrize("kind", list(FaultKind))
async def test_a_send_ends_in_the_right_branch_and_stands_at_most_once(stage: Stage, kind: FaultKind) -> None:
    expected, standing = SENDS[kind]
    # An SDK that tried again by itself would meet no fault the second time and leave one message too many.
    port = stage.new_port(0.3 if kind is FaultKind.SLOW else 5.0)
    outgoing = replace(stage.say("sunita", WORDS), text=NUMBER)
    stage.fails(stage.send_op, kind, seconds=0.6 if kind is FaultKind.SLOW else 0.05)
    if expected is None:
        await port.send(outgoing)
    else:
        error = await stage.failure(port.send(outgoing))
        assert isinstance(error, expected)
        assert isinstance(error, OutcomeUnknown) == (expected is OutcomeUnknown)
        assert error.code.startswith(f"{stage.platform}:")
    await until_seen(stage, standing)
    assert list(stage.seen().values()) == [NUMBER] * standing
    assert len(stage.sandbox.world.faults.hits) == 1


async def test_a_rate_limit_says_when(stage: Stage) -> None:
    port = stage.new_port()
    outgoing = replace(stage.say("sunita", WORDS), text=NUMBER)
    stage.fails(stage.send_op, FaultKind.RATE_LIMITED, seconds=120)
    error = await stage.failure(port.send(outgoing))
    if stage.platform is Platform.X:  # X names the moment
        assert error.retry_at == START + timedelta(seconds=120)
    else:
        assert error.retry_after == 120
    await port.send(outgoing)
    assert len(stage.seen()) == 1


async def test_a_revoked_token_is_told_as_such_everywhere(stage: Stage) -> None:
    outgoing = replace(stage.say("sunita", WORDS), text=NUMBER)
    stage.fails("*", FaultKind.REVOKED, times=None)
    for doing in (
        stage.new_port().identify(),
        stage.batches(stage.new_port(), {}),
        stage.new_port().send(outgoing),
    ):
        assert isinstance(await stage.failure(doing), CredentialsRefused)
    assert stage.seen() == {}


async def test_a_host_that_is_not_there_was_never_reached(stage: Stage) -> None:
    outgoing = replace(stage.say("sunita", WORDS), text=NUMBER)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # bound and not listening: connections are refused
        port = stage.new_port(1.0, url=f"http://127.0.0.1:{closed.getsockname()[1]}")
        for doing in (port.identify(), stage.batches(port, {}), port.send(outgoing)):
            assert type(await stage.failure(doing)) is Unreachable


async def test_a_message_the_platform_cannot_take_is_refused_for_good(stage: Stage) -> None:
    port = stage.new_port()
    outgoing = replace(stage.say("sunita", WORDS), text="long " * 2000)
    assert isinstance(await stage.failure(port.send(outgoing)), Refused)
    assert stage.seen() == {}


# Reading back


async def lost(stage: Stage, port: Port, outgoing: Outgoing) -> Outgoing:
    """It went out although the answer was lost."""
    stage.fails(stage.send_op, FaultKind.ERROR_AFTER)
    assert isinstance(await stage.failure(port.send(outgoing)), OutcomeUnknown)
    return outgoing


@pytest.mark.parametrize("under", ["the post", "a comment"])
async def test_a_lost_answer_is_read_back_by_parent_and_exact_text(stage: Stage, under: str) -> None:
    port = stage.new_port()
    to_post = replace(stage.say("sunita", WORDS), text=NUMBER)
    to_comment = stage.join(to_post, "sunita", WORDS)
    answered = to_post if under == "the post" else to_comment
    outgoing = await lost(stage, port, answered)
    others = [
        replace(outgoing, text=NUMBER.replace("-4", "-5")),
        replace(stage.say("ramesh", WORDS), text=NUMBER),
        stage.join(to_post, "ramesh", WORDS),
        to_comment if answered is to_post else to_post,
    ]
    rows = [*others, outgoing]
    back = await port.read_back([stage.unknown(number, row) for number, row in enumerate(rows)])
    if stage.platform is Platform.TELEGRAM:  # bots cannot read their own messages
        assert (dict(back.found), back.reaches_back_to) == ({}, stage.sandbox.world.clock.now())
        return
    assert dict(back.found) == {4: next(iter(stage.seen()))}
    assert back.reaches_back_to <= START


async def test_one_message_satisfies_one_row_only(stage: Stage) -> None:
    stage.sandbox.x.refuse_duplicates = stage.sandbox.facebook.refuse_duplicates = False
    port = stage.new_port()
    outgoing = await lost(stage, port, replace(stage.say("sunita", WORDS), text=NUMBER))
    rows = [stage.unknown(1, outgoing), stage.unknown(2, outgoing)]
    found = (await port.read_back(rows)).found
    if stage.platform is Platform.TELEGRAM:
        assert dict(found) == {}
        return
    [first] = stage.seen()
    assert list(found.values()) == [first]
    taken = await port.read_back([stage.unknown(2, outgoing, [first])])
    assert dict(taken.found) == {}
    second = await port.send(outgoing)
    assert sorted((await port.read_back(rows)).found.values()) == sorted([first, second])


async def test_reading_back_nothing_asks_nothing(stage: Stage) -> None:
    stage.fails("*", FaultKind.REVOKED, times=None)
    assert dict((await stage.new_port().read_back([])).found) == {}
    assert stage.sandbox.world.faults.hits == []


# The suite's own eyes


def test_every_fault_is_in_the_table() -> None:
    assert set(SENDS) == set(FaultKind)


def test_a_leak_would_be_seen(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    logging.getLogger("any.library").debug("asked with %s", "a secret")
    assert "a secret" in "".join(record.getMessage() for record in caplog.get_records("call"))
