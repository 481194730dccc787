"""Intake against the emulated platforms: nothing missed, nothing kept twice, no fault fatal."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from rig_facebook import facebook_rig
from telegram_stage import telegram_stage
from x_rig import HANDLE, ready_x

from bot.clocks import SteppedClock
from bot.intake import Intake, watch_open_threads
from bot.platforms.port import Batch, CredentialsRefused, Gap, Identity, RateLimited, ReadBack, Unknown, Watch
from bot.sandbox.world import Fault, FaultKind
from store import channels, inbox
from store.alarms import open_alarms
from store.channels import Channel
from store.db import reading, writing
from store.inbound import Author, Inbound
from store.outbound import Outgoing
from store.tables import accounts, conversations, gaps, tickets, transcript
from store.vocabulary import InboundVerb, InboxState, Platform, Status
from store.watch import WatchedThread, watched_threads

NOW = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)


class Machine:
    """A machine clock that is moved by hand."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def channel_of(engine: sa.Engine, platform: Platform) -> Channel:
    with writing(engine) as conn:
        return channels.register(conn, platform.value, platform)


def kept(engine: sa.Engine) -> list[str]:
    with writing(engine) as conn:
        return [row.event_key for row in inbox.claim(conn, 1000, NOW + timedelta(days=400))]


async def test_x_posts_are_kept_once_over_many_reads(engine: sa.Engine) -> None:
    with ready_x() as rig:
        channel = channel_of(engine, Platform.X)
        intake = Intake(engine, rig.world.clock, channel, rig.port)
        posts = [rig.x.post("asha", f"@{HANDLE} no water {n}") for n in range(7)]
        assert await intake.read_once() == 7
        assert await intake.read_once() == 0
        rig.later(minutes=2)
        posts.append(rig.x.post("ravi", f"@{HANDLE} no light"))
        assert await intake.read_once() == 1
        assert kept(engine) == [f"{post}:0" for post in posts]
        assert intake.counts["events"] == 8


@pytest.mark.parametrize(
    "kind",
    [
        FaultKind.RATE_LIMITED,
        FaultKind.ERROR_BEFORE,
        FaultKind.RESET_BEFORE,
        FaultKind.NOT_JSON,
        FaultKind.HALF_ANSWER,
        FaultKind.DUPLICATE,
        FaultKind.SHUFFLE,
        FaultKind.STALE_READ,
    ],
)
async def test_no_fault_of_x_loses_or_doubles_a_post(sqlite_engine: sa.Engine, kind: FaultKind) -> None:
    with ready_x() as rig:
        channel = channel_of(sqlite_engine, Platform.X)
        machine = Machine()
        intake = Intake(sqlite_engine, rig.world.clock, channel, rig.port, machine=machine, seed=1)
        for n in range(5):
            rig.x.post(f"citizen{n}", f"@{HANDLE} no water {n}")
        rig.fault("mentions", kind, times=2)
        for _ in range(5):
            await intake.read_once()
            machine.seconds += 5
            rig.later(minutes=16)
        assert len(kept(sqlite_engine)) == 5
        assert rig.world.faults.hits
        assert intake.last_error is None


async def test_facebook_and_telegram_are_read_too(sqlite_engine: sa.Engine) -> None:
    async with facebook_rig() as facebook, telegram_stage() as telegram:
        facebook.facebook.add_user("asha", "Asha")
        facebook.facebook.tag_post("asha", "no water")
        telegram.telegram.write(telegram.kavita, telegram.desk, "/status")
        first = channel_of(sqlite_engine, Platform.FACEBOOK)
        second = channel_of(sqlite_engine, Platform.TELEGRAM)
        by_facebook = Intake(sqlite_engine, facebook.world.clock, first, facebook.port)
        by_telegram = Intake(sqlite_engine, telegram.world.clock, second, telegram.port)
        assert (await by_facebook.read_once(), await by_telegram.read_once()) == (1, 1)
        assert (await by_facebook.read_once(), await by_telegram.read_once()) == (0, 0)


