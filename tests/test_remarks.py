"""Remarks of the Chief Minister's Office, on both databases: to a ticket, to an office, the answer, 24 hours, the digest."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from cmo_stage import CMO, HISAR, KARNAL, NOW, Office
from officers_stage import NUMBER

from bot.checking_cmo import cmo_findings
from bot.cli import main
from handlers.desk.remark_news import queue_reminders
from handlers.digest.editions import digest_text
from handlers.reach import EVERYBODY, Reach
from handlers.remarks import read_order
from handlers.understanding.taxonomy import taxonomy
from store import remarks
from store.db import reading, writing
from store.directory import load_directory
from store.outbound import Outgoing
from store.payloads import outgoing_from_json
from store.remarks import RemarksTold, RemarkTold
from store.tables import events, holdings, outbox, remark_answers, tickets
from store.tables import remarks as remarks_table
from store.vocabulary import DeskVerb, InGroups, Language, OutgoingAct

WORDS = "why is there no tanker yet, ring 9876543210"
HOUR = timedelta(hours=1)


@pytest.fixture
def office(engine: sa.Engine) -> Office:
    office = Office(engine)
    office.complain("Hisar")
    return office


def number(office: Office) -> str:
    with reading(office.engine) as conn:
        return conn.scalars(sa.select(tickets.c.number)).one()


def card(office: Office, who: str = "Viewer", chat: str = "private") -> Outgoing:
    """The ticket's card, as it is shown there."""
    return office.write(who, chat, f"/ticket {number(office)}")[0]


def split(answers: list[Outgoing], who: str) -> tuple[list[Outgoing], list[Outgoing]]:
    """What is told to others, and what to this chat; edits of the ticket's notice aside."""
    told = [one for one in answers if one.act is OutgoingAct.MESSAGE]
    return [one for one in told if one.thread_id != who], [one for one in told if one.thread_id == who]


def remark(office: Office, words: str = WORDS) -> Outgoing:
    """A viewer's remark on the only ticket: the message at the desk."""
    answers = office.reply("Viewer", "private", card(office), words)
    (told,), (said,) = split(answers, office.users["Viewer"])
    assert said.text.startswith("Your remark is with the office.")
    return told


def rows(office: Office) -> list[Any]:
    with reading(office.engine) as conn:
        return list(conn.execute(sa.select(remarks_table).order_by(remarks_table.c.id)))


def kinds(office: Office) -> list[str]:
    with reading(office.engine) as conn:
        kinds = conn.scalars(sa.select(events.c.kind).where(events.c.kind.like("remark%")).order_by(events.c.id))
        return list(kinds)


# -- to a ticket ---------------------------------------------------------------------------------------------------------


def test_a_viewers_reply_to_a_card_reaches_the_desk_as_a_remark(office: Office) -> None:
    told = remark(office)
    assert told.thread_id == HISAR
    assert told.text.startswith(f"<b>{number(office)}: CMO remark</b>\nFrom: OSD\n")
    assert "why is there no tanker yet" in told.text
    assert "9876543210" not in told.text
    assert "Tue 24 Nov, 10:30 am" in told.text
    assert not told.silent
    (kept,) = rows(office)
    assert "9876543210" not in kept.text
    assert (kept.answered_at, kept.due_at - kept.made_at) == (None, 24 * HOUR)
    assert kinds(office) == ["remarked"]
    with reading(office.engine) as conn:
        assert conn.scalars(sa.select(events.c.codes).where(events.c.kind == "remarked")).one() == '{"remark":"1"}'
        said = conn.scalars(sa.select(outbox.c.payload).where(outbox.c.recipient.like("x:%")))
        assert not [one for one in said if "tanker" in one], "the citizen never reads it"


@pytest.mark.parametrize("who", ["Viewer", "Clerk"])
def test_the_command_makes_a_remark_wherever_the_ticket_stands(office: Office, who: str) -> None:
    (told,), (said,) = split(office.reply(who, CMO, card(office, who, CMO), f"/remark {WORDS}"), CMO)
    assert (told.thread_id, "CMO remark" in told.text) == (HISAR, True)
    assert said.text.startswith("Your remark is with the office.")
    assert f"From: {'OSD' if who == 'Viewer' else 'CMO Desk'}" in told.text


