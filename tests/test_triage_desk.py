"""A clerk places what the machine could not, on both databases: every matter and district in two taps, one clerk at a time."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
from cmo_stage import CMO, Office, second_clerk
from officers_stage import HISAR, labels, token

from handlers.claiming import LASTS
from handlers.effects import Act
from handlers.triage import ELSEWHERE, keyboard, matters_of, triage_presses
from handlers.understanding.taxonomy import taxonomy
from store.db import reading, writing
from store.outbound import Outgoing
from store.tables import events, tickets
from store.vocabulary import OutgoingAct, Status
from tests.core_office import case

WORDS = "yahan bahut pareshani hai, koi sunta nahi, do mahine ho gaye"


@pytest.fixture
def office(engine: sa.Engine) -> Office:
    office = Office(engine)
    office.complain("", words=WORDS)
    office.pass_time(timedelta(hours=25))
    return office


def ticket(office: Office) -> sa.Row[tuple[object, ...]]:
    with reading(office.engine) as conn:
        return conn.execute(sa.select(tickets)).one()


def pressed(office: Office, who: str, notice: Outgoing, label: str, *, under: str) -> list[Outgoing]:
    return office.press_under(who, CMO, token(notice, label), under)


def edited(answers: list[Outgoing]) -> Outgoing:
    (one,) = [answer for answer in answers if answer.act is OutgoingAct.EDIT]
    return one


def test_every_category_is_in_one_group_and_no_key_row_is_wider_than_a_phone() -> None:
    groups = matters_of()
    assert sorted(code for codes in groups.values() for code in codes) == sorted(taxonomy().categories)
    for which in ("root", "matters", "districts", "reasons", *groups):
        keys = keyboard(which, case(status=Status.TRIAGE))
        assert max(map(len, keys)) <= 2
        assert len(keys) <= 13
    assert ELSEWHERE in groups


def test_every_matter_and_district_is_two_taps_away_while_nothing_is_known() -> None:
    blank = case(status=Status.TRIAGE)
    first = [press for line in triage_presses(blank) for press in line]
    opened = [
        press for one in first if one.act is Act.OPEN_KEYS for line in keyboard(one.argument, blank) for press in line
    ]
    assert {one.argument for one in opened if one.act is Act.SET_CATEGORY} == set(taxonomy().categories)
    assert {one.argument for one in opened if one.act is Act.SET_DISTRICT} == set(taxonomy().districts)


def test_guesses_come_first() -> None:
    torn = case(status=Status.TRIAGE, category_choices=("sewer", "drain", "garbage"), district_choices=("Hisar",))
    first = [press for line in triage_presses(torn) for press in line]
    assert [one.argument for one in first[:3]] == ["sewer", "drain", "garbage"]
    assert [one.argument for one in first if one.act is Act.SET_DISTRICT] == ["Hisar"]


def test_two_taps_for_the_matter_and_two_for_the_district_place_it_in_the_same_message(office: Office) -> None:
    notice = office.newest("triage_notice")
    under = office.deliver(notice)
    keys = edited(pressed(office, "Clerk", notice, "Water, sewer, canal...", under=under))
    assert keys.text.startswith("To place:") or "To place" in keys.text
    assert "Clerk is working on it until" in keys.text
    root = edited(pressed(office, "Clerk", keys, "Water supply", under=under))
    assert ticket(office).category == "water_supply"
    assert ticket(office).status == Status.TRIAGE
    districts = edited(pressed(office, "Clerk", root, "Other district...", under=under))
    assert set(taxonomy().districts) <= set(labels(districts))
    placed = pressed(office, "Clerk", districts, "Hisar", under=under)
    done = edited(placed)
    assert "Settled" in done.text
    assert done.buttons == ()
    assert ticket(office).status == Status.ASSIGNED
    assert ticket(office).claimed_by is None
    assert [one for one in placed if one.thread_id == HISAR]
    assert not [one for one in placed if one.thread_id == CMO and one.act is OutgoingAct.MESSAGE]


def test_a_second_clerk_is_told_who_has_it_and_changes_nothing(office: Office) -> None:
    second_clerk(office)
    notice = office.newest("triage_notice")
    under = office.deliver(notice)
    mine, shown = pressed(office, "Clerk", notice, "I take this", under=under)
    assert mine.text == "It is yours for five minutes."
    assert "Clerk is working on it until" in shown.text
    before = ticket(office)
    (toast,) = pressed(office, "Second", shown, "Power...", under=under)
    assert toast.act is OutgoingAct.ANSWER_PRESS
    assert toast.text.startswith("Clerk is working on this until ")
    (reply,) = office.reply("Second", CMO, office.newest("triage_notice"), "water Hisar")
    assert reply.text.startswith("Clerk is working on this until ")
    assert ticket(office) == before


def test_a_claim_expires_and_the_same_clerk_renews_it(office: Office) -> None:
    second_clerk(office)
    notice = office.newest("triage_notice")
    under = office.deliver(notice)
    pressed(office, "Clerk", notice, "I take this", under=under)
    office.now += LASTS - timedelta(seconds=1)
    pressed(office, "Clerk", notice, "I take this", under=under)
    office.now += LASTS - timedelta(seconds=1)
    (toast,) = pressed(office, "Second", notice, "I take this", under=under)
    assert toast.text.startswith("Clerk is working")
    office.now += timedelta(seconds=1)
    mine, _ = pressed(office, "Second", notice, "I take this", under=under)
    assert mine.text == "It is yours for five minutes."


def test_a_claim_by_command_needs_the_chair(office: Office) -> None:
    number = str(ticket(office).number)
    (own,) = office.write("Clerk", CMO, f"/claim {number}")
    assert own.text == "It is yours for five minutes."
    for who, told in (("Nodal Hisar", "This complaint is not with your office."), (None, "You are not linked")):
        (answer,) = office.write(who, CMO, f"/claim {number}")
        assert answer.text.startswith(told)
    (viewer,) = office.write("Viewer", CMO, f"/claim {number}")
    assert viewer.text == "This complaint is not with your office."
    with reading(office.engine) as conn:
        assert conn.scalar(sa.select(sa.func.count()).where(events.c.kind == "claimed")) == 1


def test_nothing_is_claimed_that_an_office_has(office: Office) -> None:
    notice = office.newest("triage_notice")
    with writing(office.engine) as conn:
        conn.execute(tickets.update().values(status="closed", outcome="no_answer", ended_at=office.now))
    (toast,) = office.press("Clerk", CMO, token(notice, "I take this"))
    assert toast.text.startswith("This complaint is answered or ended")
    (answer,) = office.write("Clerk", CMO, f"/claim {ticket(office).number}")
    assert answer.text == "It does not wait for the CMO desk any more."


def test_keys_of_a_message_nobody_knows_come_as_a_message_of_their_own(office: Office) -> None:
    keys, toast = office.press("Clerk", CMO, token(office.newest("triage_notice"), "Other district..."))
    assert keys.act is OutgoingAct.MESSAGE
    assert "Sirsa" in labels(keys)
    assert toast.act is OutgoingAct.ANSWER_PRESS


def test_rejecting_is_done_in_the_notice(office: Office) -> None:
    notice = office.newest("triage_notice")
    under = office.deliver(notice)
    reasons = edited(pressed(office, "Clerk", notice, "Cannot take up", under=under))
    done = edited(pressed(office, "Clerk", reasons, "Private dispute", under=under))
    assert "not taken up" in done.text
    assert ticket(office).status == Status.REJECTED


def test_a_cry_whose_place_is_unknown_can_be_placed_with_buttons(engine: sa.Engine) -> None:
    office = Office(engine)
    office.complain("", words="bijli ki nangi taar gir gayi hai, karant se log mar jayenge, jaldi karo")
    notice = office.newest("emergency_notice")
    assert "I take this" in labels(notice)
    assert "Other district..." in labels(notice)
