"""More time, on both databases: asked for with a reason, granted by the next officer up, once."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa
from core_office import case
from officers_stage import HISAR, KARNAL, NOW, Office, labels, token

from handlers.desk.notices import for_chat
from handlers.facts import Facts
from handlers.render import render
from store.db import reading, writing
from store.outbound import Outgoing
from store.tables import events, tickets
from store.vocabulary import Language, OutgoingAct, Sensitivity

WHY = "5 days, the pump must come from Faridabad"


@pytest.fixture
def office(engine: sa.Engine) -> Office:
    office = Office(engine)
    office.complain("Hisar")
    return office


def due(office: Office) -> datetime:
    with reading(office.engine) as conn:
        found: datetime = conn.execute(sa.select(tickets.c.due_at)).scalar_one()
        return found


def prompt(office: Office) -> Outgoing:
    asked, _ = office.press("Nodal Hisar", HISAR, token(office.notice(), "More time"))
    assert asked.force_reply
    return asked


def asked(office: Office) -> Outgoing:
    """What the next officer up reads."""
    up, told = office.reply("Nodal Hisar", HISAR, prompt(office), WHY)
    assert told.text.startswith("The next officer up is asked")
    assert up.thread_id == office.users["Head"]
    return up


def test_the_next_officer_up_grants_it(office: Office) -> None:
    before = due(office)
    request = asked(office)
    assert "Faridabad" in request.text
    assert labels(request) == ["समय दें", "न दें"]
    assert due(office) == before, "asking changes nothing"
    answers = office.press("Head", "private", token(request, "समय दें"))
    assert timedelta(days=5) <= due(office) - before <= timedelta(days=8)
    assert any("grants 5 more days" in one.text and one.thread_id == HISAR for one in answers)
    with reading(office.engine) as conn:
        kinds = conn.scalars(sa.select(events.c.kind)).all()
    assert [kind for kind in kinds if kind.startswith("time_")] == ["time_asked", "time_granted"]


def test_what_was_granted_once_is_not_granted_again(office: Office) -> None:
    request = asked(office)
    office.press("Head", "private", token(request, "समय दें"))
    granted = due(office)
    for label in ("समय दें", "न दें"):
        (toast,) = office.press("Head", "private", token(request, label))
        assert toast.act is OutgoingAct.ANSWER_PRESS
    assert due(office) == granted


def test_a_refusal_is_told_and_changes_nothing(office: Office) -> None:
    before, request = due(office), asked(office)
    answers = office.press("Head", "private", token(request, "न दें"))
    assert due(office) == before
    assert any("grants no more time" in one.text for one in answers)


def test_nobody_grants_it_to_themselves_or_from_elsewhere(office: Office) -> None:
    before, request = due(office), asked(office)
    (own,) = office.press("Nodal Hisar", HISAR, token(request, "समय दें"))
    assert own.text.startswith("More time is given by the next officer up")
    (foreign,) = office.press("Nodal Karnal", KARNAL, token(request, "समय दें"))
    assert foreign.text == "This complaint is not with your office."
    assert due(office) == before


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("the pump must come from Faridabad", "Please write how many days"),
        ("5 days", "Please write the reason too"),
        ("0 days because the pump is broken", "Please write how many days"),
        ("61 days because the pump is broken", "Please write how many days"),
        ("9999 days because the pump is broken", "Please write how many days"),
    ],
)
def test_days_and_a_reason_are_both_needed(office: Office, words: str, told: str) -> None:
    (answer,) = office.reply("Nodal Hisar", HISAR, prompt(office), words)
    assert answer.text.startswith(told)


def test_hindi_digits_and_words_are_read(office: Office) -> None:
    up, _ = office.reply("Nodal Hisar", HISAR, prompt(office), "३ दिन, मोटर फ़रीदाबाद से आनी है")
    assert "3 दिन" in up.text


def test_a_ticket_that_moved_on_gets_no_more_time(office: Office) -> None:
    request = asked(office)
    with writing(office.engine) as conn:
        conn.execute(tickets.update().values(status="triage"))
    before = due(office)
    (toast,) = office.press("Head", "private", token(request, "समय दें"))
    assert toast.act is OutgoingAct.ANSWER_PRESS
    assert due(office) == before


def test_a_group_reads_no_reason_of_a_sensitive_ticket() -> None:
    """Where no senior officer can be reached alone, the request goes to the CMO's group, by its number."""
    sensitive = case(sensitivity=Sensitivity.SENSITIVE)
    facts = Facts(number="HRY26-000001-0", officer="R. Lal", days=3, due_at=NOW, question="her statement is awaited")
    for chat, is_told in ((HISAR, False), ("7777", True)):
        text = render(Language.EN, "officer", "time_asked_notice", for_chat(facts, sensitive, chat))
        assert "R. Lal asks for 3 more days" in text
        assert ("statement" in text) is is_told
