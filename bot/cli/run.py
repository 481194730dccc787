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

\b
It refuses to send to hosts other than this machine without SMGT_LIVE=yes, and says what is
missing. On SQLite one `smgt run` works at a time; on PostgreSQL as many as you like. Ctrl-C or
SIGTERM ends it within ten seconds; what was under way is finished or read back next time.
""",
)
def command() -> None:
    """Read the platforms, decide, answer, remind, escalate: until Ctrl-C."""
    from bot.cli.opening import settings
    from bot.running import begin_logging, run
    from bot.settings import SettingsError

    loaded = settings()
    if missing := loaded.missing_to_run():
        raise SettingsError(list(missing))
    begin_logging(loaded.log_level)
    run(loaded)
