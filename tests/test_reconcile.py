"""A day's reconciliation, on both databases: a worked day adds up, and every planted fault is named by its rows."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result
from run_rig import COMPLAINT, START, environment, fill_directory, texts_in

from bot.app import Office
from bot.cli import main
from bot.platforms import x_reading
from bot.platforms.facebook import FacebookPort
from bot.sandbox.server import Sandbox, build
from bot.sandbox.wire import LoopbackServer
from bot.settings import load_settings
from bot.web import build_web
from handlers.alarms import queue_alarms
from handlers.digest.editions import digest_text
from handlers.digest.period import Period
from handlers.reach import EVERYBODY
from handlers.reconciling.days import NOT_ADDING_UP, count_day, reconcile_mornings
from handlers.reconciling.shapes import DayCount
from store import channels
from store import inbox as inbox_store
from store.alarms import open_alarms
from store.db import reading, writing
from store.directory import load_directory
from store.inbound import Author, Inbound, message_of_key
from store.tables import conversations, editions, events, inbox, outbox, tickets, transcript
from store.vocabulary import InboundVerb, Language, Platform

DAY = date(2026, 11, 24)
MORNING = timedelta(hours=22, minutes=30)  # from the start until eight the next morning
Smgt = Callable[..., Result]


@dataclass
class Worked:
    """An office beside a sandbox, its settings for commands, and the chats of its desks."""

    office: Office
    sandbox: Sandbox
    settings: dict[str, str]
    chats: dict[str, int]

    @property
    def engine(self) -> sa.Engine:
        return self.office.engine

    def post(self, who: str, text: str, **more: Any) -> str:
        self.sandbox.x.add_user(who, who.title())
        return self.sandbox.x.post(who, text, **more)

    async def later(self, **by: float) -> None:
        """Let everything written be read and answered, then time pass."""
        await self.office.pump()
        self.sandbox.world.clock.advance(timedelta(**by))

    def count(self) -> DayCount:
        with reading(self.engine) as conn:
            return count_day(conn, Period(DAY), self.sandbox.world.clock.now())

    def found(self) -> dict[tuple[str, str], tuple[int, ...]]:
        """Every mismatch of the day: code and table -> ids."""
        return {(odd.code, odd.table): odd.ids for one in self.count().channels for odd in one.mismatches}

    def row(self, post: str) -> Any:
        """The inbox row of a post."""
        with reading(self.engine) as conn:
            rows = [row for row in conn.execute(sa.select(inbox)) if message_of_key(row.event_key) == post]
        assert len(rows) == 1
        return rows[0]


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with build(start=START, limit_scale=None).serve() as served:
        yield served


@asynccontextmanager
async def opened(sandbox: Sandbox, engine: sa.Engine, folder: Path) -> AsyncIterator[Worked]:
    url = engine.url.render_as_string(hide_password=False)
    given = environment(sandbox, folder, SMGT_DATABASE_URL=url, SMGT_X_SWEEP_SECONDS="0")
    chats = fill_directory(sandbox, url)
    office = Office(engine, sandbox.world.clock, load_settings(given))
    await office.connect()
    try:
        yield Worked(office, sandbox, given, chats)
    finally:
        for account in office.accounts:
            await account.delivery.release()
            await account.port.close()


@pytest.fixture
async def worked(sandbox: Sandbox, engine: sa.Engine, tmp_path: Path) -> AsyncIterator[Worked]:
    """A day on X and Facebook: a complaint, its details, praise, spam, parts of one complaint, one by a silent person."""
    async with opened(sandbox, engine, tmp_path) as made:
        first = made.post("asha", COMPLAINT)
        made.post("ravi", "@cmohry Thank you sir for the new road, great work")
        made.post("bot", "@cmohry Earn money from home, click my profile, 100% guaranteed income")
        await made.later(minutes=5)
        made.post("asha", "@cmohry ward 5 me bhi wahi haal, tanker bhi nahi aaya", in_reply_to=first)
        part = made.post("meena", "@cmohry Karnal sector 6 me sadak par gaddhe 1/2")
        made.post("meena", "@cmohry 2/2 koi nahi sunta, roz accident", in_reply_to=part)
        made.post("devi", "@cmohry STOP")
        await made.later(minutes=5)
        made.post("devi", "@cmohry Rohtak me bijli nahi hai teen din se")
        sandbox.facebook.add_user("mohan", "Mohan")
        sandbox.facebook.tag_post("mohan", "Karnal me 3 din se bijli nahi hai", hide_author=False)
        await made.later(minutes=5)
        await made.later(minutes=5)
        yield made


@contextmanager
def unguarded(engine: sa.Engine) -> Iterator[sa.Connection]:
    """Somebody's hand in the database, past every foreign key; ends with a rollback unless it commits."""
    sleep, wake = "PRAGMA foreign_keys = OFF", "PRAGMA foreign_keys = ON"
    if engine.dialect.name == "postgresql":
        sleep, wake = "SET session_replication_role = replica", "SET session_replication_role = DEFAULT"
    with engine.connect() as conn:
        _outside_transactions(conn, sleep)
        try:
            with conn.begin() as transaction:
                yield conn
                if transaction.is_active:
                    transaction.rollback()
        finally:
            _outside_transactions(conn, wake)