def test_a_clerks_plain_reply_stays_a_report(office: Office) -> None:
    office.reply("Clerk", "private", card(office, "Clerk"), "The tanker came today and the line is mended.")
    assert rows(office) == []


def test_the_remark_goes_where_the_ticket_is_now(office: Office) -> None:
    shown = card(office)
    with writing(office.engine) as conn:
        conn.execute(tickets.update().values(owner_post="phed-karnal", district="Karnal"))
    (told,), _ = split(office.reply("Viewer", "private", shown, WORDS), office.users["Viewer"])
    assert told.thread_id == KARNAL
    (refused,) = office.reply("Nodal Hisar", KARNAL, told, "We know nothing of it.")
    assert refused.text == "This remark is for another office."


@pytest.mark.parametrize("who", ["Nodal Hisar", "Head", "Field Hisar", "Police Head"])
def test_nobody_else_makes_one(office: Office, who: str) -> None:
    (answer,) = office.reply(who, HISAR, office.notice(), f"/remark {WORDS}")
    assert answer.text == "Only the CMO can make a remark."
    (answer,) = office.write(None, HISAR, f"/remark power Hisar: {WORDS}")
    assert answer.text.startswith("You are not linked")
    assert rows(office) == []


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("/remark", "There are no words in that."),
        ("/remark   !!", "There are no words in that."),
        ("/remark " + "a" * 1001, "That is longer than 1,000 characters."),
    ],
)
def test_a_remark_without_words_or_with_too_many_is_told_so(office: Office, words: str, told: str) -> None:
    (answer,) = office.reply("Viewer", CMO, card(office, "Viewer", CMO), words)
    assert answer.text.startswith(told)
    assert rows(office) == []


def test_a_thousand_characters_are_kept_whole(office: Office) -> None:
    words = "ab " * 333 + "b"
    assert words in remark(office, words).text


# -- sensitive and restricted ------------------------------------------------------------------------------------------------


def test_a_viewer_remarks_on_no_sensitive_ticket(office: Office) -> None:
    shown = card(office)
    with writing(office.engine) as conn:
        conn.execute(tickets.update().values(sensitivity="sensitive", owner_post="phed-head"))
    (answer,) = office.reply("Viewer", "private", shown, WORDS)
    assert answer.text == "There is no complaint of that number that you may see."
    assert rows(office) == []


def test_a_sensitive_tickets_remark_goes_from_one_private_chat_to_another(office: Office) -> None:
    with writing(office.engine) as conn:
        conn.execute(tickets.update().values(sensitivity="sensitive", owner_post="phed-head"))
    shown = card(office, "Clerk")
    (told,), _ = split(office.reply("Clerk", "private", shown, f"/remark {WORDS}"), office.users["Clerk"])
    assert told.thread_id == office.users["Head"]
    answers = office.reply("Head", "private", told, "I have seen to it myself.")
    assert {one.thread_id for one in answers if one.act is OutgoingAct.MESSAGE} == {
        office.users["Clerk"],
        office.users["Head"],
    }


def test_in_a_group_nothing_is_remarked_on_a_sensitive_ticket(office: Office) -> None:
    shown = card(office, "Clerk", CMO)
    with writing(office.engine) as conn:
        conn.execute(tickets.update().values(sensitivity="sensitive", owner_post="phed-head"))
    (answer,) = office.reply("Clerk", CMO, shown, f"/remark {WORDS}")
    assert answer.text == "That is not possible in this chat."


def test_the_accused_office_never_reads_it(office: Office) -> None:
    shown, accused = card(office), card(office, "Clerk", HISAR)
    with writing(office.engine) as conn:
        conn.execute(tickets.update().values(sensitivity="restricted", owner_post="phed-head"))
    (told,), _ = split(office.reply("Viewer", "private", shown, WORDS), office.users["Viewer"])
    assert told.thread_id == office.users["Head"]
    (answer,) = office.reply("Clerk", HISAR, accused, f"/remark {WORDS}")
    assert answer.text == "That is not possible in this chat."


