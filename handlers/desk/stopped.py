"""People who asked us to stop: nothing is said to them, and a question of ours that they will not read counts as refused.

Reads the snapshot's accounts; it writes nothing. A danger to life is answered all the same.
"""

from __future__ import annotations

from dataclasses import replace

from handlers.conversation import decide
from handlers.desk.snapshot import Snapshot
from handlers.desk.steps import Step
from handlers.effects import Effect, Record, Say
from handlers.heard import SayRefused
from store.accounts import Account

ABOUT_SILENCE = frozenset({"stopped", "started"})


def listener(snapshot: Snapshot, step: Step, say: Say) -> Account | None:
    """Whose account a public message is for."""
    case = step.decision.case
    account_id = case.account_id if case else step.origin.account_id
    if say.step == "answer" and step.origin.actor == "stranger":
        account_id = step.origin.account_id
    return snapshot.accounts_by_id.get(account_id) if account_id is not None else None


def hushed(snapshot: Snapshot, step: Step) -> Step:
    """The step without words to somebody who asked us to stop; what was held back stands in the history."""
    effects: list[Effect] = []
    held: list[Say] = []
    for effect in step.decision.effects:
        if isinstance(effect, Say) and _is_unwanted(snapshot, step, effect):
            held.append(effect)
            effects.append(Record(kind="withheld", codes=(("template", effect.template), ("why", "stopped"))))
        else:
            effects.append(effect)
    if not held:
        return step
    decision = replace(step.decision, effects=tuple(effects))
    unasked = next((say for say in held if say.unasked), None)
    if unasked is None or decision.case is None:
        return replace(step, decision=decision)
    refused = decide(
        decision.case, SayRefused(template=unasked.template, code="stopped"), snapshot.now, snapshot.ground
    )
    if refused.case is not None:
        snapshot.keep(refused.case)
    return replace(step, decision=replace(decision, case=refused.case, effects=(*effects, *refused.effects)))


def _is_unwanted(snapshot: Snapshot, step: Step, say: Say) -> bool:
    if say.urgent or say.template in ABOUT_SILENCE:
        return False
    account = listener(snapshot, step, say)
    return account is not None and account.silent