def _outside_transactions(conn: sa.Connection, statement: str) -> None:
    driver: Any = conn.connection.driver_connection
    driver.execute(statement)
    driver.commit()


def ids(conn: sa.Connection, column: sa.Column[Any], *where: sa.ColumnElement[bool]) -> tuple[int, ...]:
    return tuple(sorted(conn.scalars(sa.select(column).where(*where))))


# -- a day that adds up ------------------------------------------------------------------------------------------------


async def test_a_worked_day_adds_up(worked: Worked) -> None:
    count = worked.count()
    assert worked.found() == {}
    x, page, desk = count.channels
    zero = {"answered": 0, "about_tickets": 0, "ignored": 0, "parked": 0, "waiting": 0}
    assert dict(x.parts) == {**zero, "ticketed": 3, "answered": 2, "about_tickets": 2, "ignored": 6}
    assert dict(x.reasons) == {"echo": 5, "spam": 1}  # what we said ourselves is heard too
    assert (x.left.tickets, x.left.replies, x.left.withheld) == (3, {"sent": 2}, 1)
    assert (x.left.answers, x.left.unanswered) == ({"sent": 2}, 0)
    assert dict(page.parts) == {**zero, "ticketed": 1, "ignored": 1}
    assert (page.left.tickets, page.left.replies) == (1, {"sent": 1})
    assert desk.left.tickets == 0
    with reading(worked.engine) as conn:
        in_all = conn.execute(sa.select(sa.func.count()).select_from(inbox)).scalar_one()
        next_day = count_day(conn, Period(DAY + timedelta(days=1)), worked.sandbox.world.clock.now())
    assert sum(one.seen for one in count.channels) == in_all
    assert next_day.adds_up
    assert sum(one.seen for one in next_day.channels) == 0


# -- planted faults ----------------------------------------------------------------------------------------------------


