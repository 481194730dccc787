"""What a message says in answer to our question.

Owns slots from any message, numbered choices, and the verdict about a disposal, where the unresolved is
looked for before the resolved: what is unclear never closes a ticket. It must not know conversations. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from handlers.understanding.category import NO_MATTER, Matter, chosen
from handlers.understanding.clauses import VAGUE, clauses
from handlers.understanding.correction import corrected_category
from handlers.understanding.learned import Learned, judge, signs_of
from handlers.understanding.meaning import Answer, Asked, Verdict, Wants
from handlers.understanding.official_names import named_category
from handlers.understanding.opened import opened
from handlers.understanding.phrases import Hit
from handlers.understanding.place import WhereRead, where
from handlers.understanding.taxonomy import base_of, taxonomy
from handlers.understanding.text import Reading
from handlers.understanding.thresholds import threshold
from handlers.understanding.verdict import says_no_and_why, verdict_shares
from handlers.understanding.wants import thumb, want_hits, wants
from store.vocabulary import Language

_PLACE_ASKED = frozenset({Asked.DISTRICT, Asked.BOTH})
_CATEGORY_ASKED = frozenset({Asked.CATEGORY, Asked.BOTH})
_DIGIT = re.compile(r"^\W*(?:option|no|number|नंबर|विकल्प)?\W*([1-9])\W*$", re.IGNORECASE)


def _picked(text: str, found: dict[str, list[Hit]], choices: Sequence[str]) -> str | None:
    """The choice meant by "2", "दो नंबर" or "second"."""
    if not choices:
        return None
    match = _DIGIT.match(text)
    place = int(match.group(1)) if match else 0
    for number, sign in enumerate(("first", "second", "third"), start=1):
        if not place and sign in found:
            place = number
    return choices[place - 1] if 1 <= place <= len(choices) else None


def _judged(reading: Reading, keys: Sequence[str], places: Sequence[tuple[int, int]], *, district: bool) -> Learned:
    hidden = frozenset(at for start, end in places for at in range(start, end))
    return judge(reading, keys, hidden, signs_of(reading.text, len(keys), district=district, away=False))


def _matter(learned: Learned, asked: Asked) -> Matter:
    """The category told, or a choice; to our question a likely one is taken, asking again would cost more."""
    matter = chosen(learned)
    if matter.code is None and asked in _CATEGORY_ASKED:
        best = learned.best(1)[0]
        if learned.categories[best] >= threshold("category answered"):
            return Matter(best, (), matter.confidence)
    if learned.no_matter >= threshold("no matter"):
        return NO_MATTER
    return matter


def _where(reading: Reading, keys: Sequence[str], choices: Sequence[str], asked: Asked) -> WhereRead:
    found = where(reading, keys, answering=asked in _PLACE_ASKED)
    if choices and found.district is None:
        both = [name for name in found.choices if name in choices]
        if len(both) == 1:
            return replace(found, district=both[0], choices=())
    return found


def _is_apart(best: str | None, first: str | None, solved: bool, introduced: bool, good: bool) -> bool:
    """Whether a clause with a category of its own opens a second matter."""
    if best is None or (first is not None and base_of(best) == base_of(first)):
        return False
    return introduced or (solved and not good)


def _other_matter(text: str, category: str | None) -> tuple[str, str | None, bool]:
    """(clauses about another matter, its category, whether an earlier clause says ours is solved)."""
    solved = introduced = False
    first: str | None = category
    rest: list[str] = []
    rest_category: str | None = None
    for clause in clauses(text):
        found = want_hits(clause.reading.tokens, clause.keys)
        best = clause.category
        introduced = introduced or "another" in found
        good = "resolved" in found and "unresolved" not in found
        if rest or (best not in (None, *VAGUE) and _is_apart(best, first, solved, introduced, good)):
            rest.append(clause.text)
            rest_category = rest_category or best
            continue
        solved = solved or good or ("yes" in found and "no" not in found and len(clause.keys) <= 3)
        first = first or best
    return ". ".join(rest), rest_category, solved


def _verdict(text: str, reading: Reading, keys: Sequence[str], found: dict[str, list[Hit]], said: Wants) -> Verdict:
    """What is said of the disposal. Only a plain yes is satisfied: what is unclear never closes a ticket."""
    hand = thumb(text)
    if not reading.tokens:
        if hand is None:
            return Verdict.STATUS_QUERY if said.status else Verdict.UNCLEAR
        return Verdict.SATISFIED if hand else Verdict.UNSATISFIED
    if _DIGIT.match(text):
        return Verdict.UNCLEAR  # a bare digit is a choice, and what it stands for the conversation knows
    if says_no_and_why(text):
        return Verdict.UNSATISFIED
    shares = verdict_shares(text, reading, keys, found)
    best = Verdict(max(shares, key=lambda verdict: shares[verdict]))
    doubted = hand is False or "unresolved" in found or "trouble" in found
    if best is Verdict.SATISFIED and shares[best] < threshold("satisfied, doubted" if doubted else "satisfied"):
        return Verdict.UNCLEAR
    if best is Verdict.UNCLEAR and said.status:
        return Verdict.STATUS_QUERY
    if said.correction and shares[best] < threshold("satisfied"):
        return Verdict.UNCLEAR  # "wrong department" says nothing about the work
    return best


def _is_second_matter(verdict: Verdict, category: str | None, other: str, *, solved: bool) -> bool:
    """Whether the other matter told is one of its own, so that it says nothing about the disposal."""
    if verdict is Verdict.NEW_COMPLAINT or (verdict is Verdict.SATISFIED and category is not None):
        return True
    categories = taxonomy().categories
    return solved and category is not None and categories[category].department != categories[other].department


def read_answer(
    text: str,
    *,
    asked: Asked,
    category: str | None = None,
    district: str | None = None,
    category_choices: tuple[str, ...] = (),
    district_choices: tuple[str, ...] = (),
    language_hint: Language | None = None,
) -> Answer:
    """Read a message in the light of our last question.

    `category` and `district` are those of the ticket, where known; the choices are those we offered, in
    their order. A verdict is given only when satisfaction was asked. Never raises on any text.
    """
    del language_hint  # the words of all languages are looked for; the hint is part of the interface
    whole = opened(text)
    plain, reading, keys, bare = whole.plain, whole.reading, whole.keys, whole.reading.text
    found = want_hits(reading.tokens, keys)
    said = wants(plain, found, len(reading.tokens))
    place = _where(reading, keys, district_choices, asked)
    if place.negated and (place.district or place.choices):
        said = replace(said, correction=True)
    learned = _judged(reading, keys, place.spans, district=place.district is not None)
    matter = _matter(learned, asked)
    code, offers = matter.code, matter.choices
    if (asked in _CATEGORY_ASKED or said.correction) and (named := named_category(keys)) is not None:
        code, offers = named, ()
    meant = corrected_category(reading, keys, found, place.spans)
    if meant is not None and meant != category:
        code, offers = meant, ()
        found.pop("unresolved", None)
        said = replace(said, correction=True, unresolved=False)
    chosen_district = place.district or (
        _picked(plain, found, district_choices) if not category_choices or asked is Asked.DISTRICT else None
    )
    if category_choices and asked is not Asked.DISTRICT and not code:
        code = _picked(plain, found, category_choices)
    if category_choices and code is None:
        offered = [one for one in learned.best(3) if one in category_choices and one in offers]
        code = offered[0] if len(offered) == 1 else None
    alone = len(reading.tokens) <= 2 or meant is not None
    rest, rest_category, solved = ("", None, False) if alone else _other_matter(bare, category)
    verdict: Verdict | None = None
    if asked is Asked.SATISFACTION:
        verdict = _verdict(plain, reading, keys, found, said)
        if rest and rest_category and _is_second_matter(verdict, category, rest_category, solved=solved):
            said = replace(said, resolved=solved, unresolved=False)
            verdict = Verdict.SATISFIED if solved and category else Verdict.NEW_COMPLAINT
        else:
            rest, rest_category = "", None
    return Answer(
        district=chosen_district,
        district_choices=() if chosen_district else place.choices,
        locality=place.locality,
        outside=place.outside,
        category=code,
        category_choices=offers if code is None else (),
        verdict=verdict,
        wants=said,
        rest=rest,
        rest_category=rest_category,
        reasons=(*place.reasons, *(hit.phrase.written for hits in found.values() for hit in hits)),
    )