async def test_a_revoked_token_stops_its_channel_only(sqlite_engine: sa.Engine) -> None:
    with ready_x() as rig:
        async with facebook_rig() as facebook:
            machine = Machine()
            x = Intake(sqlite_engine, rig.world.clock, channel_of(sqlite_engine, Platform.X), rig.port, machine=machine)
            page = Intake(
                sqlite_engine, facebook.world.clock, channel_of(sqlite_engine, Platform.FACEBOOK), facebook.port
            )
            rig.x.post("asha", f"@{HANDLE} no water")
            facebook.facebook.add_user("asha", "Asha")
            facebook.facebook.tag_post("asha", "no water")
            rig.world.faults.add(Fault(Platform.X, "mentions", FaultKind.REVOKED))
            assert (await x.read_once(), await page.read_once()) == (0, 1)
            machine.seconds += 3600
            assert await x.read_once() == 0
            with writing(sqlite_engine) as conn:
                assert [alarm.subject for alarm in open_alarms(conn)] == ["x"]
                channels.resume(conn, x.channel.id, rig.world.clock.now())
            assert await x.read_once() == 1


def heard(key: str) -> Inbound:
    return Inbound(
        key=key,
        verb=InboundVerb.POSTED,
        platform=Platform.X,
        message_id=key,
        thread_id="t",
        occurred_at=NOW,
        author=Author("7", "asha", "Asha"),
    )


class Script:
    """A port that reads what the test wrote down: batches and errors, in order."""

    platform = Platform.X
    channel = "script"

    def __init__(self, engine: sa.Engine, *steps: Batch | Exception) -> None:
        self.steps = list(steps)
        self.engine = engine
        self.asked: list[tuple[dict[str, str], Watch]] = []
        self.kept_before: list[int] = []

    async def read(self, cursors: Mapping[str, str], watch: Watch) -> AsyncIterator[Batch]:
        self.asked.append((dict(cursors), watch))
        while self.steps:
            with reading(self.engine) as conn:
                self.kept_before.append(inbox.count_by_state(conn)[InboxState.PENDING])
            step = self.steps.pop(0)
            if isinstance(step, Exception):
                raise step
            yield step

    async def identify(self) -> Identity:
        return Identity("1", "us", "Us")

    async def send(self, outgoing: Outgoing) -> str:
        return ""

    async def read_back(self, unknown: Sequence[Unknown]) -> ReadBack:
        return ReadBack({}, NOW)

    async def fetch(self, ref: str) -> bytes:
        return b""

    async def close(self) -> None:
        return None


async def test_each_batch_is_kept_before_the_next_is_asked_for(engine: sa.Engine) -> None:
    channel = channel_of(engine, Platform.X)
    port = Script(
        engine,
        Batch((heard("1"), heard("2"))),
        Batch((heard("3"),), {"since": "3"}),
        OSError("the network breaks"),
    )
    machine = Machine()
    intake = Intake(engine, SteppedClock(NOW), channel, port, machine=machine)
    assert await intake.read_once() == 3
    assert port.kept_before == [0, 2, 3]
    assert intake.last_error == "OSError"
    assert await intake.read_once() == 0  # waits
    machine.seconds += 2
    assert await intake.read_once() == 0
    assert port.asked[-1][0] == {"since": "3"}
    assert intake.last_error is None


async def test_waits_grow_and_the_platforms_own_word_is_kept(sqlite_engine: sa.Engine) -> None:
    channel = channel_of(sqlite_engine, Platform.X)
    clock, machine = SteppedClock(NOW), Machine()
    faults = [RateLimited("x:429", "slow down") for _ in range(4)]
    until = NOW + timedelta(minutes=15)
    port = Script(sqlite_engine, *faults, RateLimited("x:429", "slow down", retry_at=until), Batch((heard("1"),)))
    intake = Intake(sqlite_engine, clock, channel, port, machine=machine, seed=3)
    waits = []
    for _ in range(5):
        await intake.read_once()
        waits.append(intake.next_read_in())
        machine.seconds += waits[-1]
    assert waits[0] < waits[1] < waits[2] < waits[3]
    assert await intake.read_once() == 0
    assert len(port.asked) == 5
    clock.advance_to(until)
    assert await intake.read_once() == 1


@pytest.mark.parametrize("seconds", [-5.0, 1e12, float("nan")])
async def test_a_wait_nobody_can_mean_does_not_stop_the_reading(sqlite_engine: sa.Engine, seconds: float) -> None:
    channel = channel_of(sqlite_engine, Platform.X)
    absurd = RateLimited("x:429", "slow down", retry_at=NOW + timedelta(days=4000))
    port = Script(sqlite_engine, RateLimited("x:429", "slow down", retry_after=seconds), absurd, Batch((heard("1"),)))
    machine = Machine()
    intake = Intake(sqlite_engine, SteppedClock(NOW), channel, port, machine=machine)
    for _ in range(2):
        assert await intake.read_once() == 0
        assert 0 < intake.next_read_in() <= 2
        machine.seconds += 2
    assert await intake.read_once() == 1