@dataclass
class Planted:
    """The rows of asha's complaint and of others, to break."""

    conn: sa.Connection
    complaint: Any  # the inbox row that opened asha's ticket
    details: Any
    praise: Any

    def without_ticket(self) -> dict[tuple[str, str], tuple[int, ...]]:
        self.conn.execute(sa.delete(tickets).where(tickets.c.id == self.complaint.ticket_id))
        return {("no_ticket", "inbox"): (self.complaint.id,)}

    def without_history(self) -> dict[tuple[str, str], tuple[int, ...]]:
        opened_by = sa.and_(events.c.kind == "opened", events.c.inbox_id == self.complaint.id)
        self.conn.execute(sa.delete(events).where(opened_by))
        return {
            ("no_ticket", "inbox"): (self.complaint.id,),
            ("ticket_of_no_post", "tickets"): (self.complaint.ticket_id,),
            ("no_first_reply", "tickets"): (self.complaint.ticket_id,),
        }

    def decided_as_ticketed_for_nothing(self) -> dict[tuple[str, str], tuple[int, ...]]:
        changed = {"result": "ticketed:routed", "ticket_id": None}
        self.conn.execute(inbox.update().where(inbox.c.id == self.praise.id).values(**changed))
        return {("no_ticket", "inbox"): (self.praise.id,)}

    def without_first_reply(self) -> dict[tuple[str, str], tuple[int, ...]]:
        self.conn.execute(sa.delete(outbox).where(outbox.c.step_id == f"answer:in:{self.complaint.id}"))
        return {("no_first_reply", "tickets"): (self.complaint.ticket_id,)}

    def with_two_first_replies(self) -> dict[tuple[str, str], tuple[int, ...]]:
        self._copy(outbox, outbox.c.step_id == f"answer:in:{self.complaint.id}", id=9001, recipient="x:0", sent_id="0")
        return {("two_first_replies", "tickets"): (self.complaint.ticket_id,)}

    def with_two_tickets(self) -> dict[tuple[str, str], tuple[int, ...]]:
        twin = 260_099_999
        self._copy(tickets, tickets.c.id == self.complaint.ticket_id, id=twin, number="HRY26-099999-0")
        self._copy(conversations, conversations.c.ticket_id == self.complaint.ticket_id, ticket_id=twin)
        return {
            ("two_tickets", "tickets"): (self.complaint.ticket_id, twin),
            ("ticket_of_no_post", "tickets"): (twin,),
            ("no_first_reply", "tickets"): (twin,),
        }

    def without_an_answer(self) -> dict[tuple[str, str], tuple[int, ...]]:
        self.conn.execute(sa.delete(outbox).where(outbox.c.step_id == f"answer:in:{self.praise.id}"))
        return {("no_answer", "inbox"): (self.praise.id,)}

    def without_words(self) -> dict[tuple[str, str], tuple[int, ...]]:
        message = message_of_key(self.details.event_key)
        self.conn.execute(sa.delete(transcript).where(transcript.c.message_id == message))
        return {("no_words", "inbox"): (self.details.id,)}

    def without_the_post(self) -> dict[tuple[str, str], tuple[int, ...]]:
        self.conn.execute(sa.delete(inbox).where(inbox.c.id == self.complaint.id))
        message = message_of_key(self.complaint.event_key)
        return {
            ("ticket_of_no_post", "tickets"): (self.complaint.ticket_id,),
            ("answer_to_nothing", "outbox"): ids(
                self.conn, outbox.c.id, outbox.c.step_id == f"answer:in:{self.complaint.id}"
            ),
            ("words_of_no_post", "transcript"): ids(self.conn, transcript.c.id, transcript.c.message_id == message),
        }

    def without_a_later_post(self) -> dict[tuple[str, str], tuple[int, ...]]:
        self.conn.execute(sa.delete(inbox).where(inbox.c.id == self.details.id))
        message = message_of_key(self.details.event_key)
        lost = ids(self.conn, transcript.c.id, transcript.c.message_id == message)
        answers = ids(self.conn, outbox.c.id, outbox.c.step_id == f"answer:in:{self.details.id}")
        found = {("words_of_no_post", "transcript"): lost}
        return {**found, ("answer_to_nothing", "outbox"): answers} if answers else found

    def undecided(self) -> dict[tuple[str, str], tuple[int, ...]]:
        """A restored row that was decided once: its answer stands, it waits again."""
        pending = {"state": "pending", "decided_at": None, "result": None, "ticket_id": None}
        self.conn.execute(inbox.update().where(inbox.c.id == self.praise.id).values(**pending))
        return {
            ("waiting", "inbox"): (self.praise.id,),
            ("answer_to_nothing", "outbox"): ids(
                self.conn, outbox.c.id, outbox.c.step_id == f"answer:in:{self.praise.id}"
            ),
        }

    def _copy(self, table: sa.Table, where: sa.ColumnElement[bool], **changed: Any) -> None:
        row = dict(self.conn.execute(sa.select(table).where(where)).mappings().one())
        self.conn.execute(table.insert().values({**row, **changed}))


