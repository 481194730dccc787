"""Many complaints on one outage: linked as they come, shown to the office once, answered by one act, each by itself."""

from __future__ import annotations

import re
import threading
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from handlers.desk.batch import Desk
from handlers.policy import Policy
from handlers.reach import Reach
from store.db import reading
from store.outbound import Outgoing
from store.payloads import outgoing_from_json
from store.tables import buttons, events, incidents, outbox, satisfaction, tickets
from store.vocabulary import Outcome, OutgoingAct, Status
from tests.officers_stage import HISAR, NUMBER, Office, labels, numbers, token

TWELVE, OTHER = "Hisar sector 12", "Hisar sector 13"


@pytest.fixture
def office(engine: sa.Engine) -> Office:
    return Office(engine)


def rows(office: Office) -> list[Any]:
    with reading(office.engine) as conn:
        return list(conn.execute(sa.select(tickets).order_by(tickets.c.id)))


def together(office: Office) -> list[list[int]]:
    """The tickets that are linked, by incident; those alone in theirs left out."""
    found: dict[int, list[int]] = {}
    for at, row in enumerate(rows(office)):
        if row.incident_id is not None:
            found.setdefault(row.incident_id, []).append(at)
    return [one for one in found.values() if len(one) > 1]


def told(office: Office, template: str, *, edits: bool = False) -> list[Outgoing]:
    with reading(office.engine) as conn:
        query = sa.select(outbox.c.payload).where(outbox.c.template == template).order_by(outbox.c.id)
        found = [outgoing_from_json(payload) for payload in conn.scalars(query)]
    return [one for one in found if (one.act is OutgoingAct.EDIT) is edits]


def kinds(office: Office, ticket_id: int) -> list[str]:
    with reading(office.engine) as conn:
        return list(conn.scalars(sa.select(events.c.kind).where(events.c.ticket_id == ticket_id).order_by(events.c.id)))


def button_of(office: Office, ticket_id: int, act: str) -> str:
    with reading(office.engine) as conn:
        query = sa.select(buttons.c.token).where(buttons.c.ticket_id == ticket_id, buttons.c.act == act)
        return str(conn.scalars(query.order_by(buttons.c.created_at.desc())).first())


def answer(office: Office, text: str = "Pump repaired, supply is on.") -> list[Outgoing]:
    """The officer replies under the first notice and confirms the preview."""
    preview = office.reply("Nodal Hisar", HISAR, told(office, "notice")[0], text)[0]
    return office.press("Nodal Hisar", HISAR, token(preview, "Send"))


# -- linking -----------------------------------------------------------------------------------------------------------------


def test_one_colony_is_one_notice_and_another_sector_its_own(office: Office) -> None:
    office.complain(TWELVE, 3)
    office.complain(OTHER)
    office.complain("Karnal sector 12")
    assert together(office) == [[0, 1, 2]]
    notices = told(office, "notice")
    assert len(notices) == 3
    assert "3 people have reported this" in notices[0].text or told(office, "notice", edits=True)
    assert len({row.number for row in rows(office)}) == 5


def test_the_notice_grows_by_editing_itself_and_names_the_others(office: Office) -> None:
    for _ in range(3):
        office.complain(TWELVE)
    all_of_them = [row.number for row in rows(office)]
    edits = told(office, "notice", edits=True)
    assert len(told(office, "notice")) == 1
    assert "people have reported" not in told(office, "notice")[0].text
    assert "3 people have reported this" in edits[-1].text
    assert set(NUMBER.findall(edits[-1].text)) == set(all_of_them)
    with reading(office.engine) as conn:
        edits_of = sa.select(outbox.c.state).where(outbox.c.supersede_key.is_not(None)).order_by(outbox.c.id)
        states = list(conn.scalars(edits_of))
    assert states == ["superseded", "pending"]  # a storm of growth is one edit


def test_the_citizens_hear_how_many_others_there_are_and_the_first_nothing(office: Office) -> None:
    for _ in range(3):
        office.complain(TWELVE)
    replies = [one.text for one in told(office, "received_routed")]
    assert len(replies) == 3
    assert not re.search("vyakti|logon ne", replies[0])
    assert "Ek aur vyakti ne bhi yahi bataya hai." in replies[1]
    assert "2 aur logon ne bhi yahi bataya hai." in replies[2]


