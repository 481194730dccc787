"""The desk's loop: claim rows, load, decide each, write all, in one transaction.

A row that cannot be decided is set aside alone and never harms the others; a batch that cannot be written is decided
again row by row. Owns transactions around deciding; it knows no platform and sends nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import InterfaceError, OperationalError

from handlers.conversation import decide, next_wake
from handlers.desk import snapshot as picture
from handlers.desk.citizens import decide_post, parts_of
from handlers.desk.officers import decide_update
from handlers.desk.snapshot import Snapshot
from handlers.desk.steps import Origin, Outcome, Step
from handlers.desk.stopped import hushed
from handlers.desk.store_matters import decide_store_matter
from handlers.desk.writing import Writer
from handlers.heard import SayRefused, Silence
from handlers.policy import Policy
from store import inbox, tickets
from store.alarms import raise_alarm
from store.db import writing
from store.inbound import DeskUpdate, Inbound, Undeliverable
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

    def decide_batch(self, limit: int = 50) -> int:
        """Decide up to `limit` waiting rows; returns how many were taken up."""
        try:
            with writing(self._engine) as conn:
                return self._decide(conn, limit)
        except (OperationalError, InterfaceError):
            raise
        except Exception:  # decided again below, row by row; the culprit is parked with its error
            logger.exception("A batch could not be written; its rows are decided alone", extra={"action": "desk.batch"})
            return self._decide_alone(limit)

    def _decide(self, conn: sa.Connection, limit: int) -> int:
        rows = inbox.claim(conn, limit, self._now())
        if not rows:
            return 0
        now = self._now()
        snapshot = picture.load(conn, rows, now, self._policy)
        outcomes = self._outcomes(conn, snapshot, rows)
        writer = Writer(conn, snapshot)
        writer.write([step for _, outcome in outcomes for step in outcome.steps])
        self._mark(conn, writer, outcomes, now)
        return len(rows)

    def _decide_alone(self, limit: int) -> int:
        done = 0
        for _ in range(limit):
            row_id: int | None = None
            try:
                with writing(self._engine) as conn:
                    rows = inbox.claim(conn, 1, self._now())
                    if not rows:
                        return done
                    row_id = rows[0].id
                    snapshot = picture.load(conn, rows, self._now(), self._policy)
                    outcomes = self._outcomes(conn, snapshot, rows)
                    writer = Writer(conn, snapshot)
                    writer.write([step for _, outcome in outcomes for step in outcome.steps])
                    self._mark(conn, writer, outcomes, self._now())
            except (OperationalError, InterfaceError):
                raise
            except Exception as error:  # parked and shown to the operator: one bad row must not stop the office
                if row_id is None:
                    raise
                self._park(row_id, error)
            done += 1
        return done

    def _park(self, row_id: int, error: Exception) -> None:
        logger.error(
            "Inbox row %s could not be decided: %s",
            row_id,
            type(error).__name__,
            exc_info=error,
            extra={"action": "desk.park"},
        )
        self.parked += 1
        with writing(self._engine) as conn:
            inbox.park(conn, row_id, f"{type(error).__name__}: {error}"[:500], self._now())

    def _outcomes(
        self, conn: sa.Connection, snapshot: Snapshot, rows: Sequence[InboxRow]
    ) -> list[tuple[InboxRow, Outcome]]:
        outcomes: list[tuple[InboxRow, Outcome]] = []
        joined: set[int] = set()
        waiting: set[str] = set()
        for at, row in enumerate(rows):
            if row.id in joined or row.actor_key in waiting:
                continue
            outcome = self._outcome(conn, snapshot, rows, at)
            outcome = replace(
                outcome, steps=tuple(hushed(snapshot, _at_home(snapshot, step)) for step in outcome.steps)
            )
            joined |= set(outcome.joins)
            if outcome.wait_until is not None:
                waiting.add(row.actor_key)
            _remember(snapshot, outcome)
            outcomes.append((row, outcome))
        return outcomes

    def _outcome(self, conn: sa.Connection, snapshot: Snapshot, rows: Sequence[InboxRow], at: int) -> Outcome:
        row = rows[at]
        match row.heard:
            case Inbound() as post:
                return decide_post(snapshot, row, post, parts_of(rows, at, self._policy.thread_join))
            case DeskUpdate() as update:
                return decide_store_matter(conn, snapshot, row, update) or decide_update(snapshot, row, update)
            case Undeliverable() as refused:
                return _refused(snapshot, row, refused)

    def _mark(
        self, conn: sa.Connection, writer: Writer, outcomes: Sequence[tuple[InboxRow, Outcome]], now: datetime
    ) -> None:
        done: list[Decided] = []
        for row, outcome in outcomes:
            if outcome.wait_until is not None:
                inbox.defer(conn, row.id, outcome.wait_until)
                continue
            ticket_id = _ticket_of(writer, outcome)
            done.append(Decided(row.id, outcome.result, ticket_id))
            done += [Decided(joined, "joined", ticket_id) for joined in outcome.joins]
        inbox.mark_done(conn, done, now)

    def hear_time(self, limit: int = 50) -> int:
        """Decide what time has made due; returns how many tickets it touched.

        A ticket for which that fails is looked at again in an hour, with an alarm, and stops nobody else's time.
        """
        try:
            with writing(self._engine) as conn:
                rows = tickets.due_to_wake(conn, self._now(), limit)
                self._wake(conn, rows)
                return len(rows)
        except (OperationalError, InterfaceError):
            raise
        except Exception:  # each alone below; the culprit is put off with an alarm
            logger.exception(
                "Time could not be heard together; each ticket is heard alone", extra={"action": "desk.time"}
            )
        with writing(self._engine) as conn:
            ids = [row["id"] for row in tickets.due_to_wake(conn, self._now(), limit)]
        for ticket_id in ids:
            self._wake_alone(ticket_id)
        return len(ids)

    def _wake(self, conn: sa.Connection, rows: Sequence[tickets.TicketRow]) -> None:
        if not rows:
            return
        now = self._now()
        snapshot = picture.empty(conn, now, self._policy)
        picture.take_in(conn, snapshot, rows)
        steps = [hushed(snapshot, _woken(snapshot, row, now)) for row in rows]
        Writer(conn, snapshot).write(steps)
        # A window that was made longer leaves an early wake behind: it must move, or this ticket is woken for ever.
        moments = {row["id"]: next_wake(snapshot.cases[row["id"]], self._policy) for row in rows}
        later = now + SHORTEST_SLEEP
        tickets.set_wakes(conn, {number: max(at, later) if at else None for number, at in moments.items()})

    def _wake_alone(self, ticket_id: int) -> None:
        try:
            with writing(self._engine) as conn:
                self._wake(conn, tickets.by_ids(conn, [ticket_id]))
        except (OperationalError, InterfaceError):
            raise
        except Exception as error:  # put off and told: one bad ticket must not stop the clock of the others
            logger.exception("Time could not be heard for a ticket", extra={"action": "desk.time"})
            with writing(self._engine) as conn:
                now = self._now()
                tickets.set_wakes(conn, {ticket_id: now + LOOK_AGAIN})
                sentence = (
                    f"time passing could not be decided for ticket {ticket_id}: {type(error).__name__}; see the log"
                )
                raise_alarm(conn, "ticket_stuck", f"ticket:{ticket_id}", sentence, now)


def _at_home(snapshot: Snapshot, step: Step) -> Step:
    """A word on another channel is answered there; later news still goes where the complaint was made."""
    case, before, post = step.decision.case, step.before, step.origin.post
    if case is None or before is None or post is None or step.origin.channel_id == case.channel_id:
        return step
    home = replace(case, reply_to_id=before.reply_to_id, mentioned_ids=before.mentioned_ids)
    snapshot.keep(home)
    return replace(step, decision=replace(step.decision, case=home))


def _woken(snapshot: Snapshot, row: tickets.TicketRow, now: datetime) -> Step:
    case = snapshot.cases[row["id"]]
    decision = decide(case, Silence(), now, snapshot.ground)
    if decision.case is not None:
        snapshot.keep(decision.case)
    return Step(
        Origin(key=f"wake:{now.isoformat()}", actor="clock"),
        None if decision.case is None else case,
        decision,
    )


def _refused(snapshot: Snapshot, row: InboxRow, refused: Undeliverable) -> Outcome:
    """The platform will not carry a message of ours: the ticket hears of it."""
    case = snapshot.cases.get(refused.ticket_id or 0)
    if case is None:
        return Outcome("ignored:undeliverable")
    decision = decide(case, SayRefused(template=refused.template, code=refused.code), snapshot.now, snapshot.ground)
    if decision.case is not None:
        snapshot.keep(decision.case)
    return Outcome(
        decision.result, (Step(Origin(key=f"in:{row.id}", actor="office", inbox_id=row.id), case, decision),)
    )


def _remember(snapshot: Snapshot, outcome: Outcome) -> None:
    """Later rows of the batch know the messages that earlier ones brought."""
    for step in outcome.steps:
        case = step.decision.case or step.before
        for words in step.words:
            known: dict[str, Any] = {
                "message_id": words.message_id,
                "ticket_id": case.id if case else None,
                "account_id": step.origin.account_id,
                "version": words.version,
                "speaker": words.speaker,
            }
            snapshot.heard[(words.platform, words.message_id)] = known


def _ticket_of(writer: Writer, outcome: Outcome) -> int | None:
    for step in reversed(outcome.steps):
        case = step.decision.case or step.before
        if case is not None:
            return writer.final_id(case.id)
    return None
