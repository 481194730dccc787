"""Opening the database, its two kinds of transaction, and bringing its tables up to date.

Owns how SQLite and PostgreSQL are driven so that both keep the same promises. It must not know what the
tables mean.

SQLite, measured: the driver's own transactions leak rows past a rollback, so BEGIN is issued here; a deferred
BEGIN that reads and then writes fails at once while another writer commits, so every transaction that may
write is BEGIN IMMEDIATE and waits its turn.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final, Literal, cast

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry

from store.tables import metadata
from store.turns import Turns

BUSY_TIMEOUT_MS: Final = 10_000  # how long a writer waits for the writer before it
CONNECTIONS_KEPT: Final = 8  # of PostgreSQL, one for each thread at work: opening one costs more than a statement
CONNECTIONS_MORE: Final = 7
_TURNS: Final[dict[str, Turns]] = {}  # by SQLite file
_TURNS_LOCK: Final = threading.Lock()
KEEPALIVES: Final = {"keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 3}
"""Seconds and tries: a machine or a server that fell silent is given up after about eleven seconds, its locks too."""
HANGING: Final = 120  # seconds: a process that hangs within a transaction lets go of its rows then
CONNECTING: Final = {"connect_timeout": 10, "tcp_user_timeout": 11_000, **KEEPALIVES}
MIGRATION_LOCK: Final = 0x534D4754  # "SMGT": one migrating process at a time on PostgreSQL
READING: Final = "smgt_reading"

SchemaState = Literal["current", "empty", "older", "newer"]


class DatabaseUnusable(Exception):
    """The database cannot be used; the message is one sentence for the operator, without the password."""


class DatabaseBusy(DatabaseUnusable):
    """Another writer held the database longer than BUSY_TIMEOUT_MS; trying again later is safe."""


def open_engine(url: str) -> sa.Engine:
    """Open `sqlite:///<file>` or `postgresql+psycopg://...` and prove that it answers and can be written.

    The engine may be used from several threads. Raises DatabaseUnusable.
    """
    parsed = _parse(url)
    if parsed.get_backend_name() == "sqlite":
        return _open_sqlite(parsed)
    return _open_postgres(parsed)


@contextmanager
def writing(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A transaction that may write: committed at the end, undone by an exception. Raises DatabaseBusy."""
    with in_turn(engine), engine.connect() as conn:
        try:
            transaction = conn.begin()
        except OperationalError as error:
            if sqlite_error(error).startswith("SQLITE_BUSY"):
                raise busy(engine) from error
            raise
        with transaction:
            yield conn


@contextmanager
def in_turn(engine: sa.Engine) -> Iterator[None]:
    """The turn to write a SQLite file, in the order in which this process's threads asked for it.

    SQLite itself lets in whoever polls at the right moment: one thread that writes without a pause would keep all
    others out for ever.
    """
    if engine.dialect.name != "sqlite":
        yield
        return
    with _TURNS_LOCK:
        turns = _TURNS.setdefault(str(engine.url.database), Turns())
    if not turns.take(BUSY_TIMEOUT_MS / 1000):
        raise busy(engine)
    try:
        yield
    finally:
        turns.give_back()


def busy(engine: sa.Engine) -> DatabaseBusy:
    """What to say when nobody lets us write."""
    return DatabaseBusy(
        f"The database {_shown(engine.url)} has been written by somebody else for more than "
        f"{BUSY_TIMEOUT_MS // 1000} seconds; try again, and look for a second smgt that hangs."
    )


