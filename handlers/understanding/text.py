"""Normal form of a text and its words: NFC, digits of all scripts, handles, hashtags, links, tokens.

Owns the reading of characters. It must not know any meaning. Pure.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

# Zero for every decimal digit of the three scripts and of full-width forms; keeps the length of the text.
_DIGITS = {zero + value: str(value) for zero in (0x0966, 0x0A66, 0x06F0, 0x0660, 0xFF10) for value in range(10)}
_INVISIBLE = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\u00ad\x00-\x08\x0b-\x1f\x7f]")
_LINK = re.compile(r"(?:https?://|www\.)\S+|\b[\w-]+\.(?:me|com|in|org|net|example)/\S*", re.IGNORECASE)
_PLACEHOLDER = re.compile(r"\[(?:photo|image|video|pic|फोटो|फ़ोटो|तस्वीर|वीडियो|ਫੋਟੋ)[^\]\n]{0,80}\]", re.IGNORECASE)
_HANDLE = re.compile(r"(?<![\w.])@(\w{2,40})")
_HASHTAG = re.compile(r"#([\w\u0900-\u0963\u0a01-\u0a75]+)")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])|_")
_WORD = re.compile(r"[a-z]+(?:['’][a-z]+)?|\d+|[\u0900-\u0963\u0971-\u097f]+|[\u0a00-\u0a65\u0a70-\u0a7f]+|[^\W\d_]+")
_CLAUSE = re.compile(r"[.!?;:|।\n,]+")


@dataclass(frozen=True, slots=True)
class Token:
    """A word as read: lower-case surface, where it stands in the normal text, and the clause it belongs to."""

    surface: str
    start: int
    end: int
    clause: int


@dataclass(frozen=True, slots=True)
class Reading:
    """A text in normal form, with the words of the writer and the words inside handles apart."""

    text: str
    tokens: tuple[Token, ...]
    handles: tuple[str, ...]

    @property
    def words(self) -> list[str]:
        """Surfaces of the tokens, in order."""
        return [token.surface for token in self.tokens]


def ascii_digits(text: str) -> str:
    """Replace the decimal digits of other scripts by ASCII ones; the length stays."""
    return text.translate(_DIGITS)


def normal(text: str) -> str:
    """Normal form: NFC, ASCII digits, no invisible characters. Idempotent."""
    folded = ascii_digits(unicodedata.normalize("NFC", text))
    return unicodedata.normalize("NFC", _INVISIBLE.sub("", folded))


def open_name(name: str) -> str:
    """A handle or hashtag cut into its words: DC_Panchkula, GurugramRains."""
    return _CAMEL.sub(" ", name)


def _open_hashtags(text: str) -> str:
    return _HASHTAG.sub(lambda match: " " + _CAMEL.sub(" ", match.group(1)) + " ", text)


def read(text: str) -> Reading:
    """Split a text in normal form into words; links are dropped, handles kept apart, hashtags opened."""
    plain = normal(text)
    without_links = _PLACEHOLDER.sub(" ", _LINK.sub(" ", plain))
    handles = tuple(_HANDLE.findall(without_links))
    bare = _open_hashtags(_HANDLE.sub(" ", without_links))
    lower = bare.lower().replace("’", "'")
    if len(lower) != len(bare):  # a few capitals lower to two characters; spans must still point into `bare`
        lower = "".join(char.lower() if len(char.lower()) == 1 else char for char in bare)
    tokens: list[Token] = []
    clause = 0
    breaks = [match.start() for match in _CLAUSE.finditer(lower)]
    upcoming = iter([*breaks, len(lower) + 1])
    edge = next(upcoming)
    for match in _WORD.finditer(lower):
        while match.start() > edge:
            clause += 1
            edge = next(upcoming)
        tokens.append(Token(match.group(), match.start(), match.end(), clause))
    return Reading(bare, tuple(tokens), handles)
