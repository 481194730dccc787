"""A platform that is down: it is left alone, probed, told of and used again; whatever wait it names is bounded."""

from __future__ import annotations

import asyncio
import random
import socket
from datetime import timedelta
from typing import Any

import pytest
import requests
import sqlalchemy as sa
from stage_delivery import NOW, PATIENT, Recorder, Stand, reply, stand
from telegram_stage import telegram_stage
from x_rig import HANDLE, ready_x

from bot.circuit import Circuit, CircuitPolicy
from bot.clocks import SteppedClock
from bot.delivery_policy import LONGEST_TOLD, DeliveryPolicy, is_unbelievable
from bot.platforms.http import PlatformSession, gives_up_after
from bot.platforms.port import (
    BadMessage,
    CredentialsRefused,
    Identity,
    OutcomeUnknown,
    RateLimited,
    ReadBack,
    Unreachable,
    in_time,
)
from bot.sandbox.world import FaultKind
from store import sending
from store.db import writing
from store.lanes import take_lane
from store.vocabulary import DeliveryState, Platform

POLICY = CircuitPolicy()
DOWN = Unreachable("x:connect", "no connection")
BROKE_OFF = OutcomeUnknown("x:502", "it failed while it answered")


def circuit() -> Circuit:
    return Circuit(POLICY, random.Random(1))


def test_one_doubtful_outcome_opens_nothing_and_several_in_a_row_do() -> None:
    one = circuit()
    for _ in range(POLICY.doubtful_faults - 1):
        assert not one.fault(NOW, certain=False)
    assert one.open_since is None
    one.answered()
    for _ in range(POLICY.doubtful_faults - 1):
        assert not one.fault(NOW, certain=False)
    assert one.fault(NOW, certain=False)
    assert one.is_resting(NOW)


def test_rests_grow_with_each_failed_probe_up_to_a_bound() -> None:
    one, now, rests = circuit(), NOW, []
    for _ in range(12):
        one.fault(now, certain=True)
        assert one.rests_until is not None
        rests.append((one.rests_until - now).total_seconds())
        assert not one.must_probe(now)
        now = one.rests_until
        assert one.must_probe(now)
    assert rests[0] <= POLICY.first_rest < rests[3] < rests[5]
    assert max(rests) <= POLICY.longest_rest
    assert one.answered()
    assert not one.must_probe(now)
    assert not one.answered()


def test_requests_that_were_under_way_together_count_as_one_probe() -> None:
    one = circuit()
    one.fault(NOW, certain=True)
    until = one.rests_until
    for _ in range(7):
        one.fault(NOW, certain=True)
    assert one.rests_until == until


def test_a_clock_that_is_set_back_does_not_make_a_rest_last() -> None:
    one = circuit()
    one.fault(NOW, certain=True)
    assert not one.is_resting(NOW - timedelta(days=400))


class Down(Recorder):
    """A platform that can be switched off altogether; counts what it is asked."""

    def __init__(self, platform: Platform = Platform.X) -> None:
        super().__init__(platform)
        self.trouble: Exception | None = None
        self.identify_trouble: Exception | None = None
        self.probes = 0
        self.asked = 0

    async def identify(self) -> Identity:
        self.probes += 1
        if self.identify_trouble is not None:
            raise self.identify_trouble
        return await super().identify()

    async def send(self, outgoing: Any) -> str:
        self.asked += 1
        if self.trouble is not None:
            raise self.trouble
        return await super().send(outgoing)


def prepared(engine: sa.Engine, rows: int = 12, platform: Platform = Platform.X) -> tuple[Stand, Down, list[int]]:
    port = Down(platform)
    made = stand(engine, SteppedClock(NOW), port)
    return made, port, [made.add(f"a{n}", reply(f"a{n}", f"t{n}")) for n in range(rows)]


async def test_an_outage_uses_up_no_tries_and_is_told_and_taken_back(sqlite_engine: sa.Engine) -> None:
    made, port, rows = prepared(sqlite_engine)
    port.trouble = port.identify_trouble = DOWN
    for _ in range(6 * 60):  # six hours, looked at every minute
        await made.delivery.send_due()
        made.clock.advance(timedelta(minutes=1))
    assert port.asked == 1  # the harmless question goes first, so no other message was touched
    assert 6 * 60 / 5 <= port.probes <= 6 * 60
    assert {made.row(row).attempts for row in rows} == {0}
    assert made.alarms() == ["platform_down"]
    port.trouble = port.identify_trouble = None
    made.clock.advance(timedelta(minutes=6))
    assert await made.delivery.send_due() == 12
    assert made.alarms() == []
    assert {made.state(row) for row in rows} == {DeliveryState.SENT}
    await made.delivery.release()


