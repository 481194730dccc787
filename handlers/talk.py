"""The talk with the one who complained: every message may fill any slot, correct, add, ask, thank or stop.

Pure. What happens after a disposal is in aftermath.py.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from handlers import aftermath
from handlers.case import Case
from handlers.effects import Audience, Decision, Effect, Notify, Record, RefreshNotice, Say, Stop
from handlers.facts import Facts
from handlers.ground import Ground
from handlers.handing import awaiting, awaiting_nothing, hand, missing, rehand
from handlers.heard import CitizenWrote
from handlers.replies import (
    add,
    alert,
    ask_facts,
    helplines,
    office_facts,
    said,
    status_facts,
    to_triage,
    words_of,
)
from handlers.routing import department_for
from handlers.speaking import resumed
from handlers.understanding.meaning import Asked
from store.vocabulary import Awaiting, Kind, Register, Sensitivity, Status

MISSES_BEFORE_THE_DESK = 2


def hear_complainant(case: Case, heard: CitizenWrote, now: datetime, ground: Ground) -> Decision:
    """Decide a message of the one whose ticket it is."""
    wants, case = heard.answer.wants, replace(case, last_heard_at=now)
    if wants.stop:
        return said(case, "stopped", "answered:stopped", Stop(silent=True), Record(kind="stop_asked"))
    if wants.start and case.status is not Status.WITHDRAWN:
        return said(case, "started", "answered:started", Stop(silent=False), Record(kind="start_asked"))
    if _is_new_danger(case, heard):
        return _danger(case, heard, ground)
    if _is_threat(case, heard, ground):
        return _threat(case, ground)
    if wants.withdraw and not case.ended and not wants.unresolved:
        return _withdraw(case, now, ground)
    match case.awaiting:
        case Awaiting.SATISFACTION:
            return aftermath.hear_verdict(case, heard, now, ground)
        case Awaiting.DETAILS:
            return _fill(case, heard, now, ground)
        case Awaiting.OFFICER_QUESTION if not wants.status:
            return _answer_to_officer(case, heard, now)
        case Awaiting.REOPEN_REASON:
            return aftermath.hear_reason(case, heard)
    if case.ended:
        return aftermath.hear_after_end(case, heard, now, ground)
    return _unasked(case, heard, now, ground)


def _is_new_danger(case: Case, heard: CitizenWrote) -> bool:
    u = heard.understanding
    return not case.urgent and (u.kind is Kind.EMERGENCY or u.self_harm)


def _danger(case: Case, heard: CitizenWrote, ground: Ground) -> Decision:
    u = heard.understanding
    template = "self_harm" if u.self_harm else "emergency"
    case = replace(case, urgent=True, confirm_asked_at=None)
    facts = Facts(helplines=helplines(case, ground, u), category=case.category)
    say = Say(template=template, facts=facts, step="answer", urgent=True)
    effects = (
        Record(kind="danger_told"),
        say,
        alert("emergency_notice", f"emergency:{heard.message_id}", template),
    )
    return Decision(case=case, effects=effects, result="answered:emergency")


def _is_threat(case: Case, heard: CitizenWrote, ground: Ground) -> bool:
    u = heard.understanding
    category = ground.taxonomy.categories.get(u.category or "")
    threatened = (
        heard.answer.wants.threatened
        or u.register is Register.SENSITIVE
        or (category is not None and category.sensitivity is Sensitivity.SENSITIVE)
    )
    return threatened and case.sensitivity is not Sensitivity.SENSITIVE and not case.ended


def _threat(case: Case, ground: Ground) -> Decision:
    """A threat because of a complaint makes the ticket sensitive; the CMO desk is rung."""
    case = replace(case, sensitivity=Sensitivity.SENSITIVE, urgent=True, confirm_asked_at=None)
    say = Say(template="threat_raised", facts=Facts(helplines=helplines(case, ground)), step="answer", urgent=True)
    effects = (Record(kind="threat_told"), say, alert("emergency_notice", f"threat:{case.turn}", "threat"))
    return Decision(case=case, effects=effects, result="answered:threat")


def _withdraw(case: Case, now: datetime, ground: Ground) -> Decision:
    ended = replace(awaiting_nothing(case), status=Status.WITHDRAWN, ended_at=now, paused_at=None)
    effects: list[Effect] = [Record(kind="withdrawn", codes=(("from", case.status.value),))]
    if case.turn:
        effects += [
            RefreshNotice(),
            Notify(audience=Audience.OWNER, template="withdrawn_notice", step=f"withdrawn:{case.turn}"),
        ]
    facts = Facts(undo_days=ground.policy.undo_withdrawal_within.days)
    return said(ended, "withdrawn", "answered:withdrawn", *effects, facts=facts)


# -- while we ask for district and category ----------------------------------------------------------------------------


def _fill(case: Case, heard: CitizenWrote, now: datetime, ground: Ground) -> Decision:
    """Take every slot that this message fills, asked or not."""
    filled = _with_slots(case, heard, ground)
    if filled.category is not None and missing(filled, ground) is Asked.NOTHING:
        handed, effects = hand(filled, now, ground)
        return said(handed, "routed", "answered:routed", *effects, facts=office_facts(handed))
    if (filled.category, filled.district) != (case.category, case.district):
        ask = missing(filled, ground)
        asking = replace(awaiting(filled, Awaiting.DETAILS, now, ask), misses=0, reminded=case.reminded)
        return said(asking, "ask_again", "answered:asked", Record(kind="details_given"), facts=ask_facts(asking))
    return _filled_nothing(filled, heard, now, ground)


def _with_slots(case: Case, heard: CitizenWrote, ground: Ground) -> Case:
    answer, u = heard.answer, heard.understanding
    category = _category_told(case, heard)
    district = answer.district or (u.district if case.district is None else None) or case.district
    locality = answer.locality or u.locality or case.locality
    kind = ground.taxonomy.categories.get(category or "")
    return replace(
        case,
        category=category,
        district=district,
        locality=locality,
        rural=case.rural if u.rural is None else u.rural,
        keys=case.keys | u.keys,
        keep_name_hidden=case.keep_name_hidden or u.keep_name_hidden,
        language=u.language if len(heard.text.split()) >= 3 else case.language,
        sensitivity=kind.sensitivity if kind else case.sensitivity,
        category_choices=(answer.category_choices or case.category_choices) if category is None else (),
        district_choices=(answer.district_choices or case.district_choices) if district is None else (),
    )


def _category_told(case: Case, heard: CitizenWrote) -> str | None:
    """What it is about: asked or unknown, the newest word; known and not asked, only a correction changes it."""
    answer = heard.answer
    told = answer.category or heard.understanding.category
    if case.category is None or answer.wants.correction:
        return told or case.category
    return answer.category or case.category if case.asked in (Asked.CATEGORY, Asked.BOTH) else case.category


def _filled_nothing(case: Case, heard: CitizenWrote, now: datetime, ground: Ground) -> Decision:
    wants = heard.answer.wants
    if heard.answer.outside and case.district is None and not ground.policy.any_state:
        ended = replace(awaiting_nothing(case), status=Status.REJECTED, ended_at=now)
        record = Record(kind="rejected", codes=(("reason", "other_government"),))
        return said(ended, "outside", "answered:outside", record, facts=Facts(outside=heard.answer.outside))
    if case.urgent and (wants.resolved or wants.thanks):
        return _danger_over(case)
    if wants.status:
        return said(case, "status", "answered:status", facts=status_facts(case, now))
    if wants.thanks or heard.joined:
        return Decision(case=case, effects=(Record(kind="heard"),), result="ignored:thanks")
    if heard.answer.district_choices and heard.answer.district_choices != case.district_choices:
        return said(case, "ask_again", "answered:asked", facts=ask_facts(case))
    case = replace(case, misses=case.misses + 1)
    if case.status is Status.TRIAGE:
        notice = Notify(
            audience=Audience.CMO,
            template="addition_notice",
            step=f"addition:{heard.message_id}",
            facts=words_of(heard),
        )
        return said(case, "addition", "addition", Record(kind="addition"), notice, facts=Facts())
    if case.misses >= MISSES_BEFORE_THE_DESK or wants.dont_know:
        return said(*to_triage(case, "not_understood"))
    return said(
        case,
        "ask_again",
        "answered:asked_again",
        Record(kind="not_understood"),
        facts=ask_facts(case, reworded=True),
    )


# -- with an office --------------------------------------------------------------------------------------------------------


def _answer_to_officer(case: Case, heard: CitizenWrote, now: datetime) -> Decision:
    """The citizen's answer starts the office's clock again; the wait is added to the due time."""
    notice = Notify(
        audience=Audience.OWNER,
        template="answer_notice",
        facts=words_of(heard),
        step=f"answer_notice:{heard.message_id}",
    )
    facts = Facts(department=case.department)
    effects = (Record(kind="officer_answered"), notice, RefreshNotice())
    return said(resumed(case, now), "answer_passed_on", "addition", *effects, facts=facts)


def _unasked(case: Case, heard: CitizenWrote, now: datetime, ground: Ground) -> Decision:
    """A message nobody asked for, about a ticket that an office or the desk has."""
    wants, answer = heard.answer.wants, heard.answer
    if case.urgent and (wants.resolved or (wants.thanks and not wants.unresolved)):
        return _danger_over(case)
    if (changed := _corrected(case, heard, ground)) is not None:
        return _recorrect(case, changed, now, ground)
    if wants.status:
        return said(case, "status", "answered:status", facts=status_facts(case, now))
    if wants.resolved and not wants.unresolved and case.with_office:
        return aftermath.close_satisfied(case, now, rest=answer.rest, rest_category=answer.rest_category, early=True)
    if wants.thanks and not wants.unresolved:
        return Decision(case=case, effects=(Record(kind="thanked"),), result="ignored:thanks")
    if heard.joined:
        return Decision(case=case, effects=(Record(kind="addition"), RefreshNotice()), result="addition")
    return add(case, heard)


def _danger_over(case: Case) -> Decision:
    calm = replace(case, urgent=False)
    notice = Notify(
        audience=Audience.CMO,
        template="addition_notice",
        facts=Facts(why="danger_over"),
        step=f"danger_over:{case.turn}",
    )
    record = Record(kind="danger_over")
    return said(
        calm,
        "emergency_over",
        "answered:emergency_over",
        record,
        notice,
        facts=Facts(department=case.department),
    )


def _corrected(case: Case, heard: CitizenWrote, ground: Ground) -> Case | None:
    """The case with a corrected district or a finer category, or None when nothing is corrected.

    Another category of the same office is taken as the same matter told better; another office's matter is a second
    complaint and never lands here (see finding.py).
    """
    answer, u = heard.answer, heard.understanding
    district = answer.district or u.district
    if answer.wants.correction and district and district != case.district:
        return replace(case, district=district, locality=answer.locality or u.locality)
    category = answer.category or u.category
    known = ground.taxonomy.categories.get(category or "")
    if known is None or category == case.category or case.category is None or not case.with_office:
        return None
    if answer.wants.correction or department_for(known, case.rural) == case.department:
        finer = u.kind in (Kind.GRIEVANCE, Kind.EMERGENCY) and u.confidence >= 0.5
        return replace(case, category=category) if finer or answer.wants.correction else None
    return None


def _recorrect(case: Case, changed: Case, now: datetime, ground: Ground) -> Decision:
    """Route again after a correction; the old office is told and its buttons die."""
    was = Record(
        kind="corrected",
        codes=(("from_district", case.district or ""), ("from_category", case.category or "")),
    )
    moved = Notify(
        audience=Audience.OWNER,
        template="forwarded_notice",
        facts=Facts(reason="corrected"),
        step=f"moved:{case.turn}",
        quiet=True,
    )
    same_office = case.district == changed.district
    handed, effects = (rehand if same_office else hand)(changed, now, ground, kind="rerouted")
    before = (was,) if same_office else (was, RefreshNotice(), moved)
    return said(handed, "corrected", "answered:corrected", *before, *effects, facts=office_facts(handed))
