"""Reading of the packaged tables (CSV and TSV) into plain rows.

Owns the one place where package data is opened. It must not know what a table means.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from importlib.resources import files
from io import StringIO


class BadTable(ValueError):
    """A packaged or edited table has a row that cannot be used; the message names file and line."""


def csv_rows(package: str, path: str, needed: tuple[str, ...]) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield (line number, row) of a comma-separated table with a header.

    Raises:
        BadTable: a needed column is missing or a row has too many or too few cells.
    """
    text = files(package).joinpath(path).read_text(encoding="utf-8")
    reader = csv.DictReader(StringIO(text, newline=""))
    missing = [name for name in needed if name not in (reader.fieldnames or ())]
    if missing:
        raise BadTable(f"{path}, line 1: column {missing[0]} is missing; add it to the header.")
    for row in reader:
        if None in row or None in row.values():
            raise BadTable(
                f"{path}, line {reader.line_num}: the number of cells differs from the header's; fix the row."
            )
        yield reader.line_num, row


def tsv_rows(path: str, columns: int) -> Iterator[tuple[int, list[str]]]:
    """Yield (line number, cells) of a tab-separated table in the understanding's data; `#` begins a comment line.

    Raises:
        BadTable: a row has another number of cells than `columns`.
    """
    text = files("handlers.understanding").joinpath("data").joinpath(path).read_text(encoding="utf-8")
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        cells = [cell.strip() for cell in line.split("\t")]
        if len(cells) != columns:
            raise BadTable(f"{path}, line {number}: {len(cells)} cells instead of {columns}; part them by tabs.")
        yield number, cells
