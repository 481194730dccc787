"""Normal form of a text and its words: NFC, digits of all scripts, handles, hashtags, links, tokens.

Owns the reading of characters. It must not know any meaning. Pure. Every step after the normal form keeps the length of
the text, so that a word's position is its position in what the citizen wrote.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

# Zero for every decimal digit of the three scripts and of full-width forms; keeps the length of the text.
_DIGITS = {zero + value: str(value) for zero in (0x0966, 0x0A66, 0x06F0, 0x0660, 0xFF10) for value in range(10)}
_INVISIBLE = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\u00ad\x00-\x08\x0b-\x1f\x7f]")
_LINK = re.compile(r"(?:https?://|www\.)\S+|\b[\w-]+\.(?:me|com|in|org|net|example)/\S*", re.IGNORECASE)
_PLACEHOLDER = re.compile(r"\[(?:photo|image|video|pic|फोटो|फ़ोटो|तस्वीर|वीडियो|ਫੋਟੋ)[^\]\n]{0,80}\]", re.IGNORECASE)
_HANDLE = re.compile(r"(?<![\w.])@(\w{2,40})")
_HASHTAG = re.compile(r"#([\w\u0900-\u0963\u0a01-\u0a75]+)")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])|_")
_TOKEN = re.compile(
    r"([a-z]+(?:'(?!s\b)[a-z]+)?|\d+|[\u0900-\u0963\u0971-\u097f]+|[\u0a00-\u0a65\u0a70-\u0a7f]+|[^\W\d_]+)(?:'s\b)?|[.!?;:|।\n,]+"
)


class Token(NamedTuple):
    """A word as read: lower-case surface, where it stands in the normal text, and the clause it belongs to."""

    surface: str
    start: int
    end: int
    clause: int


@dataclass(frozen=True, slots=True)
class Reading:
    """A text in normal form with links, handles and marks blanked, its words, and the handles apart."""

    text: str
    tokens: tuple[Token, ...]
    handles: tuple[str, ...]

    @property
    def words(self) -> list[str]:
        """Surfaces of the tokens, in order."""
        return [token.surface for token in self.tokens]

    def written(self, start: int, end: int) -> str:
        """What stands from token `start` to token `end` (exclusive), as written."""
        return self.text[self.tokens[start].start : self.tokens[end - 1].end]


def ascii_digits(text: str) -> str:
    """Replace the decimal digits of other scripts by ASCII ones; the length stays."""
    return text if text.isascii() else text.translate(_DIGITS)


def normal(text: str) -> str:
    """Normal form: NFC, ASCII digits, no invisible characters. Idempotent."""
    if text.isascii() and text.isprintable():
        return text
    folded = ascii_digits(unicodedata.normalize("NFC", text))
    return unicodedata.normalize("NFC", _INVISIBLE.sub("", folded))


def open_name(name: str) -> str:
    """A handle or hashtag cut into its words: DC_Panchkula, GurugramRains."""
    return _CAMEL.sub(" ", name)


def blanked(text: str, spans: Sequence[tuple[int, int]]) -> str:
    """The text with spaces in place of the spans; the length stays."""
    for start, end in spans:
        text = text[:start] + " " * (end - start) + text[end:]
    return text


def _blank(match: re.Match[str]) -> str:
    return " " * len(match.group())


def _lower(text: str) -> str:
    lower = text.lower().replace("’", "'")
    if len(lower) != len(text):  # a few capitals lower to two characters
        lower = "".join(char.lower() if len(char.lower()) == 1 else char for char in text)
    return lower


def _open_hashtags(text: str) -> tuple[str, list[int]]:
    """The text with the marks of hashtags blanked, and where a hashtag's words meet (GurugramRains)."""
    seams: list[int] = []
    for match in _HASHTAG.finditer(text):
        seams += [match.start(1) + seam.start() for seam in _CAMEL.finditer(match.group(1))]
    return _HASHTAG.sub(lambda match: " " + match.group(1).replace("_", " "), text), seams


def _cut(tokens: Sequence[Token], seams: Sequence[int]) -> Iterator[Token]:
    for token in tokens:
        start = token.start
        for seam in seams:
            if start < seam < token.end:
                yield Token(token.surface[start - token.start : seam - token.start], start, seam, token.clause)
                start = seam
        yield Token(token.surface[start - token.start :], start, token.end, token.clause)


def read(text: str) -> Reading:
    """Split a text in normal form into words; links are blanked, handles kept apart, hashtags opened."""
    bare = normal(text)
    if "/" in bare or "www" in bare or "WWW" in bare:
        bare = _LINK.sub(_blank, bare)
    if "[" in bare:
        bare = _PLACEHOLDER.sub(_blank, bare)
    handles: tuple[str, ...] = ()
    if "@" in bare:
        handles = tuple(_HANDLE.findall(bare))
        bare = _HANDLE.sub(_blank, bare)
    seams: list[int] = []
    if "#" in bare:
        bare, seams = _open_hashtags(bare)
    tokens: list[Token] = []
    clause = 0
    for match in _TOKEN.finditer(_lower(bare)):
        if match.lastindex:
            tokens.append(Token(match.group(1), match.start(), match.end(1), clause))
        else:
            clause += 1
    return Reading(bare, tuple(_cut(tokens, seams) if seams else tokens), handles)