FAULTS = [name for name in vars(Planted) if not name.startswith("_")]


async def test_every_planted_fault_is_named_by_its_rows(worked: Worked) -> None:
    with reading(worked.engine) as conn:
        rows = list(conn.execute(sa.select(inbox).order_by(inbox.c.id)))
    complaint = next(row for row in rows if str(row.result).startswith("ticketed"))
    details = next(row for row in rows if row.ticket_id == complaint.ticket_id and row.id != complaint.id)
    praise = next(row for row in rows if row.result == "answered:praise")
    assert len(FAULTS) == 11
    for name in FAULTS:
        with unguarded(worked.engine) as conn:
            expected = getattr(Planted(conn, complaint, details, praise), name)()
            count = count_day(conn, Period(DAY), worked.sandbox.world.clock.now())
            found = {(odd.code, odd.table): odd.ids for one in count.channels for odd in one.mismatches}
            assert found == expected, name
            assert count.odd_rows == sum(map(len, expected.values()))
    assert worked.found() == {}


async def test_a_post_that_nobody_decides_is_named_once_it_waits_too_long(worked: Worked) -> None:
    worked.post("kavi", "@cmohry Sirsa me nali jaam hai")
    for account in worked.office.accounts:
        await account.intake.read_once()  # kept, and the desk is down
    assert worked.found() == {}
    assert worked.count().channels[0].parts["waiting"] == 1
    worked.sandbox.world.clock.advance(timedelta(minutes=16))
    ((code, odd),) = worked.found().items()
    assert code == ("waiting", "inbox")
    assert len(odd) == 1
    worked.office.decide()
    assert worked.found() == {}


# -- each morning ------------------------------------------------------------------------------------------------------


async def test_the_morning_tells_what_does_not_add_up_until_it_does(worked: Worked) -> None:
    with reading(worked.engine) as conn:
        heard = conn.execute(sa.select(inbox).order_by(inbox.c.id)).all()
        complaint = next(row for row in heard if str(row.result).startswith("ticketed"))
    with unguarded(worked.engine) as conn:
        gone = sa.select(outbox).where(outbox.c.step_id == f"answer:in:{complaint.id}")
        lost = dict(conn.execute(gone).mappings().one())
        conn.execute(sa.delete(outbox).where(outbox.c.id == lost["id"]))
        conn.get_transaction().commit()
    worked.sandbox.world.clock.advance_to(START + MORNING)
    await worked.office.settle()
    with reading(worked.engine) as conn:
        (alarm,) = [one for one in open_alarms(conn) if one.code == NOT_ADDING_UP]
        days = list(conn.scalars(sa.select(editions.c.period).where(editions.c.edition == "reconciliation")))
    assert alarm.subject == "2026-11-24 cmohry"
    assert alarm.sentence.endswith(f"rows: no_first_reply tickets {complaint.ticket_id}")
    assert days == ["2026-11-24"]
    now = worked.sandbox.world.clock.now()
    for told in (1, 0):
        with writing(worked.engine) as conn:
            assert queue_alarms(conn, now, load_directory(conn, now), EVERYBODY) == told
    for _ in range(3):  # the group's pace lets the alarm wait its turn
        worked.sandbox.world.clock.advance(timedelta(minutes=1))
        await worked.office.settle()
    texts = texts_in(worked.sandbox, worked.chats["cmo"])
    assert any("does not add up" in text and f"tickets {complaint.ticket_id}" in text for text in texts)
    assert any("The count of the day does not add up: 1 entry needs a look" in text for text in texts)
    with unguarded(worked.engine) as conn:
        conn.execute(outbox.insert().values(lost))
        conn.get_transaction().commit()
    assert reconcile_mornings(worked.engine, now + timedelta(hours=1)) == 0  # nothing is due: looked at tomorrow
    assert reconcile_mornings(worked.engine, now + timedelta(days=1)) == 2  # the day in question, and today
    with reading(worked.engine) as conn:
        assert [one for one in open_alarms(conn) if one.code == NOT_ADDING_UP] == []
        for language, words in ((Language.EN, "every post is accounted for"), (Language.HI, "हर पोस्ट का हिसाब है")):
            assert words in digest_text(conn, DAY, language, now)


