"""A text opened for reading: its words with their keys, and apart from them what must not be read as words.

Owns the one order of reading: our ticket numbers and those of other portals, then words, then personal data, which is
cut out of the words. It must not know what the words mean. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from handlers.understanding.key import key
from handlers.understanding.meaning import PersonalData
from handlers.understanding.number import find_numbers
from handlers.understanding.portals import PortalNumber, portal_numbers
from handlers.understanding.privacy import personal_data
from handlers.understanding.text import Reading, blanked, normal, read

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Opened:
    """`plain` is the text in normal form; the words of `reading` hold no number of ours and no personal data."""

    plain: str
    reading: Reading
    keys: list[str]
    numbers: tuple[str, ...]
    bad_numbers: tuple[str, ...]
    portals: tuple[PortalNumber, ...]
    personal: tuple[PersonalData, ...]

    @property
    def personal_spans(self) -> list[Span]:
        """Where personal data stands in `plain`."""
        return [(piece.start, piece.end) for piece in self.personal]


def opened(text: str, our_handles: Sequence[str] = ()) -> Opened:
    """Open a text; `our_handles` are accounts of ours, which say nothing."""
    plain = normal(text)
    good, bad, ours = find_numbers(plain)
    reading = read(plain)
    if our_handles and reading.handles:
        own = {handle.lower().lstrip("@") for handle in our_handles}
        others = tuple(handle for handle in reading.handles if handle.lower() not in own)
        reading = replace(reading, handles=others)
    keys = [key(token.surface) for token in reading.tokens]
    portals = portal_numbers(plain)
    ours = (*ours, *((number.start, number.end) for number in portals))
    personal = personal_data(plain, reading, keys, ours)
    apart = [*ours, *((piece.start, piece.end) for piece in personal)]
    if apart:
        kept = [at for at, token in enumerate(reading.tokens) if not _touches(token.start, token.end, apart)]
        tokens = tuple(reading.tokens[at] for at in kept)
        reading = Reading(blanked(reading.text, apart), tokens, reading.handles)
        keys = [keys[at] for at in kept]
    return Opened(plain, reading, keys, good, bad, portals, personal)


def _touches(start: int, end: int, spans: Sequence[Span]) -> bool:
    return any(start < other_end and other_start < end for other_start, other_end in spans)
