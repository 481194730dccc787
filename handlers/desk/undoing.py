"""The button that takes an act back, for who pressed it, within the minute, while nothing else has happened.

Owns what is checked and what is undone in the tables; what the ticket becomes is in handlers/undoing.py.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import msgspec
import sqlalchemy as sa

from handlers.case import Case
from handlers.desk.snapshot import Snapshot
from handlers.desk.steps import Origin, Outcome, Step, Undo
from handlers.desk.telling import chair_of, stranger_code, toast_code
from handlers.effects import Act, How, Say, Tell
from handlers.facts import Facts
from handlers.undoing import undone
from store import undoing
from store.inbound import DeskUpdate
from store.inbox import InboxRow
from store.vocabulary import DeskVerb


def key_of(origin: Origin) -> str:
    """What the button of this act knows it by."""
    return hashlib.sha256(origin.key.encode()).hexdigest()[:16]


def decide_undo(conn: sa.Connection, snapshot: Snapshot, row: InboxRow, update: DeskUpdate) -> Outcome | None:
    """Decide a press of that button; None when the update is none."""
    button = snapshot.buttons.get(update.press_data or "") if update.verb is DeskVerb.PRESSED else None
    if button is None or button["act"] != Act.UNDO:
        return None
    origin = Origin(key=f"in:{row.id}", actor="officer", inbox_id=row.id, channel_id=row.channel_id, update=update)
    case = snapshot.cases[button["ticket_id"]]
    by = None if update.anonymous else _actor(snapshot, update)
    if by is None:
        return toast_code(origin, stranger_code(snapshot, update))
    kept = undoing.of_ticket(conn, case.id, button["argument"])
    if kept is None or snapshot.now - kept["made_at"] > snapshot.ground.policy.undo_within:
        return toast_code(origin, "undo_too_late", case)
    if kept["officer_id"] != by:
        return toast_code(origin, "not_your_act", case)
    before = msgspec.json.decode(kept["before"], type=Case)
    chair = chair_of(snapshot, update, before)
    if chair is None:  # the chair was lost within the minute
        return toast_code(origin, "not_your_ticket", case)
    unchanged = msgspec.json.decode(kept["after"], type=Case) == case
    if not unchanged or not undoing.unsay(conn, json.loads(kept["steps"]), snapshot.now):
        return toast_code(origin, "undo_too_late", case)
    undoing.forget(conn, case.id, kept["made_at"], kept["draft_id"])
    decision = undone(case, before)
    told = Tell(template="toast", facts=Facts(why="undone"), how=How.TOAST)
    acting = replace(origin, by=chair)
    if decision.case is not None:
        snapshot.keep(decision.case)
    effects = (*decision.effects, told)
    return Outcome("undone", (Step(acting, case, replace(decision, effects=effects)),))


def _actor(snapshot: Snapshot, update: DeskUpdate) -> int | None:
    """The officer who presses; whether the act was theirs is told by the act."""
    officer = snapshot.ground.directory.officer(update.author.id) if update.author else None
    return officer.id if officer is not None else None


def row_of(step: Step, undo: Undo, after: Case, made: object) -> dict[str, object]:
    """What is remembered of an act that can be taken back."""
    says = [effect for effect in step.decision.effects if isinstance(effect, Say)]
    return {
        "ticket_id": after.id,
        "key": key_of(step.origin),
        "officer_id": undo.officer_id,
        "draft_id": step.used_draft,
        "before": msgspec.json.encode(step.before).decode(),
        "after": msgspec.json.encode(after).decode(),
        "steps": json.dumps([f"{after.id}:{say.step}" for say in says]),
        "made_at": made,
    }
