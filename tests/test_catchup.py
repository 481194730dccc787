"""After an outage: everything missed is read, kept, decided once; what cannot be is a gap; nobody waits for it all."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from rig_facebook import facebook_rig
from telegram_stage import telegram_stage
from x_rig import HANDLE, XRig, ready_x

from bot.bench.catchup import measure
from bot.intake import Intake
from bot.platforms import x_reading
from bot.sandbox.world import Fault, FaultKind
from store import channels
from store.channels import Channel
from store.db import reading, writing
from store.gaps import all_gaps
from store.tables import inbox
from store.vocabulary import Platform

NOW = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)


def channel_of(engine: sa.Engine, platform: Platform) -> Channel:
    with writing(engine) as conn:
        return channels.register(conn, platform.value, platform)


def kept(engine: sa.Engine) -> list[str]:
    """The posts in the inbox, in the order in which they will be decided."""
    with reading(engine) as conn:
        return [key.partition(":")[0] for key in conn.scalars(sa.select(inbox.c.event_key).order_by(inbox.c.id))]


def missed(rig: XRig, posts: int, *, every: timedelta) -> list[str]:
    """Posts of a few people while nobody read."""
    written = []
    for number in range(posts):
        written.append(rig.x.post(f"citizen{number % 7}", f"@{HANDLE} no water {number}"))
        rig.world.clock.advance(every)
    rig.later(minutes=1)
    return written


# -- X ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def short_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    """Slices of few posts, so that a small backlog has many."""
    monkeypatch.setattr(x_reading, "SLICE_POSTS", 100)
    monkeypatch.setattr(x_reading, "SEARCH_PAGES", 2)


@pytest.mark.usefixtures("short_slices")
async def test_a_backlog_is_read_on_where_a_refusal_broke_it_off(sqlite_engine: sa.Engine) -> None:
    with ready_x() as rig:
        channel = channel_of(sqlite_engine, Platform.X)
        machine = [0.0]
        intake = Intake(sqlite_engine, rig.world.clock, channel, rig.port, machine=lambda: machine[0], seed=1)
        await intake.read_once()
        written = missed(rig, 1300, every=timedelta(seconds=60))
        for _ in range(2):
            rig.fault("search", FaultKind.STALE_READ, times=3, count=0)  # three searches pass, the fourth does not
            rig.fault("search", FaultKind.RATE_LIMITED)
        reads = 0
        while intake.last_error or not reads:
            await intake.read_once()
            reads += 1
            machine[0] += 400
            rig.later(minutes=15)
        assert reads == 3
        assert kept(sqlite_engine) == written
        searches = sum(many for (name, status), many in rig.x.asked.items() if name == "search" and status == 200)
        assert searches < 20, "what was kept before the refusal is not searched again"
        with reading(sqlite_engine) as conn:
            assert all_gaps(conn) == []


async def test_the_deadline_is_for_a_page_and_not_for_the_backlog(sqlite_engine: sa.Engine) -> None:
    with ready_x() as rig:
        channel = channel_of(sqlite_engine, Platform.X)
        intake = Intake(sqlite_engine, rig.world.clock, channel, rig.port, batch_deadline=1.0)
        await intake.read_once()
        written = missed(rig, 1000, every=timedelta(seconds=60))
        rig.fault("mentions", FaultKind.SLOW, times=None, seconds=0.15)
        rig.fault("search", FaultKind.SLOW, times=None, seconds=0.15)
        assert await intake.read_once() == 1000
        assert intake.last_error is None
        assert kept(sqlite_engine) == written


@pytest.mark.usefixtures("short_slices")
async def test_a_burst_larger_than_one_search_is_read_whole(sqlite_engine: sa.Engine) -> None:
    with ready_x() as rig:
        channel = channel_of(sqlite_engine, Platform.X)
        intake = Intake(sqlite_engine, rig.world.clock, channel, rig.port)
        await intake.read_once()
        written = missed(rig, 900, every=timedelta(milliseconds=500))  # 120 a minute, the shortest slice
        rig.later(hours=5)
        written += missed(rig, 750, every=timedelta(seconds=60))
        await intake.read_once()
        assert sorted(kept(sqlite_engine), key=int) == written
        with reading(sqlite_engine) as conn:
            assert all_gaps(conn) == []


async def test_an_outage_longer_than_a_week_is_one_gap(sqlite_engine: sa.Engine) -> None:
    with ready_x() as rig:
        channel = channel_of(sqlite_engine, Platform.X)
        intake = Intake(sqlite_engine, rig.world.clock, channel, rig.port)
        rig.x.post("asha", f"@{HANDLE} before")
        await intake.read_once()
        before = rig.world.clock.now()
        rig.later(days=10)
        missed(rig, 810, every=timedelta(seconds=1))
        for _ in range(3):
            await intake.read_once()
            rig.later(minutes=20)
        with reading(sqlite_engine) as conn:
            (gap,) = all_gaps(conn)
        assert gap.since_at == before - timedelta(minutes=10)
        assert gap.until_at < rig.world.clock.now() - timedelta(days=6)
        assert "seven days" in gap.why


async def test_a_crowded_thread_hides_no_answer(sqlite_engine: sa.Engine) -> None:
    """Strangers by the hundred under a watched post: its citizen's answer is read, and so are other threads' answers."""
    with ready_x(limit_scale=None) as rig:
        first = rig.x.post("asha", f"@{HANDLE} no water")
        second = rig.x.post("ravi", f"@{HANDLE} no light")
        rig.later(minutes=1)
        answers = [rig.x.post("asha", "Hisar", in_reply_to=first, hide_mention=True)]
        answers.append(rig.x.post("ravi", "Karnal", in_reply_to=second, hide_mention=True))
        for number in range(450):
            rig.x.post(f"stranger{number}", f"here too {number}", in_reply_to=first, hide_mention=True)
        rig.later(minutes=1)
        begun = rig.world.clock.now() - timedelta(minutes=2)
        watched = [x_reading.Watched(one, begun, (one,)) for one in (first, second)]
        cursors: dict[str, str] = {}
        heard = {event.message_id for event in await rig.heard(cursors, *watched)}
        heard |= {event.message_id for event in await rig.heard(cursors, *watched)}
        assert heard >= set(answers)
        rig.later(hours=1)
        late = rig.x.post("asha", "ward 5", in_reply_to=first, hide_mention=True)
        assert late in {event.message_id for event in await rig.heard(cursors, *watched)}
        asked = rig.x.asked["search", 200]
        await rig.heard(cursors, *watched)
        assert rig.x.asked["search", 200] - asked <= 2, "the crowd is not read again"


# -- the measurement ---------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_small_day_measures_clean() -> None:
    steps: set[str] = set()
    found = asyncio.run(measure(60, seed=2, send=True, progress=lambda step, *_: steps.add(step)))
    assert found.clean
    assert found.decided == 60
    assert found.sending is not None
    assert found.sending["doubled_on_x"] == 0
    assert found.sending["sent"] == found.answers
    assert steps == {"writing", "reading", "deciding", "sending"}


# -- Facebook ----------------------------------------------------------------------------------------------------------


async def test_a_day_of_facebook_is_read_whole_although_a_read_breaks_off(sqlite_engine: sa.Engine) -> None:
    async with facebook_rig(limit_scale=None) as rig:
        channel = channel_of(sqlite_engine, Platform.FACEBOOK)
        machine = [0.0]
        intake = Intake(sqlite_engine, rig.world.clock, channel, rig.port, machine=lambda: machine[0])
        await intake.read_once()
        for number in range(430):
            rig.facebook.tag_post(f"person{number % 9}", f"matter {number}")
            rig.world.clock.advance(timedelta(seconds=190))
        rig.world.faults.add(Fault(Platform.FACEBOOK, "tagged", FaultKind.SLOW, times=3))
        rig.world.faults.add(Fault(Platform.FACEBOOK, "tagged", FaultKind.ERROR_BEFORE))
        assert await intake.read_once() == 0
        assert intake.last_error is not None
        machine[0] += 400
        asked = len(rig.world.faults.hits)
        rig.world.faults.add(Fault(Platform.FACEBOOK, "tagged", FaultKind.SLOW, times=None))
        assert await intake.read_once() == 430
        assert len(rig.world.faults.hits) - asked <= 3, "the pages before the fault are not asked for again"
        with reading(sqlite_engine) as conn:
            assert all_gaps(conn) == []


async def test_comments_of_an_outage_stand_under_posts_that_grew_old_in_it(sqlite_engine: sa.Engine) -> None:
    async with facebook_rig(limit_scale=None) as rig:
        channel = channel_of(sqlite_engine, Platform.FACEBOOK)
        intake = Intake(sqlite_engine, rig.world.clock, channel, rig.port)
        post_id = rig.facebook.page_post("the office's news")
        rig.world.clock.advance(timedelta(minutes=1))
        await intake.read_once()
        rig.world.clock.advance(timedelta(days=5))
        comment = rig.facebook.comment("ram", post_id, "no water")
        rig.world.clock.advance(timedelta(days=13))  # the post is older now than own posts are read for
        await intake.read_once()
        with reading(sqlite_engine) as conn:
            assert any(comment in key for key in conn.scalars(sa.select(inbox.c.event_key)))


# -- Telegram ----------------------------------------------------------------------------------------------------------


async def test_more_than_a_day_without_telegram_is_a_gap_and_less_is_none(sqlite_engine: sa.Engine) -> None:
    async with telegram_stage() as rig:
        channel = channel_of(sqlite_engine, Platform.TELEGRAM)
        intake = Intake(sqlite_engine, rig.world.clock, channel, rig.port)
        rig.world.clock.advance(timedelta(days=40))
        await intake.read_once()  # the very first read owes nothing
        rig.world.clock.advance(timedelta(hours=23))
        rig.telegram.write(rig.kavita, rig.desk, "/status")
        assert await intake.read_once() == 1
        with reading(sqlite_engine) as conn:
            assert all_gaps(conn) == []
        read_at = rig.world.clock.now()
        rig.world.clock.advance(timedelta(hours=30))
        await intake.read_once()
        await intake.read_once()
        with reading(sqlite_engine) as conn:
            (gap,) = all_gaps(conn)
        assert (gap.since_at, gap.until_at) == (read_at, read_at + timedelta(hours=6))
        assert "24 hours" in gap.why


async def test_quiet_polls_of_telegram_write_nothing(sqlite_engine: sa.Engine) -> None:
    async with telegram_stage() as rig:
        channel = channel_of(sqlite_engine, Platform.TELEGRAM)
        intake = Intake(sqlite_engine, rig.world.clock, channel, rig.port)
        await intake.read_once()
        with reading(sqlite_engine) as conn:
            before = channels.cursors(conn, channel.id)
        rig.world.clock.advance(timedelta(minutes=9))
        await intake.read_once()
        with reading(sqlite_engine) as conn:
            assert channels.cursors(conn, channel.id) == before
        rig.world.clock.advance(timedelta(minutes=2))
        await intake.read_once()
        with reading(sqlite_engine) as conn:
            assert channels.cursors(conn, channel.id) != before
