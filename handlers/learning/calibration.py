"""From scores to shares that mean what they say: the sharpness of each head, and coverage against accuracy.

Owns calibration on texts that the weights have not seen: each group of hands is left out once. It must not know files.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import exp, log

from handlers.learning.corpus import Judged, Labelled
from handlers.learning.heads import LESSONS, Reader, train_head, verdict_lessons
from handlers.understanding.learned import CATEGORY, GRAVE, KIND, NO_MATTER, WHOM
from handlers.understanding.taxonomy import base_of

# Hands left out together; every kind of writer is in another group.
GROUPS = (
    ("city", "plain", "english", "traps"),
    ("letters", "short", "brief", "kinds-1"),
    ("young", "activists", "first"),
    ("village", "families", "corners", "kinds-2"),
)


@dataclass(frozen=True, slots=True)
class Unseen:
    """Scores of one head for a text that it has not seen, and the labels that are right."""

    text: str
    scores: Mapping[str, float]
    right: frozenset[str]

    def shares(self, sharpness: float) -> dict[str, float]:
        """The scores as shares that add up to one."""
        top = max(self.scores.values())
        grown = {label: exp(sharpness * (score - top)) for label, score in self.scores.items()}
        whole = sum(grown.values())
        return {label: number / whole for label, number in grown.items()}


def _base(code: str) -> str:
    return code if code == NO_MATTER else base_of(code)


def right_labels(text: Labelled, head: str, labels: Iterable[str]) -> frozenset[str]:
    """Labels of a head that are right for a text; of a category all codes with its base."""
    if head == CATEGORY and text.category is not None:
        bases = {_base(code) for code in (text.category, *text.also_right)}
        return frozenset(label for label in labels if _base(label) in bases)
    told = {KIND: text.kind, GRAVE: text.grave, WHOM: text.whom}.get(head)
    return frozenset({told} if told is not None else ())


def unseen(head: str, posts: Sequence[Labelled], reader: Reader, groups: Sequence[Sequence[str]]) -> list[Unseen]:
    """Scores of one head for the posts of each group of hands, trained on the other hands."""
    found: list[Unseen] = []
    for group in groups:
        trained = train_head(LESSONS[head]([post for post in posts if post.hand not in group], reader))
        labels = trained.head.labels
        left_out = [(post, right_labels(post, head, labels)) for post in posts if post.hand in group]
        left_out = [(post, right) for post, right in left_out if right]
        rows = trained.scores([reader(post.text) for post, _ in left_out])
        found += [
            Unseen(post.text, dict(zip(labels, map(float, row), strict=True)), right)
            for (post, right), row in zip(left_out, rows, strict=True)
        ]
    return found


def unseen_verdicts(answers: Sequence[Judged]) -> list[Unseen]:
    """Scores of the verdicts for the answers of each hand, trained on the other hands."""
    found: list[Unseen] = []
    for hand in sorted({answer.hand for answer in answers}):
        trained = train_head(verdict_lessons(answer for answer in answers if answer.hand != hand))
        left_out = [answer for answer in answers if answer.hand == hand]
        rows = trained.scores([lesson.features for lesson in verdict_lessons(left_out)])
        found += [
            Unseen(
                answer.text, dict(zip(trained.head.labels, map(float, row), strict=True)), frozenset({answer.verdict})
            )
            for answer, row in zip(left_out, rows, strict=True)
        ]
    return found


def sharpness_of(found: Sequence[Unseen]) -> float:
    """The sharpness under which the shares of unseen texts surprise least."""
    from scipy.optimize import minimize_scalar

    def surprise(sharpness: float) -> float:
        shares = ((one.shares(sharpness), one.right) for one in found)
        return -sum(log(sum(share[label] for label in right) + 1e-9) for share, right in shares) / len(found)

    best = minimize_scalar(surprise, bounds=(0.3, 12.0), method="bounded")
    return round(float(best.x), 4)
