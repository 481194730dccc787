"""Backups: taken while SMGT writes, whole and checked before they take their name, private, and never a password shown."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import threading
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result

from bot.cli import main
from store.backup import BackupFault, back_up, backup_name, thin_out
from store.db import open_engine, reading, writing
from store.marks import BACKED_UP, marked
from store.postgres_programs import ProgramFault, dump
from store.tables import counters
from tests.programs import needs_pg_dump

NOW = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)


def _smgt(*arguments: str, **given: str) -> Result:
    result = CliRunner(env=given).invoke(main, arguments, prog_name="smgt")
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_a_backup_taken_while_others_write_holds_one_moment(sqlite_engine: sa.Engine, tmp_path: Path) -> None:
    with writing(sqlite_engine) as conn:
        conn.execute(counters.insert(), [{"name": "left", "value": 0}, {"name": "right", "value": 0}])
        filling = [{"name": f"filling-{at}", "value": at} for at in range(20_000)]
        conn.execute(counters.insert(), filling)
    stop, written = threading.Event(), [0]

    def write() -> None:
        while not stop.is_set():
            with writing(sqlite_engine) as conn:
                conn.execute(counters.update().where(counters.c.name == "left").values(value=counters.c.value + 1))
                conn.execute(counters.update().where(counters.c.name == "right").values(value=counters.c.value + 1))
            written[0] += 1

    writer = threading.Thread(target=write)
    writer.start()
    try:
        copies = [back_up(sqlite_engine, tmp_path / f"copy-{at}.db", NOW) for at in range(3)]
    finally:
        stop.set()
        writer.join()
    assert written[0] > 0
    for copy in copies:
        assert stat.S_IMODE(copy.file.stat().st_mode) == 0o600
        assert copy.size == copy.file.stat().st_size
        with closing(sqlite3.connect(copy.file)) as opened:
            found = dict(opened.execute("SELECT name, value FROM counters WHERE name IN ('left', 'right')").fetchall())
            assert found["left"] == found["right"]
            assert opened.execute("SELECT value FROM counters WHERE name = ?", (BACKED_UP,)).fetchone() is not None
    assert not list(tmp_path.glob("*-wal")) or list(tmp_path.glob("*-wal")) == [tmp_path / "smgt.db-wal"]
    assert not list(tmp_path.glob(".*"))


def test_the_last_backup_is_known_and_an_old_one_is_to_do(sqlite_engine: sa.Engine, tmp_path: Path) -> None:
    url = str(sqlite_engine.url)
    with reading(sqlite_engine) as conn:
        assert marked(conn, BACKED_UP) is None
    told = _smgt("db", "backup", "--into", str(tmp_path), SMGT_DATABASE_URL=url)
    assert told.exit_code == 0, told.output
    assert "Backed up to" in told.output
    assert "ok     backup: the last one was 0 hours ago" in _smgt("check", "--offline", SMGT_DATABASE_URL=url).output
    back_up(sqlite_engine, tmp_path / "old.db", datetime.now(UTC) - timedelta(days=3))
    checked = _smgt("check", "--offline", SMGT_DATABASE_URL=url)
    assert "to do  backup: the last one was 3 days ago; run `smgt db backup` every day" in checked.output


def test_only_the_newest_backups_of_a_folder_stay(sqlite_engine: sa.Engine, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    (folder / "notes.txt").write_text("keep me")
    ended = subprocess.Popen(["/bin/true"])
    ended.wait()
    (folder / f".smgt-20261101T000000Z.db-{ended.pid}.part").write_text("half")
    (folder / f".smgt-20261102T000000Z.db-{os.getpid()}.part").write_text("at work")
    for day in range(4):
        now = NOW + timedelta(days=day)
        back_up(sqlite_engine, folder / backup_name(sqlite_engine, now), now)
    assert len(thin_out(folder, 2)) == 3
    names = sorted(file.name for file in folder.iterdir())
    assert names.pop(0).startswith(".smgt-20261102T")
    assert names == ["notes.txt", "smgt-20261126T040000Z.db", "smgt-20261127T040000Z.db"]


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("smgt.db", "is the database itself"),
        ("notes.txt", "is no backup of SMGT; it was not touched"),
        ("missing/copy.db", "does not exist; create it first"),
        (".", "use --into for a folder"),
    ],
)
def test_what_is_no_place_for_a_backup_is_refused(
    sqlite_engine: sa.Engine, tmp_path: Path, target: str, told: str
) -> None:
    (tmp_path / "notes.txt").write_text("keep me")
    with pytest.raises(BackupFault, match=told):
        back_up(sqlite_engine, tmp_path / target, NOW)
    assert (tmp_path / "notes.txt").read_text() == "keep me"
    with reading(sqlite_engine) as conn:
        assert marked(conn, BACKED_UP) is None


def test_a_damaged_database_gives_no_backup_and_leaves_the_last_one(sqlite_engine: sa.Engine, tmp_path: Path) -> None:
    good = back_up(sqlite_engine, tmp_path / "copy.db", NOW)
    before = good.file.read_bytes()
    with closing(sqlite3.connect(tmp_path / "smgt.db", isolation_level=None)) as opened:
        opened.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        opened.execute("PRAGMA foreign_keys = OFF")
        opened.execute("INSERT INTO lanes (channel_id, epoch) VALUES (999, 1)")
    with pytest.raises(BackupFault, match="a row of lanes lacks the channels it refers to"):
        back_up(sqlite_engine, good.file, NOW)
    assert good.file.read_bytes() == before
    assert not list(tmp_path.glob(".*"))


def test_a_folder_without_room_is_told_and_nothing_is_left(sqlite_engine: sa.Engine, tmp_path: Path) -> None:
    import resource

    with writing(sqlite_engine) as conn:
        conn.execute(counters.insert(), [{"name": f"filling-{at:060}", "value": at} for at in range(5_000)])
    held = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, held[1]))
    try:
        with pytest.raises(BackupFault, match="look at the space left there"):
            back_up(sqlite_engine, tmp_path / "copy.db", NOW)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, held)
    assert not (tmp_path / "copy.db").exists()
    assert not list(tmp_path.glob(".*"))


# -- PostgreSQL's programs -------------------------------------------------------------------------------------------


@pytest.mark.postgres
def test_postgresql_is_dumped_by_its_own_program(postgres_engine: sa.Engine, tmp_path: Path) -> None:
    needs_pg_dump()
    done = back_up(postgres_engine, tmp_path / "copy.dump", NOW)
    assert done.file.read_bytes().startswith(b"PGDMP")
    assert stat.S_IMODE(done.file.stat().st_mode) == 0o600
    with reading(postgres_engine) as conn:
        assert marked(conn, BACKED_UP) == NOW


def _program(folder: Path, name: str, lines: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{lines}\n")
    (folder / name).chmod(0o700)


@pytest.mark.postgres
def test_a_password_is_in_no_command_line(
    migrated_postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The programs are replaced by ones that write down how they were called: the line and the password's file."""
    version = 'if [ "$1" = --version ]; then echo "pg_dump (PostgreSQL) 99.1"; exit; fi\n'
    notes = tmp_path / "notes"
    _program(
        tmp_path / "bin", "pg_dump", f'{version}echo "$@" > {notes}; env >> {notes}; cat "$PGPASSFILE" > {notes}.pass'
    )
    _program(tmp_path / "bin", "pg_restore", version)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setattr("store.postgres_programs.DEBIAN", tmp_path / "none")
    url = sa.make_url(migrated_postgres_url).set(
        password="top:se\\cret"
    )  # the test server trusts; any password will do
    engine = open_engine(url.render_as_string(False))
    dump(engine, tmp_path / "copy.dump")
    engine.dispose()
    assert "top:se" not in notes.read_text()
    assert f"dbname={url.database}" in notes.read_text()
    assert Path(f"{notes}.pass").read_text() == "*:*:*:*:top\\:se\\\\cret\n"


@pytest.mark.postgres
@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (None, "The program pg_dump is not installed; .*apt install postgresql-client-"),
        ('echo "pg_dump (PostgreSQL) 9.6.24"', "pg_dump is of version 9, older than the server's"),
        (
            'if [ "$1" = --version ]; then echo "pg_dump (PostgreSQL) 99.1"; exit; fi\n'
            "echo 'pg_dump: error: out of luck' >&2; exit 1",
            "pg_dump failed: out of luck.",
        ),
    ],
)
def test_a_program_that_is_missing_or_does_not_fit_is_told(
    postgres_engine: sa.Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: str | None, told: str
) -> None:
    _program(tmp_path / "bin", "pg_dump" if lines else "other", lines or "")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/bin" if lines else str(tmp_path / "bin"))
    monkeypatch.setattr("store.postgres_programs.DEBIAN", tmp_path / "none")
    with pytest.raises(ProgramFault, match=told):
        dump(postgres_engine, tmp_path / "copy.dump")
