"""Budgets: what costs money stops short of its limit, an emergency is still answered, and it goes on by itself."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from stage_delivery import NOW, Recorder, Stand, reply, stand
from x_rig import HANDLE, ready_x

from bot.budget import Budget, Limit, began_at, ends_at
from bot.checking_budget import budget_findings
from bot.clocks import SteppedClock
from bot.intake import Intake
from bot.platforms.port import Batch, OutcomeUnknown, RateLimited, ReadBack, Refused, Watch
from bot.policies import budget_of
from bot.sandbox.world import FaultKind
from bot.settings import load_settings
from store import channels
from store.alarms import open_alarms
from store.db import reading, writing
from store.inbound import Author, Inbound
from store.spending import posts_sent
from store.vocabulary import DeliveryState, InboundVerb, Platform

MONTH = Limit("month", 10, "SMGT_X_POSTS_PER_MONTH")
NEXT_MONTH = datetime(2026, 11, 30, 18, 30, tzinfo=UTC)  # midnight in Haryana


def month(most: int, reserve_percent: int = 20) -> Budget:
    return Budget(posts=(Limit("month", most, "SMGT_X_POSTS_PER_MONTH"),), reserve_percent=reserve_percent)


def prepared(engine: sa.Engine, budget: Budget, rows: int = 12) -> tuple[Stand, Recorder, list[int]]:
    port = Recorder()
    made = stand(engine, SteppedClock(NOW), port)
    made.delivery = made.new_delivery(budget=budget)
    return made, port, [made.add(f"a{n}", reply(f"a{n}", f"t{n}")) for n in range(rows)]


def sentences(engine: sa.Engine) -> list[str]:
    with reading(engine) as conn:
        return [alarm.sentence for alarm in open_alarms(conn)]


async def test_ordinary_replies_wait_and_are_not_failed(engine: sa.Engine) -> None:
    made, port, rows = prepared(engine, month(10))
    for _ in range(3):
        await made.delivery.send_due()
        made.clock.advance(timedelta(minutes=2))
    assert len(port.sent) == 8
    waiting = [made.row(row) for row in rows[8:]]
    assert [(row.state, row.attempts) for row in waiting] == [(DeliveryState.PENDING, 0)] * 4
    assert sentences(engine) == [
        "x-recorder: 8 of 10 posts this month are used: ordinary replies wait, 2 are kept for emergencies, until "
        "2026-12-01 00:00 in Haryana, or until SMGT_X_POSTS_PER_MONTH is raised and `smgt run` started again."
    ]
    assert made.delivery.next_due() == NEXT_MONTH
    await made.delivery.release()


async def test_an_emergency_is_answered_from_the_reserve_and_not_beyond_it(engine: sa.Engine) -> None:
    made, port, _ = prepared(engine, month(10))
    await made.delivery.send_due()
    urgent = [made.add(f"u{n}", reply(f"u{n}", "t9"), urgent=True) for n in range(2)]  # behind an ordinary one
    urgent += [made.add("u2", reply("u2", "t20"), urgent=True)]
    assert made.delivery.next_due() == made.clock.now()
    for _ in range(4):
        await made.delivery.send_due()
    assert port.sent[8:] == ["u0", "u2"]
    assert made.state(urgent[1]) is DeliveryState.PENDING
    assert made.delivery.next_due() == NEXT_MONTH
    await made.delivery.release()


async def test_it_goes_on_by_itself_when_the_month_ends(sqlite_engine: sa.Engine) -> None:
    made, port, rows = prepared(sqlite_engine, month(10))
    await made.delivery.send_due()
    made.clock.advance_to(NEXT_MONTH - timedelta(seconds=1))
    await made.delivery.send_due()
    assert (len(port.sent), made.alarms()) == (8, ["budget_spent"])
    made.clock.advance_to(NEXT_MONTH)
    await made.delivery.send_due()
    assert {made.state(row) for row in rows} == {DeliveryState.SENT}
    assert made.alarms() == []
    await made.delivery.release()


@pytest.mark.parametrize("raised", [month(100), Budget()])
async def test_it_goes_on_when_the_limit_is_raised_or_lifted(sqlite_engine: sa.Engine, raised: Budget) -> None:
    made, port, _ = prepared(sqlite_engine, month(10))
    await made.delivery.send_due()
    await made.delivery.send_due()
    assert made.alarms() == ["budget_spent"]
    await made.delivery.release()
    made.delivery = made.new_delivery(budget=raised)
    await made.delivery.send_due()
    assert len(port.sent) == 12
    assert made.alarms() == []
    await made.delivery.release()


async def test_four_fifths_are_told(sqlite_engine: sa.Engine) -> None:
    made, port, _ = prepared(sqlite_engine, month(100, 10), rows=79)
    for _ in range(5):
        await made.delivery.send_due()
    assert (len(port.sent), made.alarms()) == (79, [])
    for n in range(2):
        made.add(f"b{n}", reply(f"b{n}", f"b{n}"))
        await made.delivery.send_due()
    assert sentences(sqlite_engine) == ["x-recorder: 80 of 100 posts this month are used (SMGT_X_POSTS_PER_MONTH)."]
    await made.delivery.release()


async def test_the_stricter_of_two_limits_counts_and_the_day_ends_first(sqlite_engine: sa.Engine) -> None:
    limits = (Limit("day", 5, "SMGT_X_POSTS_PER_DAY"), MONTH)
    made, port, _ = prepared(sqlite_engine, Budget(posts=limits, reserve_percent=0))
    counts = []
    for _ in range(4):
        await made.delivery.send_due()
        await made.delivery.send_due()
        counts.append(len(port.sent))
        made.clock.advance(timedelta(days=1))
    assert counts == [5, 10, 10, 10]
    assert made.delivery.next_due() == NEXT_MONTH
    assert [one.partition(":")[0] for one in sentences(sqlite_engine)] == ["x-recorder"]
    await made.delivery.release()


async def test_the_next_owner_counts_what_the_last_one_spent(engine: sa.Engine) -> None:
    made, port, _ = prepared(engine, month(10))
    await made.delivery.send_due(limit=5)
    others = [made.new_delivery(budget=month(10)) for _ in range(3)]
    for one in (made.delivery, *others):
        await one.send_due()
        await one.release()
    assert len(port.sent) == 8


async def test_a_request_that_may_have_taken_effect_is_counted_once(engine: sa.Engine) -> None:
    made, port, rows = prepared(engine, Budget(), rows=4)
    port.failures = [
        OutcomeUnknown("x:502", "broke off"),
        Refused("x:403", "no"),
        RateLimited("x:429", "slow down", retry_after=1.0),
    ]
    await made.delivery.send_due()
    port.shown = ReadBack({rows[0]: "77"}, NOW - timedelta(days=1))
    made.clock.advance(timedelta(seconds=5))
    await made.delivery.send_due()
    with reading(engine) as conn:
        assert posts_sent(conn, made.channel.id, NOW) == 3  # one unknown, two sent
    await made.quiet()
    assert made.row(rows[0]).sent_id == "77"
    with reading(engine) as conn:
        assert posts_sent(conn, made.channel.id, NOW) == 3
        assert posts_sent(conn, made.channel.id, NOW + timedelta(minutes=1)) == 0
        assert posts_sent(conn, made.channel.id + 1, NOW) == 0
    await made.delivery.release()


@pytest.mark.parametrize(
    ("now", "day", "month_began", "month_ends"),
    [
        ("2026-11-30T18:29:59", "2026-11-29T18:30:00", "2026-10-31T18:30:00", "2026-11-30T18:30:00"),
        ("2026-11-30T18:30:00", "2026-11-30T18:30:00", "2026-11-30T18:30:00", "2026-12-31T18:30:00"),
        ("2026-12-31T20:00:00", "2026-12-31T18:30:00", "2026-12-31T18:30:00", "2027-01-31T18:30:00"),
        ("2028-02-29T12:00:00", "2028-02-28T18:30:00", "2028-01-31T18:30:00", "2028-02-29T18:30:00"),
    ],
)
def test_days_and_months_are_those_of_haryana(now: str, day: str, month_began: str, month_ends: str) -> None:
    at = datetime.fromisoformat(now).replace(tzinfo=UTC)
    told = [began_at("day", at), began_at("month", at), ends_at("month", at)]
    assert [f"{one.astimezone(UTC):%Y-%m-%dT%H:%M:%S}" for one in told] == [day, month_began, month_ends]
    assert ends_at("day", at) - began_at("day", at) == timedelta(days=1)


# -- reading -----------------------------------------------------------------------------------------------------------


def post(key: str) -> Inbound:
    return Inbound(
        key=f"{key}:0",
        verb=InboundVerb.POSTED,
        platform=Platform.X,
        message_id=key,
        thread_id=key,
        occurred_at=NOW,
        author=Author("7", "asha", "Asha"),
    )


class Reading(Recorder):
    """Gives one new post at each read and remembers how it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.watches: list[Watch] = []

    async def read(self, cursors: Mapping[str, str], watch: Watch) -> AsyncIterator[Batch]:
        self.watches.append(watch)
        yield Batch((post(str(len(self.watches))),))


