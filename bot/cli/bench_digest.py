"""`smgt bench digest`: how long all figures of a digest take. Owns the options and what is shown."""

from __future__ import annotations

import click

from bot.cli.bench_catchup import bar
from bot.cli.showing import show_json, show_rows


@click.command(
    "digest",
    epilog="""\b
Examples:
  smgt bench digest                          70,000 tickets of a year on SQLite
  smgt bench digest --tickets 1000000 --database postgresql+psycopg://...
  smgt bench digest --json

\b
The database must be empty; it is left filled.
""",
)
@click.option("--tickets", "many", type=click.IntRange(1, 5_000_000), default=70_000, show_default=True,
              help="of one year, with their events, messages and answers")  # fmt: skip
@click.option("--database", metavar="URL", help="an empty database to use  [default: a new SQLite file]")
@click.option("--seed", type=int, default=1, show_default=True, help="makes chance repeatable")
@click.option("--json", "as_json", is_flag=True, help="end with one JSON object, print nothing else")
def command(*, many: int, database: str | None, seed: int, as_json: bool) -> None:
    """Fill a database with a year of tickets and measure how long counting a day, a week and a month takes."""
    from bot.bench.digest import NotEmpty, measure

    try:
        with bar(quiet=as_json) as progress:
            found = measure(many, database=database, seed=seed, progress=progress)
    except NotEmpty as error:
        raise click.ClickException(str(error)) from error
    if as_json:
        show_json(found.as_json())
        return
    rows = [(name, str(value)) for name, value in found.as_json().items() if not isinstance(value, dict)]
    rows += [(f"{name}: seconds", f"{took} ({found.ratios[name]} scans)") for name, took in found.seconds.items()]
    rows += [(f"rows: {name}", f"{value:,}") for name, value in found.rows.items()]
    show_rows(("what", "figure"), rows)
