"""After the officer's end: is it really done? Yes closes; no reopens under the same number at the same desk.

Pure. What is unclear never closes a ticket, and silence is never counted as satisfied.
"""

from __future__ import annotations

import re
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
from handlers.ground import Ground
from handlers.handing import awaiting, awaiting_nothing, hand, is_complete, rehand
from handlers.heard import CitizenWrote
from handlers.objecting import accepts, hear_objection
from handlers.replies import add, office_facts, result_facts, status_facts, to_triage, words_of
from handlers.speaking import is_muted
from handlers.understanding.meaning import Asked, Verdict
from handlers.understanding.text import normal
from handlers.understanding.verdict import numbered_verdict
from store.vocabulary import Awaiting, Kind, Outcome, Register, Sensitivity, Status

WORDS_OF_AN_OK = 2
MENTION = re.compile(r"@\w+")


def verdict_of(heard: CitizenWrote) -> Verdict:
    """The verdict of an answer to our question, its numbers included."""
    return numbered_verdict(normal(heard.text)) or heard.answer.verdict or Verdict.UNCLEAR


def hear_verdict(case: Case, heard: CitizenWrote, now: datetime, ground: Ground) -> Decision:
    """Decide an answer to "is it really done?"."""
    answer = heard.answer
    match verdict_of(heard):
        case Verdict.SATISFIED:
            return close_satisfied(case, now, rest=answer.rest, rest_category=answer.rest_category)
        case Verdict.NEW_COMPLAINT if answer.wants.resolved:
            return close_satisfied(case, now, rest=answer.rest or heard.text, rest_category=answer.rest_category)
        case Verdict.NEW_COMPLAINT:
            return Decision(
                case=case,
                result="other_matter",
                rest=answer.rest or heard.text,
                rest_category=answer.rest_category,
            )
        case Verdict.UNSATISFIED:
            return reopen(case, heard, now, ground)
        case Verdict.STATUS_QUERY if case.register is Register.GRAVE and not _is_quiet(case):
            say = Say(template="desk_words", facts=result_facts(case), step="answer")
            return Decision(case=case, effects=(say,), result="answered:result")
        case Verdict.STATUS_QUERY if is_muted(case, ground.policy) and not case.reminded and not _is_quiet(case):
            told = replace(case, reminded=True, awaiting_since_at=now)
            say = Say(template="result", facts=result_facts(case), step="answer")
            return Decision(case=told, effects=(Record(kind="result_told"), say), result="answered:result")
        case Verdict.STATUS_QUERY:
            say = Say(template="status", facts=status_facts(case, now), step="answer")
            return Decision(case=case, effects=(say,), result="answered:status")
        case Verdict.UNCLEAR:
            return _unclear(case, heard)


def _is_quiet(case: Case) -> bool:
    return case.sensitivity is Sensitivity.SENSITIVE


def _unclear(case: Case, heard: CitizenWrote) -> Decision:
    """Ask once more by number; after that wait quietly, so that two machines never talk each other to death."""
    record = Record(kind="verdict_unclear")
    if case.register is Register.GRAVE:
        return add(case, heard)
    if case.misses >= 1:
        notice = Notify(
            audience=Audience.OWNER,
            template="addition_notice",
            facts=Facts(words=heard.understanding.masked or None),
            step=f"addition:{heard.message_id}",
        )
        return Decision(case=case, effects=(record, notice), result="addition")
    say = Say(template="confirm_unclear", facts=Facts(disposal=case.disposal), step="answer")
    return Decision(case=replace(case, misses=case.misses + 1), effects=(record, say), result="answered:unclear")


def close_satisfied(
    case: Case, now: datetime, *, rest: str = "", rest_category: str | None = None, early: bool = False
) -> Decision:
    """The citizen says it is done: closed. Words about another matter go on as their own complaint."""
    closed = replace(
        awaiting_nothing(case),
        status=Status.CLOSED,
        outcome=Outcome.SATISFIED,
        ended_at=now,
        paused_at=None,
        urgent=False,
    )
    effects: list[Effect] = [Record(kind="closed", codes=(("outcome", "satisfied"), ("early", str(early).lower())))]
    if case.disposal_count and not early:
        effects.append(SettleSatisfaction(cycle=case.disposal_count, outcome=Outcome.SATISFIED))
    effects.append(RefreshNotice())
    if rest:
        return Decision(case=closed, effects=tuple(effects), result="closed", rest=rest, rest_category=rest_category)
    effects.append(
        Say(template="closed_satisfied", facts=Facts(disposal=None if early else case.disposal), step="answer")
    )
    return Decision(case=closed, effects=tuple(effects), result="closed")


