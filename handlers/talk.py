"""The talk with the one who complained: every message may fill any slot, correct, add, ask, thank or stop.

Pure. What happens after a disposal is in aftermath.py.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from handlers import aftermath
from handlers.case import Case
from handlers.correcting import corrected, recorrect
from handlers.effects import (
    Audience,
    Decision,
    Effect,
    Label,
    Notify,
    Record,
    RefreshNotice,
    Say,
    SettleSatisfaction,
    Stop,
)
from handlers.facts import Facts
from handlers.ground import Ground
from handlers.handing import awaiting, awaiting_nothing, hand, kept_sensitivity, missing
from handlers.heard import CitizenWrote
from handlers.jurisdiction import office_of
from handlers.replies import (
    MOST_PORTAL_NUMBERS,
    SENSITIVE_MATTER,
    add,
    alert,
    ask_facts,
    helplines,
    office_facts,
    portal_numbers,
    said,
    status_facts,
    to_triage,
    words_of,
)
from handlers.setting_apart import is_different, is_only_different, parted, set_apart
from handlers.standing import resumed
from handlers.understanding.meaning import Asked, Understanding, Verdict
from handlers.understanding.post import THREAT
from handlers.understanding.taxonomy import Category
from store.vocabulary import Awaiting, Kind, Outcome, Register, Sensitivity, Status, Teller

MISSES_BEFORE_THE_DESK = 2


def hear_complainant(case: Case, heard: CitizenWrote, now: datetime, ground: Ground) -> Decision:
    """Decide a message of the one whose ticket it is."""
    wants, case = heard.answer.wants, replace(case, last_heard_at=now)
    if is_only_different(case, heard) and (apart := _hear_different(case, heard, now, ground)) is not None:
        return apart
    if (urgent := _hear_danger(case, heard, now, ground)) is not None:
        return urgent
    if wants.stop:
        return said(case, "stopped", "answered:stopped", Stop(silent=True), Record(kind="stop_asked"))
    if wants.start and case.status is not Status.WITHDRAWN:
        return said(case, "started", "answered:started", Stop(silent=False), Record(kind="start_asked"))
    if wants.withdraw and not case.ended and not wants.unresolved:
        return _withdraw(case, now, ground)
    if is_different(case, heard) and (apart := _hear_different(case, heard, now, ground)) is not None:
        return apart
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


def _hear_different(case: Case, heard: CitizenWrote, now: datetime, ground: Ground) -> Decision | None:
    """ "Mine is different": it goes on alone; after one answer for all, that answer was not for this one."""
    if case.awaiting is Awaiting.SATISFACTION and aftermath.verdict_of(heard) is not Verdict.SATISFIED:
        return aftermath.reopen(case, heard, now, ground)
    if not case.with_office:
        return None
    if case.awaiting is Awaiting.OFFICER_QUESTION:
        return _answer_to_officer(parted(case, heard), heard, now)
    return set_apart(case, heard)


# -- danger, threats and what must not be public: before anything else, on ended tickets too ------------------------------


def _hear_danger(case: Case, heard: CitizenWrote, now: datetime, ground: Ground) -> Decision | None:
    """Decide words of self-harm, threat, danger or a sensitive matter; None when there are none."""
    u = heard.understanding
    if u.self_harm and case.register is not Register.GRAVE:
        return _self_harm(case, heard, ground)
    if _is_threat(case, heard, ground):
        return _threat(case, heard, now, ground)
    if _is_sensitive_matter(case, heard, ground):
        return _sensitive_matter(case, heard, now, ground)
    if u.kind is Kind.EMERGENCY and not (case.urgent and not case.ended):
        return _danger(case, heard, now, ground)
    return None


def _self_harm(case: Case, heard: CitizenWrote, ground: Ground) -> Decision:
    """No question any more: a person at the CMO desk writes."""
    case = replace(case, urgent=True, register=Register.GRAVE, confirm_asked_at=None)
    if case.status is Status.COLLECTING:
        case = replace(awaiting_nothing(case), status=Status.TRIAGE)
    say = _urgent_say("self_harm", case, ground, heard.understanding)
    rung = alert("emergency_notice", f"emergency:{heard.message_id}", "self_harm")
    return Decision(case=case, effects=(Record(kind="danger_told"), say, rung), result="answered:emergency")


def _danger(case: Case, heard: CitizenWrote, now: datetime, ground: Ground) -> Decision:
    """A danger to life: whom to call, the CMO desk at once; a ticket that had ended goes on."""
    sensitive = case.sensitivity is Sensitivity.SENSITIVE
    case = replace(case, urgent=True, confirm_asked_at=None)
    say = _urgent_say("sensitive" if sensitive else "emergency", case, ground, heard.understanding)
    rung = alert("emergency_notice", f"emergency:{heard.message_id}", "emergency")
    effects: tuple[Effect, ...] = (Record(kind="danger_told"), say, rung)
    if case.ended and case.status is not Status.MERGED and case.category is not None:
        case, moved = _hand_on(case, now, ground)
        effects += moved
    elif sensitive and case.turn:
        effects += (_pass_on(heard),)  # its senior officer alone may read the words
    return Decision(case=case, effects=effects, result="answered:emergency")


def _urgent_say(template: str, case: Case, ground: Ground, u: Understanding) -> Say:
    facts = Facts(helplines=helplines(case, ground, u), category=case.category)
    return Say(template=template, facts=facts, step="answer", urgent=True)


def _pass_on(heard: CitizenWrote) -> Notify:
    return Notify(
        audience=Audience.OWNER,
        template="addition_notice",
        facts=words_of(heard),
        step=f"addition:{heard.message_id}",
        urgent=True,
    )


def _told_category(heard: CitizenWrote, ground: Ground) -> Category | None:
    """The sensitive category these words name, if any."""
    named = ground.taxonomy.categories.get(heard.understanding.category or "")
    return named if named is not None and named.sensitivity is Sensitivity.SENSITIVE else None


def _is_threat(case: Case, heard: CitizenWrote, ground: Ground) -> bool:
    """A threat because of a complaint supposes that something was complained of."""
    told = _told_category(heard, ground)
    threatened = heard.answer.wants.threatened or (told is not None and told.code == THREAT)
    return threatened and case.category is not None


def _threat(case: Case, heard: CitizenWrote, now: datetime, ground: Ground) -> Decision:
    """The ticket leaves the office complained of for a senior officer's private chat; the CMO desk is rung."""
    quiet = case.sensitivity is Sensitivity.SENSITIVE
    known = quiet and case.with_office
    case = replace(case, sensitivity=Sensitivity.SENSITIVE, urgent=True, confirm_asked_at=None)
    say = _urgent_say("sensitive" if quiet else "threat_raised", case, ground, heard.understanding)
    rung = alert("emergency_notice", f"threat:{heard.message_id}", "threat")
    effects: tuple[Effect, ...] = (Record(kind="threat_told"), say, rung)
    if known:
        return Decision(case=case, effects=(*effects, _pass_on(heard)), result="answered:threat")
    if case.status is Status.MERGED:
        return Decision(case=case, effects=effects, result="answered:threat")
    handed, moved = _hand_on(case, now, ground)
    return Decision(case=handed, effects=(*effects, *moved), result="answered:threat")