def test_of_a_matter_that_no_group_reads_the_words_go_to_the_officers_own_chats(office: Office) -> None:
    shown = card(office)
    hidden = next(code for code, one in taxonomy().categories.items() if one.in_groups is InGroups.NUMBER)
    with writing(office.engine) as conn:
        conn.execute(tickets.update().values(category=hidden, sensitivity="restricted"))
    (told,), _ = split(office.reply("Viewer", "private", shown, WORDS), office.users["Viewer"])
    assert told.thread_id == office.users["Nodal Hisar"]
    office.now += 24 * HOUR
    told_late = remind(office)
    assert set(told_late) == {office.users["Nodal Hisar"], office.users["Head"], CMO}
    assert "tanker" not in told_late[CMO]


# -- the answer --------------------------------------------------------------------------------------------------------------


def test_the_answer_goes_to_the_writer_and_closes_the_remark_once(office: Office) -> None:
    told = remark(office)
    office.now += 5 * HOUR
    (answer,), (said,) = split(office.reply("Nodal Hisar", HISAR, told, "Two tankers go there today."), HISAR)
    assert said.text == "Thank you. Your answer is on its way to the CMO."
    assert answer.thread_id == office.users["Viewer"]
    assert "Nodal Hisar (JE Hisar) answers the CMO remark" in answer.text
    assert "Two tankers go there today." in answer.text
    (kept,) = rows(office)
    assert kept.answered_at == office.now
    closed_at = office.now
    office.now += HOUR
    (more,), (said,) = split(office.reply("Head", HISAR, told, "And a third one tomorrow."), HISAR)
    assert said.text == "Thank you. It is added to the first answer."
    assert "adds to the answer" in more.text
    assert rows(office)[0].answered_at == closed_at
    assert kinds(office) == ["remarked", "remark_answered", "remark_added"]
    with reading(office.engine) as conn:
        kept = conn.execute(sa.select(remark_answers).order_by(remark_answers.c.id)).all()
        status = conn.scalars(sa.select(tickets.c.status)).one()
    assert [(one.post, one.at) for one in kept] == [("phed-hisar", closed_at), ("phed-head", office.now)]
    assert status == "assigned", "an answer to the CMO is no answer to the citizen"


@pytest.mark.parametrize("who", ["Nodal Karnal", "Field Hisar", "Viewer", None])
def test_only_who_may_act_for_the_ticket_answers(office: Office, who: str | None) -> None:
    told = remark(office)
    (answer,) = office.reply(who or "Nobody", HISAR, told, "It is done.")
    assert answer.text.startswith("You are not linked" if who is None else "This remark is for another office.")
    assert rows(office)[0].answered_at is None


def test_an_edit_changes_nothing_and_is_told_so(office: Office) -> None:
    told = remark(office)
    for who, chat, text, under in (
        ("Viewer", CMO, "/remark phed Hisar: the tank is empty", None),
        ("Nodal Hisar", HISAR, "It came at ten.", office.deliver(told)),
    ):
        update = office._update(who, chat, DeskVerb.EDITED, text=text, message_id="77", reply_to_id=under)
        (answer,) = office._answers(update)
        assert answer.text == "An edit changes nothing here. Please write it once more."
    assert len(rows(office)) == 1
    assert rows(office)[0].answered_at is None


def test_nobody_without_a_name_remarks_or_answers(office: Office) -> None:
    under = office.deliver(remark(office))
    for chat, text, to in ((CMO, "/remark phed Hisar: the tank is empty", None), (HISAR, "It came.", under)):
        update = office._update("Viewer", chat, DeskVerb.WROTE, text=text, message_id="78", reply_to_id=to)
        (answer,) = office._answers(replace(update, author=None, anonymous=True))
        assert answer.text == "Please write under your own name; we must know who acts."
    assert len(rows(office)) == 1


def test_an_answer_without_words_or_with_too_many_is_told_so(office: Office) -> None:
    told = remark(office)
    (answer,) = office.reply("Nodal Hisar", HISAR, told, "", photo=True)
    assert answer.text.startswith("There are no words in that.")
    (answer,) = office.reply("Nodal Hisar", HISAR, told, "x" * 1001)
    assert answer.text.startswith("That is longer than 1,000 characters.")
    assert rows(office)[0].answered_at is None


