"""What is counted for each department, district and category, and for each day: the rows of the digest's tables.

Owns SQL that only reads. It must not know words or who reads them. The definitions are those of handlers/digest/shapes.py,
taken for each row: a ticket counts for the department and the district that stand on it when it is counted. Sensitive
tickets count for their department, and for no district or category.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa

from handlers.digest.counting.burning import surges
from handlers.digest.period import Period, office_day
from handlers.digest.report import Surge
from handlers.digest.scope import STATE
from handlers.digest.telling import LEAST_ANSWERS, MOST_CALLS, Call, Day, LateTicket, Line, Telling
from handlers.understanding.taxonomy import taxonomy
from store.tables import events, satisfaction, tickets
from store.vocabulary import Disposal, Outcome, Sensitivity, Status

Z: Final = 1.959963984540054  # 95 of 100 of a normal distribution lie within so many deviations
TREND_DAYS: Final = 14
LATE_NAMED: Final = 1000  # late tickets listed in the spreadsheet, the longest late first
_WITH_OFFICE: Final = (Status.ASSIGNED, Status.ACCEPTED)
Counted = Mapping[str, Mapping[str, int]]  # what is counted -> code -> how many


def wilson(yes: int, answered: int) -> tuple[float, float] | None:
    """The bounds of a share by Wilson's score interval at 95%; None where nobody answered."""
    if not answered:
        return None
    share, square = yes / answered, Z * Z
    middle = (share + square / (2 * answered)) / (1 + square / answered)
    reach = Z * math.sqrt(share * (1 - share) / answered + square / (4 * answered**2)) / (1 + square / answered)
    return max(0.0, middle - reach), min(1.0, middle + reach)


def department_lines(conn: sa.Connection, start: datetime, end: datetime, now: datetime) -> tuple[Line, ...]:
    """A line for each department that has anything to show."""
    return _ranked(_counted(conn, tickets.c.department, start, end, now))


def district_lines(conn: sa.Connection, start: datetime, end: datetime, now: datetime) -> tuple[Line, ...]:
    """A line for each district of the taxonomy, and for those that old tickets still name."""
    counted = _counted(conn, _unless_sensitive(tickets.c.district), start, end, now)
    for name in taxonomy().districts:
        counted["received"].setdefault(name, 0)
    return _ranked(counted)


def category_lines(conn: sa.Connection, start: datetime, end: datetime, now: datetime) -> tuple[Line, ...]:
    """A line for each base category: what is new and what is pending."""
    by_code = _counted(conn, _unless_sensitive(tickets.c.category), start, end, now)
    counted: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    known = taxonomy().categories
    for what, counts in by_code.items():
        for code, many in counts.items():
            counted[what][known[code].base if code in known else code] += many
    lines = (
        Line(code=code, received=counted["received"].get(code, 0), pending=counted["pending"].get(code, 0),
             late=counted["late"].get(code, 0))
        for code in {code for what in ("received", "pending") for code in counted[what]}
    )  # fmt: skip
    return tuple(sorted(lines, key=lambda line: (-line.received, -(line.pending or 0), line.code)))


def last_days(conn: sa.Connection, last: date) -> tuple[Day, ...]:
    """New tickets and offices' answers of each of the two weeks up to that day."""
    days = [last - timedelta(days=back) for back in range(TREND_DAYS - 1, -1, -1)]
    start, end = Period(days[0]).start, Period(last).end
    opened = _by_day(conn, tickets.c.opened_at, start, end)
    disposed = _by_day(conn, satisfaction.c.disposed_at, start, end)
    return tuple(Day(day=day, received=opened.get(day, 0), disposed=disposed.get(day, 0)) for day in days)


def late_tickets(conn: sa.Connection, now: datetime) -> tuple[LateTicket, ...]:
    """The tickets that are late, longest late first; a sensitive one without its place and matter."""
    found = conn.execute(sa.select(tickets).where(_is_late(now)).order_by(tickets.c.due_at).limit(LATE_NAMED))
    late = []
    for row in found:
        is_hidden = row.sensitivity == Sensitivity.SENSITIVE
        late.append(
            LateTicket(
                number=row.number,
                department=row.department,
                district=None if is_hidden else row.district,
                category=None if is_hidden else row.category,
                opened_at=row.opened_at,
                due_at=row.due_at,
                hours=((row.paused_at or now) - row.due_at) / timedelta(hours=1),
            )
        )
    return tuple(sorted(late, key=lambda one: (-one.hours, one.number)))


def with_lines(conn: sa.Connection, told: Telling) -> Telling:
    """What is told, with its tables, its days and its map."""
    start, end = Period(told.first).start, Period(told.last).end
    departments, districts = (lines(conn, start, end, told.now) for lines in (department_lines, district_lines))
    late = late_tickets(conn, told.now)
    found = surges(conn, Period(told.first, told.span), STATE, told.now)
    calls = (*_most_late(late), *map(_surging, found[:1]), *told.calls)
    return replace(
        told,
        departments=departments,
        districts=districts,
        categories=category_lines(conn, start, end, told.now),
        days=last_days(conn, min(told.last, office_day(told.now))),
        late_tickets=late,
        by_district={line.code: line.pending or 0 for line in districts if line.code in taxonomy().districts},
        calls=calls[:MOST_CALLS],
    )


def _most_late(late: Sequence[LateTicket]) -> Iterator[Call]:
    """The office with the most late tickets, if they are more than one."""
    offices = Counter((one.department, one.district) for one in late if one.department is not None)
    if not offices:
        return
    (department, district), many = min(offices.items(), key=lambda one: (-one[1], str(one[0])))
    hours = max(one.hours for one in late if (one.department, one.district) == (department, district))
    if many > 1:
        yield Call(kind="late", department=department, district=district, many=many, hours=hours)


