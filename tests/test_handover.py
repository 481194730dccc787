"""A transfer in one step, on both databases: the chair keeps its work, the old account is out."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
import sqlalchemy as sa
from officers_stage import HISAR, KARNAL, NOW, POSTS, Office, token

from handlers.understanding.taxonomy import taxonomy
from store.db import reading, writing
from store.directory import DirectoryRefused, load_directory
from store.directory_csv import import_posts
from store.handover import Handover, hand_over
from store.invites import InviteRefused, create_invite, redeem_invite
from store.outbound import Outgoing
from store.tables import officers, tickets
from store.vocabulary import OutgoingAct

WEEK = timedelta(days=7)


@pytest.fixture
def office(engine: sa.Engine) -> Office:
    office = Office(engine)
    office.complain("Hisar", 2)
    return office


def handed(office: Office, post: str, name: str) -> Handover:
    office.now += timedelta(hours=4)  # past what the directory allows for a clock set back
    with writing(office.engine) as conn:
        return hand_over(conn, post, name, office.now, WEEK)


def joined(office: Office, done: Handover, user: str) -> None:
    assert done.token is not None
    with writing(office.engine) as conn:
        redeem_invite(conn, done.token, user, office.now)
    office.users[done.now] = user


def drafted(office: Office) -> Outgoing:
    (shown,) = office.reply("Nodal Hisar", HISAR, office.notice(), "The pump was repaired today.")
    return shown


def test_the_new_holder_goes_on_where_the_old_one_stopped(office: Office) -> None:
    notice, preview = office.notice(), drafted(office)
    done = handed(office, "phed-hisar", "R. Lal")
    assert (done.before, done.now, done.tickets, done.drafts) == (("Nodal Hisar",), "R. Lal", 2, 1)
    assert done.revoked == ("Nodal Hisar",)
    for message, label in ((notice, "Accept"), (preview, "Send")):
        (toast,) = office.press("Nodal Hisar", HISAR, token(message, label))
        assert toast.act is OutgoingAct.ANSWER_PRESS
        assert toast.text.startswith("You are not linked to a post")
    joined(office, done, "7777")
    answers = office.press("R. Lal", HISAR, token(preview, "Send"))
    assert any(one.press_id and one.text.startswith("Your answer is on its way") for one in answers)
    with reading(office.engine) as conn:
        assert sorted(conn.scalars(sa.select(tickets.c.status))) == ["assigned", "disposed"]
        assert [one.name for one in load_directory(conn, office.now).posts["phed-hisar"].holders] == ["R. Lal"]


def test_who_holds_another_post_keeps_that_one(office: Office) -> None:
    more = handed(office, "phed-karnal", "Nodal Hisar")
    assert more.token is None, "they have joined already"
    done = handed(office, "phed-hisar", "R. Lal")
    assert done.revoked == ()
    assert office.write("Nodal Hisar", HISAR, "/pending")[0].text == "That is not possible in this chat."
    assert "Nothing is waiting" in office.write("Nodal Hisar", KARNAL, "/pending")[0].text


def test_old_links_are_dead(office: Office) -> None:
    with writing(office.engine) as conn:
        old = conn.scalar(sa.select(officers.c.id).where(officers.c.name == "Nodal Hisar")) or 0
        link = create_invite(conn, old, office.now, timedelta(days=30))
    handed(office, "phed-hisar", "R. Lal")
    with writing(office.engine) as conn:
        refused = redeem_invite(conn, link, "5555", office.now)
    assert isinstance(refused, InviteRefused)
    assert refused.code == "invite_expired"


def test_of_several_holders_the_one_named_stays_alone(office: Office) -> None:
    with writing(office.engine) as conn:
        known = taxonomy()
        both = POSTS.replace(",Nodal Hisar\n", ",Nodal Hisar|R. Lal\n")
        import_posts(conn, both, now=NOW, known_departments=known.departments, known_districts=known.districts)
    done = handed(office, "phed-hisar", "R. Lal")
    assert done.before == ("Nodal Hisar",)
    with reading(office.engine) as conn:
        assert [one.name for one in load_directory(conn, office.now).posts["phed-hisar"].holders] == ["R. Lal"]


@pytest.mark.parametrize(
    ("post", "name", "told"),
    [
        ("nowhere", "R. Lal", "There is no post 'nowhere'"),
        ("phed-hisar", "  ", "must have 1 to 128 characters"),
        ("phed-hisar", "x" * 129, "must have 1 to 128 characters"),
        ("phed-hisar", "nodal  HISAR", "holds the post phed-hisar already"),
    ],
)
def test_what_cannot_be_handed_over_says_why_and_changes_nothing(
    office: Office, post: str, name: str, told: str
) -> None:
    with reading(office.engine) as conn:
        before = load_directory(conn, NOW)
    with pytest.raises(DirectoryRefused, match=told), writing(office.engine) as conn:
        hand_over(conn, post, name, office.now, WEEK)
    with reading(office.engine) as conn:
        assert load_directory(conn, NOW) == before


def test_the_token_is_not_in_the_plain_data(office: Office) -> None:
    done = handed(office, "phed-hisar", "R. Lal")
    assert done.token
    assert done.token not in json.dumps(done.as_json())
