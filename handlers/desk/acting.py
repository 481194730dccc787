"""An officer's act decided and answered: what the core says, with a word to whoever acted.

Owns the answer and what an act on a grave ticket leaves unsaid. Which act is meant is decided in officers.py and
reports.py.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from handlers.case import Case
from handlers.conversation import decide
from handlers.desk.snapshot import Snapshot
from handlers.desk.steps import Origin, Outcome, Step, Undo
from handlers.desk.telling import tell_officer
from handlers.desk.together import done_to_others
from handlers.effects import Decision, Effect, How, Say, Tell
from handlers.facts import Facts
from handlers.handing import awaiting_nothing
from handlers.heard import DeskPlaced, OfficerActed, OfficerForwarded
from handlers.refusing import ActRefused
from handlers.undoing import can_be_undone
from store.vocabulary import Awaiting, Register


def act_on(
    snapshot: Snapshot, origin: Origin, case: Case, act: OfficerActed, done: str, *, skipped: int = 0
) -> Outcome:
    """Decide the act and answer the press or the reply with its outcome.

    Under a notice that speaks for several it is done to each of them; `skipped` of them were out of reach before.
    """
    how = How.TOAST if origin.update is not None and origin.update.press_id else How.REPLY
    template = "toast" if how is How.TOAST else "refusal"
    try:
        decision = decide(case, act, snapshot.now, snapshot.ground)
    except ActRefused as refused:
        others, _ = done_to_others(snapshot, origin, case, act) if refused.code == "already_accepted" else ([], 0)
        if others:
            tell = Tell(template="toast", facts=Facts(why=done, others=len(others)), how=how)
            decision = Decision(case=case, effects=(tell,), result=done)
            return Outcome(done, (Step(origin, case, decision), *others))
        return tell_officer(origin, template, Facts(why=refused.code), how, f"refused:{refused.code}", case)
    if case.register is Register.GRAVE and isinstance(act, DeskPlaced | OfficerForwarded):
        decision = _unsaid(decision, case)
    others, refused_of = done_to_others(snapshot, origin, case, act)
    facts = Facts(why=done, others=len(others), skipped=skipped + refused_of)
    answered: tuple[Effect, ...] = (*decision.effects, Tell(template="toast", facts=facts, how=how))
    may_undo = snapshot.ground.policy.undo_within > timedelta(0) and can_be_undone(act, case) and not others
    step = Step(origin, case, replace(decision, effects=answered), undo=Undo(act.by.officer_id) if may_undo else None)
    if decision.case is not None:
        snapshot.keep(decision.case)
    return Outcome(decision.result, (step, *others))


def _unsaid(decision: Decision, before: Case) -> Decision:
    """The same placing without a form answer or a question: to grief only a person writes."""
    effects = tuple(effect for effect in decision.effects if not isinstance(effect, Say))
    case = decision.case
    if case is not None:
        case = replace(case, unasked_count=before.unasked_count)
        case = awaiting_nothing(case) if case.awaiting is Awaiting.DETAILS else case
    return replace(decision, case=case, effects=effects)
