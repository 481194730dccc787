"""Trouble under the office: a full disk, a database held by another program or made read-only, a clock that is set right.

Nothing is lost, nothing goes twice, nobody dies, and the operator reads one sentence.
"""

from __future__ import annotations

import asyncio
import logging
import random
import sqlite3
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, cast

import msgspec
import pytest
import sqlalchemy as sa
from digest_history import END as DAY_ENDS
from digest_history import NOW as DIGEST_NOW
from digest_history import START as DAY_BEGINS
from digest_history import insert_history
from run_rig import POSTS, START
from telegram_stage import telegram_stage
from test_delivery import PATIENT, Stand, stand
from test_desk import Office as DeskOffice
from x_rig import HANDLE, ready_x

from bot.clocks import SteppedClock
from bot.intake import Intake
from bot.sandbox.world import FaultKind
from bot.seldom import SELDOM, Seldom
from handlers.desk.batch import Desk
from handlers.digest.figures import figures as counted_figures
from handlers.policy import Policy
from handlers.understanding.taxonomy import taxonomy
from store import boundaries, channels
from store.db import DatabaseBusy, DatabaseUnusable, reading, writing
from store.directory import load_directory
from store.directory_csv import import_desks, import_posts
from store.faults import fault_sentence
from store.tables import counters, inbox, outbox, tickets
from store.vocabulary import DeliveryState, InboxState

KINDS = ("full", "locked", "readonly")
SENTENCES = {
    "full": "The disk of the database is full",
    "locked": "has been written by somebody else",
    "readonly": "The database may only be read",
}
OUTSIDE = (sa.exc.DBAPIError, DatabaseUnusable)
MORE_THAN_A_PAGE = 24
"""Posts whose rows need a new page of 4,096 bytes wherever the last one ended: a row of the inbox is over 400 bytes."""


@dataclass
class Trouble:
    """Real trouble with a SQLite file, switched on and off for every connection of an engine."""

    engine: sa.Engine
    kind: str
    on: bool = False
    holder: sqlite3.Connection | None = None

    def __post_init__(self) -> None:
        sa.event.listen(self.engine, "checkout", self._prepare)

    def _prepare(self, connection: Any, *_: Any) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA busy_timeout = 30")
        full = self.on and self.kind == "full"
        pages = cursor.execute("PRAGMA page_count").fetchone()[0] if full else 1_000_000
        cursor.execute(f"PRAGMA max_page_count = {pages}")
        cursor.execute(f"PRAGMA query_only = {'ON' if self.on and self.kind == 'readonly' else 'OFF'}")
        cursor.close()

    def begin(self) -> None:
        if self.on:
            return
        self.on = True
        if self.kind == "locked":
            self.holder = sqlite3.connect(str(self.engine.url.database), isolation_level=None, check_same_thread=False)
            self.holder.execute("BEGIN IMMEDIATE")
        elif self.kind == "full":
            self._fill()

    def end(self) -> None:
        self.on = False
        if self.holder is not None:
            self.holder.close()
            self.holder = None

    def _fill(self) -> None:
        """Use up what room the pages still have, so that the next row needs a new one."""
        with closing(sqlite3.connect(str(self.engine.url.database), isolation_level=None, timeout=0.03)) as conn:
            conn.execute(f"PRAGMA max_page_count = {conn.execute('PRAGMA page_count').fetchone()[0]}")
            row = conn.execute("SELECT id, created_at FROM outbox LIMIT 1").fetchone()
            with pytest.raises(sqlite3.OperationalError, match="full"):  # noqa: PT012
                while row is not None:
                    conn.execute("INSERT INTO attempts (outbox_id, at, result) VALUES (?, ?, 'retry')", row)
                while True:
                    conn.execute("INSERT INTO counters (name, value) VALUES (?, 0)", (f"filling {uuid.uuid4()}",))


@pytest.fixture(params=KINDS)
def trouble(request: pytest.FixtureRequest, sqlite_engine: sa.Engine) -> Iterator[Trouble]:
    made = Trouble(sqlite_engine, request.param)
    yield made
    made.end()


@contextmanager
def at_boundary(name: str, act: Callable[[], object]) -> Iterator[None]:
    """Do this once, when the boundary of this name is passed."""
    done: list[bool] = []

    def hook(passed: str) -> None:
        if passed == name and not done:
            done.append(True)
            act()

    boundaries.install(hook)
    try:
        yield
    finally:
        boundaries.install(None)
    assert done, f"{name} was never passed"


@pytest.fixture
def lines() -> Iterator[list[str]]:
    """What the operator reads: the lines of a running process, with its filter."""
    told: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            told.append(record.getMessage())

    keep = Keep()
    keep.addFilter(Seldom())
    logging.getLogger("bot").addHandler(keep)
    yield told
    logging.getLogger("bot").removeHandler(keep)


