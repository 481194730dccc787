"""Which matter a text is about, and whether to take it, to offer a choice, or to ask.

Owns the decision over the categories' shares. It must not know kinds, places or answers. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass

from handlers.understanding.learned import Learned
from handlers.understanding.tables import compiled
from handlers.understanding.taxonomy import taxonomy
from handlers.understanding.thresholds import threshold
from store.vocabulary import Sensitivity

MOST_OFFERS = 3


@dataclass(frozen=True, slots=True)
class Matter:
    """The category taken, or None and up to three to offer; `confidence` is the first one's share, 0..1."""

    code: str | None
    choices: tuple[str, ...]
    confidence: float


NO_MATTER = Matter(None, (), 0.0)


@compiled
def _sensitive() -> frozenset[str]:
    return frozenset(code for code, row in taxonomy().categories.items() if row.sensitivity is Sensitivity.SENSITIVE)


def is_sensitive(code: str) -> bool:
    """Whether a category must not be spoken of in public."""
    return code in _sensitive()


def chosen(learned: Learned, *, rural: bool = False) -> Matter:
    """Category to take, or those to offer when torn; `rural`: the text tells of a village."""
    shares = learned.categories
    first, second, *_ = learned.best(2)
    if sum(shares[code] for code in _sensitive()) >= threshold("sensitive"):
        best = max(sorted(_sensitive()), key=lambda code: shares[code])
        return Matter(best, (), shares[best])  # silence about it in public outweighs the nearer word
    sure = shares[first] / (
        1.0 - learned.no_matter + 1e-9
    )  # among the matters; whether there is one is another question
    together = sure + shares[second] if _one_desk(first, second, rural=rural) else sure
    if learned.no_matter < threshold("no matter") and (
        sure >= threshold("category")
        or (together >= threshold("one desk") and sure >= threshold("category at one desk"))
    ):
        return Matter(first, (), round(sure, 3))
    offers = [code for code in learned.best(MOST_OFFERS) if shares[code] >= threshold("category offered")]
    return Matter(None, tuple(offers), round(sure, 3))


def _one_desk(first: str, second: str, *, rural: bool) -> bool:
    """Whether two categories go to one department, so that no question is worth its cost."""
    categories = taxonomy().categories
    a, b = (categories[code] for code in (first, second))
    desks = {(one.rural_department if rural else None) or one.department for one in (a, b)}
    return len(desks) == 1 and a.sensitivity == b.sensitivity
