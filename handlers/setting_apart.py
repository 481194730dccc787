"""A citizen whose complaint was linked with others says that theirs is different: it goes on alone.

Pure. Owns when words say so, and what is answered. The ticket keeps number, office and time limit; that its notice is
posted apart is the desk's (handlers/desk/gathering.py).
"""

from __future__ import annotations

from dataclasses import replace

from handlers.case import Case
from handlers.effects import Decision, Record
from handlers.heard import CitizenWrote
from handlers.incidents import AREAS
from handlers.replies import office_facts, said
from handlers.understanding.apart import says_apart
from handlers.understanding.spot import spot_of
from store.vocabulary import Kind

FEW_WORDS = 5


def is_different(case: Case, heard: CitizenWrote) -> bool:
    """Does the complainant of a linked ticket say that it is not the others' matter, or name another place?"""
    return case.incident_id is not None and (says_apart(heard.text) or _names_another_place(case, heard))


def _names_another_place(case: Case, heard: CitizenWrote) -> bool:
    if _other_numbers(case, heard):
        return True
    mine, told = spot_of(case.locality, case.district), spot_of(_locality(heard), case.district)
    renamed = bool(mine.names and told.names) and not mine.shares_name(told)
    return renamed and heard.answer.wants.correction


def _other_numbers(case: Case, heard: CitizenWrote) -> list[str]:
    """Wards, sectors and the like in these words that are not the ticket's own, where it has one of that kind."""
    mine, told = spot_of(case.locality, case.district), spot_of(heard.text, case.district)
    kinds = (kind for kind in AREAS if mine.of_kind(kind))
    return [f"{kind} {number}" for kind in kinds for number in sorted(told.of_kind(kind) - mine.of_kind(kind))]


def is_only_different(case: Case, heard: CitizenWrote) -> bool:
    """Nothing but "mine is different": so few words name no matter, whatever they sound like."""
    u = heard.understanding
    danger = u.kind is Kind.EMERGENCY or u.self_harm or heard.answer.wants.threatened
    few = len(u.masked.split()) <= FEW_WORDS
    return case.incident_id is not None and few and not danger and says_apart(heard.text)


def _locality(heard: CitizenWrote) -> str | None:
    return heard.answer.locality or heard.understanding.locality


def set_apart(case: Case, heard: CitizenWrote) -> Decision:
    """The ticket on its own from now on, with the citizen's words."""
    alone = parted(case, heard)
    return said(alone, "set_apart", "set_apart", Record(kind="set_apart"), facts=office_facts(alone))


def parted(case: Case, heard: CitizenWrote) -> Case:
    """The ticket without the others; a place told now is its place."""
    told = ", ".join(_other_numbers(case, heard)) or _locality(heard)
    locality = told[:256] if told else case.locality
    keys = case.keys | heard.understanding.keys
    return replace(case, incident_id=None, stands_apart=True, locality=locality, keys=keys)
