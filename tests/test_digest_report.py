"""Reports of any period and office: each figure against a slow recount on random histories, and cases by hand."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

import pytest
import sqlalchemy as sa
from digest_comparing import compare
from digest_history import INDIA, NOW, insert_history, insert_stage
from digest_recount_report import wilson_by_search
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from handlers.digest.counting.checking import is_drawn
from handlers.digest.demand import telling
from handlers.digest.fairness import Results, Standing, Standings, ranked, wilson
from handlers.digest.figures import report
from handlers.digest.period import Period, PeriodKind, period_of
from handlers.digest.report import Against, Comparison, KeyCounts, Report
from handlers.digest.scope import STATE, Whose, scope_of
from handlers.digest.surging import at_least, unusual
from handlers.understanding.taxonomy import taxonomy
from handlers.unreached import nobody_above, unreached
from store.checks import NothingToCheck, check_key, check_of, record_check
from store.db import reading, writing
from store.directory import load_directory
from store.tables import coverage, holdings, incidents, officers, posts, satisfaction, tickets, transcript
from store.vocabulary import CheckResult, Outcome

DAY = date(2026, 11, 23)
SCOPES = ("cmo", "department:ulb", "district:Hisar")


# -- against the recount -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("kind", PeriodKind)
@pytest.mark.parametrize(("seed", "many"), [(1, 0), (2, 3), (3, 60), (4, 200)])
def test_every_figure_of_a_report_agrees_with_a_slow_recount(
    engine: sa.Engine, seed: int, many: int, kind: PeriodKind, scope: str
) -> None:
    with writing(engine) as conn:
        insert_history(conn, Random(seed), many)
    assert_agrees(engine, period_of(kind, DAY), scope)


@given(seed=st.integers(0, 10**9), many=st.integers(0, 40), kind=st.sampled_from(PeriodKind), days=st.integers(-9, 2))
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True
)  # fmt: skip
def test_any_history_agrees_with_a_slow_recount(
    sqlite_engine: sa.Engine, seed: int, many: int, kind: PeriodKind, days: int
) -> None:
    with sqlite_engine.connect() as conn, conn.begin() as undone:
        insert_history(conn, Random(seed), many)
        for scope in SCOPES:
            compare(conn, period_of(kind, DAY + timedelta(days=days)), scope, NOW)
        undone.rollback()


def assert_agrees(engine: sa.Engine, period: Period, scope: str) -> None:
    with reading(engine) as conn:
        compare(conn, period, scope, NOW)


# -- fairness ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("part", "whole"), [(0, 1), (1, 1), (0, 30), (30, 30), (1, 30), (7, 30), (29, 30), (500, 1234)]
)
def test_wilsons_interval_is_where_the_score_test_just_fails(part: int, whole: int) -> None:
    rate = wilson(part, whole)
    assert rate is not None
    assert (rate.low, rate.high) == pytest.approx(wilson_by_search(part, whole), abs=1e-9)
    assert 0 <= rate.low <= rate.share <= rate.high <= 1


def test_wilsons_interval_as_it_is_printed_in_textbooks() -> None:
    rate = wilson(81, 263)  # Newcombe 1998, table I: 0.2553 to 0.3662
    assert rate is not None
    assert (round(rate.low, 4), round(rate.high, 4)) == (0.2553, 0.3662)
    assert wilson(0, 0) is None


def test_nobody_is_ranked_by_fewer_than_thirty_answers() -> None:
    rows = ranked(
        [
            Standing(code="few", received=90, results=Results(solved=29)),
            Standing(code="good", received=50, results=Results(solved=30, no_answer=10)),
            Standing(code="alike", received=40, results=Results(solved=60, no_answer=20)),
            Standing(code="hides", received=30, results=Results(solved=30, rejected=100)),
            Standing(code="gone", is_known=False, results=Results(solved=100)),
            Standing(code="", received=500, results=Results(solved=100)),
        ]
    )
    assert [(row.code, row.rank) for row in rows] == [
        ("alike", 1),
        ("good", 1),
        ("hides", 3),
        ("few", None),
        ("gone", None),
        ("", None),
    ]


@pytest.mark.parametrize("hidden", ["rejected", "withdrawn", "merged", "planned", "closed_early", "no_answer"])
def test_nothing_can_be_put_where_it_does_not_count(hidden: str) -> None:
    plain = wilson(30, Results(solved=30, not_satisfied=10).total)
    tried = wilson(30, Results(solved=30, not_satisfied=10, **{hidden: 5}).total)
    assert plain is not None
    assert tried is not None
    assert tried.share < plain.share


# -- surges ------------------------------------------------------------------------------------------------------------


def test_the_chance_of_a_count() -> None:
    assert at_least(0, 3.0, 2.0) == 1.0
    assert at_least(1, 2.0, 1.0) == pytest.approx(2 / 3)  # geometric
    assert at_least(10, 2.0, 1.0) == pytest.approx((2 / 3) ** 10)
    assert at_least(3, 2.0, 1e7) == pytest.approx(1 - 5 * 2.718281828459045**-2, rel=1e-5)  # Poisson, nearly
    assert 0 < at_least(300, 0.125, 1.0) < 1e-280
    assert at_least(5, 50.0, 30.0) > 0.999


def poisson(chance: Random, mean: float) -> int:
    """Knuth's: multiply until it falls below."""
    limit, many, product = 2.718281828459045**-mean, 0, chance.random()
    while product > limit:
        many, product = many + 1, product * chance.random()
    return many


