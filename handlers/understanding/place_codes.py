"""Places told without a name: pincodes, dialling codes, vehicle plates, and districts inside officers' handles.

Owns their shapes. It must not weigh them. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from handlers.understanding.gazetteer import gazetteer
from handlers.understanding.text import open_name

_TWO_DIGITS = re.compile(r"\d\d")
_PINCODE = re.compile(r"(?<!\d)(1[2-3]\d{4})(?!\d)")
_STD = re.compile(r"(?<!\d)(0\d{3,4})(?!\d)")
_PLATE = re.compile(r"\b(?:HR[\s-]?(?=\d)|hr(?=\d\d[\s-]?[a-z]))(\d{2})(?!\d)")


def codes(text: str) -> Iterator[tuple[str, str, str]]:
    """Pincodes, dialling codes and vehicle plates of a text: (kind, as written, district)."""
    if _TWO_DIGITS.search(text) is None:
        return
    book = gazetteer()
    for kind, pattern, table in (("pincode", _PINCODE, book.pincodes), ("std code", _STD, book.std_codes)):
        for match in pattern.finditer(text):
            if match.group(1) in table:
                yield kind, match.group(), table[match.group(1)]
    for match in _PLATE.finditer(text):
        if match.group(1) in book.plates:
            yield "plate", match.group(), book.plates[match.group(1)]


def in_handles(handles: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Districts named inside handles (@DC_Panchkula): (handle, district)."""
    spellings = gazetteer().names.by_spelling
    for handle in handles:
        for word in open_name(handle).lower().split():
            for place in spellings.get(word, ()):
                if place.kind == "district":
                    yield handle, place.district
