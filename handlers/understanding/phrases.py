"""Finding the phrases of a readable table in a text, in key space.

Owns the little language of the tables: words by key (any script and spelling), `=word` as written only,
`word*` by the beginning of its key, `~` for at most four other words between. It must not know what a
phrase stands for. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from rapidfuzz import fuzz

from handlers.understanding.key import dictionary_keys, fine_key, is_variant, key, latin
from handlers.understanding.tables import BadTable, tsv_rows
from handlers.understanding.text import Token, normal

MOST_MET = 50_000  # words remembered by a table
GAP = 4  # words that `~` may skip
ALIKE = 68.0  # ratio of letters below which two short words with one key are two words (tell, tail)
MIDDLING = 5  # letters of a key up to which words must also look alike
SHORT = 3  # letters of a key up to which the finer key must agree too


@lru_cache(maxsize=100_000)
def resembles(surface: str, letters: str) -> bool:
    """Whether a word looks like `letters`, or is a known other spelling of something that does."""
    return (surface != letters and is_variant(surface)) or fuzz.ratio(latin(surface), letters) >= ALIKE


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a table, and what counts as the same word in a text."""

    exact: str | None
    keys: frozenset[str]
    prefix: str | None
    gap_before: bool
    fine: str | None = None  # short words must also agree in this
    letters: str = ""  # Latin letters, which a word of middling length must resemble

    def fits(self, surface: str, sounding: str) -> bool:
        """Whether a word of a text, with its key, is this word."""
        if self.exact is not None:
            return surface == self.exact
        if self.prefix is not None:
            return sounding.startswith(self.prefix) and (self.fine is None or fine_key(surface).startswith(self.fine))
        if sounding not in self.keys or (self.fine is not None and fine_key(surface) != self.fine):
            return False
        return not self.letters or resembles(surface, self.letters)


@dataclass(frozen=True, slots=True)
class Phrase:
    """One entry of a table."""

    code: str
    weight: float
    written: str
    words: tuple[Word, ...]


class Hit(NamedTuple):
    """A phrase found: token positions `start` to `end` (exclusive)."""

    phrase: Phrase
    start: int
    end: int


@dataclass(slots=True)
class Phrases:
    """A compiled table, found by the first word of each phrase."""

    by_key: dict[str, list[Phrase]] = field(default_factory=dict)
    by_surface: dict[str, list[Phrase]] = field(default_factory=dict)
    by_prefix: dict[str, list[Phrase]] = field(default_factory=dict)
    met: dict[str, tuple[Phrase, ...]] = field(default_factory=dict)  # word -> the phrases it may begin

    def add(self, phrase: Phrase) -> None:
        """File a phrase under its first word."""
        self.met.clear()
        first = phrase.words[0]
        if first.exact is not None:
            self.by_surface.setdefault(first.exact, []).append(phrase)
        elif first.prefix is not None:
            self.by_prefix.setdefault(first.prefix, []).append(phrase)
        else:
            for sounding in first.keys:
                self.by_key.setdefault(sounding, []).append(phrase)

    def find(self, tokens: Sequence[Token], keys: Sequence[str]) -> list[Hit]:
        """Every phrase that occurs, in the order of the text."""
        hits: list[Hit] = []
        met = self.met
        for place, token in enumerate(tokens):
            beginning = met.get(token.surface)
            if beginning is None:
                beginning = self._meet(token.surface, keys[place])
            for phrase in beginning:
                end = _ends(phrase, tokens, keys, place) if len(phrase.words) > 1 else place + 1
                if end:
                    hits.append(Hit(phrase, place, end))
        return hits

    def _meet(self, surface: str, sounding: str) -> tuple[Phrase, ...]:
        """The phrases that a word may begin, remembered for its next time."""
        found = [*self.by_surface.get(surface, ()), *self.by_key.get(sounding, ())]
        for size in range(2, len(sounding) + 1):
            found += self.by_prefix.get(sounding[:size], ())
        if len(self.met) >= MOST_MET:
            self.met.clear()
        beginning = self.met[surface] = tuple(phrase for phrase in found if phrase.words[0].fits(surface, sounding))
        return beginning


def _ends(phrase: Phrase, tokens: Sequence[Token], keys: Sequence[str], place: int) -> int:
    """Position after the phrase when it stands at `place`, else 0."""
    at = place + 1
    size = len(tokens)
    for word in phrase.words[1:]:
        last = min(size, at + (GAP if word.gap_before else 0) + 1)
        for position in range(at, last):
            if word.fits(tokens[position].surface, keys[position]):
                at = position + 1
                break
        else:
            return 0
    return at


def word_of(written: str, gap_before: bool = False) -> Word:
    """Compile one written word."""
    if written.startswith("="):
        return Word(written[1:], frozenset(), None, gap_before)
    if written.endswith("*"):
        stem = key(written[:-1])
        return Word(None, frozenset(), stem, gap_before, fine_key(written[:-1]) if len(stem) <= SHORT else None)
    keys = dictionary_keys(written)
    longest = max(map(len, keys))
    fine = fine_key(written) if longest <= SHORT else None
    letters = latin(written) if longest <= MIDDLING and not is_variant(written) else ""
    return Word(None, keys, None, gap_before, fine, letters)


def phrase(code: str, weight: float, written: str) -> Phrase:
    """Compile one written phrase."""
    words: list[Word] = []
    gap = False
    for part in normal(written).lower().split():
        if part == "~":
            gap = True
            continue
        words.append(word_of(part, gap))
        gap = False
    return Phrase(code, weight, written, tuple(words))


def load_phrases(path: str) -> Phrases:
    """Compile a table of code, weight and phrases parted by `|`.

    Raises:
        BadTable: a weight is no number or a phrase is empty; the message names file and line.
    """
    table = Phrases()
    for number, (code, weight, written) in tsv_rows(path, 3):
        try:
            value = float(weight)
        except ValueError as error:
            raise BadTable(f"{path}, line {number}: weight {weight!r} is no number.") from error
        for part in written.split("|"):
            if not part.strip(" ~"):
                raise BadTable(f"{path}, line {number}: an empty phrase; remove the extra bar.")
            table.add(phrase(code, value, part.strip()))
    return table
