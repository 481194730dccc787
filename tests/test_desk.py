"""The desk against odd input, changed settings and other channels, on both databases: nobody else ever waits for it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from handlers.desk.batch import Desk
from handlers.desk.discretion import discreet
from handlers.effects import Say
from handlers.facts import Facts
from handlers.policy import Policy
from handlers.render import TEMPLATES, render
from handlers.understanding.taxonomy import taxonomy
from store import channels, inbox
from store.alarms import open_alarms
from store.channels import Channel
from store.db import reading, writing
from store.inbound import Author, Inbound
from store.payloads import outgoing_from_json
from store.tables import conversations, outbox, tickets
from store.tables import inbox as inbox_table
from store.vocabulary import InboundVerb, InboxState, Language, Platform, Sensitivity, Status
from tests.core_office import case as a_case

IDS = itertools.count(1)
BEGIN = datetime(2026, 11, 23, 5, tzinfo=UTC)


class Office:
    """A desk with two handles on X and a Page, nobody in its directory, and a clock moved by hand."""

    def __init__(self, engine: sa.Engine, policy: Policy | None = None) -> None:
        self.engine, self.now = engine, BEGIN
        self.desk = Desk(engine, lambda: self.now, policy or Policy())
        with writing(engine) as conn:
            self.x = channels.register(conn, "cmohry", Platform.X, "900", "cmohry")
            self.x2 = channels.register(conn, "cmo2", Platform.X, "901", "cmo2")
            self.page = channels.register(conn, "cmo", Platform.FACEBOOK, "800", "cmo")

    def post(self, text: str, *, who: str = "7", channel: Channel | None = None, **more: str) -> str:
        at = channel or self.x
        message_id = more.pop("message_id", f"{at.id}00{next(IDS)}")
        event = Inbound(
            key=f"{message_id[:40]}:{next(IDS)}",
            verb=InboundVerb.POSTED,
            platform=at.platform,
            message_id=message_id,
            thread_id=more.pop("thread_id", message_id),
            occurred_at=self.now,
            author=Author(who, "citizen", more.pop("name", "A citizen")),
            text=text,
            mentions_us=True,
        )
        with writing(self.engine) as conn:
            inbox.put(conn, at.id, [event], {}, self.now)
        while self.desk.decide_batch():
            pass
        return message_id

    def numbers(self) -> list[str]:
        with reading(self.engine) as conn:
            return list(conn.execute(sa.select(tickets.c.number).order_by(tickets.c.id)).scalars())

    def answers(self) -> list[sa.Row[tuple[int, str, str]]]:
        with reading(self.engine) as conn:
            query = sa.select(outbox.c.channel_id, outbox.c.template, outbox.c.payload).order_by(outbox.c.id)
            return [row for row in conn.execute(query) if row.template != "notice"]

    def results(self) -> list[str]:
        with reading(self.engine) as conn:
            return list(conn.execute(sa.select(inbox_table.c.result).order_by(inbox_table.c.id)).scalars())


@pytest.fixture
def office(engine: sa.Engine) -> Iterator[Office]:
    return Office(engine)


def test_a_nul_in_words_or_name_stops_nobody(office: Office) -> None:
    office.post("गली में\x00 पानी भरा है, हिसार", name="N\x00")
    office.post("Bijli nahi hai, Rohtak sector 3", who="8")
    assert len(office.numbers()) == 2


def test_an_id_longer_than_any_platforms_is_set_aside_alone(office: Office) -> None:
    office.post("पानी नहीं आता, हिसार", message_id="9" * 200)
    office.post("पानी नहीं आता, हिसार", who="8")
    assert len(office.numbers()) == 1
    with reading(office.engine) as conn:
        assert inbox.count_by_state(conn)[InboxState.PARKED] == 1


@pytest.mark.parametrize("text", ["", " ", "😡😡😡", "?" * 9000, "\u202e\u2066x", "1", "۱۲۳", "ا ردو میں شکایت"])
def test_odd_words_are_decided(office: Office, text: str) -> None:
    office.post(text)
    assert office.results()[0] is not None
    with reading(office.engine) as conn:
        assert inbox.count_by_state(conn).get(InboxState.PARKED, 0) == 0


def test_a_new_prefix_goes_on_counting(engine: sa.Engine) -> None:
    Office(engine).post("Bijli nahi hai, Rohtak sector 3")
    later = Office(engine, Policy(prefix="HARY"))
    later.post("Pani nahi aata, Hisar sector 14", who="8")
    first, second = later.numbers()
    assert first.startswith("HRY26-000001-")
    assert second.startswith("HARY26-000002-")


def test_a_window_made_longer_moves_the_wake_and_ends_the_round(engine: sa.Engine) -> None:
    office = Office(engine)
    office.post("सात महीने से विधवा पेंशन नहीं आई")
    patient = Desk(engine, lambda: BEGIN + timedelta(hours=25), Policy(details_after=timedelta(hours=48)))
    rounds = 0
    while patient.hear_time():
        rounds += 1
        assert rounds < 3
    with reading(engine) as conn:
        assert conn.execute(sa.select(tickets.c.wake_at)).scalar_one() == BEGIN + timedelta(hours=48)
        assert conn.execute(sa.select(tickets.c.status)).scalar_one() == Status.COLLECTING


def test_one_ticket_that_cannot_be_woken_stops_nobodys_time(office: Office) -> None:
    office.post("Pension nahi aayi teen mahine se")
    office.post("Ration card kat gaya hamara", who="8")
    with writing(office.engine) as conn:
        stuck = sa.select(sa.func.min(tickets.c.id)).scalar_subquery()
        spoilt = conversations.update().where(conversations.c.ticket_id == stuck)
        conn.execute(spoilt.values(asked="riddle"))
    office.now += timedelta(hours=25)
    while office.desk.hear_time():
        pass
    with reading(office.engine) as conn:
        states = list(conn.execute(sa.select(tickets.c.status).order_by(tickets.c.id)).scalars())
        assert states[1] == Status.TRIAGE
        assert [alarm.code for alarm in open_alarms(conn)].count("ticket_stuck") == 1


def test_a_number_asked_elsewhere_is_answered_there_and_news_stay_at_home(office: Office) -> None:
    home = office.post("Bijli nahi hai do din se, Rohtak sector 3")
    number = office.numbers()[0]
    office.post(f"{number} status?", channel=office.page, who="fb7")
    channel_id, _, payload = office.answers()[-1]
    assert channel_id == office.page.id
    assert outgoing_from_json(payload).thread_id != home
    with reading(office.engine) as conn:
        assert conn.execute(sa.select(conversations.c.reply_to_id)).scalar_one() == home


@pytest.mark.parametrize("template", sorted(TEMPLATES["citizen"]))
@pytest.mark.parametrize("status", list(Status))
def test_public_words_about_a_sensitive_ticket_name_no_office_place_or_matter(template: str, status: Status) -> None:
    case = replace(a_case(status=status), sensitivity=Sensitivity.SENSITIVE)
    told = Facts(
        department="police",
        district="Hisar",
        category="women_safety",
        locality="Model Town",
        ask="district",
        helplines=("emergency", "women"),
        undo_days=7,
        numbers=(case.number, "HRY26-000002-1"),
        officer_words="A senior officer has met you.",
        status=status,
        disposed_at=BEGIN,
        closed_at=BEGIN,
        note=1,
        previous_number="HRY26-000002-1",
    )
    say = discreet(Say(template=template, facts=told, step="answer"), case)
    assert say is not None
    for language in Language:
        due = replace(say.facts, number=case.number, said_at=BEGIN, due_at=say.facts.due_at or BEGIN)
        text = render(language, "citizen", say.template, due)
        for name in (taxonomy().districts["Hisar"].name(language), taxonomy().departments["police"].short(language)):
            assert name not in text
        assert "Model Town" not in text
