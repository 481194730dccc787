"""The heads of the weights: which texts teach which head, and the making of one file from all of them.

Owns the choice of texts and the joining. It must not know where the file is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from handlers.learning.corpus import (
    PHRASE,
    Judged,
    Labelled,
    answered_categories,
    answered_places,
    kinds,
    lessons,
    situations,
    small_talk,
    verdicts,
)
from handlers.learning.linear import Linear, Vocabulary, features_of, train
from handlers.understanding.features import SIZES, answer_bag, bag_of
from handlers.understanding.key import key
from handlers.understanding.learned import CATEGORY, GRAVE, KIND, NO_MATTER, WHOM, signs_of
from handlers.understanding.opened import opened
from handlers.understanding.place import where
from handlers.understanding.text import normal, read
from handlers.understanding.verdict import answer_signs, behind_last_turn
from handlers.understanding.wants import want_hits
from handlers.understanding.weights import pack
from store.vocabulary import Kind

WITHOUT_MATTER = frozenset({Kind.CHATTER, Kind.ABUSE, Kind.POLITICAL, Kind.SPAM, Kind.NEWS})
HARMLESS = frozenset({Kind.CHATTER, Kind.PRAISE, Kind.POLITICAL, Kind.STATUS_QUERY, Kind.SUGGESTION, Kind.SPAM})
WITH_CATEGORY = frozenset({Kind.GRIEVANCE, Kind.EMERGENCY, Kind.STATUS_QUERY, Kind.SUGGESTION})
COMPLAINING = frozenset({"unsatisfied", "new_complaint"})
EVERY_THIRD = 3  # of the situations teach what a grievance is; all of them would drown the other kinds
MASKED = frozenset({"personal", "names"})  # hands whose kinds and categories are only approximate

Features = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Lesson:
    """A text's features with the label it teaches."""

    features: Features
    label: str
    weight: float


class Reader:
    """Features of texts, each read once."""

    def __init__(self) -> None:
        self._read: dict[str, dict[str, float]] = {}

    def __call__(self, text: str) -> dict[str, float]:
        known = self._read.get(text)
        if known is None:
            plain = normal(text)
            reading = read(plain)
            keys = [key(word) for word in reading.words]
            place = where(reading, keys)
            hidden = frozenset(at for start, end in place.spans for at in range(start, end))
            signs = signs_of(plain, len(keys), district=place.district is not None, away=place.outside is not None)
            known = self._read[text] = features_of(bag_of(reading.tokens, keys, hidden, signs))
        return known


def answer_features(text: str) -> dict[str, float]:
    """Features of an answer about a disposal."""
    whole = opened(text)
    found = want_hits(whole.reading.tokens, whole.keys)
    last = behind_last_turn(whole.reading, found)
    signs = answer_signs(whole.plain, len(whole.keys), found)
    return features_of(answer_bag(whole.reading.tokens, whole.keys, last, signs))


def verdict_lessons(answers: Iterable[Judged]) -> list[Lesson]:
    """What teaches the verdicts."""
    return [Lesson(answer_features(answer.text), answer.verdict, 1.0) for answer in answers]


def teaches_category(text: Labelled) -> bool:
    """Whether a text's category may be learned from."""
    return text.category is not None and text.hand not in MASKED and (text.kind is None or text.kind in WITH_CATEGORY)


def category_lessons(posts: Iterable[Labelled], reader: Reader) -> list[Lesson]:
    """What teaches the category head: posts, situations, answers, and texts without a matter."""
    own = lessons()
    with_matter = [post for post in (*posts, *own) if teaches_category(post)] + situations() + answered_categories()
    found = [Lesson(reader(text.text), text.category or "", text.weight) for text in with_matter]
    without = small_talk() + [text for text in kinds() if text.kind in WITHOUT_MATTER]
    without += [text for text in (*own, *posts) if text.category is None and text.kind in WITH_CATEGORY]
    return found + [Lesson(reader(text.text), NO_MATTER, text.weight) for text in without]


def kind_lessons(posts: Iterable[Labelled], reader: Reader) -> list[Lesson]:
    """What teaches the kind head; short answers and complaints keep few words from looking like emergencies."""
    complaints = [*situations()[::EVERY_THIRD], *answered_places(), *answered_categories()]
    texts = [post for post in posts if post.hand not in MASKED] + kinds() + lessons()
    told = [Lesson(reader(text.text), text.kind, text.weight) for text in texts if text.kind is not None]
    told += [Lesson(reader(one.text), Kind.GRIEVANCE.value, PHRASE) for one in verdicts() if one.verdict in COMPLAINING]
    return told + [Lesson(reader(text.text), Kind.GRIEVANCE.value, text.weight) for text in complaints]


def grave_lessons(posts: Iterable[Labelled], reader: Reader) -> list[Lesson]:
    """What teaches how grave a text is: those that people have judged, and what is harmless by its kind."""
    texts = (*posts, *kinds(), *lessons())
    told = [Lesson(reader(text.text), text.grave, 1.0) for text in texts if text.grave is not None]
    harmless = [text for text in texts if text.grave is None and text.kind in HARMLESS] + small_talk()
    return told + [Lesson(reader(text.text), "none", 1.0) for text in harmless]


def whom_lessons(posts: Iterable[Labelled], reader: Reader) -> list[Lesson]:
    """What teaches for whom somebody complains."""
    return [Lesson(reader(post.text), post.whom, 1.0) for post in posts if post.whom is not None]


LESSONS: Mapping[str, Callable[[Iterable[Labelled], Reader], list[Lesson]]] = {
    CATEGORY: category_lessons,
    KIND: kind_lessons,
    GRAVE: grave_lessons,
    WHOM: whom_lessons,
}


@dataclass(frozen=True, slots=True)
class Trained:
    """A head trained on some lessons, with the features it knows."""

    vocabulary: Vocabulary
    head: Linear

    def scores(self, texts: Sequence[Features]) -> Any:
        """Scores of texts, a row each."""
        return self.head.scores(self.vocabulary.matrix(texts))


def train_head(lessons: Sequence[Lesson]) -> Trained:
    """Train one head."""
    features = [lesson.features for lesson in lessons]
    vocabulary = Vocabulary.of(features)
    labels = [lesson.label for lesson in lessons]
    weights = [lesson.weight for lesson in lessons]
    return Trained(vocabulary, train(vocabulary.matrix(features), labels, weights, balanced=True))


def join(heads: Mapping[str, Trained], sharpness: Mapping[str, float], about: Mapping[str, str]) -> bytes:
    """One file of weights from all heads."""
    import numpy as np

    features = sorted({feature for trained in heads.values() for feature in trained.vocabulary.at})
    place = {feature: at for at, feature in enumerate(features)}
    labels = [f"{name}:{label}" for name, trained in heads.items() for label in trained.head.labels]
    matrix = np.zeros((len(features), len(labels)))
    bias: list[float] = []
    for trained in heads.values():
        begin = len(bias)
        bias += [float(number) for number in trained.head.bias]
        rows = [place[feature] for feature in trained.vocabulary.at]
        matrix[rows, begin : len(bias)] = trained.head.coefficients.T
    for at, feature in enumerate(features):
        matrix[at] *= SIZES[feature[0]]
    return pack(labels, sharpness, bias, features, matrix.tolist(), about)
