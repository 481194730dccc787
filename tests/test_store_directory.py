"""The directory: importing and exporting it, binding desks, chats that move, invites and holes."""

from __future__ import annotations

import csv
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
import sqlalchemy as sa

from handlers.understanding.taxonomy import taxonomy
from handlers.unreached import nobody_above, unreached
from store.csv_lines import DirectoryFaults
from store.db import reading, writing
from store.differences import Difference
from store.directory import (
    DirectoryRefused,
    bind_desk,
    current_chat_id,
    load_directory,
    mark_desk_found,
    mark_desk_lost,
    move_chat,
)
from store.directory_csv import export_desks, export_posts, import_desks, import_posts
from store.holes import Hole, holes
from store.invites import InviteRefused, create_invite, redeem_invite
from store.outbound import Outgoing
from store.people import Directory, Officer
from store.tables import channels, holdings, invites, officers, outbox
from store.vocabulary import Language, OutgoingAct, Role

NOW = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
LATER = NOW + timedelta(days=3)
DEPARTMENTS = {"power", "police"}
DISTRICTS = {"Hisar", "Rohtak"}

DESKS = """\
desk,title,language,chat_id,topic_id
cmo,CMO Desk,en,,
power,Power Desk,hi,-100200,
"""
POSTS = """\
post,title,role,department,level,districts,desk,officer
cmo-desk,CMO Desk,cmo_desk,,3,*,cmo,CMO Desk Clerk 1|CMO Desk Clerk 2
power-hisar,"Nodal Officer, Power, Hisar",nodal_officer,power,0,Hisar,power,Nodal Officer 1
power-head,"Head, Power",department_head,power,2,Hisar|Rohtak,power,
"""


def _import_posts(engine: sa.Engine, text: str, now: datetime = NOW, *, dry_run: bool = False) -> Difference:
    with writing(engine) as conn:
        return import_posts(
            conn,
            text,
            now=now,
            known_departments=DEPARTMENTS,
            known_districts=DISTRICTS,
            dry_run=dry_run,
        )


def _import_desks(engine: sa.Engine, text: str, now: datetime = NOW, *, dry_run: bool = False) -> Difference:
    with writing(engine) as conn:
        return import_desks(conn, text, now=now, dry_run=dry_run)


def _load(engine: sa.Engine, now: datetime = LATER) -> Directory:
    with reading(engine) as conn:
        return load_directory(conn, now)


@pytest.fixture
def filled(engine: sa.Engine) -> sa.Engine:
    """A database that holds DESKS and POSTS."""
    _import_desks(engine, DESKS)
    _import_posts(engine, POSTS)
    return engine


def _officer_id(engine: sa.Engine, name: str) -> int:
    with reading(engine) as conn:
        found: int = conn.execute(sa.select(officers.c.id).where(officers.c.name == name)).scalar_one()
        return found


# -- importing ------------------------------------------------------------------------------------------------


def test_an_imported_directory_is_loaded_whole(filled: sa.Engine) -> None:
    directory = _load(filled)
    assert set(directory.posts) == {"cmo-desk", "power-hisar", "power-head"}
    nodal = directory.posts["power-hisar"]
    assert (nodal.role, nodal.department, nodal.level) == (Role.NODAL_OFFICER, "power", 0)
    assert [holder.name for holder in nodal.holders] == ["Nodal Officer 1"]
    assert nodal.covers("Hisar")
    assert not nodal.covers("Rohtak")
    assert directory.posts["power-head"].holders == ()
    desk = directory.cmo_desk()
    assert desk is not None
    assert (desk.code, desk.language, desk.chat_id) == ("cmo", Language.EN, None)
    assert directory.desks["power"].chat_id == "-100200"


def test_a_directory_exported_and_imported_again_is_unchanged(filled: sa.Engine) -> None:
    with reading(filled) as conn:
        desk_text, post_text = export_desks(conn, LATER), export_posts(conn, LATER)
    before = _load(filled)
    again = _import_desks(filled, desk_text, LATER)
    posts_again = _import_posts(filled, post_text, LATER)
    assert (bool(again), again.unchanged) == (False, ("cmo", "power"))
    assert (bool(posts_again), len(posts_again.unchanged)) == (False, 3)
    assert _load(filled) == before


