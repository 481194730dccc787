"""What an officer does to a ticket: accept, ask, forward, dispose; and what only the CMO desk does: place, reject, reopen.

Pure. Who may act was checked before (routing.may_act); whether the ticket is in a state to be acted on is checked here.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import datetime

from handlers.case import Case
from handlers.effects import (
    AskSatisfaction,
    Audience,
    Decision,
    Effect,
    Label,
    Notify,
    Record,
    RefreshNotice,
    Say,
    SettleSatisfaction,
)
from handlers.errands import answer_help, ask_help, mark
from handlers.facts import Facts
from handlers.ground import Ground
from handlers.handing import awaiting, awaiting_nothing, hand, missing, rehand
from handlers.heard import (
    DeskPlaced,
    DeskReopened,
    HelperAnswered,
    ObjectionRefused,
    OfficerAccepted,
    OfficerActed,
    OfficerAsked,
    OfficerAskedHelp,
    OfficerAskedTime,
    OfficerBroughtBack,
    OfficerDisposed,
    OfficerForwarded,
    OfficerMarked,
    OfficerNoted,
    OfficerPlanned,
    OfficerRejected,
    SeniorSettledTime,
)
from handlers.more_time import ask_time, settle_time
from handlers.objecting import check_may_settle, is_open, refuse_objection
from handlers.planning import bring_back, plan
from handlers.refusing import ActRefused
from handlers.replies import ask_facts, office_facts, result_facts
from handlers.routing import is_owner_chair
from handlers.speaking import may_speak_unasked
from handlers.triage import triage_presses
from handlers.understanding.meaning import Asked
from store.vocabulary import Awaiting, Disposal, Outcome, Register, Role, Sensitivity, Status, Teller

DISPOSALS_ALONE = 2  # that many the citizen said no to; the next one a senior stands behind
BOUNCES_BEFORE_THE_DESK = 2  # the second "not ours" goes to the CMO desk


def hear_officer(case: Case, act: OfficerActed, now: datetime, ground: Ground) -> Decision:
    """Decide an officer's act. Raises ActRefused with the code of the sentence to show."""
    match act:
        case OfficerAccepted():
            return _accept(case, act, now)
        case OfficerAsked():
            return _ask(case, act, now, ground)
        case OfficerForwarded():
            return _forward(case, act, now, ground)
        case OfficerDisposed():
            return _dispose(case, act, now, ground)
        case OfficerRejected():
            return _reject(case, act, now)
        case DeskPlaced():
            return _place(case, act, now, ground)
        case DeskReopened():
            return _reopen_by_desk(case, act, now, ground)
        case ObjectionRefused():
            return refuse_objection(case, act, now)
        case OfficerAskedTime():
            return ask_time(case, act)
        case SeniorSettledTime():
            return settle_time(case, act, ground)
        case OfficerPlanned():
            return plan(case, act, now, ground)
        case OfficerBroughtBack():
            return bring_back(case, act, now)
        case OfficerMarked():
            return mark(case, act, now, ground)
        case OfficerAskedHelp():
            return ask_help(case, act, now, ground)
        case HelperAnswered():
            return answer_help(case, act, now, ground)
        case OfficerNoted():
            return Decision(case=case, effects=(Record(kind="noted"), RefreshNotice()), result="noted")


def _must_be_with_office(case: Case) -> None:
    if not case.with_office:
        raise ActRefused("closed_ticket" if case.ended or case.status is Status.DISPOSED else "not_yours_yet")


def _accept(case: Case, act: OfficerAccepted, now: datetime) -> Decision:
    _must_be_with_office(case)
    if case.status is Status.ACCEPTED:
        raise ActRefused("already_accepted")
    accepted = replace(case, status=Status.ACCEPTED, accepted_at=now)
    return Decision(case=accepted, effects=(Record(kind="accepted"), RefreshNotice()), result="accepted")


def _ask(case: Case, act: OfficerAsked, now: datetime, ground: Ground) -> Decision:
    """The office's clock stops until the citizen answers (with a cap)."""
    _must_be_with_office(case)
    if case.sensitivity is Sensitivity.SENSITIVE or not may_speak_unasked(case, ground.policy):
        raise ActRefused("not_askable")
    asking = awaiting(
        replace(case, paused_at=case.paused_at or now), Awaiting.OFFICER_QUESTION, now, Asked.OFFICER_QUESTION
    )
    facts = replace(office_facts(case), question=act.question)
    say = Say(
        template="officer_question",
        facts=facts,
        step=f"question:{case.turn}:{int(now.timestamp())}:{hash_of(act.question)}",
        unasked=True,
    )
    return Decision(case=asking, effects=(Record(kind="asked_citizen"), say, RefreshNotice()), result="asked")


