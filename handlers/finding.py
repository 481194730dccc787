"""Which ticket a message is about: the reply, the number, the only open one, the same matter; or a new complaint.

Pure. Order of design: (1) the message it replies to is one of ours; (2) a ticket number in the text; (3) the only open
ticket of this account in this thread; (4) several: ask which, and a bare yes or no closes nothing; (5) a new complaint.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from handlers.case import Case
from handlers.ground import Ground
from handlers.understanding.meaning import Answer, Understanding, Verdict
from store.vocabulary import Awaiting, Kind, Outcome, Register, Sensitivity, Status

WORDS_OF_A_VERDICT = 6  # a longer post may tell of something else


@dataclass(frozen=True, slots=True)
class Found:
    """The ticket this message is about; `own` when the writer is its complainant."""

    case: Case
    own: bool


@dataclass(frozen=True, slots=True)
class Several:
    """More than one ticket may be meant."""

    cases: tuple[Case, ...]


@dataclass(frozen=True, slots=True)
class NewMatter:
    """A complaint of its own. `linked`: the older ticket of the same matter or thread; `repeat` the open one it repeats."""

    linked: Case | None = None


@dataclass(frozen=True, slots=True)
class Repeat:
    """The same account tells the same matter again: an addition to the open ticket."""

    case: Case


@dataclass(frozen=True, slots=True, kw_only=True)
class Hint:
    """What the desk knows of the message besides its words."""

    account_id: int | None
    thread_id: str
    replied_ticket: int | None  # the ticket of our message that this one replies to
    occurred_at: datetime
    verdict: Verdict | None = None  # what the words would say if they answered "is it really done?"
    has_media: bool = False


Finding = Found | Several | NewMatter | Repeat


def find_conversation(
    hint: Hint,
    understanding: Understanding,
    answer: Answer,
    own: Sequence[Case],
    in_thread: Sequence[Case],
    by_number: Mapping[str, Case],
    now: datetime,
    ground: Ground,
) -> Finding:
    """Find the ticket. `own`: this account's tickets, newest first; `in_thread`: all tickets of the thread."""
    everything = {case.id: case for case in (*own, *in_thread, *by_number.values())}
    if hint.replied_ticket is not None and (case := everything.get(hint.replied_ticket)):
        return _second_matter(case, hint, understanding, answer, own, now, ground)
    for number in understanding.numbers:
        if case := by_number.get(number):
            return _second_matter(case, hint, understanding, answer, own, now, ground)
    mine_here = [case for case in in_thread if _is_own(case, hint)]
    open_here = [case for case in mine_here if not case.ended]
    if len(open_here) == 1:
        return _second_matter(open_here[0], hint, understanding, answer, own, now, ground)
    if len(open_here) > 1:
        return _which(open_here, hint, understanding, answer, own, now, ground)
    if mine_here:
        return _after_the_end(mine_here[-1], hint, understanding, answer, own, now, ground)
    if others := [case for case in in_thread if not _is_own(case, hint)]:
        return _stranger(others[-1], understanding, answer, own, now, ground)
    return _elsewhere(hint, understanding, answer, own, now, ground)


def _is_own(case: Case, hint: Hint) -> bool:
    if case.hidden_author:
        return case.thread_id == hint.thread_id
    return case.account_id == hint.account_id


def _names_a_matter(u: Understanding) -> bool:
    return u.kind in (Kind.GRIEVANCE, Kind.EMERGENCY) and u.category is not None


def _is_about_the_past(u: Understanding, answer: Answer) -> bool:
    wants = answer.wants
    asked = wants.status or wants.reopen or wants.unresolved or wants.resolved or wants.thanks or wants.start
    return asked or u.kind is Kind.STATUS_QUERY or answer.verdict is Verdict.UNSATISFIED or not _names_a_matter(u)


def _is_answer(u: Understanding, answer: Answer) -> bool:
    """Do these words say something of a ticket that stands, rather than tell more of one just opened?"""
    wants = answer.wants
    says = wants.status or wants.resolved or wants.unresolved or wants.reopen or wants.withdraw or wants.thanks
    return says or answer.verdict is not None or u.kind is Kind.STATUS_QUERY or len(u.masked.split()) < 3


