"""How long counting takes: all figures of a day, a week and a month, beside one bare look at every ticket.

Owns what is measured. The rows come from bot/bench/digest_past.py; everything that is measured is the real thing.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

from bot.bench.digest_past import Progress, fill, tables_filled
from bot.clocks import machine_seconds
from handlers.digest.figures import report
from handlers.digest.period import PeriodKind, office_day, period_of
from handlers.digest.scope import STATE, Scope, Whose
from store.db import migrate, open_engine, reading
from store.tables import tickets

NOW: Final = datetime(2026, 11, 27, 2, 30, tzinfo=UTC)  # 08:00 in Haryana
TIMES: Final = 5  # each is measured so often; the middle counts


class NotEmpty(Exception):
    """The database already holds an office; the message is one sentence."""


@dataclass(slots=True)
class Measured:
    """Seconds, the middle of TIMES tries; `slowest` of a day. `ratios`: to one bare scan of all tickets."""

    tickets: int
    database: str
    fill_seconds: float = 0.0
    scan_seconds: float = 0.0
    seconds: dict[str, float] = field(default_factory=dict)
    ratios: dict[str, float] = field(default_factory=dict)
    slowest: float = 0.0
    rows: dict[str, int] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def measure(many: int, *, database: str | None, seed: int, progress: Progress) -> Measured:
    """Fill a database with `many` tickets and count them. Raises NotEmpty."""
    with _engine(database) as engine:
        found = Measured(many, engine.dialect.name)
        begun = machine_seconds()
        found.rows = fill(engine, many, NOW, seed, progress)
        found.fill_seconds = round(machine_seconds() - begun, 1)
        _count(engine, found, progress)
        return found


@contextmanager
def _engine(database: str | None) -> Iterator[sa.Engine]:
    with tempfile.TemporaryDirectory(prefix="smgt-bench-") as folder:
        engine = open_engine(database or f"sqlite:///{Path(folder) / 'smgt.db'}")
        try:
            migrate(engine)
            filled = list(tables_filled(engine))
            if filled:
                raise NotEmpty(f"The database holds rows in {', '.join(filled)}; give an empty one.")
            yield engine
        finally:
            engine.dispose()


def _count(engine: sa.Engine, found: Measured, progress: Progress) -> None:
    yesterday = office_day(NOW) - timedelta(days=1)
    day, week, month = (period_of(kind, yesterday) for kind in PeriodKind)
    month = month.before  # a whole one
    asked: dict[str, Callable[[sa.Connection], object]] = {
        "scan": _scan,
        "day": lambda conn: report(conn, day, STATE, NOW),
        "week": lambda conn: report(conn, week, STATE, NOW),
        "month": lambda conn: report(conn, month, STATE, NOW),
        "day of a department": lambda conn: report(conn, day, Scope(Whose.DEPARTMENT, "ulb"), NOW),
        "day of a district": lambda conn: report(conn, day, Scope(Whose.DISTRICT, "Hisar"), NOW),
    }
    for done, (name, look) in enumerate(asked.items(), start=1):
        tries = sorted(_seconds(engine, look) for _ in range(TIMES))
        found.seconds[name] = round(tries[TIMES // 2], 4)
        if name == "day":
            found.slowest = round(tries[-1], 4)
        progress("counting", done, len(asked))
    found.scan_seconds = found.seconds.pop("scan")
    found.ratios = {name: round(took / max(found.scan_seconds, 1e-4), 1) for name, took in found.seconds.items()}


def _seconds(engine: sa.Engine, look: Callable[[sa.Connection], object]) -> float:
    begun = machine_seconds()
    with reading(engine) as conn:
        look(conn)
    return machine_seconds() - begun


def _scan(conn: sa.Connection) -> object:
    """One bare look at every row: a sum that no index holds."""
    return conn.execute(sa.select(sa.func.sum(tickets.c.turn + tickets.c.forward_count))).scalar_one()