def hash_of(text: str) -> str:
    """A short stable code of a text, to name a step without repeating its words."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _forward(case: Case, act: OfficerForwarded, now: datetime, ground: Ground) -> Decision:
    """To another department, or to the CMO desk; the second bounce always goes to the CMO desk."""
    if not case.with_office and case.status is not Status.TRIAGE:
        raise ActRefused("closed_ticket")
    if case.status is Status.TRIAGE and act.by.role is not Role.CMO_DESK:
        raise ActRefused("not_yours_yet")  # who sent it to the CMO desk waits for its word
    if act.department is not None and act.department == case.department:
        raise ActRefused("same_department")
    if act.department is not None and act.department not in ground.taxonomy.departments:
        raise ActRefused("no_such_department")
    counted = replace(case, forward_count=case.forward_count + 1)
    from_office = case.status is not Status.TRIAGE and act.by.role is not Role.CMO_DESK
    bounced = from_office and counted.forward_count >= BOUNCES_BEFORE_THE_DESK
    if act.department is None or bounced:
        return _to_desk(case, counted, act, bounced=bounced)
    handed, effects = hand(counted, now, ground, department=act.department, kind="forwarded")
    told = Say(template="routed", facts=office_facts(handed), step=f"routed:{handed.turn}", unasked=True)
    before: tuple[Effect, ...] = (RefreshNotice(),) if case.turn else ()
    label = Label(told_by=Teller.OFFICER if from_office else Teller.DESK, department=act.department)
    return Decision(case=handed, effects=(*before, *effects, label, told), result="forwarded")


def _to_desk(case: Case, counted: Case, act: OfficerForwarded, *, bounced: bool) -> Decision:
    moved = replace(awaiting_nothing(counted), status=Status.TRIAGE, paused_at=None, turn=case.turn + 1)
    why = "bounced" if bounced else "not_ours"
    notice = Notify(
        audience=Audience.CMO,
        template="triage_notice",
        facts=Facts(why=why, words=act.reason or None),
        step=f"triage:{moved.turn}:{why}",
        presses=triage_presses(moved),
    )
    record = Record(kind="to_triage", codes=(("why", why), ("from_department", case.department or "")))
    return Decision(case=moved, effects=(record, RefreshNotice(), notice), result="forwarded")


def needs_senior(case: Case, disposal: Disposal, post: str, ground: Ground) -> bool:
    """Must somebody above the owner's chair stand behind this answer: twice the citizen said no, or a court is named?"""
    if not is_owner_chair(case, post, ground.directory):
        return False
    return case.reopen_count >= DISPOSALS_ALONE or disposal is Disposal.COURT_ORDER


def _dispose(case: Case, act: OfficerDisposed, now: datetime, ground: Ground) -> Decision:
    """The officer's end: the citizen is asked. Twice disposed against the citizen's word, a senior must act."""
    _must_be_with_office(case)
    if needs_senior(case, act.disposal, act.by.post, ground):
        raise ActRefused("senior_needed")
    cycle = case.disposal_count + 1
    quiet = case.sensitivity is Sensitivity.SENSITIVE
    disposed = replace(
        awaiting_nothing(case),
        status=Status.DISPOSED,
        disposed_at=now,
        disposal_count=cycle,
        paused_at=None,
        disposal=act.disposal,
        last_owner_words=act.words,
        urgent=False,
    )
    effects: list[Effect] = [
        Record(kind="disposed", codes=(("cycle", str(cycle)), ("disposal", act.disposal.value))),
        AskSatisfaction(cycle=cycle, post=act.by.post, officer_id=act.by.officer_id, disposal=act.disposal),
        RefreshNotice(),
    ]
    disposed = awaiting(disposed, Awaiting.SATISFACTION, now, Asked.SATISFACTION)
    if not quiet:  # no public satisfaction question about a sensitive matter
        facts = replace(result_facts(disposed), photo_on_record=act.has_photo)
        # After a death or thoughts of self-harm nobody is asked to fill in 1 or 2.
        template = "desk_words" if case.register is Register.GRAVE else "result"
        effects.append(Say(template=template, facts=facts, step=f"result:{cycle}", unasked=True))
    return Decision(case=disposed, effects=tuple(effects), result="disposed")


