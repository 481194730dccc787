"""What the words of a locality name: numbers of wards, sectors and the like, and names of colonies and villages.

Owns the reading of a locality that was found before (place.py), so that two of them can be compared across spellings and
scripts. It must not know what is complained of. Pure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from rapidfuzz import fuzz

from handlers.understanding.key import key
from handlers.understanding.text import ascii_digits

_WORD = re.compile(r"\d+|[a-z]+|[\u0900-\u097f]+|[\u0a00-\u0a7f]+")
ALIKE = 85.0  # ratio of two words' keys from which they are one word: Model Town, Modal Town
LONG = 4  # letters of a key
_WRITTEN = {
    "sector": ("sector", "sec", "sektor", "सेक्टर", "सैक्टर", "ਸੈਕਟਰ"),
    "ward": ("ward", "vard", "वार्ड", "ਵਾਰਡ"),
    "phase": ("phase", "ph", "फेज", "फेस", "ਫੇਜ਼"),
    "feeder": ("feeder", "फीडर", "ਫੀਡਰ"),
    "block": ("block", "ब्लॉक", "ਬਲਾਕ"),
    "tower": ("tower", "टावर"),
    "lane": ("gali", "street", "lane", "गली", "ਗਲੀ"),
}
_EMPTY = ("no", "number", "num", "nambar", "नंबर", "नम्बर", "नं", "ਨੰਬਰ", "gaon", "gaanv", "village", "गांव", "ਪਿੰਡ", "near")


@dataclass(frozen=True, slots=True)
class Spot:
    """A place smaller than a district: `numbers` are pairs of kind and number; `names` are in key space."""

    numbers: frozenset[tuple[str, str]] = frozenset()
    names: frozenset[str] = frozenset()

    def of_kind(self, kind: str) -> frozenset[str]:
        """The numbers of this kind."""
        return frozenset(number for one, number in self.numbers if one == kind)

    def shares_name(self, other: Spot) -> bool:
        """Is a name of the one a name of the other, however spelled?"""
        return any(_alike(mine, theirs) for mine in self.names for theirs in other.names)

    def narrowed(self, other: Spot) -> Spot:
        """Where both are: of each kind what both name, or what the one names of which the other is silent."""
        kinds = {kind for kind, _ in (*self.numbers, *other.numbers)}
        numbers = {(kind, one) for kind in kinds for one in _both(self.of_kind(kind), other.of_kind(kind))}
        shared = frozenset(mine for mine in self.names if any(_alike(mine, theirs) for theirs in other.names))
        return Spot(frozenset(numbers), shared if self.names and other.names else self.names | other.names)


def _both(mine: frozenset[str], theirs: frozenset[str]) -> frozenset[str]:
    return mine & theirs or mine or theirs


@lru_cache(maxsize=4096)
def spot_of(locality: str | None, district: str | None) -> Spot:
    """The spot that a locality names; the district's own name says nothing within it."""
    numbers: set[tuple[str, str]] = set()
    names: set[str] = set()
    kinds, empty = _kinds(), _empty() | _district(district)
    for piece in ascii_digits(locality or "").casefold().split(","):
        words = [(word, key(word)) for word in _words(piece)]
        named, kind = [], None
        for word, sounding in words:
            if word.isdigit():
                if kind is not None:
                    numbers.add((kind, str(int(word))))
                else:
                    named.append(str(int(word)))
                kind = None
            elif sounding in kinds:
                kind = kinds[sounding]
            elif sounding not in empty:
                named.append(sounding)
                kind = None
        if any(not part.isdigit() for part in named):
            names.add(" ".join(named))
    return Spot(frozenset(numbers), frozenset(names))


def _words(text: str) -> list[str]:
    """Words with their vowel signs, and numbers apart from letters: ward7 is ward 7."""
    return _WORD.findall(text)


def _alike(one: str, other: str) -> bool:
    """One name in two spellings: word by word, for short words and numbers are no spelling of others."""
    mine, theirs = one.split(), other.split()
    return len(mine) == len(theirs) and all(map(_spells, mine, theirs))


def _spells(one: str, other: str) -> bool:
    return one == other or (min(len(one), len(other)) >= LONG and fuzz.ratio(one, other) >= ALIKE)


def place_keys(spot: Spot, district: str | None) -> frozenset[str]:
    """The words that only say where it is."""
    of_names = (word for name in spot.names for word in name.split())
    return frozenset((*_kinds(), *_empty(), *_district(district), *of_names))


def _district(district: str | None) -> set[str]:
    return {key(word) for word in (district or "").casefold().split()}


@lru_cache(maxsize=1)
def _kinds() -> dict[str, str]:
    return {key(word): kind for kind, words in _WRITTEN.items() for word in words}


@lru_cache(maxsize=1)
def _empty() -> frozenset[str]:
    return frozenset(key(word) for word in _EMPTY)
