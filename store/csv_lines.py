"""Reading an operator's CSV file, or the same as a spreadsheet, so that every wrong line can be named at once.

Owns lines, cells and the collecting of faults. It must not know what the columns mean.
"""

from __future__ import annotations

import csv
import difflib
import io
import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from store.sheets import LARGEST, SUFFIX, UNREADABLE, SheetFault, rows_of

_CODE: Final = re.compile(r"[a-z0-9]+(?:[._-][a-z0-9]+)*")
_CODE_LENGTH: Final = 64
_UNSEEN: Final = re.compile("[\\x00-\\x1f\\x7f-\\x9f\\ufffe\\uffff]")
_SHOWN_CELL: Final = 60  # a cell is repeated in a fault up to this length

Row = TypeVar("Row")


class DirectoryFaults(Exception):
    """The file was not imported; `faults` names every wrong line, one sentence each."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = tuple(faults)


@dataclass(frozen=True, slots=True)
class Line:
    """One line: its number in the file (the last one of a cell over several lines) and its cells by column."""

    number: int
    cells: dict[str, str]


class Lines:
    """The lines of one file and the faults found in them.

    `source` is the file's path or its text; `name` is how a text is called in faults. Raises DirectoryFaults if
    the file cannot be read or has other columns.
    """

    def __init__(self, name: str, source: str | Path, columns: Sequence[str]) -> None:
        self.name = source.name if isinstance(source, Path) else name
        self._faults: list[tuple[int, str]] = []
        in_rows = isinstance(source, Path) and source.suffix.lower() == SUFFIX
        self._one = "row" if in_rows else "line"
        rows = self._sheet(source) if isinstance(source, Path) and in_rows else self._csv(self._text(source))
        self._lines = list(self._split(rows, columns))

    def fault(self, line: Line | None, sentence: str) -> None:
        """Note a fault; `line` None for one of the whole file. One about a cell begins with its column.

        What follows from a cell that could not be read is no fault of its own.
        """
        if line is not None and any(
            cell == UNREADABLE and sentence.startswith(column.removesuffix("s")) for column, cell in line.cells.items()
        ):
            return
        self._note(None if line is None else line.number, sentence)

    def raise_faults(self) -> None:
        """Raise DirectoryFaults if anything was noted."""
        if self._faults:
            raise DirectoryFaults([fault for _, fault in sorted(self._faults, key=lambda fault: fault[0])])

    def __iter__(self) -> Iterator[Line]:
        return iter(self._lines)

    def by_code(self, column: str, read: Callable[[Line], Row]) -> dict[str, Row]:
        """Each line read by `read`, keyed by the code in `column`; doubtful and double codes are faults."""
        rows: dict[str, Row] = {}
        first: dict[str, int] = {}
        for line in self._lines:
            code = line.cells[column]
            if not _CODE.fullmatch(code) or len(code) > _CODE_LENGTH:
                self.fault(line, f"{column} {shown(code)} must be small letters, digits and - _ . (at most 64)")
            elif code in first:
                self.fault(line, f"{column} {shown(code)} stands already in {self._one} {first[code]}")
            first.setdefault(code, line.number)
            rows.setdefault(code, read(line))
        return rows

    def title(self, line: Line, column: str, longest: int) -> str:
        """The cell, which must not be empty nor longer than `longest` characters."""
        cell = line.cells[column]
        if not cell:
            self.fault(line, f"{column} is empty")
        elif len(cell) > longest:
            self.fault(line, f"{column} is longer than {longest} characters")
        return cell

    def known(self, line: Line, column: str, cell: str, words: Collection[str]) -> bool:
        """Whether the cell is one of `words`; if not, that is a fault which offers the nearest."""
        if cell in words:
            return True
        near = difflib.get_close_matches(cell, sorted(words), n=1)
        hint = f"; did you mean {near[0]}?" if near else f"; known are {some(sorted(words))}"
        self.fault(line, f"{column} {shown(cell)} is not known{hint}")
        return False

    def number(self, line: Line, column: str, *, negative: bool = False) -> str | None:
        """The cell as a whole number still in text, None if empty."""
        cell = line.cells[column]
        if cell and not re.fullmatch(r"-?[0-9]+" if negative else r"[0-9]+", cell, re.ASCII):
            self.fault(line, f"{column} {shown(cell)} is not a whole number; did a spreadsheet change it?")
            return None
        return cell or None

    def _note(self, number: int | None, sentence: str) -> None:
        where = self.name if number is None else f"{self.name} {self._one} {number}"
        end = "" if sentence.endswith(("?", ".")) else "."
        self._faults.append((number or 0, f"{where}: {sentence}{end}"))

    def _text(self, source: str | Path) -> str:
        if isinstance(source, str):
            return source.removeprefix("\ufeff")
        try:
            return self._content(source).decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise DirectoryFaults([f"{self.name}: the file is not UTF-8; save it as CSV UTF-8."]) from error

    def _content(self, file: Path) -> bytes:
        try:
            if file.stat().st_size > LARGEST:
                raise DirectoryFaults([f"{self.name}: the file is larger than {LARGEST // 1_000_000} MB."])
            return file.read_bytes()
        except OSError as error:
            raise DirectoryFaults([f"{file}: cannot be read ({error.strerror})."]) from error

    def _sheet(self, file: Path) -> Iterator[tuple[int, list[str]]]:
        wrong: list[tuple[int, str]] = []
        try:
            yield from rows_of(self._content(file), wrong)
        except SheetFault as fault:
            raise DirectoryFaults([f"{self.name}: it {fault}."]) from fault
        self._faults += [(number, f"{self.name} {sentence}") for number, sentence in wrong]

    def _csv(self, text: str) -> Iterator[tuple[int, list[str]]]:
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        try:
            for cells in reader:
                yield reader.line_num, cells
        except csv.Error as error:
            self._note(reader.line_num, f"not readable as CSV ({error})")

    def _split(self, rows: Iterator[tuple[int, list[str]]], columns: Sequence[str]) -> Iterator[Line]:
        header = [_clean(cell) for cell in next(rows, (1, []))[1]]
        if sorted(header) != sorted(columns):
            self._note(1, f"the columns must be {', '.join(columns)}")
            self.raise_faults()
        for number, cells in rows:
            if not any(cell.strip() for cell in cells):
                continue
            short = max(0, len(header) - len(cells)) if self._one == "row" else 0
            row = [*cells, *[""] * short]  # a spreadsheet does not keep empty cells at the end
            if len(row) != len(header):
                self._note(number, f"it has {len(row)} cells, the first {self._one} {len(header)}")
                continue
            line = Line(number, dict(zip(header, map(_clean, row), strict=True)))
            for column, cell in line.cells.items():
                if _UNSEEN.search(cell):
                    self.fault(line, f"{column} holds a character that cannot be seen; write it anew")
            yield line


def split_cell(cell: str) -> tuple[str, ...]:
    """The parts of a cell joined by `|`, without empty ones."""
    return tuple(part for part in map(_clean, cell.split("|")) if part)


def some(words: Sequence[str], most: int = 5) -> str:
    """The first few words and how many more there are."""
    more = f" and {len(words) - most} more" if len(words) > most else ""
    return ", ".join(words[:most]) + more


def shown(cell: str) -> str:
    """A cell as it is repeated in a fault."""
    return repr(cell if len(cell) <= _SHOWN_CELL else cell[:_SHOWN_CELL] + "…")


def csv_text(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Rows below their header, as CSV with plain line ends."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return out.getvalue()


def _clean(cell: str) -> str:
    return unicodedata.normalize("NFC", " ".join(cell.split()))