def test_a_note_for_colleagues_under_a_remark_is_no_answer(office: Office) -> None:
    (answer,) = (one for one in office.reply("Nodal Hisar", HISAR, remark(office), "/note ask the JE first")
                 if one.text == "Noted for your colleagues.")  # fmt: skip
    assert answer.thread_id == HISAR
    assert rows(office)[0].answered_at is None


def test_a_reply_to_the_answer_is_a_further_remark(office: Office) -> None:
    (answer,), _ = split(office.reply("Nodal Hisar", HISAR, remark(office), "Tomorrow."), HISAR)
    (told,), _ = split(office.reply("Viewer", "private", answer, "Why not today?"), office.users["Viewer"])
    assert (told.thread_id, "Why not today?" in told.text) == (HISAR, True)
    assert [one.answered_at is None for one in rows(office)] == [False, True]


# -- to an office --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "chat"),
    [
        ("/remark phed Hisar: the tank is empty", HISAR),
        ("/remark Public Health Karnal: the tank is empty", KARNAL),
        ("/remark जन स्वास्थ्य विभाग हिसार: टंकी खाली है", HISAR),
        ("/remark jan swasthya Hisar: tanki khaali hai", HISAR),
        ("/remark ਜਨ ਸਿਹਤ ਵਿਭਾਗ ਹਿਸਾਰ: ਟੈਂਕੀ ਖਾਲੀ ਹੈ", HISAR),
        ("/remark Hisar, PHED: the tank is empty", HISAR),
        ("/remark@smgt_bot phed Hisar:the tank is empty", HISAR),
        ("/remark phed: the tanks are empty", "Head"),
    ],
)
@pytest.mark.parametrize("where", [CMO, "private"])
def test_a_remark_to_an_office_reaches_who_would_own_a_complaint(
    office: Office, words: str, chat: str, where: str
) -> None:
    me = CMO if where == CMO else office.users["Viewer"]
    (told,), (said,) = split(office.write("Viewer", where, words), me)
    assert told.thread_id == office.users.get(chat, chat)
    assert words.partition(":")[2].strip() in told.text
    assert not NUMBER.search(told.text)
    assert said.text.startswith("Your remark is with the office.")
    assert kinds(office) == ["remarked"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("/remark", "Please reply to a complaint with /remark"),
        ("/remark please hurry", "Please reply to a complaint with /remark"),
        ("/remark navy Hisar: hurry", "There is no such department."),
        ("/remark : hurry", "There is no such department."),
        ("/remark Hisar: hurry", "There is no such department."),
        ("/remark phed Lahore: hurry", "There is no such district."),
        ("/remark phed Hisar:", "There are no words in that."),
        ("/remark phed Hisar: " + "a" * 1001, "That is longer than 1,000 characters."),
        ("/remark power Hisar: hurry", "Nobody of that office can be reached here yet."),
        ("/remark power: hurry", "Nobody of that office can be reached here yet."),
    ],
)
def test_what_an_order_lacks_is_said_in_one_sentence(office: Office, words: str, told: str) -> None:
    (answer,) = office.write("Viewer", CMO, words)
    assert answer.text.startswith(told)
    assert rows(office) == []


@pytest.mark.parametrize(
    ("head", "department", "district"),
    [
        ("higher education Rohtak", "higher_education", "Rohtak"),
        ("education Rohtak", "education", "Rohtak"),
        ("DHBVN Hisar", "power", "Hisar"),
        ("PWD (B&R), Ambala", "pwd", "Ambala"),
        ("Gurgaon power dept", "power", "Gurugram"),
        ("बिजली विभाग", "power", None),
    ],
)
def test_departments_are_known_by_every_name(head: str, department: str, district: str | None) -> None:
    order = read_order(f"/remark {head}: words")
    assert not isinstance(order, str)
    assert (order[0].department, order[0].district, order[1]) == (department, district, "words")


