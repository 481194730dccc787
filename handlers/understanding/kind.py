"""What a post is: emergency first and never gated, then grievance against the rest, tuned for recall.

Owns the kind, the register and the bodies outside our remit. It must not know categories' names for people.
Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from handlers.understanding.phrases import Hit, Phrases, load_phrases
from handlers.understanding.text import Token
from store.vocabulary import Kind

_BODIES = ("rail", "bank", "highway", "consumer", "central", "legal_aid")


@dataclass(frozen=True, slots=True)
class Signs:
    """Weight of every sign of data/kinds.tsv in a text, and the words that gave it."""

    weights: Mapping[str, float]
    reasons: Mapping[str, tuple[str, ...]]

    def __getitem__(self, sign: str) -> float:
        return self.weights.get(sign, 0.0)


@cache
def _table() -> Phrases:
    return load_phrases("kinds.tsv")


def signs(tokens: Sequence[Token], keys: Sequence[str]) -> Signs:
    """Signs of kinds in a text; each phrase counts once."""
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
    return Signs(weights, {code: tuple(words) for code, words in reasons.items()})


def is_emergency(found: Signs) -> bool:
    """Danger to life now: a plain emergency phrase, or danger together with "now"."""
    if found["self_harm"]:
        return True
    if found["emergency"] >= 3 and (found["now"] or found["danger"] or found["emergency"] >= 6):
        return True
    return found["danger"] >= 2 and found["now"] >= 1


def body(found: Signs) -> str | None:
    """Code of the body outside our remit that the text is most about, if any."""
    named = [(found[f"bodies_{name}"], name) for name in _BODIES if found[f"bodies_{name}"]]
    return max(named)[1] if named else None


def kind_of(found: Signs, category_score: float, outside: bool, words: int) -> tuple[Kind, str | None]:
    """Kind of a text and, out of scope, the body to name.

    `category_score` is the weight of the best category, `outside` whether another state is meant.
    """
    if is_emergency(found):
        return Kind.EMERGENCY, None
    trouble = found["complaint"] + found["asking"] + found["lasting"] + found["sarcasm"]
    grievance = category_score * 0.5 + trouble
    if found["spam"] >= 4 and found["spam"] >= trouble and (found["spam"] >= 8 or trouble <= 2):
        return Kind.SPAM, None
    if found["abuse"] and trouble <= 2 and (category_score < 3 or (found["abuse"] >= 8 and not trouble)):
        return Kind.ABUSE, None
    if found["political"] >= 6 and trouble <= 2 and not (category_score >= 5 and found["complaint"]):
        return Kind.POLITICAL, None
    if found["praise"] >= 6 and found["restored"] and trouble <= 1:
        return Kind.PRAISE, None
    if found["status_query"] >= 4 and trouble <= 4 and (category_score < 5 or found["complaint"] <= 1):
        return Kind.STATUS_QUERY, None
    if found["status_query"] and words <= 2:
        return Kind.STATUS_QUERY, None
    if found["suggestion"] >= 3 and trouble <= 2:
        return Kind.SUGGESTION, None
    if found["news"] >= 3 and (trouble <= 2 or (found["news"] >= 6 and trouble <= 3)):
        return Kind.NEWS, None
    mixed = found["contrast"] and category_score >= 3
    if (
        found["praise"] >= 3
        and not found["sarcasm"]
        and not mixed
        and (trouble <= 1 or (found["praise"] >= 6 and trouble <= 2))
    ):
        return Kind.PRAISE, None
    outer = body(found)
    if outside:
        return Kind.OUT_OF_SCOPE, outer
    if outer and found[f"bodies_{outer}"] * 1.2 >= category_score:
        return Kind.OUT_OF_SCOPE, outer
    if found["political"] >= 3 and category_score < 4 + trouble:
        return Kind.POLITICAL, None
    if found["chatter"] >= 3 and grievance < 4 and not (category_score >= 3 and trouble):
        return Kind.CHATTER, None
    if category_score >= 1.5 or trouble >= 1:
        return Kind.GRIEVANCE, None
    if words <= 2 and not trouble:
        return Kind.CHATTER, None
    # Nothing tells: a longer text goes to people, never to the bin.
    other = max(found[sign] for sign in ("chatter", "news", "political", "praise", "suggestion"))
    return (Kind.GRIEVANCE if trouble or (words >= 7 and not other) else Kind.CHATTER), None
