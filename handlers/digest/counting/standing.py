"""What is pending at a moment: one pass over the tickets that have not ended. Owns SQL that only reads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa

from handlers.digest.counting.within import HOUR, Condition, Stretch, by_code, in_scope, largest_first
from handlers.digest.period import Period, office_day
from handlers.digest.scope import Scope
from handlers.digest.shapes import Latest, Pending
from store.tables import tickets
from store.vocabulary import Sensitivity, Status

WITH_OFFICE: Final = (Status.ASSIGNED, Status.ACCEPTED)
AGE_BANDS: Final = (timedelta(hours=24), timedelta(days=3), timedelta(days=7))
OFTEN: Final = 2  # reopened or passed on so often, it is a scandal in the making

Rows = Sequence[sa.Row[Any]]


def pending_rows(conn: sa.Connection, scope: Scope, now: datetime) -> Rows:
    """Tickets that have not ended, grouped by all that is told of them; ages are cumulative."""
    holder = (tickets.c.status, tickets.c.escalation_level, tickets.c.department, tickets.c.district)
    day, three_days, week = (tickets.c.opened_at > now - band for band in AGE_BANDS)
    counted = {
        "day": day,
        "three_days": three_days,
        "week": week,
        "late": is_late(now),
        "due_today": _is_due_today(now),
        "without_owner": sa.and_(is_with_office(), tickets.c.owner_post.is_(None)),
        "planned": tickets.c.planned_until_at > now,
        "passed_on_twice": tickets.c.forward_count >= OFTEN,
        "reopened_twice": tickets.c.reopen_count >= OFTEN,
        "urgent": tickets.c.urgent,
    }
    grouped = (
        sa.select(
            *holder,
            sa.func.count().label("many"),
            *(sa.func.count().filter(condition).label(name) for name, condition in counted.items()),
            sa.func.min(tickets.c.due_at).filter(is_late(now), tickets.c.paused_at.is_(None)).label("due_first"),
        )
        .where(tickets.c.ended_at.is_(None), *in_scope(scope))
        .group_by(*holder)
    )
    return conn.execute(grouped).all()


def remarkable(conn: sa.Connection, scope: Scope, now: datetime, rows: Rows) -> Sequence[sa.Row[Any]]:
    """In one more pass, the pending tickets that are named one by one: urgent ones, those often reopened, and those that
    may be late the longest: among running clocks the earliest due, and all whose clock stands still."""
    names = (
        "number",
        "department",
        "district",
        "category",
        "sensitivity",
        "opened_at",
        "due_at",
        "paused_at",
        "urgent",
    )
    columns: list[sa.ColumnElement[Any]] = [tickets.c[name] for name in (*names, "reopen_count", "escalation_level")]
    named: list[Condition] = []
    if any(row.urgent for row in rows):
        named.append(tickets.c.urgent)
    if any(row.reopened_twice for row in rows):
        named.append(tickets.c.reopen_count >= OFTEN)
    if any(row.late for row in rows):
        first = min((row.due_first for row in rows if row.due_first), default=now)
        reached = sa.or_(tickets.c.paused_at.is_not(None), tickets.c.due_at == first)
        named.append(sa.and_(is_late(now), reached))
    if not named:
        return ()
    wanted: sa.Select[Any] = sa.select(*columns, is_late(now).label("late")).where(
        tickets.c.ended_at.is_(None), sa.or_(*named), *in_scope(scope)
    )
    return conn.execute(wanted).all()


def pending(rows: Rows, named: Sequence[sa.Row[Any]], now: datetime) -> Pending:
    """The rows of `pending_rows` and `remarkable`, summed up."""
    levels: Counter[int] = Counter()
    for row in rows:
        levels[row.escalation_level] += row.many
    total, day, three_days, week = (_sum(rows, name) for name in ("many", "day", "three_days", "week"))
    late = _sum(rows, "late")
    return Pending(
        total=total,
        by_status=by_code((row.status, row.many) for row in rows),
        ages=(day, three_days - day, week - three_days, total - week),
        due_today=_sum(rows, "due_today"),
        late=late,
        late_by_department=largest_first(by_code((row.department, row.late) for row in rows)),
        latest=_latest(named, now),
        levels={level: many for level, many in sorted(levels.items()) if level},
        without_owner=_sum(rows, "without_owner"),
        planned=_sum(rows, "planned"),
        passed_on_twice=_sum(rows, "passed_on_twice"),
        reopened_twice=_sum(rows, "reopened_twice"),
        urgent=_sum(rows, "urgent"),
    )


def is_with_office() -> Condition:
    """An office has it and has not answered."""
    return tickets.c.status.in_(WITH_OFFICE)


def is_late(now: datetime) -> Condition:
    """The office's clock stands still from `paused_at` on; what was over by then stays late."""
    reached = sa.func.coalesce(tickets.c.paused_at, sa.bindparam(None, now, type_=tickets.c.paused_at.type))
    return sa.and_(is_with_office(), tickets.c.due_at < reached)


def _sum(rows: Rows, name: str) -> int:
    return sum(getattr(row, name) for row in rows)


def _is_due_today(now: datetime) -> Condition:
    today = Stretch(now, Period(office_day(now)).end)
    return sa.and_(is_with_office(), tickets.c.paused_at.is_(None), today.holds(tickets.c.due_at))


def _latest(named: Sequence[sa.Row[Any]], now: datetime) -> Latest | None:
    found = [((row.paused_at or now) - row.due_at, row) for row in named if row.late]
    if not found:
        return None
    late_by, row = min(found, key=lambda one: (-one[0], one[1].number))
    return Latest(
        number=row.number,
        department=row.department,
        district=None if row.sensitivity == Sensitivity.SENSITIVE else row.district,
        hours=late_by / HOUR,
    )
