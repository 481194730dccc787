"""How much we speak unasked, and what becomes of a ticket when our words are not carried.

Pure. Every question of ours that does not reach the citizen is settled here: it moves to the CMO desk and counts as not
askable, never as a silent yes.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from handlers.case import Case
from handlers.effects import (
    Audience,
    Decision,
    Effect,
    Notify,
    Record,
    RefreshNotice,
    Say,
    SettleSatisfaction,
)
from handlers.facts import Facts
from handlers.handing import awaiting_nothing
from handlers.heard import SayRefused
from handlers.policy import FollowUps, Policy
from handlers.replies import to_triage
from handlers.standing import resumed
from store.vocabulary import Awaiting, Outcome, Platform, Status

ASKS_IF_DONE = frozenset({"result", "remind_satisfaction"})
NOT_CARRIED_AGAIN = "limit"  # the code of a message held back by our own limit


def is_muted(case: Case, policy: Policy) -> bool:
    """On this platform later news goes out only after the citizen wrote again (or never)."""
    return case.platform is Platform.X and policy.x_follow_ups is not FollowUps.PERMITTED


def may_speak_unasked(case: Case, policy: Policy) -> bool:
    """Is another message allowed that nobody asked for?"""
    return not is_muted(case, policy) and case.unasked_count < policy.max_unasked_per_ticket


def speak_within_limits(decision: Decision, now: datetime, policy: Policy) -> Decision:
    """Hold back unasked words that X's follow-up rule or the office's own limit does not permit; say so in the history.

    A result held back by the limit will never be told, so its question counts as refused; under X's rule the citizen
    may still ask for it.
    """
    if decision.case is None:
        return decision
    case: Case = decision.case
    effects: list[Effect] = []
    lost: str | None = None
    for effect in decision.effects:
        if isinstance(effect, Say) and effect.unasked:
            if not may_speak_unasked(case, policy):
                effects.append(Record(kind="withheld", codes=(("template", effect.template),)))
                if effect.template in ("result", "desk_words") and not is_muted(case, policy):
                    lost = effect.template
                continue
            case = replace(case, unasked_count=case.unasked_count + 1)
        effects.append(effect)
    if lost is None:
        return replace(decision, case=case, effects=tuple(effects))
    refused = hear_refusal(case, SayRefused(template=lost, code=NOT_CARRIED_AGAIN), now)
    return replace(decision, case=refused.case, effects=(*effects, *refused.effects))


def hear_refusal(case: Case, heard: SayRefused, now: datetime) -> Decision:
    """Our words are not carried: the ask moves to the CMO desk, and nothing waits for an answer that cannot come."""
    record = Record(kind="not_askable", codes=(("template", heard.template), ("code", heard.code)))
    if heard.template in ASKS_IF_DONE and case.status is Status.DISPOSED:
        return _close_unasked(case, record, heard.template, now)
    notice = not_askable_notice(case, heard.template)
    if heard.template == "officer_question" and case.awaiting is Awaiting.OFFICER_QUESTION:
        owner = replace(notice, audience=Audience.OWNER)
        effects = (record, notice, owner, RefreshNotice())
        return Decision(case=resumed(case, now), effects=effects, result="not_askable")
    if case.status is Status.COLLECTING:
        moved, _, _, *told = to_triage(awaiting_nothing(case), "not_askable")
        return Decision(case=moved, effects=(record, *told), result="not_askable")
    return Decision(case=case, effects=(record, notice), result="not_askable")


def _close_unasked(case: Case, record: Record, template: str, now: datetime) -> Decision:
    closed = replace(awaiting_nothing(case), status=Status.CLOSED, outcome=Outcome.NOT_ASKABLE, ended_at=now)
    effects = (
        record,
        SettleSatisfaction(cycle=case.disposal_count, outcome=Outcome.NOT_ASKABLE),
        Record(kind="closed", codes=(("outcome", Outcome.NOT_ASKABLE.value),)),
        not_askable_notice(case, template),
        RefreshNotice(),
    )
    return Decision(case=closed, effects=effects, result="not_askable")


def not_askable_notice(case: Case, template: str) -> Notify:
    """Tell the CMO desk that a question of ours did not reach the citizen."""
    return Notify(
        audience=Audience.CMO,
        template="not_askable_notice",
        facts=Facts(why=template),
        step=f"not_askable:{template}:{case.turn}:{case.disposal_count}",
    )
