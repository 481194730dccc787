"""The sentences the deciding modules share: what a question, a status answer, a hand-over or an alarm says.

Pure. Owns which facts go into which message; the words themselves are in templates/.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from handlers.case import Case
from handlers.effects import Audience, Decision, Effect, Notify, Press, Record, Say
from handlers.facts import Facts
from handlers.ground import Ground
from handlers.heard import CitizenWrote
from handlers.jurisdiction import office_of
from handlers.standing import is_late, promised_at
from handlers.triage import triage_presses
from handlers.understanding.meaning import Understanding
from store.vocabulary import Awaiting, Sensitivity, Status

MOST_PORTAL_NUMBERS = 5  # kept of one ticket
SENSITIVE_MATTER = "crime"  # what a sensitive matter is taken for until a senior officer has read it

HELPLINE_OF = {
    "women_safety": "women",
    "child_safety": "child",
    "missing_person": "child",
    "cyber_crime": "cyber",
    "power_fault": "power_danger",
    "fire_safety": "fire",
    "hospital": "ambulance",
}


def alert(
    template: str, step: str, why: str, facts: Facts | None = None, presses: tuple[tuple[Press, ...], ...] = ()
) -> Notify:
    """Ring the CMO desk at once."""
    facts = replace(facts or Facts(), why=why, urgent=True)
    return Notify(audience=Audience.CMO, template=template, facts=facts, step=step, urgent=True, presses=presses)


def ask_facts(case: Case, facts: Facts | None = None, *, has_media: bool = False, reworded: bool = False) -> Facts:
    """What a question to the citizen says: what is missing, what was understood, what may be chosen."""
    return replace(
        facts or Facts(),
        ask=case.asked.value,
        category=case.category,
        district=case.district,
        category_choices=case.category_choices,
        district_choices=case.district_choices,
        has_media=has_media and case.category is None,
        reworded=reworded,
    )


def portal_numbers(u: Understanding) -> tuple[str, ...]:
    """Numbers of complaints made elsewhere, as officers read them: CM Window CMOFF/N/2026/012345."""
    return tuple(f"{portal} {number}" for portal, number in u.portal_numbers[:MOST_PORTAL_NUMBERS])


def office_facts(case: Case, facts: Facts | None = None) -> Facts:
    """Which office has it and by when it must answer."""
    return replace(
        facts or Facts(),
        department=office_of(case),
        district=case.district,
        due_at=promised_at(case),
        category=case.category,
    )


def result_facts(case: Case) -> Facts:
    """What the office answered, and the question whether it is done."""
    return replace(
        office_facts(case),
        officer_words=case.last_owner_words,
        disposal_count=case.disposal_count,
        disposal=case.disposal,
    )


def said(case: Case, template: str, result: str, *effects: Effect, facts: Facts | None = None) -> Decision:
    say = Say(template=template, facts=facts or Facts(), step="answer")
    return Decision(case=case, effects=(*effects, say), result=result)


def to_triage(case: Case, why: str) -> tuple[Case, str, str, Effect, Effect]:
    """Hand the case to a person at the CMO desk and say so; a late answer of the citizen still routes it."""
    moved = replace(case, status=Status.TRIAGE)
    notice = Notify(
        audience=Audience.CMO,
        template="triage_notice",
        facts=Facts(why=why, category_choices=case.category_choices, district_choices=case.district_choices),
        step=f"triage:{case.turn}:{why}",
        presses=triage_presses(case),
    )
    return moved, "handed_to_desk", "answered:triage", Record(kind="to_triage", codes=(("why", why),)), notice


def add(case: Case, heard: CitizenWrote) -> Decision:
    """More of the same matter: kept, passed on, and answered with the same number."""
    audience = Audience.OWNER if case.turn else Audience.CMO
    notice = Notify(
        audience=audience,
        template="addition_notice",
        facts=words_of(heard),
        step=f"addition:{heard.message_id}",
    )
    return said(case, "addition", "addition", Record(kind="addition"), notice, facts=Facts(department=office_of(case)))


def words_of(heard: CitizenWrote) -> Facts:
    return Facts(words=heard.understanding.masked or None, has_media=heard.has_media)


def status_facts(case: Case, now: datetime) -> Facts:
    """What anybody who asks may know: status, department, due date; no more (the number proves nothing)."""
    sensitive = case.sensitivity is Sensitivity.SENSITIVE
    return Facts(
        status=case.status,
        department=None if sensitive else office_of(case),
        district=None if sensitive else case.district,
        due_at=promised_at(case) if case.with_office else None,
        late=is_late(case, now),
        ask=case.asked.value if case.awaiting is Awaiting.DETAILS else None,
        disposed_at=case.disposed_at,
        closed_at=case.ended_at,
    )


def helplines(case: Case, ground: Ground, u: Understanding | None = None) -> tuple[str, ...]:
    """The helplines to name, 112 first, at most two (data/referrals.csv): what the words call for, or the matter."""
    extra = u.referral if u is not None and u.referral is not None else HELPLINE_OF.get(case.category or "")
    if u is not None and u.self_harm:
        extra = "mental_health"
    return ("emergency", extra) if extra and extra in ground.taxonomy.referrals else ("emergency",)