async def test_a_channel_that_cannot_be_read_is_told_and_taken_back(sqlite_engine: sa.Engine) -> None:
    channel = channel_of(sqlite_engine, Platform.X)
    clock, machine = SteppedClock(NOW), Machine()
    port = Script(sqlite_engine, *(OSError("down") for _ in range(12)), Batch((heard("1"),)))
    intake = Intake(sqlite_engine, clock, channel, port, machine=machine)
    told = []
    for _ in range(12):
        await intake.read_once()
        machine.seconds += 300
        clock.advance(timedelta(minutes=1))
        with reading(sqlite_engine) as conn:
            told.append([alarm.code for alarm in open_alarms(conn)])
    assert told == [[]] * 10 + [["reading_fails"]] * 2
    assert await Intake(sqlite_engine, clock, channel, port, machine=machine).read_once() == 1
    with reading(sqlite_engine) as conn:
        assert open_alarms(conn) == []


async def test_a_gap_is_noted_once(sqlite_engine: sa.Engine) -> None:
    channel = channel_of(sqlite_engine, Platform.X)
    gap = Gap(NOW - timedelta(days=9), NOW - timedelta(days=7), "longer away than search reaches")
    port = Script(sqlite_engine, Batch(gap=gap), Batch((heard("1"),), {}, gap))
    intake = Intake(sqlite_engine, SteppedClock(NOW), channel, port)
    assert await intake.read_once() == 1
    with reading(sqlite_engine) as conn:
        (row,) = conn.execute(sa.select(gaps)).all()
    assert (row.since_at, row.why) == (gap.since, gap.why)


async def test_refused_credentials_raise_one_alarm(sqlite_engine: sa.Engine) -> None:
    channel = channel_of(sqlite_engine, Platform.X)
    refused = CredentialsRefused("x:401", "X refuses the account's keys.")
    port = Script(sqlite_engine, refused)
    intake = Intake(sqlite_engine, SteppedClock(NOW), channel, port)
    await intake.read_once()
    with reading(sqlite_engine) as conn:
        stopped = channels.channel(conn, channel.id)
        assert stopped.stopped_at == NOW
        assert stopped.stopped_why == "x:401: X refuses the account's keys."
        assert len(open_alarms(conn)) == 1


def ticket(conn: sa.Connection, number: int, channel: Channel, account: int, **other: object) -> None:
    heard_at = other.pop("heard_at", NOW)
    plain = {
        "id": number, "number": f"HRY26-{number:06}-0", "platform": "x", "channel_id": channel.id,
        "account_id": account, "thread_id": f"t{number}", "first_message_id": f"m{number}", "language": "en",
        "status": Status.COLLECTING, "opened_at": NOW,
    }  # fmt: skip
    conn.execute(tickets.insert().values(**(plain | other)))
    conn.execute(conversations.insert().values(ticket_id=number, reply_to_id=f"m{number}", last_heard_at=heard_at))
    conn.execute(
        transcript.insert().values(
            ticket_id=number, account_id=account, platform="x", speaker="citizen", message_id=f"m{number}",
            thread_id=f"t{number}", text="no water", occurred_at=NOW,
        )
    )  # fmt: skip


def test_open_tickets_are_watched(engine: sa.Engine) -> None:
    channel = channel_of(engine, Platform.X)
    with writing(engine) as conn:
        other = channels.register(conn, "other", Platform.X)
        account = conn.execute(
            accounts.insert().values(platform="x", author_id="7", first_seen_at=NOW).returning(accounts.c.id)
        ).scalar_one()
        ticket(conn, 1, channel, account)
        ticket(conn, 2, channel, account, thread_id="t1", heard_at=NOW + timedelta(minutes=1))
        ticket(conn, 3, channel, account, status=Status.WITHDRAWN, ended_at=NOW)
        ticket(conn, 4, other, account)
        ticket(conn, 5, channel, account, heard_at=NOW - timedelta(days=100))
        ticket(conn, 6, channel, account, heard_at=NOW - timedelta(hours=1))
    with reading(engine) as conn:
        found = watched_threads(conn, channel.id, NOW)
        watch = watch_open_threads(conn, channel, NOW)
    assert found == (
        WatchedThread("t1", NOW + timedelta(minutes=1), ("m1", "m2")),
        WatchedThread("t6", NOW - timedelta(hours=1), ("m6",)),
    )
    assert [thread.thread_id for thread in watch.threads] == ["t1", "t6"]
