"""Which citizens the desk calls to check what the figures rest on, and what its calls found. SQL that only reads.

Which ones is decided by a keyed hash: nobody chooses, a second run lists the same, and who does not know the key cannot
foresee it.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import Any, Final

import sqlalchemy as sa

from handlers.digest.counting.within import Stretch, by_code, largest_first, of_tickets
from handlers.digest.report import CheckCall, Checks
from handlers.digest.scope import STATE, Scope
from store.checks import check_key
from store.tables import checks as checks_table
from store.tables import satisfaction, tickets
from store.vocabulary import CheckResult, Outcome, Register, Sensitivity

ONE_IN: Final = 20
CHECKED: Final = (Outcome.SATISFIED, Outcome.NO_ANSWER)


def checks(conn: sa.Connection, time: Stretch, scope: Scope) -> Checks:
    """The calls of the state's report; a department and a district read only what calls found, not who is called."""
    settled = _settled(conn, time) if scope == STATE else []
    key = check_key(conn)
    drawn = [row for row in settled if is_drawn(key, row.ticket_id, row.cycle)]
    return Checks(
        calls=tuple(_call(row) for row in drawn),
        drawn_from=largest_first(Counter(str(row.outcome) for row in settled)),
        results=_results(conn, time, scope),
    )


def is_drawn(key: int, ticket_id: int, cycle: int) -> bool:
    """One in twenty."""
    digest = hashlib.sha256(f"{key}:{ticket_id}:{cycle}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % ONE_IN == 0


def _settled(conn: sa.Connection, time: Stretch) -> list[sa.Row[Any]]:
    wanted = (
        sa.select(
            satisfaction.c.ticket_id,
            satisfaction.c.cycle,
            satisfaction.c.outcome,
            satisfaction.c.answered_at,
            tickets.c.number,
            tickets.c.department,
            tickets.c.district,
            checks_table.c.result,
        )
        .join(tickets, tickets.c.id == satisfaction.c.ticket_id)
        .outerjoin(
            checks_table,
            sa.and_(checks_table.c.ticket_id == satisfaction.c.ticket_id, checks_table.c.cycle == satisfaction.c.cycle),
        )
        .where(
            time.holds(satisfaction.c.answered_at),
            satisfaction.c.outcome.in_(CHECKED),
            tickets.c.sensitivity == Sensitivity.NORMAL,
            tickets.c.register == Register.NORMAL,
        )
        .order_by(satisfaction.c.answered_at, satisfaction.c.ticket_id, satisfaction.c.cycle)
    )
    return list(conn.execute(wanted))


def _call(row: sa.Row[Any]) -> CheckCall:
    return CheckCall(
        ticket_id=row.ticket_id,
        cycle=row.cycle,
        number=row.number,
        outcome=Outcome(row.outcome),
        department=row.department,
        district=row.district,
        settled_at=row.answered_at,
        result=CheckResult(row.result) if row.result else None,
    )


def _results(conn: sa.Connection, time: Stretch, scope: Scope) -> dict[str, int]:
    counted = (
        sa.select(checks_table.c.outcome, checks_table.c.result, sa.func.count().label("many"))
        .where(time.holds(checks_table.c.at))
        .group_by(checks_table.c.outcome, checks_table.c.result)
    )
    rows = conn.execute(of_tickets(counted, checks_table.c.ticket_id, scope))
    return dict(by_code((f"{row.outcome}:{row.result}", row.many) for row in rows))
