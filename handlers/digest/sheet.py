"""One edition as it is shown: words already in the reader's language, numbers still numbers.

Pure. This is the seam between what is counted and the forms that are made of it: a form knows sheets alone, so that
the PDF, the page, the spreadsheet and the pictures cannot tell different things. Citizens' words come here masked alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Final

from store.vocabulary import Language

ABSENT: Final = "–"  # in a cell: there is nothing to count, which is not nought

LETTERED: Final = (Language.HI, Language.EN, Language.HI_LATN)
"""The languages whose letters pictures and PDF are set in; there is no package of Gurmukhi ones."""


class Kind(StrEnum):
    """What the numbers of a column are."""

    TEXT = "text"
    COUNT = "count"  # a whole number of things
    HOURS = "hours"  # hours, fractions included
    SHARE = "share"  # a Rate: a part of the whole, with its interval
    DAY = "day"  # written 2026-11-27
    MOMENT = "moment"  # an aware time in ISO's form; shown in the office's zone


@dataclass(frozen=True, slots=True)
class Rate:
    """A share from 0 to 1 and the bounds between which the true one lies with 95 of 100 chances (Wilson)."""

    share: float
    low: float
    high: float


Cell = str | int | float | Rate | None  # what JSON can tell apart: a sheet is kept until its forms are made


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column: its head, and what stands under it. `low` and `high` head the bounds of a share."""

    head: str
    kind: Kind = Kind.COUNT
    low: str = ""
    high: str = ""
    on_paper: bool = True  # else it stands in the spreadsheet alone


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table under its `code` (departments, districts ...); every row has a cell for each column."""

    code: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""
    on_paper: bool = True  # else it stands in the spreadsheet alone


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFigure:
    """One of the few large numbers: what it counts, how many, and what changed since before."""

    label: str
    value: int | None
    change: str = ""
    burns: bool = False  # it is to be looked at


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One line of a trend: its name and a value for each day, None where nothing was counted."""

    code: str
    name: str
    values: tuple[int | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """Lines over days. `shaded`: the first and the last day (counted from 0) that the edition is about."""

    code: str
    title: str
    alt: str  # what it shows, for those who cannot see it
    days: tuple[str, ...]
    series: tuple[Series, ...]
    shaded: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bars:
    """How many in each band, in order."""

    code: str
    title: str
    alt: str
    labels: tuple[str, ...]
    values: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """A whole and its parts, as one bar: (code, label, how many)."""

    code: str
    title: str
    alt: str
    parts: tuple[tuple[str, str, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DistrictMap:
    """A number for each district by its name in the taxonomy; a district that is missing has no figure."""

    code: str
    title: str
    alt: str
    values: tuple[tuple[str, int], ...]
    names: tuple[tuple[str, str], ...]  # by the same names, what to write
    legend: str
    nothing: str  # what hatching means


@dataclass(frozen=True, slots=True, kw_only=True)
class Charts:
    """The pictures of one edition; None where there is nothing to draw."""

    trend: Trend | None = None
    ages: Bars | None = None
    outcomes: Parts | None = None
    districts: DistrictMap | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A heading and the lines below it."""

    title: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Matter:
    """One line of what burns, and masked words of citizens about it, the newest first."""

    line: str
    quotes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Burning:
    """What burns, in the order in which it is read."""

    title: str = ""
    matters: tuple[Matter, ...] = ()

    def told(self, quotes: int) -> list[tuple[str, bool]]:
        """Its lines and whether each is a citizen's; with so many of each matter at most. No matter is left out."""
        return [
            one
            for matter in self.matters
            for one in ((matter.line, False), *((words, True) for words in matter.quotes[:quotes]))
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """One edition in one language. `day`: the last day it is about; `made_at` is aware UTC.

    `stem` names its files (`smgt-2026-11-27-day-cmo-hi`).
    """

    stem: str
    language: Language
    title: str
    about: str  # whom, which days, counted when
    day: date
    made_at: datetime
    author: str
    story: tuple[str, ...]
    calls: Note
    figures: tuple[KeyFigure, ...]
    figures_title: str
    charts: Charts
    tables: tuple[Table, ...]
    notes: tuple[Note, ...]
    summary_title: str  # the spreadsheet's first leaf
    method_title: str  # and its last
    rest: str  # where the rows are that a shortened table leaves out
    foot: str
    burning: Burning = Burning()  # what needs a word today


def on_paper(table: Table) -> Table:
    """The table without the columns that stand in the spreadsheet alone."""
    kept = [at for at, column in enumerate(table.columns) if column.on_paper]
    return replace(
        table,
        columns=tuple(table.columns[at] for at in kept),
        rows=tuple(tuple(row[at] for at in kept) for row in table.rows),
    )


def table_of(sheet: Sheet, code: str) -> Table | None:
    """The table of that code, if the edition has it."""
    return next((one for one in sheet.tables if one.code == code), None)
