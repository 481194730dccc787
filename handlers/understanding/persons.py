"""Names of private persons in a text, told by the words around them and by a list of names.

Owns the signs around a word that may be a name, and their adding up. It must not know numbers or addresses. Pure. The
list (data/names.tsv) is of names as people bear them; what each sign says is learned from labelled posts
(data/name_weights.tsv). Leaders, offices, places and schemes bear names too: the signs tell them apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import exp

from handlers.understanding.gazetteer import CHIEF, gazetteer
from handlers.understanding.key import key
from handlers.understanding.tables import BadTable, compiled, remembered, tsv_rows
from handlers.understanding.text import Reading
from handlers.understanding.thresholds import threshold
from handlers.understanding.weights import weights

_STOPS = frozenset(".!?;:|।\n,()-–—\"'“”‘’/")
_QUOTES = frozenset("\"'“”‘’")
LEAST = 3  # letters of a name in Latin script
LISTED, CUE, UNKNOWN, NEVER = 1, 2, 3, 4
ALWAYS = "always"
DIGITS = 4  # of a number that may follow a name
PLACE_CUES = frozenset({"named", "road", "office", "town"})  # of place_cues.tsv
AROUND = 2  # words on each side that may say that a name stands here

Piece = tuple[str, int, int]


@compiled
def name_kinds() -> dict[str, str]:
    """Key of a name -> given, surname or both; with `word` behind it where it is an everyday word too."""
    kinds: dict[str, str] = {}
    for _, (names, kind, word) in tsv_rows("names.tsv", 3):
        for name in names.split("|"):
            sounding = key(name.strip().lower())
            told = f"{kind}, word" if word == "word" else kind
            kinds[sounding] = told if sounding not in kinds else min(kinds[sounding], told, key=len)
    return kinds


@compiled
def _weights() -> dict[str, float]:
    table = {}
    for number, (sign, weight) in tsv_rows("name_weights.tsv", 2):
        try:
            table[sign] = float(weight)
        except ValueError as error:
            raise BadTable(f"name_weights.tsv, line {number}: {weight!r} is no number.") from error
    return table


@compiled
def _beside() -> frozenset[str]:
    """Keys of words that often stand beside a name: those for which there is a weight."""
    return frozenset(sign.partition("=")[2] for sign in _weights() if "=" in sign)


def _stop_between(reading: Reading, left: int, right: int) -> bool:
    """Whether a stop, a dash or a quotation mark stands between two words."""
    between = reading.text[reading.tokens[left].end : reading.tokens[right].start]
    return between != " " and not _STOPS.isdisjoint(between)


@compiled
def _cues() -> dict[str, str]:
    """Key of a word beside which names stand, to what it tells (data/name_cues.tsv)."""
    return {key(word): tells for _, (tells, words) in tsv_rows("name_cues.tsv", 2) for word in words.split()}


@compiled
def _never() -> frozenset[str]:
    """Words that are never a name: July, Monday, Sir (data/not_person_names.tsv)."""
    return frozenset(word for _, (words, _) in tsv_rows("not_person_names.tsv", 2) for word in words.split())


@compiled
def _place_words() -> frozenset[str]:
    """Keys of words that make a place's name of a person's: Krishna Nagar, Subhash Chowk."""
    return frozenset(
        key(word)
        for _, (tells, words) in tsv_rows("place_cues.tsv", 2)
        if tells in PLACE_CUES
        for word in words.split()
    )


def _is_read_often(sounding: str) -> bool:
    """Whether a word is one that posts use: the weights know it."""
    return f"w:{sounding}" in weights().row_of


@remembered(100_000)
def _look(surface: str, sounding: str) -> int:
    """What a word is: LISTED, a word of kin (CUE), or one that nobody knows (UNKNOWN); 0 for the others and for short ones."""
    if sounding in _cues():
        return CUE
    if surface in _never():
        return NEVER
    if (len(surface) < LEAST and surface.isascii()) or surface.isdigit():
        return 0
    if sounding in name_kinds():
        return LISTED
    return 0 if _is_read_often(sounding) else UNKNOWN


def candidates(reading: Reading, keys: Sequence[str]) -> list[int]:
    """Places of words worth a look: listed, with a capital where none need be, or unknown beside a word for kin."""
    text, tokens = reading.text, reading.tokens
    looks = [_look(token.surface, keys[at]) for at, token in enumerate(tokens)]
    found = []
    for at, look in enumerate(looks):
        if look == LISTED:
            found.append(at)
        if look in (LISTED, NEVER):
            continue
        token = tokens[at]
        if at and text[token.start].isupper() and len(token.surface) >= LEAST:
            if not _stop_between(reading, at - 1, at):
                found.append(at)
        elif look == UNKNOWN and ((at and looks[at - 1] == CUE) or looks[at + 1 : at + 2] == [CUE]):
            found.append(at)
    return found


def signs_around(reading: Reading, keys: Sequence[str], at: int, known: frozenset[str]) -> Iterator[str]:
    """What speaks for and against a word's being a person's name; `known`: keys that may be told as neighbours."""
    tokens, text = reading.tokens, reading.text
    token, listed, cues = tokens[at], name_kinds(), _cues()
    kind, case = listed.get(keys[at], "no"), _case(text[token.start : token.end])
    yield f"list: {kind}"
    yield f"case: {case}"
    yield f"list and case: {kind}, {case}"
    if _is_read_often(keys[at]):
        yield "read often"
    if keys[at] in known:
        yield f"itself={keys[at]}"
    for side, step in (("before", -1), ("after", 1)):
        stop = False
        for far in range(1, AROUND + 1):
            place = at + step * far
            if not 0 <= place < len(tokens):
                if far == 1:
                    yield f"{side}: nothing"
                break
            stop = stop or _stop_between(reading, min(place, place - step), max(place, place - step))
            if not stop and keys[place] in cues:
                yield f"{side} {far}: {cues[keys[place]]}"
            if far == 1:
                yield f"{side}: {'list ' + listed[keys[place]] if keys[place] in listed else 'other'}"
                if stop:
                    yield f"{side}: a stop"
            if keys[place] in known:
                yield f"{side} {far}{', stop' if stop else ''}={keys[place]}"
    if at + 1 < len(tokens) and keys[at + 1] in _place_words():
        yield "before a word of places"
    places = gazetteer().names.by_keys
    if (at + 1 < len(keys) and tuple(keys[at : at + 2]) in places) or (at and tuple(keys[at - 1 : at + 1]) in places):
        yield "in the name of a place"
    elif any(place.kind in CHIEF for place in gazetteer().names.by_spelling.get(token.surface, ())):
        yield "the name of a town"
    if token.start and text[token.start - 1] in _QUOTES:
        yield "quoted"
    if at + 1 < len(tokens) and len(tokens[at + 1].surface) >= DIGITS and tokens[at + 1].surface.isdigit():
        yield "a number behind"
    if keys.count(keys[at]) > 1:
        yield "said twice"


def _case(written: str) -> str:
    if not written[0].isascii():
        return "none"
    if written.isupper():
        return "all capitals"
    return "capital" if written[0].isupper() else "small"


def believed(signs: Iterator[str]) -> float:
    """Share of words with these signs that are a person's name, 0..1."""
    table = _weights()
    total = table[ALWAYS]
    for sign in signs:
        total += table.get(sign, 0.0)
    return 1.0 / (1.0 + exp(-max(-30.0, min(30.0, total))))


def person_names(reading: Reading, keys: Sequence[str]) -> Iterator[Piece]:
    """Names of persons: (`name`, start, end)."""
    known, least = _beside(), threshold("person's name")
    for at in candidates(reading, keys):
        if believed(signs_around(reading, keys, at, known)) >= least:
            token = reading.tokens[at]
            yield "name", token.start, token.end
