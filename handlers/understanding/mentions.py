"""Names of places in a text: where they stand, which places each may mean, and what speaks for and against each.

Owns the finding of names, misspelt ones included, and the signs around them (data/place_cues.tsv). It must not weigh
them. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from handlers.understanding.gazetteer import (
    CHIEF,
    LEAST_FOR_EDIT,
    LIKE,
    OUTSIDE,
    VERY_LIKE,
    VILLAGE,
    Name,
    Place,
    gazetteer,
    likeness,
    one_edit,
)
from handlers.understanding.key import flapped, key
from handlers.understanding.tables import compiled, remembered, tsv_rows
from handlers.understanding.text import Reading, Token

TOWNS = CHIEF | {
    *(
        "town",
        "sub_tehsil",
        "locality",
        "colony",
        "society",
        "sector",
        "chowk",
        "market",
        "road",
        "station",
        "landmark",
    ),
    *("hospital", "college", "industry", "urban village", "agency", "abbreviation"),
}
WITHIN = frozenset({"sector", "colony", "society", "chowk", "market", "road", "landmark"})
COLONIES = frozenset({"locality", "colony", "society", "chowk", "market", "road", "landmark"})
MANY_TOWNS = 3  # districts whose colonies begin with one word
SHORT_KEY = 5  # a single word whose key is shorter is a place only in a spelling on file
LEAST_VILLAGE = 5  # letters of a village's name met only by its key


class Mention(NamedTuple):
    """A name at token positions `start` to `end`, the places it may mean, and the signs that speak about it."""

    start: int
    end: int
    written: str
    places: tuple[Place, ...]
    signs: tuple[str, ...]

    @property
    def districts(self) -> frozenset[str]:
        """Districts (or states) the name may mean."""
        return frozenset(place.district for place in self.places)

    @property
    def is_outside(self) -> bool:
        """Whether every place it may mean lies outside Haryana."""
        return all(place.kind == OUTSIDE for place in self.places)


@compiled
def cues() -> dict[str, frozenset[str]]:
    """Words around a place name, by what they tell (data/place_cues.tsv), as keys."""
    table: dict[str, set[str]] = {}
    for _, (tells, words) in tsv_rows("place_cues.tsv", 2):
        table.setdefault(tells, set()).update(key(word) for word in words.split())
    return {tells: frozenset(words) for tells, words in table.items()}


class _Match(NamedTuple):
    end: int
    places: tuple[Place, ...]
    how: str  # exact | key | edit
    villages: frozenset[str] = frozenset()  # districts with a village that sounds the same
    also_outside: bool = False


def _written(tokens: Sequence[Token], start: int, end: int) -> str:
    if end == start + 1:
        return tokens[start].surface
    return " ".join(token.surface for token in tokens[start:end])


@remembered(100_000)
def _alone(surface: str, sounding: str) -> _Match | None:
    """A name of one word; its end is left at 1."""
    filed = gazetteer().names.by_keys.get((sounding,))
    if filed is None or surface in gazetteer().never:
        return None
    villages = frozenset(place.district for place in filed.places if place.kind == VILLAGE)
    if exact := filed.spellings.get(surface):
        return _Match(1, tuple(exact), "exact", villages)
    found = _by_key(filed, surface, sounding, 1)
    return _Match(1, found, "key", villages) if found else None


class _Start(NamedTuple):
    """How a word may begin a place's name: by itself, or with one of these words behind it."""

    alone: bool
    followed_by: frozenset[str]


@compiled
def _seconds() -> dict[str, frozenset[str]]:
    """First key of names of several words -> the keys that may follow."""
    seconds: dict[str, set[str]] = {}
    for keys in gazetteer().names.by_keys:
        if len(keys) > 1:
            seconds.setdefault(keys[0], set()).add(keys[1])
    return {first: frozenset(following) for first, following in seconds.items()}


@remembered(100_000)
def _start_of(surface: str, sounding: str) -> _Start | None:
    """How a word may begin a place's name; None when it cannot."""
    names, never = gazetteer().names, gazetteer().never
    alone = sounding in names.longest and _alone(surface, sounding) is not None
    if not alone and not surface.isascii():
        alone = flapped(surface) in names.longest
    if not alone and len(surface) >= LEAST_FOR_EDIT and surface not in never:
        alone = bool(one_edit(surface))
    followed_by = _seconds().get(sounding, frozenset())
    return _Start(alone, followed_by) if alone or followed_by else None


def _match(tokens: Sequence[Token], keys: Sequence[str], at: int) -> _Match | None:
    """Longest name on file that stands at a position."""
    names, never = gazetteer().names, gazetteer().never
    for size in range(min(names.longest[keys[at]], len(keys) - at), 1, -1):
        filed = names.by_keys.get(tuple(keys[at : at + size]))
        if filed is None or tokens[at].clause != tokens[at + size - 1].clause:
            continue
        surface = _written(tokens, at, at + size)
        if surface in never:
            continue
        villages = frozenset(place.district for place in filed.places if place.kind == VILLAGE)
        if exact := filed.spellings.get(surface):
            return _Match(at + size, tuple(exact), "exact", villages)
        if found := _by_key(filed, surface, keys[at], size):
            return _Match(at + size, found, "key", villages)
    alone = _alone(tokens[at].surface, keys[at])
    return alone._replace(end=at + 1) if alone else None


