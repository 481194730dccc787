"""The operator's list of accounts whom a person answers first: legislators, the press.

Owns the table first_accounts. An account is named by its handle or its id; once it was heard under its handle it is
known by its id, for handles change. It must not know what follows from being on the list.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from store.csv_lines import Line, Lines
from store.inbound import Author
from store.tables import first_accounts
from store.vocabulary import Platform

COLUMNS: Final = ("platform", "handle", "author_id", "note")
PLATFORMS: Final = (Platform.X, Platform.FACEBOOK)
LONGEST_HANDLE: Final = 128
LONGEST_ID: Final = 64
LONGEST_NOTE: Final = 256
Key = tuple[Platform, str]


@dataclass(frozen=True, slots=True)
class FirstAccount:
    """One account of the list. `author_id` is empty until it was heard, unless the operator gave it."""

    platform: Platform
    handle: str
    author_id: str
    note: str


def plain_handle(handle: str) -> str:
    """The handle as it is compared: small letters, without @."""
    return handle.strip().removeprefix("@").casefold()


def all_of_them(conn: sa.Connection) -> list[FirstAccount]:
    """The list, by platform and handle."""
    query = sa.select(first_accounts).order_by(first_accounts.c.platform, first_accounts.c.handle, first_accounts.c.id)
    return [
        FirstAccount(Platform(row.platform), row.handle, row.author_id, row.note) for row in conn.execute(query).all()
    ]


def add(conn: sa.Connection, one: FirstAccount, now: datetime) -> bool:
    """Put an account on the list; False, with its note renewed, if it stood there."""
    known = _same(one.platform, one.handle, one.author_id)
    renewed = first_accounts.update().where(known).values(note=one.note)
    if conn.execute(renewed).rowcount:
        return False
    row = {"platform": one.platform, "handle": one.handle, "author_id": one.author_id, "note": one.note}
    conn.execute(first_accounts.insert().values(**row, added_at=now))
    return True


def drop(conn: sa.Connection, platform: Platform, who: str) -> bool:
    """Take an account off the list by its handle or id; True if it stood there."""
    gone = first_accounts.delete().where(_same(platform, plain_handle(who), who.strip()))
    return conn.execute(gone).rowcount > 0


def _same(platform: Platform, handle: str, author_id: str) -> sa.ColumnElement[bool]:
    by_id = sa.and_(first_accounts.c.author_id == author_id, first_accounts.c.author_id != "")
    by_handle = sa.and_(first_accounts.c.handle == handle, first_accounts.c.handle != "")
    return sa.and_(first_accounts.c.platform == platform, sa.or_(by_id, by_handle))


def recognised(conn: sa.Connection, people: Collection[tuple[Platform, str]], authors: dict[Key, Author]) -> set[Key]:
    """Those of these people who stand on the list, and from now on are known by their ids."""
    if not people:
        return set()
    handles = {plain_handle(authors[key].handle): key for key in people if authors[key].handle}
    ids = {author_id for _, author_id in people}
    named = sa.or_(first_accounts.c.author_id.in_(sorted(ids)), first_accounts.c.handle.in_(sorted(handles)))
    found: set[Key] = set()
    for row in conn.execute(sa.select(first_accounts).where(named)).all():
        platform = Platform(row.platform)
        if row.author_id:
            found |= {(platform, row.author_id)} & set(people)
            continue
        key = handles.get(row.handle)
        if key is not None and key[0] is platform:
            bound = first_accounts.update().where(first_accounts.c.id == row.id, first_accounts.c.author_id == "")
            conn.execute(bound.values(author_id=key[1]))
            found.add(key)
    return found


def import_list(conn: sa.Connection, source: str | Path, now: datetime) -> tuple[int, int]:
    """Make the list that of a CSV or .xlsx file; how many were added and how many dropped.

    Raises DirectoryFaults that names every wrong line; then nothing is changed. An id that was found stays bound.
    """
    lines = Lines("accounts", source, COLUMNS)
    wanted = [one for one in (_read(lines, line) for line in lines) if one is not None]
    lines.raise_faults()
    added = sum(add(conn, one, now) for one in wanted)
    named = {(one.platform, one.handle) for one in wanted if one.handle}
    ids = {(one.platform, one.author_id) for one in wanted if one.author_id}
    dropped = 0
    for one in all_of_them(conn):
        if (one.platform, one.handle) not in named and (one.platform, one.author_id) not in ids:
            dropped += drop(conn, one.platform, one.author_id or one.handle)
    return added, dropped


def _read(lines: Lines, line: Line) -> FirstAccount | None:
    cells = line.cells
    handle, author_id, note = plain_handle(cells["handle"]), cells["author_id"].strip(), cells["note"].strip()
    platform = next((one for one in PLATFORMS if one.value == cells["platform"].strip().lower()), None)
    wrong = wrong_account(handle, author_id, note)
    if platform is None:
        lines.fault(line, "platform must be x or facebook.")
    if wrong is not None:
        lines.fault(line, wrong)
    return None if platform is None or wrong is not None else FirstAccount(platform, handle, author_id, note)


def wrong_account(handle: str, author_id: str, note: str) -> str | None:
    """What is wrong with an account as it was written, in a sentence; None when nothing is."""
    if not handle and not author_id:
        return "handle or author_id must be given."
    if len(handle) > LONGEST_HANDLE or " " in handle:
        return f"handle must be one word of at most {LONGEST_HANDLE} characters."
    if len(author_id) > LONGEST_ID:
        return f"author_id must have at most {LONGEST_ID} characters."
    if not note:
        return "note must say why a person comes first."
    return f"note must have at most {LONGEST_NOTE} characters." if len(note) > LONGEST_NOTE else None
