"""Rates that can be compared: what stands in the denominator, Wilson's interval, and who is ranked at all.

Pure. Each docstring is the definition that a figure is defended with.

A result is one way in which a complaint left an office's hands: each answer of an office once its outcome was settled, a
closing by the citizen before any answer, a rejection, a withdrawal, a merging, and a ticket put off to a day that is
still to come. All results stand in the denominator, so that nobody gets a better rate by rejecting, by talking people out
of it, by merging or by putting off; an office that says "done" twice in vain has two results against it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from handlers.digest.shapes import NOT_KNOWN
from handlers.digest.sheet import Rate

LEAST_ANSWERED: Final = 30  # citizens who answered: below that a rate says more of chance than of an office
_Z: Final = 1.959963984540054  # the normal distribution's 97.5 % point: 95 % on both sides


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """How complaints left an office's hands in a stretch of time, each in exactly one of these.

    `solved`: the office said done and the citizen said yes. `accepted_otherwise`: the citizen was content with another
    answer than done. `not_satisfied`: the citizen said no. `no_answer`, `not_askable`: nobody knows. `closed_early`:
    the citizen said it was over before any office answered. `rejected`, `withdrawn`, `merged`: tickets that ended so in
    that time and are still ended so. `planned`: tickets standing put off to a coming day when counted, whenever that was
    done.
    """

    solved: int = 0
    accepted_otherwise: int = 0
    not_satisfied: int = 0
    no_answer: int = 0
    not_askable: int = 0
    closed_early: int = 0
    rejected: int = 0
    withdrawn: int = 0
    merged: int = 0
    planned: int = 0

    @property
    def total(self) -> int:
        """The denominator of every rate."""
        return sum(getattr(self, name) for name in self.__slots__)

    @property
    def answered(self) -> int:
        """Citizens who said yes or no to an office's answer."""
        return self.solved + self.accepted_otherwise + self.not_satisfied


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One department's or district's row. `code` is NOT_KNOWN for tickets that have none (yet); `is_known` is False
    for a code that the tables no longer have.

    Over the time of its table: `received` tickets opened, `disposed` answers given, `reopened` tickets reopened,
    `results`. At `now`: `pending`, `late`. `solved`: results.solved of results.total; None where there is none.
    `rank`: 1 is the highest share of solved; equal shares share a rank; None where fewer than 30 citizens answered, or
    the code is not a known one.
    """

    code: str
    is_known: bool = True
    received: int = 0
    disposed: int = 0
    reopened: int = 0
    pending: int = 0
    late: int = 0
    results: Results = field(default_factory=Results)
    solved: Rate | None = None
    rank: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standings:
    """A ranking and the time from `start` up to, not including, `end` that it is about.

    That is a month itself; in the report of a day or a week the thirty days up to its end, since in fewer days too few
    citizens answer most offices.
    `rows`: ranked ones first, by rank; then the others by how many tickets they received, most first.
    """

    start: datetime
    end: datetime
    rows: tuple[Standing, ...] = ()


def wilson(part: int, whole: int) -> Rate | None:
    """`part` of `whole` with Wilson's 95 % interval (score interval, without continuity correction); None of nothing."""
    if whole <= 0:
        return None
    share = part / whole
    spread = _Z * _Z / whole
    middle = (share + spread / 2) / (1 + spread)
    half = _Z * math.sqrt(share * (1 - share) / whole + spread / (4 * whole)) / (1 + spread)
    low = 0.0 if part == 0 else max(0.0, middle - half)
    high = 1.0 if part == whole else min(1.0, middle + half)
    return Rate(share=share, low=low, high=high)


def ranked(rows: Iterable[Standing]) -> tuple[Standing, ...]:
    """The rows with their rates and ranks, in the order in which they are shown."""
    rated = [replace(row, solved=wilson(row.results.solved, row.results.total), rank=None) for row in rows]
    fit = sorted((row for row in rated if _is_ranked(row)), key=lambda row: (-_share(row), row.code))
    placed = [replace(row, rank=1 + _better(row, fit)) for row in fit]
    rest = sorted(
        (row for row in rated if not _is_ranked(row)),
        key=lambda row: (row.code == NOT_KNOWN, -row.received, -row.pending, row.code),
    )
    return (*placed, *rest)


def _is_ranked(row: Standing) -> bool:
    return row.is_known and row.code != NOT_KNOWN and row.results.answered >= LEAST_ANSWERED


def _share(row: Standing) -> float:
    return row.solved.share if row.solved else 0.0


def _better(row: Standing, fit: Sequence[Standing]) -> int:
    """How many are strictly better; compared in whole numbers, since equal shares must be equal."""
    solved, total = row.results.solved, row.results.total
    return sum(1 for one in fit if one.results.solved * total > solved * one.results.total)
