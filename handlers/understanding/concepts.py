"""What is spoken of, whatever the language: rain, baarish, मींह and ਮੀਂਹ are one concept.

Owns the tables data/concepts.tsv, which anybody who knows the words of the people can extend, and data/no_concepts.tsv.
It must not know what a concept says about a category. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from handlers.understanding.key import key
from handlers.understanding.phrases import Word, word_of
from handlers.understanding.tables import compiled, tsv_rows
from handlers.understanding.text import normal

MOST_MEANINGS = 3  # a sound that stands for more concepts than this tells none of them
LONGEST = 3  # words of an entry
MOST_MET = 50_000  # words remembered

_NONE: tuple[str, ...] = ()


@dataclass(slots=True)
class Concepts:
    """Concepts by the spelling of a word, by its key, and by the keys of two or three words in a row."""

    by_spelling: dict[str, tuple[str, ...]]
    by_key: dict[str, list[tuple[Word, str]]]
    by_keys: dict[tuple[str, ...], tuple[str, ...]]
    longest: dict[str, int]
    none: frozenset[str]  # words that stand for nothing, however they sound
    met: dict[str, tuple[tuple[str, ...], int] | None] = field(default_factory=dict)  # word -> concepts, longest entry

    def of_word(self, surface: str, sounding: str) -> tuple[str, ...]:
        """Concepts that one word stands for: as spelled, or else those of the words that it sounds and looks like."""
        if surface in self.none:
            return _NONE
        spelled = self.by_spelling.get(surface)
        if spelled is not None:
            return spelled
        alike = {concept for word, concept in self.by_key.get(sounding, ()) if word.fits(surface, sounding)}
        return tuple(sorted(alike)) if len(alike) <= MOST_MEANINGS else _NONE

    def _meet(self, surface: str, sounding: str) -> tuple[tuple[str, ...], int] | None:
        """What a word may stand for or begin, remembered for its next time."""
        told, longest = self.of_word(surface, sounding), self.longest.get(sounding, 1)
        if len(self.met) >= MOST_MET:
            self.met.clear()
        known = self.met[surface] = (told, longest) if told or longest > 1 else None
        return known

    def find(self, surfaces: Sequence[str], keys: Sequence[str]) -> set[str]:
        """Every concept of a text."""
        found: set[str] = set()
        met = self.met
        for at, surface in enumerate(surfaces):
            known = met[surface] if surface in met else self._meet(surface, keys[at])
            if known is not None:
                found.update(known[0])
                for size in range(2, known[1] + 1):
                    found.update(self.by_keys.get(tuple(keys[at : at + size]), _NONE))
        return found


def _entries() -> Iterator[tuple[str, tuple[str, ...]]]:
    for _, (concept, written) in tsv_rows("concepts.tsv", 2):
        for entry in written.split("|"):
            yield concept, tuple(normal(entry).lower().split())


@compiled
def concepts() -> Concepts:
    """The table, compiled once."""
    by_spelling: dict[str, set[str]] = {}
    by_key: dict[str, list[tuple[Word, str]]] = {}
    by_keys: dict[tuple[str, ...], set[str]] = {}
    longest: dict[str, int] = {}
    for concept, words in _entries():
        if len(words) == 1:
            by_spelling.setdefault(words[0], set()).add(concept)
            word = word_of(words[0])
            for sounding in word.keys:
                by_key.setdefault(sounding, []).append((word, concept))
        elif len(words) <= LONGEST:
            sounds = tuple(key(word) for word in words)
            by_keys.setdefault(sounds, set()).add(concept)
            longest[sounds[0]] = max(longest.get(sounds[0], 0), len(sounds))
    return Concepts(
        {word: tuple(sorted(named)) for word, named in by_spelling.items()},
        by_key,
        {sounds: tuple(sorted(named)) for sounds, named in by_keys.items()},
        longest,
        frozenset(word for _, (words, _) in tsv_rows("no_concepts.tsv", 2) for word in words.split()),
    )
