"""Reading of the packaged tables (CSV and TSV) into plain rows, and of those of an office beside them.

Owns the one place where package data is opened, the office's folder, and the forgetting of what was compiled from
another folder. It must not know what a table means.

An office keeps its own folder (SMGT_UNDERSTANDING_DIR). Rows of a table there are added behind the shipped ones, so a
clerk writes down only what is new; what `smgt understand train` has learned stands there in place of the shipped.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from functools import cache, lru_cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from io import StringIO
from pathlib import Path
from typing import ParamSpec, TypeVar

LEARNED = ("met_as_words.tsv", "place_weights.tsv", "name_weights.tsv", "verdicts.bin", "weights.bin")
"""Files that training writes; one in the office's folder takes the place of the shipped one."""

_Given = ParamSpec("_Given")
_Made = TypeVar("_Made")
_forgetting: list[Callable[[], None]] = []
_used: list[Path] = []  # the office's own folder, if any


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


def compiled(make: Callable[_Given, _Made]) -> Callable[_Given, _Made]:
    """Keep what a function compiled from tables, until another folder is used."""
    return remembered(None)(make)


def remembered(most: int | None) -> Callable[[Callable[_Given, _Made]], Callable[_Given, _Made]]:
    """Keep what a function made of its last `most` arguments, until another folder is used."""

    def keep(make: Callable[_Given, _Made]) -> Callable[_Given, _Made]:
        kept = cache(make) if most is None else lru_cache(maxsize=most)(make)
        _forgetting.append(kept.cache_clear)
        return kept  # type: ignore[return-value]

    return keep


def use_folder(folder: Path | None) -> None:
    """Read the office's own tables from this folder; None: the shipped ones alone. Everything compiled is forgotten.

    Raises:
        BadTable: there is no such folder, or it holds a file that is no table of ours.
    """
    if folder is not None:
        _check(folder)
    _used[:] = [folder] if folder is not None else []
    for forget in _forgetting:
        forget()


def used_folder() -> Path | None:
    """The office's own folder in use."""
    return _used[0] if _used else None


def _check(folder: Path) -> None:
    if not folder.is_dir():
        raise BadTable(f"{folder} is no folder; make it, or leave SMGT_UNDERSTANDING_DIR out.")
    known = {file.name for file in _shipped().iterdir()}
    for file in sorted(folder.iterdir()):
        if file.suffix in (".tsv", ".bin") and file.name not in known:
            raise BadTable(f"{file} is no table of ours; its name must be one of {', '.join(sorted(known))}.")


def _shipped() -> Traversable:
    return files("handlers.understanding").joinpath("data")


def _own(path: str) -> Path | None:
    own = _used[0] / path if _used else None
    return own if own is not None and own.is_file() else None


def _texts(path: str) -> Iterator[tuple[str, str]]:
    """Where a table stands and its text: the shipped one, then the office's."""
    own = _own(path)
    if own is None or path not in LEARNED:
        yield path, _shipped().joinpath(path).read_text(encoding="utf-8")
    if own is not None:
        try:
            yield str(own), own.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise BadTable(f"{own} cannot be read as UTF-8 text; save it as UTF-8.") from error


def tsv_rows(path: str, columns: int) -> Iterator[tuple[int, list[str]]]:
    """Yield (line number, cells) of a tab-separated table in the understanding's data; `#` begins a comment line.

    Raises:
        BadTable: a row has another number of cells than `columns`.
    """
    for where, text in _texts(path):
        for number, line in enumerate(text.splitlines(), start=1):
            if not line.strip() or line.startswith("#"):
                continue
            cells = [cell.strip() for cell in line.split("\t")]
            if len(cells) != columns:
                raise BadTable(f"{where}, line {number}: {len(cells)} cells instead of {columns}; part them by tabs.")
            yield number, cells


def bytes_of(path: str) -> bytes:
    """A file of the understanding's data that is no table.

    Raises:
        BadTable: there is no such file, or it cannot be read.
    """
    own = _own(path)
    file = own or _shipped().joinpath(path)
    if not file.is_file():
        raise BadTable(f"{path} is missing from the understanding's data; install SMGT anew.")
    try:
        return file.read_bytes()
    except OSError as error:
        raise BadTable(f"{file} cannot be read; check its rights.") from error
