"""The sheet as PDF: two pages A4, set by typst in a process of its own.

Owns what typst is told and how much is left out so that two pages suffice. The layout stands in
templates/forms/report.typ; every word comes from the sheet as data, so that nothing in it can be taken for markup.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from typing import Any, Final

import msgspec

from bot.digest.charts import Picture
from bot.digest.children import ChildFailed, asked
from bot.digest.fonts import FontMissing, font_files
from handlers.digest.cells import grouped, written
from handlers.digest.sheet import ABSENT, LETTERED, Column, KeyFigure, Kind, Sheet, Table, on_paper
from handlers.time_limits import OFFICE_ZONE

DEADLINE: Final = 30.0  # seconds; it takes less than one
PAGES: Final = 2
LEFT: Final = (Kind.TEXT, Kind.DAY, Kind.MOMENT)


class PdfFailed(Exception):
    """The PDF could not be made; the message is one sentence."""


@dataclass(frozen=True, slots=True)
class Room:
    """How close the tables are set: letters in points, space above and below a row, how many rows at most, and how many
    of citizens' words about each matter."""

    size: float
    pad: float
    rows: int
    quotes: int = 1


ROOMS: Final = (
    Room(8.0, 2.4, 60, 3), Room(7.5, 1.8, 60, 3), Room(7.0, 1.3, 40, 3), Room(7.0, 1.3, 40), Room(7.0, 1.3, 23),
    Room(7.0, 1.3, 12), Room(6.5, 1.1, 8, 0), Room(6.5, 1.1, 5, 0),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Order:
    """What the setting process is told: the layout, its inputs from the roomiest on, the letters, the moment it was made."""

    layout: str
    inputs: list[dict[str, str]]
    fonts: list[str]
    made_at: datetime
    pages: int


def pdf_of(sheet: Sheet, pictures: dict[str, Picture], *, deadline: float = DEADLINE) -> bytes:
    """The PDF; equal sheets give equal bytes. Blocks for about a second. Raises PdfFailed."""
    if sheet.language not in LETTERED:
        raise PdfFailed(
            f"The PDF cannot be made in {sheet.language.value}: SMGT has no letters for it; ask for hi or en."
        )
    try:
        fonts = [str(file.parent) for file in font_files().values()]
    except FontMissing as fault:
        raise PdfFailed(f"The PDF cannot be made: {fault}") from fault
    shown = {f"picture-{code}": picture.svg.decode() for code, picture in pictures.items()}
    inputs = [{"sheet": msgspec.json.encode(_data(sheet, list(pictures), room)).decode(), **shown} for room in ROOMS]
    layout = files("templates").joinpath("forms", "report.typ").read_text(encoding="utf-8")
    order = Order(layout, inputs, fonts, sheet.made_at.replace(microsecond=0), PAGES)  # typst wants whole seconds
    try:
        return asked("bot.digest.typesetting", msgspec.json.encode(order), deadline=deadline)
    except ChildFailed as fault:
        raise PdfFailed(f"The PDF could not be made: {fault}.") from fault


def _data(sheet: Sheet, pictures: list[str], room: Room) -> dict[str, Any]:
    made = sheet.made_at.astimezone(OFFICE_ZONE)
    return {
        "title": sheet.title,
        "about": sheet.about,
        "author": sheet.author,
        "lang": sheet.language.value.partition("-")[0],
        "date": [made.year, made.month, made.day],
        "story": sheet.story,
        "calls": {"title": sheet.calls.title, "lines": sheet.calls.lines},
        "burning": {"title": sheet.burning.title, "lines": sheet.burning.told(room.quotes)},
        "figures_title": sheet.figures_title,
        "figures": [_figure(one) for one in sheet.figures],
        "pictures": {code: getattr(sheet.charts, code).alt for code in pictures},
        "tables": [_table(on_paper(one), sheet, room) for one in sheet.tables if one.on_paper and one.rows],
        "notes_size": min(8.0, room.size),
        "notes": [{"title": one.title, "lines": one.lines} for one in sheet.notes if one.lines],
        "foot": sheet.foot,
    }


def _figure(one: KeyFigure) -> dict[str, Any]:
    value = ABSENT if one.value is None else grouped(one.value)
    return {"label": one.label, "value": value, "change": one.change, "burns": one.burns}


def _table(table: Table, sheet: Sheet, room: Room) -> dict[str, Any]:
    rows = [
        [written(cell, column.kind, sheet.language) for cell, column in zip(row, table.columns, strict=True)]
        for row in table.rows[: room.rows]
    ]
    rest = [sheet.rest] if len(table.rows) > room.rows else []
    return {
        "title": table.title,
        "columns": [{"head": one.head, "number": one.kind not in LEFT, "width": _width(one)} for one in table.columns],
        "rows": rows,
        "note": " ".join([*rest, *([table.note] if table.note else [])]),
        "size": room.size,
        "pad": room.pad,
    }


def _width(column: Column) -> int:
    """In shares of what the names leave; a rate must not be broken."""
    return 18 if column.kind is Kind.SHARE else 10
