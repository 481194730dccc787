"""`smgt inbox`: what was heard and could not be decided. Owns what is shown; the moves stand in store/inbox_by_hand.py."""

from __future__ import annotations

import click

from bot.cli.codes import refuse_words
from bot.cli.ending import Failed
from bot.cli.opening import office_now, opened, settings
from bot.cli.showing import short_time, show_json, show_rows
from store.db import reading, writing
from store.inbox import count_by_state
from store.inbox_by_hand import InboxNote, drop, list_rows, retry, row_by_id
from store.vocabulary import InboxState


@click.group(
    "inbox",
    epilog="""\b
Examples:
  smgt inbox list                           what needs a person: parked
  smgt inbox list --state pending --json
  smgt inbox retry 4711                     let a parked event be decided again
  smgt inbox drop 4711 --why answered_by_hand

\b
States: pending (not decided yet), done, parked (could not be decided; needs a person).
""",
)
def command() -> None:
    """Look at events heard on the platforms; let a parked one be decided again, or end it."""


@command.command("list")
@click.option("--state", "states", multiple=True, type=click.Choice([each.value for each in InboxState]),
              help="only these; may be given several times  [default: parked]")  # fmt: skip
@click.option("--limit", type=click.IntRange(1, 100_000), default=100, show_default=True, help="the oldest so many")
@click.option("--after", type=click.IntRange(0), default=0, help="only those with a higher number")
@click.option("--json", "as_json", is_flag=True, help="as one JSON object")
def list_events(*, states: tuple[str, ...], limit: int, after: int, as_json: bool) -> None:
    """List events, the oldest first, without their words, and count all by state."""
    wanted = [InboxState(each) for each in states] or [InboxState.PARKED]
    with opened(settings()) as engine, reading(engine) as conn:
        rows = list_rows(conn, states=wanted, limit=limit, after_id=after)
        counts = count_by_state(conn)
    if as_json:
        shown = [
            {
                "id": row.id,
                "channel": row.channel,
                "event_key": row.event_key,
                "state": row.state.value,
                "received_at": row.received_at,
                "result": row.result,
                "ticket_id": row.ticket_id,
                "attempts": row.attempts,
                "error": _head(row),
                "readable": row.is_readable,
            }
            for row in rows
        ]
        show_json({"counts": {state.value: many for state, many in counts.items()}, "events": shown})
        return
    click.echo(", ".join(f"{state.value} {many}" for state, many in counts.items() if many) or "The inbox is empty.")
    if rows:
        show_rows(
            ("id", "channel", "received", "result", "error", "event"),
            [
                (str(row.id), row.channel, short_time(row.received_at), row.result or "", _head(row), row.event_key)
                for row in rows
            ],
        )


@command.command("retry")
@click.argument("number", type=click.IntRange(1), metavar="ID")
def retry_event(*, number: int) -> None:
    """Let a parked event be decided again, once what made it fail is mended."""
    loaded = settings()
    with opened(loaded) as engine, writing(engine) as conn:
        if not retry(conn, number, office_now(loaded)):
            raise Failed(_why_not(number, row_by_id(conn, number)))
    click.echo(f"Event {number} is decided again by `smgt run`.")


@command.command("drop")
@click.argument("number", type=click.IntRange(1), metavar="ID")
@click.option("--why", required=True, help="a short code for the history, like answered_by_hand")
def drop_event(*, number: int, why: str) -> None:
    """End a parked event: answer its citizen by hand first."""
    refuse_words(why)
    loaded = settings()
    with opened(loaded) as engine, writing(engine) as conn:
        if not drop(conn, number, why, office_now(loaded)):
            raise Failed(_why_not(number, row_by_id(conn, number)))
    click.echo(f"Event {number} is dropped.")


def _head(row: InboxNote) -> str:
    """What kind of error it was: the rest of its sentence may quote the citizen."""
    return (row.error or "").partition(":")[0][:24]


def _why_not(number: int, row: InboxNote | None) -> str:
    if row is None:
        return f"There is no event {number}; `smgt inbox list` shows those that need a look."
    if row.state is InboxState.PARKED:
        return f"Event {number} has no words that can be read; answer by hand, then `smgt inbox drop` it."
    return f"Event {number} is {row.state.value}; only parked ones can be retried or dropped."
