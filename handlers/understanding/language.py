"""Language of a text by script and by a list of function words (data/function_words.tsv).

Owns the choice among en, hi, hi-Latn and pa; Haryanvi counts as Hindi in its script. Pure.
"""

from __future__ import annotations

import re

from handlers.understanding.tables import compiled, tsv_rows
from handlers.understanding.text import Reading
from store.vocabulary import Language

PLAINLY = 2  # different Punjabi words in Latin letters below which a text is taken for Hindi
_DEVANAGARI = re.compile("[\u0904-\u0939\u0958-\u0961]")
_GURMUKHI = re.compile("[\u0a05-\u0a39\u0a59-\u0a5e]")
_LATIN = re.compile("[a-zA-Z]")


@compiled
def _function_words() -> dict[str, list[tuple[Language, float]]]:
    table: dict[str, list[tuple[Language, float]]] = {}
    for _, (tag, weight, words) in tsv_rows("function_words.tsv", 3):
        for word in words.split():
            named = table.setdefault(word, [])
            if all(language_tag is not Language(tag) for language_tag, _ in named):
                named.append((Language(tag), float(weight)))
    return table


def latin_scores(words: list[str]) -> dict[Language, float]:
    """Weight of the function words of each language written in Latin letters."""
    scores = {Language.EN: 0.0, Language.HI_LATN: 0.0, Language.PA: 0.0}
    table = _function_words()
    for word in words:
        found = table.get(word, ())
        for tag, weight in found:
            scores[tag] += weight if len(found) == 1 else weight / 2  # "the", "to", "me" stand in two languages
    return scores


def _punjabi_words(words: list[str]) -> int:
    """How many different function words in Latin letters are of Punjabi."""
    table = _function_words()
    return len({word for word in words if any(tag is Language.PA for tag, _ in table.get(word, ()))})


def language(reading: Reading, hint: Language | None = None) -> Language:
    """Language of a text; where the words do not tell, the hint, else Hindi in Latin letters for a bare name.

    `hint` is the language of the talk so far: it holds for texts too short to speak for themselves.
    """
    text = reading.text
    if not text.isascii():
        gurmukhi = len(_GURMUKHI.findall(text))
        devanagari = len(_DEVANAGARI.findall(text))
        roman = len(_LATIN.findall(text))
        if gurmukhi > devanagari and gurmukhi * 2 >= roman:
            return Language.PA
        if devanagari * 2 >= roman and devanagari:
            return Language.HI
    scores = latin_scores(reading.words)
    best = max(scores, key=lambda tag: scores[tag])
    if scores[best] < 1.0 or (scores[best] < 2.0 and len(reading.tokens) < 3):
        if hint is not None:
            return hint
        if scores[best] == 0.0:
            return Language.EN if len(reading.tokens) > 2 else Language.HI_LATN
    if (
        scores[Language.PA] >= 2.0
        and scores[Language.PA] * 2 >= scores[Language.HI_LATN]
        and _punjabi_words(reading.words) >= PLAINLY
    ):
        return Language.PA
    if scores[Language.EN] > scores[Language.HI_LATN] + scores[Language.PA]:
        return Language.EN
    return Language.HI_LATN
