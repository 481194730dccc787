"""What a message says in answer to our question.

Owns slots from any message, numbered choices, and the verdict about a disposal, where the unresolved is
looked for before the resolved: what is unclear never closes a ticket. It must not know conversations. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from handlers.understanding import kind as kinds
from handlers.understanding.category import ALSO_MEANT, Ranked, one_desk, rank
from handlers.understanding.correction import corrected_category
from handlers.understanding.key import key
from handlers.understanding.meaning import Answer, Asked, Verdict, Wants
from handlers.understanding.number import find_numbers
from handlers.understanding.official_names import named_category
from handlers.understanding.phrases import Hit
from handlers.understanding.place import WhereRead, where
from handlers.understanding.privacy import dotted, personal_data
from handlers.understanding.taxonomy import taxonomy
from handlers.understanding.text import Reading, normal, read
from handlers.understanding.wants import thumb, want_hits, wants
from store.vocabulary import Language, Sensitivity

_PLACE_ASKED = frozenset({Asked.DISTRICT, Asked.BOTH})
SENSITIVE = 5.0  # weight from which a sensitive category goes before a nearly equal one
NAMED = 2.0  # weight from which a category counts as named in an answer
ANOTHER = 2.5  # weight from which a clause is about a matter of its own
_DIGIT = re.compile(r"^\W*(?:option|no|number|नंबर|विकल्प)?\W*([1-9])\W*$", re.IGNORECASE)
# `\w` does not hold the vowel signs of Devanagari and Gurmukhi: without them पर would be found in परिवार.
_LETTER = r"[\w\u0900-\u097f\u0a00-\u0a7f]"
_BUT = re.compile(
    rf"[.!?।;\n,]+|(?<!{_LETTER})(?:par|lekin|but|magar|however|although|पर|लेकिन|मगर|ਪਰ)(?!{_LETTER})",
    re.IGNORECASE,
)


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


def _is_sensitive(code: str) -> bool:
    return taxonomy().categories[code].sensitivity is Sensitivity.SENSITIVE


def chosen(ranked: Ranked, least: float) -> tuple[str | None, tuple[str, ...]]:
    """Category to take, or up to three to offer when torn."""
    if not ranked.scores:
        return None, ()
    named = [(code, score) for code, score in ranked.scores if score >= least]
    offers = tuple(code for code, _ in ranked.scores[:3])
    if not named:
        offers = tuple(dict.fromkeys((*offers, *ALSO_MEANT.get(offers[0], ()))))[:3]
    sensitive = [code for code, score in named if score >= max(SENSITIVE, 0.6 * named[0][1]) and _is_sensitive(code)]
    if sensitive:
        return sensitive[0], ()  # silence about it in public outweighs the nearer word
    if not named:
        return None, offers
    if len(named) > 1 and named[1][1] > 0.8 * named[0][1] and not one_desk(named[0][0], named[1][0]):
        return None, offers
    return named[0][0], ()


def _where(reading: Reading, keys: Sequence[str], choices: Sequence[str], asked: Asked) -> WhereRead:
    found = where(reading, keys, answering=asked in _PLACE_ASKED)
    if choices and found.district is None:
        both = [name for name in found.choices if name in choices]
        if len(both) == 1:
            return replace(found, district=both[0], choices=())
    return found


def _clauses(text: str) -> list[str]:
    """A message cut at stops and at words of contrast; each clause keeps its own words."""
    cut = [part.strip() for part in _BUT.split(text)]
    return [part for part in cut if part]


def _base(code: str) -> str:
    return taxonomy().categories[code].base


def _is_apart(best: str | None, first: str | None, solved: bool, introduced: bool, good: bool) -> bool:
    """Whether a clause with a category of its own opens a second matter."""
    if best is None or (first is not None and _base(best) == _base(first)):
        return False
    return introduced or (solved and not good)


def _other_matter(text: str, category: str | None) -> tuple[str, str | None, bool]:
    """(clauses about another matter, its category, whether an earlier clause says ours is solved)."""
    solved = introduced = False
    first: str | None = category
    rest: list[str] = []
    rest_category: str | None = None
    for clause in _clauses(text):
        reading = read(clause)
        keys = [key(word) for word in reading.words]
        found = want_hits(reading.tokens, keys)
        ranked = rank(reading.tokens, keys)
        best = ranked.best if ranked.scores and ranked.scores[0][1] >= ANOTHER else None
        introduced = introduced or "another" in found
        good = "resolved" in found and "unresolved" not in found
        if rest or (best not in (None, "corruption") and _is_apart(best, first, solved, introduced, good)):
            rest.append(clause)
            rest_category = rest_category or best
            continue
        solved = solved or good or ("yes" in found and "no" not in found and len(keys) <= 3)
        first = first or best
    return ". ".join(rest), rest_category, solved


def _verdict(text: str, reading: Reading, keys: Sequence[str], found: dict[str, list[Hit]], said: Wants) -> Verdict:
    size = len(reading.tokens)
    hand = thumb(text)
    if size == 0:
        if hand is None:
            return Verdict.STATUS_QUERY if said.status else Verdict.UNCLEAR
        return Verdict.SATISFIED if hand else Verdict.UNSATISFIED
    if "not_ours" in found:
        return Verdict.UNCLEAR
    if "later" in found and not _denies(found):
        return Verdict.UNCLEAR
    if said.unresolved or hand is False:
        return Verdict.UNSATISFIED
    if said.status:
        return Verdict.STATUS_QUERY
    if "laugh" in found:
        return Verdict.UNCLEAR
    if said.resolved:
        return _unless_troubled(text, reading, keys, found)
    if said.correction:
        return Verdict.UNCLEAR
    if "no" in found:
        return Verdict.UNCLEAR if "but" in found and "yes" in found else Verdict.UNSATISFIED
    if _troubled(reading, keys, found):
        return Verdict.UNSATISFIED if size > 2 else Verdict.UNCLEAR
    if "ok" in found:
        return Verdict.UNCLEAR
    if "yes" in found and size <= 6 and "but" not in found:
        return Verdict.SATISFIED
    if said.thanks and size >= 4 and "but" not in found:
        return Verdict.SATISFIED
    if hand and size <= 3:
        return Verdict.SATISFIED
    return Verdict.UNCLEAR


def _denies(found: dict[str, list[Hit]]) -> bool:
    """Whether something beyond "not finished yet" says that it is not solved."""
    soft = {"pura nahi", "पूरा नहीं", "not yet", "aadha", "half"}
    return any(hit.phrase.written not in soft for hit in found.get("unresolved", ()))


def _troubled(reading: Reading, keys: Sequence[str], found: dict[str, list[Hit]]) -> bool:
    """Words of trouble outside the phrases that say it is solved."""
    covered = {at for hit in found.get("resolved", ()) for at in range(hit.start, hit.end)}
    tokens = [token for at, token in enumerate(reading.tokens) if at not in covered]
    left = [sound for at, sound in enumerate(keys) if at not in covered]
    return kinds.signs(tokens, left)["complaint"] >= 1


def _unless_troubled(plain: str, reading: Reading, keys: Sequence[str], found: dict[str, list[Hit]]) -> Verdict:
    """Satisfied, unless a word of trouble, a question or irony stands by it; then it is not clear."""
    covered = {
        at
        for hit in (*found["resolved"], *(hit for hit in found.get("no", ()) if hit.start < 2))
        for at in range(hit.start, hit.end)
    }
    places = [at for at in range(len(keys)) if at not in covered]
    left = kinds.signs([reading.tokens[at] for at in places], [keys[at] for at in places])
    contrast = max((hit.start for hit in found.get("but", ())), default=None)
    if contrast is not None:
        after = [at for at in places if at > contrast]
        behind = kinds.signs([reading.tokens[at] for at in after], [keys[at] for at in after])
        if behind["complaint"] and not any(hit.start > contrast for hit in found["resolved"]):
            return Verdict.UNSATISFIED
        if after and "soft" not in found and not any(hit.start > contrast for hit in found["resolved"]):
            return Verdict.UNCLEAR  # "it is done, but ..."
    if left["complaint"] or left["sarcasm"] or plain.rstrip().endswith("?"):
        return Verdict.UNCLEAR
    return Verdict.SATISFIED


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
    plain = normal(text)
    hidden = [(piece.start, piece.end) for piece in personal_data(plain)] + list(find_numbers(plain)[2])
    bare = dotted(plain, hidden).replace("•", " ")
    reading = read(bare)
    keys = [key(word) for word in reading.words]
    found = want_hits(reading.tokens, keys)
    said = wants(plain, found, len(reading.tokens))
    place = _where(reading, keys, district_choices, asked)
    if place.negated and (place.district or place.choices):
        said = replace(said, correction=True)
    ranked = rank(reading.tokens, keys, place.spans)
    code, offers = chosen(ranked, NAMED)
    if asked in (Asked.CATEGORY, Asked.BOTH) and (named := named_category(keys)) is not None:
        code, offers = named, ()
    meant = corrected_category(reading.tokens, keys, found, place.spans)
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
        offered = [one for one, _ in ranked.scores[:3] if one in category_choices]
        code = offered[0] if len(offered) == 1 else None
    alone = len(reading.tokens) <= 2 or meant is not None
    rest, rest_category, solved = ("", None, False) if alone else _other_matter(bare, category)
    verdict: Verdict | None = None
    if asked is Asked.SATISFACTION:
        verdict = _verdict(plain, reading, keys, found, said)
        if rest and rest_category:
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
        reasons=(*place.reasons, *ranked.reasons, *(hit.phrase.written for hits in found.values() for hit in hits)),
    )