def test_days_of_an_outage_are_made_up_for_and_no_more(engine: sa.Engine) -> None:
    assert reconcile_mornings(engine, START + MORNING) == 0  # nothing was ever heard
    with writing(engine) as conn:
        channel = channels.register(conn, "cmohry", Platform.X)
        post = Inbound(
            key="1:0",
            verb=InboundVerb.POSTED,
            platform=Platform.X,
            message_id="1",
            thread_id="1",
            occurred_at=START,
            author=Author("7", "asha", "Asha"),
        )
        inbox_store.put(conn, channel.id, [post], {}, START)
    for days, done in ((0, 1), (0, 0), (3, 4), (40, 8)):  # each with the day whose post waits for ever
        assert reconcile_mornings(engine, START + MORNING + timedelta(days=days)) == done, days
    with reading(engine) as conn:
        (alarm,) = [one for one in open_alarms(conn) if one.code == NOT_ADDING_UP]
    assert alarm.sentence.endswith("rows: waiting inbox 1")


# -- the command -------------------------------------------------------------------------------------------------------


def smgt(worked: Worked, *arguments: str) -> Result:
    result = CliRunner(env=worked.settings).invoke(main, arguments, prog_name="smgt")
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


async def called(worked: Worked, *arguments: str) -> Result:
    """The command in a thread of its own: it runs a loop of its own."""
    return await asyncio.to_thread(smgt, worked, *arguments)


async def test_the_command_shows_a_day_and_ends_with_one_if_it_does_not_add_up(worked: Worked) -> None:
    worked.sandbox.world.clock.advance_to(START + MORNING)
    well = await called(worked, "reconcile")
    assert well.exit_code == 0, well.output
    assert "Tue 24 Nov 2026" in well.stdout
    assert "Everything adds up." in well.stdout
    assert "cmohry ignored: echo 5, spam 1" in well.stdout
    assert max(map(len, well.stdout.splitlines())) <= 80
    with unguarded(worked.engine) as conn:
        lost = ids(conn, tickets.c.id)
        conn.execute(sa.delete(outbox).where(outbox.c.step_id.startswith("answer:in:")))
        conn.get_transaction().commit()
    reconcile_mornings(worked.engine, worked.sandbox.world.clock.now())
    odd = await called(worked, "reconcile", "--day", "2026-11-24")
    assert odd.exit_code == 1
    assert "no_first_reply: no first reply in the outbox, nor a reason:" in odd.stdout
    assert str(lost[0]) in odd.stdout
    assert max(map(len, odd.stdout.splitlines())) <= 80
    told = json.loads((await called(worked, "reconcile", "--days", "2", "--json")).stdout)
    assert [one["adds_up"] for one in told["days"]] == [True, False]
    assert told["ok"] is False
    named = [one for one in told["days"][1]["channels"][0]["mismatches"] if one["code"] == "no_first_reply"]
    assert set(named[0]["ids"]) < set(lost)
    checked = await called(worked, "check", "--offline")
    assert "does not add up: see `smgt reconcile --day 2026-11-24`" in checked.stdout


async def test_wrong_usage_is_told(worked: Worked) -> None:
    assert (await called(worked, "reconcile", "--take")).exit_code == 2
    future = await called(worked, "reconcile", "--day", "2027-01-01")
    assert (future.exit_code, future.stdout) == (1, "")
    assert "The day 2027-01-01 has not begun" in future.stderr