async def test_doubtful_outcomes_stop_the_lane_after_a_few(sqlite_engine: sa.Engine) -> None:
    made, port, rows = prepared(sqlite_engine)
    port.trouble = BROKE_OFF
    assert await made.delivery.send_due() == POLICY.doubtful_faults
    assert await made.delivery.send_due() == 0
    made.clock.advance(timedelta(seconds=POLICY.first_rest))
    assert await made.delivery.send_due() == 1  # who we are is told, but sending still fails: one message, not all
    assert await made.delivery.send_due() == 0
    states = [made.state(row) for row in rows]
    assert states.count(DeliveryState.UNKNOWN) == POLICY.doubtful_faults + 1
    assert states.count(DeliveryState.PENDING) == 12 - POLICY.doubtful_faults - 1
    await made.delivery.release()


@pytest.mark.parametrize("answer", [None, BadMessage("x:400", "too long")])
async def test_any_answer_closes_it(sqlite_engine: sa.Engine, answer: Exception | None) -> None:
    made, port, _ = prepared(sqlite_engine)
    port.trouble = DOWN
    await made.delivery.send_due()
    port.trouble = answer
    made.clock.advance(timedelta(seconds=POLICY.first_rest))
    assert await made.delivery.send_due() == 12
    await made.delivery.release()


async def test_it_closes_by_itself_when_nothing_is_to_be_sent(sqlite_engine: sa.Engine) -> None:
    made, port, rows = prepared(sqlite_engine, rows=1)
    port.trouble = port.identify_trouble = DOWN
    for _ in range(8):
        await made.delivery.send_due()
        made.clock.advance(timedelta(minutes=1))
    assert made.alarms() == ["platform_down"]
    made.drop(rows[0])
    port.identify_trouble = None
    made.clock.advance(timedelta(minutes=6))
    assert await made.delivery.send_due() == 0
    assert made.alarms() == []
    await made.delivery.release()


async def test_refused_credentials_of_a_probe_stop_the_channel(sqlite_engine: sa.Engine) -> None:
    made, port, _ = prepared(sqlite_engine)
    port.trouble, port.identify_trouble = DOWN, CredentialsRefused("x:401", "the keys are refused")
    await made.delivery.send_due()
    made.clock.advance(timedelta(minutes=1))
    assert await made.delivery.send_due() == 0
    assert made.alarms() == ["channel_stopped"]
    await made.delivery.release()


async def test_the_alarm_of_a_dead_owner_is_taken_back_by_the_next(engine: sa.Engine) -> None:
    made, port, _ = prepared(engine)
    port.trouble = port.identify_trouble = DOWN
    for _ in range(8):
        await made.delivery.send_due()
        made.clock.advance(timedelta(minutes=1))
    await made.delivery.release()
    port.trouble = port.identify_trouble = None
    made.delivery = made.new_delivery()
    made.clock.advance(timedelta(hours=1))
    assert await made.delivery.send_due() == 12
    assert made.alarms() == []
    await made.delivery.release()


async def test_one_platform_down_leaves_the_others_alone(sqlite_engine: sa.Engine) -> None:
    made, port, _ = prepared(sqlite_engine)
    port.trouble = DOWN
    telegram = stand(sqlite_engine, made.clock, Recorder(Platform.TELEGRAM))
    telegram.add("n", reply("n", "-100"), "-100:1")
    await made.delivery.send_due()
    assert await telegram.delivery.send_due() == 1
    await made.delivery.release()
    await telegram.delivery.release()


async def test_a_real_outage_of_x_is_ridden_out(sqlite_engine: sa.Engine) -> None:
    with ready_x(limit_scale=None) as rig:
        made = stand(sqlite_engine, rig.world.clock, rig.port)
        posts = [rig.x.post(f"citizen{n}", f"@{HANDLE} no water {n}") for n in range(8)]
        rows = [made.add(f"first:{n}", rig.answer(post, f"HRY26-{n}")) for n, post in enumerate(posts)]
        rig.fault("*", FaultKind.ERROR_BEFORE, times=None)
        for _ in range(30):
            await made.delivery.send_due()
            await made.delivery.read_back_due()
            made.machine.seconds += 120
            rig.later(minutes=2)
        asked = len(rig.world.faults.hits)
        assert asked < 120
        assert made.alarms() == ["platform_down"]
        rig.world.faults.clear()
        await made.settle()
        assert {made.state(row) for row in rows} == {DeliveryState.SENT}
        assert sorted(one.parent_id or "" for one in rig.x.posts_by(HANDLE)) == sorted(posts)
        assert made.alarms() == []
        await made.delivery.release()