async def test_mentions_are_read_on_when_the_budget_of_reads_is_spent(engine: sa.Engine) -> None:
    with writing(engine) as conn:
        channel = channels.register(conn, "cmohry", Platform.X)
    clock, port = SteppedClock(NOW), Reading()
    budget = Budget(reads=(Limit("month", 5, "SMGT_X_READS_PER_MONTH"),))
    intake = Intake(engine, clock, channel, port, budget=budget)
    for _ in range(7):
        assert await intake.read_once() == 1
        clock.advance(timedelta(minutes=2))
    assert [watch.is_sparing for watch in port.watches] == [False] * 5 + [True] * 2
    assert sentences(engine) == [
        "cmohry: 5 of 5 posts read this month are used: mentions are read on, but awaited threads, our own posts and "
        "deletes are not looked at until 2026-12-01 00:00 in Haryana, or until SMGT_X_READS_PER_MONTH is raised and "
        "`smgt run` started again."
    ]
    clock.advance_to(NEXT_MONTH)
    assert await intake.read_once() == 1
    assert not port.watches[-1].is_sparing
    assert sentences(engine) == []


async def test_sparing_reads_of_x_ask_for_mentions_alone() -> None:
    with ready_x() as rig:
        rig.x.post("asha", f"@{HANDLE} no water")
        for operation in ("timeline", "search", "lookup"):
            rig.fault(operation, FaultKind.ERROR_BEFORE, times=None)
        watch = Watch(rig.world.clock.now(), is_sparing=True)
        events = [event async for batch in rig.port.read({}, watch) for event in batch.events]
        assert len(events) == 1
        assert rig.world.faults.hits == []