def test_the_office_answers_and_is_remarked_on_again(office: Office) -> None:
    (told,), _ = split(office.write("Viewer", CMO, "/remark phed Hisar: the tank is empty"), CMO)
    (refused,) = office.reply("Nodal Karnal", HISAR, told, "Not ours.")
    assert refused.text == "This remark is for another office."
    (answer,), _ = split(office.reply("Nodal Hisar", HISAR, told, "It is filled by six."), HISAR)
    assert answer.thread_id == office.users["Viewer"]
    assert "Public Health" in answer.text
    (told,), _ = split(office.reply("Viewer", "private", answer, "Thank you, and every day?"), office.users["Viewer"])
    assert told.thread_id == HISAR
    assert [one.answered_at is None for one in rows(office)] == [False, True]
    assert kinds(office) == ["remarked", "remark_answered", "remarked"]


def test_two_answers_at_once_close_it_once(office: Office) -> None:
    told = remark(office)
    with writing(office.engine) as conn:
        taken = remarks.take(conn, 1)
        assert taken is not None
        assert remarks.answer(conn, taken, "first", office.now, officer_id=taken.officer_id, post="phed-hisar")
        assert not remarks.answer(conn, taken, "second", office.now, officer_id=taken.officer_id, post="phed-hisar")
    _, (said,) = split(office.reply("Nodal Hisar", HISAR, told, "third"), HISAR)
    assert said.text == "Thank you. It is added to the first answer."


# -- 24 hours --------------------------------------------------------------------------------------------------------------


def remind(office: Office, reach: Reach = EVERYBODY) -> dict[str, str]:
    """What each chat is told now of remarks that wait; nothing but the tables is asked."""
    with writing(office.engine) as conn:
        before = conn.scalar(sa.select(sa.func.coalesce(sa.func.max(outbox.c.id), 0)))
        queue_reminders(conn, office.now, load_directory(conn, office.now), reach)
        found = conn.execute(sa.select(outbox).where(outbox.c.id > before)).all()
    return {one.recipient: outgoing_from_json(one.payload).text for one in found if one.state == "pending"}


def test_after_24_hours_the_desk_and_the_next_officer_up_are_reminded_once(office: Office) -> None:
    remark(office)
    with reading(office.engine) as conn:
        assert remarks.next_look(conn) == office.now + 24 * HOUR
    office.now += 24 * HOUR - timedelta(seconds=1)
    assert remind(office) == {}
    office.now += timedelta(seconds=1)
    told = remind(office)
    assert set(told) == {HISAR, office.users["Head"], CMO}
    assert told[HISAR].startswith(f"<b>{number(office)}: CMO remark, not answered in 24 hours</b>")
    assert "why is there no tanker yet" in told[office.users["Head"]]
    assert "has had no answer in 24 hours. Reminded: JE Hisar and Chief Engineer." in told[CMO]
    assert "tanker" not in told[CMO]
    office.now += 48 * HOUR
    assert remind(office) == {}
    assert kinds(office) == ["remarked", "remark_late"]
    with reading(office.engine) as conn:
        assert remarks.next_look(conn) is None


def test_the_reminder_is_answered_by_the_next_officer_up(office: Office) -> None:
    remark(office)
    office.now += 24 * HOUR
    remind(office)
    with reading(office.engine) as conn:
        query = sa.select(outbox.c.payload).where(outbox.c.recipient == office.users["Head"])
        reminder = outgoing_from_json(conn.scalars(query.order_by(outbox.c.id.desc()).limit(1)).one())
    (answer,), _ = split(office.reply("Head", "private", reminder, "Sent today."), office.users["Head"])
    assert answer.thread_id == office.users["Viewer"]
    assert rows(office)[0].answered_at == office.now


def test_what_was_answered_in_time_is_not_reminded_of(office: Office) -> None:
    office.reply("Nodal Hisar", HISAR, remark(office), "It came at nine.")
    office.now += 30 * HOUR
    assert remind(office) == {}


def test_an_offices_remark_goes_up_too(office: Office) -> None:
    office.write("Viewer", CMO, "/remark phed Hisar: the tank is empty")
    office.now += 25 * HOUR
    assert set(remind(office)) == {HISAR, office.users["Head"], CMO}


def test_above_a_departments_head_only_the_cmo_desk_hears_of_it(office: Office) -> None:
    office.write("Viewer", CMO, "/remark phed: all tanks are empty")
    office.now += 25 * HOUR
    told = remind(office)
    assert set(told) == {office.users["Head"], CMO}
    assert told[CMO].endswith("Reminded: Chief Engineer.")
    assert remind(office) == {}