def _is_sensitive_matter(case: Case, heard: CitizenWrote, ground: Ground) -> bool:
    told = heard.understanding.register is Register.SENSITIVE or _told_category(heard, ground) is not None
    return told and case.sensitivity is not Sensitivity.SENSITIVE and case.status is not Status.MERGED


def _sensitive_matter(case: Case, heard: CitizenWrote, now: datetime, ground: Ground) -> Decision:
    """What must not be public: number and safety words here, the text to a senior officer's private chat at once.

    Told beside another matter that an office has (or had), it gets a number of its own, and the other goes on as it was.
    """
    named, u = _told_category(heard, ground), heard.understanding
    mine = ground.taxonomy.categories.get(case.category or "")
    correction = heard.answer.wants.correction
    if case.turn and named is not None and mine is not None and mine.base != named.base and not correction:
        return Decision(case=case, result="other_matter", rest=heard.text, rest_category=named.code)
    told = _with_slots(case, heard, ground)
    told = replace(
        told,
        category=named.code if named else told.category or SENSITIVE_MATTER,
        register=case.register if case.register is Register.GRAVE else Register.SENSITIVE,
        sensitivity=Sensitivity.SENSITIVE,
        urgent=case.urgent or u.kind is Kind.EMERGENCY,
    )
    say = _urgent_say("sensitive", told, ground, u)
    rung: tuple[Effect, ...] = ()
    if told.urgent:
        told = replace(told, confirm_asked_at=None)
        rung = (alert("emergency_notice", f"emergency:{heard.message_id}", "emergency"),)
    handed, moved = _hand_on(told, now, ground)
    effects = (Record(kind="sensitive_told"), say, *rung, *moved)
    return Decision(case=handed, effects=effects, result="answered:sensitive")


def _hand_on(case: Case, now: datetime, ground: Ground) -> tuple[Case, tuple[Effect, ...]]:
    """Hand a ticket on that became sensitive, or that had ended; its old notice dies (and shows no words if sensitive)."""
    asked = SettleSatisfaction(cycle=case.disposal_count, outcome=Outcome.NOT_ASKABLE)
    settle = (asked,) if case.status is Status.DISPOSED else ()
    before: tuple[Effect, ...] = (RefreshNotice(),) if case.turn else ()
    again = replace(
        case,
        category=case.category or SENSITIVE_MATTER,
        reopen_count=case.reopen_count + (case.status is Status.CLOSED),
    )
    kind = "reopened" if case.ended else "rerouted" if case.turn else "assigned"
    handed, effects = hand(again, now, ground, kind=kind)
    return handed, (*before, *settle, *effects)