# -- what operators set and see ------------------------------------------------------------------------------------------


def settings(**more: str) -> Any:
    keys = ("BEARER_TOKEN", "CONSUMER_KEY", "CONSUMER_SECRET", "ACCESS_TOKEN", "ACCESS_SECRET")
    given = {f"SMGT_CMOHRY_{key}": key.lower() for key in keys}
    return load_settings({"SMGT_CHANNELS": "x:cmohry", **given, **more})


def test_nothing_is_limited_unless_somebody_chose_a_limit() -> None:
    assert budget_of(settings(), Platform.X) == Budget()
    chosen = settings(SMGT_X_POSTS_PER_MONTH="3000", SMGT_URGENT_RESERVE_PERCENT="5")
    wanted = Budget(posts=(Limit("month", 3000, "SMGT_X_POSTS_PER_MONTH"),), reserve_percent=5)
    assert budget_of(chosen, Platform.X) == wanted
    assert budget_of(chosen, Platform.TELEGRAM) == Budget()


async def test_check_shows_what_is_used(sqlite_engine: sa.Engine) -> None:
    port = Recorder()
    made = stand(sqlite_engine, SteppedClock(NOW), port)
    for n in range(4):
        made.add(f"a{n}", reply(f"a{n}", f"t{n}"))
    await made.delivery.send_due()
    await made.delivery.release()

    def shown(**more: str) -> list[tuple[bool, str]]:
        return [(one.ok, one.text) for one in budget_findings(sqlite_engine, settings(**more), NOW)]

    assert shown() == [
        (True, "x-recorder: 4 posts this month, no limit set"),
        (True, "x-recorder: 0 posts read this month, no limit set"),
    ]
    limits = {"SMGT_X_POSTS_PER_MONTH": "3000", "SMGT_X_POSTS_PER_DAY": "4", "SMGT_X_READS_PER_MONTH": "9000"}
    assert shown(**limits) == [
        (
            False,
            "x-recorder: 4 of 4 posts today, 4 of 3,000 posts this month; ordinary replies wait: raise "
            "SMGT_X_POSTS_PER_DAY, or wait",
        ),
        (True, "x-recorder: 0 of 9,000 posts read this month"),
    ]
