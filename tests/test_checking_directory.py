"""Every hole of the directory is a line of its own that says what to do, and the line goes when the hole is closed."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
import sqlalchemy as sa
from officers_stage import CMO, NOW, POSTS, Office

from bot.checking_directory import directory_findings
from bot.findings import Finding
from handlers.understanding.taxonomy import taxonomy
from store.db import reading, writing
from store.directory import mark_desk_lost
from store.directory_csv import import_desks, import_posts
from store.ladders import import_ladders
from store.leave import begin_leave
from store.tables import officers

TODAY = date(2026, 11, 23)
MORE = """phed-empty,JE Jind,nodal_officer,phed,0,Jind,,
ulb-hisar,EO Hisar,nodal_officer,ulb,0,Hisar,,Nodal Alone
phed-rohtak,JE Rohtak,nodal_officer,phed,0,Rohtak,,Nodal Rohtak
"""


@pytest.fixture
def office(engine: sa.Engine) -> Office:
    return Office(engine, MORE)


def lines(office: Office) -> list[str]:
    with reading(office.engine) as conn:
        return [one.text for one in directory_findings(conn, office.now) if not one.ok]


def away(office: Office, who: str, substitute: str | None = None) -> None:
    with writing(office.engine) as conn:
        begin_leave(conn, who, TODAY, TODAY + timedelta(days=3), office.now, substitute=substitute)


def unlink(office: Office, name: str) -> None:
    with writing(office.engine) as conn:
        conn.execute(officers.update().where(officers.c.name == name).values(telegram_user_id=None))


def test_a_complaint_that_would_find_nobody_is_named_by_what_and_where(office: Office) -> None:
    found = lines(office)
    assert "education: nobody, for any complaint, anywhere; invite or name one" in found
    (ulb,) = [line for line in found if line.startswith("ulb: nobody, for")]
    assert (
        ulb
        == "ulb: nobody, for any complaint, in Ambala, Bhiwani, Charkhi Dadri and 19 more districts; invite or name one"
    )
    assert "ulb: nobody above its nodal officers in Hisar; invite or name a head" in found
    assert not any(line.startswith("phed: nobody") for line in found), "its head is everywhere"
    (police,) = [line for line in found if line.startswith("police: nobody")] or [""]
    assert police == "", "its head takes what is sensitive, and all else"


def test_a_head_away_leaves_the_holes_that_a_missing_one_leaves(office: Office) -> None:
    before = lines(office)
    away(office, "phed-head")
    new = [line for line in lines(office) if line not in before]
    assert "phed-head is on leave, nobody stands in; `smgt officers back`, or `leave` with --substitute" in new
    assert "phed: nobody above its nodal officers in Hisar, Karnal, Rohtak; invite or name a head" in new
    assert any(line.startswith("phed: nobody, for any complaint, in ") for line in new)
    assert len(new) == 3


def test_posts_people_and_chats(office: Office) -> None:
    assert "nobody holds phed-empty; `smgt officers handover phed-empty --to NAME`" in lines(office)
    unlink(office, "Nodal Karnal")
    assert "phed-karnal: Nodal Karnal has not joined; `smgt officers invite`" in lines(office)
    away(office, "Nodal Hisar", "Nodal Karnal")
    assert "Nodal Karnal stands in at phed-hisar but has not joined; `smgt officers invite`" in lines(office)
    with writing(office.engine) as conn:
        mark_desk_lost(conn, CMO, office.now)
        import_desks(
            conn,
            "desk,title,language,chat_id,topic_id\nphed-hisar,W,en,-,\nphed-karnal,W,en,,\ncmo,CMO,en,,\npwd-hisar,R,en,,\n",
            now=NOW,
        )
    found = lines(office)
    assert "nothing goes to the chat of desk cmo; add the bot there again, or do what its alarm says" in found
    assert "desk phed-hisar has no chat; /bind phed-hisar in its group" in found


def test_a_substitute_who_lost_every_post_and_a_chair_off_the_ladder(office: Office) -> None:
    known = taxonomy()
    away(office, "Nodal Hisar", "Nodal Rohtak")
    office.now += timedelta(hours=5)
    with writing(office.engine) as conn:
        import_posts(
            conn,
            POSTS + MORE.replace("Nodal Rohtak", "Another"),
            now=office.now,
            known_departments=known.departments,
            known_districts=known.districts,
        )
        import_ladders(conn, "department,ladder\nphed,nodal_officer\n", known_departments=known.departments)
    found = lines(office)
    assert "Nodal Rohtak may not stand in at phed-hisar any more; `smgt officers back`, name another" in found
    assert "phed-hisar is on leave, nobody stands in; `smgt officers back`, or `leave` with --substitute" in found
    assert "phed-head stands on no ladder of phed and is never rung; see `smgt ladders`" in found


def test_an_empty_directory_is_one_line(engine: sa.Engine) -> None:
    with reading(engine) as conn:
        (one,) = directory_findings(conn, NOW)
    assert one == Finding(
        "directory", False, "it is empty; run `smgt desks import` and then `smgt officers import`.", "empty"
    )