async def _until(true: Callable[[], bool], what: str) -> None:
    until = time.monotonic() + 10
    while not true():
        assert time.monotonic() < until, what
        await asyncio.sleep(0.02)


async def _through(trouble: Trouble, made: Stand, row_id: int, lines: list[str]) -> None:
    """The sender works on while the trouble comes with the platform's answer, stays a while and goes."""
    made.delivery.policy = replace(made.policy, tick=0.02)
    stop = asyncio.Event()
    with at_boundary("delivery.answered", trouble.begin):
        working = asyncio.create_task(made.delivery.run(stop, asyncio.Event()))
        await _until(lambda: any(SENTENCES[trouble.kind] in line for line in lines), "the operator was not told")
        await asyncio.sleep(0.3)
    assert not working.done()
    assert made.state(row_id) is DeliveryState.SENDING
    trouble.end()
    await _until(lambda: made.state(row_id) is DeliveryState.SENT, "it was not written down as sent")
    stop.set()
    await working
    assert len([line for line in lines if SENTENCES[trouble.kind] in line]) == 1


async def test_a_reply_whose_sent_mark_cannot_be_written_is_written_down_later(
    trouble: Trouble, lines: list[str]
) -> None:
    with ready_x() as rig:
        made = stand(trouble.engine, rig.world.clock, rig.port, policy=PATIENT)
        row_id = made.add("first:1", rig.answer(rig.x.post("asha", f"@{HANDLE} no water")))
        await _through(trouble, made, row_id, lines)
        (reply,) = rig.x.posts_by(HANDLE)
        assert made.row(row_id).sent_id == reply.id


async def test_a_notice_on_telegram_is_not_repeated_because_of_our_own_disk(trouble: Trouble, lines: list[str]) -> None:
    async with telegram_stage() as desk:
        made = stand(trouble.engine, desk.world.clock, desk.port, policy=PATIENT)
        row_id = made.add("notice:1", desk.message())
        await _through(trouble, made, row_id, lines)
        assert len(desk.telegram.messages(desk.desk)) == 1
        assert not made.row(row_id).marked_repeat


async def test_a_process_that_dies_before_it_could_write_is_made_up_for_by_reading(trouble: Trouble) -> None:
    with ready_x() as rig:
        made = stand(trouble.engine, rig.world.clock, rig.port, policy=PATIENT)
        row_id = made.add("first:1", rig.answer(rig.x.post("asha", f"@{HANDLE} no water")))
        with at_boundary("delivery.answered", trouble.begin), pytest.raises(OUTSIDE):
            await made.delivery.send_due()
        await made.delivery.release()
        trouble.end()
        made.delivery = made.new_delivery()
        await made.settle()
        assert len(rig.x.posts_by(HANDLE)) == 1
        assert made.state(row_id) is DeliveryState.SENT
        await made.delivery.release()


async def test_what_cannot_be_kept_or_decided_is_read_and_decided_once_there_is_room(trouble: Trouble) -> None:
    engine = trouble.engine
    with ready_x() as rig:
        made = stand(engine, rig.world.clock, rig.port)
        intake = Intake(engine, rig.world.clock, made.channel, rig.port)
        desk = Desk(engine, rig.world.clock.now, Policy())
        posts = [
            rig.x.post(f"asha{at}", f"@{HANDLE} Hisar me 3 din se pani nahi aa raha, ward {at}")
            for at in range(MORE_THAN_A_PAGE)
        ]
        with at_boundary("intake.answered", trouble.begin), pytest.raises(OUTSIDE):
            await intake.read_once()
        trouble.end()
        with reading(engine) as conn:
            assert conn.execute(sa.select(sa.func.count()).select_from(inbox)).scalar_one() == 0
            assert channels.cursors(conn, made.channel.id) == {}
        assert await intake.read_once() == MORE_THAN_A_PAGE
        trouble.begin()
        with pytest.raises(OUTSIDE):
            desk.decide_batch()
        with pytest.raises(OUTSIDE):
            desk.decide_batch()
        trouble.end()
        with reading(engine) as conn:
            assert conn.execute(sa.select(sa.func.count()).select_from(tickets)).scalar_one() == 0
        assert desk.decide_batch() == MORE_THAN_A_PAGE
        assert desk.parked == 0
        with reading(engine) as conn:
            assert sorted(conn.scalars(sa.select(tickets.c.first_message_id))) == sorted(posts)
            assert set(conn.scalars(sa.select(inbox.c.state))) == {InboxState.DONE}
            assert conn.execute(sa.select(sa.func.count()).select_from(outbox)).scalar_one() == MORE_THAN_A_PAGE


