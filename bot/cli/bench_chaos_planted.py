"""`smgt bench chaos --planted`: one small storm for each planted bug, and whether the checker caught it.

Owns the showing; the bugs are in bot/bench/chaos/planted.py.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

import click

from bot.bench.chaos.planted import BUGS, Bug
from bot.bench.chaos.storm import Report, Weather, play
from bot.cli.showing import show_json, show_rows

SMALL: Final[dict[str, Any]] = {"posts": 40, "kills": 8, "faults": 0.3}
COUNTED: Final = (
    "lost",
    "doubled_tickets",
    "doubled_replies",
    "doubled_notices",
    "out_of_order",
    "unknown_left",
    "unsent_left",
    "unfinished",
)


def catch_all(database: str, *, seed: int, as_json: bool) -> bool:
    """Play every bug and show what the checker said; True if each that could be played was caught."""
    rows: list[dict[str, Any]] = []
    for name, bug in BUGS.items():
        if bug.workers > 1 and database == "sqlite":
            rows.append(
                {"bug": name, "says": bug.says, "caught": None, "by": "needs PostgreSQL: name it by --database"}
            )
            continue
        click.echo(f"{name}: {bug.says} ...", err=True)
        report = _storm(Weather(database_url=database, workers=bug.workers, seed=seed, bug=name, **SMALL))
        caught = _is_caught(bug, report)
        click.echo(f"  {'caught' if caught else 'MISSED'}: {_by(report)}", err=True)
        rows.append({"bug": name, "says": bug.says, "caught": caught, "by": _by(report)})
    if as_json:
        show_json({"planted": rows, "caught": sum(row["caught"] is True for row in rows), "of": len(rows)})
    else:
        words = {True: "caught", False: "MISSED", None: "not played"}
        show_rows(("bug", "", "by"), [(row["bug"], words[row["caught"]], row["by"]) for row in rows])
    return all(row["caught"] is not False for row in rows)


def _storm(weather: Weather) -> Report:
    folder = Path(tempfile.mkdtemp(prefix="smgt-chaos-"))
    try:
        return play(weather, folder, lambda _done, _killed: None)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        sys.stderr.flush()


def _is_caught(bug: Bug, report: Report) -> bool:
    """Only the counts that must name the bug tell: a storm that a bug brings to a standstill leaves others behind."""
    told = report.as_json()
    return any(told[name] for name in bug.caught_by)


def _by(report: Report) -> str:
    told = report.as_json()
    return ", ".join(f"{name.replace('_', ' ')} {told[name]}" for name in COUNTED if told[name]) or "nothing"
