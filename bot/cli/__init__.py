"""The command line `smgt`: which commands there are, and how each ends.

Owns the list of commands and their one-line help, so that `smgt --help` imports none of them. It must not know what a
command does. Exit codes: 0 done, 1 the thing asked for failed, 2 wrong usage.
"""

from __future__ import annotations

import importlib
from typing import Final

import click

__all__ = ["COMMANDS", "main"]

COMMANDS: Final[dict[str, str]] = {
    "demo": "play a whole day on emulated platforms and end with a summary",
    "sandbox": "serve the emulated platforms, to play with or to run against",
    "run": "read the platforms, decide, answer: the real thing",
    "check": "what is well and what is to do, from settings to desks",
    "understand": "read posts or answers from JSON lines, write what was understood",
    "ticket": "show one complaint, or list them",
    "officers": "import, export and invite the officers",
    "desks": "import, export and bind the desks (Telegram groups)",
    "ladders": "who is rung in a department, one after the other",
    "standstills": "stop the time limits of a district in a flood or a strike",
    "accounts": "accounts whom a person answers first: add, drop, list, import",
    "inbox": "what was heard and could not be decided: list, retry or drop",
    "outbox": "what will be said: list, retry or drop messages",
    "shadow": "what SMGT would say where SMGT_MODE keeps it silent",
    "gaps": "stretches of time that could not be read back: list, settle",
    "reconcile": "is everything that was heard on a day accounted for?",
    "digest": "the digest of a day, week or month, printed or as files",
    "calls": "citizens to call about an outcome: list, record what was found",
    "export": "complaints as data, without anything personal; a month as open data",
    "db": "make the tables, bring them up to date, back them up",
    "bench": "measure on emulated platforms what is promised",
}
"""Every command and its line in `smgt --help`; the command stands in bot/cli/<name>.py as `command`."""

EPILOG: Final = """\b
Begin here:
  smgt demo                                  see everything at work, nothing to set up
  smgt sandbox --env-file sandbox.env        the platforms, emulated, in one terminal
  set -a; . ./sandbox.env; smgt run          SMGT against them, in another
  smgt check                                 what is missing before it can go live

Settings come from the environment (SMGT_...), from a TOML file (SMGT_CONFIG) and from
files of secrets; README.md lists them. Exit codes: 0 done, 1 failed, 2 wrong usage.
"""


class _Commands(click.Group):
    """Commands that are imported when they are called, and faults told in a line."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        found: click.Command = importlib.import_module(f"bot.cli.{cmd_name}").command
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except (click.exceptions.Exit, click.Abort, click.ClickException, BrokenPipeError):
            raise
        except Exception as error:
            from bot.cli.faults import told

            fault = told(error)
            if fault is None:
                raise
            raise fault from error


@click.command(
    cls=_Commands,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80},
)
@click.version_option(package_name="smgt", prog_name="smgt")
def main() -> None:
    """SMGT, the Social Media Grievance Tracker of the Chief Minister's Office, Haryana.

    Every complaint that tags the office on X or Facebook gets a ticket number, an officer and an answer.
    """
