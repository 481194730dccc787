"""What an answer says about a disposal: the shares of satisfied, unsatisfied, unclear, a question, another matter.

Owns the signs beside the words of an answer and the door to its weights (data/verdicts.bin). It must not decide. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from handlers.understanding.features import answer_bag
from handlers.understanding.learned import shares
from handlers.understanding.meaning import Verdict
from handlers.understanding.phrases import Hit
from handlers.understanding.tables import bytes_of, compiled
from handlers.understanding.text import Reading
from handlers.understanding.weights import Weights, unpack

VERDICT = "verdict"
OFFERED = {"1": Verdict.SATISFIED, "2": Verdict.UNSATISFIED}  # the numbers that our question offers
# Marks that may stand around the number; a face or a question mark says more, and is left to the weights.
_MARKS_AROUND = r"[\s.,:)(]*"
_TO_US = rf"^{_MARKS_AROUND}(?:@\w+{_MARKS_AROUND})*"
_NUMBERED = re.compile(rf"{_TO_US}(?:option|number|नंबर|विकल्प)?{_MARKS_AROUND}([12]){_MARKS_AROUND}$", re.IGNORECASE)
_NO_AND_WHY = re.compile(rf"{_TO_US}2\s*[-–—.,:)]+\s*[^\W\d]")
_MARKS = tuple("?!👍👎😡😠🙏✅❌👏😂🙂")
_MOST = 6  # words counted one by one
_LONG = 12


@compiled
def verdict_weights() -> Weights:
    """The weights of verdicts, read once."""
    return unpack(bytes_of("verdicts.bin"), "verdicts.bin")


def numbered_verdict(text: str) -> Verdict | None:
    """The verdict of a text in normal form that is the number alone; only the conversation knows what was offered."""
    match = _NUMBERED.match(text)
    return OFFERED[match.group(1)] if match else None


def says_no_and_why(text: str) -> bool:
    """Whether a text in normal form is "2" and the reason."""
    return _NO_AND_WHY.match(text) is not None


def behind_last_turn(reading: Reading, found: Mapping[str, Sequence[Hit]]) -> int:
    """Place of the first word behind the last stop or word of contrast; 0 where there is none."""
    tokens = reading.tokens
    last = max((at for at in range(1, len(tokens)) if tokens[at].clause != tokens[at - 1].clause), default=0)
    return max([last, *(hit.end for hit in found.get("but", ()) if hit.end < len(tokens))])


def answer_signs(text: str, size: int, found: Mapping[str, Sequence[Hit]]) -> frozenset[str]:
    """Signs beside the words: how many there are, marks and faces, and the fixed phrases of data/wants.tsv."""
    told = {f"words: {min(size, _MOST)}", *(f"mark {mark}" for mark in _MARKS if mark in text)}
    if size > _LONG:
        told.add("a long answer")
    return frozenset(told | {f"phrase: {sign}" for sign in found})


def verdict_shares(
    text: str, reading: Reading, keys: Sequence[str], found: Mapping[str, Sequence[Hit]]
) -> dict[str, float]:
    """Shares of the verdicts for an answer."""
    signs = answer_signs(text, len(keys), found)
    table = verdict_weights()
    return shares(
        table, table.scores(answer_bag(reading.tokens, keys, behind_last_turn(reading, found), signs)), VERDICT
    )
