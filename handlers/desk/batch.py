"""The desk's loop: claim rows, load, decide each, write all, in one transaction.

A row that cannot be decided is set aside alone and never harms the others; a batch that cannot be written is decided
again row by row. Owns transactions around deciding; it knows no platform and sends nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from functools import partial

import sqlalchemy as sa

from handlers.conversation import next_wake
from handlers.desk import floods
from handlers.desk import snapshot as picture
from handlers.desk.ahead import Ahead
from handlers.desk.deciding import outcomes_of, woken
from handlers.desk.digests import decide_digest
from handlers.desk.gathering import gathered
from handlers.desk.lists import decide_list
from handlers.desk.remarks import decide_remark
from handlers.desk.reviewing import decide_review
from handlers.desk.snapshot import Snapshot
from handlers.desk.standstills import decide_standstill
from handlers.desk.steps import Outcome, Step
from handlers.desk.store_matters import decide_store_matter
from handlers.desk.undoing import decide_undo
from handlers.desk.writing import Writer
from handlers.policy import Policy
from store import inbox, standstills, tickets
from store.alarms import raise_alarm
from store.boundaries import passing
from store.conflicts import DATABASE_FAULTS, write
from store.db import reading
from store.inbound import DeskUpdate
from store.inbox import Decided, InboxRow

logger = logging.getLogger(__name__)

SHORTEST_SLEEP = timedelta(seconds=1)
LOOK_AGAIN = timedelta(hours=1)


class Desk:
    """Decides what the inbox holds and what time has made due."""

    def __init__(self, engine: sa.Engine, now: Callable[[], datetime], policy: Policy) -> None:
        self._engine = engine
        self._now = now
        self._policy = policy
        self.parked = 0
        self._ahead = Ahead(engine, any_state=policy.any_state)
        self._is_behind = False

    def decide_batch(self, limit: int = 50) -> int:
        """Decide up to `limit` waiting rows, cries for help first; returns how many were taken up."""
        first = self._ahead.first() if self._is_behind else []
        now = self._now()
        try:
            done = write(self._engine, lambda conn: self._decide(conn, limit, now, first))
        except DATABASE_FAULTS:
            raise
        except Exception:  # decided again below, row by row; the culprit is parked with its error
            logger.exception("A batch could not be written; its rows are decided alone", extra={"action": "desk.batch"})
            return self._decide_each(limit)
        self._is_behind = done >= limit
        if not self._is_behind:
            self._ahead.forget()
        if done:
            passing("desk.committed")
        return done

    def _decide(self, conn: sa.Connection, limit: int, now: datetime, first: Collection[int]) -> int:
        rows = inbox.claim(conn, limit, now, first)
        if not rows:
            return 0
        self._decide_rows(conn, rows, now)
        return len(rows)

    def _decide_rows(self, conn: sa.Connection, rows: Sequence[InboxRow], now: datetime) -> None:
        passing("desk.claimed")
        snapshot = picture.load(conn, rows, now, self._policy)
        rows = floods.set_aside(conn, snapshot, rows, now)
        outcomes = self._outcomes(conn, snapshot, rows)
        passing("desk.decided")
        writer = Writer(conn, snapshot)
        writer.write([step for _, outcome in outcomes for step in outcome.steps])
        passing("desk.written")
        self._mark(conn, writer, outcomes, now)
        passing("desk.marked")

    def _decide_each(self, limit: int) -> int:
        done = 0
        while done < limit and self._decide_next():
            done += 1
        return done

    def _decide_next(self) -> bool:
        """Decide one row in a transaction of its own, or park it; False when none waits."""
        now = self._now()
        taken: list[int] = []

        def decide_one(conn: sa.Connection) -> None:
            rows = inbox.claim(conn, 1, now)
            taken[:] = [row.id for row in rows]
            if rows:
                self._decide_rows(conn, rows, now)

        try:
            write(self._engine, decide_one)
        except DATABASE_FAULTS:
            raise
        except Exception as error:  # parked and shown to the operator: one bad row must not stop the office
            if not taken:
                raise
            self._park(taken[0], error)
        else:
            if taken:
                passing("desk.committed")
        return bool(taken)

    def _park(self, row_id: int, error: Exception) -> None:
        logger.error(
            "Inbox row %s could not be decided: %s",
            row_id,
            type(error).__name__,
            exc_info=error,
            extra={"action": "desk.park"},
        )
        self.parked += 1
        told, now = f"{type(error).__name__}: {error}"[:500], self._now()
        write(self._engine, lambda conn: inbox.park(conn, row_id, told, now))

    def _outcomes(
        self, conn: sa.Connection, snapshot: Snapshot, rows: Sequence[InboxRow]
    ) -> list[tuple[InboxRow, Outcome]]:
        return outcomes_of(snapshot, rows, partial(_with_tables, conn, snapshot))

    def _mark(
        self, conn: sa.Connection, writer: Writer, outcomes: Sequence[tuple[InboxRow, Outcome]], now: datetime
    ) -> None:
        done: list[Decided] = []
        for row, outcome in outcomes:
            if outcome.wait_until is not None:
                inbox.defer(conn, row.id, outcome.wait_until)
                continue
            if outcome.aside:
                _set_aside(conn, row, outcome, now)
                continue
            ticket_id = _ticket_of(writer, outcome)
            done.append(Decided(row.id, outcome.result, ticket_id))
            done += [Decided(joined, "joined", ticket_id) for joined in outcome.joins]
        inbox.mark_done(conn, done, now)

    def hear_time(self, limit: int = 50) -> int:
        """Decide what time has made due; returns how many tickets it touched.

        A ticket for which that fails is looked at again in an hour, with an alarm, and stops nobody else's time.
        """
        now = self._now()
        self._wake_standing_still(now)
        try:
            heard = write(self._engine, lambda conn: self._wake(conn, tickets.due_to_wake(conn, now, limit), now))
        except DATABASE_FAULTS:
            raise
        except Exception:  # each alone below; the culprit is put off with an alarm
            logger.exception(
                "Time could not be heard together; each ticket is heard alone", extra={"action": "desk.time"}
            )
        else:
            if heard:
                passing("time.committed")
            return heard
        with reading(self._engine) as conn:
            ids = tickets.ids_due_to_wake(conn, now, limit)
        for ticket_id in ids:
            self._wake_alone(ticket_id, now)
        return len(ids)

    def _wake_standing_still(self, now: datetime) -> None:
        """Tickets whose clocks do not stand as ordered are woken."""
        with reading(self._engine) as conn:
            concerned = bool(standstills.concerned(conn, now))
        if concerned:
            write(self._engine, lambda conn: standstills.wake_concerned(conn, now))

    def _wake(self, conn: sa.Connection, rows: Sequence[tickets.TicketRow], now: datetime) -> int:
        if not rows:
            return 0
        passing("time.claimed")
        snapshot = picture.empty(conn, now, self._policy)
        picture.take_in(conn, snapshot, rows)
        steps = self._woken(snapshot, [row["id"] for row in rows])
        Writer(conn, snapshot).write(steps)
        # A window that was made longer leaves an early wake behind: it must move, or this ticket is woken for ever.
        moments = {row["id"]: next_wake(snapshot.cases[row["id"]], self._policy) for row in rows}
        later = now + SHORTEST_SLEEP
        tickets.set_wakes(conn, {number: max(at, later) if at else None for number, at in moments.items()})
        passing("time.written")
        return len(rows)

    def _woken(self, snapshot: Snapshot, ticket_ids: Sequence[int]) -> list[Step]:
        return gathered(snapshot, [woken(snapshot, ticket_id) for ticket_id in ticket_ids])

    def _wake_alone(self, ticket_id: int, now: datetime) -> None:
        try:
            write(
                self._engine,
                lambda conn: self._wake(conn, tickets.due_to_wake(conn, now, 1, only=ticket_id), now),
            )
        except DATABASE_FAULTS:
            raise
        except Exception as error:  # put off and told: one bad ticket must not stop the clock of the others
            logger.exception("Time could not be heard for a ticket", extra={"action": "desk.time"})
            sentence = f"time passing could not be decided for ticket {ticket_id}: {type(error).__name__}; see the log"
            write(self._engine, lambda conn: _put_off(conn, ticket_id, sentence, now))


def _with_tables(conn: sa.Connection, snapshot: Snapshot, row: InboxRow, update: DeskUpdate) -> Outcome | None:
    """What of an update needs the tables: a change of the directory, or a list; None for all else."""
    return (
        decide_store_matter(conn, snapshot, row, update)
        or decide_list(conn, snapshot, row, update)
        or decide_standstill(conn, snapshot, row, update)
        or decide_remark(conn, snapshot, row, update)
        or decide_review(conn, snapshot, row, update)
        or decide_digest(conn, snapshot, row, update)
        or decide_undo(conn, snapshot, row, update)
    )


def _put_off(conn: sa.Connection, ticket_id: int, sentence: str, now: datetime) -> None:
    tickets.set_wakes(conn, {ticket_id: now + LOOK_AGAIN})
    raise_alarm(conn, "ticket_stuck", f"ticket:{ticket_id}", sentence, now)


def _set_aside(conn: sa.Connection, row: InboxRow, outcome: Outcome, now: datetime) -> None:
    for row_id in (row.id, *outcome.joins):
        inbox.park(conn, row_id, outcome.aside, now, outcome.result)
    sentence = f"Inbox row {row.id}: {outcome.aside}. Look at the thread; then `smgt inbox retry` or `smgt inbox drop`."
    raise_alarm(conn, outcome.result, f"inbox:{row.id}", sentence, now)


def _ticket_of(writer: Writer, outcome: Outcome) -> int | None:
    for step in reversed([step for step in outcome.steps if not step.along]):
        case = step.decision.case or step.before
        if case is not None:
            return writer.final_id(case.id)
    return None
