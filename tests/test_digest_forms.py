"""The forms of the digest, each read back with other people's code: pictures, PDF, spreadsheet, page, folder."""

from __future__ import annotations

import io
import json
import re
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from datetime import datetime
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec
import openpyxl
import pypdfium2
import pytest
from fontTools.ttLib import TTFont
from PIL import Image

from bot.digest import fonts
from bot.digest.charts import CODES, ChartsFailed, draw
from bot.digest.children import ChildFailed, asked
from bot.digest.folder import FolderUnusable, put_into
from bot.digest.forms import PDF, XLSX, Form, forms_of
from bot.digest.page import mail_page_of, page_of
from bot.digest.pdf import PdfFailed, pdf_of
from bot.digest.xlsx import xlsx_of
from handlers.digest.cells import written
from handlers.digest.sheet import Charts, Column, Kind, Rate, Table
from handlers.understanding.taxonomy import taxonomy
from store.vocabulary import Language
from tests.digest_sheets import HOSTILE, drawn, sheet

BOTH = pytest.mark.parametrize("language", [Language.HI, Language.EN])

# -- cells ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cell", "kind", "text"),
    [
        (123456789, Kind.COUNT, "12,34,56,789"), (0, Kind.COUNT, "0"), (None, Kind.COUNT, "–"),
        (1234.56, Kind.HOURS, "1,234.6"),
        (3, Kind.HOURS, "3.0"), (Rate(0.615, 0.48, 0.744), Kind.SHARE, "62% (48–74)"), (None, Kind.SHARE, "–"),
        ("2026-11-07", Kind.DAY, "7 Nov 2026"), ("2026-11-07T20:00:00+00:00", Kind.MOMENT, "8 Nov 2026, 01:30"),
        ("=1", Kind.TEXT, "=1"),
    ],
)  # fmt: skip
def test_a_cell_is_written_as_india_writes_it(cell: Any, kind: Kind, text: str) -> None:
    assert written(cell, kind, Language.EN) == text


def test_a_day_is_written_in_hindi() -> None:
    assert written("2026-11-07", Kind.DAY, Language.HI) == "7 नव॰ 2026"


# -- pictures ------------------------------------------------------------------------------------------------------------


@BOTH
def test_every_picture_is_large_enough_for_a_telephone_and_the_same_each_time(language: Language) -> None:
    pictures = drawn(language)
    assert list(pictures) == list(CODES)
    for picture in pictures.values():
        with Image.open(io.BytesIO(picture.png)) as shown:
            assert shown.size[0] == 1080
            assert 300 < shown.size[1] < 1300
            assert len(shown.convert("RGB").getcolors(1 << 24) or ()) > 20, "it is not empty"
        assert len(picture.png) < 400_000
        assert b"<text" not in picture.svg, "it would be read with the reader's letters"
    again = draw(sheet(language).charts)
    assert {code: (one.png, one.svg) for code, one in again.items()} == {
        code: (one.png, one.svg) for code, one in pictures.items()
    }


def test_the_map_has_exactly_the_districts_of_the_taxonomy() -> None:
    text = files("handlers.data").joinpath("haryana", "districts.geojson").read_text(encoding="utf-8")
    assert {one["properties"]["name_en"] for one in json.loads(text)["features"]} == set(taxonomy().districts)


def test_pictures_of_nothing_are_drawn_too() -> None:
    whole = sheet(Language.EN).charts
    assert whole.trend is not None
    assert whole.ages is not None
    assert whole.outcomes is not None
    assert whole.districts is not None
    nothing = Charts(
        trend=replace(whole.trend, series=tuple(replace(one, values=(0,) * 14) for one in whole.trend.series)),
        ages=replace(whole.ages, values=(0, 0)),
        outcomes=replace(whole.outcomes, parts=tuple((code, label, 0) for code, label, _ in whole.outcomes.parts)),
        districts=replace(whole.districts, values=()),
    )
    assert list(draw(nothing)) == list(CODES)
    assert draw(Charts()) == {}


