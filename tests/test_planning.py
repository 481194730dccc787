"""Work planned for a day, on both databases: told to the citizen, seen by the next officer up, back by itself."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from officers_stage import HISAR, NOW, Office, labels, token

from handlers.desk.dates import read_day
from store.db import reading
from store.outbound import Outgoing
from store.tables import events, outbox, tickets
from store.vocabulary import OutgoingAct

WHY = "15 December, the new pump comes then"
TODAY = date(2026, 11, 23)


@pytest.fixture
def office(engine: sa.Engine) -> Office:
    office = Office(engine)
    office.complain("Hisar")
    return office


def row(office: Office) -> Any:
    with reading(office.engine) as conn:
        return conn.execute(sa.select(tickets)).one()


def prompt(office: Office, who: str = "Nodal Hisar") -> Outgoing:
    choices, _ = office.press(who, HISAR, token(office.notice(), "More..."))
    asked, _ = office.press(who, HISAR, token(choices, "Plan for a day"))
    return asked


def planned(office: Office, words: str = WHY) -> list[Outgoing]:
    return office.reply("Nodal Hisar", HISAR, prompt(office), words)


def pass_until(office: Office, moment: datetime) -> None:
    office.now = moment
    while office.desk.hear_time():
        pass


def test_the_clock_stands_till_the_day_and_then_goes_on(office: Office) -> None:
    before = row(office)
    office.now += timedelta(hours=1)
    answers = planned(office)
    assert answers[-1].text == "Planned. The citizen is told the day."
    up = next(one for one in answers if one.thread_id == office.users["Head"])
    assert "new pump" in up.text
    said = next(one for one in answers if one.act is OutgoingAct.REPLY)
    assert "15" in said.text
    assert "pump" not in said.text, "the reason is not public"
    pass_until(office, before.due_at + timedelta(days=2))
    with reading(office.engine) as conn:
        assert not conn.scalars(sa.select(outbox.c.id).where(outbox.c.template.in_(("reminder", "escalated")))).all()
    pass_until(office, datetime(2026, 12, 15, 9, tzinfo=NOW.tzinfo))
    after = row(office)
    assert (after.planned_until_at, after.paused_at, after.status) == (None, None, "assigned")
    assert timedelta(days=20) < after.due_at - before.due_at < timedelta(days=23), "the wait is added"
    with reading(office.engine) as conn:
        assert conn.scalars(sa.select(outbox.c.recipient).where(outbox.c.template == "plan_ended")).all() == [HISAR]


def test_the_next_officer_up_brings_it_back_once(office: Office) -> None:
    up = next(one for one in planned(office) if one.thread_id == office.users["Head"])
    (label,) = labels(up)
    office.now += timedelta(days=1)
    office.press("Head", "private", token(up, label))
    assert row(office).planned_until_at is None
    (toast,) = office.press("Head", "private", token(up, label))
    assert toast.act is OutgoingAct.ANSWER_PRESS
    with reading(office.engine) as conn:
        assert conn.scalars(sa.select(events.c.kind)).all().count("plan_ended") == 1


def test_it_is_not_put_off_again_and_again(office: Office) -> None:
    asked = prompt(office)
    planned(office)
    for _ in range(2):
        (answer,) = office.reply("Nodal Hisar", HISAR, asked, "20 December, the pump is late")
        assert answer.text.startswith("It was planned before")
        pass_until(office, datetime(2026, 12, 15, 9, tzinfo=NOW.tzinfo))
    answers = office.reply("Head", HISAR, asked, "20 December, the pump is late again")
    assert answers[-1].text == "Planned. The citizen is told the day."


def test_a_citizens_answer_does_not_start_the_clock_of_a_plan(office: Office) -> None:
    question, _ = office.press("Nodal Hisar", HISAR, token(office.notice(), "Ask citizen"))
    office.reply("Nodal Hisar", HISAR, question, "Which lane is it?")
    planned(office)
    office.say("c1", "gali 4 hai ji")
    assert row(office).paused_at is not None
    assert row(office).planned_until_at is not None


def test_an_answer_ends_the_plan(office: Office) -> None:
    planned(office)
    preview, *_ = office.reply("Nodal Hisar", HISAR, office.notice(), "The pump was repaired today.")
    office.press("Nodal Hisar", HISAR, token(preview, "Send"))
    assert (row(office).status, row(office).planned_until_at) == ("disposed", None)
    pass_until(office, datetime(2026, 12, 15, 9, tzinfo=NOW.tzinfo))
    with reading(office.engine) as conn:
        assert not conn.scalars(sa.select(outbox.c.id).where(outbox.c.template == "plan_ended")).all()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("the pump is late", "Please write the day"),
        ("15 December", "Please write the reason too"),
        ("31 February, the pump is late", "Please write the day"),
        ("1/1/2020, the pump is late", "Please write the day"),
        ("in 300 days the pump comes here", "Please write the day"),
    ],
)
def test_a_day_and_a_reason_are_both_needed(office: Office, words: str, told: str) -> None:
    (answer,) = office.reply("Nodal Hisar", HISAR, prompt(office), words)
    assert answer.text.startswith(told)
    assert row(office).planned_until_at is None


def test_danger_is_not_planned(engine: sa.Engine) -> None:
    office = Office(engine)
    office.complain("Hisar", words="pani ki tanki gir gayi, log dab gaye hain, bachao")
    urgent = row(office).urgent
    assert urgent
    answers = office.press("Clerk", HISAR, token(office.notice(), "More..."))
    assert "Plan for a day" not in labels(answers[0])


# -- days in officers' words -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "day"),
    [
        ("15/1 tak, pump aayega", date(2027, 1, 15)),
        ("15-01-2027", date(2027, 1, 15)),
        ("15.1.27", date(2027, 1, 15)),
        ("Dec 15, the pump", date(2026, 12, 15)),
        ("5th March 2027", date(2027, 3, 5)),
        ("15 जनवरी तक", date(2027, 1, 15)),
        ("१५ दिसंबर तक", date(2026, 12, 15)),
        ("20 disambar ko", date(2026, 12, 20)),
        ("15 ਜਨਵਰੀ ਤੱਕ", date(2027, 1, 15)),
        ("10 din lagenge", date(2026, 12, 3)),
        ("2 हफ़्ते", date(2026, 12, 7)),
        ("3 mahine", date(2027, 2, 21)),
        ("23 November", TODAY),
    ],
)
def test_a_day_is_read_as_people_write_it(words: str, day: date) -> None:
    found = read_day(words, TODAY)
    assert found is not None
    assert found[0] == day


@given(st.text(max_size=80))
def test_no_words_break_the_reading(words: str) -> None:
    found = read_day(words, TODAY)
    assert found is None or isinstance(found[0], date)


@given(
    st.dates(date(2026, 11, 23), date(2027, 11, 22)),
    st.sampled_from(["{d}/{m}", "{d}.{m}.{y}", "{d} {name}", "{name} {d}, {y}"]),
)
def test_every_day_of_a_year_is_read_back(day: date, form: str) -> None:
    words = form.format(d=day.day, m=day.month, y=day.year, name=day.strftime("%B"))
    found = read_day(f"until {words} because", TODAY)
    assert found is not None
    assert found[0] == day
