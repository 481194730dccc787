"""`smgt shadow`: what SMGT would say where SMGT_MODE keeps it silent, beside the posts, and letting tickets speak.

Owns what is shown and that people's words are masked unless asked for. The rule is in handlers/reach.py.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping
from typing import Any

import click
import sqlalchemy as sa

from bot.cli.ending import Failed
from bot.cli.masking import shown
from bot.cli.opening import office_now, opened, settings
from bot.cli.showing import WIDTH, short_time, show_beside, show_json, show_rows
from bot.cli.ticket import canonical
from handlers.reach import Why
from store import held, tickets
from store.beside import Beside, posts_and_answers
from store.channels import all_channels
from store.db import reading, writing
from store.outbox import OutboxRow
from store.vocabulary import Sensitivity

Ticket = Mapping[str, Any]
LIMIT = click.option("--limit", type=click.IntRange(1, 100_000), default=100, show_default=True, help="so many")
AFTER = click.option("--after", type=click.IntRange(0), default=0, help="only those with a higher number")
WORDS = click.option("--words", is_flag=True, help="people's words unmasked; for those who may read them")
AS_JSON = click.option("--json", "as_json", is_flag=True, help="as one JSON document")


@click.group(
    "shadow",
    invoke_without_command=True,
    epilog="""\b
Examples:
  smgt shadow                            how much was held, of what and why
  smgt shadow list --why other_district  the words, to whom, in which thread
  smgt shadow beside                     each post and what it would have been answered
  smgt shadow beside --every --json      with the posts that would get no answer
  smgt outbox retry 4711                 send one held message after all
  smgt shadow release HRY26-004821-6     let this ticket speak from now on