@contextmanager
def reading(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A transaction that sees one moment of the database and cannot write; never waits for a writer."""
    with engine.connect() as conn:
        if engine.dialect.name == "sqlite":
            conn.execution_options(**{READING: True})
            with conn.begin():
                conn.exec_driver_sql("PRAGMA query_only = ON")
                try:
                    yield conn
                finally:
                    conn.exec_driver_sql("PRAGMA query_only = OFF")
        else:
            conn.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            with conn.begin():
                yield conn


# -- versions ------------------------------------------------------------------------------------------------


def schema_state(engine: sa.Engine) -> SchemaState:
    """How the database's tables stand to this program's: `newer` when its version is unknown here.

    Raises DatabaseUnusable if tables of our names stand there that no migration of ours made.
    """
    with reading(engine) as conn:
        found = _revision(conn)
        taken = sorted(set(sa.inspect(conn).get_table_names()) & set(metadata.tables)) if found is None else []
    if taken:
        raise DatabaseUnusable(
            f"The database {_shown(engine.url)} holds tables named {', '.join(taken)} that SMGT did not "
            "make; give SMGT a database or a PostgreSQL schema of its own."
        )
    if found is None:
        return "empty"
    scripts = _scripts()
    if found == scripts.get_current_head():
        return "current"
    known = {script.revision for script in scripts.walk_revisions()}
    return "older" if found in known else "newer"


def migrate(engine: sa.Engine) -> None:
    """Bring the tables up to this program's version, all or nothing; several processes may call it.

    Raises DatabaseUnusable for a database of a newer version or with foreign tables of our names.
    """
    if schema_state(engine) == "newer":
        raise DatabaseUnusable(_newer(engine))
    try:
        with engine.connect() as conn, _without_foreign_keys(conn), conn.begin():
            if conn.dialect.name == "postgresql":
                conn.execute(sa.select(sa.func.pg_advisory_xact_lock(MIGRATION_LOCK)))
            config = _config()
            config.attributes["connection"] = conn
            command.upgrade(config, "head")
            _check_foreign_keys(conn)
    except DBAPIError as error:
        raise DatabaseUnusable(
            f"The tables of {_shown(engine.url)} could not be brought up to date: {_first_line(error)}. "
            "Nothing was changed; check the rights of SMGT's database user and the space left."
        ) from error


def require_current(engine: sa.Engine) -> None:
    """Refuse a database that is empty, older or newer than this program. Raises DatabaseUnusable."""
    state = schema_state(engine)
    if state == "newer":
        raise DatabaseUnusable(_newer(engine))
    if state != "current":
        reason = (
            "has no tables yet"
            if state == "empty"
            else f"is at version {database_revision(engine)}, older than this SMGT's {code_revision()}"
        )
        raise DatabaseUnusable(f"The database {_shown(engine.url)} {reason}; run `smgt db migrate`.")


def database_revision(engine: sa.Engine) -> str | None:
    """The version of the tables in the database, or None if it has none."""
    with reading(engine) as conn:
        return _revision(conn)


def code_revision() -> str:
    """The version of the tables that this program knows."""
    head = _scripts().get_current_head()
    if head is None:
        raise DatabaseUnusable("This SMGT was installed without its migrations; install it again.")
    return head


def _newer(engine: sa.Engine) -> str:
    return (
        f"The database {_shown(engine.url)} is at version {database_revision(engine)}, newer than this SMGT "
        f"{_program_version()} knows ({code_revision()}); install the newer SMGT, nothing was changed."
    )


def _program_version() -> str:
    try:
        return version("smgt")
    except PackageNotFoundError:  # run from a source folder that was never installed
        return "(not installed)"


def _config() -> Config:
    config = Config()
    folder = str(Path(__file__).parent / "migrations")
    config.set_main_option("script_location", folder.replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())


def _revision(conn: sa.Connection) -> str | None:
    return MigrationContext.configure(conn).get_current_revision()


@contextmanager
def _without_foreign_keys(conn: sa.Connection) -> Iterator[None]:
    """SQLite alters a table by rebuilding it, breaking what refers to it; checked before the commit."""
    if conn.dialect.name != "sqlite":
        yield
        return
    driver = _driver(conn)
    driver.execute("PRAGMA foreign_keys = OFF")
    try:
        yield
    finally:
        driver.execute("PRAGMA foreign_keys = ON")


def _check_foreign_keys(conn: sa.Connection) -> None:
    if conn.dialect.name != "sqlite":
        return
    broken = conn.exec_driver_sql("PRAGMA foreign_key_check").first()
    if broken is not None:
        raise DatabaseUnusable(
            f"Migrating {_shown(conn.engine.url)} would leave a row of {broken[0]} without the {broken[2]} "
            "it refers to; nothing was changed. Restore a backup or report this."
        )


# -- opening -------------------------------------------------------------------------------------------------


def _parse(url: str) -> sa.URL:
    wanted = "write sqlite:///folder/smgt.db or postgresql+psycopg://user:password@host:5432/name"
    try:
        parsed = sa.make_url(url)
    except (ArgumentError, ValueError) as error:
        raise DatabaseUnusable(f"The database address is not a URL; {wanted}.") from error
    if parsed.drivername in ("postgresql", "postgres"):
        return parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername not in ("sqlite", "sqlite+pysqlite", "postgresql+psycopg"):
        raise DatabaseUnusable(f"SMGT does not keep data in {parsed.drivername!r}; {wanted}.")
    if parsed.get_backend_name() == "sqlite" and parsed.database in (None, "", ":memory:"):
        raise DatabaseUnusable("A SQLite database of SMGT needs a file; write sqlite:///folder/smgt.db.")
    return parsed


def _open_sqlite(url: sa.URL) -> sa.Engine:
    file = Path(str(url.database).removeprefix("file:"))
    if not file.parent.is_dir():
        raise DatabaseUnusable(f"The folder {file.parent} of the database does not exist; create it first.")
    if file.is_dir():
        raise DatabaseUnusable(f"The database {file} is a folder; name a file in it.")
    # Bound values hold citizens' words, and SQLAlchemy would print them in every error and log line.
    engine = sa.create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_MS / 1000}, hide_parameters=True)
    sa.event.listen(engine, "connect", _prepare_sqlite)
    sa.event.listen(engine, "begin", _begin_sqlite)
    try:
        with engine.connect() as conn:
            _prove_writable(conn)
    except DBAPIError as error:
        engine.dispose()
        raise DatabaseUnusable(_sqlite_sentence(file, error)) from error
    return engine


def _prepare_sqlite(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # the driver must not begin or commit by itself
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.close()


def _begin_sqlite(conn: sa.Connection) -> None:
    deferred = conn.get_execution_options().get(READING, False)
    conn.exec_driver_sql("BEGIN" if deferred else "BEGIN IMMEDIATE")


def _prove_writable(conn: sa.Connection) -> None:
    """Turn on WAL (it stays on in the file) and try the write lock; a busy writer is proof enough."""
    driver = _driver(conn)
    try:
        if driver.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
            driver.execute("PRAGMA journal_mode = WAL")
        driver.execute("PRAGMA busy_timeout = 0")
        driver.execute("BEGIN IMMEDIATE")
        try:
            driver.execute("PRAGMA user_version = 0")  # a read-only file lets the transaction begin
        finally:
            driver.execute("ROLLBACK")
    except sqlite3.Error as error:
        if not error.sqlite_errorname.startswith("SQLITE_BUSY"):
            raise DBAPIError(None, None, error) from error
    finally:
        driver.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")


def _driver(conn: sa.Connection) -> sqlite3.Connection:
    return cast(sqlite3.Connection, conn.connection.driver_connection)


def sqlite_error(error: DBAPIError) -> str:
    """SQLite's own name of an error, or nothing."""
    return str(getattr(error.orig, "sqlite_errorname", ""))


def _first_line(error: DBAPIError) -> str:
    return str(error.orig).strip().splitlines()[0].rstrip(".")


def _sqlite_sentence(file: Path, error: DBAPIError) -> str:
    name = sqlite_error(error)
    if name.startswith("SQLITE_NOTADB"):
        return f"The file {file} is not a SQLite database; name another file, it was not touched."
    if name.startswith("SQLITE_READONLY"):
        return f"The database {file} cannot be written; let SMGT's user write the file and its folder."
    if name.startswith("SQLITE_CANTOPEN"):
        return f"The database {file} cannot be opened; check the rights of the file and its folder."
    return f"The database {file} cannot be used ({name or type(error.orig).__name__}: {error.orig})."


def _open_postgres(url: sa.URL) -> sa.Engine:
    connect: dict[str, Any] = {"application_name": "smgt", "options": _with_our_options(url)}
    connect |= {name: value for name, value in CONNECTING.items() if name not in url.query}
    engine = sa.create_engine(
        url,
        connect_args=connect,
        pool_pre_ping=True,
        pool_size=CONNECTIONS_KEPT,
        max_overflow=CONNECTIONS_MORE,
        hide_parameters=True,
        isolation_level="READ COMMITTED",  # whatever the server's default: what is held is read again, and is then the newest
    )
    try:
        with engine.connect() as conn:
            standby = conn.execute(sa.select(sa.func.pg_is_in_recovery())).scalar_one()
    except DBAPIError as error:
        engine.dispose()
        raise DatabaseUnusable(
            f"The PostgreSQL database {_shown(url)} cannot be used: {_without_password(_first_line(error), url)}. "
            "Check that the server runs and that address, name, user and password are right."
        ) from error
    if standby:
        engine.dispose()
        raise DatabaseUnusable(f"The PostgreSQL server of {_shown(url)} is a read-only replica; name the primary.")
    return engine


def _with_our_options(url: sa.URL) -> str:
    """UTC, and an end soon after the machine fell silent or the process hung; the URL's own `options` have the last word."""
    given = url.query.get("options", "")
    wanted = {"tcp_keepalives_" + name.removeprefix("keepalives_"): value for name, value in KEEPALIVES.items()}
    wanted["idle_in_transaction_session_timeout"] = HANGING * 1000
    ours = " ".join(f"-c {name}={value}" for name, value in wanted.items())
    return f"{ours} {given if isinstance(given, str) else ' '.join(given)} -c timezone=UTC"


def _shown(url: sa.URL) -> str:
    return url.set(query={}).render_as_string(hide_password=True)


def _without_password(sentence: str, url: sa.URL) -> str:
    return sentence.replace(str(url.password), "***") if url.password else sentence
