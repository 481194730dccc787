"""The directory as CSV and as a spreadsheet: out and in again changes nothing; a doubtful cell is named, nothing imported."""

from __future__ import annotations

import csv
import io
import zipfile
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import Workbook, load_workbook

from store.csv_lines import DirectoryFaults, csv_text
from store.db import writing
from store.directory import load_directory
from store.directory_csv import DESK_COLUMNS, POST_COLUMNS, export_desks, export_posts, import_desks, import_posts
from store.people import RUNGS
from store.sheets import sheet_of
from store.vocabulary import Language, Role

NOW = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
LATER = datetime(2026, 11, 25, 4, 0, tzinfo=UTC)
DEPARTMENTS, DISTRICTS = {"power", "police"}, {"Hisar", "Rohtak"}
CHAT = "-1001234567890"


def book(path: Path, *rows: list[Any]) -> Path:
    made = Workbook()
    for row in (list(DESK_COLUMNS), *rows):
        made.active.append(row)
    made.save(path)
    return path


def desks(conn: sa.Connection, source: str | Path) -> Any:
    return import_desks(conn, source, now=NOW)


def posts(conn: sa.Connection, source: str | Path, now: datetime = NOW) -> Any:
    return import_posts(conn, source, now=now, known_departments=DEPARTMENTS, known_districts=DISTRICTS)


def told(engine: sa.Engine, file: Path) -> list[str]:
    """The faults of a file of desks that must change nothing."""
    with writing(engine) as conn:
        with pytest.raises(DirectoryFaults) as caught:
            desks(conn, file)
        assert load_directory(conn, NOW).desks == {}
    return list(caught.value.faults)


def test_numbers_stay_what_they_are(sqlite_engine: sa.Engine, tmp_path: Path) -> None:
    file = book(tmp_path / "desks.xlsx", ["power", "Power", "hi", int(CHAT), 7.0], ["cmo", "2026", "en", None, None])
    with writing(sqlite_engine) as conn:
        desks(conn, file)
        found = load_directory(conn, NOW).desks
    assert (found["power"].chat_id, found["power"].topic_id, found["cmo"].title) == (CHAT, "7", "2026")
    assert found["cmo"].chat_id is None


def test_doubtful_cells_are_named_all_at_once(sqlite_engine: sa.Engine, tmp_path: Path) -> None:
    file = book(
        tmp_path / "desks.xlsx",
        ["power", "=A1", "hi", -1001234567890123456, None],
        ["police", date(2026, 11, 1), "hi", 1.5, True],
        ["nowhere", "Nowhere", "fr", None, None],
    )
    assert told(sqlite_engine, file) == [
        "desks.xlsx cell B2: a formula is not imported; put its value there.",
        "desks.xlsx cell D2: the number is not whole, or too long and rounded; format the column as text and write it anew.",
        "desks.xlsx cell B3: the spreadsheet made a date of it; format the column as text and write it anew.",
        "desks.xlsx cell D3: the number is not whole, or too long and rounded; format the column as text and write it anew.",
        "desks.xlsx cell E3: TRUE and FALSE mean nothing here; write words.",
        "desks.xlsx row 4: language 'fr' is not known; known are en, hi, hi-Latn, pa.",
    ]


def test_hidden_sheets_are_not_read_and_one_visible_sheet_is_needed(sqlite_engine: sa.Engine, tmp_path: Path) -> None:
    file = book(tmp_path / "desks.xlsx", ["power", "Power", "hi", None, None])
    made = load_workbook(file)
    other = made.create_sheet("old")
    other.append(["nonsense"])
    made.save(file)
    assert told(sqlite_engine, file) == [
        "desks.xlsx: it has 2 visible sheets; keep the one to import (hidden ones are not read)."
    ]
    other.sheet_state = "hidden"
    made.save(file)
    with writing(sqlite_engine) as conn:
        assert desks(conn, file).added == ("power",)


