"""Holding a report against its slow recount, figure by figure."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from digest_recount_report import ReportRecount

from handlers.digest.counting.checking import is_drawn
from handlers.digest.fairness import Results, Standing
from handlers.digest.figures import report
from handlers.digest.period import Period, PeriodKind, period_of
from handlers.digest.report import Against, KeyCounts, Report
from handlers.digest.scope import STATE, scope_of
from handlers.digest.shapes import Figures
from handlers.understanding.taxonomy import taxonomy
from store.checks import check_key


def compare(conn: sa.Connection, period: Period, text: str, now: datetime) -> Report:
    """Count the report of this period and scope, and every figure of it once more."""
    scope = scope_of(text)
    told, again = report(conn, period, scope, now), ReportRecount(conn, period, now, scope)
    assert (told.figures.start, told.figures.end) == (again.start, again.end)
    figures = again.figures()
    compare_figures(told.figures, figures)
    compare_standings(told, again)
    compare_trend(told, again)
    compare_burning(told, again)
    compare_late(told, again)
    assert dict(told.checks.results) == again.check_results()
    if scope == STATE:
        assert sum(told.checks.drawn_from.values()) == len(again.callable_asks())
        key = check_key(conn)
        drawn = {ask for ask in again.callable_asks() if is_drawn(key, *ask)}
        assert {(one.ticket_id, one.cycle) for one in told.checks.calls} == drawn
    else:
        assert not told.checks.calls
    return told


def compare_figures(counted: Figures, recounted: Figures) -> None:
    """What the directory lacks is not history; it is compared elsewhere."""
    assert counted.received == recounted.received
    assert counted.opened == recounted.opened
    assert rounded(counted.pending) == rounded(recounted.pending)
    assert counted.done == recounted.done
    assert rounded(counted.replies) == rounded(recounted.replies)
    assert rounded(counted.trouble) == rounded(recounted.trouble)
    assert rounded(counted.times) == rounded(recounted.times)
    assert counted.holes.met == recounted.holes.met


class Nearly:
    """A fraction that equals another in all but its last digits; rounding would part two that lie beside an edge."""

    def __init__(self, value: float) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Nearly) and abs(self.value - other.value) < 1e-6

    def __hash__(self) -> int:
        return 0

    def __repr__(self) -> str:
        return f"~{self.value}"


def rounded(value: Any) -> Any:
    """To be compared with another that was counted in another order."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: rounded(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, (list, tuple)):
        return [rounded(one) for one in value]
    return Nearly(value) if isinstance(value, float) else value


def compare_standings(told: Report, again: ReportRecount) -> None:
    window = (again.start, again.end)
    if told.period.kind is not PeriodKind.MONTH:
        window = (again.end - timedelta(days=30), again.end)
    for column, table in (("department", told.departments), ("district", told.districts)):
        if column == told.scope.whose.value:
            assert table is None
            continue
        assert table is not None
        assert (table.start, table.end) == window
        assert {row.code: counts for row in table.rows if (counts := counts_of(row))} == again.standing(column, *window)
        if column == "district":
            assert set(taxonomy().districts) <= {row.code for row in table.rows}


def counts_of(row: Standing) -> dict[str, int]:
    plain = {name: getattr(row, name) for name in ("received", "disposed", "reopened", "pending", "late")}
    results = {name: getattr(row.results, name) for name in Results.__slots__}
    return {name: many for name, many in (plain | results).items() if many}


def compare_trend(told: Report, again: ReportRecount) -> None:
    days = [point.day for point in told.trend.points]
    assert len(days) == {"day": 14, "week": 12, "month": 12}[told.period.kind]
    assert days[-1] == told.period.day
    for point in told.trend.points:
        one = period_of(told.period.kind, point.day)
        assert one.day == point.day
        assert point.counts == again.key_counts(one.start, one.end), point.day
    for comparison in told.comparisons:
        then = again.key_counts(comparison.start, comparison.end)
        if comparison.against is Against.MONTH_BEFORE_PER_DAY:
            many = (comparison.end - comparison.start).days
            then = KeyCounts(
                opened=then.opened / many,
                disposed=then.disposed / many,
                solved=then.solved / many,
                not_satisfied=then.not_satisfied / many,
                reopened=then.reopened / many,
                pending=then.pending,
            )
        assert comparison.then == then, comparison.against


def compare_burning(told: Report, again: ReportRecount) -> None:
    found = told.burning
    assert [(one.day, one.district, one.category, one.seen) for one in found.surges] == again.surging()[:3]
    assert [(one.incident, one.new, one.total, one.open) for one in found.incidents] == again.grown()[:5]
    often = again.lines(
        lambda row: bool(row["reopen_count"] > 1), lambda row: (-row["reopen_count"], row["opened_at"], row["number"])
    )
    urgent = again.lines(lambda row: bool(row["urgent"]), lambda row: (row["opened_at"], row["number"]))
    for lines, recounted in ((found.reopened_twice, often), (found.emergencies, urgent)):
        assert [without_fractions(one) for one in lines] == [without_fractions(one) for one in recounted[:10]]


def compare_late(told: Report, again: ReportRecount) -> None:
    late = again.late()
    assert [rounded(one) for one in told.late] == [rounded(one) for one in late[:1000]]
    assert rounded(told.most_late) == rounded(again.most_late())
    assert list(told.matters) == again.matters()


def without_fractions(line: Any) -> tuple[object, ...]:
    late = rounded(line.late_hours)
    return (line.number, line.department, line.district, line.category, line.opened_at, line.reopened, line.level, late)
