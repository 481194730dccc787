"""Personal data in a text: finding it and dotting it out.

Owns what counts as personal data in public: phones, Aadhaar, Family IDs, account and consumer numbers,
e-mail and payment addresses. Our own ticket numbers are none. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache

from stdnum import verhoeff

from handlers.understanding.gazetteer import gazetteer
from handlers.understanding.meaning import PersonalData
from handlers.understanding.number import find_numbers
from handlers.understanding.tables import tsv_rows
from handlers.understanding.text import ascii_digits

_EMAIL = re.compile(r"[A-Za-z0-9][\w.+-]*@[A-Za-z][\w-]*(?:\.[\w-]+)*")
_PHONE = re.compile(r"(?<![\d\w])(?:\+?\s?91[\s.\-]*|0)?\(?[6-9](?:[\s.\-()]{0,2}\d){9}(?![\d\w])")
_AADHAAR = re.compile(r"(?<![\d\w])[2-9]\d{3}[\s.\-]?\d{4}[\s.\-]?\d{4}(?![\d\w])")
_MIXED = re.compile(r"(?<![A-Za-z0-9])(?=[A-Za-z0-9]*\d)(?=[A-Za-z0-9]*[A-Za-z])[A-Za-z0-9]{8}(?![A-Za-z0-9])")
_CODE = re.compile(r"(?<![A-Za-z0-9])(?:[A-Za-z]{1,4})?\d(?:[\s\-]?\d){5,17}(?![A-Za-z0-9])")
_SHORT_CODE = re.compile(r"(?<![\dA-Za-z/-])\d{4,6}(?![\dA-Za-z/-]|\.\d)")
_PINCODE = re.compile(r"1[23]\d{4}(?!\d)")  # of Haryana; tells the place, not the person
_BIRTH = re.compile(r"(?<!\d)\d{1,2}[-/.]\d{1,2}[-/.](?:19|20)\d{2}(?!\d)")
# Letters with their vowel signs, which `\w` leaves out in Devanagari and Gurmukhi.
_LETTER = r"[A-Za-z\u0904-\u0963\u0a05-\u0a75]"
_WORD = rf"{_LETTER}+"
_NAME = r"(?:[A-Z][a-z]+|[\u0904-\u0963]+|[\u0a05-\u0a65]+)"
_TITLED = re.compile(
    rf"(?:\b(?:Mr|Mrs|Ms|Smt|Shri|Sh|Dr|Nk|Hav|Sub)\.? |(?<!{_LETTER})(?:श्रीमती|श्री|स्वर्गीय|स्व\.|ਸ਼੍ਰੀ)\s+)"
    rf"({_NAME}(?: {_NAME})?)"
)
_SIGNED = re.compile(
    rf"(?:[-–—]\s*|\n\s*)((?:[A-Z]\. ?)*{_NAME}(?: {_NAME}){{0,2}})(?=\s*(?:,|$)|\s*[,:]?\s*\+?\d{{10}})", re.MULTILINE
)
_BEFORE_PHONE = re.compile(
    rf"(?<!{_LETTER})({_LETTER}{{3,20}}(?: {_LETTER}{{3,20}})?)(?:,[^,.\n]{{0,30}})?,?\s+"
    r"(?=(?:mo|mob|ph|phone|मो)?[.:]?\s*(?:\+?91[\s.-]*|0)?[6-9]\d{9}(?!\d))"
)
_KIN = r"(?:मेरा|पिता का|पत्नी का|पति का|माता का|मां का|बेटे का|भाई का|मरीज का|ਮੇਰਾ)"
_CALLED = re.compile(
    rf"(?:\bnaam (?:hai )?|\bname is |\bmy name's |\bnamed |{_KIN}\s+(?:नाम|ਨਾਮ) )"
    rf"(['\"]?)({_NAME}(?: [A-Z][a-z]+)?|[a-z]{{3,15}}(?= hai\b))\1"
)
_SO_CALLED = re.compile(rf"({_NAME}) नाम (?:का|की|के)(?!{_LETTER})")
_HOME = re.compile(
    r"(?:\b(?:house|h\.?|plot|flat|shop|room|quarter)\s*(?:no|number)?\.?\s*#?\s*\d[\w/-]*|\bH\.?No\.?\s*\d[\w/-]*"
    r"|\bflat [A-Z]?-?\d[\w/-]*(?: Tower [A-Z0-9]+)?"
    r"|(?:मकान|कमरा|प्लॉट|फ्लैट|किला|घर)\s*(?:नंबर|नं\.?|संख्या)\s*\d[\w/-]*)",
    re.IGNORECASE,
)
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


def _cued(kind: str, text: str, start: int, reach: int = _REACH) -> bool:
    return bool(_cues()[kind].search(text, max(0, start - reach), start))


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
    for match in _SHORT_CODE.finditer(text):
        if _cued("short_code", text, match.start(), 22) and not _PINCODE.match(text, match.start()):
            yield "account", *match.span()
    for match in _BIRTH.finditer(text):
        if _cued("birth", text, match.start()):
            yield "birth_date", *match.span()
    for match in _HOME.finditer(text):
        yield "address", *match.span()
    yield from _names(text)


def _names(text: str) -> Iterable[tuple[str, int, int]]:
    """Names with a cue: a title, a signature, "my name is", or right before a phone number."""
    for pattern, group in ((_TITLED, 1), (_SO_CALLED, 1), (_SIGNED, 1), (_CALLED, 2), (_BEFORE_PHONE, 1)):
        for match in pattern.finditer(text):
            start, end = match.span(group)
            words = [word.lower() for word in re.findall(_WORD, text[start:end])]
            if not words or " ".join(words) in gazetteer().places.exact or words[0] in gazetteer().places.exact:
                continue  # "- Safidon" tells the place
            if not any(word in _not_names() for word in words):
                yield "name", start, end


@cache
def _not_names() -> frozenset[str]:
    """Words that stand where a name may stand and are none (data/not_person_names.tsv, function words)."""
    plain = {word for _, (words, _) in tsv_rows("not_person_names.tsv", 2) for word in words.split()}
    return frozenset(plain | {word for _, (_, _, words) in tsv_rows("function_words.tsv", 3) for word in words.split()})


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
