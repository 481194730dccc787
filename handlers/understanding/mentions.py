"""Names of places in a text: where they stand and which places each may mean.

Owns the finding of names, misspelt ones included. It must not weigh them against each other. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from handlers.understanding.gazetteer import TRUST, Names, Place, gazetteer, one_edit, surface_fits
from handlers.understanding.key import key
from handlers.understanding.tables import tsv_rows
from handlers.understanding.text import Reading, Token

SHORT_KEY = 5  # a single word whose key is shorter is a place only in a spelling on file


@dataclass(frozen=True, slots=True)
class Mention:
    """A name found at token positions `start` to `end`, with the districts it may mean and its weight."""

    start: int
    end: int
    written: str
    places: tuple[Place, ...]
    weight: float

    @property
    def districts(self) -> frozenset[str]:
        """Districts (or states) the name may mean."""
        return frozenset(place.district for place in self.places)


@cache
def cues() -> dict[str, frozenset[str]]:
    """Words around a place name, by what they tell (data/place_cues.tsv), as keys."""
    table: dict[str, set[str]] = {}
    for _, (tells, words) in tsv_rows("place_cues.tsv", 2):
        table.setdefault(tells, set()).update(key(word) for word in words.split())
    return {tells: frozenset(words) for tells, words in table.items()}


def around(keys: Sequence[str], span: tuple[int, int], tells: str, before: int, after: int) -> bool:
    """Whether a cue stands within `before` words before or `after` words after a span."""
    words = cues()[tells]
    start, end = span
    near = (*keys[max(0, start - before) : start], *keys[end : end + after])
    return any(word in words for word in near)


def written(tokens: Sequence[Token], start: int, end: int) -> str:
    """Surfaces of a span of tokens."""
    return " ".join(token.surface for token in tokens[start:end])


@dataclass(frozen=True, slots=True)
class _Match:
    end: int
    places: tuple[Place, ...]
    exact: bool


def _match(names: Names, tokens: Sequence[Token], keys: Sequence[str], at: int) -> _Match | None:
    """Longest name of `names` that stands at a position."""
    for size in range(min(names.longest.get(keys[at], 0), len(keys) - at), 0, -1):
        sounding = tuple(keys[at : at + size])
        found = names.by_keys.get(sounding)
        if not found or tokens[at].clause != tokens[at + size - 1].clause:
            continue
        surface = written(tokens, at, at + size)
        if surface in gazetteer().never:
            continue
        exact = names.exact.get(surface)
        if exact:
            return _Match(at + size, tuple(exact), True)
        if size == 1 and len(sounding[0]) < SHORT_KEY and not _well_known(found):
            continue
        if len(surface) >= 4 and surface_fits(surface, frozenset(names.surfaces[sounding])):
            return _Match(at + size, tuple(found), False)
    return None


def _well_known(places: Sequence[Place]) -> bool:
    return any(place.kind == "district" for place in places)


def _village(tokens: Sequence[Token], keys: Sequence[str], at: int, best: _Match | None, free: bool) -> _Match | None:
    """A village at a position, when a cue (gaon, VPO, panchayat) stands by it or `free` says none is needed."""
    found = _match(gazetteer().villages, tokens, keys, at)
    if found is None or (best is not None and best.end >= found.end):
        return None
    if not (free or around(keys, (at, found.end), "village", 2, 2)):
        return None
    if found.end == at + 1 and any(keys[at] in cues()[tells] for tells in ("village", "town", "road", "numbered")):
        return None  # "thana" is a village too
    return found if found.exact or len(tokens[at].surface) >= 5 else None


def mentions(reading: Reading, keys: Sequence[str], *, free_villages: bool) -> list[Mention]:
    """Every name of a place, left to right, the longest at each position."""
    book = gazetteer()
    tokens = reading.tokens
    found: list[Mention] = []
    at = 0
    while at < len(tokens):
        best = _match(book.places, tokens, keys, at)
        away = _match(book.outside, tokens, keys, at)
        if away and (best is None or away.end > best.end):
            found.append(Mention(at, away.end, written(tokens, at, away.end), away.places, 1.0))
            at = away.end
            continue
        best = _village(tokens, keys, at, best, free_villages) or best
        if best is None:
            guess = () if tokens[at].surface in book.never else one_edit(tokens[at].surface, free_villages)
            if guess:
                found.append(Mention(at, at + 1, tokens[at].surface, guess, 0.75))
            at += 1
            continue
        weight = max(TRUST[place.kind] for place in best.places) * (1.0 if best.exact else 0.9)
        found.append(Mention(at, best.end, written(tokens, at, best.end), _trusted(best.places), weight))
        at = best.end
    return found


def _trusted(places: Sequence[Place]) -> tuple[Place, ...]:
    """Drop villages and post offices where the same name is a town; keep all equals."""
    if _well_known(places):
        return tuple(place for place in places if place.kind == "district")
    towns = tuple(place for place in places if place.kind not in ("village", "post_office"))
    return towns or tuple(places)
