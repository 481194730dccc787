"""Backups of the database while SMGT works: one file that holds one moment, checked before it takes its name.

Owns how a copy is made, checked, named and thinned out, on SQLite; what PostgreSQL's own programs do stands in
store/postgres_programs.py. It must not know what the tables mean.
"""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, cast

import sqlalchemy as sa

from store import postgres_programs
from store.db import DatabaseUnusable, writing
from store.marks import BACKED_UP, mark

SQLITE_HEAD: Final = b"SQLite format 3\x00"
POSTGRES_HEAD: Final = b"PGDMP"
_NAME: Final = re.compile(r"smgt-\d{8}T\d{6}Z\.(db|dump)")
_LEFT_OVER: Final = re.compile(r"\.smgt-.*-(\d+)\.part")


class BackupFault(DatabaseUnusable):
    """A backup could not be made or is none; the message is one sentence for the operator."""


@dataclass(frozen=True, slots=True)
class Backup:
    """A finished backup."""

    file: Path
    size: int


def backup_name(engine: sa.Engine, now: datetime) -> str:
    """The name of a backup taken at `now`; names sort by age."""
    return f"smgt-{now:%Y%m%dT%H%M%SZ}.{'db' if engine.dialect.name == 'sqlite' else 'dump'}"


def back_up(engine: sa.Engine, file: Path, now: datetime) -> Backup:
    """Copy the whole database to `file`, private to its owner; an earlier backup of that name is replaced.

    The database may be written meanwhile. The file takes its name only once it is whole, checked and on the disk.
    Raises BackupFault.
    """
    _may_be_written(engine, file)
    with part_of(file) as part:
        if engine.dialect.name == "sqlite":
            _copy_sqlite(engine, part, now)
        else:
            postgres_programs.dump(engine, part)
        to_disk(part)
        size = part.stat().st_size
        part.replace(file)
    to_disk(file.parent)
    with writing(engine) as conn:
        mark(conn, BACKED_UP, now)
    return Backup(file, size)


def thin_out(folder: Path, keep: int) -> list[Path]:
    """Remove all but the newest `keep` backups of a folder, and what broken-off ones left; returns what went."""
    backups = sorted(file for file in folder.iterdir() if _NAME.fullmatch(file.name))
    gone = backups[:-keep]
    for file in folder.iterdir():
        left = _LEFT_OVER.fullmatch(file.name)
        if left is not None and not _is_alive(int(left[1])):
            gone.append(file)
    for file in gone:
        file.unlink()
    return gone


def kind_of(file: Path) -> str:
    """ "sqlite" or "postgresql", by the first bytes of a backup. Raises BackupFault for anything else."""
    if not file.is_file():
        raise BackupFault(f"There is no file {file}; name a backup of `smgt db backup`.")
    with file.open("rb") as opened:
        head = opened.read(len(SQLITE_HEAD))
    if head == SQLITE_HEAD:
        return "sqlite"
    if head.startswith(POSTGRES_HEAD):
        return "postgresql"
    raise BackupFault(f"The file {file} is no backup of SMGT; it was not touched.")


def copy_sqlite_file(source: Path, copy: Path) -> None:
    """Copy an SQLite file that may be in use, whatever its journal, and check the copy. Raises BackupFault."""
    with closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)) as opened:
        _copy(opened, copy)


# -- SQLite ----------------------------------------------------------------------------------------------------------


def _copy_sqlite(engine: sa.Engine, part: Path, now: datetime) -> None:
    with closing(engine.raw_connection()) as pooled:
        _copy(cast(sqlite3.Connection, pooled.driver_connection), part)
    with closing(sqlite3.connect(part, isolation_level=None)) as copy:
        copy.execute("INSERT OR REPLACE INTO counters VALUES (?, ?)", (BACKED_UP, int(now.timestamp())))


def _copy(source: sqlite3.Connection, file: Path) -> None:
    """All pages in one step: in WAL nobody waits for it, and no later write begins it anew."""
    try:
        with closing(sqlite3.connect(file, isolation_level=None)) as copy:
            source.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE")  # one file, no -wal beside it
            told = copy.execute("PRAGMA integrity_check(1)").fetchone()[0]
            broken = copy.execute("PRAGMA foreign_key_check").fetchone()
    except sqlite3.Error as error:
        raise BackupFault(_why(file, error)) from error
    if told != "ok" or broken is not None:
        why = told if told != "ok" else f"a row of {broken[0]} lacks the {broken[2]} it refers to"
        raise BackupFault(f"The database is damaged ({why}), so no copy was kept; restore an older backup.")


def _why(file: Path, error: sqlite3.Error) -> str:
    name = str(getattr(error, "sqlite_errorname", ""))
    if name == "SQLITE_FULL" or name.startswith("SQLITE_IOERR"):
        return f"The copy beside {file.parent} could not be written ({error}); look at the space left there."
    return f"The database could not be copied ({name or type(error).__name__}: {error})."


# -- files -----------------------------------------------------------------------------------------------------------


def _may_be_written(engine: sa.Engine, file: Path) -> None:
    if not file.parent.is_dir():
        raise BackupFault(f"The folder {file.parent} does not exist; create it first.")
    if file.is_dir():
        raise BackupFault(f"{file} is a folder; use --into for a folder.")
    if engine.dialect.name == "sqlite" and file.resolve() == Path(str(engine.url.database)).resolve():
        raise BackupFault(f"{file} is the database itself; name another file.")
    if file.exists() and file.stat().st_size:
        kind_of(file)  # only an earlier backup is replaced


@contextmanager
def part_of(file: Path) -> Iterator[Path]:
    """A new empty file beside `file`, readable by its owner only; gone at the end unless it was renamed."""
    part = file.parent / f".{file.name if file.name.startswith('smgt-') else f'smgt-{file.name}'}-{os.getpid()}.part"
    part.unlink(missing_ok=True)
    os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        yield part
    finally:
        for suffix in ("", "-journal", "-wal", "-shm"):
            Path(f"{part}{suffix}").unlink(missing_ok=True)


def to_disk(path: Path) -> None:
    """Make sure that a file's bytes, or a folder's names, outlive a power cut."""
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's, so alive
        return True
    return True
