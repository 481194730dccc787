"""Putting a backup in the database's place, and marking what was put back.

Owns the order of the steps, so that a power cut leaves the old database or the new one, and the refusals: nothing that
holds something is overwritten, and nothing is put under a running SMGT. The mark goes in before anybody can open it. It
must not know what is read back afterwards.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa

from store import postgres_programs
from store.backup import BackupFault, copy_sqlite_file, kind_of, part_of, to_disk
from store.db import DatabaseUnusable, migrate, open_engine, schema_state, writing
from store.lanes import take_sole_run
from store.rewinding import rewind


class RestoreRefused(DatabaseUnusable):
    """Nothing was restored; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What was put back: the moment the copy knows until, and where the database before it lies, if there was one."""

    to: datetime
    moved_to: Path | None = None


def restore(url: str, file: Path, now: datetime, *, replace: bool = False) -> Restored:
    """Put the backup in the place of the database of `url`. Raises BackupFault, RestoreRefused, AlreadyRunning."""
    kind, wanted = kind_of(file), sa.make_url(url).get_backend_name()
    if kind != wanted:
        raise RestoreRefused(
            f"The file {file} is a backup of {_NAMES[kind]}, but SMGT_DATABASE_URL names {_NAMES[wanted]}."
        )
    return _restore_sqlite(url, file, now, replace=replace) if kind == "sqlite" else _restore_postgres(url, file, now)


def mark_restored(engine: sa.Engine, now: datetime) -> datetime:
    """The database was put back by other means: mark it; returns the moment it knows until. Raises AlreadyRunning."""
    with _alone(engine), writing(engine) as conn:
        return rewind(conn, now)


_NAMES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}


@contextlib.contextmanager
def _alone(engine: sa.Engine) -> Iterator[None]:
    """No `smgt run` works with the database meanwhile."""
    if engine.dialect.name == "postgresql":
        others = postgres_programs.sessions_of_others(engine)
        if others:
            raise RestoreRefused(
                f"{others} connections of SMGT are open on this database; stop every `smgt run` on it first."
            )
        yield
        return
    sole = take_sole_run(engine)
    try:
        yield
    finally:
        if sole is not None:
            sole.release()


# -- SQLite ------------------------------------------------------------------------------------------------------------


def _restore_sqlite(url: str, file: Path, now: datetime, *, replace: bool) -> Restored:
    target = Path(str(sa.make_url(url).database))
    if not target.parent.is_dir():
        raise RestoreRefused(f"The folder {target.parent} of the database does not exist; create it first.")
    if target.exists() and file.resolve() == target.resolve():
        raise RestoreRefused(f"{file} is the database itself; name a backup.")
    if target.exists() and not replace:
        raise RestoreRefused(f"There is a database {target} already; --replace moves it aside and keeps it.")
    not_opened = sa.create_engine(url)  # only for its address: opening it would make a file
    with _alone(not_opened), part_of(target) as part:
        copy_sqlite_file(file, part)
        to = _prepare(f"sqlite:///{part}", file, now)
        _into_one_file(part)
        to_disk(part)
        aside = _move_aside(target, now) if target.exists() else None
        part.replace(target)
        to_disk(target.parent)
    return Restored(to, aside)


def _prepare(url: str, file: Path, now: datetime) -> datetime:
    """Bring a copy up to date and mark it. Raises DatabaseUnusable."""
    engine = open_engine(url)
    try:
        if schema_state(engine) == "empty":
            raise BackupFault(f"The file {file} holds no tables of SMGT; it was not restored.")
        migrate(engine)
        with writing(engine) as conn:
            return rewind(conn, now)
    finally:
        engine.dispose()


def _into_one_file(file: Path) -> None:
    with closing(sqlite3.connect(file, isolation_level=None)) as opened:
        opened.execute("PRAGMA journal_mode = DELETE")


def _move_aside(target: Path, now: datetime) -> Path:
    """Keep the old database under another name. Where it can still be read, no moment is without a database."""
    aside = target.with_name(f"{target.name}.before-{now:%Y%m%dT%H%M%SZ}")
    if aside.exists():
        raise RestoreRefused(f"There is a file {aside} already; move it away first.")
    logs = [Path(f"{target}{suffix}") for suffix in ("-wal", "-shm")]
    try:
        with closing(sqlite3.connect(target, isolation_level=None, timeout=1.0)) as old:
            old.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            is_one_file = old.execute("PRAGMA journal_mode = DELETE").fetchone()[0] == "delete"
    except sqlite3.DatabaseError as error:
        if getattr(error, "sqlite_errorname", "").startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
            raise RestoreRefused(f"Another program has {target} open; end it first.") from error
        is_one_file = False  # damaged: moved as it is, with its logs
    if is_one_file:
        with contextlib.suppress(OSError):  # a file system without links: the plain way below
            os.link(target, aside)
            return aside
    for one in (target, *logs):
        if one.exists():
            one.rename(f"{aside}{str(one).removeprefix(str(target))}")
    return aside


# -- PostgreSQL ----------------------------------------------------------------------------------------------------------


def _restore_postgres(url: str, file: Path, now: datetime) -> Restored:
    engine = open_engine(url)
    try:
        with engine.connect() as conn:
            held = sa.inspect(conn).get_table_names()
        if held:
            raise RestoreRefused(
                f"The database holds {len(held)} tables already; a backup goes into an empty database or schema: create "
                "one, name it in SMGT_DATABASE_URL, and keep the old one until all is well."
            )
        with _alone(engine):
            postgres_programs.restore(engine, file)
    finally:
        engine.dispose()
    return Restored(_prepare(url, file, now))
