"""PostgreSQL's own programs for backups: pg_dump and pg_restore, of a version that fits the server.

Owns finding them, calling them without showing a password, and their faults in a sentence. It must not know what the
tables mean.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import sqlalchemy as sa
from psycopg.conninfo import make_conninfo

from store.db import DatabaseUnusable

DEBIAN: Final = Path("/usr/lib/postgresql")  # where Debian keeps the programs of each version
SECRETS: Final = ("password", "sslpassword")
_VERSION: Final = re.compile(r"\(PostgreSQL\) (\d+)")


class ProgramFault(DatabaseUnusable):
    """A program of PostgreSQL is missing, does not fit or failed; the message says what to do."""


def dump(engine: sa.Engine, file: Path) -> None:
    """Write SMGT's schema as one archive in pg_dump's custom format, and read its contents back.

    Raises ProgramFault.
    """
    server, schema = _server(engine)
    program = _program("pg_dump", server)
    options = ["--format=custom", "--no-owner", "--no-privileges", f"--schema={schema}", f"--file={file}"]
    _call(engine.url, [str(program), *options, "--dbname"])
    contents(file, server)


def contents(file: Path, server: int) -> str:
    """What an archive holds, as pg_restore lists it. Raises ProgramFault if it cannot be read."""
    return _run([str(_program("pg_restore", server)), "--list", str(file)], dict(os.environ))


def restore(engine: sa.Engine, file: Path) -> None:
    """Fill the empty schema from an archive, all or nothing. Raises ProgramFault."""
    server, schema = _server(engine)
    contents(file, server)
    options = ["--no-owner", "--no-privileges", "--single-transaction", "--exit-on-error", f"--schema={schema}"]
    _call(engine.url, [str(_program("pg_restore", server)), *options, str(file), "--dbname"])


def sessions_of_others(engine: sa.Engine) -> int:
    """How many other connections of SMGT the database has now."""
    activity = sa.table("pg_stat_activity", sa.column("pid"), sa.column("datname"), sa.column("application_name"))
    others = sa.select(sa.func.count()).where(
        activity.c.datname == sa.func.current_database(),
        activity.c.application_name == "smgt",
        activity.c.pid != sa.func.pg_backend_pid(),
    )
    with engine.connect() as conn:
        return int(conn.execute(others).scalar_one())


def _server(engine: sa.Engine) -> tuple[int, str]:
    """The server's major version and the schema SMGT uses."""
    with engine.connect() as conn:
        number = conn.exec_driver_sql("SHOW server_version_num").scalar_one()
        schema = conn.execute(sa.select(sa.func.current_schema())).scalar_one()
    if schema is None:
        raise ProgramFault("The database has no schema to use; create the one its search_path names.")
    return int(number) // 10_000, str(schema)


def _program(name: str, server: int) -> Path:
    """The oldest program that is not older than the server: an older one refuses it."""
    found: dict[Path, int] = {}
    on_path = shutil.which(name)
    for place in (*([Path(on_path)] if on_path else []), *sorted(DEBIAN.glob(f"*/bin/{name}"))):
        told = _VERSION.search(_run([str(place), "--version"], dict(os.environ)))
        if told is not None:
            found[place] = int(told[1])
    fitting = {place: major for place, major in found.items() if major >= server}
    if fitting:
        return min(fitting, key=lambda place: fitting[place])
    package = f"on Debian: apt install postgresql-client-{server}"
    if found:
        newest = max(found.values())
        raise ProgramFault(
            f"{name} is of version {newest}, older than the server's {server}; install it anew ({package})."
        )
    raise ProgramFault(f"The program {name} is not installed; install PostgreSQL's client programs ({package}).")


def _call(url: sa.URL, line: list[str]) -> None:
    """Run a program on the database; its password goes through a private file, never through the line."""
    given = dict(url.get_dialect()().create_connect_args(url)[1])
    secret = given.pop("password", None)
    for name in SECRETS:
        given.pop(name, None)
    with _password_file(secret) as names:
        _run([*line, make_conninfo(**given)], {**os.environ, **names}, secret)


@contextmanager
def _password_file(secret: str | None) -> Iterator[dict[str, str]]:
    if not secret:
        yield {}  # .pgpass, PGPASSWORD or the server's trust, as the operator set it up
        return
    with tempfile.NamedTemporaryFile("w", prefix="smgt-pass-", encoding="utf-8") as file:  # made with mode 0600
        escaped = str(secret).replace("\\", "\\\\").replace(":", "\\:")
        file.write(f"*:*:*:*:{escaped}\n")
        file.flush()
        yield {"PGPASSFILE": file.name}


def _run(line: list[str], environment: dict[str, str], secret: str | None = None) -> str:
    name = Path(line[0]).name
    try:
        done = subprocess.run(line, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    except OSError as error:
        raise ProgramFault(f"The program {line[0]} cannot be run ({error.strerror}); look at its rights.") from error
    if done.returncode != 0:
        lines = [one for one in done.stderr.strip().splitlines() if one.strip()] or [f"exit code {done.returncode}"]
        told = next((one for one in lines if "error" in one.casefold()), lines[0]).removeprefix(f"{name}: ")
        shown = told.replace(str(secret), "***") if secret else told
        raise ProgramFault(f"{name} failed: {shown.removeprefix('error: ').rstrip('.')}.")
    return done.stdout