def test_an_ordinary_year_hardly_ever_cries_wolf() -> None:
    """A year of days without any surge: 23 districts, 60 categories, about 190 complaints a day, weekends quieter."""
    chance = random.Random(7)
    weights = [(f"d{at}", f"c{kind}") for at in range(23) for kind in range(60)]
    rates = {cell: 190 * (1 / (1 + at % 23)) * (1 / (1 + at // 23)) for at, cell in enumerate(weights)}
    scale = 190 / sum(rates.values())
    days: list[dict[tuple[str, str], int]] = []
    for number in range(56 + 365):
        quiet = 0.6 if number % 7 == 6 else 1.0
        drawn = {cell: poisson(chance, rate * scale * quiet) for cell, rate in rates.items()}
        days.append({cell: many for cell, many in drawn.items() if many})
    alarms = 0
    for number in range(56, len(days)):
        alarms += len(unusual(days[number], [days[number - 7 * back] for back in range(1, 9)], 23 * 60))
    assert alarms <= 365 / 20  # one day in twenty at most; measured: see below
    assert alarms / (365 / 7) < 0.35  # a week
    print(f"{alarms} false alarms in a year of Poisson days, {alarms / (365 / 7):.2f} a week")


def test_a_true_surge_is_told(sqlite_engine: sa.Engine) -> None:
    stage(sqlite_engine)
    with writing(sqlite_engine) as conn:
        for week in range(0, 9):
            rows = 2 if week else 14
            add_tickets(conn, rows, DAY - timedelta(weeks=week), category="power_outage", district="Hisar")
        add_tickets(conn, 1, DAY - timedelta(weeks=9), category="power_outage", district="Hisar")
        add_tickets(conn, 20, DAY, category="women_safety", district="Hisar")
        add_tickets(conn, 20, DAY, category="garbage", district="Jind", sensitivity="sensitive")
        add_tickets(conn, 9, DAY, category="pothole", district=None)
    with reading(sqlite_engine) as conn:
        (surge,) = report(conn, Period(DAY), STATE, NOW).burning.surges
        (weekly,) = report(conn, period_of(PeriodKind.WEEK, DAY), STATE, NOW).burning.surges
        calls = telling(conn, PeriodKind.DAY, DAY, STATE, NOW).calls
    assert (surge.district, surge.category, surge.seen, surge.day) == ("Hisar", "power_outage", 14, DAY)
    assert surge.expected == pytest.approx(17 / 8)
    assert weekly == surge
    (call,) = [one for one in calls if one.kind == "surge"]
    assert (call.district, call.category, call.many) == ("Hisar", "power_outage", 14)
    assert len(surge.newest) == 3
    assert surge.newest[0].opened_at >= surge.newest[1].opened_at >= surge.newest[2].opened_at
    for one in surge.newest:
        assert "98765" not in one.words
        assert one.words.startswith("bijli nahi hai, mera number")


def test_no_words_leave_that_groups_may_not_read(sqlite_engine: sa.Engine) -> None:
    stage(sqlite_engine)
    with writing(sqlite_engine) as conn:
        for week in range(1, 10):
            add_tickets(conn, 1, DAY - timedelta(weeks=week), category="garbage", district="Hisar")
        add_tickets(conn, 6, DAY, category="garbage", district="Hisar", keep_name_hidden=True)
        add_tickets(conn, 6, DAY, category="garbage", district="Hisar", register="grave")
        add_tickets(conn, 6, DAY, category="garbage", district="Hisar")
        conn.execute(transcript.update().values(text=None, withdrawn_at=NOW))
    with reading(sqlite_engine) as conn:
        (surge,) = report(conn, Period(DAY), STATE, NOW).burning.surges
    assert (surge.seen, surge.newest) == (18, ())


# -- checks ------------------------------------------------------------------------------------------------------------


def test_about_one_in_twenty_is_called_and_always_the_same() -> None:
    drawn = [(ticket, 1) for ticket in range(20_000) if is_drawn(4711, ticket, 1)]
    assert 900 < len(drawn) < 1100
    assert drawn == [(ticket, 1) for ticket in range(20_000) if is_drawn(4711, ticket, 1)]
    other = [(ticket, 1) for ticket in range(20_000) if is_drawn(4712, ticket, 1)]
    assert len(set(drawn) & set(other)) < 100


def test_every_database_has_its_own_key(sqlite_engine: sa.Engine) -> None:
    with reading(sqlite_engine) as conn:
        assert check_key(conn) > 2**32


def test_what_a_call_found_is_printed_beside(engine: sa.Engine) -> None:
    stage(engine)
    with writing(engine) as conn:
        add_tickets(conn, 200, DAY, category="garbage", district="Hisar", department="ulb")
        asks = [
            {"ticket_id": one, "cycle": 1, "disposed_at": NOW, "answered_at": at(DAY), "outcome": "satisfied"}
            for one in conn.scalars(sa.select(tickets.c.id))
        ]
        conn.execute(satisfaction.insert(), asks)
        calls = report(conn, Period(DAY), STATE, NOW).checks.calls
        assert calls
        first = calls[0]
        record_check(conn, first.ticket_id, 1, CheckResult.NOT_REACHED, None, at(DAY))
        found = record_check(conn, first.ticket_id, 1, CheckResult.DISAGREES, None, at(DAY))
        assert check_of(conn, first.ticket_id, 1) == found
        with pytest.raises(NothingToCheck, match="has no settled answer number 2"):
            record_check(conn, first.ticket_id, 2, CheckResult.AGREES, None, at(DAY))
    with reading(engine) as conn:
        told = report(conn, Period(DAY), STATE, NOW).checks
        theirs = report(conn, Period(DAY), scope_of("department:ulb"), NOW).checks
        others = report(conn, Period(DAY), scope_of("department:power"), NOW).checks
    assert [one.result for one in told.calls] == [CheckResult.DISAGREES, *[None] * (len(calls) - 1)]
    assert told.results == theirs.results == {"satisfied:disagrees": 1}
    assert (theirs.calls, others.results) == ((), {})
    assert told.drawn_from == {Outcome.SATISFIED: 200}


# -- days that are not like others -------------------------------------------------------------------------------------


def test_a_day_with_nothing(engine: sa.Engine) -> None:
    with reading(engine) as conn:
        told = report(conn, Period(DAY), STATE, NOW)
    assert (told.figures.received.total, told.figures.pending.total, told.burning.surges) == (0, 0, ())
    assert told.districts is not None
    assert [row.code for row in told.districts.rows if row.rank is None and row.solved is None] == sorted(
        taxonomy().districts
    )
    assert told.departments is not None
    assert all(row.received == 0 for row in told.departments.rows)


def test_a_day_with_five_thousand(sqlite_engine: sa.Engine) -> None:
    stage(sqlite_engine)
    with writing(sqlite_engine) as conn:
        add_tickets(conn, 5000, DAY, category="waterlogging", district="Gurugram", department="ulb")
        conn.execute(tickets.update().where(tickets.c.id % 2 == 0).values(incident_id=incident(conn)))
    with reading(sqlite_engine) as conn:
        told = report(conn, Period(DAY), STATE, NOW)
    assert told.figures.opened.total == told.trend.here.opened == told.trend.here.pending == 5000
    assert [(one.new, one.total, one.open) for one in told.burning.incidents] == [(2500, 2500, 2500)]
    assert against(told, Against.DAY_BEFORE).then == KeyCounts()


def test_the_turn_of_the_year(sqlite_engine: sa.Engine) -> None:
    stage(sqlite_engine)
    with writing(sqlite_engine) as conn:
        add_tickets(conn, 2, date(2026, 12, 31), category="garbage", district="Hisar")
        add_tickets(conn, 5, date(2027, 1, 1), category="garbage", district="Hisar")
        now = at(date(2027, 2, 3))
        day = report(conn, Period(date(2027, 1, 1)), STATE, now)
        week = report(conn, period_of(PeriodKind.WEEK, date(2027, 1, 1)), STATE, now)
        month = report(conn, period_of(PeriodKind.MONTH, date(2027, 1, 1)), STATE, now)
    assert (day.trend.here.opened, against(day, Against.DAY_BEFORE).then.opened) == (5, 2)
    assert (week.period.code, week.period.day, week.trend.here.opened) == ("2026-W53", date(2026, 12, 28), 7)
    assert (month.trend.here.opened, against(month, Against.MONTH_BEFORE).then.opened) == (5, 2)
    assert against(month, Against.YEAR_BEFORE).start == datetime(2025, 12, 31, 18, 30, tzinfo=UTC)


def test_a_district_that_did_not_exist_last_year_and_codes_that_do_no_longer(sqlite_engine: sa.Engine) -> None:
    stage(sqlite_engine)
    with writing(sqlite_engine) as conn:
        add_tickets(
            conn, 4, DAY - timedelta(days=370), category="electricity", district="Old Hisar", department="power"
        )
        add_tickets(conn, 3, DAY, category="electricity", district="Old Hisar", department="water_dept")
        add_tickets(conn, 6, DAY, category="garbage", district="Hansi", department="ulb")
    with reading(sqlite_engine) as conn:
        told = report(conn, Period(DAY), STATE, NOW)
        hansi = report(conn, period_of(PeriodKind.MONTH, DAY), scope_of("district:hansi"), NOW)
    assert told.departments is not None
    assert told.districts is not None
    assert told.figures.opened.by_category == {"garbage": 6, "electricity": 3}
    assert [(row.code, row.is_known, row.received) for row in told.departments.rows if row.received] == [
        ("ulb", True, 6),
        ("water_dept", False, 3),
    ]
    assert [(row.code, row.is_known, row.pending) for row in told.districts.rows if row.pending] == [
        ("Hansi", True, 6),
        ("Old Hisar", False, 7),
    ]
    assert hansi.scope.whose is Whose.DISTRICT
    assert against(hansi, Against.YEAR_BEFORE).then == KeyCounts()
    assert hansi.trend.here.opened == 6


def test_a_withdrawal_of_an_answered_ticket_is_one_result(sqlite_engine: sa.Engine) -> None:
    stage(sqlite_engine)
    ended = {"status": "withdrawn", "ended_at": at(DAY), "disposal_count": 1}
    with writing(sqlite_engine) as conn:
        (one,) = add_tickets(conn, 1, DAY, category="garbage", district="Hisar", department="ulb", **ended)
        ask = {"ticket_id": one, "cycle": 1, "disposed_at": at(DAY), "answered_at": at(DAY), "outcome": "no_answer"}
        conn.execute(satisfaction.insert().values(**ask))
    with reading(sqlite_engine) as conn:
        told = report(conn, Period(DAY), STATE, NOW)
    row = row_of(told.departments, "ulb")
    assert (row.results, row.results.total) == (Results(withdrawn=1), 1)


# -- making rows -------------------------------------------------------------------------------------------------------


def at(day: date, hour: int = 12) -> datetime:
    return datetime(day.year, day.month, day.day, hour, tzinfo=INDIA).astimezone(UTC)


def against(told: Report, what: Against) -> Comparison:
    return next(one for one in told.comparisons if one.against is what)


def row_of(table: Standings | None, code: str) -> Standing:
    assert table is not None
    return next(row for row in table.rows if row.code == code)


def stage(engine: sa.Engine) -> None:
    with writing(engine) as conn:
        insert_stage(conn)


def incident(conn: sa.Connection) -> int:
    row = {"category": "waterlogging", "district": "Gurugram", "department": "ulb", "owner_post": "xen"}
    made = incidents.insert().values(**row, opened_at=at(DAY)).returning(incidents.c.id)
    return int(conn.execute(made).scalar_one())


def add_tickets(conn: sa.Connection, many: int, day: date, **columns: Any) -> list[int]:
    """Tickets opened one minute after the other, each with words that hold a telephone number."""
    first = int(conn.execute(sa.select(sa.func.coalesce(sa.func.max(tickets.c.id), 0))).scalar_one()) + 1
    ids = list(range(first, first + many))
    conn.execute(tickets.insert(), [row for one in ids for row in _ticket(one, day, one - first, columns)])
    words = {"platform": "x", "speaker": "citizen", "thread_id": "t"}
    conn.execute(
        transcript.insert(),
        [
            {
                **words,
                "ticket_id": one,
                "message_id": f"m{one}",
                "text": f"bijli nahi hai, mera number 98765 {one:05d} hai",
                "occurred_at": at(day),
            }
            for one in ids
        ],
    )
    return ids


def _ticket(number: int, day: date, minute: int, columns: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield {
        "id": number,
        "number": f"HRY26-{number:06d}-0",
        "platform": "x",
        "channel_id": 1,
        "account_id": 1,
        "thread_id": f"t{number}",
        "first_message_id": f"m{number}",
        "language": "hi",
        "status": "triage",
        "opened_at": at(day, 6) + timedelta(seconds=10 * minute),
        **columns,
    }


def test_holes_are_those_of_the_whole_directory(sqlite_engine: sa.Engine) -> None:
    with writing(sqlite_engine) as conn:
        conn.execute(officers.insert().values(id=1, name="Officer", telegram_user_id="1"))
        for code, role, department, level, where in (
            ("xen", "nodal_officer", "power", 0, "Hisar"),
            ("ee", "nodal_officer", "ulb", 0, "*"),
            ("dc", "district_head", "ulb", 1, "Jind"),
            ("cm", "district_nodal", None, 1, "Karnal"),
            ("cmo", "cmo_desk", None, 3, "*"),
            ("empty", "nodal_officer", "police", 0, "*"),
        ):
            conn.execute(posts.insert().values(code=code, title=code, role=role, department=department, level=level))
            conn.execute(coverage.insert().values(post=code, district=where))
            if code != "empty":
                conn.execute(holdings.insert().values(post=code, officer_id=1, from_at=at(DAY)))
    with reading(sqlite_engine) as conn:
        directory, known = load_directory(conn, NOW), taxonomy()
        told = report(conn, Period(DAY), STATE, NOW).figures.holes
        power = report(conn, Period(DAY), scope_of("department:power"), NOW).figures.holes
        hisar = report(conn, Period(DAY), scope_of("district:Hisar"), NOW).figures.holes
    whole: dict[str, set[str]] = {}
    for one in unreached(directory, known):
        whole.setdefault(one.department, set()).update(one.districts)
    assert dict(told.unreached) == {code: len(where) for code, where in whole.items()}
    assert dict(told.nobody_above) == {
        code: len(where) for code, where in nobody_above(directory, known.districts).items()
    }
    assert dict(power.unreached) == {"power": told.unreached["power"]}
    assert dict(hisar.unreached) == {code: 1 for code, where in whole.items() if "Hisar" in where}
    assert dict(told.missing) == {"no_cmo_desk": 1, "post_vacant": 1}
