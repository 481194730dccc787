"""`smgt officers leave` and `back`: who is away from when to when, and who acts for them.

Owns the options and what is shown; the rules stand in store/leave.py.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import click

from bot.cli.opening import office_now, opened, settings
from bot.cli.showing import show_json, show_rows
from handlers.time_limits import OFFICE_ZONE
from store.db import reading, writing
from store.leave import Away, begin_leave, end_leave, leaves_from

DAY = click.DateTime(["%Y-%m-%d"])


@click.command(
    "leave",
    epilog="""\b
Examples:
  smgt officers leave                                          who is away, or will be
  smgt officers leave ulb-nodal-hisar --until 2026-12-10       the post, from today on
  smgt officers leave "R. Lal" --from 2026-12-01 --until 2026-12-10 --substitute "S. Devi"

\b
Both days are included. An officer is away from all their posts, a post whoever holds it.
""",
)
@click.argument("who", required=False, metavar="[OFFICER_OR_POST]")
@click.option("--from", "first", type=DAY, help="first day, YYYY-MM-DD  [default: today]")
@click.option("--until", "last", type=DAY, help="last day, YYYY-MM-DD")
@click.option("--substitute", metavar="OFFICER", help="who acts in the post meanwhile, under their own name")
@click.option("--json", "as_json", is_flag=True, help="as JSON")
def leave(
    *, who: str | None, first: datetime | None, last: datetime | None, substitute: str | None, as_json: bool
) -> None:
    """Note that an officer or a post is away until a day; without a name: list who is.

    With a substitute nothing else changes. Without one the chair is skipped like an empty one: new tickets and late ones go
    to the next chair up. It ends by itself; `smgt officers back` ends it before.
    """
    loaded = settings()
    now = office_now(loaded)
    if who is None:
        if first or last or substitute:
            raise click.UsageError("Name the officer or the post that is away.")
        with opened(loaded) as engine, reading(engine) as conn:
            _list(leaves_from(conn, now), now, as_json=as_json)
        return
    if last is None:
        raise click.UsageError("Give the last day with --until YYYY-MM-DD; a leave has an end.")
    begin = first.date() if first else now.astimezone(OFFICE_ZONE).date()
    with opened(loaded) as engine, writing(engine) as conn:
        away = begin_leave(conn, who, begin, last.date(), now, substitute=substitute)
    if as_json:
        show_json(plain(away, now))
        return
    chairs = "" if away.leave.post else f" ({', '.join(away.posts)})"
    click.echo(f"{away.who}{chairs} is away {days(away)}.")
    other = away.leave.substitute
    if other is None:
        click.echo("Nobody stands in: the chair is skipped, the next one up is rung.")
    else:
        click.echo(f"{other.name} acts there meanwhile.")
        if other.telegram_user_id is None:
            click.echo(f"{other.name} has not joined: send the link of `smgt officers invite {other.id}`.")


@click.command("back")
@click.argument("who", metavar="OFFICER_OR_POST")
@click.option("--json", "as_json", is_flag=True, help="as JSON")
def back(*, who: str, as_json: bool) -> None:
    """End the leave of an officer or a post now; one that has not begun is called off."""
    loaded = settings()
    now = office_now(loaded)
    with opened(loaded) as engine, writing(engine) as conn:
        away = end_leave(conn, who, now)
    if as_json:
        show_json(plain(away, now))
    elif away.leave.from_at > now:
        click.echo(f"The leave of {away.who}, {days(away)}, is called off.")
    else:
        click.echo(f"{away.who} is back.")


def plain(away: Away, now: datetime) -> dict[str, Any]:
    """A leave for machines."""
    first, last = _ends(away)
    other = away.leave.substitute
    return {
        "who": away.who,
        "posts": away.posts,
        "from": first.isoformat(),
        "until": last.isoformat(),
        "away_now": away.leave.from_at <= now,
        "substitute": other.name if other else None,
        "substitute_joined": bool(other and other.telegram_user_id),
    }


def days(away: Away) -> str:
    """The first and the last day on the office's wall."""
    first, last = _ends(away)
    return f"on {first:%d %b %Y}" if first == last else f"{first:%d %b %Y} to {last:%d %b %Y}"


def _ends(away: Away) -> tuple[date, date]:
    last = away.leave.to_at - timedelta(seconds=1)
    return away.leave.from_at.astimezone(OFFICE_ZONE).date(), last.astimezone(OFFICE_ZONE).date()


def _list(found: list[Away], now: datetime, *, as_json: bool) -> None:
    if as_json:
        show_json([plain(one, now) for one in found])
        return
    if not found:
        click.echo("Nobody is away.")
        return
    rows = [(one.who, days(one), one.leave.substitute.name if one.leave.substitute else "nobody") for one in found]
    show_rows(("away", "days", "stands in"), rows)
