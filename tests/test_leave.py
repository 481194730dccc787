"""Leave and substitutes, on both databases: who is rung, who may act, and that it ends by itself."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
import sqlalchemy as sa
from officers_stage import CMO, HISAR, NOW, POSTS, Office, labels, numbers, token

from handlers.desk.leave_news import queue_leave_news
from handlers.reach import EVERYBODY
from handlers.understanding.taxonomy import taxonomy
from store.db import reading, writing
from store.directory import DirectoryRefused, load_directory
from store.directory_csv import import_posts
from store.handover import hand_over
from store.leave import Away, begin_leave, end_leave, leaves_from
from store.payloads import outgoing_from_json
from store.tables import events, leaves, outbox, tickets

TODAY = date(2026, 11, 23)
MORE = """phed-head-2,Engineer in Chief,department_head,phed,2,Rohtak,,Second Head
phed-rohtak,JE Rohtak,nodal_officer,phed,0,Rohtak,,Nodal Rohtak
"""


@pytest.fixture
def office(engine: sa.Engine) -> Office:
    return Office(engine, MORE)


def away(office: Office, who: str, days: int = 3, first: int = 0, substitute: str | None = None) -> Away:
    begin = TODAY + timedelta(days=first)
    with writing(office.engine) as conn:
        return begin_leave(conn, who, begin, begin + timedelta(days=days - 1), office.now, substitute=substitute)


def owners(office: Office) -> list[str]:
    with reading(office.engine) as conn:
        return list(conn.scalars(sa.select(tickets.c.owner_post).order_by(tickets.c.id)))


def test_without_a_substitute_the_next_chair_up_has_it_and_the_hole_is_written_down(office: Office) -> None:
    away(office, "Nodal Hisar")
    office.complain("Hisar")
    assert owners(office) == ["phed-head"]
    with reading(office.engine) as conn:
        (codes,) = conn.scalars(sa.select(events.c.codes).where(events.c.kind == "assigned"))
    assert "phed-hisar" in str(codes)


def test_a_leave_ends_by_itself_and_begins_on_its_day(office: Office) -> None:
    away(office, "phed-hisar", days=2, first=1)
    for day, owner in ((0, "phed-hisar"), (1, "phed-head"), (2, "phed-head"), (3, "phed-hisar")):
        office.now = NOW + timedelta(days=day)
        office.complain("Hisar")
        assert owners(office)[-1] == owner, f"on day {day}"


def test_both_days_are_whole_days_of_the_office(office: Office) -> None:
    leave = away(office, "phed-hisar", days=2, first=1).leave
    assert leave.from_at.isoformat() == "2026-11-23T18:30:00+00:00"
    assert leave.to_at.isoformat() == "2026-11-25T18:30:00+00:00"


def test_a_substitute_acts_in_the_post_under_the_own_name(office: Office) -> None:
    away(office, "Nodal Hisar", substitute="Nodal Karnal")
    office.complain("Hisar")
    assert owners(office) == ["phed-hisar"]
    (toast, *_) = [one for one in office.press("Nodal Karnal", HISAR, token(office.notice(), "Accept")) if one.press_id]
    assert toast.text == "Accepted. It is with you."
    assert len(numbers(office.write("Nodal Karnal", HISAR, "/pending"))) == 1
    with reading(office.engine) as conn:
        row = conn.execute(sa.select(events).where(events.c.kind == "accepted")).one()
        names = {one.id: one.name for post in load_directory(conn, office.now).posts.values() for one in post.people}
    assert row.post == "phed-hisar"
    assert names[row.officer_id] == "Nodal Karnal"


def test_the_substitute_is_told_a_day_before_and_once(office: Office) -> None:
    def told() -> list[str]:
        with writing(office.engine) as conn:
            queue_leave_news(conn, office.now, load_directory(conn, office.now), EVERYBODY)
            rows = conn.execute(sa.select(outbox).where(outbox.c.template == "stands_in")).all()
        assert {row.recipient for row in rows} <= {office.users["Nodal Karnal"]}
        return [outgoing_from_json(row.payload).text for row in rows]

    away(office, "Nodal Hisar", days=2, first=3, substitute="Nodal Karnal")
    assert told() == []
    office.now = NOW + timedelta(days=2)
    (text,) = told()
    assert "JE Hisar" in text
    office.now = NOW + timedelta(days=3)
    assert told() == [text]


def test_what_the_substitute_may_do_ends_with_the_leave(office: Office) -> None:
    away(office, "Nodal Hisar", substitute="Nodal Karnal")
    office.complain("Hisar")
    with writing(office.engine) as conn:
        end_leave(conn, "nodal hisar", office.now + timedelta(hours=1))
    office.now += timedelta(hours=2)
    (toast,) = office.press("Nodal Karnal", HISAR, token(office.notice(), "Accept"))
    assert toast.text == "This complaint is not with your office."


def test_who_is_away_loses_no_right(office: Office) -> None:
    office.complain("Hisar")
    away(office, "Nodal Hisar")
    assert "Accept" in labels(office.notice())
    (toast, *_) = [one for one in office.press("Nodal Hisar", HISAR, token(office.notice(), "Accept")) if one.press_id]
    assert toast.text == "Accepted. It is with you."


@pytest.mark.parametrize(("who", "rung"), [("Nodal Hisar", "Head"), ("phed-head", CMO)])
def test_a_late_ticket_rings_past_whoever_is_away(office: Office, who: str, rung: str) -> None:
    office.complain("Hisar")
    away(office, who, days=300)
    with reading(office.engine) as conn:
        office.now = conn.scalars(sa.select(tickets.c.due_at)).one() + timedelta(hours=1)
    office.desk.hear_time()
    with reading(office.engine) as conn:
        told = list(conn.scalars(sa.select(outbox.c.recipient).where(outbox.c.template == "escalated")))
    assert told == [office.users.get(rung, rung)]


def test_an_import_keeps_a_leave(office: Office) -> None:
    away(office, "Nodal Hisar", substitute="Nodal Karnal")
    away(office, "phed-head")
    known = taxonomy()
    fewer = "".join(line for line in (POSTS + MORE).splitlines(True) if not line.startswith("phed-hisar"))
    for text in (fewer, POSTS + MORE):
        with writing(office.engine) as conn:
            import_posts(
                conn, text, now=office.now, known_departments=known.departments, known_districts=known.districts
            )
    with reading(office.engine) as conn:
        back = load_directory(conn, office.now).posts
        assert [one.who for one in leaves_from(conn, office.now)] == ["Nodal Hisar", "phed-head"]
    assert [one.name for one in back["phed-hisar"].acting] == ["Nodal Karnal"]
    assert back["phed-head"].acting == ()


def test_a_handover_ends_the_leave_of_the_post_and_what_the_old_holder_stood_in_for(office: Office) -> None:
    away(office, "phed-hisar")
    away(office, "phed-karnal", first=5)
    away(office, "Nodal Rohtak", substitute="Nodal Hisar")
    office.now += timedelta(hours=4)
    with writing(office.engine) as conn:
        done = hand_over(conn, "phed-hisar", "R. Lal", office.now, timedelta(days=7))
    assert (done.leave_ended, done.uncovered) == (True, ("Nodal Rohtak",))
    with reading(office.engine) as conn:
        assert [(one.who, one.leave.substitute) for one in leaves_from(conn, office.now)] == [
            ("Nodal Rohtak", None),
            ("phed-karnal", None),
        ]


def test_who_keeps_another_post_is_away_from_it_still(office: Office) -> None:
    with writing(office.engine) as conn:
        hand_over(conn, "phed-karnal", "Nodal Hisar", office.now + timedelta(minutes=1), timedelta(days=7))
    office.now += timedelta(hours=4)
    away(office, "Nodal Hisar")
    with writing(office.engine) as conn:
        done = hand_over(conn, "phed-karnal", "R. Lal", office.now + timedelta(minutes=1), timedelta(days=7))
        assert not done.leave_ended
        assert [one.who for one in leaves_from(conn, office.now + timedelta(minutes=2))] == ["Nodal Hisar"]


def test_a_substitute_who_goes_away_or_loses_the_post_no_longer_acts(office: Office) -> None:
    away(office, "Nodal Hisar", days=9, substitute="Nodal Karnal")
    away(office, "Nodal Karnal", days=2, first=1)
    for day, acting in ((0, ["Nodal Karnal"]), (1, []), (3, ["Nodal Karnal"])):
        with reading(office.engine) as conn:
            post = load_directory(conn, NOW + timedelta(days=day)).posts["phed-hisar"]
        assert [one.name for one in post.acting] == acting


@pytest.mark.parametrize(
    ("who", "days", "first", "substitute", "told"),
    [
        ("nobody", 3, 0, None, "no post and no officer 'nobody'"),
        ("Nodal Hisar", 3, 0, "Somebody", "no post and no officer 'Somebody'"),
        ("Nodal Hisar", 0, 0, None, "would end .2026-11-22. before it begins"),
        ("Nodal Hisar", 3, -1, None, "would begin in the past .2026-11-22."),
        ("Nodal Hisar", 400, 0, None, "may last a year"),
        ("Nodal Hisar", 3, 0, "Nodal Hisar", "would be away themselves"),
        ("phed-hisar", 3, 0, "Nodal Hisar", "would be away themselves"),
        ("phed-head", 3, 0, "Nodal Hisar", "stands beneath it and would read complaints"),
        ("Clerk", 3, 0, "Nodal Hisar", "is not of the CMO"),
        ("Nodal Rohtak", 3, 9, None, "is away 2026-12-02 to 2026-12-04 already"),
        ("Nodal Hisar", 3, 9, "Nodal Rohtak", "is away 2026-12-02 to 2026-12-04 and cannot stand in"),
    ],
)
def test_what_cannot_be_says_why_and_changes_nothing(
    office: Office, who: str, days: int, first: int, substitute: str | None, told: str
) -> None:
    away(office, "Nodal Rohtak", first=9)
    with pytest.raises(DirectoryRefused, match=told):
        away(office, who, days, first, substitute)
    with reading(office.engine) as conn:
        assert conn.scalar(sa.select(sa.func.count()).select_from(leaves)) == 1


def test_back_ends_what_is_and_calls_off_what_will_be(office: Office) -> None:
    away(office, "Nodal Hisar")
    away(office, "Nodal Hisar", first=5)
    for left in (1, 0):
        with writing(office.engine) as conn:
            end_leave(conn, "Nodal Hisar", office.now + timedelta(minutes=1))
            assert len(leaves_from(conn, office.now + timedelta(minutes=2))) == left
    with writing(office.engine) as conn, pytest.raises(DirectoryRefused, match="Nodal Hisar is not away"):
        end_leave(conn, "Nodal Hisar", office.now + timedelta(minutes=2))


def test_a_ticket_reopened_while_its_officer_is_away_rings_the_next_chair_up(office: Office) -> None:
    office.complain("Hisar")
    shown, *_ = office.reply("Nodal Hisar", HISAR, office.notice(), "The pump was repaired today.")
    office.press("Nodal Hisar", HISAR, token(shown, "Send"))
    office.now += timedelta(hours=2)
    away(office, "Nodal Hisar", days=9)
    office.say("c1", "nahi, abhi bhi pani nahi aa raha")
    with reading(office.engine) as conn:
        row = conn.execute(sa.select(tickets.c.status, tickets.c.owner_post, tickets.c.reopen_count)).one()
        told = list(conn.scalars(sa.select(outbox.c.recipient).where(outbox.c.template.contains("reopened"))))
    assert (row.status, row.owner_post, row.reopen_count) == ("assigned", "phed-hisar", 1)
    assert office.users["Head"] in told
