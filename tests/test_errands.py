"""Field officers who are sent and offices that help, on both databases: one owner all the same."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
import sqlalchemy as sa
from officers_stage import HISAR, PWD, Office, labels, token

from store.db import reading, writing
from store.outbound import Outgoing
from store.payloads import outgoing_from_json
from store.tables import events, outbox, tickets
from store.vocabulary import OutgoingAct

DONE = "The valve was repaired and water is running since noon."


@pytest.fixture
def office(engine: sa.Engine) -> Office:
    office = Office(engine)
    office.complain("Hisar")
    return office


def more(office: Office, who: str = "Nodal Hisar") -> Outgoing:
    choices, _ = office.press(who, HISAR, token(office.notice(), "More..."))
    return choices


def sent(office: Office) -> Outgoing:
    """What the field officer reads when the nodal officer sends them."""
    whom, _ = office.press("Nodal Hisar", HISAR, token(more(office), "Send someone"))
    assert labels(whom) == ["JE Ward 5"], "only this department's field officers of this district"
    answers = office.press("Nodal Hisar", HISAR, token(whom, "JE Ward 5"))
    (notice,) = [one for one in answers if one.thread_id == office.users["Field Hisar"]]
    assert answers[-1].text.startswith("Sent; you hear from them here")
    return notice


def status(office: Office) -> str:
    with reading(office.engine) as conn:
        found: str = conn.execute(sa.select(tickets.c.status)).scalar_one()
        return found


def kinds(office: Office) -> list[str]:
    with reading(office.engine) as conn:
        return list(conn.scalars(sa.select(events.c.kind).order_by(events.c.id)))


# -- sent ----------------------------------------------------------------------------------------------------------------


def test_a_field_officer_reports_and_the_owner_answers(office: Office) -> None:
    notice = sent(office)
    assert "Nodal Hisar" in notice.text
    assert "pani nahi aa raha" in notice.text
    report, thanks = office.reply("Field Hisar", "private", notice, DONE, photo=True)
    assert report.thread_id == HISAR
    assert DONE in report.text
    assert "with a photo" in report.text
    assert thanks.text.startswith("धन्यवाद")
    assert status(office) == "assigned", "a report is not an answer"
    answers = office.press("Nodal Hisar", HISAR, token(report, "Send"))
    assert status(office) == "disposed"
    assert any(one.text.startswith("Your answer is on its way") for one in answers)
    assert any(one.thread_id == office.users["Field Hisar"] and "धन्यवाद" in one.text for one in answers), "it is over"
    with reading(office.engine) as conn:
        said = conn.scalars(sa.select(outbox.c.payload).where(outbox.c.template == "result")).one()
        disposed = conn.execute(sa.select(events.c.post).where(events.c.kind == "disposed")).scalar_one()
    assert "repaired" in said
    assert disposed == "phed-hisar", "the owner answers, not who was sent"


def test_a_report_that_is_not_good_enough_goes_back(office: Office) -> None:
    report, _ = office.reply("Field Hisar", "private", sent(office), "Looked at it, nothing there.", photo=True)
    answers = office.press("Nodal Hisar", HISAR, token(report, "Cancel"))
    assert any(one.thread_id == office.users["Field Hisar"] for one in answers)
    assert status(office) == "assigned"
    again, _ = office.reply("Field Hisar", "private", sent_again(office), DONE, photo=True)
    office.press("Nodal Hisar", HISAR, token(again, "Send"))
    assert status(office) == "disposed"


def sent_again(office: Office) -> Outgoing:
    """The message that told the field officer that nothing was sent."""
    with reading(office.engine) as conn:
        query = sa.select(outbox.c.payload).where(outbox.c.template == "not_approved").order_by(outbox.c.id.desc())
        return outgoing_from_json(conn.scalars(query.limit(1)).one())


def test_who_was_sent_cannot_answer_the_citizen(office: Office) -> None:
    notice = sent(office)
    report, _ = office.reply("Field Hisar", "private", notice, DONE, photo=True)
    for label in ("Send", "Cancel"):
        (toast,) = office.press("Field Hisar", "private", token(report, label))
        assert toast.act is OutgoingAct.ANSWER_PRESS
    for label in ("Accept", "Forward", "Done: answer", "More..."):
        (toast,) = office.press("Field Hisar", HISAR, token(office.notice(), label))
        assert toast.act is OutgoingAct.ANSWER_PRESS
    assert status(office) == "assigned"


def test_who_was_not_sent_cannot_report(office: Office) -> None:
    (answer,) = office.reply("Field Hisar", HISAR, office.notice(), DONE, photo=True)
    assert answer.text == "This complaint is not with your office."


def test_sending_them_twice_sends_them_once(office: Office) -> None:
    sent(office)
    whom, _ = office.press("Nodal Hisar", HISAR, token(more(office), "Send someone"))
    (toast,) = office.press("Nodal Hisar", HISAR, token(whom, "JE Ward 5"))
    assert toast.text == "They were sent already."
    assert kinds(office).count("marked") == 1


def test_they_work_under_the_same_clock(office: Office) -> None:
    sent(office)
    with reading(office.engine) as conn:
        due = conn.execute(sa.select(tickets.c.due_at)).scalar_one()
    office.now = due - timedelta(minutes=1)
    while office.desk.hear_time():
        pass
    with reading(office.engine) as conn:
        to = conn.scalars(sa.select(outbox.c.recipient).where(outbox.c.template == "reminder")).all()
    assert {HISAR, office.users["Field Hisar"]} <= set(to)


def test_a_forward_ends_the_errand(office: Office) -> None:
    notice = sent(office)
    where, _ = office.press("Nodal Hisar", HISAR, token(office.notice(), "Forward"))
    answers = office.press("Nodal Hisar", HISAR, token(where, "CMO desk"))
    assert any(one.thread_id == office.users["Field Hisar"] for one in answers)
    (answer,) = office.reply("Field Hisar", "private", notice, DONE, photo=True)
    assert answer.text == "यह शिकायत आपके कार्यालय के पास नहीं है।"


# -- helping -------------------------------------------------------------------------------------------------------------


def helped(office: Office, question: str = "Did your road work cut the pipe?") -> Outgoing:
    """What the helping office reads."""
    offices, _ = office.press("Nodal Hisar", HISAR, token(more(office), "Ask for help"))
    asked, _ = office.press("Nodal Hisar", HISAR, token(offices, "PWD (B&R)"))
    assert asked.force_reply
    answers = office.reply("Nodal Hisar", HISAR, asked, question)
    assert answers[-1].text.startswith("Asked; the answer comes here")
    (notice,) = [one for one in answers if one.thread_id == PWD]
    return notice


def test_another_office_helps_and_the_owner_stays(office: Office) -> None:
    notice = helped(office)
    assert "Did your road work cut the pipe?" in notice.text
    assert labels(notice) == []
    answers = office.reply("Nodal PWD", PWD, notice, "Yes, on Monday; repaired by us today.")
    assert [one.thread_id for one in answers if "on Monday" in one.text] == [HISAR]
    with reading(office.engine) as conn:
        assert conn.execute(sa.select(tickets.c.owner_post)).scalar_one() == "phed-hisar"
        assert not any("on Monday" in text for text in conn.scalars(citizens_words())), "the citizen reads none of it"
    (again,) = office.reply("Nodal PWD", PWD, notice, "One more thing.")
    assert again.text == "This complaint is not with your office."


def citizens_words() -> sa.Select[tuple[str]]:
    return sa.select(outbox.c.payload).where(outbox.c.recipient.like("x:%"))


def test_a_helper_cannot_act(office: Office) -> None:
    helped(office)
    for label in ("Accept", "Forward", "Done: answer"):
        (toast,) = office.press("Nodal PWD", PWD, token(office.notice(), label))
        assert toast.text == "This complaint is not with your office."


def test_an_office_is_asked_once_and_late_ones_are_asked_again(office: Office) -> None:
    helped(office)
    offices, _ = office.press("Nodal Hisar", HISAR, token(more(office), "Ask for help"))
    asked, _ = office.press("Nodal Hisar", HISAR, token(offices, "PWD (B&R)"))
    (answer,) = office.reply("Nodal Hisar", HISAR, asked, "And when?")
    assert answer.text == "That office was asked already."
    for _ in range(2):
        office.now += timedelta(days=5)
        while office.desk.hear_time():
            pass
    with reading(office.engine) as conn:
        told = conn.execute(
            sa.select(outbox.c.template, outbox.c.recipient).where(outbox.c.template.like("help%"))
        ).all()
    assert sorted(row for row in told if row[0] != "help_notice") == [
        ("help_late", HISAR), ("help_late", HISAR), ("help_reminder", PWD), ("help_reminder", PWD),
    ]  # fmt: skip


def test_an_office_without_anybody_cannot_help(office: Office) -> None:
    offices, _ = office.press("Nodal Hisar", HISAR, token(more(office), "Ask for help"))
    unheld = next(label for label in labels(offices) if label != "PWD (B&R)" and not label.startswith("Police"))
    asked, _ = office.press("Nodal Hisar", HISAR, token(offices, unheld))
    (answer,) = office.reply("Nodal Hisar", HISAR, asked, "Please look.")
    assert answer.text.startswith("Nobody of that office can be reached here")


def test_sensitive_matters_are_for_nobody_else(office: Office) -> None:
    choices = more(office)
    with writing(office.engine) as conn:
        conn.execute(tickets.update().values(sensitivity="restricted"))
    for label in ("Ask for help", "Send someone"):
        asked = next(one for one in office.press("Nodal Hisar", HISAR, token(choices, label)) if one.buttons)
        if label == "Ask for help":
            prompt, _ = office.press("Nodal Hisar", HISAR, token(asked, "PWD (B&R)"))
            (answer,) = office.reply("Nodal Hisar", HISAR, prompt, "Please look.")
        else:
            (answer,) = office.press("Nodal Hisar", HISAR, token(asked, "JE Ward 5"))
        assert answer.text == "This complaint is too sensitive to show to others."
    assert not {"marked", "help_asked"} & set(kinds(office))


# -- notes ---------------------------------------------------------------------------------------------------------------


def test_a_note_stands_on_the_notice_and_no_citizen_reads_it(office: Office) -> None:
    prompt, _ = office.press("Nodal Hisar", HISAR, token(more(office), "Note"))
    answers = office.reply("Nodal Hisar", HISAR, prompt, "Spoke to the contractor, call 98120 12345.")
    edited = next(one for one in answers if one.act is OutgoingAct.EDIT)
    assert "Spoke to the contractor" in edited.text
    assert not re.search(r"98120", edited.text), "what is personal is masked in a group"
    office.reply("Head", HISAR, office.notice(), "/note Please be quick")
    assert "noted" in kinds(office)
    with reading(office.engine) as conn:
        assert not any("contractor" in text or "quick" in text for text in conn.scalars(citizens_words()))
    assert status(office) == "assigned"
    (empty,) = office.reply("Nodal Hisar", HISAR, office.notice(), "/note")
    assert empty.text.startswith("There are no words")


def test_a_stranger_leaves_no_note(office: Office) -> None:
    (answer,) = office.reply("Nodal Karnal", HISAR, office.notice(), "/note hello")
    assert answer.text == "This complaint is not with your office."


# -- lists ---------------------------------------------------------------------------------------------------------------


def test_who_was_sent_finds_it_in_their_list_and_nothing_else(office: Office) -> None:
    office.complain("Hisar", 2)
    assert "HRY26" not in office.write("Field Hisar", "private", "/pending")[0].text
    sent(office)
    (listed,) = office.write("Field Hisar", "private", "/pending")
    (number,) = re.findall(r"HRY26-\d{6}-\d", listed.text)
    card = office.press("Field Hisar", "private", token(listed, number))[0]
    assert "pani nahi aa raha" in card.text
    assert labels(card) == [], "they look; acting is the owner's"
    assert office.write("Field Hisar", "private", f"/ticket {number}")[0].text.startswith(f"<b>{number}")
    where, _ = office.press("Nodal Hisar", HISAR, token(office.notice(), "Forward"))
    office.press("Nodal Hisar", HISAR, token(where, "CMO desk"))
    assert "HRY26" not in office.write("Field Hisar", "private", "/pending")[0].text


def test_a_helping_office_finds_it_in_its_group(office: Office) -> None:
    helped(office)
    assert "HRY26" in office.write("Nodal PWD", PWD, "/pending")[0].text


def test_the_notice_tells_what_the_same_writer_complained_of_before(office: Office) -> None:
    assert "before" not in office.notice().text
    with writing(office.engine) as conn:
        conn.execute(tickets.update().values(status="closed", outcome="satisfied", ended_at=office.now))
    office.now += timedelta(days=40)
    office.next_author = "c1"
    office.complain("Hisar")
    assert re.search(r"Complained of it before: HRY26-000001-\d \(.*, closed\)", office.notice().text)
