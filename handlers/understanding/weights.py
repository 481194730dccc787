"""Learned weights: scores of every category and kind for the features of a text.

Owns the file of weights (data/weights.bin) and the arithmetic. It must not know what a label stands for. Pure after
loading.

A row of weights holds one whole number for each label. All numbers of a row are packed into one long Python integer,
32 bits apart, so that adding two rows adds them label by label in one step: a post of thirty words is some fifty
additions. What a word with its parts adds is remembered for its next time.
"""

from __future__ import annotations

import json
import zlib
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from handlers.understanding.features import Bag, concept_feature, couple_feature, pair_feature, square_of, word_features
from handlers.understanding.tables import BadTable, bytes_of, compiled

FIELD = 32  # bits from one label to the next in a packed row
OFFSET = 1 << 15  # added to every number of a row, so that none is below nought
FINE = 1000  # steps of one in the field for the square of the length
MOST_REMEMBERED = 40_000  # words whose sums are kept
FORMAT = "smgt-weights-1"


@dataclass(slots=True, eq=False)
class Weights:
    """Rows of weights by feature. `step` is the size of one whole number of a row.

    A label is `head:name`; `sharpness` says for each head how its scores grow into shares. Behind the labels' fields a
    packed number has two more: how many rows are in it, and the square of the length of the words.
    """

    labels: tuple[str, ...]
    sharpness: Mapping[str, float]
    bias: tuple[float, ...]
    step: float
    row_of: Mapping[str, int]
    scales: array[int]
    numbers: bytes  # one signed byte for each row and label
    pairs: Mapping[str, dict[str, int]]  # first word -> second -> their packed row, 0 until its first use
    couples: Mapping[str, dict[str, int]]  # first concept -> second -> likewise
    about: Mapping[str, str] = field(default_factory=dict)  # when, from what and how well it was trained
    _rows: dict[str, int] = field(default_factory=dict)
    _words: dict[str, int] = field(default_factory=dict)
    _starts: dict[frozenset[str], list[float]] = field(default_factory=dict)

    def _row(self, feature: str) -> int:
        """The packed row of a feature, unpacked at its first use; 0 for one without."""
        known = self._rows.get(feature)
        if known is None:
            at, width = self.row_of.get(feature), len(self.labels)
            if at is None:
                return 0
            scale = self.scales[at]
            small = array("b", self.numbers[at * width : (at + 1) * width])
            fields = array("I", [*(number * scale + OFFSET for number in small), 1])
            known = self._rows[feature] = int.from_bytes(fields.tobytes(), "little")
        return known

    def _pair(self, table: Mapping[str, dict[str, int]], first: str, second: str, feature: str) -> int:
        """The row of a pair at its first use."""
        row = table[first][second] = self._row(feature)
        return row

    def _word(self, sounding: str) -> int:
        """What a word with its parts adds, remembered for its next time."""
        features = word_features(sounding)
        square = round(FINE * square_of(features)) << (FIELD * (len(self.labels) + 1))
        known = sum(map(self._row, features)) + square
        if len(self._words) >= MOST_REMEMBERED:
            self._words.clear()
        self._words[sounding] = known
        return known

    def scores(self, bag: Bag) -> list[float]:
        """Scores of a text in the order of the labels."""
        words, pairs, couples = self._words, self.pairs, self.couples
        packed = 0
        for word in bag.words:
            packed += words.get(word) or self._word(word)
        for first, second in bag.pairs:
            if first in pairs and second in pairs[first]:
                packed += pairs[first][second] or self._pair(pairs, first, second, pair_feature(first, second))
        concepts = bag.concepts
        for at, first in enumerate(concepts):
            packed += self._row(concept_feature(first))
            if first in couples:
                seconds = couples[first]
                for second in concepts[at + 1 :]:
                    if second in seconds:
                        packed += seconds[second] or self._pair(couples, first, second, couple_feature(first, second))
        for feature in bag.others:
            packed += self._row(feature)
        fields = self._apart(packed)
        square, rows = fields.pop(), fields.pop()
        by_length = self.step / (bag.square + square / FINE + 1e-9) ** 0.5
        base = rows * OFFSET
        return [
            start + (number - base) * by_length for start, number in zip(self._start(bag.signs), fields, strict=True)
        ]

    def _start(self, signs: frozenset[str]) -> list[float]:
        """What bias and signs give to every label."""
        known = self._starts.get(signs)
        if known is None:
            fields = self._apart(sum(self._row("s:" + sign) for sign in signs))
            _, rows = fields.pop(), fields.pop()
            base = rows * OFFSET
            known = [bias + (number - base) * self.step for bias, number in zip(self.bias, fields, strict=True)]
            self._starts[signs] = known
        return known

    def _apart(self, packed: int) -> array[int]:
        """The fields of a packed sum: label by label, then rows and square."""
        return array("I", packed.to_bytes(FIELD // 8 * (len(self.labels) + 2), "little"))

    def shares(self, keys: Sequence[str], label: str) -> list[tuple[float, int]]:
        """What each word gives to a label, strongest first, with its place; for people who ask why."""
        at, behind = self.labels.index(label) * FIELD, len(self.labels) * FIELD
        given = []
        for place, sounding in enumerate(keys):
            word = self._words.get(sounding) or self._word(sounding)
            rows = (word >> behind) & 0xFFFFFFFF
            given.append((((word >> at) & 0xFFFFFFFF) - rows * OFFSET, place))
        return sorted(((number * self.step, place) for number, place in given), key=lambda pair: -pair[0])


def pack(
    labels: Sequence[str],
    sharpness: Mapping[str, float],
    bias: Sequence[float],
    features: Sequence[str],
    rows: Sequence[Sequence[float]],
    about: Mapping[str, str],
) -> bytes:
    """The file of weights for rows of real numbers, one for each feature and label."""
    largest = max((abs(number) for row in rows for number in row), default=1.0) or 1.0
    step = largest / (OFFSET - 128)
    scales = array("H")
    numbers = bytearray()
    for row in rows:
        scale = max(1, min(0xFFFF, -(-int(max(map(abs, row)) / step + 0.999) // 127)))
        scales.append(scale)
        numbers += array("b", [max(-127, min(127, round(number / (step * scale)))) for number in row]).tobytes()
    head = {
        "format": FORMAT,
        "labels": list(labels),
        "sharpness": dict(sharpness),
        "bias": [round(number, 6) for number in bias],
        "step": step,
        "features": len(features),
        "about": dict(about),
    }
    parts = (json.dumps(head, ensure_ascii=False).encode(), "\t".join(features).encode())
    return zlib.compress(b"\n".join((*parts, scales.tobytes() + bytes(numbers))), 9)


def unpack(data: bytes, name: str) -> Weights:
    """Read a file of weights.

    Raises:
        BadTable: the file is none of ours, or cut short; the message names it.
    """
    try:
        first, second, rest = zlib.decompress(data).split(b"\n", 2)
        head = json.loads(first)
        features = second.decode().split("\t")
        many, width = head["features"], len(head["labels"])
    except (ValueError, KeyError, TypeError, zlib.error) as error:
        raise BadTable(f"{name} is no file of weights; train it anew with `smgt understand train`.") from error
    if head.get("format") != FORMAT or len(features) != many or len(rest) != many * (2 + width):
        raise BadTable(f"{name} is cut short or of another version; train it anew with `smgt understand train`.")
    scales = array("H", rest[: 2 * many])
    rows = {feature: at for at, feature in enumerate(features)}
    return Weights(
        labels=tuple(head["labels"]),
        sharpness=head["sharpness"],
        bias=tuple(head["bias"]),
        step=head["step"],
        row_of=rows,
        scales=scales,
        numbers=rest[2 * many :],
        pairs=_partners(features, "b:", " "),
        couples=_partners(features, "p:", "+"),
        about=head["about"],
    )


def _partners(features: Sequence[str], prefix: str, between: str) -> dict[str, dict[str, int]]:
    """Features of two words or two concepts, found by the first and then by the second."""
    partners: dict[str, dict[str, int]] = {}
    for feature in features:
        if feature.startswith(prefix):
            first, _, second = feature.removeprefix(prefix).partition(between)
            partners.setdefault(first, {})[second] = 0
    return partners


@compiled
def weights() -> Weights:
    """The weights in use, read once."""
    return unpack(bytes_of("weights.bin"), "weights.bin")
