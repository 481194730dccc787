"""`smgt gaps`: stretches of time that could not be read back. Owns what is shown; the table stands in store/gaps.py."""

from __future__ import annotations

import click

from bot.cli.codes import refuse_words
from bot.cli.ending import Failed
from bot.cli.opening import office_now, opened, settings
from bot.cli.showing import short_time, show_json, show_rows
from store.db import reading, writing
from store.gaps import all_gaps, gap, open_gaps, settle


@click.group(
    "gaps",
    epilog="""\b
Examples:
  smgt gaps list                            those at which nobody has looked yet
  smgt gaps list --all --json
  smgt reconcile --day 2026-11-23 --ask-platforms --take
                                            what the platform still shows of that day
  smgt gaps settle 3 --why looked_by_hand   then it is dealt with
""",
)
def command() -> None:
    """Look at stretches of time in which posts may have been missed; mark one as dealt with."""


@command.command("list")
@click.option("--all", "every", is_flag=True, help="those that are dealt with too")
@click.option("--json", "as_json", is_flag=True, help="as one JSON list")
def list_gaps(*, every: bool, as_json: bool) -> None:
    """List gaps, the oldest first."""
    with opened(settings()) as engine, reading(engine) as conn:
        found = all_gaps(conn) if every else open_gaps(conn)
    if as_json:
        show_json(found)
    elif not found:
        click.echo("There is no gap." if every else "No gap is open.")
    else:
        rows = [
            (str(one.id), one.channel, short_time(one.since_at), short_time(one.until_at), one.settled_why or one.why)
            for one in found
        ]
        show_rows(("id", "channel", "from", "to", "why"), rows)


@command.command("settle")
@click.argument("number", type=click.IntRange(1), metavar="ID")
@click.option("--why", required=True, help="a short code for the history, like looked_by_hand")
def settle_gap(*, number: int, why: str) -> None:
    """Mark a gap as dealt with, once somebody has looked at what was posted in it."""
    refuse_words(why)
    loaded = settings()
    with opened(loaded) as engine, writing(engine) as conn:
        if not settle(conn, number, why, office_now(loaded)):
            known = gap(conn, number)
            if known is None:
                raise Failed(f"There is no gap {number}; `smgt gaps list` shows those that are open.")
            raise Failed(f"Gap {number} was dealt with on {short_time(known.settled_at)} ({known.settled_why}).")
    click.echo(f"Gap {number} is dealt with.")
