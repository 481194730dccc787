"""Personal data in a text: found, and dotted out.

Owns the putting together of what identifiers.py and persons.py find. Our own ticket numbers are no personal data. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from handlers.understanding.identifiers import PUBLIC, identifiers
from handlers.understanding.meaning import PersonalData
from handlers.understanding.persons import person_names
from handlers.understanding.text import Reading

DOT = "•"


def personal_data(
    text: str, reading: Reading, keys: Sequence[str], apart: Sequence[tuple[int, int]] = ()
) -> tuple[PersonalData, ...]:
    """Personal data in a text in normal form, in order, without overlaps; positions are those of `text` itself.

    `reading` and `keys` are its words; `apart` are spans that are none, such as our own ticket numbers.
    """
    taken = list(apart)
    found: list[PersonalData] = []
    for kind, start, end in (*identifiers(text), *person_names(reading, keys)):
        if any(start < other_end and other_start < end for other_start, other_end in taken):
            continue
        taken.append((start, end))
        if kind != PUBLIC:
            found.append(PersonalData(kind, text[start:end], start, end))
    return tuple(sorted(found, key=lambda piece: piece.start))


def dotted(text: str, spans: Iterable[tuple[int, int]]) -> str:
    """The text with every letter and digit inside the spans dotted."""
    letters: list[str] | None = None
    for start, end in spans:
        letters = letters or list(text)
        letters[start:end] = [char if char.isspace() else DOT for char in text[start:end]]
    return text if letters is None else "".join(letters)
