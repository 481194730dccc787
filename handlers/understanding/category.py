"""Which matter a text is about: a weighted lexicon in key space, with landmarks set aside.

Owns scores of categories. It must not know kinds, places or answers. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from handlers.understanding.mentions import cues
from handlers.understanding.phrases import Hit, Phrases, load_phrases
from handlers.understanding.taxonomy import taxonomy
from handlers.understanding.text import Token

SURE = 0.30  # share of the margin between the first two below which we ask, unless one desk serves both
LANDMARK = 0.2  # what is left of a word that only says where ("near the school")
# A bare "water" may as well mean that it is foul or that it stands in the street.
ALSO_MEANT = {"water_supply": ("dirty_water", "waterlogging")}


@dataclass(frozen=True, slots=True)
class Ranked:
    """Categories with their scores, best first; `reasons` are the phrases that counted."""

    scores: tuple[tuple[str, float], ...]
    reasons: tuple[str, ...]

    @property
    def best(self) -> str | None:
        """First code, if any."""
        return self.scores[0][0] if self.scores else None

    @property
    def margin(self) -> float:
        """Lead of the first over the second as a share of the first, 0..1."""
        if not self.scores:
            return 0.0
        second = self.scores[1][1] if len(self.scores) > 1 else 0.0
        return max(0.0, 1.0 - second / self.scores[0][1])


@cache
def lexicon() -> Phrases:
    """The table data/lexicon.tsv, compiled once."""
    return load_phrases("lexicon.tsv")


def is_landmark(hit: Hit, keys: Sequence[str]) -> bool:
    """Whether a phrase only says where: "school ke paas", "near the school", "मंदिर के सामने"."""
    words = cues()
    after = keys[hit.end : hit.end + 2]
    if len(after) == 2 and after[0] in words["of"] and after[1] in words["beside"]:
        return True
    if len(after) == 2 and after[0] in words["named_after"] and after[1] in words["lane"]:
        return True  # "gaushala wali gali"
    before = keys[max(0, hit.start - 3) : hit.start]
    return any(word in words["near"] for word in before)


def _longest(hits: list[Hit]) -> list[Hit]:
    """Of phrases of one category that overlap, the strongest."""
    kept: list[Hit] = []
    for hit in sorted(hits, key=lambda one: (-one.phrase.weight, -(one.end - one.start))):
        same = (other for other in kept if other.phrase.code == hit.phrase.code)
        if not any(hit.start < other.end and other.start < hit.end for other in same):
            kept.append(hit)
    return kept


# A bribe asked where a service is named is a matter of its own, kept from the office complained of.
_BRIBE_OF = {
    "tehsil_service": "tehsil_bribe",
    "police_inaction": "police_misconduct",
    "village_works": "panchayat_corruption",
}


def _lift_bribes(scores: dict[str, float]) -> None:
    bribe = scores.get("corruption", 0.0)
    if bribe < 4:
        return
    for service, misconduct in _BRIBE_OF.items():
        if scores.get(service, 0.0) >= 3.5 and scores[service] == max(scores.values()):
            scores[misconduct] = scores.get(misconduct, 0.0) + bribe + scores[service] * 0.5
            scores["corruption"] = bribe * 0.5
            return
    for misconduct in _BRIBE_OF.values():
        if scores.get(misconduct, 0.0) >= 4:
            scores[misconduct] += bribe * 0.5
            scores["corruption"] = bribe * 0.5


def rank(tokens: Sequence[Token], keys: Sequence[str], skip: Sequence[tuple[int, int]] = ()) -> Ranked:
    """Score every category named in the text; `skip` are token spans of place names."""
    inside = {at for start, end in skip for at in range(start, end)}
    hits = [hit for hit in lexicon().find(tokens, keys) if not all(at in inside for at in range(hit.start, hit.end))]
    scores: dict[str, float] = {}
    count: dict[tuple[str, str], int] = {}
    reasons: list[tuple[float, str]] = []
    for hit in _longest(hits):
        code = hit.phrase.code
        written = " ".join(keys[hit.start : hit.end])
        seen = count.get((code, written), 0)
        count[(code, written)] = seen + 1
        weight = hit.phrase.weight * (LANDMARK if is_landmark(hit, keys) else 1.0) * (0.25 if seen else 1.0)
        size = min(hit.end - hit.start, 3)
        weight *= 1.0 + 0.15 * (size - 1)
        scores[code] = scores.get(code, 0.0) + weight
        reasons.append((weight, f"{' '.join(token.surface for token in tokens[hit.start : hit.end])} = {code}"))
    _lift_bribes(scores)
    ranked = sorted(scores.items(), key=lambda item: (-item[1], item[0]))
    best = tuple(reason for _, reason in sorted(reasons, reverse=True)[:4])
    return Ranked(tuple(ranked), best)


def one_desk(first: str, second: str) -> bool:
    """Whether two categories go to one department, so that no question is worth its cost."""
    categories = taxonomy().categories
    a, b = categories[first], categories[second]
    return a.department == b.department and a.sensitivity == b.sensitivity
