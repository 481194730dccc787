"""A category put right: "not power, garbage", "bijli nahi, paani ki shikayat hai".

Owns this one shape of sentence, which must say nothing else. It must not know the ticket. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from handlers.understanding.category import lexicon, rank
from handlers.understanding.official_names import named_category
from handlers.understanding.phrases import Hit
from handlers.understanding.taxonomy import taxonomy
from handlers.understanding.text import Token

LONGEST = 14  # words above which a sentence tells more than a correction
HINTS = ("matter_word", "polite", "yes", "correction", "wrong", "but")

Span = tuple[int, int]


def corrected_category(
    tokens: Sequence[Token], keys: Sequence[str], found: Mapping[str, Sequence[Hit]], places: Sequence[Span] = ()
) -> str | None:
    """The category meant, where the words only deny one and name another; `places` are token spans of place names."""
    negations = sorted({hit.start for hit in found.get("negates", ())})
    if len(negations) != 1 or len(tokens) > LONGEST:
        return None
    at = negations[0]
    filler = {place for sign in HINTS for hit in found.get(sign, ()) for place in range(hit.start, hit.end)}
    filler |= {place for start, end in places for place in range(start, end)}
    hits = [hit for hit in lexicon().find(tokens, keys) if not hit.start <= at < hit.end]
    for denied in (_before(at, hits, filler, tokens, found), _after(at, hits, filler)):
        if denied and (meant := _meant(denied, at, tokens, keys, hits, filler)):
            return meant
    return None


def _before(
    at: int, hits: Sequence[Hit], filler: set[int], tokens: Sequence[Token], found: Mapping[str, Sequence[Hit]]
) -> Hit | None:
    """What stands before "nahi": "bijli nahi, ...", "bijli ki shikayat nahi hai, ..."."""
    if tokens[at].surface == "not":
        return None
    end = at
    ends = {hit.end for hit in hits}
    while end > 0 and end not in ends and end - 1 in filler:
        end -= 1
    verbs = {hit.start for hit in found.get("is_word", ())}
    if end == at and at + 1 in verbs:
        return None  # "bijli nahi hai" complains
    return max((hit for hit in hits if hit.end == end), key=lambda hit: hit.end - hit.start, default=None)


def _after(at: int, hits: Sequence[Hit], filler: set[int]) -> Hit | None:
    """What stands after "not": "not power", "not about the water"."""
    start = at + 1
    starts = {hit.start for hit in hits}
    while start not in starts and start in filler:
        start += 1
    return max((hit for hit in hits if hit.start == start), key=lambda hit: hit.end - hit.start, default=None)


def _meant(
    denied: Hit, at: int, tokens: Sequence[Token], keys: Sequence[str], hits: Sequence[Hit], filler: set[int]
) -> str | None:
    """The category of the rest, when nothing but fillers stands round it."""
    gone = {at, *range(denied.start, denied.end)}
    named = {place for hit in hits for place in range(hit.start, hit.end) if not gone & set(range(hit.start, hit.end))}
    if any(place not in gone | named | filler for place in range(len(tokens))):
        return None
    rest = [place for place in range(len(tokens)) if place not in gone]
    sounds = [keys[place] for place in rest]
    ranked = rank([tokens[place] for place in rest], sounds)
    meant = named_category(sounds) or ranked.best
    categories = taxonomy().categories
    if meant is None or categories[meant].base == categories[denied.phrase.code].base:
        return None
    return meant