def test_each_ticket_has_a_clock_of_its_own_and_stands_in_its_history_as_linked(office: Office) -> None:
    office.complain(TWELVE)
    office.now += timedelta(hours=5)
    office.complain(TWELVE)
    first, second = rows(office)
    assert second.due_at - first.due_at == timedelta(hours=5)
    assert "linked" in kinds(office, second.id)
    assert "linked" not in kinds(office, first.id)


def test_after_three_days_or_an_answer_a_new_complaint_begins_anew(office: Office) -> None:
    office.complain(TWELVE)
    answer(office)
    office.complain(TWELVE)
    assert together(office) == []
    office.now += timedelta(hours=73)
    office.complain(TWELVE)
    assert together(office) == []
    assert len(told(office, "notice")) == 3


def test_an_urgent_one_stands_alone_with_its_own_notice(office: Office) -> None:
    office.complain(TWELVE, 2)
    office.complain("Hisar sector 12", words="me pani ke tank me baccha gir gaya, jaan khatre me hai, bachao")
    assert rows(office)[2].urgent
    assert rows(office)[2].incident_id is None
    assert together(office) == [[0, 1]]


def test_linking_asks_the_tables_no_more_for_many_than_for_one(office: Office) -> None:
    seen: list[str] = []

    def listen(_conn: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if re.search(r"\b(FROM|INTO|UPDATE) incidents\b|tickets.incident_id IN", statement):
            seen.append(statement)

    office.complain(TWELVE)
    sa.event.listen(office.engine, "before_cursor_execute", listen)
    office.complain(TWELVE, 2)
    few = len(seen)
    seen.clear()
    office.complain(TWELVE, 30)
    sa.event.remove(office.engine, "before_cursor_execute", listen)
    assert together(office) == [list(range(33))]
    assert len(seen) == few


def test_two_workers_make_one_incident_of_one_outage(postgres_engine: sa.Engine) -> None:
    office = Office(postgres_engine)
    desks = [Desk(postgres_engine, lambda: office.now, Policy()) for _ in range(4)]
    office.decide = lambda: None  # type: ignore[method-assign]
    office.complain(TWELVE, 24)
    office.complain(OTHER, 12)

    def work(desk: Desk) -> None:
        while desk.decide_batch(2):
            pass

    workers = [threading.Thread(target=work, args=(desk,)) for desk in desks]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    Office.decide(office)
    assert sum(desk.parked for desk in desks) == 0
    assert sorted(len(one) for one in together(office)) == [12, 24]
    assert len(told(office, "notice")) == 2
    with reading(postgres_engine) as conn:
        assert conn.scalar(sa.select(sa.func.count()).select_from(incidents)) == 2


# -- one act for all ---------------------------------------------------------------------------------------------------------


def test_one_answer_reaches_everybody_each_with_the_own_number(office: Office) -> None:
    for _ in range(3):
        office.complain(TWELVE)
    first = told(office, "notice")[0]
    preview = office.reply("Nodal Hisar", HISAR, first, "Pump repaired, supply is on.")[0]
    assert "3 people will read it" in preview.text
    toast = office.press("Nodal Hisar", HISAR, token(preview, "Send"))[-1]
    toasts = told(office, "toast")
    assert "So is it for 2 more who report the same." in toasts[-1].text
    assert toast is not None
    results = told(office, "result")
    assert sorted(NUMBER.findall(one.text)[0] for one in results) == sorted(row.number for row in rows(office))
    assert {row.status for row in rows(office)} == {Status.DISPOSED}
    assert all("disposed" in kinds(office, row.id) for row in rows(office))
    with reading(office.engine) as conn:
        assert conn.scalar(sa.select(sa.func.count()).select_from(satisfaction)) == 3


def test_the_same_press_again_changes_nothing(office: Office) -> None:
    office.complain(TWELVE, 3)
    preview = office.reply("Nodal Hisar", HISAR, told(office, "notice")[0], "Pump repaired.")[0]
    send = token(preview, "Send")
    office.press("Nodal Hisar", HISAR, send)
    before = rows(office)
    office.press("Nodal Hisar", HISAR, send)
    assert rows(office) == before
    assert len(told(office, "result")) == 3


def test_accepting_accepts_all_and_a_late_comer_too(office: Office) -> None:
    office.complain(TWELVE, 2)
    accept = button_of(office, rows(office)[0].id, "accept")
    office.press("Nodal Hisar", HISAR, accept)
    assert [row.status for row in rows(office)] == [Status.ACCEPTED, Status.ACCEPTED]
    office.complain(TWELVE)
    assert rows(office)[2].status == Status.ASSIGNED
    office.press("Nodal Hisar", HISAR, accept)
    assert rows(office)[2].status == Status.ACCEPTED
    assert "It is already accepted." in office.press("Nodal Hisar", HISAR, accept)[0].text


def test_one_that_ended_meanwhile_is_left_out_and_counted(office: Office) -> None:
    office.complain(TWELVE, 3)
    preview = office.reply("Nodal Hisar", HISAR, told(office, "notice")[0], "Pump repaired.")[0]
    office.now += timedelta(minutes=5)
    citizen_says(office, 1, "meri shikayat wapas leta hu")
    assert rows(office)[1].status == Status.WITHDRAWN
    office.press("Nodal Hisar", HISAR, token(preview, "Send"))
    assert "for 1 more who report the same. 1 left out" in told(office, "toast")[-1].text
    assert [row.status for row in rows(office)] == [Status.DISPOSED, Status.WITHDRAWN, Status.DISPOSED]


def test_forwarding_forwards_all_and_they_stay_together(office: Office) -> None:
    office.complain(TWELVE, 3)
    forward = button_of(office, rows(office)[0].id, "forward")
    choice = office.press("Nodal Hisar", HISAR, forward)[0]
    office.press("Nodal Hisar", HISAR, token(choice, "Police"))
    assert {row.department for row in rows(office)} == {"police"}
    assert len({row.incident_id for row in rows(office)}) == 1
    assert len(told(office, "notice")) == 2


def test_when_the_leading_one_ends_the_next_speaks_for_the_rest(office: Office) -> None:
    office.complain(TWELVE, 3)
    office.now += timedelta(minutes=5)
    citizen_says(office, 0, "meri shikayat wapas leta hu")
    notices = told(office, "notice")
    assert len(notices) == 2
    assert rows(office)[1].number in notices[1].text
    office.press("Nodal Hisar", HISAR, token(notices[1], "Accept"))
    assert [row.status for row in rows(office)] == [Status.WITHDRAWN, Status.ACCEPTED, Status.ACCEPTED]


# -- reopening and what is different ---------------------------------------------------------------------------------------


def test_only_the_one_who_is_not_satisfied_reopens_with_an_own_notice(office: Office) -> None:
    office.complain(TWELVE, 3)
    answer(office)
    office.now += timedelta(hours=1)
    citizen_says(office, 1, "nahi, ek boond bhi nahi aayi")
    assert [row.status for row in rows(office)] == [Status.DISPOSED, Status.ASSIGNED, Status.DISPOSED]
    assert rows(office)[1].incident_id is None
    assert rows(office)[1].number in told(office, "notice")[-1].text
    citizen_says(office, 0, "haan ho gaya")
    assert rows(office)[0].outcome == Outcome.SATISFIED
    office.press("Nodal Hisar", HISAR, token(told(office, "notice")[-1], "Accept"))
    assert rows(office)[2].status == Status.DISPOSED


@pytest.mark.parametrize(
    "words",
    [
        "mera alag hai",
        "meri samasya alag hai",
        "not the same, mine is a different street",
        "ye wo wali nahi hai, dusri gali hai",
        "मेरी शिकायत अलग है",
        "ਮੇਰੀ ਗੱਲ ਵੱਖਰੀ ਹੈ",
        "sector 12 nahi, sector 17 hai",
    ],
)
def test_a_citizen_says_that_theirs_is_different(office: Office, words: str) -> None:
    office.complain(TWELVE, 3)
    before = rows(office)[1]
    office.now += timedelta(minutes=5)
    citizen_says(office, 1, words)
    after = rows(office)[1]
    assert after.incident_id is None
    assert after.stands_apart
    assert (after.status, after.due_at, after.turn) == (before.status, before.due_at, before.turn)
    assert together(office) == [[0, 2]]
    assert after.number in told(office, "notice")[-1].text
    assert "Accept" in labels(told(office, "notice")[-1])
    assert len(told(office, "set_apart")) == 1
    answer(office)
    assert [row.status for row in rows(office)] == [Status.DISPOSED, Status.ASSIGNED, Status.DISPOSED]


def test_ordinary_additions_stay_with_the_others(office: Office) -> None:
    office.complain(TWELVE, 2)
    office.now += timedelta(minutes=5)
    citizen_says(office, 1, "bacche pareshan hai, jaldi karo")
    assert together(office) == [[0, 1]]
    assert told(office, "set_apart") == []


def test_the_officer_takes_one_out_from_the_notice(office: Office) -> None:
    for _ in range(3):
        office.complain(TWELVE)
    shown = told(office, "notice", edits=True)[-1]
    choice = office.press("Nodal Hisar", HISAR, token(shown, "One is different..."))[0]
    assert len(labels(choice)) == 3
    number = rows(office)[2].number
    office.press("Nodal Hisar", HISAR, token(choice, f"Different: {number}"))
    assert together(office) == [[0, 1]]
    assert number in told(office, "notice")[-1].text
    assert "split_off" in kinds(office, rows(office)[2].id)


def test_the_officer_takes_the_leading_one_out_and_the_rest_gets_a_notice(office: Office) -> None:
    for _ in range(3):
        office.complain(TWELVE)
    number = rows(office)[0].number
    card = office.write("Nodal Hisar", HISAR, f"/ticket {number}")[0]
    office.press("Nodal Hisar", HISAR, token(card, f"Different: {number}"))
    assert together(office) == [[1, 2]]
    notices = told(office, "notice")
    assert len(notices) == 2
    assert rows(office)[1].number in notices[1].text
    assert "2 people have reported this" in notices[1].text
    assert "people have reported" not in told(office, "notice", edits=True)[-1].text


def test_the_card_of_a_linked_one_says_who_speaks_for_it_and_answers_it_alone(office: Office) -> None:
    office.complain(TWELVE, 3)
    first, second, _ = rows(office)
    card = office.write("Nodal Hisar", HISAR, f"/ticket {second.number}")[0]
    assert f"The notice of {first.number} speaks for all" in card.text
    preview = office.reply("Nodal Hisar", HISAR, card, "Your own tap was closed; opened.")[0]
    assert "will read it" not in preview.text
    office.press("Nodal Hisar", HISAR, token(preview, "Send"))
    assert [row.status for row in rows(office)] == [Status.ASSIGNED, Status.DISPOSED, Status.ASSIGNED]


# -- lists and time ----------------------------------------------------------------------------------------------------------


def test_a_list_shows_them_once_with_their_number(office: Office) -> None:
    office.complain(TWELVE, 3)
    office.complain(OTHER)
    pending = office.write("Nodal Hisar", HISAR, "/pending")
    assert numbers(pending) == [rows(office)[0].number, rows(office)[3].number]
    assert "Waiting: 2" in pending[0].text
    assert "3 people" in pending[0].text


def test_a_reminder_comes_once_for_all_and_every_clock_runs(office: Office) -> None:
    office.complain(TWELVE, 5)
    office.now = rows(office)[0].due_at + timedelta(minutes=1)
    while office.desk.hear_time():
        pass
    assert len(told(office, "reminder")) == 1
    assert len(told(office, "escalated")) == 1
    assert all("escalated" in kinds(office, row.id) for row in rows(office))


def citizen_says(office: Office, at: int, text: str) -> None:
    """The writer of the `at`-th complaint answers under it."""
    row = rows(office)[at]
    with reading(office.engine) as conn:
        author = conn.scalar(sa.text("SELECT author_id FROM accounts WHERE id = :id"), {"id": row.account_id})
    office.say(str(author), text, thread_id=row.thread_id)


# -- while the office goes live step by step -------------------------------------------------------------------------------


def test_what_nobody_reads_speaks_for_nobody(office: Office) -> None:
    office.desk = Desk(office.engine, lambda: office.now, Policy(reach=Reach(silent=True)))
    office.complain(TWELVE, 2)
    assert {row.incident_id for row in rows(office)} == {None}
    office.desk = Desk(office.engine, lambda: office.now, Policy())
    office.complain(TWELVE, 2)
    assert together(office) == [[2, 3]]
    with reading(office.engine) as conn:
        pending = sa.select(outbox.c.ticket_id).where(outbox.c.template == "notice", outbox.c.state == "pending")
        assert list(conn.scalars(pending)) == [rows(office)[2].id]


def test_one_whose_leader_fell_silent_takes_nobody_in(office: Office) -> None:
    office.complain(TWELVE)
    office.desk = Desk(office.engine, lambda: office.now, Policy(reach=Reach(silent=True)))
    citizen_says(office, 0, "bacche pareshan hai, jaldi karo")
    office.desk = Desk(office.engine, lambda: office.now, Policy())
    office.complain(TWELVE)
    assert together(office) == []
    assert len(told(office, "notice")) == 2
