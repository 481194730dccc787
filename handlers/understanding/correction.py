"""A category put right: "not power, garbage", "bijli nahi, paani ki shikayat hai".

Owns this one shape of sentence, which must say nothing else. It must not know the ticket. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from handlers.understanding.concepts import concepts
from handlers.understanding.learned import judge
from handlers.understanding.official_names import named_category
from handlers.understanding.phrases import Hit
from handlers.understanding.taxonomy import base_of
from handlers.understanding.text import Reading
from handlers.understanding.thresholds import threshold
from handlers.understanding.topics import left_open

LONGEST = 14  # words above which a sentence tells more than a correction
HINTS = ("matter_word", "polite", "yes", "correction", "wrong", "but", "is_word")

Span = tuple[int, int]
Part = list[int]


def corrected_category(
    reading: Reading, keys: Sequence[str], found: Mapping[str, Sequence[Hit]], places: Sequence[Span] = ()
) -> str | None:
    """The category meant, where the words only deny one and name another; `places` are token spans of place names."""
    negations = sorted({hit.start for hit in found.get("negates", ())})
    if len(negations) != 1 or len(keys) > LONGEST:
        return None
    at = negations[0]
    filler = {place for sign in HINTS for hit in found.get(sign, ()) for place in range(hit.start, hit.end)}
    filler |= {place for start, end in places for place in range(start, end)}
    for denied, meant in _parts(reading, keys, at, found):
        left, right = ([place for place in part if place not in filler] for part in (denied, meant))
        if left and right and _only_names(reading, keys, left + right):
            no, yes = _category(reading, keys, left), _category(reading, keys, right)
            if no and yes and base_of(no) != base_of(yes):
                return yes
    return None


def _parts(
    reading: Reading, keys: Sequence[str], at: int, found: Mapping[str, Sequence[Hit]]
) -> Iterator[tuple[Part, Part]]:
    """What is denied and what is meant: "X nahi, Y", "Y, X nahi", "not X but Y", "Y, not X"."""
    clause, size = reading.tokens[at].clause, len(keys)
    before, after = list(range(at)), list(range(at + 1, size))
    if reading.tokens[at].surface == "not":
        here = [place for place in after if reading.tokens[place].clause == clause]
        cut = next((hit.start for hit in found.get("but", ()) if hit.start > at), None)
        denied = [place for place in here if cut is None or place < cut]
        yield denied, [place for place in range(size) if place != at and place not in denied]
        return
    verbs = {hit.start for hit in found.get("is_word", ())}
    topic = {place for hit in found.get("matter_word", ()) for place in range(hit.start, hit.end)}
    if at + 1 in verbs and not (at > 0 and at - 1 in topic):
        return  # "bijli nahi hai" complains
    here = [place for place in before if reading.tokens[place].clause == clause]
    yield here, [place for place in range(size) if place != at and place not in here]


def _only_names(reading: Reading, keys: Sequence[str], part: Part) -> bool:
    """Whether every word stands for something spoken of; a sentence that says more is no mere correction."""
    table = concepts()
    return all(table.of_word(reading.tokens[at].surface, keys[at]) for at in part)


def _category(reading: Reading, keys: Sequence[str], part: Part) -> str | None:
    sounds = [keys[at] for at in part]
    if named := named_category(sounds):
        return named
    if open_between := left_open(sounds):
        return open_between[0]
    hidden = frozenset(range(len(keys))) - frozenset(part)
    learned = judge(reading, keys, hidden, frozenset())
    best = learned.best(1)[0]
    return best if learned.categories[best] >= threshold("matter of a word") else None