def test_what_changed_is_told_and_a_dry_run_changes_nothing(filled: sa.Engine) -> None:
    text = POSTS.replace("Hisar,power,Nodal Officer 1", "Rohtak,power,Nodal Officer 2").replace(
        'power-head,"Head, Power"', 'power-chief,"Head, Power"'
    )
    before = _load(filled)
    found = _import_posts(filled, text, LATER, dry_run=True)
    assert found.added == ("power-chief",)
    assert found.removed == ("power-head",)
    assert found.unchanged == ("cmo-desk",)
    assert found.changed == {
        "power-hisar": ("districts: Hisar -> Rohtak", "officer: Nodal Officer 1 -> Nodal Officer 2")
    }
    assert _load(filled) == before
    assert _import_posts(filled, text, LATER) == found
    after = _load(filled)
    assert set(after.posts) == {"cmo-desk", "power-hisar", "power-chief"}
    assert after.posts["power-hisar"].districts == {"Rohtak"}


def test_the_past_of_a_post_stays_and_an_abolished_post_can_come_back(filled: sa.Engine) -> None:
    without = "".join(line for line in POSTS.splitlines(True) if not line.startswith("power-hisar"))
    _import_posts(filled, without, LATER)
    with reading(filled) as conn:
        held = conn.execute(sa.select(holdings).where(holdings.c.post == "power-hisar")).one()
    assert (held.from_at, held.to_at) == (NOW, LATER)
    assert "power-hisar" not in _load(filled, LATER).posts
    assert _import_posts(filled, POSTS, LATER + timedelta(days=1)).added == ("power-hisar",)
    back = _load(filled, LATER + timedelta(days=1)).posts["power-hisar"]
    assert [holder.name for holder in back.holders] == ["Nodal Officer 1"]


def test_one_name_on_two_lines_is_one_person(filled: sa.Engine) -> None:
    _import_posts(filled, POSTS.replace("Rohtak,power,\n", "Rohtak,power,Nodal Officer 1\n"), LATER)
    directory = _load(filled)
    assert directory.posts["power-head"].holders == directory.posts["power-hisar"].holders


def test_every_wrong_line_is_named_at_once_and_nothing_is_imported(filled: sa.Engine) -> None:
    text = (
        POSTS
        + "power-rohtak,Nodal,nodal_officer,powr,0,Rohtk,power,\n"
        + "Power Head,,clerk,power,7,,nowhere,\n"
        + "power-hisar,Twice,nodal_officer,power,3,*|Hisar,power,\n"
        + "cmo-two,CMO,cmo_viewer,power,3,*,,\n"
        + "short,line\n"
    )
    before = _load(filled)
    with pytest.raises(DirectoryFaults) as caught:
        _import_posts(filled, text)
    assert list(caught.value.faults) == [
        "officers.csv line 5: department 'powr' is not known; did you mean power?",
        "officers.csv line 5: district 'Rohtk' is not known; did you mean Rohtak?",
        "officers.csv line 6: post 'Power Head' must be small letters, digits and - _ . (at most 64).",
        "officers.csv line 6: role 'clerk' is not known; known are cmo_desk, cmo_viewer, department_head, "
        "district_head, district_nodal and 2 more.",
        "officers.csv line 6: desk 'nowhere' is not known; did you mean power?",
        "officers.csv line 6: title is empty.",
        "officers.csv line 6: level '7' must be 0, 1, 2 or 3.",
        "officers.csv line 6: districts is empty; write * for the whole state.",
        "officers.csv line 7: post 'power-hisar' stands already in line 3.",
        "officers.csv line 7: level 3 does not fit role nodal_officer; 3 is the CMO's and nobody else's.",
        "officers.csv line 7: districts names the whole state (*) and single districts.",
        "officers.csv line 8: role cmo_viewer belongs to the CMO; leave department empty.",
        "officers.csv line 9: it has 2 cells, the first line 8.",
    ]
    assert _load(filled) == before


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "line 1: the columns must be desk, title"),
        ("desk,title\nx,y\n", "line 1: the columns must be desk, title"),
        (DESKS + "a,A,fr,,\n", "line 4: language 'fr' is not known"),
        (DESKS + "a,A,hi,-1.002E+12,\n", "line 4: chat_id '-1.002E+12' is not a whole number; did a spreadsheet"),
        (DESKS + "a,A,hi,,7\n", "line 4: topic_id needs the chat_id"),
        (DESKS + "a,A,hi,-100200,\n", "line 4: the chat of desk a is already that of desk power"),
        (DESKS + 'a,"A,hi,-5,\n', "not readable as CSV"),
        (DESKS.replace("power,", "power2,"), "desk power is missing but still serves power-head, power-hisar"),
    ],
)
def test_a_wrong_desks_file_is_refused_whole(filled: sa.Engine, text: str, sentence: str) -> None:
    before = _load(filled)
    with pytest.raises(DirectoryFaults) as caught:
        _import_desks(filled, text)
    assert sentence in str(caught.value)
    assert _load(filled) == before


