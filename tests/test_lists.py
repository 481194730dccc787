"""Lists on Telegram, on both databases: what waits, what is late, whose it is, what may be found, and who may look."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa
from officers_stage import CMO, HISAR, KARNAL, NUMBER, Office, labels, numbers, token

from handlers.desk.morning import next_morning_at, queue_morning_lists
from handlers.policy import Policy
from store.db import reading, writing
from store.directory import load_directory
from store.outbound import Outgoing
from store.payloads import outgoing_from_json, words_mark
from store.tables import outbox, tickets
from store.vocabulary import DeskVerb, OutgoingAct


@pytest.fixture
def office(engine: sa.Engine) -> Iterator[Office]:
    return Office(engine)


def test_a_desk_sees_what_waits_there_and_nothing_of_others(office: Office) -> None:
    office.complain("Hisar", 3)
    office.complain("Karnal", 2)
    (told,) = office.write("Nodal Hisar", HISAR, "/pending")
    assert told.text.startswith("<b>Waiting: 3</b>")
    assert len(set(NUMBER.findall(told.text))) == 3
    assert "Karnal" not in told.text
    assert "pani" not in told.text, "a list shows no citizen's words"
    assert office.write("Nodal Karnal", HISAR, "/pending")[0].text == "That is not possible in this chat."
    assert len(set(numbers(office.write("Nodal Hisar", "private", "/pending")))) == 3
    assert len(set(numbers(office.write("Head", "private", "/pending")))) == 5, "a head sees what waits beneath"
    assert office.write("Head", "private", "/mine")[0].text == "आपके पास कुछ बाकी नहीं है।"
    assert len(set(numbers(office.write("Head", KARNAL, "/pending@smgt_bot")))) == 2


@pytest.mark.parametrize("command", ["/pending", "/late", "/mine", "/find pani", "/stats"])
def test_strangers_and_viewers_of_nothing_are_refused(office: Office, command: str) -> None:
    office.complain("Hisar")
    (told,) = office.write(None, HISAR, command)
    assert told.text.startswith("You are not linked to a post yet.")
    (told,) = office.write("Police Head", HISAR, command)
    assert told.text == "That is not possible in this chat."


def test_pages_are_turned_in_place(office: Office) -> None:
    office.complain("Hisar", 23)
    (first,) = office.write("Nodal Hisar", HISAR, "/pending")
    assert "(1 to 10)" in first.text
    assert labels(first)[-1] == "Next"
    assert "Back" not in labels(first)
    seen = set(NUMBER.findall(first.text))
    page = first
    for span, turns in (("(11 to 20)", ["Back", "Next"]), ("(21 to 23)", ["Back"])):
        page, toast = office.press("Nodal Hisar", HISAR, token(page, "Next"))
        assert (page.act, toast.act) == (OutgoingAct.EDIT, OutgoingAct.ANSWER_PRESS)
        assert span in page.text
        assert labels(page)[-len(turns) :] == turns
        seen |= set(NUMBER.findall(page.text))
    assert len(seen) == 23
    (refused,) = office.press("Nodal Karnal", HISAR, token(page, "Back"))
    assert (refused.act, refused.text) == (OutgoingAct.ANSWER_PRESS, "That is not possible in this chat.")


def test_a_page_that_is_gone_shows_the_last_one(office: Office) -> None:
    office.complain("Hisar", 12)
    (first,) = office.write("Nodal Hisar", HISAR, "/pending")
    with writing(office.engine) as conn:
        conn.execute(tickets.update().where(tickets.c.id > tickets.c.id - 1).values(owner_post="phed-karnal"))
    page, _ = office.press("Nodal Hisar", HISAR, token(first, "Next"))
    assert page.text == "Nothing is waiting here."
    assert page.buttons == ()


def test_a_ticket_of_the_list_opens_with_its_buttons(office: Office) -> None:
    office.complain("Hisar", 2)
    (told,) = office.write("Nodal Hisar", HISAR, "/pending")
    number = numbers([told])[0]
    card, toast = office.press("Nodal Hisar", HISAR, token(told, number))
    assert toast.text == "Shown below."
    assert number in card.text
    assert labels(card) == ["Accept", "Ask citizen", "Done: answer", "Forward", "More time", "More..."]
    (accepted, *_) = [one for one in office.press("Nodal Hisar", HISAR, token(card, "Accept")) if one.press_id]
    assert accepted.text == "Accepted. It is with you."
    card, _ = office.press("Viewer", CMO, token(told, number))
    assert card.buttons == (), "a viewer looks and presses nothing"
    (refused,) = office.press("Nodal Karnal", HISAR, token(told, number))
    assert refused.text == "This complaint is not with your office."


def test_what_is_late_and_what_waits_for_the_citizen(office: Office) -> None:
    office.complain("Hisar", 2)
    assert office.write("Nodal Hisar", HISAR, "/late")[0].text == "Nothing is late here."
    office.now += timedelta(days=30)
    office.complain("Hisar")
    (told,) = office.write("Nodal Hisar", HISAR, "/late")
    assert told.text.startswith("<b>Late: 2</b>")
    assert "days late" in told.text
    assert "2 of them late" in office.write("Nodal Hisar", HISAR, "/pending")[0].text
    with writing(office.engine) as conn:
        conn.execute(tickets.update().values(paused_at=office.now))
    assert office.write("Nodal Hisar", HISAR, "/late")[0].text == "Nothing is late here."
    assert "the clock stands" in office.write("Nodal Hisar", HISAR, "/pending")[0].text


def test_words_and_places_are_found_as_far_as_one_may_see(office: Office) -> None:
    office.complain("Hisar", 2)
    office.complain("Karnal")
    office.complain("Hisar", words="me mandir ke paas pani nahi aa raha")
    assert len(set(numbers(office.write("Nodal Hisar", HISAR, "/find MANDIR")))) == 1
    assert len(set(numbers(office.write("Nodal Hisar", HISAR, "/find gali pani")))) == 3
    assert len(set(numbers(office.write("Head", "private", "/find karnal")))) == 1
    assert len(set(numbers(office.write("Clerk", CMO, "/find पानी")))) == 4, "a matter is found by its name"
    assert office.write("Nodal Hisar", HISAR, "/find 100%_sure")[0].text == "Nothing was found that you may see."


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("", "Please write what to look for"),
        ("ab", "Please write what to look for"),
        ("9812345678", "People are not searched for"),
        ("pani | nahi", "Please write what to look for"),
        ("pani|nahi", "That is too long to look for"),
        ("x" * 61, "That is too long to look for"),
    ],
)
def test_a_search_that_cannot_be_made_says_why(office: Office, words: str, told: str) -> None:
    assert office.write("Nodal Hisar", HISAR, f"/find {words}")[0].text.startswith(told)


def test_a_sensitive_ticket_is_listed_in_private_alone(office: Office) -> None:
    office.complain("Hisar", words="me meri patni ko ladke roz chhedte hain, mahila suraksha do")
    with reading(office.engine) as conn:
        (row,) = conn.execute(sa.select(tickets.c.number, tickets.c.owner_post, tickets.c.sensitivity))
    assert (row.owner_post, row.sensitivity) == ("police-head", "sensitive")
    (told,) = office.write("Police Head", "private", "/pending")
    assert row.number in told.text
    assert "हिसार" not in told.text
    for who in ("Clerk", "Viewer"):
        (told,) = office.write(who, CMO, f"/find {'patni'}")
        assert row.number not in told.text
    assert row.number not in office.write("Nodal Hisar", HISAR, "/find patni")[0].text


def test_figures_of_a_desk(office: Office) -> None:
    office.complain("Hisar", 3)
    (told,) = office.write("Nodal Hisar", HISAR, "/stats")
    assert told.text.splitlines()[:3] == ["<b>How this office stands</b>", "Waiting now: 3", "of them late: 0"]


# -- each morning ------------------------------------------------------------------------------------------------------


def morning(office: Office) -> list[tuple[str, Outgoing]]:
    """What is queued for the desks now: chat and message."""
    with writing(office.engine) as conn:
        before = conn.scalar(sa.select(sa.func.max(outbox.c.id))) or 0
        queued = queue_morning_lists(conn, office.now, load_directory(conn, office.now), Policy())
        rows = conn.execute(sa.select(outbox.c.recipient, outbox.c.payload).where(outbox.c.id > before)).all()
    assert queued == len(rows)
    return [(row.recipient, outgoing_from_json(row.payload)) for row in rows]


def test_each_desk_with_something_left_reads_it_once_in_the_morning(office: Office) -> None:
    office.complain("Hisar", 12)
    office.now = datetime(2026, 11, 24, 3, 29, tzinfo=UTC)  # a minute before nine
    assert morning(office) == []
    office.now += timedelta(minutes=1)
    ((chat, told),) = morning(office)
    assert chat == HISAR
    assert told.text.startswith("<b>Waiting: 12</b> (1 to 10)")
    assert morning(office) == [], "once a day"
    page, _ = office.press("Nodal Hisar", HISAR, token(told, "Next"))
    assert "(11 to 12)" in page.text
    office.now += timedelta(days=1)
    assert len(morning(office)) == 1
    assert next_morning_at(office.now, frozenset()) == office.now + timedelta(days=1)


@pytest.mark.parametrize(
    "moment",
    [
        datetime(2026, 11, 28, 6, tzinfo=UTC),  # a Saturday
        datetime(2026, 11, 24, 13, tzinfo=UTC),  # after the offices have closed
    ],
)
def test_no_list_goes_when_offices_are_closed(office: Office, moment: datetime) -> None:
    office.complain("Hisar")
    office.now = moment
    assert morning(office) == []


def test_lists_go_on_office_days_alone() -> None:
    friday = datetime(2026, 11, 27, 4, tzinfo=UTC)
    assert next_morning_at(friday, frozenset()) == datetime(2026, 11, 30, 3, 30, tzinfo=UTC)
    monday = frozenset({date(2026, 11, 30)})
    assert next_morning_at(friday, monday) == datetime(2026, 12, 1, 3, 30, tzinfo=UTC)


def test_a_ticket_in_the_shadow_is_in_no_list(office: Office) -> None:
    office.complain("Hisar", 2)
    with writing(office.engine) as conn:
        first = conn.scalar(sa.select(sa.func.min(tickets.c.id)))
        conn.execute(outbox.update().where(outbox.c.ticket_id == first).values(state="held", error_code="shadow"))
    office.now = datetime(2026, 11, 24, 3, 30, tzinfo=UTC)
    ((_, told),) = morning(office)
    assert told.text.startswith("<b>Waiting: 1</b>")
    assert office.write("Nodal Hisar", HISAR, "/pending")[0].text.startswith("<b>Waiting: 1</b>")


def test_a_city_magistrate_lists_and_counts_ordinary_tickets_of_the_district_alone(engine: sa.Engine) -> None:
    office = Office(engine, "cm-hisar,City Magistrate,district_nodal,,,Hisar,,Magistrate\n")
    office.complain("Hisar", 2)
    office.complain("Karnal")
    (told,) = office.write("Magistrate", "private", "/pending")
    assert len(set(numbers([told]))) == 2
    with writing(office.engine) as conn:
        newest = sa.select(sa.func.max(tickets.c.id)).where(tickets.c.district == "Hisar").scalar_subquery()
        conn.execute(tickets.update().where(tickets.c.id == newest).values(sensitivity="restricted"))
    assert len(set(numbers(office.write("Magistrate", "private", "/pending")))) == 1
    assert len(set(numbers(office.write("Magistrate", "private", "/find pani")))) == 1
    mine, heads = (office.write(who, "private", "/stats")[0].text for who in ("Magistrate", "Head"))
    assert mine == heads.replace(": 3", ": 1")
    assert len(set(numbers(office.write("Head", "private", "/pending")))) == 3


def test_what_was_reopened_twice_is_read_by_the_cmo_desk_and_the_head(office: Office) -> None:
    office.complain("Hisar", 3)
    office.complain("Karnal", 1)
    with reading(office.engine) as conn:
        ids = list(conn.scalars(sa.select(tickets.c.id).order_by(tickets.c.id)))
    with writing(office.engine) as conn:
        for ticket_id, count in zip(ids, (2, 1, 3, 2), strict=True):
            values = {"reopen_count": count, "disposal_count": count}
            conn.execute(tickets.update().where(tickets.c.id == ticket_id).values(**values))
        conn.execute(
            tickets.update()
            .where(tickets.c.id == ids[3])
            .values(status="closed", outcome="satisfied", ended_at=office.now)
        )
    (told,) = office.write("Clerk", CMO, "/reopened")
    assert told.text.startswith("<b>Reopened twice or more: 2</b>")
    assert "reopened 3x" in told.text.split("2.")[0], "the most often reopened comes first"
    assert len(set(numbers(office.write("Head", "private", "/reopened")))) == 2
    assert office.write("Police Head", "private", "/reopened")[0].text == "दो बार फिर खुली कोई शिकायत नहीं है।"
    (refused,) = office.write("Nodal Hisar", HISAR, "/reopened")
    assert refused.text == "The CMO desk and the heads of departments read this list."


# -- replies that are about no one complaint -------------------------------------------------------------------------------

NOTHING_TAKEN = (
    "Nothing was taken from that: please reply to the notice of one complaint. /pending shows what is waiting."
)


def test_a_report_under_a_list_or_a_lost_message_does_not_vanish(office: Office) -> None:
    office.complain("Hisar", 2)
    (listed,) = office.write("Nodal Hisar", HISAR, "/pending")
    assert [one.text for one in office.reply("Nodal Hisar", HISAR, listed, "Pump repaired.")] == [NOTHING_TAKEN]
    assert [one.text for one in under_lost(office, "Nodal Hisar", "of our bot")] == [NOTHING_TAKEN]


def test_talk_among_people_is_left_alone(office: Office) -> None:
    office.complain("Hisar")
    assert under_lost(office, "Nodal Hisar", "") == []
    assert under_lost(office, None, "of our bot") == []


def under_lost(office: Office, who: str | None, words: str) -> list[Outgoing]:
    """The answers to a reply under a message that the outbox does not know."""
    more = {"reply_to_id": "99999", "reply_to_words": words_mark(words) if words else ""}
    return office._answers(office._update(who, HISAR, DeskVerb.WROTE, text="Pump repaired.", message_id="777", **more))
