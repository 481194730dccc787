"""Fixed phrases that tell one thing each: a body outside our remit, a wish to stay unnamed, a swear word, fire.

Owns the table data/signs.tsv and its reading. It must not know what follows from a sign. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from handlers.understanding.phrases import Hit, Phrases, load_phrases
from handlers.understanding.tables import compiled
from handlers.understanding.text import Token

SWEAR = "swear"
AGENCY = "agency_"


@dataclass(frozen=True, slots=True)
class Signs:
    """Weight of every sign in a text, the words that gave it, and the hits of swear words."""

    weights: Mapping[str, float]
    reasons: Mapping[str, tuple[str, ...]]
    swearing: tuple[Hit, ...] = ()

    @property
    def agency(self) -> str | None:
        """The body that is named as in charge: the one of the longest words, a mere street last."""
        named = [(len(words[0]) * self[sign], sign) for sign, words in self.reasons.items() if sign.startswith(AGENCY)]
        return max(named)[1].removeprefix(AGENCY) if named else None

    def __getitem__(self, sign: str) -> float:
        return self.weights.get(sign, 0.0)


@compiled
def _table() -> Phrases:
    return load_phrases("signs.tsv")


def signs(tokens: Sequence[Token], keys: Sequence[str]) -> Signs:
    """Signs in a text; each phrase counts once."""
    weights: dict[str, float] = {}
    reasons: dict[str, list[str]] = {}
    seen: set[tuple[str, str]] = set()
    taken: dict[str, list[Hit]] = {}
    hits = sorted(_table().find(tokens, keys), key=lambda hit: -(hit.end - hit.start))
    for hit in hits:
        code = hit.phrase.code
        if (code, hit.phrase.written) in seen:
            continue
        if any(hit.start < other.end and other.start < hit.end for other in taken.get(code, ())):
            continue
        seen.add((code, hit.phrase.written))
        taken.setdefault(code, []).append(hit)
        weights[code] = weights.get(code, 0.0) + hit.phrase.weight
        reasons.setdefault(code, []).append(" ".join(token.surface for token in tokens[hit.start : hit.end]))
    return Signs(
        weights,
        {code: tuple(words) for code, words in reasons.items() if code != SWEAR},
        tuple(hit for hit in hits if hit.phrase.code == SWEAR),
    )