def test_a_drawing_process_that_is_killed_is_told_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[subprocess.Popen[bytes]] = []
    popen = subprocess.Popen

    def remembered(*args: Any, **options: Any) -> subprocess.Popen[bytes]:
        begun.append(popen(*args, **options))
        threading.Timer(0.1, begun[-1].send_signal, [signal.SIGKILL]).start()
        return begun[-1]

    monkeypatch.setattr(subprocess, "Popen", remembered)
    made = forms_of(sheet(Language.EN))
    assert "The pictures could not be drawn: its process was ended from outside (SIGKILL)." in made.faults
    assert [one.media_type for one in made.files] == [XLSX, "text/html"]  # setting the PDF was killed as well
    assert not made.pictures


def test_a_drawing_process_that_takes_too_long_is_ended() -> None:
    with pytest.raises(ChartsFailed, match=r"took longer than 0\.01 seconds and was ended"):
        draw(sheet(Language.EN).charts, deadline=0.01)


def test_what_a_child_says_last_is_the_reason() -> None:
    with pytest.raises(ChildFailed, match="Input data was truncated"):
        asked("bot.digest.drawing", b"", deadline=20)
    with pytest.raises(ChildFailed, match="No module named"):
        asked("bot.digest.nothing", b"", deadline=20)


def test_no_process_can_be_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(ChildFailed, match=r"no process could be begun \(No such file or directory\)"):
        asked("bot.digest.drawing", b"", deadline=20)


def test_heavy_libraries_stay_out_of_the_command_line() -> None:
    heavy = {"matplotlib", "numpy", "typst", "xlsxwriter", "aiosmtplib", "fontTools"}
    told = f"import sys, bot.cli, bot.running, bot.schedule; print({heavy} & {{m.split('.')[0] for m in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, check=True)  # noqa: S603 - our own words
    assert done.stdout.strip() == b"set()"


# -- PDF -----------------------------------------------------------------------------------------------------------------


@BOTH
def test_the_pdf_has_two_pages_and_only_our_letters(language: Language) -> None:
    shown = sheet(language)
    made = pdf_of(shown, drawn(language))
    assert made == pdf_of(shown, drawn(language))
    names = set(re.findall(rb"/BaseFont\s*/([A-Za-z0-9+-]+)", made))
    assert names
    assert {name.partition(b"+")[2].split(b"-")[0] for name in names} <= {b"NotoSans", b"NotoSansDevanagari"}
    with pypdfium2.PdfDocument(made) as document:
        assert len(document) == 2
        assert document.get_metadata_dict()["Title"] == f"{shown.title} · {shown.about}"
        assert document.get_metadata_dict()["CreationDate"].startswith("D:20261128")
        assert {tuple(round(side) for side in page.get_size()) for page in document} == {(595, 842)}
        texts = [page.get_textpage().get_text_range() for page in document]
    assert b"/Lang" in made
    assert b"/StructTreeRoot" in made
    for line in (shown.title, *shown.story, *shown.calls.lines, shown.figures_title, "1,23,456"):
        assert squeezed(line) in squeezed(texts[0])
    for words in (*HOSTILE, shown.tables[1].rows[-1][0], "62% (48–74)"):
        assert squeezed(str(words)) in squeezed(texts[1])
    assert "\ufffd" not in "".join(texts)
    assert shown.tables[2].title not in texts[1].splitlines()


def squeezed(text: str) -> str:
    return re.sub(r"\s", "", text)


@BOTH
def test_no_letter_is_missing(language: Language) -> None:
    known: set[int] = set()
    for file in fonts.font_files().values():
        with TTFont(file) as font:
            known |= set(font.getBestCmap())
    words = msgspec.json.encode(sheet(language)).decode()
    assert {letter for letter in words if ord(letter) not in known} == set()


@BOTH
def test_nothing_reaches_the_edge(language: Language) -> None:
    with pypdfium2.PdfDocument(pdf_of(sheet(language), drawn(language))) as document:
        for page in document:
            shown = page.render(scale=1.0, grayscale=True).to_pil()
            wide, high = shown.size
            for edge in ((0, 0, 30, high), (wide - 30, 0, wide, high), (0, 0, wide, 24), (0, high - 20, wide, high)):
                assert shown.crop(edge).getextrema() == (255, 255)


