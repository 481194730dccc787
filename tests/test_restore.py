"""The database is put back to an earlier moment while the world went on: nothing is said twice, no complaint gets a second
number, no number is given again, nothing is lost."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result

from bot.app import Office, open_store
from bot.cli import main
from bot.demo.people import Citizens, Officers
from bot.demo.stage import HASTE, START, Stage, stage
from bot.reading import Reader
from bot.sandbox.world import Fault, FaultKind
from bot.settings import load_settings
from bot.waking import Wakes
from handlers.case import Case
from handlers.desk.rows import case_of
from handlers.understanding.number import find_numbers
from store import outbox as outbox_store
from store import outbox_by_hand, rewinding, sending
from store import tickets as tickets_store
from store.backup import back_up
from store.channels import register
from store.db import open_engine, reading, schema_state, writing
from store.inbox import release
from store.lanes import take_sole_run
from store.numbers import next_serials, office_year
from store.outbox import count_by_state
from store.payloads import outgoing_from_json
from store.restoring import restore
from store.tables import alarms, counters, events, inbox, outbox, tickets
from store.vocabulary import DeliveryState, InboxState, Platform
from tests.programs import needs_pg_dump

WATER = "@cmohry Hisar me 3 din se pani nahi aa raha, ward 5"
ROADS = "@cmohry Karnal me sadak par gaddhe, koi nahi sunta"
POWER = "@cmohry Rohtak model town me do din se bijli nahi hai"
GARBAGE = "@cmohry Sirsa me kachra nahi uthta, mandi ke paas"
NOWHERE = "@cmohry hamare yahan bijli nahi aa rahi"


@dataclass
class World:
    """An office on stage that can lose its database and be given an older one."""

    stage: Stage
    folder: Path
    url: str
    make_database: Callable[[], str]
    seconds: list[float] = field(default_factory=lambda: [0.0])
    copies: int = 0

    @property
    def office(self) -> Office:
        return self.stage.office

    async def live(self, hours: float = 0.2) -> None:
        """Let everything that was written be read, decided and answered."""
        for platform in (Platform.X, Platform.FACEBOOK, Platform.TELEGRAM):
            await self.stage.hear(platform)
        await self.stage.pass_time(timedelta(hours=hours))

    def back_up(self) -> Path:
        self.copies += 1
        return back_up(self.office.engine, self.folder / f"copy-{self.copies}.backup", self.stage.now).file

    async def lose(self, copy: Path) -> None:
        """The machine is gone; another begins from the copy, half an hour later."""
        await self.office.close()
        self.stage.sandbox.world.clock.advance(timedelta(minutes=30))
        if not self.url.startswith("sqlite"):
            self.url = self.make_database()
        restore(self.url, copy, self.stage.now, replace=True)
        settings = load_settings({**self.stage.urls, "SMGT_DATABASE_URL": self.url, "SMGT_CLOCK_URL": ""})
        engine = open_store(settings)
        self.stage.office = Office(
            engine, self.stage.sandbox.world.clock, settings, delivery_policy=HASTE, machine=lambda: self.seconds[0]
        )
        await self.office.connect()

    async def make_up(self) -> None:
        """What the readers of `smgt run` do first."""
        for account in self.office.accounts:
            assert await account.delivery.send_due() == 0
            assert not await account.making_up.once()
        self.seconds[0] += HASTE.quiet + 1
        for account in self.office.accounts:
            assert await account.making_up.once()
            await account.delivery.read_back_due()  # what waited for Telegram is seen, and rests
        self.seconds[0] += HASTE.quiet + 1

    # -- what must be true -------------------------------------------------------------------------------------------

    def replies_on_x(self, post: str) -> list[str]:
        return [str(one["text"]) for one in self.stage.sandbox.x.dump()["posts"] if one["in_reply_to"] == post]

    def reply_ids(self, post: str) -> list[str]:
        return [str(one["id"]) for one in self.stage.sandbox.x.dump()["posts"] if one["in_reply_to"] == post]

    def comments(self, story: str) -> list[str]:
        page = {one["id"] for one in self.stage.sandbox.facebook.posts_by_page()}
        return [one["text"] for one in self.stage.sandbox.facebook.comments_of(story) if one["id"] in page]

    def number_of(self, post: str) -> str:
        with reading(self.office.engine) as conn:
            found = conn.execute(sa.select(tickets.c.number).where(tickets.c.first_message_id == post)).scalars().all()
        assert len(found) == 1, f"{len(found)} tickets for {post}"
        return str(found[0])

    def is_clean(self) -> None:
        with reading(self.office.engine) as conn:
            states = count_by_state(conn)
            told = list(conn.scalars(sa.select(alarms.c.sentence)))
            parked = list(conn.scalars(sa.select(inbox.c.error).where(inbox.c.state == InboxState.PARKED)))
            numbers = list(conn.scalars(sa.select(tickets.c.number)))
        assert (told, parked) == ([], [])
        assert len(set(numbers)) == len(numbers)
        waiting = (DeliveryState.RETRY, DeliveryState.UNKNOWN, DeliveryState.PARKED, DeliveryState.SENDING)
        assert {state: states[state] for state in waiting} == dict.fromkeys(waiting, 0)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    if request.param == "sqlite":
        async with _world(tmp_path, f"sqlite:///{tmp_path / 'smgt.db'}", lambda: "") as ready:
            yield ready
        return
    needs_pg_dump()
    make: Callable[[], str] = request.getfixturevalue("make_postgres_database")
    async with _world(tmp_path, make(), make) as ready:
        yield ready


@pytest.fixture
async def sqlite_world(tmp_path: Path) -> AsyncIterator[World]:
    async with _world(tmp_path, f"sqlite:///{tmp_path / 'smgt.db'}", lambda: "") as ready:
        yield ready


@asynccontextmanager
async def _world(folder: Path, url: str, make: Callable[[], str]) -> AsyncIterator[World]:
    async with stage(folder, database_url=url, limit_scale=None) as ready:
        world = World(ready, folder, url, make)
        first = ready.office
        yield world
        if ready.office is not first:
            await ready.office.close()


def _post(world: World, handle: str, text: str, under: str | None = None) -> str:
    world.stage.sandbox.x.add_user(handle, handle.title())
    return world.stage.sandbox.x.post(handle, text, in_reply_to=under)


async def test_what_was_said_and_numbered_in_the_lost_time_is_taken_over(world: World) -> None:
    facebook = world.stage.sandbox.facebook
    facebook.add_user("mohan", "Mohan")
    before = _post(world, "asha", WATER)
    asked = _post(world, "ravi", NOWHERE)
    await world.live()
    assert len(world.replies_on_x(before)) == 1
    waiting = _post(world, "leela", POWER)  # decided when the copy is taken, and not yet sent
    x = world.stage.account(Platform.X)
    await x.intake.read_once()
    world.office.decide()
    copy = world.back_up()

    # the lost time
    await world.live()
    new = _post(world, "kiran", ROADS)
    story = facebook.tag_post("mohan", "Karnal me 3 din se bijli nahi hai", hide_author=False)
    answer = _post(world, "ravi", "@cmohry Sirsa", under=asked)
    await world.live()
    comment = facebook.comment("mohan", story, "sector 7 me bhi, kab theek hoga?")
    await world.live()
    published = {post: find_numbers(world.replies_on_x(post)[0])[0][0] for post in (waiting, new, answer)}
    published[story] = find_numbers(world.comments(story)[0])[0][0]
    said = len(world.stage.sandbox.x.posts_by("cmohry")), len(world.comments(story))
    assert len(set(published.values())) == 4

    await world.lose(copy)
    await world.make_up()
    await world.live()
    world.is_clean()
    assert (len(world.stage.sandbox.x.posts_by("cmohry")), len(world.comments(story))) == said
    for post in (waiting, new, story):
        assert world.number_of(post) == published[post]
    assert world.number_of(asked) == published[answer]
    assert comment

    later = _post(world, "sunil", GARBAGE)
    await world.live()
    fresh = find_numbers(world.replies_on_x(later)[0])[0][0]
    assert fresh == world.number_of(later)
    assert fresh not in published.values()
    assert int(fresh.split("-")[1]) > 1000
    world.is_clean()


async def test_what_was_not_said_before_the_machine_died_is_said_now(world: World) -> None:
    copy = world.back_up()
    post = _post(world, "asha", WATER)
    x = world.stage.account(Platform.X)
    await x.intake.read_once()
    world.office.decide()  # and it dies before a word went out
    await world.lose(copy)
    await world.make_up()
    await world.live()
    assert len(world.replies_on_x(post)) == 1
    assert find_numbers(world.replies_on_x(post)[0])[0][0] == world.number_of(post)
    world.is_clean()


async def _case_of(world: World, post: str) -> Case:
    with reading(world.office.engine) as conn:
        (row,) = tickets_store.by_numbers(conn, [world.number_of(post)])
    return case_of(row)


async def test_what_an_officer_did_in_the_lost_time_is_not_talked_over(sqlite_world: World) -> None:
    world = sqlite_world
    post = _post(world, "asha", WATER)
    await world.live()
    copy = world.back_up()
    officers = Officers(world.stage)
    case = await _case_of(world, post)
    await officers.dispose(case, officers.owner(case)[1], "Motor repaired, supply restored.")
    await world.live()
    said = len(world.replies_on_x(post))
    assert said == 2

    await world.lose(copy)
    await world.make_up()
    await world.live()
    assert len(world.replies_on_x(post)) == said
    await world.live(hours=24 * 12)  # limits pass: the interim word to the citizen would contradict the result
    assert len(world.replies_on_x(post)) == said
    with reading(world.office.engine) as conn:
        told = list(conn.scalars(sa.select(alarms.c.sentence).where(alarms.c.code == "said_since_backup")))
        withheld = conn.execute(sa.select(events.c.codes).where(events.c.kind == "withheld")).scalars().all()
    assert [world.number_of(post) in sentence for sentence in told] == [True]
    assert "interim" in withheld[0]

    case = await _case_of(world, post)  # an officer acts on the ticket as it is now: it goes on as always
    await officers.dispose(case, officers.owner(case)[1], "As told before: motor repaired on Monday.")
    await world.live(hours=1)
    assert len(world.replies_on_x(post)) == said + 1
    with reading(world.office.engine) as conn:
        assert rewinding.found_in(conn, [post]) == []


async def test_a_citizens_answer_to_words_of_the_lost_time_is_heard_and_not_answered_twice(sqlite_world: World) -> None:
    world = sqlite_world
    post = _post(world, "asha", WATER)
    await world.live()
    copy = world.back_up()
    officers = Officers(world.stage)
    case = await _case_of(world, post)
    await officers.dispose(case, officers.owner(case)[1], "Motor repaired, supply restored.")
    thanks = _post(world, "asha", "@cmohry theek ho gaya, dhanyavaad", under=world.reply_ids(post)[-1])
    await world.live()
    said = (len(world.replies_on_x(post)), len(world.replies_on_x(thanks)))
    assert said == (2, 1)
    await world.lose(copy)
    await world.make_up()
    await world.live(hours=24 * 3)
    assert (len(world.replies_on_x(post)), len(world.replies_on_x(thanks))) == said
    with reading(world.office.engine) as conn:
        assert (
            conn.execute(sa.select(inbox.c.ticket_id).where(inbox.c.event_key == f"{thanks}:0")).scalar_one() == case.id
        )
    world.is_clean()


async def test_an_answer_that_no_longer_fits_is_a_persons_matter(sqlite_world: World) -> None:
    world = sqlite_world
    other = _post(world, "asha", WATER)
    await world.live()
    number = world.number_of(other)
    copy = world.back_up()
    post = _post(world, "kiran", ROADS)
    Citizens(world.stage).our_post(Platform.X, f"We are on it, please see {number}.", under=post)
    await world.lose(copy)
    await world.make_up()
    await world.live()
    assert len(world.replies_on_x(post)) == 1
    with reading(world.office.engine) as conn:
        (parked,) = conn.execute(sa.select(inbox).where(inbox.c.state == InboxState.PARKED)).all()
        (alarm,) = conn.execute(sa.select(alarms.c.sentence)).scalars().all()
        assert conn.execute(sa.select(sa.func.count()).select_from(tickets)).scalar_one() == 1
    assert (parked.result, number in parked.error) == ("answered_since_backup", True)
    assert "smgt inbox retry" in alarm
    with writing(world.office.engine) as conn:  # a person has looked: it is a complaint of its own
        assert release(conn, parked.id)
    await world.live()
    assert len(world.replies_on_x(post)) == 2
    assert world.number_of(post) != number


async def test_words_without_a_number_are_known_again_and_a_persons_words_stay_a_persons(sqlite_world: World) -> None:
    world = sqlite_world
    post = _post(world, "asha", WATER)
    await world.live()
    copy = world.back_up()
    stop = _post(world, "ravi", "@cmohry STOP")
    await world.live()
    assert len(world.replies_on_x(stop)) == 1
    human = Citizens(world.stage).our_post(Platform.X, "Namaste ji, we have spoken to the engineer.", under=post)
    await world.lose(copy)
    await world.make_up()
    await world.live()
    assert len(world.replies_on_x(stop)) == 1
    with reading(world.office.engine) as conn:
        heard = conn.execute(sa.select(inbox.c.result).where(inbox.c.event_key == f"{human}:0")).scalar_one()
    assert heard == "human"


async def test_a_channel_that_cannot_be_read_back_stays_still_and_holds_up_nobody(sqlite_world: World) -> None:
    world = sqlite_world
    copy = world.back_up()
    post = _post(world, "asha", WATER)
    await world.live()
    await world.lose(copy)
    world.stage.sandbox.world.faults.add(Fault(Platform.X, "timeline", FaultKind.ERROR_BEFORE, times=None))
    by_platform = {account.channel.platform: account for account in world.office.accounts}
    for account in world.office.accounts:
        await account.making_up.once()
    world.seconds[0] += HASTE.quiet + 1
    made_up = {platform: await account.making_up.once() for platform, account in by_platform.items()}
    assert made_up == {Platform.X: False, Platform.FACEBOOK: True, Platform.TELEGRAM: True}
    world.stage.sandbox.facebook.add_user("mohan", "Mohan")
    story = world.stage.sandbox.facebook.tag_post("mohan", "Karnal me 3 din se bijli nahi hai", hide_author=False)
    await world.live()
    assert len(world.comments(story)) == 1
    assert len(world.replies_on_x(post)) == 1
    with reading(world.office.engine) as conn:
        assert [name for name, _, _ in rewinding.held(conn)] == ["cmohry"]
        assert conn.execute(sa.select(sa.func.count()).select_from(tickets)).scalar_one() == 1

    told = CliRunner(env={"SMGT_DATABASE_URL": world.url}).invoke(main, ["db", "resume", "cmohry"])
    assert told.output == "cmohry decides and sends again; 1 messages and posts are parked for a person.\n"
    assert CliRunner(env={"SMGT_DATABASE_URL": world.url}).invoke(main, ["db", "resume", "cmohry"]).exit_code == 1
    await world.live()
    assert len(world.replies_on_x(post)) == 1
    with reading(world.office.engine) as conn:
        assert conn.execute(sa.select(inbox.c.state).where(inbox.c.event_key == f"{post}:0")).scalar_one() == "parked"


async def test_a_parked_message_that_a_person_let_go_in_the_lost_time_is_kept_as_sent(sqlite_world: World) -> None:
    world = sqlite_world
    post = _post(world, "asha", WATER)
    x = world.stage.account(Platform.X)
    await x.intake.read_once()
    world.office.decide()
    with writing(world.office.engine) as conn:
        (row,) = outbox_store.list_rows(conn, channel_id=x.channel.id)
        assert sending.park(conn, row.id, sending.Failure("x:test", "for a person"), world.stage.now)
    copy = world.back_up()
    with writing(world.office.engine) as conn:
        assert outbox_by_hand.retry_by_hand(conn, row.id, world.stage.now)
    await world.live()
    assert len(world.replies_on_x(post)) == 1
    await world.lose(copy)
    await world.make_up()
    with reading(world.office.engine) as conn:
        found = outbox_store.row_by_id(conn, row.id)
    assert found is not None
    assert (found.state, found.sent_id) == (DeliveryState.SENT, world.reply_ids(post)[0])


async def test_what_waited_for_telegram_goes_once_more_without_a_sound(sqlite_world: World) -> None:
    world = sqlite_world
    _post(world, "asha", WATER)
    await world.stage.account(Platform.X).intake.read_once()
    world.office.decide()
    copy = world.back_up()
    await world.live()
    await world.lose(copy)
    await world.make_up()
    await world.live()
    desk = world.stage.account(Platform.TELEGRAM).channel.id
    with reading(world.office.engine) as conn:
        rows = conn.execute(sa.select(outbox).where(outbox.c.channel_id == desk)).all()
    assert rows
    assert all((row.state, row.marked_repeat) == ("sent", True) for row in rows)
    assert all(outgoing_from_json(row.payload).silent for row in rows)


# -- the command -----------------------------------------------------------------------------------------------------


def _smgt(url: str, *arguments: str) -> Result:
    result = CliRunner(env={"SMGT_DATABASE_URL": url}).invoke(main, arguments, prog_name="smgt")
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def _counter(engine: sa.Engine, name: str, value: int) -> None:
    with writing(engine) as conn:
        conn.execute(counters.insert().values(name=name, value=value))


def test_the_database_before_is_moved_aside_and_stays_whole(sqlite_engine: sa.Engine, tmp_path: Path) -> None:
    url = str(sqlite_engine.url)
    copy = back_up(sqlite_engine, tmp_path / "copy.db", START).file
    _counter(sqlite_engine, "since", 7)
    sqlite_engine.dispose()
    refused = _smgt(url, "db", "restore", str(copy))
    assert refused.exit_code == 1
    assert "--replace moves it aside and keeps it" in refused.stderr
    done = _smgt(url, "db", "restore", str(copy), "--replace")
    assert done.exit_code == 0, done.output
    (aside,) = tmp_path.glob("smgt.db.before-*")
    assert str(aside) in done.output
    before, now = open_engine(f"sqlite:///{aside}"), open_engine(url)
    query = sa.select(counters.c.value).where(counters.c.name == "since")
    with reading(before) as conn:
        assert conn.execute(query).scalar_one() == 7
    with reading(now) as conn:
        assert conn.execute(query).first() is None
    before.dispose()
    now.dispose()
    assert not list(tmp_path.glob(".*.part*"))


def test_a_damaged_database_is_moved_aside_as_it_is(sqlite_engine: sa.Engine, tmp_path: Path) -> None:
    url = str(sqlite_engine.url)
    copy = back_up(sqlite_engine, tmp_path / "copy.db", START).file
    sqlite_engine.dispose()
    for log in ("-wal", "-shm"):
        Path(f"{tmp_path / 'smgt.db'}{log}").unlink(missing_ok=True)
    (tmp_path / "smgt.db").write_bytes(b"ruined" * 1000)
    assert _smgt(url, "db", "restore", str(copy), "--replace").exit_code == 0
    (aside,) = tmp_path.glob("smgt.db.before-*")
    assert aside.read_bytes().startswith(b"ruined")
    assert _smgt(url, "db", "state").exit_code == 0


def test_nothing_is_restored_under_a_running_smgt(sqlite_engine: sa.Engine, tmp_path: Path) -> None:
    copy = back_up(sqlite_engine, tmp_path / "copy.db", START).file
    _counter(sqlite_engine, "since", 7)
    held = take_sole_run(sqlite_engine)
    assert held is not None
    for arguments in (("db", "restore", str(copy), "--replace"), ("db", "restored")):
        refused = _smgt(str(sqlite_engine.url), *arguments)
        assert refused.exit_code == 1
        assert "already runs on the database" in refused.stderr
    held.release()
    with reading(sqlite_engine) as conn:
        assert conn.execute(sa.select(counters.c.value).where(counters.c.name == "since")).scalar_one() == 7


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "There is no file"),
        (b"words", "is no backup of SMGT"),
        (b"PGDMP and more", "is a backup of PostgreSQL, but SMGT_DATABASE_URL names SQLite"),
        ("foreign", "holds no tables of SMGT; it was not restored"),
        ("newer", "newer than this SMGT"),
        ("cut", "could not be copied"),
    ],
)
def test_what_is_no_good_backup_is_refused_and_touches_nothing(
    sqlite_engine: sa.Engine, tmp_path: Path, content: bytes | str | None, told: str
) -> None:
    file = tmp_path / "given"
    if isinstance(content, bytes):
        file.write_bytes(content)
    elif content == "foreign":
        with closing(sqlite3.connect(file)) as conn:
            conn.execute("CREATE TABLE cats (name)")
    elif content is not None:
        back_up(sqlite_engine, file, START)
        with closing(sqlite3.connect(file, isolation_level=None)) as conn:
            conn.execute("UPDATE alembic_version SET version_num = '9999'")
        if content == "cut":
            file.write_bytes(file.read_bytes()[:50_000])
    before = (tmp_path / "smgt.db").read_bytes()
    refused = _smgt(str(sqlite_engine.url), "db", "restore", str(file), "--replace")
    assert refused.exit_code == 1
    assert told in refused.stderr, refused.stderr
    assert (tmp_path / "smgt.db").read_bytes() == before
    assert not list(tmp_path.glob(".*.part*"))


@pytest.mark.postgres
def test_postgresql_is_restored_into_an_empty_database_only(
    postgres_engine: sa.Engine, make_postgres_database: Callable[[], str], tmp_path: Path
) -> None:
    needs_pg_dump()
    _counter(postgres_engine, "kept", 7)
    copy = back_up(postgres_engine, tmp_path / "copy.dump", START).file
    refused = _smgt(postgres_engine.url.render_as_string(False), "db", "restore", str(copy))
    assert refused.exit_code == 1
    assert "a backup goes into an empty database or schema" in refused.stderr
    url = make_postgres_database()
    done = _smgt(url, "db", "restore", str(copy))
    assert done.exit_code == 0, done.output
    restored = open_engine(url)
    with reading(restored) as conn:
        assert conn.execute(sa.select(counters.c.value).where(counters.c.name == "kept")).scalar_one() == 7
    assert schema_state(restored) == "current"
    other = restored.connect()
    assert "stop every `smgt run` on it first" in _smgt(url, "db", "restored").stderr
    other.close()
    restored.dispose()


def test_a_database_put_back_by_other_means_is_told(sqlite_engine: sa.Engine) -> None:
    with writing(sqlite_engine) as conn:
        register(conn, "cmohry", Platform.X)
        conn.execute(counters.insert().values(name=f"ticket:{office_year(datetime.now(UTC)):02d}", value=4))
    url = str(sqlite_engine.url)
    assert _smgt(url, "db", "restored").exit_code == 0
    checked = _smgt(url, "check", "--offline").output
    assert "to do  restored: cmohry only reads, because the database was put back to" in checked
    with writing(sqlite_engine) as conn:
        year = office_year(datetime.now(UTC))
        assert next_serials(conn, year, 1).start > 4 + rewinding.NUMBERS_LEFT_OUT
        assert outbox_store.due(conn, 1, datetime.now(UTC), 10) == []


async def test_the_readers_of_a_run_make_up_by_themselves(sqlite_world: World) -> None:
    world = sqlite_world
    copy = world.back_up()
    post = _post(world, "asha", WATER)
    await world.live()
    await world.lose(copy)
    stop, wakes = asyncio.Event(), Wakes()
    readers = [Reader(world.office.engine, account, 0.05, wakes) for account in world.office.accounts]
    reading_on = [asyncio.create_task(reader.run(stop)) for reader in readers]
    for _ in range(400):
        with reading(world.office.engine) as conn:
            if not rewinding.held(conn):
                break
        world.seconds[0] += HASTE.quiet / 4
        await asyncio.sleep(0.05)
    stop.set()
    await asyncio.gather(*reading_on)
    with reading(world.office.engine) as conn:
        assert rewinding.held(conn) == []
    assert wakes.desk.is_set()
    await world.live()
    assert len(world.replies_on_x(post)) == 1
