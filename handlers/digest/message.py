"""A sheet as one Telegram message: the story, the calls to make, the figures, the heads of the tables.

Pure. Owns the markup and what is left out when it grows too long; every word and number is the sheet's.
"""

from __future__ import annotations

import html
from collections.abc import Iterator
from typing import Final

from handlers.digest.cells import grouped, written
from handlers.digest.sheet import Kind, Sheet, Table, on_paper
from handlers.length import TELEGRAM_LIMIT

ROOMS: Final = ((8, 3), (8, 1), (5, 1), (3, 1), (0, 1), (0, 0))
"""Rows of each table and quotes of each matter that burns, the fullest first."""
COLUMNS: Final = 3  # beside the name


def message_of(sheet: Sheet) -> str:
    """Telegram HTML under 4,096 characters."""
    text = ""
    for rows, quotes in ROOMS:
        text = "\n".join(_lines(sheet, rows, quotes)).strip()
        if len(text) < TELEGRAM_LIMIT:
            return text
    return text[: TELEGRAM_LIMIT - 1].rsplit("\n", 1)[0]


def _lines(sheet: Sheet, rows: int, quotes: int) -> Iterator[str]:
    yield f"<b>{_safe(sheet.title)}</b>, {_safe(sheet.about)}"
    yield from map(_safe, sheet.story)
    if sheet.calls.lines:
        yield f"\n<b>{_safe(sheet.calls.title)}</b>"
        yield from (f"{at}. {_safe(line)}" for at, line in enumerate(sheet.calls.lines, 1))
    if sheet.burning.matters:
        yield f"\n<b>{_safe(sheet.burning.title)}</b>"
        for line, is_quote in sheet.burning.told(quotes):
            yield f"<i>{_safe(line)}</i>" if is_quote else _safe(line)
    yield f"\n<b>{_safe(sheet.figures_title)}</b>"
    for one in sheet.figures:
        if one.value is not None:
            changed = f" ({_safe(one.change)})" if one.change else ""
            yield f"{_safe(one.label)}: {grouped(one.value)}{changed}"
    for table in sheet.tables:
        if table.on_paper and rows and table.rows:
            yield from _table(on_paper(table), sheet, rows)
    for note in sheet.notes:
        yield f"\n<b>{_safe(note.title)}</b>"
        yield from map(_safe, note.lines)


def _table(table: Table, sheet: Sheet, rows: int) -> Iterator[str]:
    """The first rows with the columns that tell most: a share and its bounds before counts."""
    yield f"\n<b>{_safe(table.title)}</b>"
    shown = sorted(range(1, len(table.columns)), key=lambda at: (table.columns[at].kind is not Kind.SHARE, at))[
        :COLUMNS
    ]
    for row in table.rows[:rows]:
        cells = (
            f"{_safe(table.columns[at].head)} {_safe(written(row[at], table.columns[at].kind, sheet.language))}"
            for at in sorted(shown)
            if row[at] is not None
        )
        yield f"{_safe(str(row[0]))}: {'; '.join(cells)}"
    if table.note:
        yield f"<i>{_safe(table.note)}</i>"


def _safe(text: str) -> str:
    return html.escape(text, quote=False)
