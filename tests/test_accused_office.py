"""A complaint about an office, from that office's side, on both databases: it is nowhere, and nothing can be done to it."""

from __future__ import annotations

import secrets
from datetime import timedelta

import pytest
import sqlalchemy as sa
from officers_stage import HISAR, MAGISTRATE, Office

from handlers.effects import Act
from handlers.understanding.taxonomy import taxonomy
from store.db import reading, writing
from store.outbound import Outgoing
from store.tables import buttons, events, inbox, outbox, tickets

THANA = "-1009"  # the accused office's own group
MISCONDUCT = "sadar thane ke SHO ne mujhe thappad mare aur gaali di"
MORE_DESKS = f"police-hisar,Thana Hisar,en,{THANA},\n"
MORE_POSTS = (
    f"{MAGISTRATE}police-hisar,SHO Hisar,nodal_officer,police,0,Hisar,police-hisar,Thanedar\n"
    "police-field,ASI Hisar,field_officer,police,0,Hisar,,Munshi\n"
)


@pytest.fixture
def office(engine: sa.Engine) -> Office:
    office = Office(engine, MORE_POSTS, MORE_DESKS)
    office.complain("Hisar", words=MISCONDUCT)
    with reading(engine) as conn:
        row = conn.execute(sa.select(tickets)).one()
    assert (row.category, row.sensitivity, row.owner_post) == ("police_misconduct", "restricted", "police-head")
    return office


def number(office: Office) -> str:
    with reading(office.engine) as conn:
        found: str = conn.execute(sa.select(tickets.c.number)).scalar_one()
        return found


def leaks(office: Office, answers: list[Outgoing]) -> list[str]:
    """What an answer tells of the complaint: its words, its matter, or that its number exists."""
    matter = taxonomy().categories["police_misconduct"]
    told = ("thappad", matter.name_en, matter.name_hi)
    return [one.text for one in answers if any(word in one.text for word in told)]


@pytest.mark.parametrize("who", ["Thanedar", "Munshi"])
@pytest.mark.parametrize("where", [THANA, "private"])
def test_its_officers_cannot_see_or_find_it(office: Office, who: str, where: str) -> None:
    asked = (
        "/pending",
        "/late",
        "/mine",
        "/find thappad",
        "/find Hisar",
        "/stats",
        f"/ticket {number(office)}",
        "/reopened",
    )
    for command in asked:
        answers = office.write(who, where, command)
        assert not leaks(office, answers), command
        assert command.startswith("/ticket") or not any(number(office) in one.text for one in answers), command
    unknown = office.write(who, where, "/ticket HRY26-999999-9")
    hidden = office.write(who, where, f"/ticket {number(office)}")
    assert [one.text for one in hidden] == [one.text for one in unknown], "that it exists is not told either"


@pytest.mark.parametrize("act", sorted(set(Act) - {Act.PAGE}))
def test_its_officers_can_do_nothing_to_it(office: Office, act: Act) -> None:
    before = state(office)
    for who, where in (("Thanedar", THANA), ("Munshi", THANA), ("Thanedar", HISAR), ("Magistrate", HISAR)):
        token = secrets.token_urlsafe(9)
        with writing(office.engine) as conn:
            row = conn.execute(sa.select(tickets)).one()
            made = {"token": token, "ticket_id": row.id, "act": act, "cycle": str(row.turn), "created_at": office.now}
            conn.execute(buttons.insert().values(**made, argument="pwd" if "of" in act or "to" in act else "1"))
        answers = office.press(who, where, token)
        assert len(answers) == 1, f"{who} presses {act}"
        assert answers[0].press_id
        assert not leaks(office, answers)
        assert state(office) == before, f"{who} presses {act}"


def state(office: Office) -> tuple[object, ...]:
    with reading(office.engine) as conn:
        return (
            conn.execute(sa.select(tickets)).one(),
            conn.execute(sa.select(sa.func.count()).select_from(events)).scalar_one(),
        )


def test_its_officers_cannot_answer_it(office: Office) -> None:
    before = state(office)
    for who in ("Thanedar", "Munshi", "Magistrate"):
        (answer,) = office.reply(
            who, office.notice().thread_id, office.notice(), "Nothing of that kind happened here at all."
        )
        assert not leaks(office, [answer])
    assert state(office) == before


def test_nothing_of_it_ever_reached_their_group(office: Office) -> None:
    for _ in range(6):
        office.now += timedelta(days=3)
        while office.desk.hear_time():
            pass
    with reading(office.engine) as conn:
        to = set(conn.scalars(sa.select(outbox.c.recipient)))
        assert THANA not in to
        assert not {office.users["Thanedar"], office.users["Munshi"], office.users["Magistrate"]} & to
        assert conn.execute(sa.select(sa.func.count()).select_from(inbox)).scalar_one()