def reopen(case: Case, heard: CitizenWrote, now: datetime, ground: Ground) -> Decision:
    """Not solved: the same number goes back to the same officer's desk, the next officer up is added."""
    reason = _reason(heard)
    again = replace(
        case,
        reopen_count=case.reopen_count + 1,
        escalation_level=min(max(case.escalation_level, case.reopen_count + 1), ground.policy.top_level),
    )
    back, effects = rehand(again, now, ground, kind="reopened")
    if not reason:
        back = awaiting(back, Awaiting.REOPEN_REASON, now, Asked.REOPEN_REASON)
    settle: tuple[Effect, ...] = ()
    if case.status is Status.DISPOSED:
        settle = (SettleSatisfaction(cycle=case.disposal_count, outcome=Outcome.NOT_SATISFIED),)
    facts = Facts(words=reason, reopen_count=back.reopen_count)
    step = f"reopened:{back.reopen_count}"
    notices: list[Effect] = [
        Notify(audience=Audience.OWNER, template="reopened_notice", facts=facts, step=step, urgent=True),
        Notify(audience=Audience.SUPERVISOR, template="reopened_notice", facts=facts, step=f"{step}:up"),
    ]
    if back.reopen_count >= 2:
        why = replace(facts, why="reopened_twice")
        notices.append(Notify(audience=Audience.CMO, template="reopened_notice", facts=why, step=f"{step}:cmo"))
    say = Say(template="reopened", facts=replace(office_facts(back), need_reason=not reason), step="answer")
    return Decision(case=back, effects=(RefreshNotice(), *settle, *effects, *notices, say), result="reopened")


def _reason(heard: CitizenWrote) -> str | None:
    """The citizen's own words if they say more than a bare no."""
    words = heard.understanding.masked.split()
    return heard.understanding.masked if len(words) > 2 or heard.has_media else None


def hear_reason(case: Case, heard: CitizenWrote) -> Decision:
    """What is still left to do, told after a bare no."""

    return add(awaiting_nothing(case), heard)


def hear_after_end(case: Case, heard: CitizenWrote, now: datetime, ground: Ground) -> Decision:
    """Words about a ticket that has ended: late dissatisfaction, a late yes, second thoughts, a question."""
    wants, verdict = heard.answer.wants, verdict_of(heard)
    unsolved = wants.reopen or wants.unresolved or verdict is Verdict.UNSATISFIED
    if case.status is Status.WITHDRAWN and (unsolved or wants.correction or wants.start):
        return _undo_withdrawal(case, now, ground)
    if case.status is Status.CLOSED and unsolved:
        if case.ended_at is not None and now - case.ended_at <= ground.policy.reopen_within:
            return reopen(case, heard, now, ground)
        return Decision(case=case, result="too_late", rest=heard.text, rest_category=case.category)
    if case.status is Status.CLOSED and verdict is Verdict.SATISFIED and case.outcome is Outcome.NO_ANSWER:
        late = replace(case, outcome=Outcome.SATISFIED)
        settle = SettleSatisfaction(cycle=case.disposal_count, outcome=Outcome.SATISFIED)
        say = Say(template="satisfied_late", step="answer")
        return Decision(case=late, effects=(Record(kind="satisfied_late"), settle, say), result="answered:late_yes")
    if case.status is Status.REJECTED and (completed := _completed(case, heard, now, ground)) is not None:
        return completed
    if case.status is Status.WITHDRAWN and not _is_thanks(heard):
        return _after_withdrawal(case, heard, now, ground)
    if case.status is Status.REJECTED and not accepts(heard, is_thanks=_is_thanks(heard)):
        return hear_objection(case, heard, now, ground.directory)
    if case.status is Status.REJECTED:
        return Decision(case=case, effects=(Record(kind="heard"),), result="ignored:thanks")
    settled = wants.status or wants.withdraw or _is_thanks(heard)
    if case.status is Status.CLOSED and not settled and _is_matter(heard):
        return Decision(case=case, result="other_matter", rest=heard.text)
    if not _is_thanks(heard):
        say = Say(template="status", facts=status_facts(case, now), step="answer")
        return Decision(case=case, effects=(Record(kind="heard"), say), result="answered:status")
    return Decision(case=case, effects=(Record(kind="heard"),), result="ignored:thanks")


