"""Where the trouble is: mentions of places, weighed into a district, a choice of two or three, or another state.

Owns the weighing. It must not know categories or answers. Pure. How much each sign says is learned from labelled posts
(data/place_weights.tsv; docs/understanding.md tells how): the sum of a mention's signs gives the share of such mentions
that named the place of the trouble.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from math import exp

from handlers.understanding.gazetteer import VILLAGE, gazetteer
from handlers.understanding.key import key
from handlers.understanding.mentions import Mention, cues, mentions
from handlers.understanding.place_codes import codes, in_handles
from handlers.understanding.tables import BadTable, compiled, tsv_rows
from handlers.understanding.text import Reading
from handlers.understanding.thresholds import threshold

CALLED_AFTER = "after: road"
IN_A_HANDLE = "in a handle"
MOST_OF_A_PLACE = 12  # words of a text that may be nothing but an address
_CALLED_A_PLACE = frozenset(
    {
        *("before: town", "after: town", "before: village", "after: office"),
        *("company: same district", "company: another district"),
    }
)
_HARYANA = key("haryana")


@dataclass(frozen=True, slots=True)
class WhereRead:
    """Result of reading a text for its place. `confidence` is that of the first district, 0..1."""

    district: str | None = None
    confidence: float = 0.0
    choices: tuple[str, ...] = ()
    locality: str | None = None
    rural: bool | None = None
    outside: str | None = None
    negated: bool = False  # "not Hisar": a correction
    home: bool = False  # the district is named as where the writer comes from, and nowhere else
    spans: tuple[tuple[int, int], ...] = ()  # token positions that are part of place names
    reasons: tuple[str, ...] = ()


@compiled
def _weights() -> dict[str, tuple[float, float]]:
    """Sign -> what it adds for "the trouble is here", and for "the trouble is in another state"."""
    table = {}
    for number, (sign, home, away) in tsv_rows("place_weights.tsv", 3):
        try:
            table[sign] = (float(home), float(away))
        except ValueError as error:
            raise BadTable(f"place_weights.tsv, line {number}: a weight is no number.") from error
    return table


def _sigmoid(number: float) -> float:
    return 1.0 / (1.0 + exp(-max(-30.0, min(30.0, number))))


def believed(signs: Sequence[str]) -> float:
    """Share of mentions with these signs that name the place of the trouble, 0..1."""
    table = _weights()
    return _sigmoid(table["always"][0] + sum(table[sign][0] for sign in signs if sign in table))


def believed_outside(signs: Sequence[str]) -> float:
    """Share of mentions of other states with these signs where the trouble itself lies there, 0..1."""
    table = _weights()
    return _sigmoid(table["always"][1] + sum(table[sign][1] for sign in signs if sign in table))


def company(found: Sequence[Mention]) -> list[tuple[str, ...]]:
    """For each mention of Haryana the signs that the other mentions give: the same district, another one, both."""
    signs = []
    least = threshold("company")
    credible = [mention for mention in found if mention.is_outside or _is_credible(mention, least)]
    for mention in found:
        others = [other for other in credible if other is not mention and not other.is_outside]
        same = any(mention.districts & other.districts for other in others)
        apart = any(not mention.districts & other.districts for other in others)
        told = []
        if same:
            told.append("company: same district")
        if apart:
            told.append("company: another district")
        if any(other.is_outside for other in credible if other is not mention):
            told.append("company: outside")
        if any("kind: district" in other.signs for other in others if not mention.districts & other.districts):
            told.append("company: another district by name")
        if any(_is_denied(other) for other in others if not mention.districts & other.districts):
            told.append("company: a denied place")
        if any(_is_home(other) for other in others if not mention.districts & other.districts):
            told.append("company: a home elsewhere")
        signs.append(tuple(told))
    return signs


def _is_credible(mention: Mention, least: float) -> bool:
    """Whether a name counts as company for others; the town after which a road is called does not."""
    return CALLED_AFTER not in mention.signs and believed(mention.signs) >= least


def _is_denied(mention: Mention) -> bool:
    return "after: not" in mention.signs or "before: not_before" in mention.signs


def _is_home(mention: Mention) -> bool:
    return "near: home" in mention.signs


def _shared(mention: Mention, keys: Sequence[str]) -> str | None:
    """The state in which a better-known town bears the same name."""
    return gazetteer().shared.get(tuple(keys[mention.start : mention.end]))


def _is_shared(mention: Mention, keys: Sequence[str], more: Sequence[str]) -> bool:
    return _shared(mention, keys) is not None and _CALLED_A_PLACE.isdisjoint((*mention.signs, *more))


def _evidence(reading: Reading, keys: Sequence[str], found: Sequence[Mention]) -> tuple[dict[str, float], list[str]]:
    """For each district how surely it is the place of the trouble: 1 minus the chance that every hint misleads."""
    best: dict[tuple[str, str], float] = {}  # a name said twice is one hint
    reasons: list[str] = []

    def add(district: str, name: str, share: float) -> None:
        best[district, name] = max(best.get((district, name), 0.0), share)

    hints = [(f"code: {kind}", written, district) for kind, written, district in codes(reading.text)]
    hints += [(IN_A_HANDLE, f"@{handle}", district) for handle, district in in_handles(reading.handles)]
    told = {district for _, _, district in hints}
    for mention in found:
        if not mention.is_outside and len(mention.districts) == 1:
            told |= mention.districts
    for mention, more in zip(found, company(found), strict=True):
        if mention.is_outside:
            continue
        sure = believed((*mention.signs, *more))
        if _is_shared(mention, keys, more):
            sure = min(sure, threshold("district, a shared name"))
        meant = mention.districts & told if len(mention.districts) > 1 else mention.districts
        for district in sorted(meant or mention.districts):
            add(district, mention.written, sure)
        reasons.append(f"{mention.written} = {'/'.join(sorted(meant or mention.districts))} ({sure:.2f})")
    for sign, written, district in hints:
        sure = believed((sign,))
        if sign == IN_A_HANDLE:
            sure = min(sure, threshold("district, a handle alone"))
        add(district, written, sure)
        reasons.append(f"{written} = {district} ({sure:.2f})")
    missed: dict[str, float] = {}
    for (district, _), share in best.items():
        missed[district] = missed.get(district, 1.0) * (1.0 - share)
    return {district: 1.0 - chance for district, chance in missed.items()}, reasons


def _rural(keys: Sequence[str]) -> bool | None:
    """Village or town, by the words that only one of them has."""
    town, village = cues()["urban"], cues()["rural"]
    balance = 0
    for word in keys:
        if word in village:
            balance += 1
        elif word in town:
            balance -= 1
    return None if balance == 0 else balance > 0


def _tells(word: str) -> bool:
    return len(word) > 2 and word not in cues()["empty"]


def _locality(reading: Reading, keys: Sequence[str], found: Sequence[Mention], district: str | None) -> str | None:
    """Place words as written, without the district: named places, and words like `sector 14` or `ward 7`."""
    pieces: list[tuple[int, str]] = []
    for mention in found:
        if all(place.kind == "district" for place in mention.places) or mention.is_outside:
            continue
        if district not in mention.districts if district else believed(mention.signs) < threshold("locality"):
            continue
        pieces.append((mention.start, reading.written(mention.start, mention.end)))
    numbered, named = cues()["numbered"], cues()["named"]
    by_word = {word: number for number, word in _numbers_of_places(reading, keys).items()}
    told = [at for at, word in enumerate(keys) if word in numbered or word in named]
    covered = {at for mention in found for at in range(mention.start, mention.end)} if told else set()
    for at in told:
        if at in covered:
            continue
        if keys[at] in numbered and (number := by_word.get(at)) is not None:
            pieces.append((at, reading.written(at, number + 1)))
        elif keys[at] in named and at and at - 1 not in covered and _tells(keys[at - 1]):
            pieces.append((at - 1, reading.written(at - 1, at + 1)))
    pieces.sort()
    return ", ".join(dict.fromkeys(piece for _, piece in pieces))[:120] or None


def _numbers_of_places(reading: Reading, keys: Sequence[str]) -> dict[int, int]:
    """Where the number of a street, ward or house stands, and the word it numbers: lane 108 calls no ambulance."""
    numbered, numbering = cues()["numbered"] | cues()["home_number"], cues()["numbering"]
    found = {}
    for at, token in enumerate(reading.tokens):
        if not token.surface.isdigit() or not at:
            continue
        before = at - 2 if keys[at - 1] in numbering and at > 1 else at - 1
        if keys[before] in numbered:
            found[at] = before
    return found


def where(reading: Reading, keys: Sequence[str], *, answering: bool = False) -> WhereRead:
    """Read the district of a text. `answering`: the text answers our question, so a bare name counts for more."""
    found = mentions(reading, keys, answering=answering)
    scores, reasons = _evidence(reading, keys, found)
    rural = _rural(keys)
    negated = any(_is_denied(mention) for mention in found)
    spans = tuple((mention.start, mention.end) for mention in found if _is_place(mention))
    spans += tuple((at, at + 1) for at in _numbers_of_places(reading, keys))
    district, sure, choices = _decide(scores, threshold("district answered" if answering else "district"))
    if negated and (meant := _only_other(found, _is_denied)):
        district, sure, choices = meant, max(sure, threshold("district")), ()
    meant = _only_other(found, _is_home) if district is None else None
    if meant and scores[meant] >= threshold("district beside a home"):
        district, sure, choices = meant, scores[meant], ()
    district, choices = _hansi(district, choices, scores)
    namesake = _namesake(found, keys)
    if namesake or district is None or sure < threshold("district against another state"):
        outside = namesake or _outside(found, keys)
        if outside:
            reasons.append(f"{outside} is named")
            return WhereRead(None, 0.0, (), None, rural, outside, negated, False, spans, tuple(reasons))
    locality = _locality(reading, keys, found, district)
    if rural is None and district:
        inside = [place for m in found for place in m.places if place.district == district]
        if inside and all(place.kind == VILLAGE for place in inside):
            rural = True
    home = district is not None and all(_is_home(mention) for mention in found if district in mention.districts)
    return WhereRead(district, round(sure, 3), choices, locality, rural, None, negated, home, spans, tuple(reasons))


def only_a_place(keys: Sequence[str], hidden: Collection[int]) -> bool:
    """Whether a text is nothing but the name of a place; `hidden` are positions of names that were found."""
    if len(keys) > MOST_OF_A_PLACE:
        return False
    told = [word for at, word in enumerate(keys) if at not in hidden and not word.isdigit()]
    parts = _parts_of_a_place()
    return bool(keys) and all(word in parts for word in told)


@compiled
def _parts_of_a_place() -> frozenset[str]:
    return frozenset[str]().union(
        *(cues()[tells] for tells in ("numbered", "named", "empty", "town", "village", "home"))
    )


def _is_place(mention: Mention) -> bool:
    """Whether the words of a mention are more likely a place's name than words of the matter."""
    return mention.is_outside or believed(mention.signs) >= threshold("name of a place")


