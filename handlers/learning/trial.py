"""Whether newly learned tables may take the place of those in use: both are tried on texts that nobody trained on.

Owns the sets kept apart for this, the figures that count, and the judgement. It must not train.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from handlers.learning.corpus import records
from handlers.learning.training import tables_of
from handlers.understanding.score import Share, score_answers, score_posts

POSTS = ("frozen/month", "frozen/examiner")
ANSWERS = ("frozen/answers",)
MARGIN = 0.01  # a figure may fall by this share of its texts before the new tables are worse
NEVER_WORSE = ("emergency recall", "not satisfied read as satisfied")  # not by a single text
FEWER_IS_BETTER = (
    "category asked",
    "district for a text that settles none",
    "clean texts masked anywhere",
    "not satisfied read as satisfied",
)
LEAST_OF_CATEGORY = 5  # posts of a category from which its own figure counts
MOST_LOST = 0.25  # share of a category's posts that may turn wrong


@dataclass(frozen=True, slots=True)
class Trial:
    """What some tables make of the texts kept apart."""

    shares: Mapping[str, Share]
    categories: Mapping[str, Share]


def tried(folder: Path | None) -> Trial:
    """Try the tables of a folder; None: the shipped ones."""
    with tables_of(folder):
        posts = score_posts([record for name in POSTS for record in records(name)])
        answers = score_answers([record for name in ANSWERS for record in records(name)])
    return Trial({**posts.shares, **answers.shares}, posts.by_category())


def worse(old: Trial, new: Trial) -> Iterator[str]:
    """Each figure by which the new tables are worse than the old, as a clause for people."""
    for name, before in old.shares.items():
        after = new.shares[name]
        if before.value is None or after.value is None:
            continue
        sign = -1 if name in FEWER_IS_BETTER else 1
        lost = sign * (before.value - after.value)
        if lost > (0 if name in NEVER_WORSE else MARGIN):
            yield f"{name}: {before} before, {after} now"
    for code, before in old.categories.items():
        after = new.categories[code]
        if before.of >= LEAST_OF_CATEGORY and before.hits - after.hits > MOST_LOST * before.of:
            yield f"category {code}: {before} before, {after} now"
