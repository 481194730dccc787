"""`smgt reconcile`: does a day add up, and does the platform show posts that the inbox does not hold?

Owns the showing; the counting is in handlers/reconciling, the asking of platforms in bot/looking_back.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import click

from bot.cli.opening import office_now, opened, settings
from bot.cli.showing import short_time, show_json, show_rows
from handlers.digest.editions import DayNotBegun
from handlers.digest.period import Period, office_day
from handlers.reconciling.days import WAITS_AT_MOST, clear_settled, count_day
from handlers.reconciling.parts import PARTS
from handlers.reconciling.shapes import ChannelDay, DayCount, Mismatch
from store.db import reading, writing

if TYPE_CHECKING:
    from bot.looking_back import Look

NAMED: Final = 12  # ids in one line; --json names all
WHAT: Final = {
    "no_ticket": "decided as ticketed, but no ticket was opened",
    "no_answer": "decided as answered, but nothing is in the outbox",
    "no_words": "decided, but the words are not in the transcript",
    "waiting": "not decided yet; look whether `smgt run` works",
    "no_first_reply": "no first reply in the outbox, nor a reason",
    "two_first_replies": "more than one first reply",
    "two_tickets": "several tickets of one post",
    "ticket_of_no_post": "no inbox row opened this ticket",
    "answer_to_nothing": "answers an inbox row that is not there",
    "words_of_no_post": "words of a post that the inbox does not hold",
}


@click.command(
    "reconcile",
    epilog="""\b
Examples:
  smgt reconcile                            yesterday
  smgt reconcile --day 2026-11-24 --json
  smgt reconcile --days 7                   the last seven whole days
  smgt reconcile --ask-platforms            and what X and Facebook still show of it
  smgt reconcile --ask-platforms --take     and put into the inbox what it lacks

\b
Everything heard is in one part: ticketed, answered without a ticket, about a
ticket, ignored, parked, waiting. That is held against the tickets, replies and
words that the decisions left. Exit code 1 if something does not add up.
""",
)
@click.option("--day", type=click.DateTime(["%Y-%m-%d"]), help="the office's day  [default: yesterday]")
@click.option("--days", type=click.IntRange(1, 366), default=1, show_default=True, help="so many days, up to that one")
@click.option("--waits", type=click.IntRange(1, 1440), default=int(WAITS_AT_MOST.total_seconds() // 60),
              show_default=True, metavar="MINUTES", help="how long a post may wait for its decision")  # fmt: skip
@click.option("--ask-platforms", "ask", is_flag=True, help="read the days once more; lists posts we do not hold")
@click.option("--take", is_flag=True, help="with --ask-platforms: put those posts into the inbox")
@click.option("--json", "as_json", is_flag=True, help='as one JSON object: {"ok": ..., "days": [...], ...}')
@click.pass_context
def command(
    ctx: click.Context, /, *, day: datetime | None, days: int, waits: int, ask: bool, take: bool, as_json: bool
) -> None:
    """Reconcile days: is everything that was heard accounted for?"""
    if take and not ask:
        raise click.UsageError("--take needs --ask-platforms, which finds what there is to take.")
    loaded = settings()
    now = office_now(loaded)
    wanted = _days(day.date() if day else None, days, now)
    looks: Sequence[Look] = ()
    with opened(loaded) as engine:
        if ask:
            from bot.looking_back import look_back

            looks = look_back(loaded, engine, Period(wanted[0]).start, min(Period(wanted[-1]).end, now), now, take=take)
        with reading(engine) as conn:
            counts = [count_day(conn, Period(one), now, waits=timedelta(minutes=waits)) for one in wanted]
        with writing(engine) as conn:
            for one, count in zip(wanted, counts, strict=True):
                clear_settled(conn, one, count, now)
    ok = all(one.adds_up for one in counts) and all(one.is_settled for one in looks)
    if as_json:
        shown = [_as_json(one, count) for one, count in zip(wanted, counts, strict=True)]
        show_json({"ok": ok, "days": shown, "platforms": [look.as_json() for look in looks]})
    else:
        for one, count in zip(wanted, counts, strict=True):
            _show(one, count)
        for look in looks:
            for line in look.lines():
                click.echo(line)
    ctx.exit(0 if ok else 1)


def _days(last: date | None, many: int, now: datetime) -> list[date]:
    today = office_day(now)
    end = last or today - timedelta(days=1)
    if end > today:
        raise DayNotBegun(f"The day {end} has not begun; name a day up to {today}.")
    return [end - timedelta(days=n) for n in reversed(range(many))]


def _as_json(day: date, count: DayCount) -> dict[str, Any]:
    return {
        "day": day.isoformat(),
        "adds_up": count.adds_up,
        "channels": [
            {
                "channel": one.channel,
                "platform": one.platform.value,
                "seen": one.seen,
                "parts": one.parts,
                "ignored": one.reasons,
                "left": one.left,
                "adds_up": one.adds_up,
                "mismatches": one.mismatches,
            }
            for one in count.channels
        ],
    }


def _show(day: date, count: DayCount) -> None:
    click.echo(f"{day:%a %d %b %Y}, counted {short_time(count.now)}\n")
    if not count.channels:
        click.echo("There is no channel yet; `smgt run` registers them.\n")
        return
    titles = ("channel", "seen", "ticketed", "answered", "about", "ignored", "parked", "waiting", "adds up")
    show_rows(titles, [_part_cells(one) for one in count.channels])
    click.echo()
    left = ("channel", "tickets", "first replies", "withheld", "answers without a ticket")
    citizens = [one for one in count.channels if one.left.tickets or one.left.answers]
    if citizens:
        show_rows(left, [_left_cells(one) for one in citizens])
        click.echo()
    for line in [*_reasons(count), *_mismatches(count)]:
        click.echo(line)
    click.echo("Everything adds up.\n" if count.adds_up else "")


def _part_cells(one: ChannelDay) -> tuple[str, ...]:
    return (
        one.channel[:16],
        str(one.seen),
        *(str(one.parts[part]) for part in PARTS),
        "yes" if one.adds_up else "NO",
    )


def _left_cells(one: ChannelDay) -> tuple[str, ...]:
    return (one.channel[:16], str(one.left.tickets), _states(one.left.replies), str(one.left.withheld),
            _states(one.left.answers))  # fmt: skip


def _states(counted: Any) -> str:
    return ", ".join(f"{many} {state}" for state, many in counted.items()) or "none"


def _reasons(count: DayCount) -> Iterator[str]:
    for one in count.channels:
        if one.reasons:
            told = ", ".join(f"{code} {many}" for code, many in one.reasons.items())
            yield from _wrapped(f"{one.channel} ignored: {told}")


def _mismatches(count: DayCount) -> Iterator[str]:
    for one in count.channels:
        for odd in one.mismatches:
            yield from _wrapped(f"{one.channel} {odd.code}: {WHAT[odd.code]}: {odd.table} {named(odd)}")


def named(odd: Mismatch) -> str:
    """The first of its ids."""
    more = f" and {len(odd.ids) - NAMED} more" if len(odd.ids) > NAMED else ""
    return ", ".join(map(str, odd.ids[:NAMED])) + more


def _wrapped(line: str) -> list[str]:
    import textwrap

    return textwrap.wrap(line, 80, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
