"""Giving time to all offices of a district from the CMO desk: /pause, its confirmation, and calling it off.

Owns the reading of the command and who may give it. What a standstill does to a ticket is handlers/standstill.py's; that
the desks hear of it, standstill_news.py's.
"""

from __future__ import annotations

import re
from collections.abc import Set
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

import sqlalchemy as sa

from handlers.desk.dates import read_day
from handlers.desk.snapshot import Snapshot
from handlers.desk.steps import Origin, Outcome, Step
from handlers.desk.telling import cmo_clerk, refuse, toast_code
from handlers.effects import Act, Decision, How, Press, Tell
from handlers.facts import Facts
from handlers.length import strip_unsafe
from handlers.standstill import may_be_ordered, runs_again_after
from handlers.time_limits import OFFICE_ZONE
from handlers.understanding import mask, read_answer
from handlers.understanding.meaning import Asked
from handlers.understanding.taxonomy import taxonomy
from store import standstills, tickets
from store.inbound import DeskUpdate
from store.inbox import InboxRow
from store.people import WHOLE_STATE, Officer, Standstill
from store.vocabulary import DeskVerb

COMMAND: Final = "/pause"
PRESSES: Final = frozenset({Act.STAND_STILL, Act.CALL_OFF})
STATE_WORDS: Final = re.compile(r"\b(haryana|all districts|whole state)\b|हरियाणा|पूरा राज्य|ਹਰਿਆਣਾ", re.IGNORECASE)
LEAST_REASON: Final = 1  # a word: flood, strike
LONGEST_REASON: Final = 200  # characters


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to stand still, until when and why."""

    district: str
    department: str | None
    until: datetime
    reason: str


def decide_standstill(conn: sa.Connection, snapshot: Snapshot, row: InboxRow, update: DeskUpdate) -> Outcome | None:
    """Take up /pause and the presses that belong to it; None for all else."""
    origin = Origin(key=f"in:{row.id}", actor="officer", inbox_id=row.id, channel_id=row.channel_id, update=update)
    if update.verb is DeskVerb.PRESSED:
        button = snapshot.buttons.get(update.press_data or "")
        if button is None or button["act"] not in PRESSES:
            return None
        clerk = cmo_clerk(snapshot, update)
        if isinstance(clerk, str):
            return toast_code(origin, clerk)
        number = int(button["argument"].partition("|")[0])
        return _pressed(conn, snapshot, origin, clerk, Act(button["act"]), number)
    command, _, words = update.text.partition(" ")
    if update.verb is not DeskVerb.WROTE or command.split("@")[0].lower() != COMMAND:
        return None
    clerk = cmo_clerk(snapshot, update)
    if isinstance(clerk, str):
        return refuse(origin, clerk)
    if not words.strip():
        return _listed(origin, standstills.in_force(conn, snapshot.now))
    wanted = read_order(words, snapshot.now, snapshot.ground.policy.holidays)
    return refuse(origin, wanted) if isinstance(wanted, str) else _proposed(conn, snapshot, origin, clerk, wanted)


# -- the command ---------------------------------------------------------------------------------------------------------


def read_order(words: str, now: datetime, holidays: Set[date]) -> Wanted | str:
    """DISTRICT [DEPARTMENT] until DAY: reason, in the words of a clerk; or the code of what is missing.

    The day is the last one without a clock: the offices' time runs again when they open after it.
    """
    head, colon, reason = words.partition(":")
    found = read_day(head, now.astimezone(OFFICE_ZONE).date())
    if found is None:
        return "pause_day"
    day, beside = found
    district = WHOLE_STATE if STATE_WORDS.search(beside) else read_answer(beside, asked=Asked.DISTRICT).district
    if district is None:
        return "pause_district"
    if not colon or len(re.findall(r"[^\W\d_]+", reason)) < LEAST_REASON:
        return "pause_reason"
    until = runs_again_after(day, holidays)
    if not may_be_ordered(until, now):
        return "pause_day"
    return Wanted(district, _department(beside), until, strip_unsafe(mask(reason.strip()))[:LONGEST_REASON])


def _department(words: str) -> str | None:
    """A department named by its code."""
    codes = taxonomy().departments.keys() - {"triage", "central"}
    return next((word for word in re.findall(r"[a-z_]+", words.lower()) if word in codes), None)


# -- answers -------------------------------------------------------------------------------------------------------------


def _proposed(conn: sa.Connection, snapshot: Snapshot, origin: Origin, clerk: Officer, wanted: Wanted) -> Outcome:
    number = standstills.propose(
        conn, wanted.district, wanted.department, wanted.until, wanted.reason, snapshot.now, officer_id=clerk.id
    )
    facts = Facts(
        district=None if wanted.district == WHOLE_STATE else wanted.district,
        department=wanted.department,
        standstill_until=wanted.until,
        question=wanted.reason,
        total=standstills.count_covered(conn, wanted.district, wanted.department),
    )
    press = Press(act=Act.STAND_STILL, argument=str(number))
    return _told(
        origin, Tell(template="standstill_proposed", facts=facts, how=How.REPLY, step="pause", presses=((press,),))
    )


def _listed(origin: Origin, found: tuple[Standstill, ...]) -> Outcome:
    facts = Facts(standstills=found)
    presses = tuple((Press(act=Act.CALL_OFF, argument=f"{one.id}|{one.district}"),) for one in found)
    return _told(origin, Tell(template="standstill_list", facts=facts, how=How.REPLY, step="pauses", presses=presses))


def _pressed(conn: sa.Connection, snapshot: Snapshot, origin: Origin, clerk: Officer, act: Act, number: int) -> Outcome:
    """Begin or end it; the second press changes nothing."""
    try:
        if act is Act.STAND_STILL:
            changed, kind = standstills.confirm(conn, number, snapshot.now), "standstill_ordered"
        else:
            changed, kind = standstills.end(conn, number, snapshot.now), "standstill_called_off"
    except standstills.StandstillRefused as refused:
        return toast_code(origin, refused.code)
    note(conn, changed, kind, snapshot.now, officer_id=clerk.id, inbox_id=origin.inbox_id)
    return _told(origin, Tell(template="toast", facts=Facts(why=kind), how=How.TOAST), kind)


def note(
    conn: sa.Connection,
    standstill: Standstill,
    kind: str,
    now: datetime,
    *,
    officer_id: int | None = None,
    inbox_id: int | None = None,
) -> None:
    """Who gave offices time, or took it back, stays on record."""
    codes = {
        "district": standstill.district,
        "department": standstill.department or "",
        "standstill": str(standstill.id),
    }
    actor = "officer" if officer_id is not None else "office"
    event = {"ticket_id": None, "kind": kind, "at": now, "actor": actor, "officer_id": officer_id, "inbox_id": inbox_id}
    tickets.add_events(conn, [{**event, "codes": {**codes, "until": standstill.until_at.date().isoformat()}}])


def _told(origin: Origin, tell: Tell, result: str = "answered:pause") -> Outcome:
    return Outcome(result, (Step(origin, None, Decision(case=None, effects=(tell,), result=result)),))
