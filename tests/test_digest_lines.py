"""The rows of the digest's tables, against a slow and obvious recount of a history, and Wilson's bounds."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa

from handlers.digest.demand import telling
from handlers.digest.lines import (
    category_lines,
    department_lines,
    district_lines,
    last_days,
    late_tickets,
    wilson,
)
from handlers.digest.scope import Scope, Whose
from handlers.digest.sheets import sheet_of
from handlers.digest.telling import Line, Span
from handlers.understanding.taxonomy import taxonomy
from store import channels
from store.db import reading, writing
from store.tables import events, satisfaction, tickets
from store.vocabulary import Language, Platform

START = datetime(2026, 11, 26, 18, 30, tzinfo=UTC)  # midnight in Haryana
END = START + timedelta(days=1)
NOW = END + timedelta(hours=8)


def ticket(conn: sa.Connection, number: int, **more: object) -> None:
    row = {
        "id": number, "number": f"HRY26-{number:06}-0", "platform": "x", "channel_id": 1, "hidden_author": True,
        "thread_id": "t", "first_message_id": "m", "language": "hi", "status": "assigned", "department": "power",
        "district": "Hisar", "category": "power_outage", "opened_at": START + timedelta(hours=1),
    }  # fmt: skip
    conn.execute(tickets.insert().values(**{**row, **more}))


def asked(conn: sa.Connection, number: int, cycle: int, outcome: str | None, disposal: str = "done") -> None:
    at = START + timedelta(hours=2)
    row = {"ticket_id": number, "cycle": cycle, "disposed_at": at, "disposal": disposal, "outcome": outcome}
    conn.execute(satisfaction.insert().values(**row, answered_at=at + timedelta(hours=1) if outcome else None))


@pytest.fixture
def history(engine: sa.Engine) -> sa.Engine:
    with writing(engine) as conn:
        channels.register(conn, "cmohry", Platform.X)
        for number in range(1, 41):
            ticket(conn, number, status="rejected", ended_at=END)
            asked(conn, number, 1, "satisfied" if number % 4 else "not_satisfied")
        ticket(conn, 41, due_at=NOW - timedelta(hours=3), opened_at=START - timedelta(days=3))
        ticket(
            conn,
            42,
            due_at=NOW - timedelta(hours=9),
            sensitivity="sensitive",
            category="women_safety",
            department="police",
        )
        ticket(conn, 43, due_at=NOW + timedelta(hours=1), department="ulb", district="Hansi", category="garbage")
        asked(conn, 43, 1, "satisfied", "policy")
        asked(conn, 43, 2, "no_answer")
        asked(conn, 43, 3, None)
        for kind in ("reopened", "reopened", "rejected"):
            conn.execute(events.insert().values(ticket_id=43, kind=kind, at=START, actor="office", codes="{}"))
    return engine


def test_each_department_is_counted_alone_and_ranked_only_when_it_is_fair(history: sa.Engine) -> None:
    with reading(history) as conn:
        power, *others = department_lines(conn, START, END, NOW)
    assert power == Line(
        code="power", received=40, pending=1, late=1, disposed=40, yes=30, answered=40, bounds=wilson(30, 40), no_answer=0,
        rejected=0, withdrawn=0, reopened=0, rank=1,
    )  # fmt: skip
    by_code = {line.code: line for line in others}
    assert by_code["ulb"] == Line(
        code="ulb", received=1, pending=1, late=0, disposed=3, yes=0, answered=0, bounds=None, no_answer=1, rejected=1,
        withdrawn=0, reopened=1,
    )  # fmt: skip
    assert by_code["police"].late == 1
    assert {line.rank for line in others} == {None}


def test_every_district_has_a_line_and_sensitive_tickets_are_in_none(history: sa.Engine) -> None:
    with reading(history) as conn:
        lines = {line.code: line for line in district_lines(conn, START, END, NOW)}
        categories = {line.code for line in category_lines(conn, START, END, NOW)}
        late = late_tickets(conn, NOW)
    assert set(lines) == set(taxonomy().districts)
    assert (lines["Hisar"].received, lines["Hisar"].late, lines["Hansi"].pending) == (40, 1, 1)
    assert not {code for code in categories if "women" in code}
    assert [(one.number, one.department, one.district, round(one.hours)) for one in late] == [
        ("HRY26-000042-0", "police", None, 9),
        ("HRY26-000041-0", "power", "Hisar", 3),
    ]
    assert late[0].category is None


def test_two_weeks_of_days(history: sa.Engine) -> None:
    with reading(history) as conn:
        days = last_days(conn, (END - timedelta(hours=1)).date())
    assert (len(days), days[-1].received, days[-1].disposed) == (14, 42, 43)
    assert sum(day.received or 0 for day in days) == 43


@pytest.mark.parametrize(
    ("yes", "answered", "low", "high"),
    [(0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (15, 30, 0.3315, 0.6685), (81, 263, 0.2553, 0.3662)],
)
def test_wilsons_bounds_are_those_of_the_books(yes: int, answered: int, low: float, high: float) -> None:
    """The last is Newcombe's own example (Statistics in Medicine 17, 1998)."""
    assert wilson(yes, answered) == pytest.approx((low, high), abs=0.0001)
    assert wilson(0, 0) is None


@pytest.mark.parametrize(
    ("scope", "opened", "late"),
    [(Scope(Whose.CMO), 43, 2), (Scope(Whose.DISTRICT, "Hansi"), 1, 0), (Scope(Whose.DEPARTMENT, "power"), 41, 1)],
)
def test_an_edition_on_demand_is_of_those_it_is_for(history: sa.Engine, scope: Scope, opened: int, late: int) -> None:
    with reading(history) as conn:
        told = telling(conn, Span.MONTH, date(2026, 11, 5), scope, NOW)
    assert (told.whose, told.code, told.first, told.last) == (
        scope.whose,
        scope.code,
        date(2026, 11, 1),
        date(2026, 11, 30),
    )
    assert (told.opened, told.late, told.so_far) == (opened, late, True)
    sheet = sheet_of(told, Language.HI)
    assert (sheet.charts.districts is not None) == (scope.whose is Whose.CMO)
