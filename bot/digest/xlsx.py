"""The sheet as a spreadsheet: numbers stay numbers, days stay days, shares stay shares.

Owns leaves, widths and formats. No formula is ever written: words that begin like one stay words. Nothing here knows a
ticket's words or a person.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Final

import xlsxwriter
from xlsxwriter.exceptions import XlsxWriterException

from handlers.digest.cells import written
from handlers.digest.sheet import Cell, Column, Kind, Rate, Sheet, Table
from handlers.time_limits import OFFICE_ZONE

LEAF_NAME: Final = 31  # characters, Excel's own bound
MOST_QUOTES: Final = 3  # of each matter that burns
WIDEST: Final = 60  # characters
_UNFIT: Final = re.compile(r"[\[\]:*?/\\']")  # in a leaf's name
_NEVER_FORMULAS: Final = {
    "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False, "in_memory": True
}  # fmt: skip
_FORMATS: Final = {  # by what a column holds; the grouping is India's: 1,23,456
    Kind.TEXT: "@",
    Kind.COUNT: "[>=10000000]##\\,##\\,##\\,##0;[>=100000]##\\,##\\,##0;##,##0",
    Kind.HOURS: "0.0",
    Kind.SHARE: "0%",
    Kind.DAY: "dd mmm yyyy",
    Kind.MOMENT: 'dd mmm yyyy hh:mm "IST"',
}


class XlsxFailed(Exception):
    """The spreadsheet could not be made; the message is one sentence."""


def xlsx_of(sheet: Sheet) -> bytes:
    """The workbook; equal sheets give equal bytes. Raises XlsxFailed."""
    kept = io.BytesIO()
    try:
        with xlsxwriter.Workbook(kept, dict(_NEVER_FORMULAS)) as book:
            _fill(book, sheet)
    except (XlsxWriterException, OSError, ValueError, TypeError) as fault:
        raise XlsxFailed(f"The spreadsheet could not be made: {' '.join(str(fault).split()).rstrip('.')}.") from fault
    return kept.getvalue()


def _fill(book: Any, sheet: Sheet) -> None:
    made = sheet.made_at.astimezone(OFFICE_ZONE).replace(tzinfo=None)
    book.set_properties({"title": f"{sheet.title}, {sheet.about}", "author": sheet.author, "created": made})
    formats = {kind: book.add_format({"num_format": shape, "valign": "top"}) for kind, shape in _FORMATS.items()}
    head = book.add_format({"bold": True, "text_wrap": True, "valign": "top", "bg_color": "#E4EAF2", "bottom": 1})
    title = book.add_format({"bold": True, "font_size": 14})
    words = book.add_format({"text_wrap": True, "valign": "top"})
    names: set[str] = set()
    _summary(book.add_worksheet(_leaf(sheet.summary_title, names)), sheet, title, words, formats)
    for table in sheet.tables:
        _table(book.add_worksheet(_leaf(table.title, names)), table, head, formats)
    _method(book.add_worksheet(_leaf(sheet.method_title, names)), sheet, head, words)


def _leaf(title: str, names: set[str]) -> str:
    plain = _UNFIT.sub(" ", title).strip()[:LEAF_NAME] or "-"
    name, at = plain, 1
    while name.casefold() in names:
        at += 1
        name = f"{plain[: LEAF_NAME - 3]} {at}"
    names.add(name.casefold())
    return name


def _summary(leaf: Any, sheet: Sheet, title: Any, words: Any, formats: dict[Kind, Any]) -> None:
    leaf.set_column(0, 0, 42, words)
    leaf.set_column(1, 1, 14)
    leaf.set_column(2, 2, 30)
    leaf.write_string(0, 0, sheet.title, title)
    leaf.write_string(1, 0, sheet.about)
    row = 3
    for figure in sheet.figures:
        leaf.write_string(row, 0, figure.label, words)
        if figure.value is not None:
            leaf.write_number(row, 1, figure.value, formats[Kind.COUNT])
        leaf.write_string(row, 2, figure.change)
        row += 1
    burning = [line for line, _ in sheet.burning.told(MOST_QUOTES)]
    blocks = [
        one
        for title, lines in ((sheet.calls.title, sheet.calls.lines), (sheet.burning.title, burning))
        if lines
        for one in ("", title, *lines)
    ]
    for line in ["", *sheet.story, *blocks]:
        if line:
            leaf.merge_range(row, 0, row, 2, "", words)
            leaf.write_string(row, 0, line, words)
            leaf.set_row(row, 30 if len(line) > LEAF_NAME * 2 else 15)
        row += 1


def _table(leaf: Any, table: Table, head: Any, formats: dict[Kind, Any]) -> None:
    flat = [one for column in table.columns for one in _heads(column)]
    for at, (words, kind) in enumerate(flat):
        leaf.write_string(0, at, words, head)
        width = max([len(words) / (1 if kind is Kind.TEXT else 2), *_widths(table, at, kind)])
        leaf.set_column(at, at, min(WIDEST, max(9, width + 2)))
    for down, row in enumerate(table.rows, start=1):
        cells = [one for cell, column in zip(row, table.columns, strict=True) for one in _cells(cell, column)]
        for at, (cell, (_, kind)) in enumerate(zip(cells, flat, strict=True)):
            _write(leaf, down, at, cell, kind, formats[kind])
    leaf.freeze_panes(1, 1)
    leaf.autofilter(0, 0, max(1, len(table.rows)), len(flat) - 1)
    leaf.set_landscape()
    leaf.fit_to_pages(1, 0)
    leaf.repeat_rows(0)
    if table.note:
        leaf.write_string(len(table.rows) + 2, 0, table.note)


def _widths(table: Table, at: int, kind: Kind) -> Iterator[int]:
    if kind is Kind.TEXT and at < len(table.columns):
        yield from (len(str(row[at] or "")) for row in table.rows)
    elif kind is Kind.MOMENT:
        yield 21
    elif kind is Kind.DAY:
        yield 12


def _heads(column: Column) -> list[tuple[str, Kind]]:
    if column.kind is not Kind.SHARE:
        return [(column.head, column.kind)]
    return [(column.head, Kind.SHARE), (column.low, Kind.SHARE), (column.high, Kind.SHARE)]


def _cells(cell: Cell, column: Column) -> list[Cell]:
    if column.kind is not Kind.SHARE:
        return [cell]
    return [cell.share, cell.low, cell.high] if isinstance(cell, Rate) else [None, None, None]


def _write(leaf: Any, down: int, at: int, cell: Cell, kind: Kind, shape: Any) -> None:
    match cell:
        case None:
            leaf.write_blank(down, at, None, shape)
        case str() if kind in (Kind.DAY, Kind.MOMENT):
            moment = datetime.fromisoformat(cell)
            local = moment.astimezone(OFFICE_ZONE) if moment.tzinfo else moment
            leaf.write_datetime(down, at, local.replace(tzinfo=None), shape)
        case str() | Rate():
            leaf.write_string(down, at, str(cell), shape)
        case _:
            leaf.write_number(down, at, cell, shape)


def _method(leaf: Any, sheet: Sheet, head: Any, words: Any) -> None:
    leaf.set_column(0, 0, 110, words)
    row = 0
    notes: Sequence[tuple[str, Sequence[str]]] = [
        *((one.title, one.lines) for one in sheet.notes if one.lines),
        *((one.title, (one.note,)) for one in sheet.tables if one.note),
        (sheet.method_title, (sheet.foot, written(sheet.made_at.isoformat(), Kind.MOMENT, sheet.language))),
    ]
    for title, lines in notes:
        leaf.write_string(row, 0, title, head)
        for line in lines:
            row += 1
            leaf.write_string(row, 0, line, words)
        row += 2
