"""Personal data in a text: finding it and dotting it out.

Owns what counts as personal data in public: phones, Aadhaar, Family IDs, account and consumer numbers,
e-mail and payment addresses. Our own ticket numbers are none. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache

from stdnum import verhoeff

from handlers.understanding.meaning import PersonalData
from handlers.understanding.number import find_numbers
from handlers.understanding.tables import tsv_rows
from handlers.understanding.text import ascii_digits

_EMAIL = re.compile(r"[A-Za-z0-9][\w.+-]*@[A-Za-z][\w-]*(?:\.[\w-]+)*")
_PHONE = re.compile(r"(?<![\d\w])(?:\+?\s?91[\s.\-]*|0)?\(?[6-9](?:[\s.\-()]{0,2}\d){9}(?![\d\w])")
_AADHAAR = re.compile(r"(?<![\d\w])[2-9]\d{3}[\s.\-]?\d{4}[\s.\-]?\d{4}(?![\d\w])")
_MIXED = re.compile(r"(?<![A-Za-z0-9])(?=[A-Za-z0-9]*\d)(?=[A-Za-z0-9]*[A-Za-z])[A-Za-z0-9]{8}(?![A-Za-z0-9])")
_CODE = re.compile(r"(?<![A-Za-z0-9])(?:[A-Za-z]{1,4})?\d(?:[\s\-]?\d){5,17}(?![A-Za-z0-9])")
_BIRTH = re.compile(r"(?<!\d)\d{1,2}[-/.]\d{1,2}[-/.](?:19|20)\d{2}(?!\d)")
_REACH = 40  # characters before a number in which a cue word counts


@cache
def _cues() -> dict[str, re.Pattern[str]]:
    """Cue words for each kind (data/personal_cues.tsv)."""
    words: dict[str, list[str]] = {}
    for _, (kind, cells) in tsv_rows("personal_cues.tsv", 2):
        words.setdefault(kind, []).extend(re.escape(cue.strip()) for cue in cells.split("|"))
    return {
        kind: re.compile(rf"(?<![^\W_])(?:{'|'.join(cues)})(?![^\W\d_])", re.IGNORECASE) for kind, cues in words.items()
    }


def _cued(kind: str, text: str, start: int) -> bool:
    return bool(_cues()[kind].search(text, max(0, start - _REACH), start))


def _found(text: str) -> Iterable[tuple[str, int, int]]:
    for match in _EMAIL.finditer(text):
        yield "email", *match.span()
    for match in _PHONE.finditer(text):
        yield "phone", *match.span()
    for match in _AADHAAR.finditer(text):
        digits = re.sub(r"\D", "", match.group())
        if verhoeff.is_valid(digits) or _cued("aadhaar", text, match.start()):
            yield "aadhaar", *match.span()
    for match in _MIXED.finditer(text):
        if _cued("family_id", text, match.start()):
            yield "family_id", *match.span()
    for match in _CODE.finditer(text):
        if _cued("account", text, match.start()) and not _BIRTH.match(text, match.start()):
            yield "account", *match.span()
    for match in _BIRTH.finditer(text):
        if _cued("birth", text, match.start()):
            yield "birth_date", *match.span()


def personal_data(text: str) -> tuple[PersonalData, ...]:
    """Personal data in a text, in order, without overlaps; positions are those of `text` itself."""
    plain = ascii_digits(text)
    ours = find_numbers(text)[2]
    taken: list[tuple[int, int]] = list(ours)
    found: list[PersonalData] = []
    for kind, start, end in _found(plain):
        if any(start < other_end and other_start < end for other_start, other_end in taken):
            continue
        taken.append((start, end))
        found.append(PersonalData(kind, text[start:end], start, end))
    return tuple(sorted(found, key=lambda piece: piece.start))


def dotted(text: str, spans: Iterable[tuple[int, int]]) -> str:
    """The text with every letter and digit inside the spans dotted."""
    letters = list(text)
    for start, end in spans:
        for place in range(start, end):
            if not letters[place].isspace():
                letters[place] = "•"
    return "".join(letters)
