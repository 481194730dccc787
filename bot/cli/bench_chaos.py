"""`smgt bench chaos`: kills, faults and a verdict. Owns the options and the showing; the storm is in bot/bench/chaos/."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from bot.bench.chaos.storm import Report

SHOWN = 20  # findings on the terminal; --json has more


@click.command(
    "chaos",
    epilog="""\b
Examples:
  smgt bench chaos                                   a short storm on SQLite
  smgt bench chaos --posts 10000 --kills 1000        the long one
  smgt bench chaos --database postgresql+psycopg://user@host/postgres --workers 4
  smgt bench chaos --refuse-twins                    X and Facebook refuse equal texts
  smgt bench chaos --planted                         is every planted bug caught?

\b
Real processes of SMGT work against emulated platforms that fail, come late and repeat
themselves, and are killed at any moment. Then a checker that shares no code with SMGT
compares what stands on the platforms with the database. On PostgreSQL it makes a database
of its own and drops it. Exit code 1 if anything was lost, doubled or left over.
""",
)
@click.option("--database", default="sqlite", show_default=True, metavar="URL", help="sqlite, or a PostgreSQL server")
@click.option(
    "--workers", type=click.IntRange(1, 16), default=1, show_default=True, help="more than one needs PostgreSQL"
)
@click.option("--posts", type=click.IntRange(1, 100_000), default=300, show_default=True, help="conversations")
@click.option("--kills", type=click.IntRange(0, 100_000), default=30, show_default=True, help="SIGKILLs")
@click.option(
    "--faults", type=click.FloatRange(0, 0.9), default=0.3, show_default=True, help="share of faulty requests"
)
@click.option(
    "--at-once", type=click.IntRange(1, 10_000), default=200, show_default=True, help="conversations under way"
)
@click.option(
    "--desks", type=click.IntRange(1, 18), default=12, show_default=True, help="groups of officers on Telegram"
)
@click.option("--seed", type=int, default=1, show_default=True, help="who says what, and what fails in which order")
@click.option("--refuse-twins", is_flag=True, help="equal texts are refused; each refusal counts as doubled")
@click.option("--planted", is_flag=True, help="plant one bug after another and show which are caught")
@click.option("--bug", hidden=True, help="plant this bug")
@click.option("--keep", type=click.Path(file_okay=False, path_type=Path), help="keep database and logs in this folder")
@click.option("--json", "as_json", is_flag=True, help="end with one JSON object")
@click.pass_context
def command(
    ctx: click.Context,
    /,
    *,
    database: str,
    workers: int,
    posts: int,
    kills: int,
    faults: float,
    at_once: int,
    desks: int,
    seed: int,
    refuse_twins: bool,
    planted: bool,
    bug: str | None,
    keep: Path | None,
    as_json: bool,
) -> None:
    """Kill SMGT at every moment, let every platform fail, and count what was lost or said twice."""
    from bot.bench.chaos.storm import Weather

    if workers > 1 and database == "sqlite":
        raise click.BadParameter(
            "SQLite serves one process; name a PostgreSQL server with --database.", param_hint="--workers"
        )
    if planted:
        from bot.cli.bench_chaos_planted import catch_all

        ctx.exit(0 if catch_all(database, seed=seed, as_json=as_json) else 1)
    weather = Weather(
        database_url=database,
        workers=workers,
        posts=posts,
        kills=kills,
        faults=faults,
        at_once=at_once,
        desks=desks,
        seed=seed,
        refuse_twins=refuse_twins,
        bug=bug,
    )
    folder = keep or Path(tempfile.mkdtemp(prefix="smgt-chaos-"))
    folder.mkdir(parents=True, exist_ok=True)
    try:
        report = _play(weather, folder, keep=keep is not None)
    finally:
        if keep is None:
            shutil.rmtree(folder, ignore_errors=True)
    _show(report, as_json=as_json)
    ctx.exit(0 if report.is_clean else 1)


def _play(weather: object, folder: Path, *, keep: bool) -> Report:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    from bot.bench.chaos.storm import Weather, play

    assert isinstance(weather, Weather)  # noqa: S101
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("storm", total=1.0)
        return play(
            weather,
            folder,
            lambda done, killed: bar.update(
                task, completed=done, description=f"storm, {killed} of {weather.kills} kills"
            ),
            keep=keep,
        )


def _show(report: Report, *, as_json: bool) -> None:
    from bot.cli.showing import show_json, show_rows

    if as_json:
        show_json(report.as_json())
        return
    told = report.as_json()
    findings = told.pop("findings")
    show_rows(("what", "count"), [(name.replace("_", " "), str(value)) for name, value in told.items()])
    for one in findings[:SHOWN]:
        click.echo(f"  {one}")
    if len(findings) > SHOWN:
        click.echo(f"  and {len(findings) - SHOWN} more; --json shows them")
    click.echo("Nothing lost, nothing said twice." if report.is_clean else "NOT CLEAN: see the findings.")
