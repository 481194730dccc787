"""The key figures of many stretches of time at once: the trend, and what a period is compared with. SQL that only reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from datetime import date, timedelta
from itertools import pairwise
from typing import Any, Final

import sqlalchemy as sa

from handlers.digest.counting.within import Stretch, count, in_scope, of_tickets
from handlers.digest.period import Period, PeriodKind, period_of
from handlers.digest.report import Against, Comparison, KeyCounts, Point, Trend
from handlers.digest.scope import Scope
from store.tables import events, satisfaction, tickets
from store.vocabulary import Disposal, Outcome

LENGTHS: Final = {PeriodKind.DAY: 14, PeriodKind.WEEK: 12, PeriodKind.MONTH: 12}
AT_ONCE: Final = 40  # stretches in one statement


def trend_and_comparisons(conn: sa.Connection, period: Period, scope: Scope) -> tuple[Trend, tuple[Comparison, ...]]:
    """What led here, and the same figures of earlier periods."""
    points = list(_points(period))
    earlier = _earlier(period)
    stretches = [Stretch(one.start, one.end) for one in (*points, *earlier.values())]
    counted = dict(zip(stretches, key_counts(conn, stretches, scope), strict=True))
    trend = Trend(
        points=tuple(Point(day=one.day, counts=counted[Stretch(one.start, one.end)]) for one in points),
    )
    return trend, tuple(_comparison(against, one, counted) for against, one in earlier.items())


def _points(period: Period) -> Iterator[Period]:
    found = [period]
    while len(found) < LENGTHS[period.kind]:
        found.append(found[-1].before)
    return reversed(found)


def _earlier(period: Period) -> dict[Against, Period]:
    match period.kind:
        case PeriodKind.DAY:
            return {
                Against.DAY_BEFORE: period.before,
                Against.SAME_WEEKDAY: Period(period.day - timedelta(days=7)),
                Against.MONTH_BEFORE_PER_DAY: period_of(PeriodKind.MONTH, period.day).before,
            }
        case PeriodKind.WEEK:
            return {
                Against.WEEK_BEFORE: period.before,
                Against.YEAR_BEFORE: period_of(PeriodKind.WEEK, period.day - timedelta(days=364)),
            }
        case PeriodKind.MONTH:
            return {
                Against.MONTH_BEFORE: period.before,
                Against.YEAR_BEFORE: Period(date(period.day.year - 1, period.day.month, 1), PeriodKind.MONTH),
            }


def _comparison(against: Against, period: Period, counted: Mapping[Stretch, KeyCounts]) -> Comparison:
    then = counted[Stretch(period.start, period.end)]
    if against is Against.MONTH_BEFORE_PER_DAY:
        days = (period.next_day - period.day).days
        a_day = {one.name: getattr(then, one.name) / days for one in fields(then)}
        then = KeyCounts(**{**a_day, "pending": then.pending})
    return Comparison(against=against, start=period.start, end=period.end, then=then)


def key_counts(conn: sa.Connection, stretches: Sequence[Stretch], scope: Scope) -> list[KeyCounts]:
    """The key figures of each stretch, in their order."""
    yes = (satisfaction.c.outcome == Outcome.SATISFIED, satisfaction.c.disposal == Disposal.DONE)
    no = satisfaction.c.outcome == Outcome.NOT_SATISFIED
    here = in_scope(scope)

    def asks(column: sa.ColumnElement[Any], *where: sa.ColumnElement[bool]) -> list[int]:
        query = sa.select(sa.func.count()).select_from(satisfaction).where(*where)
        return _each(conn, of_tickets(query, satisfaction.c.ticket_id, scope), column, stretches)

    reopened = sa.select(sa.func.count()).select_from(events).where(events.c.kind == "reopened")
    opened = sa.select(sa.func.count()).select_from(tickets).where(*here)
    found = zip(
        _each(conn, opened, tickets.c.opened_at, stretches),
        asks(satisfaction.c.disposed_at),
        asks(satisfaction.c.answered_at, *yes),
        asks(satisfaction.c.answered_at, no),
        _each(conn, of_tickets(reopened, events.c.ticket_id, scope), events.c.at, stretches),
        _pending_at_ends(conn, stretches, scope),
        strict=True,
    )
    names = ("opened", "disposed", "solved", "not_satisfied", "reopened", "pending")
    return [KeyCounts(**dict(zip(names, row, strict=True))) for row in found]


def _pending_at_ends(conn: sa.Connection, stretches: Sequence[Stretch], scope: Scope) -> list[int]:
    """Backwards from what has not ended: at a moment that many were pending, less those opened since, and those ended
    since besides."""
    if not stretches:
        return []
    here = in_scope(scope)
    ends = sorted({one.end for one in stretches})
    steps = [Stretch(since, until) for since, until in pairwise(ends)]
    opened = sa.select(sa.func.count()).select_from(tickets).where(*here)
    at = count(conn, tickets, tickets.c.ended_at.is_(None), *here)
    at -= count(conn, tickets, tickets.c.opened_at >= ends[-1], *here)
    at += count(conn, tickets, tickets.c.ended_at >= ends[-1], *here)
    pending = {ends[-1]: at}
    came, went = (_each(conn, opened, column, steps) for column in (tickets.c.opened_at, tickets.c.ended_at))
    for step, more, fewer in reversed(list(zip(steps, came, went, strict=True))):
        at += fewer - more
        pending[step.start] = at
    return [pending[one.end] for one in stretches]


def _each(
    conn: sa.Connection, query: sa.Select[Any], column: sa.ColumnElement[Any], stretches: Sequence[Stretch]
) -> list[int]:
    """The query's count within each stretch: subqueries of one statement, so that each is a short walk along an index. A
    join with tickets is made once for all instead."""
    is_joined = bool(query.get_final_froms() and isinstance(query.get_final_froms()[0], sa.Join))
    found: list[int] = []
    for first in range(0, len(stretches), AT_ONCE):
        some = stretches[first : first + AT_ONCE]
        if is_joined:
            whole = Stretch(min(one.start for one in some), max(one.end for one in some))
            filtered: list[sa.ColumnElement[Any]] = [sa.func.count().filter(one.holds(column)) for one in some]
            asked: sa.Select[Any] = query.with_only_columns(*filtered).where(whole.holds(column))
        else:
            walks = (query.where(one.holds(column)).scalar_subquery() for one in some)
            labelled: list[sa.ColumnElement[Any]] = [walk.label(f"c{at}") for at, walk in enumerate(walks)]
            asked = sa.select(*labelled)
        found += [int(many) for many in conn.execute(asked).one()]
    return found