def test_what_is_no_spreadsheet_or_too_large_is_refused(sqlite_engine: sa.Engine, tmp_path: Path) -> None:
    file = tmp_path / "desks.xlsx"
    file.write_bytes(b"desk,title\n")
    assert told(sqlite_engine, file) == ["desks.xlsx: it is not a readable .xlsx file; save it anew."]
    file.write_bytes(b"x" * 5_000_001)
    assert told(sqlite_engine, file) == ["desks.xlsx: the file is larger than 5 MB."]
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as parts:
        parts.writestr("xl/workbook.xml", b"0" * 50_000_001)
    assert told(sqlite_engine, file) == ["desks.xlsx: it unpacks to more than 50 MB."]
    with zipfile.ZipFile(file, "w") as parts:
        parts.writestr("readme.txt", "no workbook")
    assert told(sqlite_engine, file) == ["desks.xlsx: it is not a readable .xlsx file; save it anew."]
    wide = book(tmp_path / "wide.xlsx", ["x"] * 60)
    assert told(sqlite_engine, wide) == ["wide.xlsx: it is larger than 20000 rows of 50 cells."]
    huge = tmp_path / "desks.csv"
    huge.write_bytes(b"x" * 5_000_001)
    assert told(sqlite_engine, huge) == ["desks.csv: the file is larger than 5 MB."]


def test_a_character_that_cannot_be_seen_is_refused(sqlite_engine: sa.Engine, tmp_path: Path) -> None:
    file = tmp_path / "desks.csv"
    file.write_text(csv_text(DESK_COLUMNS, [["power", "Po\x07wer", "hi", "", ""]]))
    assert told(sqlite_engine, file) == [
        "desks.csv line 2: title holds a character that cannot be seen; write it anew."
    ]


# -- out and in again, whatever stands there -------------------------------------------------------------------------------

CODES = st.from_regex(r"[a-z0-9]{1,8}(-[a-z0-9]{1,4})?", fullmatch=True)
WORDS = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Zs", "Zl", "Zp", "Cn"], exclude_characters="|\ufffd"),
    min_size=1, max_size=20,
)  # fmt: skip
TITLES = st.one_of(
    WORDS, st.sampled_from(["=SUM(A1)", "007", "1.0E9", "_x0041_", "TRUE", "-", "1/2", '"quoted", comma'])
)


@st.composite
def directory_texts(draw: st.DrawFn) -> tuple[str, str]:
    """A right desks.csv and a right officers.csv for it."""
    codes = draw(st.lists(CODES, max_size=5, unique=True))
    chats = draw(st.lists(st.integers(-(10**13), -1), min_size=len(codes), max_size=len(codes), unique=True))
    desk_rows = [
        [
            code,
            draw(TITLES),
            draw(st.sampled_from([*Language])).value,
            str(chat),
            draw(st.sampled_from(["", "7", "0012"])),
        ]
        for code, chat in zip(codes, chats, strict=True)
    ]
    post_rows = []
    for code in draw(st.lists(CODES, max_size=6, unique=True)):
        role = draw(st.sampled_from([*RUNGS, Role.FIELD_OFFICER, Role.CMO_DESK]))
        department = "" if role in (Role.DISTRICT_NODAL, Role.CMO_DESK) else draw(st.sampled_from(sorted(DEPARTMENTS)))
        places = [["Hisar"], ["Hisar", "Rohtak"], *([["*"]] if role is not Role.DISTRICT_NODAL else [])]
        desk = draw(st.sampled_from(["", *codes]))
        names = "|".join(draw(st.lists(WORDS, max_size=2)))
        districts = "|".join(draw(st.sampled_from(places)))
        post_rows.append([code, draw(TITLES), role.value, department, "", districts, desk, names])
    return csv_text(DESK_COLUMNS, desk_rows), csv_text(POST_COLUMNS, post_rows)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=directory_texts(), suffix=st.sampled_from([".csv", ".xlsx"]))
def test_out_and_in_again_changes_nothing(
    sqlite_engine: sa.Engine, tmp_path: Path, texts: tuple[str, str], suffix: str
) -> None:
    with sqlite_engine.connect() as conn:
        desks(conn, texts[0])
        posts(conn, texts[1])
        before = load_directory(conn, LATER)
        files = [tmp_path / f"{name}{suffix}" for name in ("desks", "officers")]
        for file, text in zip(files, (export_desks(conn, LATER), export_posts(conn, LATER)), strict=True):
            file.write_bytes(text.encode() if suffix == ".csv" else sheet_of(text))
        assert not desks(conn, files[0])
        assert not posts(conn, files[1], LATER)
        assert load_directory(conn, LATER) == before
        assert len(list(csv.reader(io.StringIO(texts[1])))) == len(before.posts) + 1
        conn.rollback()
