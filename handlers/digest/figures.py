"""Every figure of a digest, counted in the database: the one door to the queries behind all editions.

Owns which queries make which figure; they stand in handlers/digest/counting and only read. It must not know words,
languages or who reads them. What each figure means stands in the shapes; a slow recount in the tests holds the two
together.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa

from handlers.digest.counting.acts import done, times
from handlers.digest.counting.burning import burning
from handlers.digest.counting.checking import checks
from handlers.digest.counting.coming import first_replies, opened, received
from handlers.digest.counting.health import holes, trouble
from handlers.digest.counting.late import late_tickets, matters, most_late
from handlers.digest.counting.offices import standings
from handlers.digest.counting.standing import pending, pending_rows, remarkable
from handlers.digest.counting.trends import trend_and_comparisons
from handlers.digest.counting.within import Stretch
from handlers.digest.period import Period, PeriodKind
from handlers.digest.report import Report
from handlers.digest.scope import STATE, Scope
from handlers.digest.shapes import Figures, Pending

RANKED_OVER: Final = timedelta(days=30)


def figures(conn: sa.Connection, start: datetime, end: datetime, *, now: datetime, scope: Scope = STATE) -> Figures:
    """The figures of the time from `start` up to, not including, `end`; what is pending is as of `now`.

    Times are aware UTC. Wants a transaction that sees one moment of the database (store.db.reading).
    """
    waiting = pending_rows(conn, scope, now)
    now_pending = pending(waiting, remarkable(conn, scope, now, waiting), now)
    return _figures(conn, Stretch(start, end), scope, now, now_pending)


def _figures(conn: sa.Connection, time: Stretch, scope: Scope, now: datetime, now_pending: Pending) -> Figures:
    return Figures(
        start=time.start,
        end=time.end,
        now=now,
        received=received(conn, time, scope),
        opened=opened(conn, time, scope),
        pending=now_pending,
        done=done(conn, time, scope),
        replies=first_replies(conn, time, scope),
        trouble=trouble(conn, time, now),
        times=times(conn, time, scope),
        holes=holes(conn, time, scope, now),
    )


def report(conn: sa.Connection, period: Period, scope: Scope, now: datetime, *, odd_rows: int | None = None) -> Report:
    """Everything told of the period to the readers of the scope; of a period that is not over, so far.

    Wants a transaction that sees one moment of the database (store.db.reading).
    """
    time = Stretch(period.start, period.end)
    waiting = pending_rows(conn, scope, now)
    named = remarkable(conn, scope, now, waiting)
    trend, comparisons = trend_and_comparisons(conn, period, scope)
    departments, districts = standings(conn, _ranked_over(period), scope, waiting)
    counted = _figures(conn, time, scope, now, pending(waiting, named, now))
    return Report(
        period=period,
        scope=scope,
        now=now,
        figures=counted,
        trend=trend,
        comparisons=comparisons,
        departments=departments,
        districts=districts,
        late=late_tickets(conn, scope, now, waiting),
        most_late=most_late(conn, now, waiting),
        matters=matters(conn, scope, now, counted.opened.by_category),
        burning=burning(conn, period, scope, now, named),
        checks=checks(conn, time, scope),
        odd_rows=odd_rows,
    )


def _ranked_over(period: Period) -> Stretch:
    """A month; for a day and a week the thirty days up to their end, since in fewer too few citizens answer an office."""
    if period.kind is PeriodKind.MONTH:
        return Stretch(period.start, period.end)
    return Stretch(period.end - RANKED_OVER, period.end)
