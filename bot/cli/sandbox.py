"""`smgt sandbox`: the emulated platforms on one port of this machine, to play with or to run against.

Owns the options and what is printed; the emulators are in bot/sandbox/.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import click

PACES = "office seconds in one real second; 0: the clock stands until it is told to move"


@click.command(
    "sandbox",
    epilog="""\b
Examples:
  smgt sandbox                                    prints its addresses and waits
  smgt sandbox --env-file sandbox.env             also writes what `smgt run` needs
  smgt sandbox --with-directory directory         also desks.csv and officers.csv to import
  smgt sandbox --pace 600                         ten office minutes pass in a second

\b
Then, in another terminal:
  set -a; . ./sandbox.env; set +a
  smgt officers import directory/officers.csv     after `smgt desks import directory/desks.csv`
  smgt run
  curl -s URL/control/x/post -d '{"handle": "asha", "text": "@cmohry no water in Hisar"}'
  curl -s URL/control/                            everything that the control API can do
""",
)
@click.option("--port", type=click.IntRange(0, 65535), default=8900, show_default=True, help="0 takes a free one")
@click.option("--pace", type=click.FloatRange(min=0), default=1.0, show_default=True, help=PACES)
@click.option("--start", type=click.DateTime(["%Y-%m-%dT%H:%M"]), help="office time to begin at, as in Haryana")
@click.option("--seed", type=int, default=0, show_default=True, help="makes chance repeatable")
@click.option("--limit-scale", type=click.FloatRange(min=0.01), default=1.0, show_default=True,
              help="scales the platforms' limits; 10 allows ten times as much")  # fmt: skip
@click.option("--env-file", type=click.Path(dir_okay=False, path_type=Path), help="write the environment of `smgt run`")
@click.option("--with-directory", type=click.Path(file_okay=False, path_type=Path), metavar="FOLDER",
              help="make the demo's groups and officers on the emulated Telegram; their CSV files go here")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="print the environment as one JSON object")
def command(
    *,
    port: int,
    pace: float,
    start: datetime | None,
    seed: int,
    limit_scale: float,
    env_file: Path | None,
    with_directory: Path | None,
    as_json: bool,
) -> None:
    """Serve emulated X, Facebook and Telegram on this machine until Ctrl-C.

    They speak the platforms' own wire, enforce their rules, and do what the control API tells them: write as a citizen,
    press as an officer, move the clock, fail. Nothing leaves this machine.
    """
    from bot.cli.showing import show_json
    from bot.sandbox.server import build, standard_accounts
    from handlers.time_limits import OFFICE_ZONE

    begun = start.replace(tzinfo=OFFICE_ZONE) if start else None
    sandbox = build(start=begun, seed=seed, limit_scale=limit_scale)
    ended = threading.Event()
    before = {each: signal.signal(each, lambda *_: ended.set()) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        with sandbox.serve(port, pace=pace or None):
            environment = standard_accounts(sandbox)
            environment.update(sandbox.urls)
            if with_directory is not None:
                from bot.cli.sandbox_directory import make_directory

                make_directory(sandbox, with_directory)
            if env_file is not None:
                _write_private(env_file, environment)
            if as_json:
                show_json({"url": sandbox.url, "control": f"{sandbox.url}/control/", "environment": environment})
            else:
                _say(sandbox.url, environment, env_file, with_directory)
            while not ended.wait(3600):
                pass
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
    if not as_json:
        click.echo("The sandbox is closed.", err=True)


def _lines(environment: Mapping[str, str]) -> list[str]:
    return [f"{name}='{value}'" for name, value in environment.items()]


def _write_private(file: Path, environment: Mapping[str, str]) -> None:
    """Readable by its owner alone: such files hold real secrets elsewhere."""
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as target:
        target.write("\n".join(_lines(environment)) + "\n")


def _say(url: str, environment: Mapping[str, str], env_file: Path | None, folder: Path | None) -> None:
    click.echo(f"The sandbox serves on {url} (Ctrl-C ends it).")
    click.echo(f"  X         {url}/x")
    click.echo(f"  Facebook  {url}/facebook")
    click.echo(f"  Telegram  {url}/telegram")
    click.echo(f"  clock     {url}/clock")
    click.echo(f"  control   {url}/control/")
    if folder is not None:
        click.echo(f"Desks and officers: {folder / 'desks.csv'}, {folder / 'officers.csv'}")
    if env_file is not None:
        click.echo(f"For `smgt run`: set -a; . {env_file}; set +a; smgt run")
        return
    click.echo("For `smgt run` in another terminal:")
    for line in _lines(environment):
        click.echo(f"  export {line}")
