"""A clerk's own words to a citizen, on both databases: public, under the number, from the CMO desk alone."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from officers_stage import CMO, HISAR, Office

from store.db import reading, writing
from store.outbound import Outgoing
from store.payloads import outgoing_from_json
from store.tables import events, outbox, tickets
from store.vocabulary import OutgoingAct, Platform

WORDS = "Aapki baat hum tak pahunch gayi hai, kal tak dekh lenge."


@pytest.fixture
def office(engine: sa.Engine) -> Office:
    office = Office(engine)
    office.complain("Hisar")
    with writing(engine) as conn:  # Facebook: words that nobody asked for are permitted there
        conn.execute(sa.update(tickets).values(platform=Platform.FACEBOOK))
    return office


def said(office: Office) -> list[Outgoing]:
    with reading(office.engine) as conn:
        rows = conn.scalars(sa.select(outbox.c.payload).where(outbox.c.template == "desk_words"))
        return [outgoing_from_json(one) for one in rows]


def test_the_words_go_to_the_citizen_under_the_number(office: Office) -> None:
    answers = office.reply("Clerk", HISAR, office.notice(), f"/say {WORDS} Mera number 98120 34567")
    assert answers[-1].text == "Your words are on their way to the citizen."
    (public,) = said(office)
    assert public.act is OutgoingAct.REPLY
    assert "HRY26-" in public.text
    assert "kal tak dekh lenge" in public.text
    assert "34567" not in public.text
    with reading(office.engine) as conn:
        assert conn.scalars(sa.select(events.c.actor).where(events.c.kind == "desk_wrote")).all() == ["officer"]


@pytest.mark.parametrize(
    ("who", "text", "told"),
    [
        ("Nodal Hisar", f"/say {WORDS}", "Only the CMO desk may do that."),
        ("Clerk", "/say", "There are no words in that. Please write a line."),
        (
            "Clerk",
            "/say " + "bahut lambi baat " * 40,
            "That is too long for a reply to the citizen. Please shorten it.",
        ),
    ],
)
def test_what_cannot_be_said_is_told(office: Office, who: str, text: str, told: str) -> None:
    answers = office.reply(who, HISAR, office.notice(), text)
    assert [one.text for one in answers] == [told]
    assert said(office) == []


def test_nothing_is_said_after_the_end(office: Office) -> None:
    notice = office.notice()
    with writing(office.engine) as conn:
        conn.execute(sa.update(tickets).values(status="withdrawn", ended_at=office.now))
    (answer,) = office.reply("Clerk", HISAR, notice, f"/say {WORDS}")
    assert answer.text.startswith("This complaint is answered or ended")
    assert said(office) == []


def test_alone_in_the_chat_it_is_about_nothing(office: Office) -> None:
    assert office.write("Clerk", CMO, f"/say {WORDS}") == []
