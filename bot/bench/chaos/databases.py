"""The storm's own database: a new SQLite file, or a new PostgreSQL database that is dropped at the end.

Owns making, restarting and asking it, without SMGT's code for the asking.
"""

from __future__ import annotations

import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import sqlalchemy as sa

from store.db import open_engine


class Database(ABC):
    """A database of the storm. `name`: sqlite or postgresql."""

    def __init__(self, name: str, url: str) -> None:
        self.name = name
        self.url = url

    @abstractmethod
    def query(self, select: str) -> Iterable[tuple[Any, ...]]:
        """The rows of one SELECT."""

    def restart(self) -> bool:
        """Cut every connection, as a restart of the server does; False where there is no server."""
        return False

    def tidy(self) -> bool:
        """Do what a server left to itself does beside its work; False where there is nothing to do."""
        return False


class _Sqlite(Database):
    def __init__(self, file: Path) -> None:
        super().__init__("sqlite", f"sqlite:///{file}")
        self._file = file

    def query(self, select: str) -> Iterable[tuple[Any, ...]]:
        with closing(sqlite3.connect(f"file:{self._file}?mode=ro", uri=True)) as conn:
            return conn.execute(select).fetchall()


class _Postgres(Database):
    def __init__(self, url: sa.URL) -> None:
        super().__init__("postgresql", url.render_as_string(hide_password=False))
        self._address = url.set(drivername="postgresql").render_as_string(hide_password=False)
        self._database = str(url.database)

    def query(self, select: str) -> Iterable[tuple[Any, ...]]:
        with psycopg.connect(self._address) as conn:
            return conn.execute(select.encode()).fetchall()

    def restart(self) -> bool:
        with psycopg.connect(self._address) as conn:
            conn.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()",
                [self._database],
            )
        return True

    def tidy(self) -> bool:
        """Some servers for tests never clean up: a long storm would measure their dead rows."""
        with psycopg.connect(self._address, autocommit=True) as conn:
            if conn.execute("SHOW autovacuum").fetchone() != ("off",):
                return False
            conn.execute("VACUUM (ANALYZE)")
        return True


@contextmanager
def opened(url: str, folder: Path, *, keep: bool = False) -> Iterator[Database]:
    """A new database: `sqlite` for a file in `folder`, or on the PostgreSQL server of this address.

    `keep`: leave it on the server; the folder's `database` file holds its name. Raises DatabaseUnusable.
    """
    if url == "sqlite":
        yield _Sqlite(folder / "smgt.db")
        return
    server = open_engine(url)
    name = f"smgt_storm_{uuid4().hex[:12]}"
    try:
        with server.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
            conn.execute(sa.text(f'CREATE DATABASE "{name}"'))
        try:
            yield _Postgres(server.url.set(database=name))
        finally:
            _end(server, name, folder if keep else None)
    finally:
        server.dispose()


def _end(server: sa.Engine, name: str, kept_in: Path | None) -> None:
    if kept_in is not None:
        (kept_in / "database").write_text(f"{name}\n", encoding="utf-8")
        return
    with server.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        conn.execute(sa.text(f'DROP DATABASE "{name}" WITH (FORCE)'))
