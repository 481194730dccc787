"""A day named by an officer in their own words: 15/1, 15 January, 15 जनवरी, 10 दिन, 2 weeks.

Owns the reading only; what the day is for is decided elsewhere. No clock: today is told. Months come from Babel's
tables of the three scripts; how Hindi months are written in Latin letters is listed here.
"""

from __future__ import annotations

import re
from datetime import date, timedelta
from functools import cache
from typing import Final

from babel import Locale

LOCALES: Final = ("en", "hi", "pa")
LATIN_HINDI: Final = {
    "janwari": 1, "janvari": 1, "farvari": 2, "farwari": 2, "pharvari": 2, "march": 3, "april": 4, "aprail": 4, "mai": 5,
    "joon": 6, "june": 6, "julai": 7, "agast": 8, "agust": 8, "sitambar": 9, "sept": 9, "aktubar": 10, "oktubar": 10,
    "navambar": 11, "disambar": 12,
}  # fmt: skip
DAYS: Final = r"(?:days?|din|dino|दिन|दिनों|ਦਿਨ|ਦਿਨਾਂ)"
WEEKS: Final = r"(?:weeks?|hafte|hafta|saptah|हफ़्ते|हफ्ते|हफ़्ता|सप्ताह|ਹਫ਼ਤੇ|ਹਫ਼ਤਾ)"
MONTHS: Final = r"(?:months?|mahine|mahina|maah|महीने|महीना|माह|ਮਹੀਨੇ|ਮਹੀਨਾ)"
A_SPAN: Final = re.compile(rf"(\d{{1,3}})\s*(?:({DAYS})|({WEEKS})|({MONTHS}))(?!\w)", re.IGNORECASE)
IN_FIGURES: Final = re.compile(r"(?<!\d)(\d{1,2})\s*[./-]\s*(\d{1,2})(?:\s*[./-]\s*(\d{4}|\d{2}))?(?!\d)")
A_WORD: Final = re.compile(r"[^\W\d_][\w\u0900-\u0903\u093a-\u094f\u0a01-\u0a03\u0a3c-\u0a4d.]*")


def read_day(text: str, today: date) -> tuple[date, str] | None:
    """The day that is named and the words beside it; None where there is none, or no such day in the calendar.

    A day without a year is the next one of that name. A month counts thirty days.
    """
    for found in (_as_span(text, today), _in_figures(text, today), _by_month(text, today)):
        if found is not None:
            return found
    return None


def _as_span(text: str, today: date) -> tuple[date, str] | None:
    found = A_SPAN.search(text)
    if found is None:
        return None
    each = 1 if found[2] else 7 if found[3] else 30
    return today + timedelta(days=int(found[1]) * each), _beside(text, found.start(), found.end())


def _in_figures(text: str, today: date) -> tuple[date, str] | None:
    found = IN_FIGURES.search(text)
    if found is None:
        return None
    day = _day(int(found[1]), int(found[2]), found[3], today)
    return (day, _beside(text, found.start(), found.end())) if day else None


def _by_month(text: str, today: date) -> tuple[date, str] | None:
    """A month's name with a number before or after it, and perhaps a year."""
    for word in A_WORD.finditer(text):
        month = _months().get(word[0].rstrip(".").casefold())
        if month is None:
            continue
        before = re.search(r"(?<!\d)(\d{1,2})(?:st|nd|rd|th)?\s*$", text[: word.start()])
        after = re.match(r"[\s,]*(\d{1,2})(?:st|nd|rd|th)?(?!\d)", text[word.end() :])
        named = before or after
        if named is None:
            continue
        start = before.start() if before else word.start()
        end = word.end() + (after.end() if named is after and after else 0)
        year = re.match(r"[\s,]*(\d{4})(?!\d)", text[end:])
        day = _day(int(named[1]), month, year[1] if year else None, today)
        if day is not None:
            return day, _beside(text, start, end + (year.end() if year else 0))
    return None


def _day(day: int, month: int, year: str | None, today: date) -> date | None:
    try:
        if year is not None:
            return date(int(year) + (2000 if len(year) == 2 else 0), month, day)
        here = date(today.year, month, day)
        return here if here >= today else date(today.year + 1, month, day)
    except ValueError:
        return None


def _beside(text: str, start: int, end: int) -> str:
    return f"{text[:start]} {text[end:]}"


@cache
def _months() -> dict[str, int]:
    found = dict(LATIN_HINDI)
    for name in LOCALES:
        months = Locale.parse(name).months
        for width in ("wide", "abbreviated"):
            for context in ("format", "stand-alone"):
                found |= {word.rstrip(".").casefold(): at for at, word in months[context][width].items()}
    return found
