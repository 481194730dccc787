"""Opening databases, their transactions, and migrations that make exactly the tables."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from store import db
from store.db import DatabaseBusy, DatabaseUnusable, migrate, open_engine, reading, require_current, writing
from store.migrations import check
from store.tables import accounts, attempts, counters, cursors, metadata, outbox
from store.turns import Turns

NOON = datetime(2026, 11, 24, 6, 30, tzinfo=UTC)
_MESSAGE = "INSERT INTO outbox (channel_id, step_id, recipient, destination, template, state, sent_at, created_at, "
_MESSAGE += "next_attempt_at) VALUES (1, '{}', 'x:7', 't1', 'first_reply', '{}', {}, '2026-11-24', '2026-11-24')"
BEFORE_HOLDING = (
    "INSERT INTO channels (id, name, platform) VALUES (1, 'cmohry', 'x')",
    _MESSAGE.format("a", "sent", "'2026-11-24'"),
    _MESSAGE.format("b", "pending", "NULL"),
    "INSERT INTO attempts (outbox_id, at, result) VALUES (1, '2026-11-24', 'sent')",
)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], str]:
    """Makes the URL of an empty database without any table."""
    if request.param == "sqlite":
        names = iter(range(100))
        return lambda: f"sqlite:///{tmp_path}/empty{next(names)}.db"
    make: Callable[[], str] = request.getfixturevalue("make_postgres_database")
    return make


# -- migrations ----------------------------------------------------------------------------------------------


def test_migrations_make_exactly_the_tables(empty_url: Callable[[], str]) -> None:
    migrated, created = open_engine(empty_url()), open_engine(empty_url())
    migrate(migrated)
    metadata.create_all(created)
    found = check.differences(migrated, created)
    with migrated.connect() as conn:
        drift = compare_metadata(MigrationContext.configure(conn), metadata)
    migrated.dispose()
    created.dispose()
    assert not found, "Migrations and tables differ:\n" + "\n".join(found)
    assert drift == []


def test_the_comparison_sees_a_lost_check(empty_url: Callable[[], str]) -> None:
    left, right = open_engine(empty_url()), open_engine(empty_url())
    with left.begin() as one, right.begin() as other:
        one.exec_driver_sql("CREATE TABLE rows (n INTEGER NOT NULL)")
        other.exec_driver_sql("CREATE TABLE rows (n INTEGER NOT NULL, CONSTRAINT positive CHECK (n > 0))")
    found = check.differences(left, right)
    left.dispose()
    right.dispose()
    assert any(line.startswith("+rows check positive") for line in found)


def test_a_database_goes_from_empty_to_current_and_a_second_migration_changes_nothing(
    empty_url: Callable[[], str],
) -> None:
    engine = open_engine(empty_url())
    assert db.schema_state(engine) == "empty"
    with pytest.raises(DatabaseUnusable, match=r"has no tables yet; run `smgt db migrate`"):
        require_current(engine)
    migrate(engine)
    assert db.schema_state(engine) == "current"
    require_current(engine)
    migrate(engine)
    assert db.database_revision(engine) == db.code_revision()
    engine.dispose()


def test_an_older_database_keeps_its_messages_and_their_tries(empty_url: Callable[[], str]) -> None:
    engine = open_engine(empty_url())
    with engine.begin() as conn:
        config = db._config()
        config.attributes["connection"] = conn
        command.upgrade(config, "0003")  # before messages could be held
        for statement in BEFORE_HOLDING:
            conn.exec_driver_sql(statement)
    assert db.schema_state(engine) == "older"
    migrate(engine)
    held = outbox.update().where(outbox.c.step_id == "b").values(state="held", released_at=NOON)
    with writing(engine) as conn:
        assert conn.execute(sa.select(outbox.c.step_id, outbox.c.state).order_by(outbox.c.id)).all() == [
            ("a", "sent"),
            ("b", "pending"),
        ]
        assert conn.execute(sa.select(attempts.c.outbox_id, attempts.c.result)).all() == [(1, "sent")]
        assert conn.execute(held).rowcount == 1
        with pytest.raises(sa.exc.IntegrityError), conn.begin_nested():
            conn.exec_driver_sql("INSERT INTO attempts (outbox_id, at, result) VALUES (99, '2026-11-24', 'held')")
    engine.dispose()


def test_several_processes_may_migrate_at_once(empty_url: Callable[[], str]) -> None:
    url = empty_url()

    def come(_: int) -> None:
        engine = open_engine(url)
        migrate(engine)
        engine.dispose()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(come, range(4)))
    engine = open_engine(url)
    assert db.schema_state(engine) == "current"
    engine.dispose()


def test_a_newer_database_is_refused_naming_both_versions(engine: sa.Engine) -> None:
    with engine.begin() as conn:
        conn.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    try:
        assert db.schema_state(engine) == "newer"
        for act in (migrate, require_current):
            with pytest.raises(DatabaseUnusable, match=rf"version 9999.*knows \({db.code_revision()}\)"):
                act(engine)
    finally:
        with engine.begin() as conn:  # the PostgreSQL database is used by the next test too
            conn.execute(sa.text("UPDATE alembic_version SET version_num = :v"), {"v": db.code_revision()})


def test_tables_that_smgt_did_not_make_are_left_alone(empty_url: Callable[[], str]) -> None:
    engine = open_engine(empty_url())
    with engine.begin() as conn:
        conn.exec_driver_sql("CREATE TABLE tickets (price INTEGER)")
    with pytest.raises(DatabaseUnusable, match=r"tables named tickets that SMGT did not make"):
        migrate(engine)
    engine.dispose()


@pytest.mark.postgres
def test_a_user_without_rights_gets_one_sentence(
    make_postgres_database: Callable[[], str], postgres_server: sa.Engine
) -> None:
    url = sa.make_url(make_postgres_database())
    role = f"{url.database}_guest"
    with postgres_server.connect() as conn:
        conn.exec_driver_sql(f"CREATE ROLE {role} LOGIN PASSWORD 'very-secret'")
    owner = open_engine(url.render_as_string(False))
    with owner.begin() as conn:
        conn.exec_driver_sql("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    owner.dispose()
    guest = open_engine(url.set(username=role, password="very-secret").render_as_string(False))
    try:
        with pytest.raises(DatabaseUnusable, match=r"permission denied.*Nothing was changed") as caught:
            migrate(guest)
        assert "very-secret" not in str(caught.value)
        assert "\n" not in str(caught.value)
        assert db.schema_state(guest) == "empty"
    finally:
        guest.dispose()
        with postgres_server.connect() as conn:
            conn.exec_driver_sql(f"DROP ROLE {role}")


# -- opening -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("smgt.db", "not a URL"),
        ("mysql://root@localhost/smgt", "does not keep data in 'mysql'"),
        ("sqlite://", "needs a file"),
        ("sqlite:///:memory:", "needs a file"),
        ("sqlite:////nowhere/at/all/smgt.db", "folder /nowhere/at/all of the database does not exist"),
    ],
)
def test_a_bad_address_gets_one_clear_sentence(url: str, sentence: str) -> None:
    with pytest.raises(DatabaseUnusable, match=sentence) as caught:
        open_engine(url)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_no_database_is_refused_and_untouched(tmp_path: Path) -> None:
    file = tmp_path / "letter.txt"
    file.write_text("Dear Sir, there has been no water for a week. " * 40)
    before = file.read_bytes()
    with pytest.raises(DatabaseUnusable, match=r"not a SQLite database"):
        open_engine(f"sqlite:///{file}")
    assert file.read_bytes() == before


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatabaseUnusable, match="is a folder"):
        open_engine(f"sqlite:///{tmp_path}")


def test_a_database_that_cannot_be_written_is_refused(sqlite_engine: sa.Engine) -> None:
    with pytest.raises(DatabaseUnusable, match="cannot be written"):
        open_engine(f"sqlite:///file:{sqlite_engine.url.database}?mode=ro&uri=true")


def test_an_unreachable_server_is_named_without_its_password() -> None:
    with pytest.raises(DatabaseUnusable, match=r"127\.0\.0\.1:1/smgt cannot be used") as caught:
        open_engine("postgresql://smgt:very-secret@127.0.0.1:1/smgt")
    assert "very-secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_busy_writer_does_not_stop_opening(sqlite_engine: sa.Engine) -> None:
    with writing(sqlite_engine):
        open_engine(str(sqlite_engine.url)).dispose()


def test_sqlite_is_durable_and_keeps_foreign_keys(sqlite_engine: sa.Engine) -> None:
    with sqlite_engine.connect() as conn:
        found = {
            name: conn.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 10_000}


# -- transactions --------------------------------------------------------------------------------------------


def _value(engine: sa.Engine, name: str) -> int | None:
    with reading(engine) as conn:
        return conn.execute(sa.select(counters.c.value).where(counters.c.name == name)).scalar()


def test_a_failed_transaction_leaves_nothing(engine: sa.Engine) -> None:
    def write_and_stop() -> None:
        with writing(engine) as conn:
            conn.execute(sa.insert(counters).values(name="a", value=1))
            with conn.begin_nested():
                conn.execute(sa.insert(counters).values(name="b", value=1))
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        write_and_stop()
    assert _value(engine, "a") is None
    assert _value(engine, "b") is None


def test_a_savepoint_gives_way_alone(engine: sa.Engine) -> None:
    with writing(engine) as conn:
        conn.execute(sa.insert(counters).values(name="a", value=1))
        with pytest.raises(sa.exc.IntegrityError), conn.begin_nested():
            conn.execute(sa.insert(counters).values(name="a", value=2))
    assert _value(engine, "a") == 1


def test_a_reader_cannot_write_and_the_connection_can_afterwards(engine: sa.Engine) -> None:
    with pytest.raises(sa.exc.DBAPIError), reading(engine) as conn:
        conn.execute(sa.insert(counters).values(name="a", value=1))
    with writing(engine) as conn:
        conn.execute(sa.insert(counters).values(name="a", value=2))
    assert _value(engine, "a") == 2


def test_a_reader_sees_one_moment_while_others_write(engine: sa.Engine) -> None:
    with writing(engine) as conn:
        conn.execute(sa.insert(counters).values(name="a", value=1))
    with reading(engine) as reader:
        query = sa.select(counters.c.value).where(counters.c.name == "a")
        assert reader.execute(query).scalars().all() == [1]
        with writing(engine) as conn:
            conn.execute(sa.update(counters).values(value=2))
        assert reader.execute(query).scalars().all() == [1]
    assert _value(engine, "a") == 2


def test_many_threads_read_then_write_without_losing_an_update(engine: sa.Engine) -> None:
    with writing(engine) as conn:
        conn.execute(sa.insert(counters).values(name="a", value=0))

    def add(_: int) -> None:
        with writing(engine) as conn:
            is_it = counters.c.name == "a"
            row = conn.execute(sa.select(counters.c.value).where(is_it).with_for_update()).scalar_one()
            conn.execute(sa.update(counters).where(is_it).values(value=row + 1))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add, range(60)))
    assert _value(engine, "a") == 60


def test_a_writer_that_never_ends_is_named(sqlite_engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(db, "BUSY_TIMEOUT_MS", 50)
    impatient = open_engine(str(sqlite_engine.url))
    held, go = threading.Event(), threading.Event()

    def hold() -> None:
        with writing(sqlite_engine):
            held.set()
            go.wait(10)

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait(10)
    with pytest.raises(DatabaseBusy, match="written by somebody else"), writing(impatient):
        pass
    go.set()
    holder.join()
    impatient.dispose()


def test_times_come_back_as_utc_and_naive_times_are_refused(engine: sa.Engine) -> None:
    row = {"platform": "x", "author_id": "1"}
    with writing(engine) as conn:
        conn.execute(sa.insert(accounts).values(**row, first_seen_at=NOON))
        found = conn.execute(sa.select(accounts.c.first_seen_at)).scalar_one()
        assert found == NOON
        assert found.utcoffset() == NOON.utcoffset()
    with pytest.raises(sa.exc.StatementError, match="without a zone"), writing(engine) as conn:
        conn.execute(sa.insert(accounts).values(platform="x", first_seen_at=NOON.replace(tzinfo=None)))


def test_foreign_keys_bite(engine: sa.Engine) -> None:
    with pytest.raises(sa.exc.IntegrityError), writing(engine) as conn:
        conn.execute(sa.insert(cursors).values(channel_id=77, name="mentions", value="1"))


def test_another_program_can_open_the_file(sqlite_engine: sa.Engine) -> None:
    with writing(sqlite_engine) as conn:
        conn.execute(sa.insert(counters).values(name="a", value=5))
    other = sqlite3.connect(str(sqlite_engine.url.database))
    assert other.execute("SELECT value FROM counters WHERE name = 'a'").fetchall() == [(5,)]
    other.close()


def test_an_error_of_the_database_shows_no_values(engine: sa.Engine) -> None:
    words = "the well behind the school is dry"
    with pytest.raises(sa.exc.DBAPIError) as caught, writing(engine) as conn:
        conn.execute(sa.text("INSERT INTO no_such_table (words) VALUES (:words)"), {"words": words})
    assert words not in str(caught.value)


def test_a_writer_without_a_pause_keeps_nobody_out(sqlite_engine: sa.Engine) -> None:
    ended = threading.Event()

    def write_on_and_on() -> None:
        while not ended.is_set():
            with writing(sqlite_engine):
                time.sleep(0.02)

    busy = threading.Thread(target=write_on_and_on)
    busy.start()
    try:
        waits = []
        for _ in range(5):
            begun = time.monotonic()
            with writing(sqlite_engine):
                waits.append(time.monotonic() - begun)
    finally:
        ended.set()
        busy.join()
    assert max(waits) < 1.0


def test_turns_are_given_in_the_order_of_asking() -> None:
    turns = Turns()
    assert turns.take(0)
    assert not turns.take(0.01)
    had: list[int] = []

    def wait(number: int) -> None:
        assert turns.take(5)
        had.append(number)
        turns.give_back()

    threads = []
    for number in range(4):
        threads.append(threading.Thread(target=wait, args=(number,)))
        threads[-1].start()
        while len(turns._waiting) <= number:
            time.sleep(0.001)
    turns.give_back()
    for thread in threads:
        thread.join()
    assert had == [0, 1, 2, 3]
    assert turns.take(0)


@pytest.mark.postgres
def test_a_process_that_hangs_within_a_transaction_lets_go_of_its_rows(migrated_postgres_url: str) -> None:
    def limit(url: sa.URL) -> str:
        engine = open_engine(url.render_as_string(False))
        with engine.connect() as conn:
            shown: str = conn.exec_driver_sql("SHOW idle_in_transaction_session_timeout").scalar_one()
        engine.dispose()
        return shown

    url = sa.make_url(migrated_postgres_url)
    assert limit(url) == "2min"
    quick = url.update_query_dict({"options": "-c idle_in_transaction_session_timeout=200"})
    assert limit(quick) == "200ms"
    engine, other = open_engine(quick.render_as_string(False)), open_engine(migrated_postgres_url)
    with engine.connect() as hanging:
        hanging.exec_driver_sql("LOCK TABLE alarms IN ACCESS EXCLUSIVE MODE")
        with other.connect() as conn:  # waits until the server has ended the other session
            assert conn.exec_driver_sql("SELECT count(*) FROM alarms").scalar_one() >= 0
        with pytest.raises(sa.exc.DBAPIError):
            hanging.exec_driver_sql("SELECT 1")
    engine.dispose()
    other.dispose()
