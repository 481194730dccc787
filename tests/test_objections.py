"""A rejection may be objected to once, and another person decides; on both databases."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
from cmo_stage import CMO, Office, labels, second_clerk, token
from core_office import NOW, case, ground, wrote

from bot.checking_cmo import cmo_findings
from handlers.conversation import decide, next_wake
from handlers.effects import Notify, Say
from handlers.heard import ObjectionRefused, OfficerBy
from handlers.refusing import ActRefused
from store.db import reading
from store.outbound import Outgoing
from store.payloads import outgoing_from_json
from store.tables import events, outbox, tickets
from store.vocabulary import OutgoingAct, Role, Status

WORDS = "yahan bahut pareshani hai, koi sunta nahi, do mahine ho gaye"


@pytest.fixture
def office(engine: sa.Engine) -> Office:
    """A ticket that Clerk did not take up."""
    office = Office(engine)
    office.complain("", words=WORDS)
    office.pass_time(timedelta(hours=25))
    notice = office.newest("triage_notice")
    under = office.deliver(notice)
    reasons = office.press_under("Clerk", CMO, token(notice, "Cannot take up"), under)
    keys = next(one for one in reasons if one.act is OutgoingAct.EDIT)
    office.press_under("Clerk", CMO, token(keys, "Private dispute"), under)
    return office


def said(office: Office) -> list[tuple[str, str]]:
    """Template and words of what the citizen was told, in order."""
    with reading(office.engine) as conn:
        rows = conn.execute(sa.select(outbox).where(outbox.c.channel_id == office.x).order_by(outbox.c.id))
        return [(row.template, outgoing_from_json(row.payload).text) for row in rows]


def status(office: Office) -> Status:
    with reading(office.engine) as conn:
        return Status(conn.execute(sa.select(tickets.c.status)).scalar_one())


def objected(office: Office) -> Outgoing:
    office.say("c1", "main sahmat nahi hoon, ye niji mamla nahi hai")
    return office.newest("objection_notice")


def test_the_citizen_is_told_that_they_may_answer_once(office: Office) -> None:
    template, words = said(office)[-1]
    assert template == "rejected"
    assert "doosra vyakti faisla karega" in words


def test_another_person_decides_and_the_one_who_rejected_does_not(office: Office) -> None:
    second_clerk(office)
    notice = objected(office)
    assert "It was Clerk who decided" in notice.text
    for label in labels(notice):
        (refused,) = office.press("Clerk", CMO, token(notice, label))
        assert refused.text == "You did not take it up, so another person decides on the objection."
    assert status(office) is Status.REJECTED
    office.press("Second", CMO, token(notice, "It stays so"))
    assert said(office)[-1][0] == "objection_refused"
    (again,) = office.press("Second", CMO, token(notice, "It stays so"))
    assert again.text == "This objection is decided already."
    before = len(said(office))
    office.say("c1", "phir bhi galat hai, dobara dekho")
    assert [one for one, _ in said(office)[before:]] == ["objection_final"]
    assert status(office) is Status.REJECTED


def test_it_is_taken_up_under_its_number_and_not_objected_to_twice(office: Office) -> None:
    second_clerk(office)
    notice = objected(office)
    office.press("Second", CMO, token(notice, "Reopen"))
    assert status(office) is Status.ASSIGNED
    with reading(office.engine) as conn:
        row = conn.execute(sa.select(tickets)).one()
    assert row.objection_settled_at is not None
    assert row.reopen_count == 0


def test_where_nobody_else_is_linked_the_desk_is_told(office: Office) -> None:
    notice = objected(office)
    assert "Nobody else is linked at the CMO desk" in notice.text


def test_an_open_objection_stands_in_the_list_and_comes_again_each_day(office: Office) -> None:
    objected(office)
    (told,) = office.write("Clerk", CMO, "/pending")
    assert told.text.startswith("<b>Waiting: 1</b>")
    office.pass_time(timedelta(hours=25))
    with reading(office.engine) as conn:
        shown = conn.scalar(sa.select(sa.func.count()).where(outbox.c.template == "objection_notice"))
    assert shown == 2


def test_check_says_where_nobody_could_decide(office: Office) -> None:
    (finding,) = cmo_findings(office.engine, office.now)
    assert not finding.ok
    assert "only Clerk is linked" in finding.text
    second_clerk(office)
    assert cmo_findings(office.engine, office.now) == []


@pytest.mark.parametrize("words", ["theek hai", "ok", "dhanyavaad", "ठीक है जी", "thank you", "👍", "ਠੀਕ ਹੈ"])
def test_thanks_and_a_bare_all_right_are_no_objection(words: str) -> None:
    rejected = case(status=Status.REJECTED, ended_at=NOW, rejected_by=1)
    decision = decide(rejected, wrote(words), NOW, ground())
    assert decision.result == "ignored:thanks"


@pytest.mark.parametrize(
    "words",
    ["galat hai", "not fair", "thank you but I do not agree", "हम सहमत नहीं हैं", "shukriya lekin ye sach nahi", "why?"],
)
def test_any_dissent_is_an_objection(words: str) -> None:
    rejected = case(status=Status.REJECTED, ended_at=NOW, rejected_by=1)
    decision = decide(rejected, wrote(words), NOW, ground())
    assert decision.result == "answered:objection"
    assert [one.template for one in decision.effects if isinstance(one, Say | Notify)] == [
        "objection_notice",
        "objection_received",
    ]
    assert decision.case is not None
    assert next_wake(decision.case, ground().policy) == NOW + timedelta(hours=24)


def test_a_question_how_it_stands_is_no_objection() -> None:
    rejected = case(status=Status.REJECTED, ended_at=NOW, rejected_by=1)
    assert decide(rejected, wrote("status?"), NOW, ground()).result == "answered:status"


def test_nothing_is_upheld_that_nobody_objected_to() -> None:
    by = OfficerBy(officer_id=2, name="B", post="cmo-desk", role=Role.CMO_DESK)
    with pytest.raises(ActRefused):
        decide(case(status=Status.REJECTED, ended_at=NOW), ObjectionRefused(by=by), NOW, ground())


def test_the_history_says_who_decided(office: Office) -> None:
    second_clerk(office)
    office.press("Second", CMO, token(objected(office), "It stays so"))
    with reading(office.engine) as conn:
        kinds = conn.scalars(sa.select(events.c.kind).order_by(events.c.id)).all()
    assert [kind for kind in kinds if "object" in kind] == ["objected", "objection_refused"]
