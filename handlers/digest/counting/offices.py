"""Departments and districts side by side: what each received, has pending and brought to an end. SQL that only reads."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, Final

import sqlalchemy as sa

from handlers.digest.counting.acts import is_closed_early
from handlers.digest.counting.standing import Rows
from handlers.digest.counting.within import Stretch, in_scope
from handlers.digest.fairness import Results, Standing, Standings, ranked
from handlers.digest.scope import Scope, Whose
from handlers.digest.shapes import NOT_KNOWN
from handlers.understanding.taxonomy import taxonomy
from store.tables import events, satisfaction, tickets
from store.vocabulary import Disposal, Outcome, Status

TAKEN_BACK: Final = {Status.REJECTED: "rejected", Status.WITHDRAWN: "withdrawn", Status.MERGED: "merged"}

Counted = tuple[str | None, str | None, str, int]  # department, district, what, how many


def standings(
    conn: sa.Connection, time: Stretch, scope: Scope, waiting: Rows
) -> tuple[Standings | None, Standings | None]:
    """Departments and districts over that time, in this order; None for what the scope is one of.

    `waiting`: the rows of `pending_rows` in the same scope.
    """
    counted = [*_in_time(conn, time, scope), *_at_now(waiting)]
    known = taxonomy()
    departments = None
    districts = None
    if scope.whose is not Whose.DEPARTMENT:
        rows = _rows(((department, what, many) for department, _, what, many in counted), known.departments)
        departments = Standings(start=time.start, end=time.end, rows=rows)
    if scope.whose is not Whose.DISTRICT:
        rows = _rows(((district, what, many) for _, district, what, many in counted), known.districts, known.districts)
        districts = Standings(start=time.start, end=time.end, rows=rows)
    return departments, districts


def _rows(
    counted: Iterable[tuple[str | None, str, int]], known: Collection[str], always: Iterable[str] = ()
) -> tuple[Standing, ...]:
    """`always`: codes that have a row even if nothing was counted."""
    by_code: dict[str, Counter[str]] = defaultdict(Counter)
    for code in always:
        by_code[code] = Counter()
    for found, what, many in counted:
        by_code[NOT_KNOWN if found is None else found][what] += many
    return ranked(
        _standing(code, code in known or code == NOT_KNOWN, counts)
        for code, counts in by_code.items()
        if counts.total() or code in known
    )


def _standing(code: str, is_known: bool, counts: Mapping[str, int]) -> Standing:
    return Standing(
        code=code,
        is_known=is_known,
        received=counts.get("received", 0),
        disposed=counts.get("disposed", 0),
        reopened=counts.get("reopened", 0),
        pending=counts.get("pending", 0),
        late=counts.get("late", 0),
        results=Results(**{name: counts.get(name, 0) for name in Results.__slots__}),
    )


def _at_now(waiting: Rows) -> Iterator[Counted]:
    for row in waiting:
        yield row.department, row.district, "pending", row.many
        yield row.department, row.district, "late", row.late
        yield row.department, row.district, "planned", row.planned


def _in_time(conn: sa.Connection, time: Stretch, scope: Scope) -> Iterator[Counted]:
    by_office = (tickets.c.department, tickets.c.district)
    here = in_scope(scope)
    yield from _counted(conn, sa.select(*by_office).where(time.holds(tickets.c.opened_at), *here), "received")
    asks = sa.select(*by_office).join(satisfaction, satisfaction.c.ticket_id == tickets.c.id).where(*here)
    yield from _counted(conn, asks.where(time.holds(satisfaction.c.disposed_at)), "disposed")
    again = sa.select(*by_office).join(events, events.c.ticket_id == tickets.c.id).where(*here)
    yield from _counted(conn, again.where(events.c.kind == "reopened", time.holds(events.c.at)), "reopened")
    settled = asks.where(time.holds(satisfaction.c.answered_at), ~_ended_with_it())
    for row in _grouped(conn, settled, satisfaction.c.outcome, satisfaction.c.disposal):
        yield row.department, row.district, _result(row.outcome, row.disposal), row.many
    ended = sa.select(*by_office).where(time.holds(tickets.c.ended_at), *here)
    for row in _grouped(conn, ended.where(tickets.c.status.in_(tuple(TAKEN_BACK))), tickets.c.status):
        yield row.department, row.district, TAKEN_BACK[Status(row.status)], row.many
    yield from _counted(conn, ended.where(is_closed_early()), "closed_early")


def _ended_with_it() -> sa.ColumnElement[bool]:
    """The question whether it is done was settled only because the ticket was taken back: that is one result, not two."""
    return sa.and_(tickets.c.status.in_(tuple(TAKEN_BACK)), satisfaction.c.answered_at == tickets.c.ended_at)


def _result(outcome: str, disposal: str) -> str:
    if outcome != Outcome.SATISFIED:
        return outcome
    return "solved" if disposal == Disposal.DONE else "accepted_otherwise"


def _counted(conn: sa.Connection, query: sa.Select[Any], what: str) -> Iterator[Counted]:
    for row in _grouped(conn, query):
        yield row.department, row.district, what, row.many


def _grouped(conn: sa.Connection, query: sa.Select[Any], *besides: sa.ColumnElement[Any]) -> sa.Result[Any]:
    columns = (tickets.c.department, tickets.c.district, *besides)
    return conn.execute(query.add_columns(*besides, sa.func.count().label("many")).group_by(*columns))
