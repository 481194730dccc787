"""Every figure of a digest, counted in the database: the one door to the queries behind all editions.

Owns which queries make which figure; they stand in handlers/digest/counting and only read. It must not know words,
languages or who reads them. What each figure means stands in the shapes; a slow recount in the tests holds the two
together.
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from handlers.digest.counting.acts import done, times
from handlers.digest.counting.coming import first_replies, opened, received
from handlers.digest.counting.health import holes, trouble
from handlers.digest.counting.standing import Rows, pending, pending_rows
from handlers.digest.counting.within import Stretch
from handlers.digest.scope import STATE, Scope
from handlers.digest.shapes import Figures


def figures(conn: sa.Connection, start: datetime, end: datetime, *, now: datetime, scope: Scope = STATE) -> Figures:
    """The figures of the time from `start` up to, not including, `end`; what is pending is as of `now`.

    Times are aware UTC. Wants a transaction that sees one moment of the database (store.db.reading).
    """
    return _figures(conn, Stretch(start, end), scope, now, pending_rows(conn, scope, now))


def _figures(conn: sa.Connection, time: Stretch, scope: Scope, now: datetime, waiting: Rows) -> Figures:
    return Figures(
        start=time.start,
        end=time.end,
        now=now,
        received=received(conn, time, scope),
        opened=opened(conn, time, scope),
        pending=pending(conn, waiting, scope, now),
        done=done(conn, time, scope),
        replies=first_replies(conn, time, scope),
        trouble=trouble(conn, time, now),
        times=times(conn, time, scope),
        holes=holes(conn, time, scope, now),
    )
