"""`smgt calls`: the citizens to be called to check what the digest's figures rest on, and what each call found.

Owns what is shown. Who is called is drawn by handlers/digest/counting/checking.py; nobody chooses. A result changes nothing
on a ticket; the digest tells it beside what citizens said.
"""

from __future__ import annotations

from datetime import datetime

import click

from bot.cli.ending import Failed
from bot.cli.opening import office_now, opened, settings
from bot.cli.showing import short_time, show_json, show_rows
from handlers.digest.counting.checking import checks
from handlers.digest.counting.within import Stretch
from handlers.digest.period import PeriodKind, office_day, period_of
from handlers.digest.report import CheckCall
from handlers.digest.scope import STATE
from store import tickets
from store.checks import NothingToCheck, last_settled, record_check
from store.db import reading, writing
from store.vocabulary import CheckResult


@click.group(
    "calls",
    epilog="""\b
Examples:
  smgt calls list                                  those of yesterday's answers
  smgt calls list --period week --on 2026-11-23
  smgt calls record HRY26-000012-4 agrees          the citizen says it is done
  smgt calls record HRY26-000012-4 not_reached --answer 2
""",
)
def command() -> None:
    """List the citizens to be called about an outcome; record what a call found."""


@command.command("list")
@click.option("--on", "day", type=click.DateTime(["%Y-%m-%d"]), help="the office's day  [default: yesterday]")
@click.option("--period", "kind", type=click.Choice([each.value for each in PeriodKind]), default="day",
              show_default=True, help="that day, or the week (from Monday) or month around it")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="as one JSON list")
def list_calls(*, day: datetime | None, kind: str, as_json: bool) -> None:
    """List about one in twenty settled answers of the time, always the same ones."""
    loaded = settings()
    yesterday = period_of(PeriodKind.DAY, office_day(office_now(loaded))).before.day
    period = period_of(PeriodKind(kind), day.date() if day else yesterday)
    with opened(loaded) as engine, reading(engine) as conn:
        calls = checks(conn, Stretch(period.start, period.end), STATE).calls
    if as_json:
        show_json(calls)
    elif not calls:
        click.echo("Nobody is to be called about that time.")
    else:
        show_rows(("number", "answer", "outcome", "department", "district", "settled", "found"), _rows(calls))


def _rows(calls: tuple[CheckCall, ...]) -> list[tuple[str, ...]]:
    return [
        (
            one.number,
            str(one.cycle),
            one.outcome.value,
            one.department or "-",
            one.district or "-",
            short_time(one.settled_at),
            one.result.value if one.result else "-",
        )
        for one in calls
    ]


@command.command("record")
@click.argument("number")
@click.argument("result", type=click.Choice([each.value for each in CheckResult]))
@click.option(
    "--answer", "cycle", type=click.IntRange(1), help="which answer of the office  [default: the last settled]"
)
def record(*, number: str, result: str, cycle: int | None) -> None:
    """Remember what a call found; a later call about the same answer takes its place."""
    loaded = settings()
    with opened(loaded) as engine, writing(engine) as conn:
        found = tickets.by_numbers(conn, [number.upper()])
        if not found:
            raise Failed(f"There is no ticket {number}; `smgt calls list` shows who is to be called.")
        ticket_id = found[0]["id"]
        which = cycle or last_settled(conn, ticket_id)
        if which is None:
            raise Failed(f"No answer about {number} is settled yet; there is nothing to check.")
        try:
            record_check(conn, ticket_id, which, CheckResult(result), None, office_now(loaded))
        except NothingToCheck as fault:
            raise Failed(str(fault)) from fault
    click.echo(f"{number.upper()}, answer {which}: {result}.")
