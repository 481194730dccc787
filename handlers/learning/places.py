"""Learning what the signs around a place's name say: how often a mention so written names the place of the trouble.

Owns the training of place_weights.tsv and met_as_words.tsv. It must not know how mentions are added up.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from handlers.learning.corpus import Labelled
from handlers.understanding.key import key
from handlers.understanding.mentions import Mention, mentions
from handlers.understanding.place import IN_A_HANDLE, company
from handlers.understanding.place_codes import codes, in_handles
from handlers.understanding.text import normal, read
from store.vocabulary import Kind

ALWAYS = "always"
LEAST_WRONG = 2  # posts in which a name must have been a mere word


@dataclass(frozen=True, slots=True)
class Sighting:
    """A mention with its signs, and whether it named the place (of the trouble; of a trouble elsewhere)."""

    signs: tuple[str, ...]
    away: bool
    right: bool


def _read(text: str) -> list[Mention]:
    reading = read(normal(text))
    return mentions(reading, [key(word) for word in reading.words])


def met_as_words(posts: Iterable[Labelled]) -> dict[str, int]:
    """Place names that posts about other places, or about none, use as everyday words, with how often."""
    wrong: Counter[str] = Counter()
    right: Counter[str] = Counter()
    for post in posts:
        seen = {
            (mention.written, mention.districts)
            for mention in _read(post.text)
            if not mention.is_outside and "kind: district" not in mention.signs
        }
        for written, districts in seen:
            if post.place_judged and post.district in districts:
                right[written] += 1
            else:
                wrong[written] += 1
    return {name: many for name, many in sorted(wrong.items()) if many >= LEAST_WRONG and many >= 2 * right[name]}


def sightings(post: Labelled, *, alone: bool = False) -> Iterator[Sighting]:
    """Every hint of a place in a post; `alone`: without the signs that mentions give each other."""
    reading = read(normal(post.text))
    found = mentions(reading, [key(word) for word in reading.words])
    elsewhere = post.kind == Kind.OUT_OF_SCOPE.value
    for mention, more in zip(found, [()] * len(found) if alone else company(found), strict=True):
        signs = (*mention.signs, *more)
        if not (post.place_judged or mention.is_outside):
            continue
        if mention.is_outside:
            yield Sighting(signs, True, elsewhere)
        else:
            yield Sighting(signs, False, post.district in mention.districts)
    if not post.place_judged:
        return
    for kind, _, district in codes(reading.text):
        yield Sighting((f"code: {kind}",), False, post.district == district)
    for _, district in in_handles(reading.handles):
        yield Sighting((IN_A_HANDLE,), False, post.district == district)


def answered(record: Mapping[str, Any], *, alone: bool = False) -> Iterator[Sighting]:
    """Every hint of a place in an answer to our question for the district."""
    reading = read(normal(record["text"]))
    found = mentions(reading, [key(word) for word in reading.words], answering=True)
    for mention, more in zip(found, [()] * len(found) if alone else company(found), strict=True):
        if not mention.is_outside:
            yield Sighting((*mention.signs, *more), False, record["expect"]["district"] in mention.districts)


def learn(found: list[Sighting]) -> dict[str, tuple[float, float]]:
    """Sign -> (weight for "the trouble is here", weight for "the trouble is in another state")."""
    from sklearn.feature_extraction import DictVectorizer
    from sklearn.linear_model import LogisticRegression

    learned: list[dict[str, float]] = []
    for away in (False, True):
        rows = [sighting for sighting in found if sighting.away is away]
        if len({sighting.right for sighting in rows}) < 2:
            learned.append({ALWAYS: 0.0})  # nothing to tell apart
            continue
        table = DictVectorizer()
        features = table.fit_transform([dict.fromkeys(sighting.signs, 1) for sighting in rows])
        model = LogisticRegression(C=1.0, max_iter=3000).fit(features, [sighting.right for sighting in rows])
        weights = dict(zip(table.get_feature_names_out(), model.coef_[0], strict=True))
        learned.append({**weights, ALWAYS: float(model.intercept_[0])})
    home, outside = learned
    return {sign: (home.get(sign, 0.0), outside.get(sign, 0.0)) for sign in sorted(home.keys() | outside.keys())}


def words_table(words: Mapping[str, int]) -> str:
    """The text of met_as_words.tsv."""
    lines = ["# place name that labelled posts use as an everyday word\thow often"]
    return "\n".join([*lines, *(f"{name}\t{many}" for name, many in words.items())]) + "\n"


def as_table(weights: dict[str, tuple[float, float]]) -> str:
    """The text of place_weights.tsv."""
    lines = ["# sign of a mention\tfor: the trouble is here\tfor: the trouble is in another state"]
    lines += [f"{sign}\t{home:.3f}\t{away:.3f}" for sign, (home, away) in weights.items()]
    return "\n".join(lines) + "\n"
