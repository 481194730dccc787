"""Accounts that need a person first, on both databases: number and clock as everyone's, placed by a clerk."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from cmo_stage import CMO, Office, labels, token

from bot.cli import main
from store.csv_lines import DirectoryFaults
from store.db import reading, writing
from store.first_accounts import FirstAccount, add, all_of_them, drop, import_list
from store.inbound import Author, Inbound
from store.tables import events, outbox, tickets
from store.vocabulary import InboundVerb, Platform, Status

WORDS = "@cmohry Hisar ward 5 me 3 din se pani nahi aa raha"


@pytest.fixture
def office(engine: sa.Engine) -> Office:
    office = Office(engine)
    with writing(engine) as conn:
        assert add(conn, FirstAccount(Platform.X, "hansi_mla", "", "MLA, Hansi"), office.now)
    return office


def post(office: Office, handle: str, author_id: str, text: str = WORDS) -> None:
    serial = f"20{next(office.ids):06}"
    event = Inbound(
        key=f"{serial}:0", verb=InboundVerb.POSTED, platform=Platform.X, message_id=serial, thread_id=serial,
        occurred_at=office.now, author=Author(author_id, handle, "Somebody"), text=text, mentions_us=True,
    )  # fmt: skip
    office._put(office.x, event)
    office.decide()


def rows(office: Office) -> list[sa.Row[tuple[object, ...]]]:
    with reading(office.engine) as conn:
        return list(conn.execute(sa.select(tickets).order_by(tickets.c.id)))


def said(office: Office) -> list[str]:
    with reading(office.engine) as conn:
        query = sa.select(outbox.c.template).where(outbox.c.channel_id == office.x).order_by(outbox.c.id)
        return list(conn.scalars(query))


def test_a_person_places_it_and_the_clock_is_everyones(office: Office) -> None:
    post(office, "citizen", "1")
    post(office, "Hansi_MLA", "2")
    everyone, first = rows(office)
    assert (everyone.status, first.status) == (Status.ASSIGNED, Status.TRIAGE)
    assert said(office) == ["received_routed", "received_triage"]
    notice = office.newest("triage_notice")
    assert "a person answers first" in notice.text
    assert "I take this" in labels(notice)
    office.now += timedelta(hours=20)
    office.press("Clerk", CMO, token(notice, "Other district..."))
    keys = office.newest("choose_keys")
    office.press("Clerk", CMO, token(keys, "Hisar"))
    everyone, first = rows(office)
    assert first.status == Status.ASSIGNED
    assert (first.due_at, first.assigned_at) == (everyone.due_at, everyone.assigned_at)


def test_no_machine_asks_them(office: Office) -> None:
    post(office, "hansi_mla", "2", "@cmohry koi sunwai nahi ho rahi, bahut pareshani hai")
    assert said(office) == ["received_triage"]
    assert rows(office)[0].status == Status.TRIAGE


def test_a_cry_for_help_is_answered_as_everyones(office: Office) -> None:
    post(
        office,
        "hansi_mla",
        "2",
        "@cmohry Hisar sector 14 me ghar me aag lag gayi hai, log andar phanse hain, jaldi bhejo",
    )
    assert said(office) == ["emergency"]


def test_praise_of_theirs_opens_nothing(office: Office) -> None:
    post(office, "hansi_mla", "2", "@cmohry bahut bahut dhanyavaad, pani aa gaya")
    assert rows(office) == []


def test_a_changed_handle_stays_known_and_its_next_owner_is_not(office: Office) -> None:
    post(office, "hansi_mla", "2")
    with reading(office.engine) as conn:
        assert all_of_them(conn) == [FirstAccount(Platform.X, "hansi_mla", "2", "MLA, Hansi")]
    post(office, "hansi_mla_2027", "2", "@cmohry Karnal me sadak par gaddhe hain, sector 9")
    post(office, "hansi_mla", "3", "@cmohry Hisar me bijli nahi hai do din se")
    assert [row.person_first for row in rows(office)] == [True, True, False]
    with reading(office.engine) as conn:
        kinds = conn.scalars(sa.select(events.c.kind).order_by(events.c.id)).all()
    assert kinds.count("to_triage") == 2


def test_it_is_put_on_and_off_the_list_once(office: Office) -> None:
    with writing(office.engine) as conn:
        assert not add(conn, FirstAccount(Platform.X, "hansi_mla", "", "MLA"), office.now)
        assert [one.note for one in all_of_them(conn)] == ["MLA"]
        assert not drop(conn, Platform.FACEBOOK, "hansi_mla")
        assert drop(conn, Platform.X, "@Hansi_MLA")
        assert not drop(conn, Platform.X, "@Hansi_MLA")


def test_a_file_is_the_list_and_a_wrong_line_changes_nothing(office: Office) -> None:
    post(office, "hansi_mla", "2")
    text = "platform,handle,author_id,note\nx,@Hansi_MLA,,MLA\nfacebook,,10223,Reporter\n"
    with writing(office.engine) as conn:
        assert import_list(conn, text, office.now) == (1, 0)
        assert {one.author_id for one in all_of_them(conn)} == {"2", "10223"}
    wrong = "platform,handle,author_id,note\nmastodon,a,,b\nx,,,c\nx,d,,\n"
    with writing(office.engine) as conn, pytest.raises(DirectoryFaults) as caught:
        import_list(conn, wrong, office.now)
    assert len(caught.value.faults) == 3
    with writing(office.engine) as conn:
        assert import_list(conn, "platform,handle,author_id,note\nx,@Hansi_MLA,,MLA\n", office.now) == (0, 1)


def test_the_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMGT_DATABASE_URL", f"sqlite:///{tmp_path / 'smgt.db'}")
    run = CliRunner().invoke
    assert run(main, ["db", "migrate"]).exit_code == 0, run(main, ["db", "migrate"]).output
    assert run(main, ["accounts", "first", "add", "x", "@Some_MLA", "--note", "MLA"]).exit_code == 0
    listed = run(main, ["accounts", "first", "list"])
    assert "some_mla" in listed.output
    assert "not heard yet" in listed.output
    for wrong in (["add", "x", "--note", "MLA"], ["drop", "x", "nobody"]):
        refused = run(main, ["accounts", "first", *wrong])
        assert refused.exit_code == 1
    assert run(main, ["accounts", "first", "drop", "x", "some_mla"]).exit_code == 0
