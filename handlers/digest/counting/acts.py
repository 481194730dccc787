"""What was done in a stretch of time, and how long it took. Owns SQL that only reads."""

from __future__ import annotations

from collections import Counter
from typing import Final

import msgspec
import sqlalchemy as sa

from handlers.digest.counting.within import HOUR, Condition, Stretch, by_code, count, in_scope, of_tickets, spread_of
from handlers.digest.scope import Scope
from handlers.digest.shapes import Done, Times
from store.tables import events, satisfaction, tickets
from store.vocabulary import Disposal, Outcome, Status

SENT_BACK: Final = ("not_ours", "bounced")  # why an office gave a ticket to the CMO desk


def done(conn: sa.Connection, time: Stretch, scope: Scope) -> Done:
    """Answers of offices, what citizens said to them, and what else ended or moved tickets."""
    settled = (
        sa.select(satisfaction.c.outcome, satisfaction.c.disposal, sa.func.count().label("many"))
        .where(satisfaction.c.outcome.is_not(None), time.holds(satisfaction.c.answered_at))
        .group_by(satisfaction.c.outcome, satisfaction.c.disposal)
    )
    said = (
        sa.select(satisfaction.c.disposal, sa.func.count().label("many"))
        .where(time.holds(satisfaction.c.disposed_at))
        .group_by(satisfaction.c.disposal)
    )
    outcomes = conn.execute(of_tickets(settled, satisfaction.c.ticket_id, scope)).all()
    ended = (time.holds(tickets.c.ended_at), *in_scope(scope))
    return Done(
        by_disposal=by_code(
            (row.disposal, row.many) for row in conn.execute(of_tickets(said, satisfaction.c.ticket_id, scope))
        ),
        outcomes=by_code((row.outcome, row.many) for row in outcomes),
        solved=sum(row.many for row in outcomes if (row.outcome, row.disposal) == (Outcome.SATISFIED, Disposal.DONE)),
        reopened=_reopened(conn, time, scope),
        escalated=_escalated(conn, time, scope),
        rejected=_tickets_with(conn, time, scope, events.c.kind == "rejected"),
        withdrawn=_tickets_with(conn, time, scope, events.c.kind == "withdrawn"),
        planned=_tickets_with(conn, time, scope, events.c.kind == "planned"),
        passed_on=_tickets_with(conn, time, scope, _is_passed_on()),
        closed_early=count(conn, tickets, *ended, is_closed_early()),
        merged=count(conn, tickets, *ended, tickets.c.status == Status.MERGED),
    )


def is_closed_early() -> Condition:
    """The citizen's word closed it, and not as the answer to an office's."""
    yes = sa.exists().where(
        satisfaction.c.ticket_id == tickets.c.id,
        satisfaction.c.cycle == tickets.c.disposal_count,
        satisfaction.c.outcome == Outcome.SATISFIED,
    )
    return sa.and_(tickets.c.status == Status.CLOSED, tickets.c.outcome == Outcome.SATISFIED, ~yes)


def _is_passed_on() -> Condition:
    sent_back = sa.or_(*(events.c.codes.contains(f'"{why}"', autoescape=True) for why in SENT_BACK))
    return sa.or_(events.c.kind == "forwarded", sa.and_(events.c.kind == "to_triage", sent_back))


def _tickets_with(conn: sa.Connection, time: Stretch, scope: Scope, is_such: Condition) -> int:
    """How many tickets have such an event in that time."""
    counted = sa.select(sa.func.count(events.c.ticket_id.distinct())).where(time.holds(events.c.at), is_such)
    return int(conn.execute(of_tickets(counted, events.c.ticket_id, scope)).scalar_one())


def _reopened(conn: sa.Connection, time: Stretch, scope: Scope) -> tuple[int, int, int]:
    """Told from the history, so that the figures of a past day stay what they were."""
    within = sa.select(events.c.ticket_id).where(events.c.kind == "reopened", time.holds(events.c.at)).distinct()
    these = of_tickets(within, events.c.ticket_id, scope).subquery()
    ever = events.alias("ever")
    counted = (
        sa.select(sa.func.count())
        .select_from(these.join(ever, ever.c.ticket_id == these.c.ticket_id))
        .where(_of_its_ticket(ever, "reopened"), ever.c.at < time.end)
        .group_by(these.c.ticket_id)
    )
    times = [int(many) for many in conn.scalars(counted)]
    return times.count(1), times.count(2), sum(many > 2 for many in times)


def _of_its_ticket(which: sa.FromClause, kind: str) -> Condition:
    """The kind, said so that no index of kinds is tried: the ticket's own few events are to be walked, not all of the kind."""
    found: Condition = which.c.kind.concat("") == kind
    return found


def _escalated(conn: sa.Connection, time: Stretch, scope: Scope) -> dict[int, int]:
    wanted = sa.select(events.c.ticket_id, events.c.codes).where(events.c.kind == "escalated", time.holds(events.c.at))
    highest: dict[int, int] = {}
    for ticket_id, codes in conn.execute(of_tickets(wanted, events.c.ticket_id, scope)):
        level = int(msgspec.json.decode(codes)["level"])
        highest[ticket_id] = max(level, highest.get(ticket_id, 0))
    return dict(sorted(Counter(highest.values()).items()))


def times(conn: sa.Connection, time: Stretch, scope: Scope) -> Times:
    """Hours from the opening to three moments."""
    earlier = events.alias("earlier")
    before = sa.exists().where(
        earlier.c.ticket_id == events.c.ticket_id, _of_its_ticket(earlier, "accepted"), earlier.c.at < time.start
    )
    accepted = (
        sa.select(tickets.c.opened_at, sa.func.min(events.c.at).label("at"))
        .join(tickets, tickets.c.id == events.c.ticket_id)
        .where(events.c.kind == "accepted", time.holds(events.c.at), ~before, *in_scope(scope))
        .group_by(tickets.c.id, tickets.c.opened_at)
    )
    asks = satisfaction.join(tickets, tickets.c.id == satisfaction.c.ticket_id)
    disposed = (
        sa.select(tickets.c.opened_at, satisfaction.c.disposed_at.label("at"))
        .select_from(asks)
        .where(time.holds(satisfaction.c.disposed_at), *in_scope(scope))
    )
    solved = (
        sa.select(tickets.c.opened_at, satisfaction.c.answered_at.label("at"))
        .select_from(asks)
        .where(
            time.holds(satisfaction.c.answered_at),
            satisfaction.c.outcome == Outcome.SATISFIED,
            satisfaction.c.disposal == Disposal.DONE,
            *in_scope(scope),
        )
    )
    acceptance, disposal, satisfied = (
        spread_of((row.at - row.opened_at) / HOUR for row in conn.execute(query))
        for query in (accepted, disposed, solved)
    )
    return Times(acceptance=acceptance, disposal=disposal, satisfied=satisfied)