\b
Why: shadow (nothing is said), district_unknown, other_district, no_ticket (it belongs to nothing
of the live district), in_shadow (earlier words of its ticket were held), follows_held.
""",
)
@AS_JSON
@click.pass_context
def command(ctx: click.Context, *, as_json: bool) -> None:
    """Show what SMGT_MODE keeps back: counts here, words with `list`, posts and answers with `beside`."""
    if ctx.invoked_subcommand is not None:
        return
    loaded = settings()
    with opened(loaded) as engine, reading(engine) as conn:
        counts, quiet = held.count_held(conn), held.tickets_in_shadow(conn)
    if as_json:
        show_json({"mode": str(loaded.reach), "tickets_in_shadow": len(quiet), "held": counts})
        return
    click.echo(f"Mode {loaded.reach.meaning}.")
    click.echo(f"{sum(one.many for one in counts)} messages are held; {len(quiet)} tickets live in the shadow.")
    if counts:
        rows = [(one.platform.value, one.template, one.why, str(one.many)) for one in counts]
        show_rows(("platform", "template", "why", "held"), rows)


@command.command("list")
@click.option("--why", "whys", multiple=True, type=click.Choice([each.value for each in Why]),
              help="only these; may be given several times")  # fmt: skip
@click.option("--ticket", "number", help="only this ticket's")
@LIMIT
@AFTER
@WORDS
@AS_JSON
def list_held(*, whys: tuple[str, ...], number: str | None, limit: int, after: int, words: bool, as_json: bool) -> None:
    """List held messages with their words, the oldest first: to whom, in which thread, why they were held."""
    loaded = settings()
    with opened(loaded) as engine, reading(engine) as conn:
        ticket = _ticket(conn, number, loaded.ticket_prefix)["id"] if number else None
        rows = held.held_rows(conn, whys=whys, ticket_id=ticket, after_id=after, limit=limit)
        known = _tickets(conn, (row.ticket_id for row in rows))
        platforms = {one.id: one.platform.value for one in all_channels(conn)}
    messages = [_message(row, known.get(row.ticket_id or 0), platforms[row.channel_id], words=words) for row in rows]
    if as_json:
        show_json(messages)
        return
    for one in messages:
        _print_message(one)
    if not messages:
        click.echo("Nothing like that is held.")


@command.command("beside")
@click.option("--every", is_flag=True, help="posts that would get no answer too, and those that got one")
@LIMIT
@AFTER
@WORDS
@AS_JSON
def beside(*, every: bool, limit: int, after: int, words: bool, as_json: bool) -> None:
    """Show posts beside the answers they would have got, the oldest first."""
    with opened(settings()) as engine, reading(engine) as conn:
        found = posts_and_answers(conn, every=every, after_id=after, limit=limit)
        known = _tickets(conn, (one.ticket_id for one in found))
    pairs = [_pair(one, known.get(one.ticket_id or 0), words=words) for one in found]
    if as_json:
        show_json(pairs)
    elif pairs:
        show_beside(("post", "answer"), [(_post(one), _answer(one)) for one in pairs])
    else:
        click.echo("No post like that was heard yet.")


@command.command("release")
@click.argument("numbers", nargs=-1, metavar="[NUMBER]...")
@click.option("--all", "every", is_flag=True, help="every ticket that lives in the shadow")
def release(*, numbers: tuple[str, ...], every: bool) -> None:
    """Let tickets speak from now on. What was held of them stays unsaid; send single ones with `smgt outbox retry`."""
    if every == bool(numbers):
        raise click.UsageError("Name tickets by their numbers, or give --all.")
    loaded = settings()
    if loaded.reach.silent:
        raise Failed("SMGT_MODE is shadow, so nothing is said of any ticket; set it to all or to a district first.")
    with opened(loaded) as engine, writing(engine) as conn:
        quiet = held.tickets_in_shadow(conn)
        chosen = quiet if every else [_ticket(conn, one, loaded.ticket_prefix)["id"] for one in numbers]
        loud = [one["number"] for one in tickets.by_ids(conn, set(chosen) - set(quiet))]
        if loud:
            raise Failed(f"{', '.join(loud)}: nothing of it is held, so it is not in the shadow; nothing was changed.")
        unsaid = held.release(conn, chosen, office_now(loaded))
    within = f", within {loaded.reach}," if loaded.reach.district else ""
    click.echo(f"{len(chosen)} tickets speak from now on{within}; {unsaid} held messages of theirs stay unsaid.")


# -- what is shown -----------------------------------------------------------------------------------------------------


def _ticket(conn: sa.Connection, typed: str, prefix: str) -> Ticket:
    number = canonical(typed, prefix)
    found = tickets.by_numbers(conn, [number])
    if not found:
        raise Failed(f"There is no ticket {number}; `smgt ticket list` shows those there are.")
    return found[0]


def _tickets(conn: sa.Connection, ids: Iterable[int | None]) -> dict[int, Ticket]:
    return {row["id"]: row for row in tickets.by_ids(conn, {one for one in ids if one is not None})}


def _message(row: OutboxRow, ticket: Ticket | None, platform: str, *, words: bool) -> dict[str, Any]:
    sensitive = ticket is not None and ticket["sensitivity"] == Sensitivity.SENSITIVE
    outgoing = row.outgoing
    return {
        "id": row.id,
        "at": row.created_at,
        "platform": platform,
        "template": row.template,
        "act": outgoing.act.value if outgoing else None,
        "why": row.error_code,
        "ticket": ticket["number"] if ticket else None,
        "to": row.recipient,
        "thread": outgoing.thread_id if outgoing else row.destination,
        "urgent": row.urgent,
        "text": shown(outgoing.text, sensitive=sensitive, words=words) if outgoing else None,
    }


def _print_message(one: Mapping[str, Any]) -> None:
    urgent = "  urgent" if one["urgent"] else ""
    ticket = f"  {one['ticket']}" if one["ticket"] else ""
    click.echo(f"{one['id']}  {short_time(one['at'])}  {one['template']}  {one['why']}{ticket}{urgent}")
    click.echo(f"  {one['platform']}, {one['act'] or 'erased'} to {one['to']} in {one['thread']}")
    for line in (one["text"] or "(erased)").splitlines():
        click.echo(textwrap.fill(line, WIDTH, initial_indent="  | ", subsequent_indent="  | ") or "  |")
    click.echo()


def _pair(one: Beside, ticket: Ticket | None, *, words: bool) -> dict[str, Any]:
    sensitive = ticket is not None and ticket["sensitivity"] == Sensitivity.SENSITIVE
    row = one.answer
    text = row.outgoing.text if row is not None and row.outgoing is not None else None
    about = ("number", "category", "district", "department")
    return {
        "post": one.inbox_id,
        "platform": one.platform.value,
        "heard_at": one.heard_at,
        "text": shown(one.text, sensitive=sensitive, words=words),
        "result": one.result,
        "ticket": {name: ticket[name] for name in about} if ticket and not (sensitive and not words) else None,
        "answer": None if row is None else {
            "id": row.id,
            "state": row.state.value,
            "template": row.template,
            "why": row.error_code,
            "text": shown(text, sensitive=sensitive, words=words),
        },
    }  # fmt: skip


def _post(one: Mapping[str, Any]) -> str:
    head = f"#{one['post']}  {one['platform']}  {short_time(one['heard_at'])}"
    about = ", ".join(str(value) for value in (one["ticket"] or {}).values() if value)
    return "\n".join([head, one["text"] or "(erased)", *([f"-> {about}"] if about else [])])


def _answer(one: Mapping[str, Any]) -> str:
    answer = one["answer"]
    if answer is None:
        return f"no answer: {one['result']}"
    state = f"held: {answer['why']}" if answer["state"] == "held" else answer["state"]
    return f"{answer['id']}  {answer['template']}  ({state})\n{answer['text'] or '(erased)'}"
