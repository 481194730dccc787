"""Work that is planned for a later day: the clock stands until then, and the ticket comes back by itself.

Pure. An office plans a ticket once in its turn, with a reason that the next officer up reads and may undo; whoever
stands above it may plan again. The citizen is told the day. A planned ticket is never counted as answered.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from handlers.case import Case
from handlers.effects import Act, Audience, Decision, Effect, Notify, Press, Record, RefreshNotice, Say
from handlers.facts import Facts
from handlers.ground import Ground
from handlers.heard import OfficerBroughtBack, OfficerPlanned
from handlers.refusing import ActRefused
from handlers.replies import office_facts
from handlers.routing import is_owner_chair
from handlers.standing import let_go, promised_at
from store.vocabulary import Sensitivity

MOST_DAYS_AHEAD = 180  # what is further off is a matter of policy or money, and is answered as such


def plan(case: Case, act: OfficerPlanned, now: datetime, ground: Ground) -> Decision:
    """Stop the clock until the day that was named, and tell it to the citizen and to the next officer up."""
    if not case.with_office:
        raise ActRefused("closed_ticket")
    if case.urgent or case.sensitivity is not Sensitivity.NORMAL:
        raise ActRefused("not_to_be_planned")
    if not now < act.until <= now + timedelta(days=MOST_DAYS_AHEAD):
        raise ActRefused("day_missing")
    if case.planned_until_at is not None or _planned_before(case, act, ground):
        raise ActRefused("planned_already")
    planned = replace(case, paused_at=case.paused_at or now, planned_until_at=act.until, planned_turn=case.turn)
    step = f"planned:{case.turn}:{_stamp(act.until)}"
    facts = Facts(officer=act.by.name, planned_until=act.until, question=act.reason)
    argument = _stamp(act.until)
    notice = Notify(
        audience=Audience.SUPERVISOR,
        template="planned_notice",
        facts=facts,
        step=step,
        presses=((Press(act=Act.BRING_BACK, argument=argument),),),
    )
    say = Say(
        template="planned",
        facts=office_facts(case, Facts(planned_until=act.until)),
        step=step,
        unasked=True,
    )
    record = Record(kind="planned", codes=(("until", act.until.date().isoformat()),))
    return Decision(case=planned, effects=(record, RefreshNotice(), notice, say), result="planned")


def _planned_before(case: Case, act: OfficerPlanned, ground: Ground) -> bool:
    """Putting it off again and again is not for the chair that did so."""
    return case.planned_turn == case.turn and is_owner_chair(case, act.by.post, ground.directory)


def bring_back(case: Case, act: OfficerBroughtBack, now: datetime) -> Decision:
    """The owner, or somebody above, wants it done now."""
    if not case.with_office or case.planned_until_at is None:
        raise ActRefused("old_button")
    if act.until and act.until != _stamp(case.planned_until_at):
        raise ActRefused("old_button")
    return _back(case, now, officer=act.by.name)


def plan_ended(case: Case, now: datetime) -> Decision:
    """The day has come."""
    return _back(case, now, officer=None)


def _back(case: Case, now: datetime, *, officer: str | None) -> Decision:
    day = case.planned_until_at
    again = let_go(replace(case, planned_until_at=None), now)
    notice = Notify(
        audience=Audience.OWNER,
        template="plan_ended",
        facts=Facts(officer=officer, due_at=promised_at(again)),
        step=f"plan_ended:{case.turn}:{_stamp(day) if day else ''}",
    )
    effects: tuple[Effect, ...] = (Record(kind="plan_ended"), RefreshNotice(), notice)
    return Decision(case=again, effects=effects, result="plan_ended")


def _stamp(moment: datetime) -> str:
    return str(int(moment.timestamp()))
