"""How commands show things: tables on a terminal, plain columns elsewhere, JSON for machines.

Owns widths and formats; it must not know what is shown. Without a terminal lines are at most 80 columns wide where
their content allows, without colour and without drawing.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import click
import msgspec

from handlers.time_limits import OFFICE_ZONE

WIDTH = 80
Rows = Sequence[Sequence[str]]


def show_json(value: Any) -> None:
    """One JSON document on stdout, for machines."""
    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def show_rows(titles: Sequence[str], rows: Rows) -> None:
    """A table: drawn on a terminal, columns of plain text elsewhere."""
    if sys.stdout.isatty():
        _drawn(titles, rows)
    else:
        _plain(titles, rows)


def show_beside(titles: Sequence[str], rows: Rows) -> None:
    """Texts side by side, each wrapped in its own column; 80 columns wide where there is no terminal."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, show_edge=False, pad_edge=False, header_style="bold", padding=(0, 2, 1, 0), expand=True)
    for title in titles:
        table.add_column(title, overflow="fold", ratio=1)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    Console(width=None if sys.stdout.isatty() else WIDTH, file=sys.stdout).print(table)


def _drawn(titles: Sequence[str], rows: Rows) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(show_edge=False, header_style="bold", pad_edge=False)
    for title in titles:
        table.add_column(title, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    Console().print(table)


def _plain(titles: Sequence[str], rows: Rows) -> None:
    every = [list(titles), *map(list, rows)]
    widths = [max(len(row[at]) for row in every) for at in range(len(titles))]
    for row in every:
        cells = [cell.ljust(width) for cell, width in zip(row[:-1], widths[:-1], strict=True)]
        click.echo("  ".join([*cells, row[-1]]).rstrip())


def office_time(moment: datetime | None) -> str:
    """A moment on the office's wall, to the minute; empty for none."""
    return "" if moment is None else f"{moment.astimezone(OFFICE_ZONE):%d %b %Y %H:%M}"


def short_time(moment: datetime | None) -> str:
    """The same in twelve letters, for lists of what is going on now."""
    return "" if moment is None else f"{moment.astimezone(OFFICE_ZONE):%d %b %H:%M}"