def test_however_many_rows_there_are_two_pages_suffice() -> None:
    shown = sheet(Language.EN, departments=200)
    with pypdfium2.PdfDocument(pdf_of(shown, drawn(Language.EN))) as document:
        assert len(document) == 2
        assert shown.rest in document[1].get_textpage().get_text_range()


def test_without_pictures_there_is_a_pdf() -> None:
    with pypdfium2.PdfDocument(pdf_of(sheet(Language.EN), {})) as document:
        assert len(document) == 2


def test_what_does_not_fit_is_told() -> None:
    shown = sheet(Language.EN)
    with pytest.raises(PdfFailed, match=r"its tables and notes fill \d+ pages instead of 2\."):
        pdf_of(replace(shown, story=shown.story * 200), {})


def test_a_missing_font_is_told_and_the_rest_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    gone = {**fonts.FAMILIES, "Noto Sans Devanagari": ("fontpkg_gone", "fontpkg-gone", "x.ttf")}
    monkeypatch.setattr(fonts, "FAMILIES", gone)
    made = forms_of(sheet(Language.EN))
    assert [one.media_type for one in made.files] == [XLSX, "text/html"]
    missing = "The letters of fontpkg-gone are missing; install SMGT with its requirements.lock again."
    assert made.faults == (missing, f"The PDF cannot be made: {missing}")


def test_a_language_without_letters_is_told() -> None:
    with pytest.raises(PdfFailed, match="cannot be made in pa: SMGT has no letters for it"):
        pdf_of(replace(sheet(Language.EN), language=Language.PA), {})


# -- spreadsheet ---------------------------------------------------------------------------------------------------------


@BOTH
def test_the_spreadsheet_has_typed_cells(language: Language) -> None:
    shown = sheet(language)
    made = xlsx_of(shown)
    assert made == xlsx_of(shown)
    book = openpyxl.load_workbook(io.BytesIO(made))
    assert book.sheetnames == [shown.summary_title, *(one.title for one in shown.tables), shown.method_title]
    leaf = book[shown.tables[0].title]
    head = [cell.value for cell in leaf[1]]
    columns = shown.tables[0].columns
    assert head == [
        columns[0].head,
        columns[1].head,
        columns[2].head,
        columns[2].low,
        columns[2].high,
        *(one.head for one in columns[3:]),
    ]
    assert (leaf.freeze_panes, leaf.auto_filter.ref) == ("B2", "A1:H25")
    due = leaf["H3"].value
    leaf["H3"].value = due.replace(microsecond=0)  # Excel keeps thousandths of a second
    assert [cell.value for cell in leaf[3]] == [
        "Power 1",
        12345,
        0.62,
        0.48,
        0.74,
        0.25,
        *map(datetime.fromisoformat, ("2026-11-20", "2026-11-28T08:00")),
    ]
    assert leaf["C3"].number_format == "0%"
    assert "IST" in leaf["H3"].number_format
    assert leaf["C2"].value is None
    assert book[shown.summary_title]["B5"].value == 123456
    assert book.properties.title == f"{shown.title}, {shown.about}"


def test_words_that_look_like_formulas_stay_words() -> None:
    book = openpyxl.load_workbook(io.BytesIO(xlsx_of(sheet(Language.EN))))
    leaf = book["Late"]
    assert [cell.value for cell in leaf["A"][1:8]] == list(HOSTILE)
    assert {cell.data_type for row in book["Late"].iter_rows() for cell in row} <= {"s", "n", "d"}
    assert not [cell for one in book for row in one.iter_rows() for cell in row if cell.hyperlink]


def test_leaves_have_names_that_excel_takes() -> None:
    one = Table(code="a", title="Late: [all]/offices? and every other thing", columns=(Column(head="x"),), rows=((1,),))
    book = openpyxl.load_workbook(
        io.BytesIO(xlsx_of(replace(sheet(Language.EN), tables=(one, replace(one, code="b")))))
    )
    assert len(book.sheetnames) == len(set(book.sheetnames)) == 4
    assert all(len(name) <= 31 and not re.search(r"[\[\]:*?/\\]", name) for name in book.sheetnames)