def test_each_trouble_is_told_in_a_sentence_without_words_of_people(trouble: Trouble) -> None:
    secret = "a citizen's words"
    trouble.begin()
    rows = [{"name": f"{secret} {at}", "value": 0} for at in range(1_000)]
    with pytest.raises(OUTSIDE) as caught, writing(trouble.engine) as conn:
        conn.execute(counters.insert(), rows)
    told = fault_sentence(cast(sa.exc.DBAPIError | DatabaseUnusable, caught.value))
    assert SENTENCES[trouble.kind] in told
    assert secret not in told
    assert "\n" not in told
    assert isinstance(caught.value, DatabaseBusy) == (trouble.kind == "locked")


def test_a_line_that_comes_again_is_told_once_a_minute() -> None:
    seconds = [0.0]
    seldom = Seldom(lambda: seconds[0])

    def line(words: str, **more: Any) -> logging.LogRecord:
        record = logging.LogRecord("bot.run", logging.ERROR, "", 0, words, (), None)
        record.__dict__.update(more)
        return record

    assert [seldom.filter(line("full", **SELDOM)) for _ in range(3)] == [True, False, False]
    assert seldom.filter(line("locked", **SELDOM))
    assert [seldom.filter(line("full")) for _ in range(2)] == [True, True]
    seconds[0] = 60.0
    assert seldom.filter(line("full", **SELDOM))


# -- a clock that is set right -----------------------------------------------------------------------------------------

HOUR = timedelta(hours=1)
JUMPS = (HOUR, -HOUR)
SENDING = ("delivery.due", "delivery.sending_written", "delivery.sending_committed", "delivery.requesting",
           "delivery.answered", "delivery.sent_written", "delivery.sent_committed")  # fmt: skip
UNSURE = ("delivery.answered", "delivery.failed_written", "delivery.failed_committed", "readback.asking",
          "readback.answered", "readback.settled", "readback.committed")  # fmt: skip


async def _rests(made: Stand, minutes: int = 130) -> None:
    """Both clocks go on as time does, minute by minute, until everything is sent; an hour and a few tries at most."""
    for _ in range(minutes):
        await made.delivery.send_due()
        await made.delivery.read_back_due()
        with reading(made.engine) as conn:
            left = conn.execute(sa.select(sa.func.count()).where(outbox.c.state != DeliveryState.SENT)).scalar_one()
        if not left:
            return
        made.clock.correct(timedelta(minutes=1))
        made.machine.seconds += 60
    raise AssertionError("the outbox does not come to rest")


@pytest.mark.parametrize("jump", JUMPS, ids=["forth", "back"])
async def test_each_reply_stands_once_though_the_clock_jumps_while_it_is_sent(
    sqlite_engine: sa.Engine, jump: timedelta
) -> None:
    with ready_x(limit_scale=None) as rig:
        ours = SteppedClock(rig.world.clock.now())
        made = stand(sqlite_engine, ours, rig.port, policy=PATIENT)
        for at, boundary in enumerate((*SENDING, *UNSURE)):
            if at >= len(SENDING):
                rig.fault("create", FaultKind.ERROR_AFTER)  # it is posted, and the answer says nothing
            text = f"Your complaint has the number HRY26-{at + 1:06d}-4."
            made.add(f"first:{at}", rig.answer(rig.x.post(f"asha{at}", f"@{HANDLE} no water"), text))
            begun = ours.now()
            with at_boundary(boundary, lambda: ours.correct(jump)):
                await _rests(made)
            if at < len(SENDING):
                assert abs(ours.now() - begun - jump) <= timedelta(minutes=1), "it waited for the clock to come back"
            ours.correct(-jump)
            rig.later(minutes=3)
        said = [post.said for post in rig.x.posts_by(HANDLE)]
        assert len(said) == len(set(said)) == len(SENDING) + len(UNSURE)
        await made.delivery.release()


@pytest.mark.parametrize("jump", JUMPS, ids=["forth", "back"])
async def test_a_process_that_dies_while_the_clock_is_wrong_is_made_up_for(
    sqlite_engine: sa.Engine, jump: timedelta
) -> None:
    """The office's clock was wrong when the reply went out, and is right when it is looked for."""
    with ready_x(limit_scale=None) as rig:
        ours = SteppedClock(rig.world.clock.now() - jump)
        made = stand(sqlite_engine, ours, rig.port, policy=PATIENT)
        rig.x.refuse_duplicates = False  # nobody but ourselves keeps us from saying it twice
        row_id = made.add("first:1", rig.answer(rig.x.post("asha", f"@{HANDLE} no water")))

        class Died(BaseException): ...

        def die() -> None:
            raise Died

        with at_boundary("delivery.answered", die), pytest.raises(Died):
            await made.delivery.send_due()
        await made.delivery.release()
        ours.correct(jump)
        made.delivery = made.new_delivery()
        await _rests(made)
        assert len(rig.x.posts_by(HANDLE)) == 1
        assert made.state(row_id) is DeliveryState.SENT
        await made.delivery.release()


