"""A text cut into clauses, and the matter that each is plainly about.

Owns the cutting. It must not know questions or tickets. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from handlers.understanding.key import key
from handlers.understanding.learned import judge, signs_of
from handlers.understanding.place import where
from handlers.understanding.taxonomy import base_of
from handlers.understanding.text import Reading, read
from handlers.understanding.thresholds import threshold

MOST = 12  # clauses of one text that are looked at
LEAST_WORDS = 3  # words that name a matter of their own
VAGUE = frozenset({"corruption", "other"})  # said of any office beside any matter
# `\w` does not hold the vowel signs of Devanagari and Gurmukhi: without them पर would be found in परिवार.
_LETTER = r"[\w\u0900-\u097f\u0a00-\u0a7f]"
_BUT = re.compile(
    rf"[.!?।;\n,]+|(?<!{_LETTER})(?:par|lekin|but|magar|however|although|पर|लेकिन|मगर|ਪਰ)(?!{_LETTER})",
    re.IGNORECASE,
)
_AND = re.compile(rf"(?<!{_LETTER})(?:and|aur|और|ਤੇ|ਅਤੇ)(?!{_LETTER})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Clause:
    """A clause with its words and the category it is plainly about, if any."""

    text: str
    reading: Reading
    keys: list[str]
    category: str | None


def clauses(text: str) -> list[Clause]:
    """A message cut at stops and at words of contrast; each clause keeps its own words."""
    return [_read(part) for part in (piece.strip() for piece in _BUT.split(text)) if part][:MOST]


def _read(text: str) -> Clause:
    reading = read(text)
    keys = [key(word) for word in reading.words]
    return Clause(text, reading, keys, _category(reading, keys))


def _category(reading: Reading, keys: list[str]) -> str | None:
    place = where(reading, keys)
    hidden = frozenset(at for start, end in place.spans for at in range(start, end))
    marks = signs_of(reading.text, len(keys), district=place.district is not None, away=place.outside is not None)
    learned = judge(reading, keys, hidden, marks)
    best = learned.best(1)[0]
    plain = learned.categories[best] >= threshold("matter of a clause") and learned.no_matter < threshold("no matter")
    return best if plain else None


def other_matters(text: str, mine: Collection[str]) -> tuple[str, ...]:
    """Categories that clauses of a text are plainly about, besides `mine`."""
    bases = {base_of(code) for code in mine}
    found: list[str] = []
    for piece in (part for whole in _BUT.split(text) for part in _AND.split(whole)):
        clause = _read(piece.strip())
        code = clause.category
        if code is None or code in VAGUE or len(clause.keys) < LEAST_WORDS or base_of(code) in bases:
            continue
        bases.add(base_of(code))
        found.append(code)
    return tuple(found[:MOST])