def _withdraw(case: Case, now: datetime, ground: Ground) -> Decision:
    ended = replace(awaiting_nothing(case), status=Status.WITHDRAWN, ended_at=now, paused_at=None)
    effects: list[Effect] = [Record(kind="withdrawn", codes=(("from", case.status.value),))]
    if case.status is Status.DISPOSED:  # whether it was done was never said
        effects.append(SettleSatisfaction(cycle=case.disposal_count, outcome=Outcome.NO_ANSWER))
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
    label = _label(case, filled)
    if filled.category is not None and missing(filled, ground) is Asked.NOTHING:
        handed, effects = hand(filled, now, ground)
        if handed.sensitivity is Sensitivity.SENSITIVE:
            say = _urgent_say("sensitive", handed, ground, heard.understanding)
            return Decision(case=handed, effects=(*effects, say), result="answered:sensitive")
        return said(handed, "routed", "answered:routed", *label, *effects, facts=office_facts(handed))
    if (filled.category, filled.district) != (case.category, case.district):
        ask = missing(filled, ground)
        asking = replace(awaiting(filled, Awaiting.DETAILS, now, ask), misses=0, reminded=case.reminded)
        details = Record(kind="details_given")
        return said(asking, "ask_again", "answered:asked", details, *label, facts=ask_facts(asking))
    return _filled_nothing(filled, heard, now, ground)


def _label(before: Case, after: Case) -> tuple[Label, ...]:
    """What the citizen told us that we had not read in the post."""
    category = after.category if after.category != before.category else None
    district = after.district if after.district != before.district else None
    told = category is not None or district is not None
    return (Label(told_by=Teller.CITIZEN, category=category, district=district),) if told else ()


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
        agency=u.agency or case.agency,
        for_whom=case.for_whom or u.for_whom,
        other_matters=_others_told(case, u, category),
        portal_numbers=tuple(dict.fromkeys((*case.portal_numbers, *portal_numbers(u))))[:MOST_PORTAL_NUMBERS],
        keys=case.keys | u.keys,
        keep_name_hidden=case.keep_name_hidden or u.keep_name_hidden,
        language=u.language if len(heard.text.split()) >= 3 else case.language,
        sensitivity=kept_sensitivity(case, kind.sensitivity) if kind else case.sensitivity,
        category_choices=(answer.category_choices or case.category_choices) if category is None else (),
        district_choices=(answer.district_choices or case.district_choices) if district is None else (),
    )


def _others_told(case: Case, u: Understanding, category: str | None) -> tuple[str, ...]:
    """Matters told beside the main one, so far."""
    return tuple(code for code in dict.fromkeys((*case.other_matters, *u.other_matters)) if code != category)


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
        return _danger_over(case, heard)
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
    facts = Facts(department=office_of(case))
    effects = (Record(kind="officer_answered"), notice, RefreshNotice())
    return said(resumed(case, now), "answer_passed_on", "addition", *effects, facts=facts)


def _unasked(case: Case, heard: CitizenWrote, now: datetime, ground: Ground) -> Decision:
    """A message nobody asked for, about a ticket that an office or the desk has."""
    wants, answer = heard.answer.wants, heard.answer
    if case.urgent and (wants.resolved or (wants.thanks and not wants.unresolved)):
        return _danger_over(case, heard)
    if (changed := corrected(case, heard, ground)) is not None:
        return recorrect(case, changed, now, ground)
    if wants.status:
        return said(case, "status", "answered:status", facts=status_facts(case, now))
    if _is_surely_done(case, heard):
        return aftermath.close_satisfied(case, now, rest=answer.rest, rest_category=answer.rest_category, early=True)
    if wants.thanks and not wants.unresolved:
        return Decision(case=case, effects=(Record(kind="thanked"),), result="ignored:thanks")
    if heard.joined:
        return Decision(case=case, effects=(Record(kind="addition"), RefreshNotice()), result="addition")
    return add(case, heard)


def _is_surely_done(case: Case, heard: CitizenWrote) -> bool:
    """May an unasked word close the ticket? Only where nothing else can be meant and nobody is in need."""
    wants, answer, u = heard.answer.wants, heard.answer, heard.understanding
    in_need = case.urgent or case.register is Register.GRAVE or case.sensitivity is Sensitivity.SENSITIVE
    if in_need or not case.with_office or not wants.resolved or wants.unresolved or wants.threatened:
        return False
    if answer.rest:
        return True  # "that is done, but now ...": the rest becomes a complaint of its own
    return answer.category in (None, case.category) and (
        u.kind is not Kind.GRIEVANCE or u.category in (None, case.category)
    )


def _danger_over(case: Case, heard: CitizenWrote) -> Decision:
    calm = replace(case, urgent=False)
    notice = Notify(
        audience=Audience.CMO,
        template="addition_notice",
        facts=Facts(why="danger_over"),
        step=f"danger_over:{heard.message_id}",
    )
    record = Record(kind="danger_over")
    return said(
        calm,
        "emergency_over",
        "answered:emergency_over",
        record,
        notice,
        facts=Facts(department=office_of(case)),
    )