@pytest.mark.parametrize("jump", JUMPS, ids=["forth", "back"])
async def test_everything_is_read_and_decided_once_though_the_clock_jumps(
    sqlite_engine: sa.Engine, jump: timedelta
) -> None:
    with ready_x(limit_scale=None) as rig:
        ours = SteppedClock(rig.world.clock.now())
        made = stand(sqlite_engine, ours, rig.port)
        intake = Intake(sqlite_engine, ours, made.channel, rig.port)
        desk = Desk(sqlite_engine, ours.now, Policy())
        stages = ("intake.asking", "intake.answered", "intake.written", "intake.committed",
                  "desk.claimed", "desk.decided", "desk.written", "desk.marked", "desk.committed")  # fmt: skip
        posts = []
        for at, boundary in enumerate(stages):
            posts.append(rig.x.post(f"asha{at}", f"@{HANDLE} Hisar me 3 din se pani nahi aa raha, ward {at}"))
            with at_boundary(boundary, lambda: ours.correct(jump)):
                await intake.read_once()
                while desk.decide_batch():
                    pass
            ours.correct(-jump / 2)
            rig.later(minutes=1)
        await intake.read_once()
        while desk.decide_batch():
            pass
        with reading(sqlite_engine) as conn:
            assert sorted(conn.scalars(sa.select(tickets.c.first_message_id))) == sorted(posts)
            assert conn.execute(sa.select(sa.func.count()).select_from(outbox)).scalar_one() == len(posts)
            assert set(conn.scalars(sa.select(inbox.c.state))) == {InboxState.DONE}
        assert intake.last_error is None


def test_a_reminder_that_a_wrong_clock_called_early_is_not_said_again(sqlite_engine: sa.Engine) -> None:
    office = DeskOffice(sqlite_engine)
    office.post("@cmohry hamare yahan bijli nahi aa rahi")

    def said() -> int:
        while office.desk.hear_time():
            pass
        return len(office.answers())

    assert said() == 1
    office.now += timedelta(hours=25)  # a machine that wakes with tomorrow's time
    reminded = said()
    assert reminded == 2
    office.now -= timedelta(hours=25)
    assert said() == reminded
    for _ in range(30):
        office.now += timedelta(hours=1)
        assert said() == reminded


def test_figures_of_a_clock_that_was_set_back_hold_nothing_negative(sqlite_engine: sa.Engine) -> None:
    with writing(sqlite_engine) as conn:
        insert_history(conn, random.Random(3), 120)
    for back in (timedelta(hours=1), timedelta(hours=30)):
        with reading(sqlite_engine) as conn:
            figures = counted_figures(conn, DAY_BEGINS, DAY_ENDS, now=DIGEST_NOW - back)
        numbers = list(_numbers(msgspec.to_builtins(figures)))
        assert len(numbers) > 20
        assert min(numbers) >= 0


def _numbers(value: Any) -> Iterator[float]:
    match value:
        case bool() | str() | None:
            return
        case int() | float():
            yield value
        case dict():
            for one in value.values():
                yield from _numbers(one)
        case list() | tuple():
            for one in value:
                yield from _numbers(one)


def test_officers_imported_before_the_clock_was_set_back_hold_their_posts(sqlite_engine: sa.Engine) -> None:
    known = taxonomy()
    now = START
    with writing(sqlite_engine) as conn:
        import_desks(conn, "desk,title,language,chat_id,topic_id\ncmo,CMO,en,1,\nphed,PHED,en,2,\n", now=now)
        import_posts(conn, POSTS, now=now, known_departments=known.departments, known_districts=known.districts)
    now -= HOUR
    with writing(sqlite_engine) as conn:
        assert {each.name for each in load_directory(conn, now).posts["phed-nodal"].holders} == {"Officer"}
        changed = POSTS.replace("phed,Officer", "phed,Successor")
        import_posts(conn, changed, now=now, known_departments=known.departments, known_districts=known.districts)
    with reading(sqlite_engine) as conn:
        later = load_directory(conn, now + 2 * HOUR)
        assert {each.name for each in later.posts["phed-nodal"].holders} == {"Successor"}


async def test_what_waits_to_go_at_once_does_not_wait_for_a_clock_that_was_set_back(sqlite_engine: sa.Engine) -> None:
    with ready_x(limit_scale=None) as rig:
        ours = SteppedClock(rig.world.clock.now())
        made = stand(sqlite_engine, ours, rig.port, policy=PATIENT)
        row_id = made.add("first:1", rig.answer(rig.x.post("asha", f"@{HANDLE} no water")))
        ours.correct(-HOUR)
        assert await made.delivery.send_due() == 1
        assert made.state(row_id) is DeliveryState.SENT
        await made.delivery.release()
