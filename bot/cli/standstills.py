"""`smgt standstills`: time given to all offices of a district. Owns the options and what is shown.

The orders stand in store/standstills.py; what they do to a ticket, in handlers/standstill.py.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import click

from bot.cli.ending import Failed
from bot.cli.opening import office_now, opened, settings
from bot.cli.showing import show_json, show_rows
from bot.office_calendar import office_holidays
from handlers.desk.standstills import LONGEST_REASON, note
from handlers.standstill import MOST_DAYS, may_be_ordered, runs_again_after
from handlers.time_limits import OFFICE_ZONE
from handlers.understanding import mask
from handlers.understanding.taxonomy import taxonomy
from store import standstills
from store.db import reading, writing
from store.people import WHOLE_STATE, Standstill


@click.group(
    "standstills",
    invoke_without_command=True,
    epilog="""\b
Examples:
  smgt standstills                                       what stands still now
  smgt standstills order Rohtak --until 2026-12-05 --reason "flood, roads are closed"
  smgt standstills order "*" --department power --until 2026-12-02 --reason strike
  smgt standstills end 3

\b
The day is the last one without a clock. Danger to life and sensitive matters go on. Each
desk concerned is told when it begins and when it ends. A clerk of the CMO desk does the
same in Telegram: /pause Rohtak until 5 December: flood
""",
)
@click.pass_context
def command(ctx: click.Context, /) -> None:
    """Stop the time limits of a district in a flood or a strike, until a day; alone: list what stands still."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(list_standstills, as_json=False)


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="as a JSON list")
def list_standstills(*, as_json: bool) -> None:
    """List what stands still now."""
    loaded = settings()
    with opened(loaded) as engine, reading(engine) as conn:
        found = standstills.in_force(conn, office_now(loaded))
    if as_json:
        show_json([_plain(one) for one in found])
    elif not found:
        click.echo("All clocks run.")
    else:
        show_rows(
            ("no", "district", "department", "runs again", "why"),
            [(str(one.id), _place(one), one.department or "all", _moment(one.until_at), one.reason) for one in found],
        )


@command.command("order")
@click.argument("district", metavar="DISTRICT")
@click.option("--department", metavar="CODE", help="this department alone  [default: all]")
@click.option("--until", "day", required=True, type=click.DateTime(["%Y-%m-%d"]), help="last day, YYYY-MM-DD")
@click.option("--reason", required=True, help="why; the desks read it, citizens never")
def order(*, district: str, department: str | None, day: datetime, reason: str) -> None:
    """Give all offices of a district ("*" for the whole state) time until the end of a day."""
    known = taxonomy()
    if district != WHOLE_STATE and district not in known.districts:
        raise Failed(f'{district} is no district; they are {", ".join(known.districts)}, or "*" for all of them.')
    if department is not None and department not in known.departments:
        raise Failed(f"{department} is no department; their codes are {', '.join(known.departments)}.")
    if not reason.strip():
        raise Failed("Give the reason with --reason: the desks read it.")
    loaded = settings()
    now = office_now(loaded)
    until = runs_again_after(day.date(), office_holidays((now.year, now.year + 1), loaded.holidays_file))
    if not may_be_ordered(until, now):
        raise Failed(f"Name a last day with --until from today on, at most {MOST_DAYS} days ahead.")
    with opened(loaded) as engine, writing(engine) as conn:
        words = mask(reason.strip())[:LONGEST_REASON]
        many = standstills.count_covered(conn, district, department)
        begun = standstills.confirm(conn, standstills.propose(conn, district, department, until, words, now), now)
        note(conn, begun, "standstill_ordered", now)
    click.echo(f"Standstill {begun.id}: the clocks of {many} open complaints stand; they run again {_moment(until)}.")


@command.command("end")
@click.argument("number", type=int)
def end(*, number: int) -> None:
    """Let the clocks run again now."""
    loaded = settings()
    now = office_now(loaded)
    with opened(loaded) as engine, writing(engine) as conn:
        note(conn, standstills.end(conn, number, now), "standstill_called_off", now)
    click.echo(f"Standstill {number} has ended; the desks are told.")


def _place(one: Standstill) -> str:
    return "all" if one.district == WHOLE_STATE else one.district


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone(OFFICE_ZONE):%Y-%m-%d %H:%M}"


def _plain(one: Standstill) -> dict[str, Any]:
    return {
        "id": one.id,
        "district": one.district,
        "department": one.department,
        "reason": one.reason,
        "from_at": one.from_at,
        "until_at": one.until_at,
    }
