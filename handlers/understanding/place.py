"""Where the trouble is: mentions of places, weighed into a district, a choice of two or three, or another state.

Owns the weighing. It must not know categories or answers. Pure. Weights as measured for the gazetteer
(exact 1, by key .9, a road's name .65, the writer's own home .5, an everyday word without a cue .4).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from handlers.understanding.gazetteer import Gazetteer, gazetteer
from handlers.understanding.key import key
from handlers.understanding.mentions import Mention, around, cues, mentions
from handlers.understanding.text import Reading, Token, open_name

_HARYANA = key("haryana")
ACCEPT = 0.6  # a district is taken from this score on
TORN = 0.75  # ... when the runner-up stays below this share of it
_PINCODE = re.compile(r"(?<!\d)(1[2-3]\d{4})(?!\d)")
_STD = re.compile(r"(?<!\d)(0\d{3,4})(?!\d)")
_PLATE = re.compile(r"\bHR[\s-]?(\d{2})[\s-]?[A-Z]{0,3}[\s-]?\d{0,4}\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class WhereRead:
    """Result of reading a text for its place."""

    district: str | None = None
    choices: tuple[str, ...] = ()
    locality: str | None = None
    rural: bool | None = None
    outside: str | None = None
    negated: bool = False  # "not Hisar": a correction
    spans: tuple[tuple[int, int], ...] = ()  # token positions that are part of place names
    reasons: tuple[str, ...] = ()


def _weighed(mention: Mention, keys: Sequence[str], tokens: Sequence[Token], others: bool, alone: bool) -> Mention:
    """Lower a mention by what stands around it."""
    start, end = mention.start, mention.end
    weight = mention.weight
    book = gazetteer()
    clause_end = next((at for at in range(end, len(tokens)) if tokens[at].clause != tokens[start].clause), len(tokens))
    near = list(keys[end : min(clause_end, end + 3)])
    after = near[0] if near else ""
    name = tuple(keys[start:end])
    kind = book.common_words.get(name)
    if kind and not (alone or _cued(mention, keys, tokens, kind)):
        weight *= 0.2 if kind == "strong" else 0.4
    if _shared_with_villages(mention) and not around(keys, (start, end), "town", 0, 1) and not alone:
        weight *= 0.5
    if after in cues()["road"]:
        weight *= 0.65 if mention.places[0].kind != "district" or others else 0.55
    if after in cues()["not"] and not (len(near) > 1 and near[1] in cues()["not_verb"]):
        weight = 0.0
    if start and keys[start - 1] in cues()["not_before"] and start >= 1:
        weight = 0.0
    if others and _is_home(keys, start, end):
        weight *= 0.45
    if after in cues()["sent_to"]:
        weight *= 0.3
    if near[1:2] and near[0] in cues()["from"] and near[1] in cues()["going"]:
        weight *= 0.8
    return Mention(start, end, mention.written, mention.places, weight)


def _cued(mention: Mention, keys: Sequence[str], tokens: Sequence[Token], kind: str) -> bool:
    """Whether something by an everyday word says that it is a place."""
    start, end = mention.start, mention.end
    if around(keys, (start, end), "town", 2, 2):
        return True
    clause = tokens[start].clause
    if [token.clause for token in tokens].count(clause) == end - start:
        return True  # a clause of its own: "... tel nahi mila. Rania."
    if kind != "any":
        return False
    if end == len(tokens) or tokens[end].clause != clause:
        return True  # the last word: "rajkiya mahavidyalaya Hansi"
    before = bool(start) and keys[start - 1] in cues()["before"]
    return (
        before
        or (end < len(keys) and keys[end] in cues()["inside"])
        or (start == 0 and not (end < len(keys) and keys[end] in cues()["not_verb"]))
    )


def _shared_with_villages(mention: Mention) -> bool:
    """A small town whose name two villages of other districts bear as well."""
    if not all(place.kind in ("sub_tehsil", "block", "town", "assembly", "post_office") for place in mention.places):
        return False
    others = gazetteer().villages.exact.get(mention.written, ())
    return len({place.district for place in others} - mention.districts) >= 2


def _is_home(keys: Sequence[str], start: int, end: int) -> bool:
    """ "I am from Hisar", "rehta Gurgaon me hu": the writer's own place."""
    return around(keys, (start, end), "home", 3, 3)