def _by_key(filed: Name, surface: str, first: str, size: int) -> tuple[Place, ...]:
    """Places that only sound like the word and look like it too."""
    places = filed.places
    if len(surface) < 4 and surface.isascii():
        return ()
    least = LIKE
    if size == 1 and len(first) < SHORT_KEY:
        if surface.isascii() and not any(place.kind == "district" for place in places):
            return ()
        least = VERY_LIKE if not surface.isascii() else LIKE
    if size == 1 and surface.isascii() and len(surface) < LEAST_VILLAGE:
        places = [place for place in places if place.kind != VILLAGE]
    if not places or likeness(surface, frozenset(filed.spellings)) < least:
        return ()
    return tuple(places)


def _meant(match: _Match, surface: str) -> tuple[Place, ...]:
    """The places a match may mean; a road called after a town of another district may be meant in either."""
    places = _trusted(match.places)
    if any(place.kind == "road" for place in places):
        called_after = gazetteer().names.by_spelling.get(surface, ())
        places += tuple(place for place in called_after if place.kind in CHIEF)
    return places


def _trusted(places: Sequence[Place]) -> tuple[Place, ...]:
    """Of places with one name, those meant by most people: a district before towns before villages."""
    home = [place for place in places if place.kind != OUTSIDE] or list(places)
    districts = tuple(place for place in home if place.kind == "district")
    towns = tuple(place for place in home if place.kind in TOWNS)
    return districts or towns or tuple(home)


def mentions(reading: Reading, keys: Sequence[str], *, answering: bool = False) -> list[Mention]:
    """Every name of a place, left to right, the longest at each position. `answering`: the text answers our question."""
    book, tokens = gazetteer(), reading.tokens
    longest, never = book.names.longest, book.never
    found: list[tuple[int, _Match]] = []
    at = 0
    while at < len(tokens):
        surface = tokens[at].surface
        start = _start_of(surface, keys[at])
        if start is None or not (start.alone or (at + 1 < len(keys) and keys[at + 1] in start.followed_by)):
            at += 1
            continue
        match = _match(tokens, keys, at) if keys[at] in longest else None
        if match is None and not surface.isascii() and (other := flapped(surface)) in longest:
            match = _match(tokens, (*keys[:at], other, *keys[at + 1 :]), at)
        if match is None and len(surface) >= LEAST_FOR_EDIT and surface not in never and (near := one_edit(surface)):
            match = _Match(at + 1, near, "edit")
        if match is None or (surface in book.met_as_words and _is_mere_word(match, keys, at)):
            at += 1
            continue
        places = _meant(match, surface)
        outside = any(place.kind == OUTSIDE for place in match.places) and places[0].kind != OUTSIDE
        found.append((at, match._replace(places=places, also_outside=outside)))
        at = match.end
    if not found:
        return []
    found = _within_towns(found)
    proper = _writes_capitals(reading)
    return [
        Mention(
            start,
            match.end,
            _written(tokens, start, match.end),
            match.places,
            tuple(_signs(reading, keys, start, match, proper, answering)),
        )
        for start, match in found
    ]


def _within_towns(found: list[tuple[int, _Match]]) -> list[tuple[int, _Match]]:
    """A sector, colony or road whose name stands right beside a town's lies in that town: "Sector 11 Hisar"."""
    settled = []
    for place, (start, match) in enumerate(found):
        beside = [other for at, other in found[place + 1 : place + 2] if at == match.end]
        beside += [other for _, other in found[max(0, place - 1) : place] if other.end == start]
        towns = next((_towns(other) for other in beside if _towns(other)), ())
        own = match.places[0]
        inside = towns and all(one.kind in WITHIN for one in match.places)
        places = tuple(Place(own.name, own.kind, one.district) for one in towns) if inside else match.places
        settled.append((start, match._replace(places=places)))
    return settled


def _towns(match: _Match) -> tuple[Place, ...]:
    return tuple(place for place in match.places if place.kind in CHIEF)


def _is_mere_word(match: _Match, keys: Sequence[str], at: int) -> bool:
    """Whether a village's name that posts use as a word stands there without anything that calls it a village."""
    if match.end > at + 1 or any(place.kind != VILLAGE for place in match.places):
        return False
    near = (*keys[max(0, at - 2) : at], *keys[at + 1 : at + 3])
    return cues()["village"].isdisjoint(near)


def _writes_capitals(reading: Reading) -> bool:
    """Whether capitals tell anything in this text: it has some, and is not written in capitals throughout."""
    starts = [reading.text[token.start] for token in reading.tokens]
    capitals = sum(char.isupper() for char in starts)
    return 0 < capitals <= max(2, 0.5 * len(starts))


