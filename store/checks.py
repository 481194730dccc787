"""Calls of the CMO desk that check an outcome: what each found, and the key by which they are drawn.

Owns the table checks and the counter check_key. It must not know who is to be called, nor what a result means for a
ticket: it means nothing, a call is only told.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from store.dialects import insert_into
from store.tables import checks, counters, satisfaction
from store.vocabulary import CheckResult, Outcome

CHECK_KEY = "check_key"


class NothingToCheck(ValueError):
    """There is no settled answer of that ticket and round; the message is one sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """What one call found. `outcome` is what it checked, as it stood then."""

    ticket_id: int
    cycle: int
    outcome: Outcome
    result: CheckResult
    officer_id: int | None
    at: datetime


def check_key(conn: sa.Connection) -> int:
    """The secret number of this database that decides who is called; made with the table, never changed."""
    found = conn.execute(sa.select(counters.c.value).where(counters.c.name == CHECK_KEY)).scalar_one_or_none()
    return int(found or 0)


def record_check(
    conn: sa.Connection, ticket_id: int, cycle: int, result: CheckResult, officer_id: int | None, now: datetime
) -> Check:
    """Remember what a call found; a later call about the same answer takes its place. Raises NothingToCheck."""
    settled = sa.select(satisfaction.c.outcome).where(
        satisfaction.c.ticket_id == ticket_id, satisfaction.c.cycle == cycle, satisfaction.c.outcome.is_not(None)
    )
    outcome = conn.execute(settled).scalar_one_or_none()
    if outcome is None:
        raise NothingToCheck(f"Ticket {ticket_id} has no settled answer number {cycle}; nothing can be checked.")
    found = Check(
        ticket_id=ticket_id, cycle=cycle, outcome=Outcome(outcome), result=result, officer_id=officer_id, at=now
    )
    told = {"outcome": outcome, "result": result, "officer_id": officer_id, "at": now}
    row = insert_into(conn, checks).values(ticket_id=ticket_id, cycle=cycle, **told)
    conn.execute(row.on_conflict_do_update(index_elements=[checks.c.ticket_id, checks.c.cycle], set_=told))
    return found


def last_settled(conn: sa.Connection, ticket_id: int) -> int | None:
    """The number of the newest answer whose outcome is settled; None while there is none."""
    newest = sa.select(sa.func.max(satisfaction.c.cycle)).where(
        satisfaction.c.ticket_id == ticket_id, satisfaction.c.outcome.is_not(None)
    )
    found = conn.execute(newest).scalar_one_or_none()
    return None if found is None else int(found)


def check_of(conn: sa.Connection, ticket_id: int, cycle: int) -> Check | None:
    """What the call about this answer found, if there was one."""
    wanted = sa.select(checks).where(checks.c.ticket_id == ticket_id, checks.c.cycle == cycle)
    row = conn.execute(wanted).mappings().one_or_none()
    if row is None:
        return None
    return Check(**{**row, "outcome": Outcome(row["outcome"]), "result": CheckResult(row["result"])})
