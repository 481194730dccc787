"""What every command opens first: the settings, the office's time, the database.

Owns when a command may make a database and when it must find one. It must not know what the command does with it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa

from bot.clocks import RemoteClock, WallClock
from bot.settings import Settings, load_settings
from handlers.understanding.tables import use_folder, used_folder
from store.db import DatabaseUnusable, migrate, open_engine, require_current, schema_state


def settings() -> Settings:
    """The settings of the environment; the office's own tables are used from now on. Raises SettingsError, BadTable."""
    loaded = load_settings(os.environ)
    if loaded.understanding_dir != used_folder():
        use_folder(loaded.understanding_dir)
    return loaded


def office_now(settings: Settings) -> datetime:
    """What time it is for the office, asked once. Raises ClockUnavailable."""
    if settings.clock_url is None:
        return WallClock().now()
    clock = RemoteClock(settings.clock_url)
    try:
        return clock.now()
    finally:
        clock.close()


@contextmanager
def opened(settings: Settings, *, make: bool = False) -> Iterator[sa.Engine]:
    """The database, up to date; `make` lets a missing or empty one be made. Raises DatabaseUnusable."""
    if not make:
        require_file(settings.database_url)
    engine = open_engine(settings.database_url)
    try:
        if make and schema_state(engine) == "empty":
            migrate(engine)
        require_current(engine)
        yield engine
    finally:
        engine.dispose()


def require_file(url: str) -> None:
    """Looking at a SQLite database that is not there must not make it. Raises DatabaseUnusable."""
    if url.startswith("sqlite"):
        file = Path(str(sa.make_url(url).database or ""))
        if file.parent.is_dir() and not file.exists():
            raise DatabaseUnusable(
                f"There is no database {file} yet; `smgt db migrate` makes it, or name another in SMGT_DATABASE_URL."
            )
