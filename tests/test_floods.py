"""Many posts at once: one account's flood is set aside and counted, cries for help go first, nobody else waits."""

from __future__ import annotations

import itertools
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from handlers.alarms import queue_alarms
from handlers.desk import floods
from handlers.desk.batch import Desk
from handlers.policy import Policy
from handlers.reach import EVERYBODY
from store import channels, inbox
from store.alarms import open_alarms
from store.db import reading, writing
from store.directory import load_directory
from store.directory_csv import import_desks, import_posts
from store.inbound import Author, DeskUpdate, Heard, Inbound
from store.tables import inbox as inbox_table
from store.tables import outbox, tickets
from store.vocabulary import DeskVerb, InboundVerb, InboxState, Platform

NOW = datetime(2026, 11, 23, 5, tzinfo=UTC)
LIMIT = 5
WORDS = "Hisar me 3 din se pani nahi aa raha, ward 5"
CRY = "Hisar sector 14 me ghar me aag lag gayi hai, log andar phanse hain, jaldi fire brigade bhejo"


class Office:
    """A desk with one handle, a small limit, and a clock moved by hand."""

    def __init__(self, engine: sa.Engine) -> None:
        self.engine, self.now = engine, NOW
        self.desk = Desk(engine, lambda: self.now, Policy(flood_per_hour=LIMIT))
        self.ids = itertools.count(1)
        with writing(engine) as conn:
            self.channel = channels.register(conn, "cmohry", Platform.X, "900", "cmohry").id

    def put(self, *events: Heard) -> None:
        with writing(self.engine) as conn:
            inbox.put(conn, self.channel, events, {}, self.now)

    def post(self, who: str | None, text: str = WORDS, *, at: datetime | None = None, thread: str = "") -> Inbound:
        number = f"10{next(self.ids):06}"
        return Inbound(
            key=f"{number}:0", verb=InboundVerb.POSTED, platform=Platform.X, message_id=number,
            thread_id=thread or number, occurred_at=at or self.now,
            author=Author(who, f"u{who}", "A citizen") if who else None, text=text, mentions_us=True,
        )  # fmt: skip

    def decide(self) -> None:
        while self.desk.decide_batch():
            pass

    def results(self, actor: str) -> Counter[str]:
        """How the rows of an actor ended."""
        with reading(self.engine) as conn:
            rows = conn.execute(sa.select(inbox_table.c.result).where(inbox_table.c.actor_key == actor))
            return Counter(row.result.partition(":")[0] for row in rows if row.result)

    def alarms(self) -> list[str]:
        with reading(self.engine) as conn:
            return [alarm.sentence for alarm in open_alarms(conn) if alarm.code == floods.ALARM]

    def parked(self) -> list[int]:
        with reading(self.engine) as conn:
            wanted = sa.select(inbox_table.c.id).where(inbox_table.c.state == InboxState.PARKED)
            return list(conn.scalars(wanted.order_by(inbox_table.c.id)))


@pytest.fixture
def office(engine: sa.Engine) -> Office:
    return Office(engine)


def test_a_flood_is_set_aside_beyond_the_limit_with_one_alarm_that_counts(office: Office) -> None:
    office.put(*(office.post("666", f"{WORDS} {number}") for number in range(30)))
    office.decide()
    assert office.results("x:666")[inbox.FLOOD] == 30 - LIMIT
    office.put(*(office.post("666", f"{WORDS} again {number}") for number in range(7)))
    office.decide()
    (told,) = office.alarms()
    assert "x:666 posts more than 5 times an hour: 32 of its posts are parked" in told


def test_the_cmo_desk_is_told_of_a_flood_once_and_without_its_words(office: Office) -> None:
    with writing(office.engine) as conn:
        channels.register(conn, "desk", Platform.TELEGRAM, "7", "smgt_bot")
        import_desks(conn, "desk,title,language,chat_id,topic_id\ncmo,CMO,en,-1001,\n", now=NOW)
        posts = "post,title,role,department,level,districts,desk,officer\ncmo-desk,CMO Desk,cmo_desk,,3,*,cmo,A clerk\n"
        import_posts(conn, posts, now=NOW, known_departments=(), known_districts=())
    office.put(*(office.post("666", f"{WORDS} {number}") for number in range(30)))
    office.decide()
    with writing(office.engine) as conn:
        directory = load_directory(conn, NOW)
        assert [queue_alarms(conn, NOW, directory, EVERYBODY) for _ in range(2)] == [1, 0]
    with reading(office.engine) as conn:
        wanted = sa.select(outbox.c.payload).where(outbox.c.template == "flood_alarm")
        (payload,) = conn.scalars(wanted)
    assert "x:666" in payload
    assert "One account writes very often" in payload
    assert WORDS not in payload


