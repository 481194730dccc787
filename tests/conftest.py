"""Databases for tests: a fresh, migrated one for each test, on SQLite and on PostgreSQL.

PostgreSQL is the server of SMGT_TEST_POSTGRES_URL; each worker makes a throw-away database there. Without a
server such tests are skipped with the reason, on CI they fail.
"""

from __future__ import annotations

import logging
import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from store.db import DatabaseUnusable, migrate, open_engine
from store.tables import metadata

DEFAULT_POSTGRES = "postgresql+psycopg://postgres@127.0.0.1:5432/postgres"


@pytest.fixture(autouse=True)
def _speak_as_before() -> Iterator[None]:
    """A command that hushes the log, run in this process, hushes no later test."""
    ours = logging.getLogger("bot")
    level = ours.level
    yield
    ours.setLevel(level)
    logging.disable(logging.NOTSET)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[sa.Engine]:
    """The test server, in autocommit."""
    url = sa.make_url(os.environ.get("SMGT_TEST_POSTGRES_URL", DEFAULT_POSTGRES))
    try:
        engine = open_engine(url.update_query_dict({"connect_timeout": "3"}).render_as_string(False))
    except DatabaseUnusable as error:
        reason = f"no PostgreSQL for tests: {error}"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    yield engine.execution_options(isolation_level="AUTOCOMMIT")
    engine.dispose()


@pytest.fixture(scope="session")
def make_postgres_database(postgres_server: sa.Engine) -> Iterator[Callable[[], str]]:
    """Makes an empty throw-away database and returns its URL."""
    made: list[str] = []

    def make() -> str:
        name = f"smgt_test_{uuid.uuid4().hex[:12]}"
        with postgres_server.connect() as conn:
            conn.exec_driver_sql(f"CREATE DATABASE {name}")
        made.append(name)
        return postgres_server.url.set(database=name).render_as_string(False)

    yield make
    with postgres_server.connect() as conn:
        for name in made:
            conn.exec_driver_sql(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def migrated_sqlite_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated, empty SQLite file to copy."""
    file = tmp_path_factory.mktemp("sqlite") / "template.db"
    engine = open_engine(f"sqlite:///{file}")
    migrate(engine)
    engine.dispose()
    return file


@pytest.fixture(scope="session")
def migrated_postgres_url(make_postgres_database: Callable[[], str]) -> str:
    """This worker's migrated PostgreSQL database; emptied before each use."""
    url = make_postgres_database()
    engine = open_engine(url)
    migrate(engine)
    engine.dispose()
    return url


@pytest.fixture
def sqlite_engine(migrated_sqlite_file: Path, tmp_path: Path) -> Iterator[sa.Engine]:
    """A fresh, migrated SQLite database."""
    file = tmp_path / "smgt.db"
    shutil.copyfile(migrated_sqlite_file, file)
    engine = open_engine(f"sqlite:///{file}")
    yield engine
    engine.dispose()


@pytest.fixture
def postgres_engine(migrated_postgres_url: str) -> Iterator[sa.Engine]:
    """This worker's PostgreSQL database, emptied."""
    engine = open_engine(migrated_postgres_url)
    _empty(engine)
    yield engine
    engine.dispose()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def engine(request: pytest.FixtureRequest) -> sa.Engine:
    """A fresh, migrated database: the test runs once on each kind."""
    name = "sqlite_engine" if request.param == "sqlite" else "postgres_engine"
    found: sa.Engine = request.getfixturevalue(name)
    return found


def _empty(engine: sa.Engine) -> None:
    """In any order, foreign keys asleep: deleting from small tables is much faster than truncating them."""
    with engine.begin() as conn:
        conn.exec_driver_sql("SET LOCAL session_replication_role = replica")
        conn.exec_driver_sql("; ".join(str(sa.delete(table)) for table in metadata.tables.values()))
        conn.exec_driver_sql("SELECT setval(s.seqrelid, 1, false) FROM pg_sequence s")