# -- asking the platforms ----------------------------------------------------------------------------------------------


async def test_posts_that_the_inbox_lacks_are_found_on_the_platforms_and_taken(worked: Worked) -> None:
    with reading(worked.engine) as conn:
        spam = conn.execute(sa.select(inbox).where(inbox.c.result == "ignored:spam")).one()
    with unguarded(worked.engine) as conn:
        conn.execute(sa.delete(inbox).where(inbox.c.id == spam.id))
        conn.get_transaction().commit()
    lost = await _lost_webhook(worked)
    worked.sandbox.world.clock.advance(timedelta(minutes=30))
    assert worked.found() == {}  # nothing here can know of them
    asked = await called(worked, "reconcile", "--day", "2026-11-24", "--ask-platforms", "--json")
    assert asked.exit_code == 1, asked.output
    looks = {one["channel"]: one for one in json.loads(asked.stdout)["platforms"]}
    assert looks["cmohry"]["missing"] == [spam.event_key]
    assert [message_of_key(key) for key in looks["cmo"]["missing"]] == [lost]
    assert looks["cmohry"]["shown"] == 8
    assert looks["cmo"]["shown"] == 2
    assert {one["error"] for one in looks.values()} == {None}
    taken = await called(worked, "reconcile", "--day", "2026-11-24", "--ask-platforms", "--take")
    assert taken.exit_code == 0, taken.output
    assert "1 taken into the inbox" in taken.stdout
    assert max(map(len, taken.stdout.splitlines())) <= 80
    worked.office.decide()
    assert worked.row(lost).result.startswith("ticketed")
    assert worked.row(str(message_of_key(spam.event_key))).result == "ignored:spam"
    again = await called(worked, "reconcile", "--day", "2026-11-24", "--ask-platforms")
    assert again.exit_code == 0, again.output
    assert "cmohry shows 8 posts of citizens; all held" in again.stdout
    assert worked.found() == {}


async def _lost_webhook(worked: Worked) -> str:
    """A tagged post that Facebook tells by webhook while our web server is down, until Facebook gives up."""
    page = next(one for one in worked.office.accounts if isinstance(one.port, FacebookPort))
    assert isinstance(page.port, FacebookPort)

    async def keep(channel: str, heard: Any) -> int:
        return await asyncio.to_thread(worked.office.keep, channel, heard)

    web = build_web(facebook={"cmo": page.port}, telegram={}, keep=keep, health=dict, clock=worked.sandbox.world.clock)
    server = LoopbackServer(web).start()
    worked.sandbox.facebook.subscribe(f"{server.url}/webhooks/facebook/cmo")
    server.stop()
    lost = worked.sandbox.facebook.tag_post("mohan", "Rewari me pani nahi aa raha", hide_author=False)
    assert await worked.sandbox.facebook.deliver_webhooks() == 0
    worked.sandbox.world.clock.advance(timedelta(minutes=1))
    return lost


async def test_a_platform_that_refuses_is_told(worked: Worked) -> None:
    worked.sandbox.facebook.refuse_next("tagged", 190, status=401)
    asked = await called(worked, "reconcile", "--day", "2026-11-24", "--ask-platforms")
    assert asked.exit_code == 1
    assert "not all was asked:" in asked.stdout
    assert "cmohry shows" in asked.stdout


async def test_what_a_platform_shows_no_more_is_told(worked: Worked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(x_reading, "MENTIONS_REACH", 3)  # as if this were X's newest 800: older ones by search alone
    worked.sandbox.world.clock.advance(timedelta(days=9))
    asked = await called(worked, "reconcile", "--day", "2026-11-24", "--ask-platforms")
    assert "not shown: 2026-11-23 18:20 to 2026-11-2" in asked.stdout
    assert max(map(len, asked.stdout.splitlines())) <= 80
