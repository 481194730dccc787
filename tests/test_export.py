"""Complaints as data: nothing personal in it, nothing sensitive, no line in which somebody could be found, nothing lost."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from officers_stage import NOW, Office

from bot.cli import main
from handlers.export.open_data import ALL, LEAST, SENSITIVE, open_lines
from handlers.export.rows import TicketLine, ticket_lines
from store.db import reading, writing
from store.tables import satisfaction, tickets

LINE = TicketLine(
    number="HRY26-000001-0", platform="x", language="hi", status="assigned", opened_at=NOW, category="pothole",
    district="Hisar", department="pwd", rural=False, sensitive=False, urgent=False, first_reply_minutes=2.0,
    assigned_at=NOW, due_at=NOW, accepted_at=None, disposed_at=None, ended_at=None, disposal=None, outcome=None,
    solved=False, reopened=0, forwarded=0, level=0,
)  # fmt: skip


@pytest.fixture
def office(engine: sa.Engine) -> Office:
    office = Office(engine)
    office.complain("Hisar", 2, words="98120 34567 par phone karo, me Ram Lal, Gali 5 Model Town, pani nahi aa raha")
    office.complain("Karnal")
    return office


def test_a_line_holds_nothing_personal(office: Office) -> None:
    with reading(office.engine) as conn:
        lines = list(ticket_lines(conn, NOW - timedelta(days=1), NOW + timedelta(days=1)))
    assert [line.district for line in lines] == ["Hisar", "Hisar", "Karnal"]
    told = repr(lines)
    for personal in ("98120", "Ram Lal", "Model Town", "Gali", "A citizen"):
        assert personal not in told


def test_only_the_days_that_were_asked_for(office: Office) -> None:
    with reading(office.engine) as conn:
        assert list(ticket_lines(conn, NOW + timedelta(seconds=1), NOW + timedelta(days=1))) == []
        assert list(ticket_lines(conn, NOW - timedelta(days=1), NOW)) == []


def test_of_a_sensitive_complaint_no_matter_and_no_place(office: Office) -> None:
    with writing(office.engine) as conn:
        conn.execute(sa.update(tickets).values(sensitivity="sensitive"))
        lines = list(ticket_lines(conn, NOW, NOW + timedelta(days=1)))
    assert {(line.category, line.district, line.department, line.sensitive) for line in lines} == {
        (None, None, None, True)
    }


def test_solved_is_what_both_sides_say(office: Office) -> None:
    with writing(office.engine) as conn:
        ids = conn.scalars(sa.select(tickets.c.id).order_by(tickets.c.id)).all()
        closed = {"status": "closed", "ended_at": NOW, "outcome": "satisfied", "disposed_at": NOW}
        conn.execute(sa.update(tickets).values(**closed))
        for ticket_id, disposal in zip(ids, ("done", "policy", "done"), strict=True):
            row = {"ticket_id": ticket_id, "cycle": 1, "disposal": disposal, "disposed_at": NOW, "answered_at": NOW}
            outcome = "no_answer" if ticket_id == ids[2] else "satisfied"
            conn.execute(satisfaction.insert().values(**row, outcome=outcome))
        lines = list(ticket_lines(conn, NOW, NOW + timedelta(days=1)))
    assert [line.solved for line in lines] == [True, False, False]


# -- open data -----------------------------------------------------------------------------------------------------------

a_line = st.builds(
    lambda district, department, category, sensitive, status: replace(
        LINE, district=district, department=department, category=category, sensitive=sensitive, status=status,
        ended_at=None if status == "assigned" else NOW,
    ),
    st.sampled_from([None, "Hisar", "Karnal", "Nuh"]), st.sampled_from([None, "pwd", "phed"]),
    st.sampled_from([None, "pothole", "garbage"]), st.sampled_from([False, False, False, True]),
    st.sampled_from(["assigned", "rejected", "withdrawn", "closed"]),
)  # fmt: skip


@given(st.lists(a_line, max_size=120))
def test_no_published_line_is_small_and_none_is_lost(lines: list[TicketLine]) -> None:
    published = open_lines(lines)
    assert sum(line.tickets for line in published) == len(lines)
    assert sum(line.rejected for line in published) == sum(line.status == "rejected" for line in lines)
    if len(lines) >= LEAST:
        assert all(line.tickets >= LEAST for line in published)
    keys = [(line.district, line.department, line.category) for line in published]
    assert len(set(keys)) == len(keys)


def test_sensitive_complaints_are_counted_for_the_whole_state_alone() -> None:
    published = open_lines(
        [replace(LINE, sensitive=True, category=None, district=None, department=None)] * 6 + [LINE] * 7
    )
    assert [(line.district, line.category, line.tickets) for line in published] == [
        ("Hisar", "pothole", 7),
        (ALL, SENSITIVE, 6),
    ]


# -- the commands --------------------------------------------------------------------------------------------------------


def run(*words: str) -> tuple[int, str]:
    told = CliRunner().invoke(main, ["export", *words])
    return told.exit_code, told.output


def test_the_commands(office: Office, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SMGT_DATABASE_URL", office.engine.url.render_as_string(hide_password=False))
    with writing(office.engine) as conn:
        conn.execute(sa.update(tickets).values(opened_at=datetime(2025, 3, 10, 6, tzinfo=UTC)))
    done, told = run("tickets", "--from", "2025-03-10", "--until", "2025-03-10")
    assert done == 0
    found = list(csv.DictReader(io.StringIO(told)))
    assert len(found) == 3
    assert found[0]["opened_at"] == "2025-03-10 11:30"
    file = tmp_path / "march.csv"
    done, told = run("open-data", "--month", "2025-03", "--out", str(file))
    assert (done, file.exists()) == (0, True)
    assert "tickets 3" in told
    assert file.read_text(encoding="utf-8-sig").splitlines()[1].startswith("all others,all others,all others,3")


@pytest.mark.parametrize(
    "words",
    [
        ["tickets", "--from", "2099-01-01"],
        ["tickets", "--from", "2025-03-10", "--until", "2025-03-01"],
        ["open-data", "--month", "2099-01"],
        ["tickets", "--from", "2025-03-10", "--out", "/no/such/folder/x.csv"],
    ],
)
def test_bad_input_is_told_in_a_sentence(office: Office, monkeypatch: pytest.MonkeyPatch, words: list[str]) -> None:
    monkeypatch.setenv("SMGT_DATABASE_URL", office.engine.url.render_as_string(hide_password=False))
    code, told = run(*words)
    assert (code, told.count("\n")) == (1, 1), told
