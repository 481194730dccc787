"""Reading an operator's CSV file so that every wrong line can be named at once.

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

_CODE: Final = re.compile(r"[a-z0-9]+(?:[._-][a-z0-9]+)*")
_CODE_LENGTH: Final = 64
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
        self._lines = list(self._split(self._text(source), columns))

    def fault(self, line: Line | None, sentence: str) -> None:
        """Note a fault; `line` None for one of the whole file."""
        self._note(None if line is None else line.number, sentence)

    def raise_faults(self) -> None:
        """Raise DirectoryFaults if anything was noted."""
        if self._faults:
            raise DirectoryFaults([fault for _, fault in sorted(self._faults, key=lambda fault: fault[0])])

    def by_code(self, column: str, read: Callable[[Line], Row]) -> dict[str, Row]:
        """Each line read by `read`, keyed by the code in `column`; doubtful and double codes are faults."""
        rows: dict[str, Row] = {}
        first: dict[str, int] = {}
        for line in self._lines:
            code = line.cells[column]
            if not _CODE.fullmatch(code) or len(code) > _CODE_LENGTH:
                self.fault(line, f"{column} {shown(code)} must be small letters, digits and - _ . (at most 64)")
            elif code in first:
                self.fault(line, f"{column} {shown(code)} stands already in line {first[code]}")
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
        where = self.name if number is None else f"{self.name} line {number}"
        end = "" if sentence.endswith(("?", ".")) else "."
        self._faults.append((number or 0, f"{where}: {sentence}{end}"))

    def _text(self, source: str | Path) -> str:
        if isinstance(source, str):
            return source.removeprefix("\ufeff")
        try:
            return source.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError as error:
            raise DirectoryFaults([f"{self.name}: the file is not UTF-8; save it as CSV UTF-8."]) from error
        except OSError as error:
            raise DirectoryFaults([f"{source}: cannot be read ({error.strerror})."]) from error

    def _split(self, text: str, columns: Sequence[str]) -> Iterator[Line]:
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        try:
            header = [_clean(cell) for cell in next(reader, [])]
            if sorted(header) != sorted(columns):
                self._note(1, f"the columns must be {', '.join(columns)}")
                self.raise_faults()
            for cells in reader:
                if not any(cell.strip() for cell in cells):
                    continue
                if len(cells) != len(header):
                    self._note(reader.line_num, f"it has {len(cells)} cells, the first line {len(header)}")
                    continue
                yield Line(reader.line_num, dict(zip(header, map(_clean, cells), strict=True)))
        except csv.Error as error:
            self._note(reader.line_num, f"not readable as CSV ({error})")


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
