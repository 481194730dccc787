"""The one door of the deciding core: what is awaited and what was heard become a new state and effects as data.

Pure. `decide` for a ticket that exists; `open_case` (opening.py) for a post that has none yet.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from handlers.case import Case
from handlers.claiming import let_go_when_placed
from handlers.effects import Act, Audience, Decision, Notify, Press, Record, Say, Withdraw
from handlers.errands import settle
from handlers.facts import Facts
from handlers.ground import Ground
from handlers.heard import CitizenWrote, Heard, HumanSpoke, PostDeleted, SayRefused, Silence, Speaker
from handlers.jurisdiction import office_of
from handlers.lifecycle import check_move
from handlers.office_acts import hear_officer
from handlers.passing_time import hear_silence, next_wake
from handlers.refusing import ActRefused
from handlers.replies import said, status_facts, to_triage
from handlers.speaking import hear_refusal, speak_within_limits
from handlers.standstill import left_office
from handlers.talk import hear_complainant
from handlers.understanding.meaning import Verdict
from store.vocabulary import Awaiting, Kind, Status

__all__ = ["ActRefused", "decide", "next_wake", "speak_within_limits"]


def decide(case: Case, heard: Heard, now: datetime, ground: Ground) -> Decision:
    """What becomes of `case` when this is heard at `now` (office clock).

    Raises ActRefused for an officer's act that is not possible now, ForbiddenMove if a rule would break the lifecycle.
    """
    match heard:
        case CitizenWrote(speaker=Speaker.COMPLAINANT):
            decision = hear_complainant(_answerable(case, heard), heard, now, ground)
        case CitizenWrote(speaker=Speaker.UNPROVEN):
            decision = _hear_unproven(_answerable(case, heard), heard, now, ground)
        case CitizenWrote():
            decision = _hear_stranger(case, heard, now)
        case Silence():
            decision = hear_silence(case, now, ground)
        case SayRefused():
            decision = hear_refusal(case, heard, now)
        case PostDeleted():
            decision = _hear_deletion(case, heard)
        case HumanSpoke():
            decision = _hear_human(case, heard)
        case _:
            decision = hear_officer(case, heard, now, ground)
    if decision.case is not None:
        check_move(case.status, decision.case.status)
        decision = replace(decision, case=let_go_when_placed(_since(case, left_office(decision.case), now)))
        decision = settle(case, decision, now)
    return speak_within_limits(decision, now, ground.policy)


def _answerable(case: Case, heard: CitizenWrote) -> Case:
    """Later words of ours go under the citizen's latest post that names us."""
    return replace(case, reply_to_id=heard.message_id) if heard.names_us else case


def _since(before: Case, after: Case, now: datetime) -> Case:
    """A ticket that comes to the CMO desk with no question open waits there from now on."""
    waits = after.status is Status.TRIAGE and after.awaiting is Awaiting.NOTHING
    came = before.status is not Status.TRIAGE or before.turn != after.turn
    if not waits or not came:
        return after
    return replace(after, paused_at=now)  # the office clock stands while the desk has it


def _hear_unproven(case: Case, heard: CitizenWrote, now: datetime, ground: Ground) -> Decision:
    """Under a hidden author's post anyone may add details; nobody may withdraw, close, rate or reopen by comment."""
    wants, verdict, u = heard.answer.wants, heard.answer.verdict, heard.understanding
    if not case.ended and not case.urgent and (u.kind is Kind.EMERGENCY or u.self_harm):
        return hear_complainant(case, _without_power(heard), now, ground)
    if wants.status:
        return _unproven_question(case, heard, now)
    if case.awaiting is Awaiting.DETAILS and not case.ended:
        if heard.answer.outside is not None and case.district is None and case.status is Status.COLLECTING:
            return said(*to_triage(case, "unproven"))
        return hear_complainant(case, _without_power(heard), now, ground)
    unsolved = wants.unresolved or wants.reopen or verdict is Verdict.UNSATISFIED
    why = "unproven_dissatisfaction" if unsolved else "unproven"
    facts = Facts(words=heard.understanding.masked or None, why=why)
    audience = Audience.CMO if unsolved or not case.turn else Audience.OWNER
    presses = ((Press(act=Act.REOPEN),),) if unsolved and case.status in (Status.DISPOSED, Status.CLOSED) else ()
    notice = Notify(
        audience=audience,
        template="addition_notice",
        facts=facts,
        step=f"addition:{heard.message_id}",
        presses=presses,
    )
    say = Say(template="addition", facts=Facts(department=office_of(case)), step="answer", reply_to=heard.message_id)
    return Decision(
        case=replace(case, last_heard_at=now),
        effects=(Record(kind="unproven_words"), notice, say),
        result="addition",
    )


def _without_power(heard: CitizenWrote) -> CitizenWrote:
    """The same words, good for nothing but filling what we asked for."""
    wants = replace(
        heard.answer.wants,
        withdraw=False,
        stop=False,
        start=False,
        resolved=False,
        unresolved=False,
        reopen=False,
        correction=False,
    )
    answer = replace(heard.answer, wants=wants, verdict=None, outside=None, rest="", rest_category=None)
    return replace(heard, answer=answer)


def _unproven_question(case: Case, heard: CitizenWrote, now: datetime) -> Decision:
    """A question is answered with the status; whatever else the words say changes nothing."""
    say = Say(template="status", facts=status_facts(case, now), step="answer", reply_to=heard.message_id)
    return Decision(
        case=replace(case, last_heard_at=now),
        effects=(Record(kind="unproven_words"), say),
        result="answered:status",
    )


def _hear_stranger(case: Case, heard: CitizenWrote, now: datetime) -> Decision:
    """Strangers never close, rate or change a ticket: a status for the one who asks, a me-too for the rest."""
    if heard.answer.wants.status and heard.understanding.numbers:
        say = Say(template="status", facts=status_facts(case, now), step="answer", reply_to=heard.message_id)
        return Decision(case=case, effects=(say,), result="answered:status")
    if heard.answer.wants.me_too or heard.understanding.has_matter:
        say = Say(template="me_too", step="answer", reply_to=heard.message_id)
        return Decision(case=case, effects=(Record(kind="me_too"), say), result="me_too")
    return Decision(case=case, effects=(Record(kind="stranger_spoke"),), result="ignored:stranger")


def _hear_deletion(case: Case, heard: PostDeleted) -> Decision:
    """Our copy of the words goes; the work goes on."""
    return Decision(
        case=case, effects=(Withdraw(heard.message_id), Record(kind="post_deleted")), result="words_withdrawn"
    )


def _hear_human(case: Case, heard: HumanSpoke) -> Decision:
    """A person used our account: the desk sees it, and automatic words still waiting are held back (see desk)."""
    notice = Notify(
        audience=Audience.CMO,
        template="human_spoke_notice",
        facts=Facts(words=heard.text),
        step=f"human:{heard.message_id}",
    )
    return Decision(case=case, effects=(Record(kind="human_spoke"), notice), result="human")