def _is_matter(heard: CitizenWrote) -> bool:
    """Does this tell of some trouble, if only with a picture?"""
    return heard.understanding.kind in (Kind.GRIEVANCE, Kind.EMERGENCY) or heard.has_media


def _is_thanks(heard: CitizenWrote) -> bool:
    """Thanks, a yes or a bare "ok", which need no answer from us; a word of trouble beside them does."""
    u, wants = heard.understanding, heard.answer.wants
    if u.kind in (Kind.GRIEVANCE, Kind.EMERGENCY) or wants.status or wants.unresolved:
        return False
    bare = (
        u.kind is Kind.CHATTER and len(MENTION.sub("", heard.text).split()) <= WORDS_OF_AN_OK and "?" not in heard.text
    )
    if heard.has_media:
        return wants.thanks or u.kind is Kind.PRAISE
    return wants.thanks or u.kind is Kind.PRAISE or verdict_of(heard) is Verdict.SATISFIED or bare


def _completed(case: Case, heard: CitizenWrote, now: datetime, ground: Ground) -> Decision | None:
    """A ticket not taken up for want of a place or a matter is taken up when these words name what was missing."""
    answer, u = heard.answer, heard.understanding
    if case.category is not None and is_complete(case, ground):
        return None
    known = replace(
        case,
        category=case.category or u.category or answer.category,
        district=case.district or answer.district or u.district,
        locality=answer.locality or u.locality or case.locality,
        rural=case.rural if u.rural is None else u.rural,
        keys=case.keys | u.keys,
    )
    if known.category is None or not is_complete(known, ground):
        return None
    handed, effects = hand(known, now, ground, kind="reopened")
    say = Say(template="routed", facts=office_facts(handed), step="answer")
    return Decision(case=handed, effects=(*effects, say), result="answered:routed")


def _after_withdrawal(case: Case, heard: CitizenWrote, now: datetime, ground: Ground) -> Decision:
    """Trouble told after a withdrawal takes it back; other words go before a person, and are answered."""
    if _is_matter(heard) and not heard.answer.wants.withdraw:
        return _undo_withdrawal(case, now, ground)
    say = Say(template="status", facts=status_facts(case, now), step="answer")
    if heard.answer.wants.status:
        return Decision(case=case, effects=(Record(kind="heard"), say), result="answered:status")
    notice = Notify(
        audience=Audience.CMO,
        template="addition_notice",
        facts=words_of(heard),
        step=f"addition:{heard.message_id}",
    )
    return Decision(case=case, effects=(Record(kind="heard"), notice, say), result="answered:status")


def _undo_withdrawal(case: Case, now: datetime, ground: Ground) -> Decision:
    if case.ended_at is None or now - case.ended_at > ground.policy.undo_withdrawal_within:
        return Decision(case=case, result="too_late", rest="", rest_category=case.category)
    back = replace(case, ended_at=None, status=Status.TRIAGE)
    effects: tuple[Effect, ...] = (Record(kind="withdrawal_undone"),)
    if case.turn:
        back, handed = rehand(back, now, ground, kind="assigned")
        effects += handed
    elif case.category is not None:
        back, handed = hand(back, now, ground)
        effects += handed
    else:
        back, _, _, *told = to_triage(back, "withdrawal_undone")
        effects += tuple(told)
    say = Say(template="withdrawal_undone", facts=office_facts(back), step="answer")
    return Decision(case=back, effects=(*effects, say), result="answered:withdrawal_undone")
