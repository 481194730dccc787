"""`smgt bench`: measurements on emulated platforms. Owns the list of them; each stands in bot/cli/bench_<name>.py.

It must not know what a measurement does, so that `smgt bench --help` imports none of them.
"""

from __future__ import annotations

import importlib
from typing import Final

import click

PARTS: Final[dict[str, str]] = {
    "catchup": "a day's outage: thousands of mentions missed on X, read and decided afterwards",
    "simulate": "thousands of lives of the office from seeds, every promise looked at after every step",
    "digest": "all figures of a day, a week and a month, counted over a year of tickets",
    "chaos": "kill it at every moment, let every platform fail, count what was lost or doubled",
}
"""Every measurement and its line in `smgt bench --help`; it stands in bot/cli/bench_<name>.py as `command`."""


class _Parts(click.Group):
    """Measurements that are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(PARTS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in PARTS:
            return None
        found: click.Command = importlib.import_module(f"bot.cli.bench_{cmd_name}").command
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(sorted(PARTS.items()))


@click.group(
    "bench",
    cls=_Parts,
    epilog="""\b
Examples:
  smgt bench catchup                         with a bar and a table
  smgt bench catchup --json                  for a machine

\b
Each plays on emulated platforms on this machine and needs no settings; nothing leaves it.
Exit code 1 if something was lost or doubled.
""",
)
def command() -> None:
    """Measure what SMGT promises: a bar on the terminal, one JSON object with --json."""