# -- page ----------------------------------------------------------------------------------------------------------------


class Reader(HTMLParser):
    """Every start tag with its attributes, the words, and whether tags close in order."""

    VOID = frozenset({"meta", "img", "link", "br"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data


@BOTH
def test_the_page_stands_alone(language: Language) -> None:
    shown = sheet(language)
    text = page_of(shown, drawn(language))
    read = Reader(text)
    tags = [tag for tag, _ in read.tags]
    assert dict(read.tags)["html"]["lang"] == language.value
    assert not {"script", "link", "iframe", "object", "form"} & set(tags)
    outside = [(tag, key, value) for tag, attrs in read.tags for key, value in attrs.items() if key in ("src", "href")]
    assert outside
    assert all(value and value.startswith("data:image/svg+xml;base64,") for _, _, value in outside)
    assert "url(" not in text
    assert "@import" not in text
    headings = [int(tag[1]) for tag in tags if re.fullmatch(r"h[1-6]", tag)]
    assert headings[0] == 1
    assert set(headings[1:]) == {2}
    assert all(attrs.get("alt") for tag, attrs in read.tags if tag == "img")
    assert all(attrs.get("scope") in ("col", "row") for tag, attrs in read.tags if tag == "th")
    assert "width=device-width" in text
    assert "@media print" in text
    for words in (shown.title, *shown.story, *HOSTILE, "62% (48–74)", "1,23,456"):
        assert words in read.words
    assert "<b>&</" not in text


def test_a_mail_takes_its_pictures_from_itself() -> None:
    text = mail_page_of(sheet(Language.EN), {"trend": "cid:trend@smgt"})
    assert [attrs["src"] for tag, attrs in Reader(text).tags if tag == "img"] == ["cid:trend@smgt"]


def test_the_page_is_read_easily_by_weak_eyes() -> None:
    """WCAG AA asks for 4.5 between letters and ground."""
    layout = files("templates").joinpath("forms", "report.html.j2").read_text(encoding="utf-8")
    letters = set(re.findall(r"(?<!-)\bcolor: (#[0-9a-f]{3,6})", layout))
    grounds = set(re.findall(r"background: (#[0-9a-f]{3,6})", layout))
    assert letters
    assert grounds
    assert min(contrast(one, other) for one in letters for other in grounds) >= 4.5


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


# -- together, and into a folder --------------------------------------------------------------------------------------


def test_all_forms_of_an_edition(tmp_path: Path) -> None:
    made = forms_of(sheet(Language.HI), "<b>संदेश</b>")
    stem = "smgt-2026-11-27-day-cmo-hi"
    names = [
        f"{stem}.pdf",
        f"{stem}.xlsx",
        f"{stem}.html",
        *(f"{stem}-{code}.png" for code in CODES),
        f"{stem}.telegram.html",
    ]
    assert [one.name for one in made.files] == names
    assert made.faults == ()
    written_files, faults = put_into(tmp_path / "a" / "b", made.files)
    assert faults == []
    assert [file.name for file in written_files] == names
    assert sorted(file.name for file in (tmp_path / "a" / "b").iterdir()) == sorted(names)
    assert (tmp_path / "a" / "b" / f"{stem}.pdf").read_bytes().startswith(b"%PDF-")


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(FolderUnusable, match=r"cannot be written \(Not a directory\)"):
        put_into(tmp_path / "file" / "folder", [Form("a.pdf", PDF, b"x")])
    (tmp_path / "a.pdf").mkdir()  # a file of that name cannot be put in its place
    written_files, faults = put_into(tmp_path, [Form("a.pdf", PDF, b"x"), Form("b.pdf", PDF, b"y")])
    assert [file.name for file in written_files] == ["b.pdf"]
    assert len(faults) == 1
    assert "a.pdf could not be written" in faults[0]
    assert not [name for name in tmp_path.iterdir() if name.suffix == ".part"]