def _surging(surge: Surge) -> Call:
    return Call(kind="surge", district=surge.district, category=surge.category, many=surge.seen, usual=surge.expected)


# -- counting ------------------------------------------------------------------------------------------------------------


def _unless_sensitive(column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    return sa.case((tickets.c.sensitivity == Sensitivity.SENSITIVE, None), else_=column)


def _counted(
    conn: sa.Connection, key: sa.ColumnElement[Any], start: datetime, end: datetime, now: datetime
) -> dict[str, dict[str, int]]:
    counted: dict[str, dict[str, int]] = defaultdict(dict)
    for what, rows in (
        ("received", _new(key, start, end)),
        ("pending", sa.select(key.label("code"), sa.func.count()).where(tickets.c.ended_at.is_(None)).group_by("code")),
        ("late", sa.select(key.label("code"), sa.func.count()).where(_is_late(now)).group_by("code")),
        ("disposed", _answers(key, satisfaction.c.disposed_at, start, end)),
        ("yes", _answers(key, satisfaction.c.answered_at, start, end, *_SOLVED)),
        ("no", _answers(key, satisfaction.c.answered_at, start, end, _outcome(Outcome.NOT_SATISFIED))),
        ("no_answer", _answers(key, satisfaction.c.answered_at, start, end, _outcome(Outcome.NO_ANSWER))),
        ("rejected", _happened(key, "rejected", start, end)),
        ("withdrawn", _happened(key, "withdrawn", start, end)),
        ("reopened", _happened(key, "reopened", start, end)),
    ):
        counted[what] = {row[0]: row[1] for row in conn.execute(rows) if row[0] is not None}
    return counted


def _within(column: sa.ColumnElement[Any], start: datetime, end: datetime) -> sa.ColumnElement[bool]:
    return sa.and_(column >= start, column < end)


def _outcome(outcome: Outcome) -> sa.ColumnElement[bool]:
    return satisfaction.c.outcome == outcome


_SOLVED: Final = (_outcome(Outcome.SATISFIED), satisfaction.c.disposal == Disposal.DONE)


def _new(key: sa.ColumnElement[Any], start: datetime, end: datetime) -> sa.Select[Any]:
    within = _within(tickets.c.opened_at, start, end)
    return sa.select(key.label("code"), sa.func.count()).where(within).group_by("code")


def _answers(
    key: sa.ColumnElement[Any],
    at: sa.ColumnElement[Any],
    start: datetime,
    end: datetime,
    *more: sa.ColumnElement[bool],
) -> sa.Select[Any]:
    joined = satisfaction.join(tickets, tickets.c.id == satisfaction.c.ticket_id)
    counted = sa.select(key.label("code"), sa.func.count()).select_from(joined)
    return counted.where(_within(at, start, end), *more).group_by("code")


def _happened(key: sa.ColumnElement[Any], kind: str, start: datetime, end: datetime) -> sa.Select[Any]:
    joined = events.join(tickets, tickets.c.id == events.c.ticket_id)
    counted = sa.select(key.label("code"), sa.func.count(events.c.ticket_id.distinct())).select_from(joined)
    return counted.where(events.c.kind == kind, _within(events.c.at, start, end)).group_by("code")


def _is_late(now: datetime) -> sa.ColumnElement[bool]:
    """With an office, its time over; the clock stands still from `paused_at` on."""
    reached = sa.func.coalesce(tickets.c.paused_at, sa.bindparam(None, now, type_=tickets.c.paused_at.type))
    return sa.and_(tickets.c.status.in_(_WITH_OFFICE), tickets.c.due_at < reached)


def _by_day(conn: sa.Connection, at: sa.ColumnElement[Any], start: datetime, end: datetime) -> dict[date, int]:
    counted: dict[date, int] = defaultdict(int)
    for moment in conn.scalars(sa.select(at).where(_within(at, start, end))):
        counted[office_day(moment)] += 1
    return counted


# -- ranking -------------------------------------------------------------------------------------------------------------


def _ranked(counted: Counted) -> tuple[Line, ...]:
    """First those that may be compared, best first, equal ones on one rank; then the others, most pending first."""
    codes = {code for counts in counted.values() for code in counts}
    lines = [_line(code, counted) for code in codes]
    fair = sorted((line for line in lines if _is_fair(line)), key=_order)
    ranked = [_with_rank(line, 1 + sum(_share(other) > _share(line) for other in fair)) for line in fair]
    others = sorted(
        (line for line in lines if not _is_fair(line)),
        key=lambda line: (-(line.pending or 0), -line.received, line.code),
    )
    return (*ranked, *others)


def _line(code: str, counted: Counted) -> Line:
    def many(what: str) -> int:
        return counted[what].get(code, 0)

    yes, answered = many("yes"), many("yes") + many("no")
    return Line(
        code=code,
        received=many("received"),
        pending=many("pending"),
        late=many("late"),
        disposed=many("disposed"),
        yes=yes,
        answered=answered,
        bounds=wilson(yes, answered),
        no_answer=many("no_answer"),
        rejected=many("rejected"),
        withdrawn=many("withdrawn"),
        reopened=many("reopened"),
    )


def _is_fair(line: Line) -> bool:
    return (line.answered or 0) >= LEAST_ANSWERS


def _share(line: Line) -> float:
    return (line.yes or 0) / (line.answered or 1)


def _order(line: Line) -> tuple[float, int, str]:
    return -_share(line), -(line.answered or 0), line.code


def _with_rank(line: Line, rank: int) -> Line:
    return replace(line, rank=rank)
