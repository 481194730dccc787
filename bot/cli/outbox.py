"""`smgt outbox`: what will be said and what could not be. Owns what is shown; the moves stand in store/sending.py."""

from __future__ import annotations

import click
import sqlalchemy as sa

from bot.cli.codes import refuse_words
from bot.cli.ending import Failed
from bot.cli.opening import office_now, opened, settings
from bot.cli.showing import short_time, show_json, show_rows
from store import tickets
from store.db import reading, writing
from store.held import tickets_in_shadow
from store.outbox import count_by_state, followed, list_rows, row_by_id
from store.outbox_by_hand import drop_by_hand, retry_by_hand
from store.readiness import ENDED_UNSENT
from store.vocabulary import DeliveryState

_LOOK_AT = (DeliveryState.RETRY, DeliveryState.UNKNOWN, DeliveryState.PARKED)


@click.group(
    "outbox",
    epilog="""\b
Examples:
  smgt outbox list                          what needs a look: retry, unknown, parked
  smgt outbox list --state parked --json
  smgt outbox retry 4711                    let a parked or held message go
  smgt outbox drop 4711 --why posted_by_hand

\b
States: pending, sending, sent, retry, unknown (it may have been posted; it is read back),
parked (needs a person), cancelled, superseded, held (SMGT_MODE kept it back; see smgt shadow).
""",
)
def command() -> None:
    """Look at messages to citizens and officers; let one go again, or end it."""


@command.command("list")
@click.option("--state", "states", multiple=True, type=click.Choice([each.value for each in DeliveryState]),
              help="only these; may be given several times  [default: retry, unknown, parked]")  # fmt: skip
@click.option("--limit", type=click.IntRange(1, 100_000), default=100, show_default=True, help="the oldest so many")
@click.option("--after", type=click.IntRange(0), default=0, help="only those with a higher number")
@click.option("--json", "as_json", is_flag=True, help="as one JSON object")
def list_messages(*, states: tuple[str, ...], limit: int, after: int, as_json: bool) -> None:
    """List messages, the oldest first, without their words, and count all by state."""
    wanted = [DeliveryState(each) for each in states] or list(_LOOK_AT)
    with opened(settings()) as engine, reading(engine) as conn:
        rows = list_rows(conn, states=wanted, limit=limit, after_id=after)
        counts = count_by_state(conn)
    if as_json:
        shown = [
            {
                "id": row.id,
                "state": row.state.value,
                "template": row.template,
                "ticket_id": row.ticket_id,
                "destination": row.destination,
                "attempts": row.attempts,
                "next_attempt_at": row.next_attempt_at,
                "sent_at": row.sent_at,
                "error_code": row.error_code,
                "error": row.error,
            }
            for row in rows
        ]
        show_json({"counts": {state.value: many for state, many in counts.items()}, "messages": shown})
        return
    click.echo(", ".join(f"{state.value} {many}" for state, many in counts.items() if many) or "The outbox is empty.")
    if rows:
        show_rows(
            ("id", "state", "template", "tries", "next", "error"),
            [
                (
                    str(row.id),
                    row.state.value,
                    row.template,
                    str(row.attempts),
                    short_time(row.next_attempt_at),
                    row.error_code or "",
                )
                for row in rows
            ],
        )


@command.command("retry")
@click.argument("number", type=click.IntRange(1), metavar="ID")
def retry(*, number: int) -> None:
    """Let a message go that was parked, cancelled or held, or that you know was never posted."""
    loaded = settings()
    if loaded.reach.silent:
        raise Failed("SMGT_MODE is shadow, so nothing is sent; set it to all or to a district, then retry.")
    with opened(loaded) as engine, writing(engine) as conn:
        if not retry_by_hand(conn, number, office_now(loaded)):
            row = row_by_id(conn, number)
            raise Failed(
                _why_not(
                    number,
                    None if row is None else row.state,
                    "only parked, cancelled, held or unknown ones go again",
                )
            )
        silent = _refuse_half(conn, number)
    click.echo(f"Message {number} goes." if silent else f"Message {number} goes again.")
    if silent:
        click.echo(
            f"Its ticket stays in the shadow with what else is held of it; `smgt shadow list --ticket {silent}`."
        )


@command.command("drop")
@click.argument("number", type=click.IntRange(1), metavar="ID")
@click.option("--why", required=True, help="a short code for the history, like posted_by_hand")
def drop(*, number: int, why: str) -> None:
    """End a message that is not sent and not being sent; what follows it ends too."""
    refuse_words(why)
    loaded = settings()
    with opened(loaded) as engine, writing(engine) as conn:
        if not drop_by_hand(conn, number, why, office_now(loaded)):
            row = row_by_id(conn, number)
            raise Failed(_why_not(number, None if row is None else row.state, "it cannot be ended any more"))
    click.echo(f"Message {number} is dropped.")


def _refuse_half(conn: sa.Connection, number: int) -> str | None:
    """A change of what was never said is refused. Returns the ticket's number if it stays in the shadow."""
    row = row_by_id(conn, number)
    first = followed(conn, row) if row is not None else None
    if first is not None and first.state in ENDED_UNSENT:
        raise Failed(
            f"Message {number} changes message {first.id}, which is {first.state.value}; let that one go first."
        )
    if row is None or row.ticket_id not in tickets_in_shadow(conn):
        return None
    return str(tickets.by_ids(conn, [row.ticket_id or 0])[0]["number"])


def _why_not(number: int, state: DeliveryState | None, rule: str) -> str:
    if state is None:
        return f"There is no message {number}; `smgt outbox list` shows those that need a look."
    return f"Message {number} is {state.value}; {rule}."
