"""`smgt export`: tickets without personal data as CSV, and a month as open data. Owns options and files."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import click

from bot.cli.ending import Failed
from bot.cli.opening import office_now, opened, settings
from handlers.digest.period import office_day
from handlers.export import open_data, rows
from handlers.time_limits import OFFICE_ZONE
from store.db import reading

DAY = click.DateTime(["%Y-%m-%d"])
OUT = click.option("--out", "file", type=click.Path(dir_okay=False, path_type=Path), help="a file  [default: stdout]")


@click.group(
    "export",
    epilog="""\b
Examples:
  smgt export tickets --from 2026-11-01 --until 2026-11-30 --out november.csv
  smgt export open-data --month 2026-11 --out grievances-2026-11.csv

\b
Neither holds words, names, accounts or places below the district; of sensitive
complaints no matter, district or department. Open data publishes no line of fewer
than 5 complaints: such lines are added up. Times are those of the office, in India.
""",
)
def command() -> None:
    """Complaints as data for a spreadsheet, or for the public, without anything personal."""


@command.command("tickets")
@click.option("--from", "first", type=DAY, required=True, help="opened from this day on, YYYY-MM-DD")
@click.option("--until", "last", type=DAY, help="up to the end of this day  [default: today]")
@OUT
def tickets(*, first: datetime, last: datetime | None, file: Path | None) -> None:
    """One line for each complaint opened in these days."""
    loaded = settings()
    now = office_now(loaded)
    begin, end = first.date(), last.date() if last else office_day(now)
    _require_past(begin, end, office_day(now))
    with opened(loaded) as engine, reading(engine) as conn:
        lines = (
            [_cell(getattr(line, name)) for name in rows.COLUMNS]
            for line in rows.ticket_lines(conn, _midnight(begin), _midnight(end + timedelta(days=1)))
        )
        many = _write(file, rows.COLUMNS, lines)
    _say(file, f"{many} complaints")


@command.command("open-data")
@click.option("--month", type=click.DateTime(["%Y-%m"]), required=True, help="YYYY-MM, a month that is over")
@OUT
def open_data_file(*, month: datetime, file: Path | None) -> None:
    """Counts of a month by district, department and matter, as a file for the public."""
    loaded = settings()
    begin = month.date().replace(day=1)
    end = (begin + timedelta(days=31)).replace(day=1)
    if end > office_day(office_now(loaded)):
        raise Failed(f"The month {begin:%Y-%m} is not over; name an earlier one with --month.")
    with opened(loaded) as engine, reading(engine) as conn:
        lines = open_data.open_lines(rows.ticket_lines(conn, _midnight(begin), _midnight(end)))
    _write(file, open_data.COLUMNS, ([_cell(getattr(line, name)) for name in open_data.COLUMNS] for line in lines))
    _say(file, ", ".join(f"{name} {many}" for name, many in open_data.totals(lines)))


def _require_past(begin: date, end: date, today: date) -> None:
    if begin > today or end > today:
        raise Failed(f"The day {max(begin, end)} has not come; name days up to {today}.")
    if end < begin:
        raise Failed(f"--until {end} is before --from {begin}.")


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(0), OFFICE_ZONE).astimezone(UTC)


def _cell(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case datetime():
            return f"{value.astimezone(OFFICE_ZONE):%Y-%m-%d %H:%M}"
    return str(value)


def _write(file: Path | None, heads: Sequence[str], lines: Iterable[Sequence[str]]) -> int:
    """Into the file, whole or not at all; or to stdout. Returns how many lines."""
    kept = io.StringIO()
    writer = csv.writer(kept, lineterminator="\n")
    writer.writerow(heads)
    many = 0
    for line in lines:
        writer.writerow(line)
        many += 1
    if file is None:
        sys.stdout.write(kept.getvalue())
        return many
    part = file.with_name(f".{file.name}.part")
    part.write_text(kept.getvalue(), encoding="utf-8-sig")  # so that a spreadsheet reads it as what it is
    part.replace(file)
    return many


def _say(file: Path | None, what: str) -> None:
    if file is not None:
        click.echo(f"{file}: {what}.")