def test_a_file_that_cannot_be_read_is_named(sqlite_engine: sa.Engine, tmp_path: Path) -> None:
    latin = tmp_path / "old.csv"
    latin.write_bytes(DESKS.replace("CMO Desk", "Büro").encode("latin-1"))
    for file, sentence in ((latin, "old.csv: the file is not UTF-8"), (tmp_path / "no.csv", "cannot be read")):
        with writing(sqlite_engine) as conn, pytest.raises(DirectoryFaults, match=sentence):
            import_desks(conn, file, now=NOW)


def test_a_file_saved_by_a_spreadsheet_is_read(engine: sa.Engine, tmp_path: Path) -> None:
    file = tmp_path / "desks.csv"
    file.write_bytes(b"\xef\xbb\xbf" + DESKS.replace("\n", "\r\n").encode() + b",,,,\r\n")
    with writing(engine) as conn:
        assert import_desks(conn, file, now=NOW).added == ("cmo", "power")


def test_an_empty_chat_keeps_the_binding_and_a_dash_takes_it_away(filled: sa.Engine) -> None:
    assert not _import_desks(filled, DESKS.replace("-100200", ""))
    assert _load(filled).desks["power"].chat_id == "-100200"
    found = _import_desks(filled, DESKS.replace("-100200", "-"))
    assert found.changed == {"power": ("chat_id: -100200 -> nothing",)}
    assert _load(filled).desks["power"].chat_id is None


def test_a_desk_that_serves_nobody_may_go(filled: sa.Engine) -> None:
    _import_desks(filled, DESKS + "spare,Spare,hi,,\n")
    assert _import_desks(filled, DESKS).removed == ("spare",)
    assert set(_load(filled).desks) == {"cmo", "power"}


# -- chats ----------------------------------------------------------------------------------------------------


def test_a_desk_is_bound_once_and_found_again_after_it_was_lost(filled: sa.Engine) -> None:
    with writing(filled) as conn:
        bind_desk(conn, "cmo", "-100300", "7")
        with pytest.raises(DirectoryRefused, match="already the desk cmo"):
            bind_desk(conn, "power", "-100300", "7")
        with pytest.raises(DirectoryRefused, match="no desk 'powr'"):
            bind_desk(conn, "powr", "-1")
    with writing(filled) as conn:
        assert mark_desk_lost(conn, "-100300", LATER) == ("cmo",)
        assert mark_desk_lost(conn, "-100300", LATER) == ()
    assert not _load(filled).desks["cmo"].reachable
    with writing(filled) as conn:
        assert mark_desk_found(conn, "-100300") == ("cmo",)
    assert _load(filled).desks["cmo"].reachable


def _say(conn: sa.Connection, channel: int, destination: str, thread: str, **more: object) -> int:
    outgoing = Outgoing(act=OutgoingAct.MESSAGE, text="नमस्ते", thread_id=thread)
    row: int = conn.execute(
        sa.insert(outbox)
        .values(
            channel_id=channel,
            step_id=f"{channel}:{destination}:{more}",
            recipient="desk",
            destination=destination,
            template="t",
            payload=msgspec.json.encode(outgoing).decode(),
            created_at=NOW,
            next_attempt_at=NOW,
            **more,
        )
        .returning(outbox.c.id)
    ).scalar_one()
    return row