def _reject(case: Case, act: OfficerRejected, now: datetime) -> Decision:
    if case.ended or case.status is Status.DISPOSED:
        raise ActRefused("closed_ticket")
    rejected = replace(
        awaiting_nothing(case), status=Status.REJECTED, ended_at=now, paused_at=None, rejected_by=act.by.officer_id
    )
    # A ticket taken back may be rejected again, and each time the citizen is told.
    step = f"rejected:{case.turn}:{case.reopen_count}:{int(now.timestamp())}"
    say = Say(
        template="rejected",
        facts=Facts(reason=act.reason, may_object=case.objected_at is None),
        step=step,
        unasked=True,
    )
    record = Record(kind="rejected", codes=(("reason", act.reason),))
    return Decision(case=rejected, effects=(record, RefreshNotice(), say), result="rejected")


def _place(case: Case, act: DeskPlaced, now: datetime, ground: Ground) -> Decision:
    """The CMO desk's own reading of the post; when nothing is missing it goes to the office."""
    rejected = case.status is Status.REJECTED
    if (case.ended and not rejected) or case.status is Status.DISPOSED:
        raise ActRefused("closed_ticket")
    check_may_settle(case, act.by.officer_id)
    kind = ground.taxonomy.categories.get(act.category or case.category or "")
    placed = replace(
        _objection_granted(case, now),
        category=act.category or case.category,
        district=act.district or case.district,
        sensitivity=kind.sensitivity if kind and case.sensitivity is not Sensitivity.SENSITIVE else case.sensitivity,
        category_choices=() if act.category else case.category_choices,
        district_choices=() if act.district else case.district_choices,
    )
    unchanged = (placed.category, placed.district) == (case.category, case.district)
    if unchanged and case.with_office:
        raise ActRefused("same_department")  # telling the same again must not give the office a new time limit
    codes = (("category", placed.category or ""), ("district", placed.district or ""))
    record = Record(kind="placed", codes=codes)
    label = Label(told_by=Teller.DESK, category=act.category, district=act.district)
    if placed.category is not None and missing(placed, ground) is Asked.NOTHING:
        before: tuple[Effect, ...] = (RefreshNotice(),) if case.turn and case.with_office else ()
        handed, effects = hand(placed, now, ground)
        say = Say(template="routed", facts=office_facts(handed), step=f"routed:{handed.turn}", unasked=True)
        return Decision(case=handed, effects=(record, label, *before, *effects, say), result="set")
    if rejected:
        placed = replace(placed, status=Status.TRIAGE, ended_at=None)
    asking = awaiting(placed, Awaiting.DETAILS, now, missing(placed, ground))
    say = Say(template="ask_again", facts=ask_facts(asking), step=f"placed:{int(now.timestamp())}", unasked=True)
    return Decision(case=asking, effects=(record, label, say), result="set")


def _objection_granted(case: Case, now: datetime) -> Case:
    return replace(case, objection_settled_at=now, paused_at=None) if is_open(case) else case


def _reopen_by_desk(case: Case, act: DeskReopened, now: datetime, ground: Ground) -> Decision:
    """A dissatisfaction nobody could prove by comment, checked by the CMO desk."""
    if case.status not in (Status.CLOSED, Status.DISPOSED, Status.REJECTED):
        raise ActRefused("old_button")
    check_may_settle(case, act.by.officer_id)
    again = replace(
        _objection_granted(case, now),
        reopen_count=case.reopen_count + (case.status is not Status.REJECTED),
        escalation_level=min(case.escalation_level + 1, ground.policy.top_level),
    )
    back, effects = (rehand if case.turn else hand)(again, now, ground, kind="reopened")
    asked = SettleSatisfaction(cycle=case.disposal_count, outcome=Outcome.NOT_SATISFIED)
    settle = (asked,) if case.status is Status.DISPOSED else ()
    template = "routed" if case.status is Status.REJECTED else "reopened"  # it was never done, so never undone
    say = Say(template=template, facts=office_facts(back), step=f"reopened:{back.turn}", unasked=True)
    return Decision(case=back, effects=(RefreshNotice(), *settle, *effects, say), result="reopened")