def test_a_remark_on_what_nobody_owns_yet_is_the_cmo_desks(office: Office) -> None:
    shown = card(office)
    with writing(office.engine) as conn:
        change = {"owner_post": None, "department": None, "due_at": None, "assigned_at": None, "status": "triage"}
        conn.execute(tickets.update().values(**change))
    (told,), _ = split(office.reply("Viewer", "private", shown, WORDS), office.users["Viewer"])
    assert told.thread_id == CMO
    office.now += 24 * HOUR
    assert set(remind(office)) == {CMO}


def test_in_the_shadow_nobody_is_reminded(office: Office) -> None:
    remark(office)
    office.now += 24 * HOUR
    assert remind(office, Reach(silent=True)) == {}


def test_a_writer_who_has_left_is_answered_at_the_cmo_desk(office: Office) -> None:
    told = remark(office)
    with writing(office.engine) as conn:
        gone = rows(office)[0].officer_id
        conn.execute(holdings.update().where(holdings.c.officer_id == gone).values(to_at=office.now))
    office.now += HOUR
    (answer,), _ = split(office.reply("Nodal Hisar", HISAR, told, "It came at nine."), HISAR)
    assert answer.thread_id == CMO


# -- the digest, check and ticket --------------------------------------------------------------------------------------------


def told_of(office: Office) -> RemarksTold:
    """Of the day so far."""
    with reading(office.engine) as conn:
        return remarks.of_period(conn, NOW - 10 * HOUR, NOW + 14 * HOUR, now=office.now)


def test_the_digest_counts_remarks_and_tells_no_words(office: Office) -> None:
    assert not told_of(office)
    told = remark(office)
    office.write("Viewer", CMO, "/remark phed Karnal: the tank is empty")
    office.now += 6 * HOUR
    office.reply("Nodal Hisar", HISAR, told, "It came at nine.")
    office.now += 3 * HOUR
    found = told_of(office)
    assert (found.made, found.open, found.answered) == (
        2,
        (RemarkTold(None, "phed", "Karnal", 9.0),),
        (RemarkTold(number(office), None, None, 6.0),),
    )
    with reading(office.engine) as conn:
        text = digest_text(conn, NOW.date(), Language.EN, office.now)
    assert "<b>CMO remarks</b>\nMade 2, answered 1, open 1.\n" in text
    assert f"Open for: Public Health department, Karnal (9 hours).\nAnswered after: {number(office)} (6 hours)." in text
    assert "tank" not in text


def test_a_day_without_remarks_says_nothing_of_them(office: Office) -> None:
    with reading(office.engine) as conn:
        assert "remark" not in digest_text(conn, NOW.date(), Language.EN, office.now).lower()


def test_check_names_what_has_waited_longer_than_a_day(office: Office) -> None:
    remark(office)
    office.write("Viewer", CMO, "/remark phed Karnal: the tank is empty")
    office.now += 24 * HOUR
    assert [one for one in cmo_findings(office.engine, office.now) if one.area == "remark"] == []
    office.now += 6 * HOUR
    told = [one.text for one in cmo_findings(office.engine, office.now) if one.area == "remark"]
    assert len(told) == 2
    assert any(number(office) in one and "30 hours" in one for one in told)
    assert any("phed Karnal" in one for one in told)


def test_the_ticket_shows_its_remarks(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMGT_DATABASE_URL", office.engine.url.render_as_string(hide_password=False))
    told = remark(office)
    shown = CliRunner().invoke(main, ["ticket", number(office)]).output
    assert "What the Chief Minister's Office remarked" in shown
    assert "cmo-viewer: why is there no tanker yet" in shown
    assert "(open; due" in shown
    office.reply("Nodal Hisar", HISAR, told, "It came at nine.")
    shown = CliRunner().invoke(main, ["ticket", number(office)]).output
    assert "phed-hisar: It came at nine." in shown
    assert "(open; due" not in shown
    with writing(office.engine) as conn:
        conn.execute(tickets.update().values(sensitivity="sensitive"))
    assert "tanker" not in CliRunner().invoke(main, ["ticket", number(office), "--json"]).output