def _decide(scores: dict[str, float], least: float) -> tuple[str | None, float, tuple[str, ...]]:
    ranked = sorted(scores.items(), key=lambda item: (-item[1], item[0]))
    if not ranked:
        return None, 0.0, ()
    best, top = ranked[0]
    second = ranked[1][1] if len(ranked) > 1 else 0.0
    if top >= least and second < threshold("district, runner-up") * top:
        return best, top, ()
    close = tuple(name for name, score in ranked if score >= max(threshold("district offered"), 0.4 * top))
    return None, top, close if len(close) <= 3 else ()


def _only_other(found: Sequence[Mention], said: Callable[[Mention], bool]) -> str | None:
    """The one district named beside those of which something is said: "not Hisar, Hansi"; "I am from Hisar, my plot ..." """
    apart = {district for mention in found if said(mention) for district in mention.districts}
    left = [mention.districts - apart for mention in found if not mention.is_outside and not said(mention)]
    named = {district for districts in left for district in districts}
    return named.pop() if apart and len(named) == 1 and all(left) else None


def _hansi(
    district: str | None, choices: tuple[str, ...], scores: dict[str, float]
) -> tuple[str | None, tuple[str, ...]]:
    """Hansi was part of Hisar until 22 December 2025: a Hansi place named with Hisar means Hansi."""
    both = set(choices) == {"Hisar", "Hansi"} or district == "Hisar"
    if both and scores.get("Hansi", 0.0) >= threshold("Hansi beside Hisar"):
        return "Hansi", ()
    return district, choices


def _names_haryana(keys: Sequence[str]) -> bool:
    """Haryana named as a place, not as the addressee ("Haryana CM sir")."""
    return any(
        word == _HARYANA and not (at + 1 < len(keys) and keys[at + 1] in cues()["government"])
        for at, word in enumerate(keys)
    )


def _namesake(found: Sequence[Mention], keys: Sequence[str]) -> str | None:
    """The other state, when a name shared with it stands beside another of its places: the Dadri near Noida."""
    abroad = {mention.places[0].district for mention in found if mention.is_outside}
    shared = sorted(state for mention in found if (state := _shared(mention, keys)) in abroad)
    return shared[0] if shared else None


def _outside(found: Sequence[Mention], keys: Sequence[str]) -> str | None:
    """The other state in which the trouble lies, when one is named so and Haryana is not."""
    if _names_haryana(keys):
        return None
    best: tuple[float, str] = (0.0, "")
    for mention, more in zip(found, company(found), strict=True):
        if mention.is_outside:
            best = max(best, (believed_outside((*mention.signs, *more)), mention.places[0].district))
    return best[1] if best[0] >= threshold("another state") else None