def is_cry(u: Understanding, ground: Ground) -> bool:
    """Words that need a person at once, whoever writes them and wherever."""
    category = ground.taxonomy.categories.get(u.category or "")
    return (
        u.self_harm
        or u.kind is Kind.EMERGENCY
        or u.register in (Register.GRAVE, Register.SENSITIVE)
        or (category is not None and category.sensitivity is Sensitivity.SENSITIVE)
    )


def _after_the_end(
    case: Case, hint: Hint, u: Understanding, answer: Answer, own: Sequence[Case], now: datetime, ground: Ground
) -> Finding:
    """All own tickets of this thread have ended: words about the last of them, or something new that is linked to it."""
    if u.kind is Kind.EMERGENCY or u.self_harm:
        return NewMatter(linked=case)
    if _is_about_the_past(u, answer):
        return Found(case, own=True)
    found = _elsewhere(hint, u, answer, own, now, ground)
    return NewMatter(linked=case) if found == NewMatter() else found


def _second_matter(
    case: Case,
    hint: Hint,
    u: Understanding,
    answer: Answer,
    own: Sequence[Case],
    now: datetime,
    ground: Ground,
) -> Finding:
    """A message in a ticket's thread belongs to it unless it plainly names another office's matter."""
    if not _is_own(case, hint):
        return _stranger(case, u, answer, own, now, ground)
    if case.ended and (u.kind is Kind.EMERGENCY or u.self_harm):
        return NewMatter(linked=case)
    if case.awaiting in (Awaiting.DETAILS, Awaiting.SATISFACTION, Awaiting.OFFICER_QUESTION) or case.urgent:
        return Found(case, own=True)
    if _is_other_matter(case, u, answer, ground):
        same = [other for other in own if other.id != case.id and is_same_matter(other, u, now, ground)]
        return Repeat(same[0]) if same else NewMatter(linked=case)
    return Found(case, own=True)


def _is_other_matter(case: Case, u: Understanding, answer: Answer, ground: Ground) -> bool:
    wants = answer.wants
    if wants.threatened:  # a threat because of this complaint belongs to it, whatever crime it names
        return False
    if wants.correction or wants.withdraw or wants.resolved or wants.status or not _names_a_matter(u):
        return False
    mine = ground.taxonomy.categories.get(case.category or "")
    other = ground.taxonomy.categories.get(u.category or "")
    if mine is None or other is None or mine.base == other.base:
        return False
    if answer.rest and answer.rest_category == u.category:
        return True  # "and besides ..."
    offices = {mine.department, mine.rural_department, *mine.other_departments}
    sensitive = u.register.value != "normal"
    return u.confidence >= 0.5 and other.department not in offices and not sensitive


def _which(
    open_here: Sequence[Case],
    hint: Hint,
    u: Understanding,
    answer: Answer,
    own: Sequence[Case],
    now: datetime,
    ground: Ground,
) -> Finding:
    """Several open here: the words may tell which; a bare yes or no does not."""
    if _names_a_matter(u):
        same = [case for case in open_here if is_same_matter(case, u, now, ground)]
        if len(same) == 1:
            return Found(same[0], own=True)
        if not same:
            return NewMatter(linked=open_here[-1])
    near = [case for case in open_here if abs(hint.occurred_at - case.opened_at) <= ground.policy.thread_join]
    if near and not _is_answer(u, answer):
        return Found(near[-1], own=True)  # a part of one complaint that came late or out of order
    waiting = [case for case in open_here if case.awaiting is not Awaiting.NOTHING]
    if len(waiting) == 1 and (answer.district or answer.category) and waiting[0].awaiting is Awaiting.DETAILS:
        return Found(waiting[0], own=True)
    return Several(tuple(open_here))