# -- what a platform asks for ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seconds", [-1.0, -1e12, 1e12, float("nan"), float("inf"), 26 * 3600.0])
def test_a_wait_nobody_can_mean_is_not_obeyed(seconds: float) -> None:
    error = RateLimited("telegram:429", "slow down", retry_after=seconds)
    assert is_unbelievable(NOW, error)
    at = DeliveryPolicy().next_attempt(NOW, 1, error, random.Random(1))
    assert NOW < at <= NOW + timedelta(seconds=5)


@pytest.mark.parametrize("by", [timedelta(days=-1), timedelta(days=3650)])
def test_a_moment_nobody_can_mean_is_not_obeyed(by: timedelta) -> None:
    error = RateLimited("x:429", "slow down", retry_at=NOW + by)
    assert is_unbelievable(NOW, error)
    assert DeliveryPolicy().next_attempt(NOW, 1, error, random.Random(1)) <= NOW + timedelta(seconds=5)


@pytest.mark.parametrize("wait", [timedelta(seconds=3), timedelta(minutes=15), timedelta(hours=24)])
def test_a_wait_the_platform_can_mean_comes_first(wait: timedelta) -> None:
    for error in (
        RateLimited("x:429", "slow down", retry_at=NOW + wait),
        RateLimited("x:429", "slow down", retry_after=wait.total_seconds()),
    ):
        at = DeliveryPolicy().next_attempt(NOW, 7, error, random.Random(1))
        assert NOW + wait <= at <= NOW + wait * 1.1 + timedelta(seconds=2)
        assert not is_unbelievable(NOW, error)


async def test_a_long_wait_is_told_and_costs_no_tries(sqlite_engine: sa.Engine) -> None:
    made, port, rows = prepared(sqlite_engine, rows=1)
    port.trouble = RateLimited("x:cap", "the month's cap is used up", retry_after=3600.0)
    for _ in range(40):
        await made.delivery.send_due()
        assert made.delivery.paused_until is not None
        assert made.delivery.paused_until <= made.clock.now() + LONGEST_TOLD
        made.clock.advance_to(made.delivery.paused_until)
    assert made.alarms() == ["channel_waits"]
    assert (made.state(rows[0]), made.row(rows[0]).attempts) == (DeliveryState.RETRY, 0)
    port.trouble = None
    assert await made.delivery.send_due() == 1
    assert made.alarms() == []
    await made.delivery.release()


async def test_telegrams_absurd_wait_stops_no_chat_for_ever(sqlite_engine: sa.Engine) -> None:
    async with telegram_stage() as stage:
        made = stand(sqlite_engine, stage.world.clock, stage.port)
        row_id = made.add("n:1", stage.message("HRY26-1"), f"{stage.desk}:1")
        stage.fails("sendMessage", FaultKind.RATE_LIMITED, seconds=3e8)
        await made.delivery.send_due()
        due = made.delivery.next_due()
        assert due is not None
        assert due <= made.clock.now() + timedelta(seconds=10)
        await made.settle()
        assert made.state(row_id) is DeliveryState.SENT
        await made.delivery.release()


# -- requests that start or arrive late --------------------------------------------------------------------------------


def test_a_request_that_waited_too_long_for_a_thread_is_not_started() -> None:
    with ready_x() as rig:
        post_id = rig.x.post("asha", f"@{HANDLE} no water")

        async def late() -> None:
            in_time.set(lambda: False)
            await rig.port.send(rig.answer(post_id))

        with pytest.raises(Unreachable):
            asyncio.run(late())
        assert rig.x.posts_by(HANDLE) == []
        assert asyncio.run(rig.port.identify()).handle == HANDLE


async def test_the_sender_says_until_when_a_request_may_start(sqlite_engine: sa.Engine) -> None:
    port = Recorder()
    made = stand(sqlite_engine, SteppedClock(NOW), port)
    made.add("a1", reply("a1"))
    said: list[bool] = []

    async def look() -> None:
        said.append(in_time.get()())
        made.machine.seconds += PATIENT.start_within
        said.append(in_time.get()())

    port.on_send = look
    await made.delivery.send_due()
    assert said == [True, False]
    assert in_time.get()()
    await made.delivery.release()


@pytest.mark.skipif(not gives_up_after(1.0), reason="only Linux ends deliveries that are not acknowledged")
def test_connections_do_not_deliver_for_minutes_after_they_were_given_up() -> None:
    with ready_x() as rig:
        session = PlatformSession("https://api.twitter.com", rig.api_url, (5, 7))
        with session.get("https://api.twitter.com/nothing", stream=True) as answer:
            connection = answer.raw.connection or answer.raw._original_response
            option = connection.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
        assert option == 7000
        session.close()


