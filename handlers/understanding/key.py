"""One phonetic key for Devanagari, Gurmukhi and Latin, under which bijli, bijlee, बिजली and ਬਿਜਲੀ fall together.

Owns the key and its table of exceptions. It must not know what a word means. Pure.
"""

from __future__ import annotations

import re
import unicodedata

from handlers.understanding.tables import compiled, remembered, tsv_rows

# Breath is kept here and folded by the key.
_LETTERS = "कखगघङचछजझञटठडढणतथदधनऩपफबभमयरऱलळऴवशषसह"
_SOUNDS = "k kh g gh n ch chh j jh n t th d dh n t th d dh n n p ph b bh m y r r l l l v sh sh s h"
_CONSONANTS = dict(zip(_LETTERS, _SOUNDS.split(), strict=True))
_VOWELS = {
    "अ": "a", "आ": "aa", "इ": "i", "ई": "ii", "उ": "u", "ऊ": "uu", "ऋ": "ri", "ए": "e", "ऐ": "ai", "ऑ": "o",
    "ओ": "o", "औ": "au", "ऍ": "e", "ऎ": "e", "ऒ": "o",
}  # fmt: skip
_SIGNS = {
    "ा": "aa", "ि": "i", "ी": "ii", "ु": "u", "ू": "uu", "ृ": "ri", "े": "e", "ै": "ai", "ॉ": "o", "ो": "o",
    "ौ": "au", "ॅ": "e", "ॆ": "e", "ॊ": "o",
}  # fmt: skip
_LABIALS = frozenset("पफबभम")
# Steps that fold spellings of one sound, in order: plain text by plain text, or a pattern where the place matters. A step
# is tried only where its letters occur, which is what makes a key quick.
_STEPS: tuple[tuple[str, re.Pattern[str] | str, str], ...] = (
    ("tion", re.compile(r"tion(?=s?$)"), "san"),
    ("sion", re.compile(r"sion(?=s?$)"), "san"),
    ("sch", "sch", "sk"),
    ("ch", re.compile(r"chh|tch|ch"), "C"),
    ("ph", "ph", "f"),
    ("sh", "sh", "s"),
    ("rh", "rh", "d"),  # garh, parhai: the flap written with r
    ("h", re.compile(r"([bdgjkt])h"), r"\1"),
    ("ck", "ck", "k"),
    ("c", re.compile(r"c(?=[eiy])"), "s"),
    ("c", "c", "k"),
    ("w", "w", "v"),
    ("z", "z", "j"),
    ("q", "q", "k"),
    ("x", "x", "ks"),
    ("y", re.compile(r"(?<=[aeiou])y(?=[ie])"), ""),
    ("iy", re.compile(r"iy(?=[aeo])"), "i"),
    ("e", re.compile(r"ee|ii|ea"), "i"),
    ("ii", "ii", "i"),
    ("o", re.compile(r"oo|uu"), "u"),
    ("uu", "uu", "u"),
    ("aa", "aa", "a"),
    ("o", re.compile(r"ou|au|ao"), "o"),
    ("au", "au", "o"),
    ("", re.compile(r"ai|ay$|ei|ey$|ae"), "e"),
    ("y", re.compile(r"y$"), "i"),
)
_LONG_RUN = re.compile(r"(.)\1{2,}")
_DOUBLE = re.compile(r"([a-zC])\1")
_INNER_A = re.compile(r"(?<=.)a(?=.)")


def _indic_to_latin(word: str, flap: str) -> str:
    """Letters of a Devanagari word (Gurmukhi is mapped onto it first) in Latin; `flap` stands for ड़ and ढ़."""
    letters: list[str] = []
    size = len(word)
    for place, char in enumerate(word):
        following = word[place + 1] if place + 1 < size else ""
        if char in _CONSONANTS:
            letters.append(flap if following == "़" and char in "डढ" else _CONSONANTS[char])
            after = word[place + 2] if following == "़" and place + 2 < size else following
            if following == "़" and place + 2 >= size:
                after = ""
            if after and after not in _SIGNS and after != "्":
                letters.append("a")
        elif char in _SIGNS:
            letters.append(_SIGNS[char])
        elif char in _VOWELS:
            letters.append(_VOWELS[char])
        elif char in "ंँ" and following:  # a nasal at the end of a word is not written in Latin by most people
            letters.append("m" if following in _LABIALS else "n")
        elif char.isascii():
            letters.append(char)
    return "".join(letters)


def _gurmukhi_to_devanagari(word: str) -> str:
    # The two blocks follow one plan, 0x100 apart; tippi and addak have no twin.
    folded = word.replace("ੱ", "").replace("ੰ", "ਂ").replace("ੲ", "").replace("ੳ", "")
    return "".join(chr(ord(char) - 0x100) if 0x0A00 <= ord(char) <= 0x0A7F else char for char in folded)


def latin(word: str, flap: str = "d") -> str:
    """Latin letters of a word in any of the three scripts, lower case, accents dropped."""
    first = word[:1]
    if "\u0a00" <= first <= "\u0a7f":
        word = _gurmukhi_to_devanagari(word)
        first = word[:1]
    if "\u0900" <= first <= "\u097f":
        return _indic_to_latin(unicodedata.normalize("NFC", word), flap)
    if word.isascii():
        return word.lower().replace("'", "")
    spread = unicodedata.normalize("NFKD", word.lower())
    return "".join(char for char in spread if char.isascii() and char.isalnum())


@compiled
def _exceptions() -> dict[str, str]:
    """Surface -> the spelling whose key it takes (data/spellings.tsv)."""
    table: dict[str, str] = {}
    for _, (head, variants) in tsv_rows("spellings.tsv", 2):
        for variant in variants.split():
            table[unicodedata.normalize("NFC", variant)] = head
        table[head] = head
    return table


def is_variant(word: str) -> bool:
    """Whether the table of spellings names the word."""
    return word in _exceptions()


def _shorten(letters: str) -> str:
    if _LONG_RUN.search(letters):
        letters = _LONG_RUN.sub(r"\1\1", letters)
    for needed, pattern, by in _STEPS:
        if needed in letters:
            letters = letters.replace(pattern, by) if isinstance(pattern, str) else pattern.sub(by, letters)
    return _INNER_A.sub("", _DOUBLE.sub(r"\1", letters))


@remembered(200_000)
def key(word: str) -> str:
    """Phonetic key of one lower-case word in NFC; digits and words of other scripts are their own key."""
    word = _exceptions().get(word, word)
    return _shorten(latin(word)) or word


@remembered(50_000)
def flapped(word: str) -> str | None:
    """The other key of an Indic word with ड़, ढ़ or ੜ, which Latin letters write as r; None for other words."""
    if "़" not in word and "ੜ" not in word:
        return None
    return _shorten(latin(word, flap="r"))


@remembered(50_000)
def dictionary_keys(word: str) -> frozenset[str]:
    """Every key under which a dictionary word may be met: the flap ड़ is written d or r in Latin."""
    head = _exceptions().get(word, word)
    other = _shorten(latin(head, flap="r"))
    # With three letters or less the two flaps would meet too many other words (ped, per).
    return frozenset({key(word), other}) if len(other) > 3 else frozenset({key(word)})


@remembered(200_000)
def fine_key(word: str) -> str:
    """The key with the breath of consonants kept, to tell short words apart (kal, khaal)."""
    word = _exceptions().get(word, word)
    letters = re.sub(r"([kgtdpb])h", lambda match: match.group(1).upper(), latin(word).replace("jh", "J"))
    return _shorten(letters)