def test_a_chat_that_moves_takes_its_desks_and_unsent_messages_along(filled: sa.Engine) -> None:
    with writing(filled) as conn:
        conn.execute(sa.insert(channels).values(id=1, name="desk", platform="telegram"))
        conn.execute(sa.insert(channels).values(id=2, name="cmohry", platform="x"))
        whole = _say(conn, 1, "-100200", "-100200")
        ticket = _say(conn, 1, "-100200:5", "-100200", state="retry")
        sent = _say(conn, 1, "-100200:6", "-100200", state="sent", sent_at=NOW)
        other = _say(conn, 1, "-1002009", "-1002009")
        tweet = _say(conn, 2, "-100200", "-100200")
        assert move_chat(conn, "-100200", "-777") == 2
        assert move_chat(conn, "-100200", "-777") == 0
        assert move_chat(conn, "-777", "-888") == 2
        assert current_chat_id(conn, "-100200") == "-888"
        assert current_chat_id(conn, "-5") == "-5"
        rows = {row.id: row for row in conn.execute(sa.select(outbox))}
    assert _load(filled).desks["power"].chat_id == "-888"
    threads = {row_id: msgspec.json.decode(row.payload, type=Outgoing).thread_id for row_id, row in rows.items()}
    assert {row_id: rows[row_id].destination for row_id in rows} == {
        whole: "-888",
        ticket: "-888:5",
        sent: "-100200:6",
        other: "-1002009",
        tweet: "-100200",
    }
    assert threads == {whole: "-888", ticket: "-888", sent: "-100200", other: "-1002009", tweet: "-100200"}
    assert msgspec.json.decode(rows[whole].payload, type=Outgoing).text == "नमस्ते"


# -- invites --------------------------------------------------------------------------------------------------


def test_an_invite_links_its_officer_once(filled: sa.Engine) -> None:
    officer_id = _officer_id(filled, "Nodal Officer 1")
    with writing(filled) as conn:
        token = create_invite(conn, officer_id, NOW, timedelta(days=7))
        assert len(f"join-{token}") <= 64
        assert token not in str(conn.execute(sa.select(invites)).all())
        assert redeem_invite(conn, token, "501", LATER) == Officer(officer_id, "Nodal Officer 1", "501")
        assert redeem_invite(conn, token, "502", LATER) == InviteRefused("invite_used")
        assert redeem_invite(conn, "guess", "502", LATER) == InviteRefused("invite_unknown")
        with pytest.raises(DirectoryRefused, match="no officer 999"):
            create_invite(conn, 999, NOW, timedelta(days=7))
    assert [post.code for post in _load(filled).posts_of("501")] == ["power-hisar"]


def test_an_invite_expires_and_a_newer_one_moves_the_officer_to_a_new_account(filled: sa.Engine) -> None:
    officer_id = _officer_id(filled, "Nodal Officer 1")
    with writing(filled) as conn:
        old = create_invite(conn, officer_id, NOW, timedelta(days=3))
        assert redeem_invite(conn, old, "501", LATER) == InviteRefused("invite_expired")
        for user in ("501", "502"):
            token = create_invite(conn, officer_id, LATER, timedelta(days=3))
            assert redeem_invite(conn, token, user, LATER) == Officer(officer_id, "Nodal Officer 1", user)
    assert _load(filled).officer("501") is None


def test_a_telegram_user_who_is_another_officer_is_refused_and_the_invite_stays_good(filled: sa.Engine) -> None:
    first, second = _officer_id(filled, "CMO Desk Clerk 1"), _officer_id(filled, "CMO Desk Clerk 2")
    with writing(filled) as conn:
        one = create_invite(conn, first, NOW, timedelta(days=7))
        two = create_invite(conn, second, NOW, timedelta(days=7))
        assert isinstance(redeem_invite(conn, one, "501", NOW), Officer)
        assert redeem_invite(conn, two, "501", NOW) == InviteRefused("already_linked_elsewhere")
        assert isinstance(redeem_invite(conn, two, "502", NOW), Officer)