def _stranger(
    case: Case, u: Understanding, answer: Answer, own: Sequence[Case], now: datetime, ground: Ground
) -> Finding:
    """Somebody else in the thread: "same here" is a me-too, a matter with a place of its own is their own complaint,
    and a cry for help is never somebody else's."""
    if is_cry(u, ground):
        return NewMatter(linked=case)
    if _names_a_matter(u) and (u.district is not None or u.locality is not None or len(u.keys) >= 4):
        same = [other for other in own if not other.ended and is_same_matter(other, u, now, ground)]
        return Repeat(same[0]) if same else NewMatter(linked=case)
    return Found(case, own=False)


def _elsewhere(
    hint: Hint, u: Understanding, answer: Answer, own: Sequence[Case], now: datetime, ground: Ground
) -> Finding:
    """Outside any known thread: a repeat of an open or lately closed matter, a question about one, or something new."""
    open_ones = [case for case in own if not case.ended]
    if u.bad_numbers and not _names_a_matter(u):
        return NewMatter()  # the slip is told, no ticket is guessed
    if u.kind is Kind.STATUS_QUERY or (answer.wants.status and not _names_a_matter(u)):
        if len(open_ones) == 1:
            return Found(open_ones[0], own=True)
        return Several(tuple(open_ones)) if open_ones else NewMatter()
    if (answered := _asked_if_done(hint, u, answer, open_ones)) is not None:
        return answered
    if hint.account_id is not None:
        for case in own:
            if is_same_matter(case, u, now, ground):
                return Repeat(case)
    if (
        len(open_ones) == 1
        and not _names_a_matter(u)
        and _is_about_the_past(u, answer)
        and u.kind not in (Kind.PRAISE, Kind.OUT_OF_SCOPE)
    ):
        wants = answer.wants
        if wants.status or wants.unresolved or wants.resolved or wants.reopen or wants.withdraw or wants.stop:
            return Found(open_ones[0], own=True)
    return NewMatter()


def _asked_if_done(hint: Hint, u: Understanding, answer: Answer, open_ones: Sequence[Case]) -> Finding | None:
    """A short verdict in a post of its own answers our question, if one was asked; after several, we ask which."""
    if hint.verdict not in (Verdict.SATISFIED, Verdict.UNSATISFIED) or _names_a_matter(u) or hint.has_media:
        return None
    if len(u.masked.split()) > WORDS_OF_A_VERDICT or u.outside is not None:
        return None
    if u.kind is Kind.PRAISE and not answer.wants.resolved:
        return None  # a good word for the government says nothing about one tap or wire
    asked = [case for case in open_ones if case.awaiting is Awaiting.SATISFACTION]
    if u.district is not None:
        asked = [case for case in asked if case.district == u.district]
    if not asked:
        return None
    return Found(asked[0], own=True) if len(asked) == 1 else Several(tuple(asked))


def is_same_matter(case: Case, u: Understanding, now: datetime, ground: Ground) -> bool:
    """The same account on the same category and district, or with the same words, while the ticket lives or may reopen."""
    if case.status is Status.WITHDRAWN or case.status is Status.REJECTED or case.status is Status.MERGED:
        return False
    if case.ended_at is not None and now - case.ended_at > ground.policy.reopen_within:
        return False
    if u.district is not None and case.district is not None and u.district != case.district:
        return False
    same_words = bool(u.keys) and u.keys == case.keys
    if same_words or (overlap(case.keys, u.keys) >= ground.policy.repeat_overlap and len(u.keys) >= 3):
        return True
    if case.outcome is Outcome.SATISFIED or u.category is None or case.category is None:
        return False  # once it was well, other words tell of a new trouble
    mine = ground.taxonomy.categories.get(case.category)
    other = ground.taxonomy.categories.get(u.category)
    if mine is None or other is None or mine.base != other.base:
        return False
    places_differ = (
        u.locality is not None and case.locality is not None and u.locality.casefold() != case.locality.casefold()
    )
    return u.district in (case.district, None) and not (places_differ and u.district is not None)


def overlap(one: frozenset[str], other: frozenset[str]) -> float:
    """Share of the smaller set's keys that both have."""
    return len(one & other) / min(len(one), len(other)) if one and other else 0.0
