"""Spreadsheets (.xlsx) as rows of text, in and out, for people who do not work with CSV.

Owns what a cell may be: text or a whole number that the spreadsheet has kept exactly. A formula, a date, a rounded number
are faults that name the cell, since what they show is not what they hold. It must not know what the columns mean.
"""

from __future__ import annotations

import csv
import io
import warnings
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any, Final

SUFFIX: Final = ".xlsx"
LARGEST: Final = 5_000_000  # bytes of the file
LARGEST_UNPACKED: Final = 50_000_000
MOST_ROWS: Final = 20_000
MOST_COLUMNS: Final = 50
UNREADABLE: Final = "\ufffd"  # stands for a cell that was named as a fault
_EXACT: Final = 10**15  # a spreadsheet keeps fifteen digits of a number


class SheetFault(Exception):
    """The file cannot be read as a table; the message is half a sentence about it."""


def rows_of(content: bytes, faults: list[tuple[int, str]]) -> Iterator[tuple[int, list[str]]]:
    """The rows of the one visible sheet, by number; wrong cells are noted in `faults`. Raises SheetFault."""
    from openpyxl import load_workbook  # where it is used: most commands never see a spreadsheet
    from openpyxl.utils.exceptions import InvalidFileException

    _check_size(content)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what openpyxl does not know of a file's decoration is no matter here
            book = load_workbook(io.BytesIO(content), read_only=True, data_only=False, keep_links=False)
    except (InvalidFileException, zipfile.BadZipFile, KeyError, ValueError, TypeError, OSError, SyntaxError) as error:
        raise SheetFault("is not a readable .xlsx file; save it anew") from error
    shown = [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"]
    if len(shown) != 1:
        raise SheetFault(f"has {len(shown)} visible sheets; keep the one to import (hidden ones are not read)")
    for number, cells in enumerate(shown[0].iter_rows(max_col=MOST_COLUMNS + 1), start=1):
        texts = [_text(cell, number, faults) for cell in cells]
        while texts and not texts[-1].strip():
            texts.pop()
        if texts and (number > MOST_ROWS or len(texts) > MOST_COLUMNS):
            raise SheetFault(f"is larger than {MOST_ROWS} rows of {MOST_COLUMNS} cells")
        yield number, texts


def sheet_of(text: str) -> bytes:
    """A CSV text as the bytes of an .xlsx file, every cell as text: numbers stay what they are."""
    from openpyxl import Workbook
    from openpyxl.utils import get_column_letter

    book = Workbook(write_only=True)
    sheet = book.create_sheet("directory")
    sheet.freeze_panes = "A2"
    rows = list(csv.reader(io.StringIO(text, newline="")))
    for at in range(len(rows[0]) if rows else 0):
        longest = max((len(row[at]) for row in rows if len(row) > at), default=0)
        sheet.column_dimensions[get_column_letter(at + 1)].width = min(max(longest + 2, 8), 60)
    for row in rows:
        sheet.append([_cell(sheet, value) for value in row])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _cell(sheet: Any, value: str) -> Any:
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

    cell = WriteOnlyCell(sheet, value=ILLEGAL_CHARACTERS_RE.sub("", value) or None)
    if cell.value is not None:
        cell.data_type = "s"  # also where it begins like a formula
    cell.number_format = "@"
    return cell


def _check_size(content: bytes) -> None:
    if len(content) > LARGEST:
        raise SheetFault(f"is larger than {LARGEST // 1_000_000} MB")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as parts:
            unpacked = sum(part.file_size for part in parts.infolist())
    except zipfile.BadZipFile as error:
        raise SheetFault("is not a readable .xlsx file; save it anew") from error
    if unpacked > LARGEST_UNPACKED:
        raise SheetFault(f"unpacks to more than {LARGEST_UNPACKED // 1_000_000} MB")


def _text(cell: Any, row: int, faults: list[tuple[int, str]]) -> str:
    value = cell.value
    if value is None:
        return ""
    wrong = _wrong(value, cell.data_type)
    if wrong:
        faults.append((row, f"cell {cell.column_letter}{row}: {wrong}."))
        return UNREADABLE
    return str(int(value)) if isinstance(value, float) else str(value)


def _wrong(value: Any, kind: str) -> str:
    if kind == "f":
        return "a formula is not imported; put its value there"
    if kind == "e":
        return f"the spreadsheet shows an error ({value}); correct it"
    if isinstance(value, bool):
        return "TRUE and FALSE mean nothing here; write words"
    if isinstance(value, (datetime, date, time, timedelta)):
        return "the spreadsheet made a date of it; format the column as text and write it anew"
    if isinstance(value, (int, float)) and (value != int(value) or abs(value) >= _EXACT):
        return "the number is not whole, or too long and rounded; format the column as text and write it anew"
    return ""
