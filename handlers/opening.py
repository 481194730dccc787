"""Opening a ticket: what a first post becomes, in which voice it is answered, and what is asked.

Pure. A post that is no complaint gets a kind word or silence, never a ticket and never an argument.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from handlers.case import Case
from handlers.effects import Decision, Effect, Record, Say
from handlers.facts import Facts
from handlers.ground import Ground
from handlers.handing import awaiting, hand, missing
from handlers.heard import CitizenWrote
from handlers.policy import FollowUps
from handlers.replies import SENSITIVE_MATTER, alert, ask_facts, helplines, office_facts, portal_numbers, to_triage
from handlers.triage import triage_presses
from handlers.understanding.meaning import Asked, Understanding
from store.vocabulary import Awaiting, Kind, Platform, Register, Sensitivity, Status

ANSWERED_WITHOUT_TICKET = {
    Kind.PRAISE: "praise_thanks",
    Kind.SUGGESTION: "suggestion_thanks",
    Kind.STATUS_QUERY: "status_unknown",
}
SILENT_KINDS = frozenset({Kind.POLITICAL, Kind.SPAM, Kind.NEWS, Kind.CHATTER, Kind.ABUSE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Seed:
    """What the desk knows of a post before its words are weighed."""

    id: int  # provisional, negative
    note: int  # running number of the received message
    platform: Platform
    channel_id: int
    account_id: int | None
    thread_id: str
    message_id: str
    linked_to: int | None = None
    previous_number: str | None = None
    person_first: bool = False
    called_by_desk: bool = False  # a clerk says that it is a complaint


def opens_ticket(understanding: Understanding, *, has_media: bool) -> bool:
    """Is this post one that gets a number? Recall first: what is uncertain is a grievance; a bare photo is a matter."""
    if understanding.kind in (Kind.GRIEVANCE, Kind.EMERGENCY) or understanding.self_harm:
        return True
    return has_media and understanding.kind is Kind.CHATTER


def open_case(seed: Seed, heard: CitizenWrote, now: datetime, ground: Ground) -> Decision:
    """Decide a post that belongs to no ticket yet."""
    u = heard.understanding
    if not opens_ticket(u, has_media=heard.has_media):
        return _without_ticket(seed, u)
    case = _new_case(seed, heard, now, ground)
    opened = Record(kind="opened", codes=(("kind", u.kind.value), ("language", u.language.value)))
    if u.self_harm:
        return _grave(case, opened, "self_harm", u, now, ground)
    if case.sensitivity is Sensitivity.SENSITIVE:
        return _sensitive(case, opened, u, now, ground)
    if u.kind is Kind.EMERGENCY:
        return _emergency(case, opened, u, now, ground)
    if u.register is Register.GRAVE:
        return _grave(case, opened, "grave", u, now, ground)
    if seed.person_first:
        return _before_a_person(replace(case, person_first=True), opened, u, "person_first")
    if seed.called_by_desk and missing(case, ground) is not Asked.NOTHING:
        return _before_a_person(case, opened, u, "low_confidence")
    return _ordinary(case, opened, heard, now, ground, seed)


def _new_case(seed: Seed, heard: CitizenWrote, now: datetime, ground: Ground) -> Case:
    u = heard.understanding
    category = ground.taxonomy.categories.get(u.category or "")
    register = Register.GRAVE if u.self_harm else u.register
    sensitivity = category.sensitivity if category else Sensitivity.NORMAL
    if register is Register.SENSITIVE:
        sensitivity = Sensitivity.SENSITIVE
    return Case(
        id=seed.id,
        platform=seed.platform,
        channel_id=seed.channel_id,
        account_id=seed.account_id,
        hidden_author=seed.account_id is None,
        thread_id=seed.thread_id,
        first_message_id=seed.message_id,
        language=u.language,
        status=Status.COLLECTING,
        category=u.category,
        district=u.district,
        locality=u.locality,
        rural=u.rural,
        agency=u.agency,
        for_whom=u.for_whom,
        other_matters=u.other_matters,
        portal_numbers=portal_numbers(u),
        register=register,
        sensitivity=sensitivity,
        urgent=u.kind is Kind.EMERGENCY or u.self_harm,
        keep_name_hidden=u.keep_name_hidden,
        linked_to=seed.linked_to,
        opened_at=now,
        reply_to_id=seed.message_id,
        keys=u.keys,
        last_heard_at=now,
    )


def _without_ticket(seed: Seed, u: Understanding) -> Decision:
    if u.kind is Kind.OUT_OF_SCOPE:
        if u.outside is not None:
            say = Say(template="outside", facts=Facts(outside=u.outside, note=seed.note), step="answer")
            return Decision(case=None, effects=(say,), result="answered:outside")
        say = Say(template="referral", facts=Facts(referral=u.referral, note=seed.note), step="answer")
        return Decision(case=None, effects=(say,), result="answered:referral")
    template = ANSWERED_WITHOUT_TICKET.get(u.kind)
    if template is None:
        return Decision(case=None, result=f"ignored:{u.kind.value}")
    say = Say(template=template, facts=Facts(note=seed.note), step="answer")
    return Decision(case=None, effects=(say,), result=f"answered:{u.kind.value}")


def _emergency(case: Case, opened: Record, u: Understanding, now: datetime, ground: Ground) -> Decision:
    facts = Facts(helplines=helplines(case, ground, u), category=case.category)
    effects: list[Effect] = [opened, Say(template="emergency", facts=facts, step="answer", urgent=True)]
    if case.category is not None and missing(case, ground) is Asked.NOTHING:
        effects.append(alert("emergency_notice", "emergency", "emergency"))
        case, handed = hand(case, now, ground)
        effects += handed
    else:
        case = awaiting(replace(case, status=Status.TRIAGE), Awaiting.DETAILS, now, missing(case, ground))
        case = _with_guesses(case, u)
        effects.append(alert("emergency_notice", "emergency", "emergency", presses=triage_presses(case)))
        effects.append(Record(kind="to_triage", codes=(("why", "emergency"),)))
    return Decision(case=case, effects=tuple(effects), result="ticketed:emergency")


def _with_guesses(case: Case, u: Understanding) -> Case:
    """The case with what its words may mean, for what is not known yet."""
    return replace(
        case,
        category_choices=u.category_choices if case.category is None else (),
        district_choices=u.district_choices if case.district is None else (),
    )


def _grave(case: Case, opened: Record, template: str, u: Understanding, now: datetime, ground: Ground) -> Decision:
    """Grief and self-harm: no question, a person at once, never closed by itself."""
    facts = Facts(helplines=helplines(case, ground, u))
    effects: list[Effect] = [opened, Say(template=template, facts=facts, step="answer", urgent=True)]
    effects.append(alert("emergency_notice", "emergency", template))
    if template == "grave" and case.category is not None and missing(case, ground) is Asked.NOTHING:
        case, handed = hand(case, now, ground)
        effects += handed
    else:
        case = replace(case, status=Status.TRIAGE)
        effects.append(Record(kind="to_triage", codes=(("why", template),)))
    return Decision(case=case, effects=tuple(effects), result=f"ticketed:{template}")


def _sensitive(case: Case, opened: Record, u: Understanding, now: datetime, ground: Ground) -> Decision:
    """The public reply carries the number and safety words only; the text goes to a senior officer's private chat.

    A danger to life is no exception: nobody is asked for the place in public; the CMO desk is rung without the words.
    """
    register = case.register if case.register is Register.GRAVE else Register.SENSITIVE
    case = replace(case, register=register, category=case.category or SENSITIVE_MATTER)
    say = Say(template="sensitive", facts=Facts(helplines=helplines(case, ground, u)), step="answer", urgent=True)
    rung = (alert("emergency_notice", "emergency", "emergency"),) if case.urgent else ()
    case, handed = hand(case, now, ground)
    result = "ticketed:emergency" if case.urgent else "ticketed:sensitive"
    return Decision(case=case, effects=(opened, say, *rung, *handed), result=result)


def _before_a_person(case: Case, opened: Record, u: Understanding, why: str) -> Decision:
    """The number at once, as everyone, and no question of a machine; a clerk places it.

    So with a legislator, the press, and with what a clerk took up although the machine heard no complaint in it.
    """
    case = _with_guesses(replace(case, status=Status.TRIAGE), u)
    _, _, _, record, notice = to_triage(case, why)
    say = Say(template="received_triage", facts=Facts(pii_seen=bool(u.pii)), step="answer")
    result = "ticketed:person_first" if case.person_first else "ticketed:called_by_desk"
    return Decision(case=case, effects=(opened, record, notice, say), result=result)


def _ordinary(case: Case, opened: Record, heard: CitizenWrote, now: datetime, ground: Ground, seed: Seed) -> Decision:
    u = heard.understanding
    ask = missing(case, ground)
    facts = Facts(
        helplines=helplines(case, ground)[1:] if case.category == "cyber_crime" else (),
        pii_seen=bool(u.pii),
        tell_how_to_follow=case.platform is Platform.X and ground.policy.x_follow_ups is not FollowUps.PERMITTED,
        previous_number=seed.previous_number,
    )
    if ask is not Asked.NOTHING:
        case = _with_guesses(awaiting(case, Awaiting.DETAILS, now, ask), u)
        say = Say(template="received_ask", facts=ask_facts(case, facts, has_media=heard.has_media), step="answer")
        return Decision(case=case, effects=(opened, say), result="ticketed:asked")
    case, handed = hand(case, now, ground)
    template = "received_linked" if seed.previous_number else "received_routed"
    say = Say(template=template, facts=office_facts(case, facts), step="answer")
    return Decision(case=case, effects=(opened, *handed, say), result="ticketed:routed")