def _add(scores: dict[str, float], mention: Mention, seen: set[str]) -> None:
    again = 0.3 if mention.written in seen else 1.0
    seen.add(mention.written)
    for district in mention.districts:
        scores[district] = scores.get(district, 0.0) + mention.weight * again


def _codes(text: str) -> list[tuple[str, str]]:
    """Districts told by pincode, dialling code or vehicle plate."""
    book = gazetteer()
    found = [
        (match.group(1), book.pincodes[match.group(1)])
        for match in _PINCODE.finditer(text)
        if match.group(1) in book.pincodes
    ]
    found += [
        (match.group(1), book.std_codes[match.group(1)])
        for match in _STD.finditer(text)
        if match.group(1) in book.std_codes
    ]
    return found


def _from_handles(handles: Sequence[str]) -> dict[str, float]:
    """Districts named inside handles (@DC_Panchkula): too weak alone, enough to part two homes."""
    scores: dict[str, float] = {}
    for handle in handles:
        for word in open_name(handle).lower().split():
            for place in gazetteer().places.exact.get(word, ()):
                if place.kind == "district":
                    scores[place.district] = 0.4
    return scores


def _rural(keys: Sequence[str]) -> bool | None:
    words = cues()
    urban = sum(word in words["urban"] for word in keys)
    rural = sum(word in words["rural"] for word in keys)
    if rural > urban:
        return True
    return False if urban else None


def _tells(word: str) -> bool:
    return len(word) > 2 and word not in cues()["empty"]


def _locality(reading: Reading, keys: Sequence[str], mentions: Sequence[Mention], district: str | None) -> str | None:
    """Place words as written, without the district: named places, and words like `sector 14` or `ward 7`."""
    pieces: list[tuple[int, str]] = []
    tokens = reading.tokens
    for mention in mentions:
        if all(place.kind == "district" for place in mention.places) or mention.weight <= 0:
            continue
        if all(place.kind == "outside" for place in mention.places):
            continue
        if district and district not in mention.districts:
            continue
        pieces.append((mention.start, reading.text[tokens[mention.start].start : tokens[mention.end - 1].end]))
    covered = {at for mention in mentions for at in range(mention.start, mention.end)}
    for at, word in enumerate(keys):
        if at in covered:
            continue
        following = at + 1 < len(keys) and tokens[at + 1].surface.isdigit()
        if word in cues()["numbered"] and following:
            pieces.append((at, reading.text[tokens[at].start : tokens[at + 1].end]))
        elif word in cues()["named"] and at and at - 1 not in covered and _tells(keys[at - 1]):
            pieces.append((at - 1, reading.text[tokens[at - 1].start : tokens[at].end]))
    if not pieces:
        return None
    unique = list(dict.fromkeys(text.strip() for _, text in sorted(pieces)))
    return ", ".join(unique)[:80]


