"""When are there far more complaints than usual? Arithmetic over counts; no database, no chance of its own. Pure.

The rule, for one category in one district on one day: the counts of the same weekday in the eight weeks before it are
taken as draws from one Poisson rate that is not known. What is known of that rate after them is a gamma distribution
(with a weak prior that stands for one complaint in eight weeks, the floor), so the next count follows a negative binomial
distribution: wider than Poisson's, since eight counts tell a rate badly. Its size is capped, because real days differ more
than Poisson's even where the rate is known well. A count is a surge when as many or more would come by chance on fewer
than ONE_IN of days, over all pairs of district and category together (Bonferroni).

Weekdays are compared with themselves, and eight weeks follow the season.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

WEEKS: Final = 8
LEAST_WEEKS: Final = 3  # with less history nothing is called unusual
LEAST_SEEN: Final = 5  # fewer is no surge, however seldom it happens
PRIOR: Final = 1.0  # complaints within all the weeks together, before any is counted
WIDEST: Final = 30.0  # cap on the size: days scatter by at least 18 % (1 / sqrt 30) around the true rate
ONE_IN: Final = 20  # at most one day in so many has a surge by chance anywhere

Cell = tuple[str, str]  # district, category
Cells = Mapping[Cell, int]


@dataclass(frozen=True, slots=True)
class Unusual:
    """A count that chance does not explain; see report.Surge."""

    cell: Cell
    seen: int
    expected: float
    chance: float


def unusual(today: Cells, history: Sequence[Cells], pairs: int) -> list[Unusual]:
    """The surges of a day, the least probable first. `history`: the same weekday in earlier weeks; `pairs`: of how many
    pairs of district and category the day consists."""
    if len(history) < LEAST_WEEKS:
        return []
    found = []
    for cell, seen in today.items():
        if seen < LEAST_SEEN:
            continue
        before = sum(day.get(cell, 0) for day in history)
        expected = (before + PRIOR) / len(history)
        chance = at_least(seen, expected, min(before + PRIOR, WIDEST))
        if chance * pairs * ONE_IN < 1:
            found.append(Unusual(cell, seen, expected, chance))
    return sorted(found, key=lambda one: (one.chance, -one.seen, one.cell))


def at_least(seen: int, mean: float, size: float) -> float:
    """The chance of `seen` or more under a negative binomial distribution (variance mean + mean**2 / size).

    Summed from `seen` upwards, so that very small chances are not lost beside 1.
    """
    if seen <= 0:
        return 1.0
    if seen <= mean:  # the tail is long there, what is below it short
        return 1.0 - math.fsum(_probability(many, mean, size) for many in range(seen))
    total, many = 0.0, seen
    while True:
        part = _probability(many, mean, size)
        total += part
        if part <= total * 1e-12:
            return min(total, 1.0)
        many += 1


def _probability(many: int, mean: float, size: float) -> float:
    log = math.lgamma(many + size) - math.lgamma(size) - math.lgamma(many + 1)
    return math.exp(log + size * math.log(size / (size + mean)) + many * math.log(mean / (size + mean)))
