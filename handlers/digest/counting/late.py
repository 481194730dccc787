"""Late tickets one by one, the office that has most of them, and the matters that are pending. SQL that only reads.

It must not know how many of them a reader is shown.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from handlers.digest.counting.standing import Rows, is_late
from handlers.digest.counting.within import HOUR, in_scope
from handlers.digest.report import LateOffice, LateTicket, Matter
from handlers.digest.scope import Scope
from handlers.digest.shapes import NOT_KNOWN
from handlers.understanding.taxonomy import told_as
from store.tables import tickets
from store.vocabulary import Sensitivity

MOST_NAMED: Final = 1000  # a spreadsheet of more is read by nobody
_NAMES: Final = ("number", "department", "district", "category", "sensitivity", "opened_at", "due_at", "paused_at")


def late_tickets(conn: sa.Connection, scope: Scope, now: datetime, waiting: Rows) -> tuple[LateTicket, ...]:
    """The latest first. Among running clocks those due first are the latest; one that stands still may be anywhere."""
    if not any(row.late for row in waiting):
        return ()
    wanted = sa.select(*(tickets.c[name] for name in _NAMES)).where(is_late(now), *in_scope(scope))
    running = wanted.where(tickets.c.paused_at.is_(None)).order_by(tickets.c.due_at, tickets.c.number).limit(MOST_NAMED)
    stopped = wanted.where(tickets.c.paused_at.is_not(None))
    found = [_late(row, now) for query in (running, stopped) for row in conn.execute(query)]
    return tuple(sorted(found, key=lambda one: (-one.hours, one.number))[:MOST_NAMED])


def most_late(conn: sa.Connection, now: datetime, waiting: Rows) -> LateOffice | None:
    """`waiting` has counted them; only that one office's tickets are looked at again."""
    offices: Counter[tuple[str, str | None]] = Counter()
    for row in waiting:
        if row.department is not None and row.late:
            offices[row.department, row.district] += row.late
    if not offices:
        return None
    (department, district), many = min(offices.items(), key=lambda one: (-one[1], one[0][0], one[0][1] or ""))
    here = tickets.c.district.is_(None) if district is None else tickets.c.district == district
    theirs = sa.select(tickets.c.due_at, tickets.c.paused_at).where(
        is_late(now), tickets.c.department == department, here
    )
    hours = max(((row.paused_at or now) - row.due_at) / HOUR for row in conn.execute(theirs))
    return LateOffice(department=department, district=district, many=many, hours=hours)


def matters(conn: sa.Connection, scope: Scope, now: datetime, received: Mapping[str, int]) -> tuple[Matter, ...]:
    """`received`: how many were opened, by base category (shapes.Opened)."""
    counted = (
        sa.select(tickets.c.category, sa.func.count().label("many"), sa.func.count().filter(is_late(now)).label("late"))
        .where(tickets.c.ended_at.is_(None), *in_scope(scope))
        .group_by(tickets.c.category)
    )
    pending: Counter[str] = Counter()
    late: Counter[str] = Counter()
    for row in conn.execute(counted):
        code = told_as(row.category) or NOT_KNOWN
        pending[code] += row.many
        late[code] += row.late
    found = (
        Matter(code=code, received=received.get(code, 0), pending=pending[code], late=late[code])
        for code in {*received, *pending}
    )
    return tuple(sorted(found, key=lambda one: (-one.received, -one.pending, one.code)))


def _late(row: sa.Row[Any], now: datetime) -> LateTicket:
    is_hidden = row.sensitivity == Sensitivity.SENSITIVE
    return LateTicket(
        number=row.number,
        department=row.department,
        district=None if is_hidden else row.district,
        category=None if is_hidden else told_as(row.category),
        opened_at=row.opened_at,
        due_at=row.due_at,
        hours=((row.paused_at or now) - row.due_at) / HOUR,
    )
