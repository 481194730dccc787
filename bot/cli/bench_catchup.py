"""`smgt bench catchup`: thousands of mentions missed in a day's outage. Owns the options and what is shown."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

from bot.cli.showing import show_json, show_rows


@click.command(
    "catchup",
    epilog="""\b
Examples:
  smgt bench catchup                         5,000 mentions missed in a day
  smgt bench catchup --send                  and how long answering them takes within X's limits
  smgt bench catchup --posts 800 --json

\b
Exit code 1 if a post was lost, doubled, decided out of its writer's order, or left a gap.
""",
)
@click.option("--posts", type=click.IntRange(1, 200_000), default=5_000, show_default=True, help="mentions missed")
@click.option("--send", is_flag=True, help="also send the replies, within X's limits on the office clock")
@click.option("--database-url", metavar="URL", help="an empty database to use  [default: a new SQLite file]")
@click.option("--seed", type=int, default=1, show_default=True, help="makes chance repeatable")
@click.option("--json", "as_json", is_flag=True, help="end with one JSON object, print nothing else")
@click.pass_context
def command(
    ctx: click.Context, /, *, posts: int, send: bool, database_url: str | None, seed: int, as_json: bool
) -> None:
    """Let a day's mentions pile up on the emulated X, then read and decide them, and count what came of it."""
    from bot.bench.catchup import measure

    logging.disable(logging.WARNING)  # a used-up window is part of it
    with bar(quiet=as_json) as progress:
        found = asyncio.run(measure(posts, seed=seed, send=send, progress=progress, database_url=database_url))
    if as_json:
        show_json(found.as_json())
    else:
        told = {**found.as_json(), **{f"sending: {name}": value for name, value in (found.sending or {}).items()}}
        told |= {f"requests: {name}": many for name, many in found.requests.items()}
        left_out = ("sending", "requests")
        show_rows(("what", "figure"), [(name, str(value)) for name, value in told.items() if name not in left_out])
    ctx.exit(0 if found.clean else 1)


@contextmanager
def bar(*, quiet: bool) -> Iterator[Callable[[str, int, int], None]]:
    """A bar on stderr, one row for each step; nothing where nobody looks."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description:<9}"), BarColumn(40), MofNCompleteColumn(), TimeElapsedColumn())
    rows: dict[str, int] = {}
    console = Console(stderr=True, quiet=quiet)
    with Progress(*columns, console=console, disable=quiet or not console.is_terminal) as bar:

        def tell(step: str, done: int, total: int) -> None:
            if step not in rows:
                rows[step] = bar.add_task(step, total=total)
            bar.update(rows[step], completed=done, total=total)  # type: ignore[arg-type]

        yield tell
