"""Learning which signs around a word tell that it is a private person's name.

Owns the training of name_weights.tsv. It must not know how names are dotted out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from handlers.learning.corpus import Labelled
from handlers.understanding.key import key
from handlers.understanding.persons import ALWAYS, AROUND, candidates, signs_around
from handlers.understanding.text import Reading, normal, read

LEAST_BESIDE = 4  # names beside which a word must stand to be told as a neighbour
STRENGTH = 0.7  # inverse of regularisation


def _spans(text: str, personal: Iterable[str]) -> list[tuple[int, int]]:
    spans = []
    for piece in map(normal, personal):
        if any(char.isdigit() for char in piece) or "@" in piece:
            continue
        at = text.find(piece)
        while at >= 0:
            spans.append((at, at + len(piece)))
            at = text.find(piece, at + 1)
    return spans


def _words(post: Labelled) -> tuple[Reading, list[str]]:
    reading = read(normal(post.text))
    return reading, [key(token.surface) for token in reading.tokens]


def neighbours(posts: Iterable[Labelled]) -> frozenset[str]:
    """Keys of words that stand beside enough names."""
    seen: Counter[str] = Counter()
    for post in posts:
        reading, keys = _words(post)
        spans = _spans(reading.text, post.personal)
        for at, token in enumerate(reading.tokens):
            if any(start <= token.start and token.end <= end for start, end in spans):
                seen.update({keys[place] for place in range(max(0, at - AROUND), min(len(keys), at + AROUND + 1))})
    return frozenset(word for word, many in seen.items() if many >= LEAST_BESIDE)


def examples(post: Labelled, known: frozenset[str]) -> Iterator[tuple[list[str], bool]]:
    """Every word of a post that may be a name: its signs, and whether it is one."""
    reading, keys = _words(post)
    spans = _spans(reading.text, post.personal)
    for at in candidates(reading, keys):
        token = reading.tokens[at]
        named = any(start <= token.start and token.end <= end for start, end in spans)
        yield list(signs_around(reading, keys, at, known)), named


def learn(posts: list[Labelled]) -> dict[str, float]:
    """Sign -> weight."""
    from sklearn.feature_extraction import DictVectorizer
    from sklearn.linear_model import LogisticRegression

    known = neighbours(posts)
    found = [example for post in posts for example in examples(post, known)]
    table = DictVectorizer()
    features = table.fit_transform([dict.fromkeys(signs, 1) for signs, _ in found])
    model = LogisticRegression(C=STRENGTH, max_iter=3000).fit(features, [named for _, named in found])
    weights = dict(zip(table.get_feature_names_out(), map(float, model.coef_[0]), strict=True))
    return {
        ALWAYS: float(model.intercept_[0]),
        **{sign: weight for sign, weight in weights.items() if abs(weight) >= 0.02},
    }


def as_table(weights: dict[str, float]) -> str:
    """The text of name_weights.tsv."""
    lines = ["# sign around a word\tfor its being a private person's name"]
    return "\n".join([*lines, *(f"{sign}\t{weight:.3f}" for sign, weight in sorted(weights.items()))]) + "\n"
