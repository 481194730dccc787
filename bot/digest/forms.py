"""All forms of one edition: what can be made is made, and what cannot is told, one sentence each.

Owns their names and that one failure stops no other. It must not know where they go.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from bot.digest.charts import CODES, ChartsFailed, Picture, draw
from bot.digest.page import PageFailed, page_of
from bot.digest.pdf import PdfFailed, pdf_of
from bot.digest.xlsx import XlsxFailed, xlsx_of
from handlers.digest.sheet import LETTERED, Sheet

PDF: Final = "application/pdf"
XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
HTML: Final = "text/html"
PNG: Final = "image/png"
TEXT: Final = "text/plain"


@dataclass(frozen=True, slots=True)
class Form:
    """One file of an edition: its name, what it is, its bytes."""

    name: str
    media_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Forms:
    """Everything that was made of a sheet, and a sentence for everything that was not."""

    files: tuple[Form, ...]
    pictures: dict[str, Picture]
    faults: tuple[str, ...]

    def of_type(self, media_type: str) -> tuple[Form, ...]:
        """Those of one kind."""
        return tuple(one for one in self.files if one.media_type == media_type)


def forms_of(sheet: Sheet, message: str = "") -> Forms:
    """Pictures, PDF, spreadsheet and page, and the Telegram `message` beside them; blocks for a few seconds."""
    faults: list[str] = []
    pictures: dict[str, Picture] = {}
    made: list[Form] = []
    try:
        pictures = _pictures(sheet)
    except ChartsFailed as fault:
        faults.append(str(fault))
    try:
        made.append(Form(f"{sheet.stem}.pdf", PDF, pdf_of(sheet, pictures)))
    except PdfFailed as fault:
        faults.append(str(fault))
    try:
        made.append(Form(f"{sheet.stem}.xlsx", XLSX, xlsx_of(sheet)))
    except XlsxFailed as fault:
        faults.append(str(fault))
    try:
        made.append(Form(f"{sheet.stem}.html", HTML, page_of(sheet, pictures).encode()))
    except PageFailed as fault:
        faults.append(str(fault))
    made += [Form(f"{sheet.stem}-{code}.png", PNG, pictures[code].png) for code in CODES if code in pictures]
    if message:
        made.append(Form(f"{sheet.stem}.telegram.html", TEXT, message.encode()))
    return Forms(tuple(made), pictures, tuple(faults))


def _pictures(sheet: Sheet) -> dict[str, Picture]:
    if sheet.language not in LETTERED:
        raise ChartsFailed(
            f"Pictures cannot be drawn in {sheet.language.value}: SMGT has no letters for it; ask for hi or en."
        )
    return draw(sheet.charts)
