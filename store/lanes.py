"""Lanes: who may send on a channel, who reads it, who leads the schedule, and whether a SQLite file has its one owner.

Owns the locks and the table lanes. On PostgreSQL a lock is a session advisory lock on a connection of its own,
which the server frees when that connection ends; on SQLite it is an operating system lock on a file beside the
database, which the system frees when the process ends. Taking a lane raises its epoch, so that what an earlier
owner began can be told from what this one does. It must not know what is sent.

A connection pooler in transaction mode cannot hold session locks: give SMGT PostgreSQL itself.
"""

from __future__ import annotations

import logging
import threading
from pathlib import Path
from typing import Final, Protocol

import sqlalchemy as sa
from filelock import FileLock, Timeout

from store.boundaries import passing
from store.db import writing
from store.dialects import insert_into
from store.tables import lanes

logger = logging.getLogger(__name__)

LEADERSHIP: Final = "leader"
SOLE_RUN: Final = "run"


class AlreadyRunning(Exception):
    """Another process works with this database file; the message says what to do."""


class Lock(Protocol):
    """A held lock. Both methods may be called from any thread."""

    def still_mine(self) -> bool:
        """Whether it is certainly still held; once lost it stays lost."""

    def release(self) -> None:
        """Give it up; saying it twice is harmless."""


class Lane:
    """The right to send on one channel, under one epoch."""

    def __init__(self, channel_id: int, epoch: int, lock: Lock) -> None:
        self.channel_id = channel_id
        self.epoch = epoch
        self._lock = lock

    def still_mine(self) -> bool:
        """Whether the lane is certainly still held."""
        return self._lock.still_mine()

    def release(self) -> None:
        """Let another owner take the lane."""
        self._lock.release()


def take_lane(engine: sa.Engine, channel_id: int, name: str) -> Lane | None:
    """The lane of a channel under a new epoch, or None while another owner holds it.

    `name` is the channel's, for the file beside a SQLite database.
    """
    lock = _take(engine, f"lane:{channel_id}", f"lane-{channel_id}-{_as_file_name(name)}")
    if lock is None:
        return None
    try:
        with writing(engine) as conn:
            passing("lane.locked")
            epoch = _next_epoch(conn, channel_id)
            passing("lane.written")
        passing("lane.committed")
    except BaseException:
        lock.release()
        raise
    return Lane(channel_id, epoch, lock)


def take_reading(engine: sa.Engine, channel_id: int, name: str) -> Lock | None:
    """The right to read a channel, or None while another reader holds it.

    Apart from the right to send, so that two processes may share a channel. It needs no epoch: a reader that lost it
    unawares keeps what is kept already, once more.
    """
    return _take(engine, f"reading:{channel_id}", f"reading-{channel_id}-{_as_file_name(name)}")


def take_leadership(engine: sa.Engine) -> Lock | None:
    """The right to run the schedule, or None while another process leads."""
    return _take(engine, LEADERSHIP, LEADERSHIP)


def take_sole_run(engine: sa.Engine) -> Lock | None:
    """Make this the only `smgt run` on a SQLite file; PostgreSQL serves many and needs no lock (None).

    Raises AlreadyRunning.
    """
    if engine.dialect.name != "sqlite":
        return None
    lock = _take(engine, SOLE_RUN, SOLE_RUN)
    if lock is None:
        raise AlreadyRunning(
            f"Another smgt already runs on the database {engine.url.database}; stop it first, or use "
            "PostgreSQL, which serves several (SMGT_DATABASE_URL=postgresql+psycopg://...)."
        )
    return lock


def _take(engine: sa.Engine, key: str, file_name: str) -> Lock | None:
    if engine.dialect.name == "postgresql":
        return _SessionLock.take(engine, key)
    return _FileBeside.take(engine, file_name)


def _next_epoch(conn: sa.Connection, channel_id: int) -> int:
    first = insert_into(conn, lanes).values(channel_id=channel_id, epoch=1)
    raised = first.on_conflict_do_update(index_elements=["channel_id"], set_={"epoch": lanes.c.epoch + 1}).returning(
        lanes.c.epoch
    )
    return int(conn.execute(raised).scalar_one())


def _as_file_name(name: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in name)[:64]


_HELD: Final = sa.text(
    "SELECT EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1 AND granted"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    " AND classid::bigint = ((:number)::bigint >> 32 & 4294967295) AND objid::bigint = ((:number)::bigint & 4294967295))"
)
"""As the server lists an advisory lock of one 64-bit key: its halves as two numbers without a sign."""


def _number(key: str) -> sa.ColumnElement[int]:
    return sa.func.hashtextextended(sa.func.current_schema() + f":smgt:{key}", 0)


class _SessionLock:
    """A PostgreSQL session advisory lock; the same key in another schema is another lock."""

    def __init__(self, conn: sa.Connection, key: str) -> None:
        self._conn: sa.Connection | None = conn
        self._key = key
        self._guard = threading.Lock()

    @classmethod
    def take(cls, engine: sa.Engine, key: str) -> _SessionLock | None:
        if cls._is_held(engine, key):
            return None
        conn = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        try:
            conn.detach()  # its own for as long as the lock is held, and not one of the pool's
            taken = conn.execute(sa.select(sa.func.pg_try_advisory_lock(_number(key)))).scalar_one()
        except BaseException:
            conn.close()
            raise
        if taken:
            return cls(conn, key)
        conn.close()
        return None

    @staticmethod
    def _is_held(engine: sa.Engine, key: str) -> bool:
        """Whoever stands by looks first: a try needs a connection of its own, which costs the server a process."""
        with engine.connect() as conn:
            return bool(
                conn.execute(_HELD, {"number": conn.execute(sa.select(_number(key))).scalar_one()}).scalar_one()
            )

    def still_mine(self) -> bool:
        with self._guard:
            if self._conn is None:
                return False
            try:
                self._conn.execute(sa.select(1))  # the lock lives exactly as long as its session
            except sa.exc.DBAPIError as error:
                logger.warning(
                    "The lock %s was lost with its connection: %s",
                    self._key,
                    type(error.orig).__name__,
                    extra={"action": "lanes.lost"},
                )
                self._end()
                return False
            return True

    def release(self) -> None:
        with self._guard:
            if self._conn is None:
                return
            try:
                self._conn.execute(sa.select(sa.func.pg_advisory_unlock_all()))  # at once, not when it is noticed
            except sa.exc.DBAPIError as error:
                name = type(error.orig).__name__
                logger.info("The lock %s had ended already: %s", self._key, name, extra={"action": "lanes.lost"})
            self._end()

    def _end(self) -> None:
        """Closing a detached connection ends the session, and with it the lock."""
        if self._conn is not None:
            self._conn.close()
            self._conn = None


class _FileBeside:
    """An operating system lock on a small file beside the SQLite database."""

    def __init__(self, lock: FileLock, path: Path) -> None:
        self._lock = lock
        self._path = path
        self._inode = path.stat().st_ino

    @classmethod
    def take(cls, engine: sa.Engine, name: str) -> _FileBeside | None:
        path = Path(f"{Path(str(engine.url.database)).absolute()}.{name}.lock")
        lock = FileLock(path, thread_local=False, fallback_to_soft=False)  # a soft lock outlives its process
        try:
            lock.acquire(blocking=False)
        except Timeout:
            return None
        return cls(lock, path)

    def still_mine(self) -> bool:
        """A lock file that somebody removed protects nothing: a new one could be locked by another."""
        try:
            return self._lock.is_locked and self._path.stat().st_ino == self._inode
        except FileNotFoundError:
            return False

    def release(self) -> None:
        self._lock.release()
