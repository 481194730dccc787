"""Delivery against the emulated platforms: each message once, in order, whatever the wire does."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa
from rig_facebook import facebook_rig
from stage_delivery import NOW, PATIENT, POLICY, Recorder, Stand, reply, stand
from telegram_stage import telegram_stage
from x_rig import HANDLE, XRig, ready_x

from bot.clocks import SteppedClock
from bot.delivery import Delivery, DeliveryPolicy
from bot.platforms.port import (
    NotSent,
    OutcomeUnknown,
    ReadBack,
    Unknown,
    Unreachable,
)
from bot.platforms.x_client import PAGE_TRIES
from bot.sandbox.world import Fault, FaultKind
from store import channels, inbox
from store.db import DatabaseBusy, writing
from store.inbound import Undeliverable
from store.outbound import Outgoing
from store.vocabulary import DeliveryState, OutgoingAct, Platform

HITS = [
    FaultKind.RATE_LIMITED,
    FaultKind.ERROR_BEFORE,
    FaultKind.ERROR_AFTER,
    FaultKind.RESET_BEFORE,
    FaultKind.RESET_AFTER,
    FaultKind.SLOW,
    FaultKind.LATE,
    FaultKind.NOT_JSON,
    FaultKind.HALF_ANSWER,
    FaultKind.REVOKED,
    FaultKind.PERMANENT,
]


def policy_for(kind: FaultKind) -> DeliveryPolicy:
    return POLICY if kind is FaultKind.SLOW else PATIENT


async def renew(made: Stand, row_id: int) -> None:
    """After refused credentials: the channel stands still with one alarm until a person renews them."""
    assert await made.delivery.send_due() == 1
    assert made.state(row_id) is DeliveryState.PENDING
    assert made.alarms() == ["channel_stopped"]
    assert await made.delivery.send_due() == 0
    with writing(made.engine) as conn:
        channels.resume(conn, made.channel.id, made.clock.now())


@pytest.mark.parametrize("kind", HITS)
async def test_x_shows_one_reply_whatever_fails(sqlite_engine: sa.Engine, kind: FaultKind) -> None:
    with ready_x() as rig:
        made = stand(sqlite_engine, rig.world.clock, rig.port, policy=policy_for(kind))
        post_id = rig.x.post("asha", f"@{HANDLE} no water")
        row_id = made.add("first:1", rig.answer(post_id))
        rig.fault("create", kind, seconds=0.3)
        if kind is FaultKind.REVOKED:
            await renew(made, row_id)
        await made.settle()
        if kind is FaultKind.PERMANENT:
            assert rig.x.posts_by(HANDLE) == []
            assert made.state(row_id) is DeliveryState.PARKED
            with writing(made.engine) as conn:
                (heard,) = inbox.claim(conn, 5, made.clock.now())
            assert isinstance(heard.heard, Undeliverable)
        else:
            (reply,) = rig.x.posts_by(HANDLE)
            assert made.state(row_id) is DeliveryState.SENT
            assert made.row(row_id).sent_id == reply.id
        await made.delivery.release()


@pytest.mark.parametrize("kind", HITS)
async def test_facebook_shows_one_reply_whatever_fails(sqlite_engine: sa.Engine, kind: FaultKind) -> None:
    async with facebook_rig() as rig:
        made = stand(sqlite_engine, rig.world.clock, rig.port, policy=policy_for(kind))
        rig.facebook.add_user("asha", "Asha")
        post_id = rig.facebook.tag_post("asha", "no water")
        reply = Outgoing(act=OutgoingAct.REPLY, text="HRY26-000001-4", thread_id=post_id, reply_to_id=post_id)
        row_id = made.add("first:1", reply)
        rig.world.faults.add(Fault(Platform.FACEBOOK, "*", kind, seconds=0.3))
        if kind is FaultKind.REVOKED:
            await renew(made, row_id)
        await made.settle()
        shown = rig.facebook.comments_of(post_id)
        if kind is FaultKind.PERMANENT:
            assert shown == []
            assert made.state(row_id) is DeliveryState.PARKED
        else:
            assert [one["id"] for one in shown] == [made.row(row_id).sent_id]
            assert made.state(row_id) is DeliveryState.SENT
        await made.delivery.release()


@pytest.mark.parametrize("kind", HITS)
async def test_telegram_gets_one_notice_or_a_marked_repeat(sqlite_engine: sa.Engine, kind: FaultKind) -> None:
    async with telegram_stage() as stage:
        made = stand(sqlite_engine, stage.world.clock, stage.port, policy=policy_for(kind))
        row_id = made.add("notice:1", stage.message("HRY26-000001-4"), f"{stage.desk}:1")
        stage.fails("sendMessage", kind, seconds=0.3)
        if kind is FaultKind.REVOKED:
            await renew(made, row_id)
        await made.settle()
        texts = [one["text"] for one in stage.telegram.messages(stage.desk) if one["from_bot"]]
        if kind is FaultKind.PERMANENT:
            assert texts == []
            assert made.state(row_id) is DeliveryState.PARKED
            assert made.alarms() == ["message_refused"]
        elif kind in (FaultKind.RATE_LIMITED, FaultKind.REVOKED):
            assert texts == ["HRY26-000001-4"]
        elif kind in (FaultKind.ERROR_BEFORE, FaultKind.RESET_BEFORE):
            assert texts == ["(again) HRY26-000001-4"]
        else:
            assert texts == ["HRY26-000001-4", "(again) HRY26-000001-4"]
        await made.delivery.release()


@pytest.mark.parametrize("posted", [True, False])
async def test_a_sender_that_dies_half_way_is_read_back(engine: sa.Engine, posted: bool) -> None:
    with ready_x() as rig:
        made = stand(engine, rig.world.clock, rig.port)
        post_id = rig.x.post("asha", f"@{HANDLE} no water")
        row_id = made.add("first:1", rig.answer(post_id))
        await abandon(made, row_id, rig, posted=posted)
        made.delivery = made.new_delivery()
        assert await made.delivery.send_due() == 0
        assert made.state(row_id) is DeliveryState.UNKNOWN
        assert await made.delivery.read_back_due() == 0  # not before the quiet time is over
        made.machine.seconds += made.policy.quiet - 0.1
        assert await made.delivery.read_back_due() == 0
        made.machine.seconds += 0.2
        assert await made.delivery.read_back_due() == 1
        assert made.state(row_id) is (DeliveryState.SENT if posted else DeliveryState.RETRY)
        await made.settle()
        (reply,) = rig.x.posts_by(HANDLE)
        assert made.row(row_id).sent_id == reply.id
        await made.delivery.release()


async def abandon(made: Stand, row_id: int, rig: XRig, *, posted: bool) -> None:
    """Leave the row as a killed process does: committed as sending, with or without the effect."""
    begun = asyncio.Event()

    class Dying(Recorder):
        async def send(self, outgoing: Outgoing) -> str:
            if posted:
                await rig.port.send(outgoing)
            begun.set()
            await asyncio.Event().wait()
            return ""

    dying = Delivery(made.engine, made.clock, made.channel, Dying(), PATIENT, machine=made.machine)
    sending = asyncio.ensure_future(dying.send_due())
    await begun.wait()
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    assert made.state(row_id) is DeliveryState.SENDING
    await dying.release()


async def test_a_storm_of_faults_and_dying_senders_loses_and_doubles_nothing(sqlite_engine: sa.Engine) -> None:
    with ready_x(limit_scale=None) as rig:
        made = stand(sqlite_engine, rig.world.clock, rig.port, policy=replace(PATIENT, max_attempts=50))
        posts = [rig.x.post(f"citizen{n}", f"@{HANDLE} no water {n}") for n in range(40)]
        rows = [made.add(f"first:{n}", rig.answer(post, f"HRY26-{n}")) for n, post in enumerate(posts)]
        for kind in set(HITS) - {FaultKind.PERMANENT, FaultKind.REVOKED, FaultKind.SLOW}:
            rig.fault("create", kind, times=None, rate=0.05, seconds=0.02)
            if kind in (FaultKind.ERROR_BEFORE, FaultKind.RATE_LIMITED, FaultKind.HALF_ANSWER):
                rig.fault("timeline", kind, times=None, rate=0.1)
        for moment in range(60):
            sending = asyncio.ensure_future(made.delivery.send_due())
            await asyncio.wait({sending}, timeout=0.02 + 0.01 * (moment % 5))
            if moment % 3 == 0:  # the process dies wherever it happens to be, and another begins
                sending.cancel()
                await asyncio.wait({sending})
                await asyncio.sleep(0.05)
                await made.delivery.release()
                made.delivery = made.new_delivery()
            await sending if not sending.cancelled() else None
            await made.delivery.read_back_due()
            await asyncio.sleep(0.03)
            made.machine.seconds += made.policy.quiet
            await made.delivery.read_back_due()
            rig.later(minutes=16)
            if all(made.state(row) is DeliveryState.SENT for row in rows):
                break
        rig.world.faults.clear()
        await made.settle()
        assert {made.state(row) for row in rows} == {DeliveryState.SENT}
        assert sorted(reply.parent_id or "" for reply in rig.x.posts_by(HANDLE)) == sorted(posts)
        assert made.alarms() == []
        assert len(rig.world.faults.hits) > 5
        await made.delivery.release()


async def test_a_stale_reading_within_the_quiet_time_doubles_nothing(sqlite_engine: sa.Engine) -> None:
    with ready_x() as rig:
        made = stand(sqlite_engine, rig.world.clock, rig.port)
        posts = [rig.x.post(f"citizen{n}", f"@{HANDLE} no water {n}") for n in range(5)]
        rows = [made.add(f"first:{n}", rig.answer(post, f"HRY26-{n}")) for n, post in enumerate(posts)]
        rig.fault("create", FaultKind.ERROR_AFTER, times=None)
        assert await made.delivery.send_due() == 5
        rig.world.faults.clear()
        rig.fault("timeline", FaultKind.ERROR_BEFORE, times=PAGE_TRIES)
        await made.quiet()
        assert made.delivery.counts["found"] == 0
        made.machine.seconds += 61
        assert await made.delivery.read_back_due() == 5
        assert made.delivery.counts["read_back"] == 1  # one reading for all
        assert len(rig.x.posts_by(HANDLE)) == 5
        assert {made.state(row) for row in rows} == {DeliveryState.SENT}
        await made.delivery.release()


async def test_a_blocked_citizen_holds_nobody_and_is_heard(sqlite_engine: sa.Engine) -> None:
    with ready_x() as rig:
        made = stand(sqlite_engine, rig.world.clock, rig.port)
        post_id = rig.x.post("asha", f"@{HANDLE} no water")
        rig.x.block("asha", HANDLE)
        refused = made.add("first:1", rig.answer(post_id))
        depends = made.add("ask:1", rig.answer(post_id, "HRY26-1 satisfied?"), follows_step="first:1")
        other = made.add("first:2", rig.answer(rig.x.post("ravi", f"@{HANDLE} no light"), "HRY26-2"))
        await made.settle()
        states = [made.state(row) for row in (refused, depends, other)]
        assert states == [DeliveryState.PARKED, DeliveryState.CANCELLED, DeliveryState.SENT]
        with writing(made.engine) as conn:
            (heard,) = inbox.claim(conn, 5, made.clock.now())
        assert isinstance(heard.heard, Undeliverable)
        assert heard.heard.outbox_id == refused
        await made.delivery.release()


async def test_a_reply_that_is_too_long_is_our_own_fault(sqlite_engine: sa.Engine) -> None:
    with ready_x() as rig:
        made = stand(sqlite_engine, rig.world.clock, rig.port)
        row_id = made.add("first:1", rig.answer(rig.x.post("asha", f"@{HANDLE} no water"), "x" * 400))
        await made.settle()
        assert made.state(row_id) is DeliveryState.PARKED
        assert made.alarms() == ["message_refused"]
        await made.delivery.release()


async def test_a_chat_that_moved_is_followed_at_once(sqlite_engine: sa.Engine) -> None:
    async with telegram_stage(supergroup=False) as stage:
        made = stand(sqlite_engine, stage.world.clock, stage.port)
        rows = [made.add(f"n:{n}", stage.message(f"HRY26-{n}"), f"{stage.desk}:{n}") for n in range(3)]
        new_chat = stage.telegram.migrate(stage.desk)
        await made.delivery.send_due()
        texts = [one["text"] for one in stage.telegram.messages(new_chat) if one["from_bot"]]
        assert sorted(texts) == ["HRY26-0", "HRY26-1", "HRY26-2"]
        assert {made.row(row).destination for row in rows} == {f"{new_chat}:{n}" for n in range(3)}
        assert made.delivery.counts["chats_moved"] == 1
        await made.delivery.release()


async def test_a_full_group_waits_alone(sqlite_engine: sa.Engine) -> None:
    async with telegram_stage() as stage:
        other = stage.telegram.add_group("Power Hisar", members=[stage.kavita])
        one_by_one = replace(POLICY, side_by_side=1)  # side by side, chance would tell which chat meets the fault
        made = stand(sqlite_engine, stage.world.clock, stage.port, policy=one_by_one)
        stage.fails("sendMessage", FaultKind.RATE_LIMITED, seconds=30)
        full = [made.add(f"a:{n}", stage.message(f"a{n}"), f"{stage.desk}:{n}") for n in range(3)]
        free = made.add("b:1", stage.message("b1", thread_id=str(other)), f"{other}:1")
        await made.delivery.send_due()
        assert made.state(free) is DeliveryState.SENT
        assert [made.state(row) for row in full] == [DeliveryState.RETRY] * 3
        due = made.delivery.next_due()
        assert due is not None
        assert due >= made.clock.now() + timedelta(seconds=30)
        await made.settle()
        assert [one["text"] for one in stage.telegram.messages(stage.desk) if one["from_bot"]] == ["a0", "a1", "a2"]
        await made.delivery.release()


class OneSlowChat(Recorder):
    """A messenger on which the chat `slow` answers only once `others` messages were sent elsewhere."""

    def __init__(self, others: int) -> None:
        super().__init__(Platform.TELEGRAM)
        self._others = others
        self._enough = asyncio.Event()
        self.under_way: Counter[str] = Counter()
        self.most_at_once = 0

    async def send(self, outgoing: Outgoing) -> str:
        self.under_way[outgoing.thread_id] += 1
        self.most_at_once = max(self.most_at_once, *self.under_way.values())
        try:
            if outgoing.thread_id == "slow":
                await self._enough.wait()
            sent_id = await super().send(outgoing)
            if len(self.sent) == self._others:
                self._enough.set()
            return sent_id
        finally:
            self.under_way[outgoing.thread_id] -= 1


async def test_a_chat_that_answers_slowly_holds_up_no_other(engine: sa.Engine) -> None:
    port = OneSlowChat(others=30)
    made = stand(engine, SteppedClock(NOW), port)
    for at in range(3):
        made.add(f"slow:{at}", reply(f"slow {at}", "slow"), f"slow:{at}")
    for at in range(30):
        made.add(f"quick:{at}", reply(f"quick {at}", f"quick{at % 2}"), f"quick{at % 2}:{at}")
    assert await made.delivery.send_due() == 33
    assert port.sent[-3:] == ["slow 0", "slow 1", "slow 2"]
    assert port.most_at_once == 1
    await made.delivery.release()


async def test_a_message_that_comes_while_a_chat_is_slow_goes_at_once(engine: sa.Engine) -> None:
    port = OneSlowChat(others=1)
    made = stand(engine, SteppedClock(NOW), port, policy=replace(PATIENT, tick=0.02))
    made.machine = time.monotonic  # type: ignore[assignment]  # the time between two looks really passes
    made.delivery = made.new_delivery()
    made.add("slow", reply("slow", "slow"))
    sending_on = asyncio.ensure_future(made.delivery.send_due())
    await asyncio.sleep(0.1)
    made.add("late", reply("late", "other"))
    assert await sending_on == 2
    assert port.sent == ["late", "slow"]
    await made.delivery.release()


async def test_requests_under_way_are_written_down_though_the_database_failed_meanwhile(engine: sa.Engine) -> None:
    port = OneSlowChat(others=1)
    made = stand(engine, SteppedClock(NOW), port)
    rows = [made.add("slow", reply("slow", "slow")), made.add("quick", reply("quick", "quick"))]
    troubles = [DatabaseBusy("The database is held by somebody else.")]

    def fail_once(passed: str) -> None:
        if passed == "delivery.sent_written" and troubles:
            raise troubles.pop()

    with made.hooked(fail_once), pytest.raises(DatabaseBusy):
        await made.delivery.send_due()
    assert port.sent == ["quick", "slow"]
    await made.delivery.send_due()
    assert [made.state(row) for row in rows] == [DeliveryState.SENT] * 2
    assert port.sent == ["quick", "slow"]
    await made.delivery.release()


async def test_nothing_new_begins_once_all_stops(engine: sa.Engine) -> None:
    port = Recorder(Platform.TELEGRAM)
    made = stand(engine, SteppedClock(NOW), port)
    rows = [made.add(f"{at}", reply(f"{at}", f"chat {at % 2}"), f"chat {at % 2}:{at}") for at in range(30)]
    stop = asyncio.Event()

    async def told_to_stop() -> None:
        stop.set()

    port.on_send = told_to_stop
    await made.delivery.run(stop, asyncio.Event())
    assert len(port.sent) == 2
    assert Counter(made.state(row) for row in rows) == {DeliveryState.SENT: 2, DeliveryState.PENDING: 28}


async def test_a_press_is_answered_once_or_quietly_not(sqlite_engine: sa.Engine) -> None:
    async with telegram_stage() as stage:
        made = stand(sqlite_engine, stage.world.clock, stage.port)
        toast = Outgoing(act=OutgoingAct.ANSWER_PRESS, text="Accepted.", thread_id=str(stage.desk), press_id="1")
        row_id = made.add("press:1", toast, "press:1")
        stage.fails("answerCallbackQuery", FaultKind.ERROR_AFTER)
        await made.settle()
        assert made.state(row_id) is DeliveryState.CANCELLED
        assert made.alarms() == []
        await made.delivery.release()


async def test_an_edit_of_unknown_outcome_is_simply_done_again(sqlite_engine: sa.Engine) -> None:
    async with telegram_stage() as stage:
        made = stand(sqlite_engine, stage.world.clock, stage.port)
        made.add("notice", stage.message("first"), f"{stage.desk}:1")
        edit = stage.message("second", act=OutgoingAct.EDIT)
        row_id = made.add("edit", edit, f"{stage.desk}:1", follows_step="notice")
        stage.fails("editMessageText", FaultKind.ERROR_AFTER)
        await made.settle()
        assert made.state(row_id) is DeliveryState.SENT
        assert [one["text"] for one in stage.telegram.messages(stage.desk) if one["from_bot"]] == ["second"]
        await made.delivery.release()


@pytest.fixture
async def quiet_stand(sqlite_engine: sa.Engine) -> AsyncIterator[tuple[Stand, Recorder]]:
    port = Recorder()
    made = stand(sqlite_engine, SteppedClock(NOW), port)
    yield made, port
    await made.delivery.release()


async def test_order_holds_within_a_thread_while_others_go_on(quiet_stand: tuple[Stand, Recorder]) -> None:
    made, port = quiet_stand
    port.failures = [NotSent("x:500", "not now", retry_after=60.0)]
    for text, thread in (("a1", "t1"), ("a2", "t1"), ("b1", "t2"), ("b2", "t2")):
        made.add(text, reply(text, thread))
    assert await made.delivery.send_due() == 3
    assert port.sent == ["b1", "b2"]
    made.clock.advance(timedelta(seconds=70))
    await made.delivery.send_due()
    assert port.sent == ["b1", "b2", "a1", "a2"]


async def test_everything_has_an_end(quiet_stand: tuple[Stand, Recorder]) -> None:
    made, port = quiet_stand
    row_id = made.add("a1", reply("a1"))
    port.failures = [NotSent("x:500", "not now") for _ in range(20)]
    await made.settle()
    assert made.row(row_id).attempts == made.policy.max_attempts
    assert made.state(row_id) is DeliveryState.PARKED
    assert made.alarms() == ["message_given_up"]


async def test_a_platform_out_of_reach_does_not_use_up_every_messages_tries(
    quiet_stand: tuple[Stand, Recorder],
) -> None:
    made, port = quiet_stand
    rows = [made.add(f"a{n}", reply(f"a{n}", f"t{n}")) for n in range(5)]
    port.failures = [Unreachable("x:connect", "no connection")]
    assert await made.delivery.send_due() == 1
    assert await made.delivery.send_due() == 0
    assert [made.row(row).attempts for row in rows] == [0, 0, 0, 0, 0]  # it says nothing about the message
    due = made.delivery.next_due()
    assert due is not None
    assert made.clock.now() < due <= made.clock.now() + timedelta(seconds=60)
    await made.settle()
    assert sorted(port.sent) == ["a0", "a1", "a2", "a3", "a4"]


async def test_a_fault_of_the_adapter_itself_is_read_back(quiet_stand: tuple[Stand, Recorder]) -> None:
    made, port = quiet_stand
    row_id = made.add("a1", reply("a1"))
    port.failures = [KeyError("surprise")]
    assert await made.delivery.send_due() == 1
    assert made.state(row_id) is DeliveryState.UNKNOWN
    assert made.row(row_id).error_code == "adapter:KeyError"
    port.shown = ReadBack({row_id: "77"}, NOW)
    await made.quiet()
    assert made.row(row_id).sent_id == "77"
    assert port.sent == []


async def test_what_cannot_be_read_back_far_enough_waits_for_a_person(
    quiet_stand: tuple[Stand, Recorder],
) -> None:
    made, port = quiet_stand
    row_id = made.add("a1", reply("a1"))
    port.failures = [OutcomeUnknown("x:500", "broke off")]
    await made.delivery.send_due()
    port.shown = ReadBack({}, NOW + timedelta(minutes=1))
    await made.quiet()
    assert made.state(row_id) is DeliveryState.PARKED
    assert made.alarms() == ["message_unknown"]
    assert port.sent == []


async def test_a_request_that_would_start_too_late_is_not_started(
    quiet_stand: tuple[Stand, Recorder], monkeypatch: pytest.MonkeyPatch
) -> None:
    made, port = quiet_stand
    row_id = made.add("a1", reply("a1"))
    seconds = iter([0.0, 0.0, 0.0, made.policy.start_within])
    slow = Delivery(made.engine, made.clock, made.channel, port, PATIENT, machine=lambda: next(seconds, 1000.0))
    await slow.send_due(limit=1)
    assert port.sent == []
    assert slow.counts["started_too_late"] == 1
    assert (made.state(row_id), made.row(row_id).attempts) == (DeliveryState.PENDING, 0)
    await slow.release()


async def test_only_the_owner_of_the_lane_sends(engine: sa.Engine) -> None:
    port = Recorder()
    made = stand(engine, SteppedClock(NOW), port)
    others = [made.new_delivery() for _ in range(3)]
    for n in range(10):
        made.add(f"a{n}", reply(f"a{n}", f"t{n}"))
    tried = await asyncio.gather(*(one.send_due() for one in (made.delivery, *others)))
    assert sorted(tried) == [0, 0, 0, 10]
    assert sorted(port.sent) == sorted(f"a{n}" for n in range(10))
    for one in (made.delivery, *others):
        await one.release()


@pytest.mark.postgres
async def test_a_lost_lane_is_noticed_before_the_next_message(postgres_engine: sa.Engine) -> None:
    port = Recorder()
    made = stand(postgres_engine, SteppedClock(NOW), port)
    rows = [made.add(f"a{n}", reply(f"a{n}", f"t{n}")) for n in range(2)]

    async def cut_the_lane() -> None:
        with postgres_engine.connect() as conn, conn.begin():
            conn.exec_driver_sql(
                "SELECT pg_terminate_backend(pid, 2000) FROM pg_locks WHERE locktype = 'advisory' "
                "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
            )

    port.on_send = cut_the_lane
    assert await made.delivery.send_due() == 2
    assert port.sent == ["a0"]
    assert [made.state(row) for row in rows] == [DeliveryState.SENT, DeliveryState.PENDING]
    assert not made.delivery.owns_lane
    port.on_send = None
    await made.delivery.send_due()
    assert port.sent == ["a0", "a1"]
    await made.delivery.release()


class UnreadableThreads(Recorder):
    """A page on which some threads cannot be read; the others show that nothing of ours was posted."""

    def __init__(self, unreadable: set[str]) -> None:
        super().__init__(Platform.FACEBOOK)
        self._unreadable = unreadable

    async def read_back(self, unknown: Sequence[Unknown]) -> ReadBack:
        (thread,) = {row.outgoing.thread_id for row in unknown}
        if thread in self._unreadable:
            raise OutcomeUnknown("facebook:http500", "not now")
        return ReadBack({}, NOW - timedelta(days=1))


async def test_a_thread_that_cannot_be_read_back_holds_up_no_other(engine: sa.Engine) -> None:
    port = UnreadableThreads({"t0", "t2"})
    made = stand(engine, SteppedClock(NOW), port)
    rows = [made.add(f"a{at}", reply(f"a{at}", f"t{at}")) for at in range(5)]
    port.failures = [OutcomeUnknown("facebook:broken", "broke off") for _ in rows]
    await made.delivery.send_due()
    assert {made.state(row) for row in rows} == {DeliveryState.UNKNOWN}
    await made.delivery.read_back_due()
    for _ in range(4):
        made.machine.seconds += made.policy.quiet + 60
        await made.delivery.read_back_due()
    unknown, again = DeliveryState.UNKNOWN, DeliveryState.RETRY
    assert [made.state(row) for row in rows] == [unknown, again, unknown, again, again]
    await made.delivery.release()


async def test_x_out_of_reach_does_not_delay_telegram(sqlite_engine: sa.Engine) -> None:
    clock = SteppedClock(NOW)
    stuck = threading.Event()
    x, telegram = Recorder(), Recorder(Platform.TELEGRAM)
    slow = stand(sqlite_engine, clock, x, policy=replace(POLICY, deadline=5.0))
    quick = stand(sqlite_engine, clock, telegram)

    async def hang() -> None:
        stuck.set()
        await asyncio.sleep(0.5)
        raise OutcomeUnknown("x:500", "broke off")

    x.on_send = hang
    slow.add("a1", reply("a1"))
    quick.add("b1", reply("b1", "-100"), "-100:1")
    hanging = asyncio.ensure_future(slow.delivery.send_due())
    await asyncio.to_thread(stuck.wait)
    assert await quick.delivery.send_due() == 1
    assert telegram.sent == ["b1"]
    assert not hanging.done()
    await hanging
    await slow.delivery.release()
    await quick.delivery.release()


async def test_it_runs_until_it_is_told_to_stop(quiet_stand: tuple[Stand, Recorder]) -> None:
    made, port = quiet_stand
    stop, wake = asyncio.Event(), asyncio.Event()
    running = asyncio.ensure_future(made.new_delivery(policy=replace(PATIENT, tick=30.0)).run(stop, wake))
    await asyncio.sleep(0.1)
    made.add("a1", reply("a1"))
    wake.set()
    for _ in range(100):
        await asyncio.sleep(0.02)
        if port.sent:
            break
    assert port.sent == ["a1"]
    stop.set()
    await asyncio.wait_for(running, 5)
    assert await made.delivery.send_due() == 0
    assert made.delivery.owns_lane  # the lane was given back