def test_nobody_waits_behind_a_flood(office: Office) -> None:
    office.put(*(office.post("666", f"{WORDS} {number}") for number in range(300)))
    office.put(*(office.post(f"{number}", f"{WORDS} {number}") for number in range(1, 21)))
    office.desk.decide_batch()
    for number in range(1, 21):
        assert office.results(f"x:{number}")["ticketed"] == 1
    with reading(office.engine) as conn:
        assert inbox.count_by_state(conn)[InboxState.PENDING] == 320 - 50


def test_cries_and_the_wish_to_be_left_alone_are_heard_in_a_flood(office: Office) -> None:
    office.put(*(office.post("666", f"{WORDS} {number}") for number in range(9)))
    office.put(office.post("666", CRY), office.post("666", "STOP"))
    office.decide()
    results = office.results("x:666")
    assert results[inbox.FLOOD] == 9 - LIMIT
    assert results["ticketed"] + results["addition"] + results["answered"] >= 2
    with reading(office.engine) as conn:
        assert conn.execute(sa.select(sa.func.count()).where(tickets.c.urgent)).scalar_one() == 1


def test_an_hour_later_the_account_is_heard_again(office: Office) -> None:
    office.put(*(office.post("666", f"{WORDS} {number}") for number in range(9)))
    office.decide()
    office.now += timedelta(minutes=61)
    office.put(office.post("666", "Karnal me sadak par gaddhe"))
    office.decide()
    assert office.results("x:666")[inbox.FLOOD] == 9 - LIMIT


def test_posts_of_a_whole_day_read_at_once_are_no_flood(office: Office) -> None:
    """After an outage all arrive in a minute; what counts is when they were written."""
    written = [NOW - timedelta(hours=24 - number) for number in range(24)]
    office.put(*(office.post("7", f"{WORDS} {at.hour}", at=at) for at in written))
    office.decide()
    assert office.results("x:7")[inbox.FLOOD] == 0


def test_what_a_person_lets_go_is_decided_and_the_alarm_ends(office: Office) -> None:
    office.put(*(office.post("666", f"{WORDS} {number}") for number in range(8)))
    office.decide()
    rows = office.parked()
    assert len(rows) == 3
    for row_id in rows:
        with writing(office.engine) as conn:
            floods.settle(conn, office.now)
        assert len(office.alarms()) == 1
        with writing(office.engine) as conn:
            assert inbox.release(conn, row_id)
        office.decide()
    with writing(office.engine) as conn:
        floods.settle(conn, office.now)
    assert office.parked() == office.alarms() == []


def test_a_thread_of_hidden_authors_has_a_wider_limit(office: Office) -> None:
    many = floods.HIDDEN_AUTHORS * LIMIT
    office.put(*(office.post(None, f"{WORDS} {number}", thread="t1") for number in range(many + 4)))
    office.decide()
    assert office.results("x:thread:t1")[inbox.FLOOD] == 4


def test_officers_never_flood(office: Office) -> None:
    with writing(office.engine) as conn:
        telegram = channels.register(conn, "desk", Platform.TELEGRAM, "700", "desk").id
        for number in range(40):
            update = DeskUpdate(
                key=f"1:{number}", verb=DeskVerb.WROTE, occurred_at=NOW, chat_id="5", chat_kind="private",
                message_id=str(number), author=Author("5", "", "Officer"), text="/status",
            )  # fmt: skip
            inbox.put(conn, telegram, [update], {}, NOW)
    office.decide()
    assert office.parked() == office.alarms() == []


def test_a_cry_far_back_in_a_backlog_is_decided_at_once(office: Office) -> None:
    """Its writer's earlier post comes along, because an account is decided in order."""
    crowd = [office.post(f"{number}", f"{WORDS} {number}") for number in range(1, 261)]
    office.put(*crowd[:200], office.post("900", "Karnal me sadak par gaddhe"), *crowd[200:], office.post("900", CRY))
    office.desk.decide_batch()
    assert not office.results("x:900")
    office.desk.decide_batch()
    assert sum(office.results("x:900").values()) == 2
    with reading(office.engine) as conn:
        assert conn.execute(sa.select(sa.func.count()).where(tickets.c.urgent)).scalar_one() == 1
        assert inbox.count_by_state(conn)[InboxState.PENDING] == 262 - 100
