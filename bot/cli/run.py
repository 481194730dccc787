"""`smgt run`: the real thing, until it is told to stop.

Owns refusing to begin and what is logged where; the work side by side is in bot/running.py.
"""

from __future__ import annotations

import click


@click.command(
    "run",
    epilog="""\b
Examples:
  set -a; . ./sandbox.env; set +a; smgt run      against `smgt sandbox` of another terminal
  SMGT_CONFIG=/etc/smgt.toml SMGT_LIVE=yes smgt run
  smgt run --role intake,delivery                on PostgreSQL, beside others

\b
It refuses to send to hosts other than this machine without SMGT_LIVE=yes, and says what is
missing. On SQLite one `smgt run` works at a time and plays every role; on PostgreSQL as many
as you like, each with any of the roles, on any number of machines. Ctrl-C or SIGTERM ends it
within ten seconds; what was under way is finished or read back next time.
""",
)
@click.option(
    "--role",
    "named",
    multiple=True,
    metavar="ROLE",
    help="intake reads the platforms and takes webhooks, desk decides, delivery sends, scheduler notices that time has "
    "passed; several joined by commas, or the option several times.  [default: all]",
)
def command(named: tuple[str, ...]) -> None:
    """Read the platforms, decide, answer, remind, escalate: until Ctrl-C."""
    from bot.cli.opening import settings
    from bot.log_lines import begin_logging
    from bot.roles import RolesRefused, roles_of
    from bot.running import run
    from bot.settings import SettingsError
    from handlers.readiness import read_tables

    try:
        roles = roles_of(named)
    except RolesRefused as error:
        raise click.BadParameter(str(error), param_hint="--role") from error
    loaded = settings()
    if missing := loaded.missing_to_run():
        raise SettingsError(list(missing))
    read_tables()
    begin_logging(loaded.log_level)
    run(loaded, roles)
