"""What the weights look at: words by their key, parts of words, pairs of words, concepts, and signs.

Owns the features and their sizes, the same for training and for reading. It must not know any weight or label. Pure.

A word counts once however often it stands there. Parts of words (three to five letters of the key, its edges marked) let
an unknown spelling or ending speak for its kin; pairs keep "paani nahi" apart from "paani khada"; concepts bring the
languages together. Answers are short and turn on the order of words ("nahi hua", "hua? nahi"), so there three words in
a row, and those behind the last stop or "but", count as well. The sizes were chosen by leaving one writer of the
training posts out at a time (docs/understanding.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations, pairwise

from handlers.understanding.concepts import concepts
from handlers.understanding.text import Token

# Size of a feature by the letter that its name begins with.
SIZES = {
    "w": 1.0,  # a word
    "c": 0.35,  # a part of a word
    "b": 1.0,  # two words in a row
    "t": 1.0,  # three words in a row
    "k": 0.7,  # two words with one between them
    "z": 0.7,  # a word behind the last stop
    "o": 1.2,  # a concept
    "p": 0.5,  # two concepts of one text
    "s": 0.3,  # a sign; it stands beside the words and is not shortened with them
}
PARTS = (3, 4, 5)  # letters of a part, edges included
LONGEST_WORD = 40  # letters of a key
MOST_WORDS = 400  # words read of one text; the rest of an endless one adds nothing
MOST_CONCEPTS = 40


@dataclass(frozen=True, slots=True)
class Bag:
    """Features of one text: different words by key, pairs of words, concepts that count two by two, others, signs.

    `square` is that of the length of all but the words and the signs.
    """

    words: tuple[str, ...]
    pairs: frozenset[tuple[str, str]] = frozenset()
    concepts: tuple[str, ...] = ()  # in alphabetical order
    others: tuple[str, ...] = ()
    square: float = 0.0
    signs: frozenset[str] = frozenset()

    def spelled(self) -> Iterator[str]:
        """Names of all features but the words and the signs."""
        yield from (pair_feature(first, second) for first, second in self.pairs)
        yield from map(concept_feature, self.concepts)
        yield from (couple_feature(first, second) for first, second in combinations(self.concepts, 2))
        yield from self.others


def pair_feature(first: str, second: str) -> str:
    """Name of the feature of two words in a row."""
    return f"b:{first} {second}"


def concept_feature(concept: str) -> str:
    """Name of the feature of a concept."""
    return f"o:{concept}"


def couple_feature(first: str, second: str) -> str:
    """Name of the feature of two concepts of one text."""
    return f"p:{first}+{second}"


@lru_cache(maxsize=50_000)
def word_features(sounding: str) -> tuple[str, ...]:
    """Features of one word by its key."""
    edged = f"^{sounding[:LONGEST_WORD]}$"
    parts = {edged[at : at + size] for size in PARTS for at in range(len(edged) - size + 1)}
    return ("w:" + sounding[:LONGEST_WORD], *("c:" + part for part in sorted(parts)))


def square_of(features: Iterable[str]) -> float:
    """Square of the length of some features."""
    return sum(SIZES[feature[0]] ** 2 for feature in features)


def bag_of(
    tokens: Sequence[Token], keys: Sequence[str], hidden: frozenset[int], signs: frozenset[str] = frozenset()
) -> Bag:
    """The features of a post; words at hidden places (names of places) are passed over."""
    if hidden:
        seen = [at for at in range(len(keys)) if at not in hidden][:MOST_WORDS]
        heard = [keys[at] for at in seen]
        surfaces = [tokens[at].surface for at in seen]
    else:
        heard = list(keys[:MOST_WORDS])
        surfaces = [token.surface for token in tokens[:MOST_WORDS]]
    spoken_of = tuple(sorted(concepts().find(surfaces, heard))[:MOST_CONCEPTS])
    pairs = frozenset(pairwise(heard))
    many = len(spoken_of)
    square = len(pairs) * SIZES["b"] ** 2 + many * SIZES["o"] ** 2 + many * (many - 1) / 2 * SIZES["p"] ** 2
    return Bag(words=tuple(dict.fromkeys(heard)), pairs=pairs, concepts=spoken_of, square=square, signs=signs)


def answer_bag(tokens: Sequence[Token], keys: Sequence[str], last: int, signs: frozenset[str]) -> Bag:
    """The features of an answer about a disposal; the words from place `last` on stand behind the last stop or "but"."""
    heard = list(keys[:MOST_WORDS])
    edged = ["<", *heard, ">"]
    rows = {pair_feature(first, second) for first, second in pairwise(edged)}
    rows |= {f"t:{first} {second} {third}" for first, second, third in zip(edged, edged[1:], edged[2:], strict=False)}
    rows |= {f"k:{first} {third}" for first, third in zip(edged, edged[2:], strict=False)}
    if last:
        rows |= {f"z:{word}" for word in heard[last:]}
    rows |= {concept_feature(one) for one in concepts().find([token.surface for token in tokens[:MOST_WORDS]], heard)}
    return Bag(words=tuple(dict.fromkeys(heard)), others=tuple(rows), square=square_of(rows), signs=signs)
