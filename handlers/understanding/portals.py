"""Complaint numbers of the government's other portals: CM Window, CPGRAMS, Jan Samvad.

Owns the table data/portals.tsv. It must not know our own numbers. Pure. Such a number is kept for the officer, who can
look up there what was done before; it is nobody's personal data.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from handlers.understanding.tables import BadTable, compiled, tsv_rows

_ENOUGH_DIGITS = re.compile(r"(?s)\d(?:.*?\d){3}")  # no number of a portal has fewer


class PortalNumber(NamedTuple):
    """A number of another portal, as written, and where it stands."""

    portal: str
    number: str
    start: int
    end: int


@compiled
def _shapes() -> tuple[tuple[str, re.Pattern[str]], ...]:
    shapes = []
    for line, (portal, shape) in tsv_rows("portals.tsv", 2):
        try:
            pattern = re.compile(shape, re.IGNORECASE)
        except re.error as error:
            raise BadTable(f"portals.tsv, line {line}: {shape!r} is no regular expression ({error}).") from None
        if pattern.groups > 1:
            raise BadTable(f"portals.tsv, line {line}: put the number, and nothing else, in one pair of brackets.")
        shapes.append((portal, pattern))
    return tuple(shapes)


def portal_numbers(text: str) -> tuple[PortalNumber, ...]:
    """Numbers of other portals in a text in normal form, in order, without overlaps."""
    if _ENOUGH_DIGITS.search(text) is None:
        return ()
    found: list[PortalNumber] = []
    for portal, pattern in _shapes():
        for match in pattern.finditer(text):
            start, end = match.span(pattern.groups)
            if all(end <= other.start or other.end <= start for other in found):
                found.append(PortalNumber(portal, match.group(pattern.groups), start, end))
    return tuple(sorted(found, key=lambda number: number.start))
