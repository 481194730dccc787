"""What is told of a report: the rows of a history by hand, the calls in order, the changes, and every form's figures."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from random import Random

import pytest
import sqlalchemy as sa
from digest_comparing import compare
from digest_history import NOW as THEN
from digest_history import insert_history

from handlers.digest.demand import telling
from handlers.digest.fairness import Results, Standing, Standings, wilson
from handlers.digest.figures import report
from handlers.digest.message import message_of
from handlers.digest.period import Period, PeriodKind, period_of
from handlers.digest.report import Against, Burning, GrowingIncident, LateOffice, Report, Surge, TicketLine
from handlers.digest.scope import STATE, Scope, Whose, scope_of
from handlers.digest.sheet import Rate, Table, table_of
from handlers.digest.sheets import sheet_of
from handlers.digest.telling import Change, Span
from handlers.digest.told import calls_of, told_of
from handlers.length import TELEGRAM_LIMIT
from handlers.render import DigestWords
from handlers.understanding.taxonomy import taxonomy
from store import channels
from store.db import reading, writing
from store.tables import events, satisfaction, tickets
from store.vocabulary import Language, Platform

START = datetime(2026, 11, 26, 18, 30, tzinfo=UTC)  # midnight in Haryana
END = START + timedelta(days=1)
NOW = END + timedelta(hours=8)
DAY = date(2026, 11, 27)


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
            ticket(conn, number, status="rejected", ended_at=END - timedelta(hours=1))
            asked(conn, number, 1, "satisfied" if number % 4 else "not_satisfied")
        ticket(conn, 41, due_at=NOW - timedelta(hours=3), opened_at=START - timedelta(days=3))
        hidden = {"sensitivity": "sensitive", "category": "women_safety", "department": "police"}
        ticket(conn, 42, due_at=NOW - timedelta(hours=9), **hidden)
        ticket(conn, 43, due_at=NOW + timedelta(hours=1), department="ulb", district="Hansi", category="garbage")
        asked(conn, 43, 1, "satisfied", "policy")
        asked(conn, 43, 2, "no_answer")
        asked(conn, 43, 3, None)
        for kind in ("reopened", "reopened", "rejected"):
            conn.execute(events.insert().values(ticket_id=43, kind=kind, at=START, actor="office", codes="{}"))
    return engine


def row_of(table: Standings | None, code: str) -> Standing:
    assert table is not None
    return next(row for row in table.rows if row.code == code)


def test_a_share_is_of_all_results_and_nobody_gains_by_rejecting(history: sa.Engine) -> None:
    with reading(history) as conn:
        told = telling(conn, Span.DAY, DAY, STATE, NOW)
    power, ulb = row_of(told.departments, "power"), row_of(told.departments, "ulb")
    assert power.results == Results(solved=30, not_satisfied=10, rejected=40)
    assert (power.received, power.pending, power.late, power.rank, power.solved) == (41, 1, 1, 1, wilson(30, 80))
    assert ulb.results == Results(accepted_otherwise=1, no_answer=1)
    assert (ulb.disposed, ulb.reopened, ulb.rank, ulb.solved) == (3, 2, None, wilson(0, 2))
    assert told.districts is not None
    assert {row.code for row in told.districts.rows} == set(taxonomy().districts)


def test_the_table_shows_what_stands_in_the_report(history: sa.Engine) -> None:
    with reading(history) as conn:
        told = telling(conn, Span.DAY, DAY, STATE, NOW)
    table = table_of(sheet_of(told, Language.EN), "departments")
    assert table is not None
    assert table.title == "Departments, thirty days"
    shown = cells(table, "Power department")
    assert shown["done, of all results"] == wilson(30, 80)
    wanted = {"rank": 1, "all results": 80, "said done or not": 40, "not taken up": 40, "no answer": 0, "put off": 0}
    assert {name: shown[name] for name in wanted} == wanted


def test_late_tickets_hide_where_and_what_a_sensitive_one_is(history: sa.Engine) -> None:
    with reading(history) as conn:
        told = telling(conn, Span.DAY, DAY, STATE, NOW)
    assert [(one.number, one.department, one.district, round(one.hours)) for one in told.late_tickets] == [
        ("HRY26-000042-0", "police", None, 9),
        ("HRY26-000041-0", "power", "Hisar", 3),
    ]
    assert told.late_tickets[0].category is None


@pytest.mark.parametrize(
    ("scope", "opened", "late", "tables"),
    [
        (STATE, 43, 2, ("departments", "districts")),
        (Scope(Whose.DISTRICT, "Hansi"), 1, 0, ("departments",)),
        (Scope(Whose.DEPARTMENT, "power"), 41, 1, ("districts",)),
    ],
)
def test_an_edition_is_of_those_it_is_for(
    history: sa.Engine, scope: Scope, opened: int, late: int, tables: tuple[str, ...]
) -> None:
    with reading(history) as conn:
        told = telling(conn, Span.MONTH, date(2026, 11, 5), scope, NOW)
    assert (told.whose, told.code) == (scope.whose, scope.code)
    assert (told.first, told.last) == (date(2026, 11, 1), date(2026, 11, 30))
    assert (told.opened, told.late, told.so_far, len(told.late_tickets)) == (opened, late, True, late)
    assert (len(told.days), told.days[-1].received) == (12, opened)
    sheet = sheet_of(told, Language.HI)
    assert tuple(one.code for one in sheet.tables if one.code in ("departments", "districts")) == tables
    assert (sheet.charts.districts is not None) == (scope.whose is not Whose.DISTRICT)
    assert sheet.charts.trend is not None


# -- against the slow recount ----------------------------------------------------------------------------------------------


def cells(table: Table, name: str) -> dict[str, object]:
    row = next(row for row in table.rows if row[0] == name)
    return {column.head: cell for column, cell in zip(table.columns, row, strict=True)}


@pytest.mark.parametrize("scope", ["cmo", "department:ulb", "district:Hisar"])
@pytest.mark.parametrize("kind", PeriodKind)
def test_every_figure_of_a_form_is_the_recounted_ones(sqlite_engine: sa.Engine, kind: PeriodKind, scope: str) -> None:
    """`compare` holds the report against the recount; here the sheet is held against that report, cell by cell."""
    with writing(sqlite_engine) as conn:
        insert_history(conn, Random(8), 150)
        counted = compare(conn, period_of(kind, date(2026, 11, 23)), scope, THEN)
    told, words = told_of(counted), DigestWords(Language.EN)
    sheet = sheet_of(told, Language.EN)
    figures = {one.label: one.value for one in sheet.figures}
    assert figures["complaints numbered"] == counted.figures.opened.total
    assert figures["pending"] == counted.figures.pending.total
    assert figures["late"] == counted.figures.pending.late
    assert figures["citizens said: done"] == counted.figures.done.solved
    for code, standings in (("departments", counted.departments), ("districts", counted.districts)):
        table = table_of(sheet, code)
        if standings is None:
            assert table is None
            continue
        assert table is not None
        rows = [row for row in standings.rows if row.code]
        assert len(rows) == len(table.rows)
        for row, shown in zip(rows, table.rows, strict=True):
            by_head = {column.head: cell for column, cell in zip(table.columns, shown, strict=True)}
            assert_row(row, by_head)
    matters = table_of(sheet, "categories")
    assert matters is not None
    assert list(matters.rows) == [
        (words.name("category", one.code), one.received, one.pending, one.late) for one in counted.matters if one.code
    ]
    late = table_of(sheet, "late_tickets")
    assert [row[0] for row in late.rows] == [one.number for one in counted.late] if late else not counted.late
    trend = sheet.charts.trend
    assert trend is not None
    assert {one.code: one.values for one in trend.series} == {
        "received": tuple(point.counts.opened for point in counted.trend.points),
        "disposed": tuple(point.counts.disposed for point in counted.trend.points),
        "pending": tuple(point.counts.pending for point in counted.trend.points),
    }


def assert_row(row: Standing, shown: dict[str, object]) -> None:
    results = row.results
    assert shown["done, of all results"] == wilson(results.solved, results.total)
    parts = {
        "rank": row.rank, "new": row.received, "pending": row.pending, "late": row.late, "answered": row.disposed,
        "reopened": row.reopened, "all results": results.total, "said done or not": results.answered,
        "no answer": results.no_answer, "not taken up": results.rejected, "withdrawn": results.withdrawn,
        "merged": results.merged, "put off": results.planned, "could not be asked": results.not_askable,
        "over before an answer": results.closed_early,
    }  # fmt: skip
    assert {name: shown[name] for name in parts} == parts
    named = ("said done or not", "no answer", "not taken up", "withdrawn", "merged", "put off", "could not be asked")
    assert sum(int(str(shown[name])) for name in (*named, "over before an answer")) == results.total
    rate = shown["done, of all results"]
    assert rate is None or isinstance(rate, Rate)


# -- calls -----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def quiet(sqlite_engine: sa.Engine) -> Report:
    with reading(sqlite_engine) as conn:
        return report(conn, Period(DAY), STATE, NOW)


def surge(seen: int, **more: str) -> Surge:
    where = {"district": "Rohtak", "category": "waterlogging", **more}
    return Surge(day=DAY, seen=seen, expected=4.0, chance=1e-9, **where)


def incident(new: int, still: int, category: str = "waterlogging") -> GrowingIncident:
    return GrowingIncident(
        incident=1,
        category=category,
        district="Rohtak",
        department="ulb",
        began_at=START,
        new=new,
        total=new,
        open=still,
    )


def again(reopened: int, department: str | None = "power") -> TicketLine:
    return TicketLine(
        number="HRY26-004700-3", department=department, district=None, category=None, opened_at=START, reopened=reopened,
        level=0,
    )  # fmt: skip


def test_calls_are_made_by_weight_one_of_a_kind_and_at_most_three(quiet: Report) -> None:
    late = LateOffice(department="power", district="Hisar", many=25, hours=50.0)
    burning = Burning(
        surges=(surge(14), surge(41)), incidents=(incident(30, 9, "garbage"),), reopened_twice=(again(2),)
    )
    calls = calls_of(replace(quiet, burning=burning, most_late=late))
    assert [(one.kind, one.many) for one in calls] == [("surge", 41), ("growing", 30), ("late", 25)]
    trouble = replace(quiet.figures.trouble, stopped_channels=("cmohry",))
    blind = replace(quiet, burning=burning, figures=replace(quiet.figures, trouble=trouble))
    assert [one.kind for one in calls_of(blind)] == ["channel", "surge", "growing"]
    assert calls_of(quiet) == ()


def test_one_matter_is_one_call_and_nobody_is_rung_about_what_is_over(quiet: Report) -> None:
    burning = Burning(surges=(surge(9),), incidents=(incident(30, 9),), reopened_twice=(again(2, None), again(3)))
    assert [(one.kind, one.many) for one in calls_of(replace(quiet, burning=burning))] == [("again", 3), ("surge", 9)]
    assert calls_of(replace(quiet, burning=Burning(incidents=(incident(30, 0),)))) == ()


# -- changes -----------------------------------------------------------------------------------------------------------------


def test_a_day_is_compared_with_the_day_before_and_the_same_weekday(engine: sa.Engine) -> None:
    with writing(engine) as conn:
        channels.register(conn, "cmohry", Platform.X)
        for number, days in enumerate((0, 0, 0, 1, 7, 7, 7, 7), start=1):
            ticket(conn, number, due_at=NOW, opened_at=START + timedelta(hours=1) - timedelta(days=days))
        told = telling(conn, Span.DAY, DAY, STATE, NOW)
        so_far = telling(conn, Span.DAY, DAY, STATE, NOW - timedelta(hours=9))
    assert told.changes["opened"] == (Change(Against.DAY_BEFORE, 2), Change(Against.SAME_WEEKDAY, -1))
    assert told.changes["pending"] == (Change(Against.DAY_BEFORE, 3), Change(Against.SAME_WEEKDAY, 4))
    assert set(so_far.changes) == {"pending"}


@pytest.mark.parametrize(("span", "against"), [(Span.WEEK, Against.WEEK_BEFORE), (Span.MONTH, Against.MONTH_BEFORE)])
def test_a_week_and_a_month_are_compared_with_the_one_before(engine: sa.Engine, span: Span, against: Against) -> None:
    with writing(engine) as conn:
        channels.register(conn, "cmohry", Platform.X)
        ticket(conn, 1, due_at=NOW)
        ticket(conn, 2, due_at=NOW, opened_at=period_of(span, DAY).start - timedelta(hours=1))
        told = telling(conn, span, DAY, scope_of("cmo"), period_of(span, DAY).end + timedelta(hours=2))
    assert told.changes["opened"] == (Change(against, 0),)
    assert told.changes["pending"] == (Change(against, 1),)


def test_the_message_stays_short_however_much_burns(quiet: Report) -> None:
    many = tuple(surge(40 + at) for at in range(40))
    for language in Language:
        text = message_of(sheet_of(told_of(replace(quiet, burning=Burning(surges=many))), language))
        assert len(text) < TELEGRAM_LIMIT
        assert "41" in text
