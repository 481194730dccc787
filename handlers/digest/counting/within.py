"""What all counting shares: a stretch of time, a scope as conditions, counts in order, spreads.

Owns no query. It must not know what is counted.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Any, Final

import sqlalchemy as sa

from handlers.digest.scope import Scope, Whose
from handlers.digest.shapes import NOT_KNOWN, Counts, Spread
from store.tables import tickets
from store.vocabulary import Platform

CITIZENS_PLATFORMS: Final = (Platform.X, Platform.FACEBOOK)
HOUR: Final = timedelta(hours=1)
MINUTE: Final = timedelta(minutes=1)

Condition = sa.ColumnElement[bool]


@dataclass(frozen=True, slots=True)
class Stretch:
    """The time from `start` up to, not including, `end`."""

    start: datetime
    end: datetime

    def holds(self, column: sa.ColumnElement[Any]) -> Condition:
        """Whether the moment in this column lies in it."""
        return sa.and_(column >= self.start, column < self.end)


def in_scope(scope: Scope) -> tuple[Condition, ...]:
    """Conditions on a ticket; none for the whole state."""
    match scope.whose:
        case Whose.CMO:
            return ()
        case Whose.DEPARTMENT:
            return (tickets.c.department == scope.code,)
        case Whose.DISTRICT:
            return (tickets.c.district == scope.code,)


def of_tickets(query: sa.Select[Any], ticket_id: sa.ColumnElement[Any], scope: Scope) -> sa.Select[Any]:
    """The query over another table, narrowed to rows whose ticket is in the scope; the whole state needs no join."""
    narrowed = in_scope(scope)
    return query.join(tickets, tickets.c.id == ticket_id).where(*narrowed) if narrowed else query


def largest_first(counted: Mapping[str, int]) -> Counts:
    """Only those above zero, the largest first, then by code."""
    return {code: many for code, many in sorted(counted.items(), key=lambda one: (-one[1], one[0])) if many}


def by_code(pairs: Iterable[tuple[str | None, int]]) -> Counts:
    """Summed by code; None counts as NOT_KNOWN."""
    counted: Counter[str] = Counter()
    for code, many in pairs:
        counted[NOT_KNOWN if code is None else code] += many
    return largest_first(counted)


def spread_of(values: Iterable[float]) -> Spread:
    """Median and ninth decile (nearest rank); what ended before it began took no time."""
    waited = sorted(max(value, 0.0) for value in values)
    if not waited:
        return Spread()
    return Spread(many=len(waited), median=median(waited), ninth_decile=waited[math.ceil(len(waited) * 0.9) - 1])


def count(conn: sa.Connection, table: sa.Table, *where: Condition) -> int:
    """How many rows of the table."""
    return int(conn.execute(sa.select(sa.func.count()).select_from(table).where(*where)).scalar_one())