def where(reading: Reading, keys: Sequence[str], *, answering: bool = False) -> WhereRead:
    """Read the district of a text. `answering`: the text answers our question, so bare villages count."""
    tokens = reading.tokens
    raw = mentions(reading, keys, free_villages=answering and len(tokens) <= 8)
    home = [mention for mention in raw if not all(place.kind == "outside" for place in mention.places)]
    away = [mention for mention in raw if all(place.kind == "outside" for place in mention.places)]
    alone = answering and len(tokens) <= 6
    weighed = [_weighed(mention, keys, tokens, _corroborated(mention, home), alone) for mention in home]
    scores: dict[str, float] = _from_handles(reading.handles)
    seen: set[str] = set()
    reasons: list[str] = []
    for code, told in _codes(reading.text):
        scores[told] = scores.get(told, 0.0) + 1.2
        reasons.append(f"{code} = {told}")
    strong = [m for m in weighed if any(place.kind != "village" for place in m.places)]
    for mention in strong:
        _add(scores, mention, seen)
    for mention in weighed:
        if mention in strong:
            continue
        inside = mention.districts & scores.keys()
        if inside:
            for shared in inside:
                scores[shared] += mention.weight * (0.5 if len(mention.districts) > 1 else 1.0)
        elif strong:
            continue  # a village that the table does not know in that district; the town decides
        else:
            _add(scores, mention, seen)
    reasons += [f"{m.written} = {'/'.join(sorted(m.districts))} ({m.weight:.2f})" for m in weighed]
    spans = tuple((m.start, m.end) for m in raw)
    rural = _rural(keys)
    negated = any(mention.weight == 0 for mention in weighed)
    district, choices = _decide(scores)
    district, choices = _hansi(district, choices, scores)
    outside = _outside(away, weighed, district, choices, keys)
    if outside:
        reasons.append(f"{outside} is named")
        return WhereRead(None, (), None, rural, outside, negated, spans, tuple(reasons))
    locality = _locality(reading, keys, weighed, district)
    if rural is None and weighed and district:
        inside_places = [place for m in weighed for place in m.places if place.district == district]
        if inside_places and all(place.kind == "village" for place in inside_places):
            rural = True
    return WhereRead(district, choices, locality, rural, None, negated, spans, tuple(reasons))


def _corroborated(mention: Mention, others: Sequence[Mention]) -> bool:
    return any(other is not mention for other in others)


def _decide(scores: dict[str, float]) -> tuple[str | None, tuple[str, ...]]:
    ranked = sorted(scores.items(), key=lambda item: -item[1])
    if not ranked or ranked[0][1] <= 0:
        return None, ()
    best, top = ranked[0]
    if len(ranked) == 1 or ranked[1][1] < TORN * top:
        if top >= ACCEPT:
            return best, ()
        return None, (best,) if top >= 0.35 else ()
    close = tuple(name for name, score in ranked if score >= TORN * top)
    return None, close if len(close) <= 3 else ()


def _hansi(
    district: str | None, choices: tuple[str, ...], scores: dict[str, float]
) -> tuple[str | None, tuple[str, ...]]:
    """Hansi was part of Hisar until 22 December 2025: a Hansi place named with Hisar means Hansi."""
    if set(choices) == {"Hisar", "Hansi"} and scores.get("Hansi", 0.0) > 0:
        return "Hansi", ()
    return district, choices


def _side(mention: Mention, keys: Sequence[str]) -> bool:
    """ "towards UP", "on the Rajasthan border": a neighbour, not the place itself."""
    return any(word in cues()["beyond"] for word in keys[mention.end : mention.end + 2])


def _names_haryana(keys: Sequence[str]) -> bool:
    """Haryana named as a place, not as the addressee ("Haryana CM sir")."""
    return any(
        word == _HARYANA and not (at + 1 < len(keys) and keys[at + 1] in cues()["government"])
        for at, word in enumerate(keys)
    )


def _outside(
    away: Sequence[Mention],
    weighed: Sequence[Mention],
    district: str | None,
    choices: tuple[str, ...],
    keys: Sequence[str],
) -> str | None:
    away = [mention for mention in away if not _side(mention, keys)]
    if not away or _names_haryana(keys):
        return None
    live = [mention for mention in weighed if mention.weight > 0]
    book: Gazetteer = gazetteer()
    if live and not all(tuple(keys[m.start : m.end]) in book.shared for m in live):
        return None
    if not live and all(_is_home(keys, mention.start, mention.end) for mention in away):
        return None
    if live and not any(
        abs(other.start - mention.end) <= 3 or abs(mention.start - other.end) <= 3 for mention in live for other in away
    ):
        return None
    for other_state in away:
        if not (other_state.end < len(keys) and keys[other_state.end] in cues()["not"]):
            return other_state.places[0].district
    return None