def _signs(
    reading: Reading, keys: Sequence[str], start: int, match: _Match, proper: bool, answering: bool
) -> Iterator[str]:
    yield from _of_the_name(reading, keys, start, match, proper)
    yield from _before(reading.tokens, keys, start)
    yield from _after(reading.tokens, keys, start, match.end)
    if answering:
        left = len(keys) - (match.end - start)
        yield "answer: alone" if not left else "answer: nearly alone" if left <= 2 else "answer: beside other words"
        if start == 0:
            yield "answer: begins with it"


def _of_the_name(reading: Reading, keys: Sequence[str], start: int, match: _Match, proper: bool) -> Iterator[str]:
    """What kind of place it is, how it was found, and how it is written."""
    places = match.places
    kinds = {place.kind for place in places}
    kind = next(iter(kinds)) if len(kinds) == 1 else ("town" if kinds & CHIEF else "several kinds")
    yield f"kind: {'ulb' if kind in CHIEF and kind != 'district' else kind}"
    yield f"found: {match.how}"
    many = len({place.district for place in places})
    if many > 1:
        yield "districts: 2" if many == 2 else "districts: 3 or more"
    if match.end - start > 1 and reading.tokens[start].surface in common_first_words():
        yield "a name of many towns"
    if kind == "sector" and reading.tokens[match.end - 1].surface.isdigit():
        yield "sector up to 60" if int(reading.tokens[match.end - 1].surface) <= 60 else "sector above 60"
    elsewhere = match.villages - {place.district for place in places}
    if elsewhere and kind != "district":
        yield "villages elsewhere" if len(elsewhere) < 3 else "villages elsewhere: 3 or more"
    if match.also_outside:
        yield "also outside"
    surface = _written(reading.tokens, start, match.end)
    if match.end - start > 1:
        yield "words: 2 or more"
    elif len(surface) <= 4:
        yield "letters: 4 or fewer"
    cue = gazetteer().everyday.get(surface)
    if kind != "district" and surface in gazetteer().met_as_words:
        yield "met as a word"
    if cue:
        yield f"everyday word: {cue}"
        following = keys[match.end] if match.end < len(keys) else ""
        if following in cues()["verb"]:
            yield "everyday word, before a verb"
    first = reading.text[reading.tokens[start].start]
    if first.isascii() and proper:
        opening = start == 0 or reading.tokens[start - 1].clause != reading.tokens[start].clause
        capital = "capital" if first.isupper() else "small letter"
        yield f"{capital}, opening" if opening else capital
        if cue:
            yield f"everyday word, {capital}"


@compiled
def common_first_words() -> frozenset[str]:
    """First words of colonies' names that many towns use: shiv, krishna, subhash, azad ..."""
    towns: dict[str, set[str]] = {}
    for name, places in gazetteer().names.by_spelling.items():
        first, _, rest = name.partition(" ")
        if rest:
            named = {place.district for place in places if place.kind in COLONIES}
            towns.setdefault(first, set()).update(named)
    return frozenset(first for first, named in towns.items() if len(named) >= MANY_TOWNS)


def _before(tokens: Sequence[Token], keys: Sequence[str], start: int) -> Iterator[str]:
    words = cues()
    if start == 0:
        yield "first word"
        return
    last = keys[start - 1]
    for tells in ("in", "near", "from_en", "village", "town", "numbered_colony", "not_before", "possessive"):
        if last in words[tells]:
            yield f"before: {tells}"
    if tokens[start - 1].surface.isdigit():
        yield "before: number"
    if tokens[start - 1].clause != tokens[start].clause:
        yield "before: new clause"
    near = keys[max(0, start - 3) : start]
    if any(word in words["home"] for word in near):
        yield "near: home"
    if any(word in words["village"] for word in near[:-1]):
        yield "near: village"


def _after(tokens: Sequence[Token], keys: Sequence[str], start: int, end: int) -> Iterator[str]:
    words = cues()
    clause = tokens[start].clause
    if end >= len(tokens):
        yield "last word"
        return
    if tokens[end].clause != clause:
        yield "after: clause ends"
        if start == 0 or tokens[start - 1].clause != clause:
            yield "a clause of its own"
        return
    following = keys[end]
    second = keys[end + 1] if end + 1 < len(keys) and tokens[end + 1].clause == clause else ""
    for tells in (
        "locative",
        "genitive",
        "from",
        "road",
        "village",
        "town",
        "office",
        "named_after",
        "outer",
        "carrier",
        "verb",
    ):
        if following in words[tells]:
            yield f"after: {tells}"
    if following in words["of"] and second in words["beside"]:
        yield "after: beside"
    if following in words["not"]:
        yield "after: not, verb" if second in words["not_verb"] else "after: not"
    if following in words["from"] and any(word in words["going"] for word in keys[end + 1 : end + 4]):
        yield "after: from, going"
    if following in words["sent_to"] or second in words["sent_to"]:
        yield "after: sent to"
    near = keys[end : end + 3]
    comes_from = following in words["of"] and second in words["being"]
    if any(word in words["home"] for word in near) or (
        comes_from and any(word in words["we"] for word in keys[max(0, start - 3) : start])
    ):
        yield "near: home"
    if any(word in words["village"] for word in near[1:]):
        yield "near: village"