def test_a_session_that_is_not_in_time_says_that_nothing_was_sent() -> None:
    session = PlatformSession("https://api.twitter.com", "http://127.0.0.1:9", (1, 1))
    token = in_time.set(lambda: False)
    try:
        with pytest.raises(requests.ConnectTimeout, match="waited too long"):
            session.get("https://api.twitter.com/x")
    finally:
        in_time.reset(token)
        session.close()


# -- what the database did not take ------------------------------------------------------------------------------------


@pytest.mark.parametrize("platform", [Platform.X, Platform.TELEGRAM])
async def test_an_answer_is_not_forgotten_while_the_database_is_away(
    sqlite_engine: sa.Engine, platform: Platform
) -> None:
    port = Recorder(platform)
    made = stand(sqlite_engine, SteppedClock(NOW), port)
    rows = [made.add(f"a{n}", reply(f"a{n}", f"t{n}")) for n in range(3)]
    away = [sa.exc.OperationalError("COMMIT", None, Exception("the server is away")) for _ in range(2)]

    def hook(name: str) -> None:
        if name == "delivery.sent_written" and away:
            raise away.pop()

    with made.hooked(hook):
        for _ in range(2):
            with pytest.raises(sa.exc.OperationalError):
                await made.delivery.send_due()
        await made.settle()
    assert {made.state(row) for row in rows} == {DeliveryState.SENT}
    assert sorted(port.sent) == ["a0", "a1", "a2"]  # none repeated, none read back
    assert made.delivery.counts["orphans"] == 0
    await made.delivery.release()


async def test_the_twin_of_a_repeat_is_deleted_when_it_shows_itself(sqlite_engine: sa.Engine) -> None:
    """The first owner hangs with its answer in hand; the second repeats the notice, marked; then the first goes on."""
    async with telegram_stage() as stage:
        made = stand(sqlite_engine, stage.world.clock, stage.port)
        row_id = made.add("n:1", stage.message("HRY26-1"), f"{stage.desk}:1")
        first = await stage.port.send(stage.message("HRY26-1"))
        lane = take_lane(made.engine, made.channel.id, made.channel.name)
        assert lane is not None
        with writing(made.engine) as conn:
            assert sending.mark_sending(conn, row_id, lane.epoch, made.clock.now()) is not None
        lane.release()
        await made.settle()
        assert made.row(row_id).marked_repeat
        with writing(made.engine) as conn:
            assert not sending.mark_sent(conn, row_id, first, made.clock.now())
        await made.settle()
        shown = [one for one in stage.telegram.messages(stage.desk) if one["from_bot"] and not one["deleted"]]
        assert [f"{stage.desk}:{one['id']}" for one in shown] == [made.row(row_id).sent_id]
        assert made.alarms() == []
        await made.delivery.release()


async def test_each_request_of_a_row_gets_its_own_quiet_time(sqlite_engine: sa.Engine) -> None:
    """A row that was read back, went again and was left half-way must not be ripe by its first request's age."""
    made, port, (row_id,) = prepared(sqlite_engine, rows=1)
    port.trouble = BROKE_OFF
    await made.delivery.send_due()
    assert made.state(row_id) is DeliveryState.UNKNOWN
    made.machine.seconds += PATIENT.quiet
    port.shown = ReadBack({}, NOW - timedelta(days=1))
    assert await made.delivery.read_back_due() == 1
    assert made.state(row_id) is DeliveryState.RETRY

    def hook(name: str) -> None:
        if name == "delivery.failed_written":
            raise ValueError("a fault of our own")

    with made.hooked(hook), pytest.raises(ValueError, match="our own"):
        await made.delivery.send_due()
    await made.delivery.send_due()  # finds the row left half-way
    assert made.state(row_id) is DeliveryState.UNKNOWN
    assert await made.delivery.read_back_due() == 0
    made.machine.seconds += PATIENT.quiet
    assert await made.delivery.read_back_due() == 1
    await made.delivery.release()


async def test_a_platform_that_never_shows_our_messages_leaves_them_to_a_person(sqlite_engine: sa.Engine) -> None:
    made, port, (row_id,) = prepared(sqlite_engine, rows=1)
    port.trouble = BROKE_OFF
    await made.delivery.send_due()

    async def forbidden(_unknown: Any) -> Any:
        raise KeyError("an answer of another shape")

    port.read_back = forbidden  # type: ignore[method-assign]
    made.machine.seconds += PATIENT.quiet
    await made.delivery.read_back_due()
    assert made.state(row_id) is DeliveryState.UNKNOWN
    for _ in range(PATIENT.max_attempts):
        made.machine.seconds += 61
        await made.delivery.read_back_due()
    assert made.state(row_id) is DeliveryState.PARKED
    assert made.alarms() == ["message_unknown"]
    await made.delivery.release()
