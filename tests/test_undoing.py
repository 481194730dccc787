"""Taken back within a minute, on both databases: by who did it, once, while nobody was told and nothing else happened."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from officers_stage import HISAR, Office, labels, token

from store.db import reading, writing
from store.outbound import Outgoing
from store.tables import drafts, events, holdings, outbox, satisfaction, tickets
from store.tables import labels as told
from store.vocabulary import OutgoingAct

MINUTE = timedelta(seconds=60)


@pytest.fixture
def office(engine: sa.Engine) -> Office:
    office = Office(engine)
    office.complain("Hisar")
    return office


def row(office: Office) -> Any:
    with reading(office.engine) as conn:
        return conn.execute(sa.select(tickets)).one()


def edited(answers: list[Outgoing]) -> Outgoing:
    return next(one for one in answers if one.act is OutgoingAct.EDIT)


def disposed(office: Office) -> Outgoing:
    """The notice after a report was sent."""
    preview, *_ = office.reply("Nodal Hisar", HISAR, office.notice(), "The pump was repaired today.")
    return edited(office.press("Nodal Hisar", HISAR, token(preview, "Send")))


def forwarded(office: Office) -> Outgoing:
    """The notice after the ticket was sent to another office."""
    where, _ = office.press("Nodal Hisar", HISAR, token(office.notice(), "Forward"))
    return edited(office.press("Nodal Hisar", HISAR, token(where, "PWD (B&R)")))


def said(office: Office, template: str) -> list[str]:
    with reading(office.engine) as conn:
        return list(conn.scalars(sa.select(outbox.c.state).where(outbox.c.template == template).order_by(outbox.c.id)))


def test_a_disposal_is_taken_back_before_the_citizen_reads_it(office: Office) -> None:
    before = row(office)
    notice = disposed(office)
    with reading(office.engine) as conn:
        waits = conn.execute(sa.select(outbox.c.next_attempt_at).where(outbox.c.template == "result")).scalar_one()
    assert waits - office.now == MINUTE, "the citizen reads nothing while it can be taken back"
    office.now += timedelta(seconds=59)
    answers = office.press("Nodal Hisar", HISAR, token(notice, "Undo"))
    assert any(one.text.startswith("Taken back") for one in answers)
    assert row(office)._mapping == before._mapping
    assert said(office, "result") == ["cancelled"]
    with reading(office.engine) as conn:
        assert conn.scalars(sa.select(satisfaction.c.cycle)).all() == []
        assert conn.scalars(sa.select(drafts.c.used_at)).all() == [None]
    again = disposed(office)
    assert row(office).disposal_count == 1
    assert "Undo" in labels(again)
    assert said(office, "result") == ["cancelled", "pending"], "the second answer is said"
    with reading(office.engine) as conn:
        assert conn.scalars(sa.select(satisfaction.c.cycle)).all() == [1]


def test_a_forward_comes_back_as_it_was(office: Office) -> None:
    before = row(office)
    theirs, notice = office.notice(), forwarded(office)
    assert row(office).department == "pwd"
    office.press("Nodal Hisar", HISAR, token(notice, "Undo"))
    after = row(office)
    assert (after.department, after.owner_post, after.due_at) == (before.department, before.owner_post, before.due_at)
    assert (after.forward_count, after.turn) == (0, 3)
    assert said(office, "routed") == ["cancelled"]
    (toast,) = office.press("Nodal Hisar", HISAR, token(theirs, "Accept"))
    assert toast.text.startswith("This button is old"), "a new turn: the newest notice counts"
    office.press("Nodal Hisar", HISAR, token(office.notice(), "Accept"))
    assert row(office).status == "accepted"
    with reading(office.engine) as conn:
        assert conn.scalars(sa.select(told.c.id)).all() == [], "a slip teaches nothing"
        assert conn.scalars(sa.select(events.c.kind)).all().count("undone") == 1


@pytest.mark.parametrize("act", [disposed, forwarded])
def test_not_after_the_minute_and_not_twice(office: Office, act: Any) -> None:
    notice = act(office)
    office.now += MINUTE + timedelta(seconds=1)
    acted = row(office)
    (toast,) = office.press("Nodal Hisar", HISAR, token(notice, "Undo"))
    assert toast.text.startswith("It cannot be taken back any more")
    assert row(office) == acted


def test_a_second_press_changes_nothing(office: Office) -> None:
    notice = disposed(office)
    office.press("Nodal Hisar", HISAR, token(notice, "Undo"))
    undone = row(office)
    (toast,) = office.press("Nodal Hisar", HISAR, token(notice, "Undo"))
    assert toast.text.startswith("It cannot be taken back any more")
    assert row(office) == undone


def test_only_who_did_it_takes_it_back(office: Office) -> None:
    notice = disposed(office)
    acted = row(office)
    for who, told_them in (
        ("Head", "Only who did it"),
        ("Nodal Karnal", "Only who did it"),
        ("Viewer", "Only who did it"),
        (None, "You are not linked"),
    ):
        (toast,) = office.press(who, HISAR, token(notice, "Undo"))  # type: ignore[arg-type]
        assert toast.text.startswith(told_them)
    assert row(office) == acted


def test_not_when_the_words_are_on_their_way(office: Office) -> None:
    notice = disposed(office)
    with writing(office.engine) as conn:
        going = {"state": "sending", "sending_at": office.now, "epoch": 1}
        conn.execute(outbox.update().where(outbox.c.template == "result").values(**going))
    acted = row(office)
    (toast,) = office.press("Nodal Hisar", HISAR, token(notice, "Undo"))
    assert toast.text.startswith("It cannot be taken back any more")
    assert row(office) == acted


def test_words_in_the_shadow_are_taken_back_for_good(office: Office) -> None:
    notice = disposed(office)
    with writing(office.engine) as conn:
        conn.execute(outbox.update().where(outbox.c.template == "result").values(state="held"))
    office.press("Nodal Hisar", HISAR, token(notice, "Undo"))
    assert said(office, "result") == ["cancelled"], "nobody can let them out any more"


def test_not_when_the_chair_was_lost_in_the_minute(office: Office) -> None:
    notice = disposed(office)
    acted = row(office)
    with writing(office.engine) as conn:
        elsewhere = holdings.update().where(holdings.c.post == "phed-hisar").values(post="phed-karnal")
        conn.execute(elsewhere)
    (toast,) = office.press("Nodal Hisar", HISAR, token(notice, "Undo"))
    assert toast.text == "This complaint is not with your office."
    assert row(office) == acted


def test_not_when_the_citizen_has_spoken_since(office: Office) -> None:
    notice = disposed(office)
    office.say("c1", "abhi bhi pani nahi aa raha")
    heard = row(office)
    (toast,) = office.press("Nodal Hisar", HISAR, token(notice, "Undo"))
    assert toast.text.startswith("It cannot be taken back any more")
    assert row(office) == heard


def test_a_plan_is_taken_back(office: Office) -> None:
    before = row(office)
    choices, _ = office.press("Nodal Hisar", HISAR, token(office.notice(), "More..."))
    asked, _ = office.press("Nodal Hisar", HISAR, token(choices, "Plan for a day"))
    notice = edited(office.reply("Nodal Hisar", HISAR, asked, "15 December, the new pump comes then"))
    office.press("Nodal Hisar", HISAR, token(notice, "Undo"))
    assert row(office)._mapping == before._mapping
    assert said(office, "planned") == ["cancelled"]
