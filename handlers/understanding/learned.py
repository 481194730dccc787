"""What the weights make of a text: shares of the categories, the kinds, how grave it is.

Owns the door to the weights: the heads and their labels, the signs given beside the words, and the turning of scores
into shares. It must not know thresholds. Pure. A share says how often such a text was right in posts by hands that the
weights had not seen (docs/understanding.md shows how well that holds).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from math import exp
from operator import itemgetter

from handlers.understanding.features import bag_of
from handlers.understanding.text import Reading
from handlers.understanding.weights import Weights, weights

NO_MATTER = "-"  # label of the category head for texts that name no matter
CATEGORY, KIND, GRAVE, WHOM = "category", "kind", "grave", "whom"
_LENGTHS = ((4, "words: 0 to 3"), (9, "words: 4 to 8"), (20, "words: 9 to 19"), (1 << 30, "words: 20 or more"))
_MARKS = (("?", "question mark"), ("!", "exclamation mark"), ("#", "hashtag"), ("http", "link"))
_DIGIT = re.compile(r"\d")
_WHY = 4  # words told as reasons

_SHARE = itemgetter(1)

Shares = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Learned:
    """Shares by label, each head's adding up to one, and the words that spoke most for the first category."""

    categories: Shares  # without NO_MATTER
    no_matter: float
    kinds: Shares
    graves: Shares
    whom: Shares
    reasons: tuple[str, ...] = ()

    def best(self, many: int = 3) -> tuple[str, ...]:
        """The first categories."""
        return tuple(code for code, _ in sorted(self.categories.items(), key=_SHARE, reverse=True)[:many])


def signs_of(text: str, size: int, *, district: bool, away: bool) -> frozenset[str]:
    """Signs beside the words: length, marks, and what was read of places."""
    found = {next(name for limit, name in _LENGTHS if size < limit)}
    found.update(name for mark, name in _MARKS if mark in text)
    if _DIGIT.search(text) is not None:
        found.add("digit")
    if district:
        found.add("a district")
    if away:
        found.add("another state")
    return frozenset(found)


@cache
def _heads(table: Weights) -> dict[str, tuple[int, int, float, tuple[str, ...]]]:
    """Head -> where its labels begin and end, its sharpness, and the labels' names."""
    heads: dict[str, tuple[int, int, float, tuple[str, ...]]] = {}
    for at, label in enumerate(table.labels):
        head, _, name = label.partition(":")
        begin, _, sharpness, names = heads.get(head, (at, at, table.sharpness[head], ()))
        heads[head] = (begin, at + 1, sharpness, (*names, name))
    return heads


def shares(table: Weights, scores: Sequence[float], head: str) -> dict[str, float]:
    """Scores of one head as shares that add up to one, by label."""
    begin, end, sharpness, names = _heads(table)[head]
    part = scores[begin:end]
    top = max(part)
    grown = [exp(sharpness * (score - top)) for score in part]
    whole = sum(grown)
    return {name: number / whole for name, number in zip(names, grown, strict=True)}


def judge(
    reading: Reading, keys: Sequence[str], hidden: frozenset[int], signs: frozenset[str], *, why: bool = False
) -> Learned:
    """Judge a text; `hidden` are places of words that name a place; with `why`, say which words spoke."""
    table = weights()
    scores = table.scores(bag_of(reading.tokens, keys, hidden, signs))
    categories = shares(table, scores, CATEGORY)
    no_matter = categories.pop(NO_MATTER)
    reasons: tuple[str, ...] = ()
    if why and reading.tokens:
        best = max(categories, key=lambda code: categories[code])
        seen = [at for at in range(len(keys)) if at not in hidden]
        spoke = table.shares([keys[at] for at in seen], f"{CATEGORY}:{best}")[:_WHY]
        reasons = tuple(f"{reading.tokens[seen[at]].surface} = {best}" for given, at in spoke if given > 0)
    return Learned(
        categories,
        no_matter,
        shares(table, scores, KIND),
        shares(table, scores, GRAVE),
        shares(table, scores, WHOM),
        reasons,
    )
