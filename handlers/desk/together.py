"""One act of an officer for all who report the same: whom it reaches, what is shown of them, and who is taken out.

Owns what officers see and do of an incident. Which tickets are linked is decided in gathering.py; what an act does to a
ticket is the core's, for each of them anew. It reads the snapshot and writes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from handlers.case import Case
from handlers.conversation import decide
from handlers.desk.snapshot import Snapshot
from handlers.desk.steps import Origin, Outcome, Step
from handlers.desk.telling import toast_code
from handlers.effects import Act, Decision, How, Notify, Press, Tell
from handlers.facts import Facts
from handlers.heard import (
    OfficerAccepted,
    OfficerActed,
    OfficerBroughtBack,
    OfficerDisposed,
    OfficerForwarded,
    OfficerPlanned,
    SeniorSettledTime,
)
from handlers.more_time import limit_stamp
from handlers.refusing import ActRefused

FOR_ALL: Final = (
    OfficerAccepted,
    OfficerForwarded,
    OfficerDisposed,
    SeniorSettledTime,
    OfficerPlanned,
    OfficerBroughtBack,
)
TOLD_OF_THE_LEAD: Final = (SeniorSettledTime, OfficerPlanned, OfficerBroughtBack)  # one word to an office is enough
NUMBERS_SHOWN: Final = 8  # of the others, in a notice
MOST_TO_SPLIT: Final = 20  # to choose from; any other is found by its number

Numbered = Callable[[Case], Case]


# -- what is shown -----------------------------------------------------------------------------------------------------------


def told_together(snapshot: Snapshot, case: Case, numbered: Numbered) -> dict[str, Any]:
    """What a notice or a card says of the others who report this; nothing of a ticket that stands alone."""
    gathering = snapshot.gathering_of(case)
    if gathering is None or len(gathering.members) < 2:
        return {}
    lead_id, lead_number = _final(snapshot, gathering.lead, numbered) if gathering.lead is not None else (0, "")
    others = len(gathering.members) - 1
    if lead_id != case.id:
        return {"others": others, "lead_number": lead_number or None if case.with_office else None}
    waiting = [_final(snapshot, one.id, numbered) for one in gathering.open_members()]
    numbers = tuple(number for ticket_id, number in waiting if ticket_id != case.id)
    return {"others": others, "numbers": numbers[-NUMBERS_SHOWN:]}


def split_presses(snapshot: Snapshot, case: Case, numbered: Numbered) -> tuple[tuple[Press, ...], ...]:
    """The button by which one of several is taken out, under the notice that speaks for them."""
    gathering = snapshot.gathering_of(case)
    if gathering is None or gathering.lead is None or not case.with_office or len(gathering.open_members()) < 2:
        return ()
    leads = _final(snapshot, gathering.lead, numbered)[0] == case.id
    return ((Press(act=Act.SPLIT),),) if leads else ()


def card_presses(snapshot: Snapshot, case: Case) -> tuple[tuple[Press, ...], ...]:
    """The same under the card of a ticket for which another one's notice speaks."""
    gathering = snapshot.gathering_of(case)
    if gathering is None or not case.with_office or len(gathering.open_members()) < 2:
        return ()
    return ((Press(act=Act.SPLIT_OFF, argument=case.number),),)


def _final(snapshot: Snapshot, ticket_id: int, numbered: Numbered) -> tuple[int, str]:
    """The id and the number that a ticket has once written."""
    if (case := snapshot.cases.get(ticket_id)) is not None:
        written = numbered(case)
        return written.id, written.number
    of = snapshot.ties.gatherings.values() if snapshot.ties is not None else ()
    return ticket_id, next((one.members[ticket_id].number for one in of if ticket_id in one.members), "")


# -- one act for all ---------------------------------------------------------------------------------------------------------


def others_for(snapshot: Snapshot, case: Case) -> list[Case]:
    """The other open tickets for which this one's notice speaks."""
    gathering = snapshot.gathering_of(case)
    wanted = gathering.speaks_for(case.id) if gathering is not None else []
    return [other for one in wanted if (other := snapshot.cases.get(one)) is not None and other.with_office]


def left_since(snapshot: Snapshot, case: Case, since: datetime) -> int:
    """How many of them an act meant then does not reach any more."""
    gathering = snapshot.gathering_of(case)
    if gathering is None or gathering.lead != case.id:
        return 0
    gone = (one for one in gathering.members.values() if not one.is_open and one.id != case.id)
    return sum((one.ended_at or one.disposed_at or since) > since for one in gone)


def done_to_others(snapshot: Snapshot, origin: Origin, case: Case, act: OfficerActed) -> tuple[list[Step], int]:
    """The act done to each of the others, by the same rules as if to it alone; and to how many it could not be done."""
    steps: list[Step] = []
    skipped = 0
    for other in others_for(snapshot, case) if isinstance(act, FOR_ALL) else ():
        try:
            decision = decide(other, _meant_for(other, act), snapshot.now, snapshot.ground)
        except ActRefused as refused:
            skipped += refused.code != "already_accepted"
            continue
        if isinstance(act, TOLD_OF_THE_LEAD):
            decision = replace(decision, effects=tuple(one for one in decision.effects if not isinstance(one, Notify)))
        steps.append(Step(origin, other, decision, along=True))
        if decision.case is not None:
            snapshot.keep(decision.case)
    return steps, skipped


def _meant_for(other: Case, act: OfficerActed) -> OfficerActed:
    """More time is granted from each ticket's own limit."""
    return replace(act, asked_at=limit_stamp(other)) if isinstance(act, SeniorSettledTime) else act


# -- taking one out ----------------------------------------------------------------------------------------------------------


def split_pressed(snapshot: Snapshot, origin: Origin, case: Case, act: Act, argument: str) -> Outcome:
    """Ask which one is different, or take it out: its own notice, its own clock as it was."""
    gathering = snapshot.gathering_of(case)
    if gathering is None or not case.with_office or len(gathering.open_members()) < 2:
        return toast_code(origin, "old_button", case)
    if act is Act.SPLIT:
        return _asked_which(origin, case, [one.number for one in gathering.open_members()])
    other = next((one for one in gathering.open_members() if one.number == argument), None)
    different = snapshot.cases.get(other.id) if other is not None else None
    if different is None or not different.with_office:
        return toast_code(origin, "old_button", case)
    return taken_out(snapshot, origin, different)


def _asked_which(origin: Origin, case: Case, numbers: list[str]) -> Outcome:
    presses = [Press(act=Act.SPLIT_OFF, argument=number) for number in numbers[-MOST_TO_SPLIT:]]
    lines = tuple(tuple(presses[at : at + 2]) for at in range(0, len(presses), 2))
    tell = Tell(template="choose_split", how=How.REPLY, step="choose_split", presses=lines)
    toast = Tell(template="toast", facts=Facts(why="choose"), how=How.TOAST)
    decision = Decision(case=case, effects=(tell, toast), result="asked")
    return Outcome("asked:choose_split", (Step(origin, case, decision),))


def taken_out(snapshot: Snapshot, origin: Origin, case: Case) -> Outcome:
    """This ticket is not the others' matter; its notice is posted where tickets are gathered."""
    alone = replace(case, incident_id=None, stands_apart=True)
    snapshot.keep(alone)
    told = Tell(template="toast", facts=Facts(why="split_off"), how=How.TOAST)
    decision = Decision(case=alone, effects=(told,), result="split_off")
    return Outcome("split_off", (Step(origin, case, decision),))
