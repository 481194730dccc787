"""Ticket numbers in any form people type them, and the check digit behind them.

Owns the written form of a number (`HRY26-004821-6`: prefix, two-digit year, serial, Verhoeff check digit
over year and serial). It must not know which numbers exist. Pure.
"""

from __future__ import annotations

import re
from functools import lru_cache

from stdnum import verhoeff

from handlers.understanding.text import ascii_digits

DEFAULT_PREFIX = "HRY"
_PART = r"[\s.\-\u2010-\u2015/_#:]{0,3}"
_BARE = re.compile(r"(?<![\w-])(\d{2})-(\d{6,9})-(\d)(?![\w-]|\.\d)")


def format_number(year: int, serial: int, prefix: str = DEFAULT_PREFIX) -> str:
    """Canonical number of the `serial`-th ticket of an IST year (two or four digits)."""
    body = f"{year % 100:02d}{serial:06d}"
    return f"{prefix}{body[:2]}-{body[2:]}-{verhoeff.calc_check_digit(body)}"


@lru_cache(maxsize=8)
def _pattern(prefix: str) -> re.Pattern[str]:
    spelled = _PART.join(re.escape(char) for char in prefix)
    return re.compile(rf"(?<![A-Za-z0-9]){spelled}{_PART}(\d{{2}}){_PART}(\d{{6,9}}){_PART}(\d)(?!\d)", re.IGNORECASE)


def _canonical(prefix: str, year: str, serial: str, check: str) -> str:
    return f"{prefix}{year}-{serial}-{check}"


def find_numbers(
    text: str, prefix: str = DEFAULT_PREFIX
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[tuple[int, int], ...]]:
    """Numbers of ours in a text: (good in canonical form, bad as canonical form with the wrong digit, spans).

    Without the prefix a number counts only in its full hyphened form and with the right check digit.
    Spans are positions in `text`.
    """
    plain = ascii_digits(text)
    good: list[str] = []
    bad: list[str] = []
    spans: list[tuple[int, int]] = []
    for match in _pattern(prefix).finditer(plain):
        number = _canonical(prefix, *match.groups())
        target = good if verhoeff.is_valid("".join(match.groups())) else bad
        if number not in target:
            target.append(number)
        spans.append(match.span())
    for match in _BARE.finditer(plain):
        if any(start <= match.start() < end for start, end in spans):
            continue
        if verhoeff.is_valid("".join(match.groups())):
            number = _canonical(prefix, *match.groups())
            if number not in good:
                good.append(number)
            spans.append(match.span())
    return tuple(good), tuple(bad), tuple(sorted(spans))
