"""Haryana's public holidays: the library `holidays`, and above it the operator's own file.

Owns reading both; what an office hour is stands in handlers/time_limits.py.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from datetime import date
from pathlib import Path


class HolidaysFileFault(ValueError):
    """The holidays file cannot be used; the sentence names the line."""


def office_holidays(years: Iterable[int], file: Path | None = None) -> frozenset[date]:
    """The holidays of these years. `file`: CSV with columns date (YYYY-MM-DD) and holiday (yes or no).

    Raises HolidaysFileFault naming the line.
    """
    import holidays

    days = set(holidays.country_holidays("IN", subdiv="HR", years=sorted(set(years))))
    for day, off in _own(file) if file else ():
        (days.add if off else days.discard)(day)
    return frozenset(days)


def _own(file: Path) -> Iterable[tuple[date, bool]]:
    try:
        text = file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise HolidaysFileFault(f"SMGT_HOLIDAYS_FILE: {file} cannot be read ({error.strerror}).") from error
    reader = csv.DictReader(text.splitlines())
    if not {"date", "holiday"} <= set(reader.fieldnames or ()):
        raise HolidaysFileFault(f"SMGT_HOLIDAYS_FILE: {file} needs the columns date and holiday in its first line.")
    for row in reader:
        try:
            day = date.fromisoformat((row["date"] or "").strip())
        except ValueError as error:
            raise HolidaysFileFault(f"{file}, line {reader.line_num}: write the date as YYYY-MM-DD.") from error
        word = (row["holiday"] or "").strip().lower()
        if word not in ("yes", "no"):
            raise HolidaysFileFault(f"{file}, line {reader.line_num}: holiday is yes or no, not {word!r}.")
        yield day, word == "yes"