def test_of_many_who_take_one_link_at_the_same_moment_one_gets_it(filled: sa.Engine) -> None:
    officer_id = _officer_id(filled, "Nodal Officer 1")
    with writing(filled) as conn:
        token = create_invite(conn, officer_id, NOW, timedelta(days=7))

    def take(user: int) -> Officer | InviteRefused:
        with writing(filled) as conn:
            return redeem_invite(conn, token, str(user), NOW)

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(take, range(500, 506)))
    assert sum(isinstance(answer, Officer) for answer in answers) == 1
    assert answers.count(InviteRefused("invite_used")) == 5


def test_one_user_who_takes_several_links_at_the_same_moment_becomes_one_officer(filled: sa.Engine) -> None:
    ids = [_officer_id(filled, name) for name in ("Nodal Officer 1", "CMO Desk Clerk 1", "CMO Desk Clerk 2")]
    with writing(filled) as conn:
        tokens = [create_invite(conn, officer_id, NOW, timedelta(days=7)) for officer_id in ids]

    def take(token: str) -> Officer | InviteRefused:
        with writing(filled) as conn:
            return redeem_invite(conn, token, "501", NOW)

    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(take, tokens))
    assert sum(isinstance(answer, Officer) for answer in answers) == 1
    assert answers.count(InviteRefused("already_linked_elsewhere")) == 2


# -- holes ----------------------------------------------------------------------------------------------------


def test_holes_are_found_and_close_when_filled(filled: sa.Engine) -> None:
    assert holes(_load(filled)) == [
        Hole("post_unlinked", post="cmo-desk", officer="CMO Desk Clerk 1, CMO Desk Clerk 2"),
        Hole("post_vacant", department="power", post="power-head"),
        Hole("post_unlinked", department="power", post="power-hisar", officer="Nodal Officer 1"),
        Hole("desk_unbound", desk="cmo"),
    ]
    with writing(filled) as conn:
        token = create_invite(conn, _officer_id(filled, "Nodal Officer 1"), NOW, timedelta(days=1))
    with writing(filled) as conn:
        redeem_invite(conn, token, "501", NOW)
        mark_desk_lost(conn, "-100200", NOW)
    found = holes(_load(filled))
    assert not any(hole.post == "power-hisar" for hole in found)
    assert Hole("desk_lost", desk="power") in found


def test_a_directory_without_a_cmo_desk_has_that_hole(engine: sa.Engine) -> None:
    assert holes(_load(engine)) == [Hole("no_cmo_desk")]


# -- the demo's directory -------------------------------------------------------------------------------------


def test_the_demo_directory_covers_every_department_and_district(engine: sa.Engine) -> None:
    root = Path(__file__).parent.parent
    departments = _column(root / "handlers/data/departments.csv", "code")
    districts = _column(root / "handlers/data/haryana/districts.csv", "name_en")
    data = root / "bot/demo/data"
    with writing(engine) as conn:
        import_desks(conn, data / "desks.csv", now=NOW)
        import_posts(conn, data / "officers.csv", now=NOW, known_departments=departments, known_districts=districts)
        conn.execute(sa.update(officers).values(telegram_user_id=sa.cast(officers.c.id, sa.String)))
    directory = _load(engine)
    routed = sorted(departments - {"central", "triage"})  # told whom to ask, and the CMO's own desk
    assert {hole.code for hole in holes(directory)} == {"desk_unbound"}
    assert unreached(directory, taxonomy()) == []
    assert nobody_above(directory, districts) == {}
    for department in routed:
        ladder = {
            (district, level)
            for post in directory.posts.values()
            if post.department == department
            for level in (post.level,)
            for district in districts
            if post.covers(district)
        }
        assert {(district, level) for district in districts for level in (0, 2)} <= ladder, department
    private = [p for p in directory.posts.values() if p.department == "police" and p.level and p.desk is None]
    assert private, "sensitive police matters need a senior officer outside the group"


def _column(file: Path, name: str) -> set[str]:
    with file.open(encoding="utf-8", newline="") as lines:
        return {row[name] for row in csv.DictReader(lines)}
