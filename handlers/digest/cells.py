"""How a cell is written for a reader: 1,23,456 and 62% (48–74), days and times in the reader's language.

Owns no words. Spreadsheets keep numbers as numbers and do not come here.
"""

from __future__ import annotations

from datetime import date, datetime

from babel import Locale
from babel.dates import format_date
from babel.numbers import format_decimal

from handlers.digest.sheet import ABSENT, Cell, Kind, Rate
from handlers.time_limits import OFFICE_ZONE
from store.vocabulary import Language

INDIAN = Locale("en", "IN")  # lakh and crore, with the same digits in every language


def written(cell: Cell, kind: Kind, language: Language) -> str:
    """The cell as text; an absent one as a dash."""
    match cell:
        case None:
            return ABSENT
        case Rate():
            return f"{_percent(cell.share)}% ({_percent(cell.low)}–{_percent(cell.high)})"
        case str():
            return _told(cell, kind, language)
    return format_decimal(cell, "#,##,##0.0", locale=INDIAN) if kind is Kind.HOURS else grouped(cell)


def _told(text: str, kind: Kind, language: Language) -> str:
    match kind:
        case Kind.DAY:
            return _day(date.fromisoformat(text), language)
        case Kind.MOMENT:
            local = datetime.fromisoformat(text).astimezone(OFFICE_ZONE)
            return f"{_day(local.date(), language)}, {local:%H:%M}"
    return text


def grouped(number: float) -> str:
    """1,23,456"""
    return str(format_decimal(number, locale=INDIAN))


def _percent(share: float) -> int:
    return round(share * 100)


def _day(day: date, language: Language) -> str:
    return str(format_date(day, "d MMM y", locale=language.value.replace("-", "_")))
