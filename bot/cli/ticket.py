"""`smgt ticket`: one complaint as it stands, or a list of them.

Owns what is shown and that people's words are masked unless asked for. It changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click
import sqlalchemy as sa

from bot.cli.ending import Failed
from bot.cli.masking import shown
from bot.cli.showing import office_time, short_time, show_json, show_rows
from handlers.understanding.number import find_numbers
from store import outbox, remarks, tickets
from store.db import reading
from store.tables import tickets as tickets_table
from store.vocabulary import Sensitivity, Status

_SHOWN = (
    "number", "status", "category", "district", "locality", "department", "owner_post", "language", "platform",
    "sensitivity", "urgent", "opened_at", "assigned_at", "accepted_at", "disposed_at", "due_at", "ended_at", "outcome",
    "escalation_level", "reopen_count", "disposal_count", "forward_count",
)  # fmt: skip
_TALK = ("awaiting", "asked", "awaiting_since_at", "unasked_count", "misses", "last_heard_at")


class _NumberFirst(click.Group):
    """`smgt ticket NUMBER` is `smgt ticket show NUMBER`, in whatever form the number is typed."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] not in (*self.commands, *ctx.help_option_names):
            args = ["show", *args]
        return super().parse_args(ctx, args)

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        return ["[OPTIONS]", "NUMBER | COMMAND"]


@click.group(
    "ticket",
    cls=_NumberFirst,
    epilog="""\b
Examples:
  smgt ticket HRY26-004821-6
  smgt ticket "hry 26 4821 6"                 any form that people type
  smgt ticket HRY26-004821-6 --words --json   with the citizen's own words
  smgt ticket list --status triage --status assigned
""",
)
def command() -> None:
    """Show one complaint: how it stands, the talk, its history and messages; or list complaints.

    `smgt ticket NUMBER` takes the number in any form people type. What people wrote is masked, and left out
    where the matter is sensitive, unless --words is given.
    """


@command.command("show")
@click.argument("number", nargs=-1, required=True)
@click.option("--words", is_flag=True, help="people's words unmasked; for those who may read them")
@click.option("--json", "as_json", is_flag=True, help="as one JSON object")
def show(*, number: tuple[str, ...], words: bool, as_json: bool) -> None:
    """Show one complaint by its number."""
    from bot.cli.opening import opened, settings

    loaded = settings()
    wanted = canonical(" ".join(number), loaded.ticket_prefix)
    with opened(loaded) as engine, reading(engine) as conn:
        found = tickets.by_numbers(conn, [wanted])
        if not found:
            raise Failed(f"There is no ticket {wanted}; `smgt ticket list` shows those there are.")
        story = _story(conn, found[0], words=words)
    if as_json:
        show_json(story)
    else:
        _print(story)


@command.command("list")
@click.option("--status", "statuses", multiple=True, type=click.Choice([each.value for each in Status]),
              help="only these; may be given several times")  # fmt: skip
@click.option("--open", "only_open", is_flag=True, help="only those that are not ended")
@click.option("--department", help="only this department's, by its code")
@click.option("--district", help="only this district's")
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True, help="the newest so many")
@click.option("--json", "as_json", is_flag=True, help="as a JSON list")
def list_tickets(
    *,
    statuses: tuple[str, ...],
    only_open: bool,
    department: str | None,
    district: str | None,
    limit: int,
    as_json: bool,
) -> None:
    """List complaints, the newest first."""
    from bot.cli.opening import opened, settings

    wanted = sa.select(tickets_table).order_by(tickets_table.c.id.desc()).limit(limit)
    if statuses:
        wanted = wanted.where(tickets_table.c.status.in_(statuses))
    if only_open:
        wanted = wanted.where(tickets_table.c.ended_at.is_(None))
    if department:
        wanted = wanted.where(tickets_table.c.department == department)
    if district:
        wanted = wanted.where(sa.func.lower(tickets_table.c.district) == district.lower())
    with opened(settings()) as engine, reading(engine) as conn:
        rows = [{name: row[name] for name in _SHOWN} for row in conn.execute(wanted).mappings()]
    if as_json:
        show_json(rows)
        return
    titles = ("number", "status", "category", "district", "due")
    show_rows(
        titles,
        [(*(str(row[name] or "-") for name in titles[:-1]), short_time(row["due_at"])) for row in rows],
    )


def canonical(typed: str, prefix: str) -> str:
    """A ticket number in any form people type, as it is kept. Raises Failed, BadParameter."""
    good, bad, _ = find_numbers(typed, prefix)
    if not good and not bad:  # on the command line the prefix may be left out in any form
        good, bad, _ = find_numbers(f"{prefix}{typed}", prefix)
    if good:
        return good[0]
    if bad:
        raise Failed(f"The number {bad[0]} has a typing slip: its last digit does not fit the others; please check it.")
    raise click.BadParameter(
        f"{typed!r} is not a ticket number; one looks like {prefix}26-004821-6.", param_hint="NUMBER"
    )


def _story(conn: sa.Connection, ticket: Mapping[str, Any], *, words: bool) -> dict[str, Any]:
    sensitive = ticket["sensitivity"] == Sensitivity.SENSITIVE

    def masked(text: str | None) -> str | None:
        return shown(text, sensitive=sensitive, words=words)

    return {
        "ticket": {name: ticket[name] for name in _SHOWN} | {"locality": masked(ticket["locality"])},
        "talk": {name: ticket[name] for name in _TALK},
        "words": [
            {"at": row["occurred_at"], "speaker": row["speaker"], "text": masked(row["text"])}
            for row in tickets.words_of(conn, [ticket["id"]])
        ],
        "history": [
            {
                "at": row["at"],
                "kind": row["kind"],
                "actor": row["actor"],
                "post": row["post"],
                "codes": row["codes"],
            }
            for row in tickets.events_of(conn, ticket["id"])
        ],
        "remarks": [
            {
                "made_at": one.made_at,
                "post": one.from_post,
                "text": masked(one.text),
                "due_at": one.due_at,
                "answered_at": one.answered_at,
                "answers": [{"at": each.at, "post": each.post, "text": masked(each.text)} for each in answers],
            }
            for one, answers in remarks.of_ticket(conn, ticket["id"])
        ],
        "messages": [
            {
                "id": row.id,
                "template": row.template,
                "state": row.state.value,
                "due": row.next_attempt_at,
                "sent_at": row.sent_at,
                "error": row.error_code,
                "text": masked(row.outgoing.text) if row.outgoing else None,
            }
            for row in outbox.list_rows(conn, ticket_id=ticket["id"], limit=1000)
        ],
    }


def _print(story: Mapping[str, Any]) -> None:
    facts = [*story["ticket"].items(), *story["talk"].items()]
    show_rows(("", ""), [(name, _cell(value)) for name, value in facts if value not in (None, "", False, 0)])
    click.echo("\nWhat was written")
    for one in story["words"]:
        click.echo(f"  {office_time(one['at'])}  {one['speaker']}: {one['text'] or '(withdrawn)'}")
    click.echo("\nWhat happened")
    for one in story["history"]:
        by = f" ({one['post']})" if one["post"] else ""
        click.echo(f"  {office_time(one['at'])}  {one['kind']} by {one['actor']}{by}")
    if story["remarks"]:
        click.echo("\nWhat the Chief Minister's Office remarked")
    for one in story["remarks"]:
        open_till = "" if one["answered_at"] else f" (open; due {office_time(one['due_at'])})"
        click.echo(f"  {office_time(one['made_at'])}  {one['post']}: {one['text']}{open_till}")
        for each in one["answers"]:
            click.echo(f"    {office_time(each['at'])}  {each['post']}: {each['text']}")
    click.echo("\nWhat was said")
    for one in story["messages"]:
        text = " ".join((one["text"] or "(erased)").split())
        click.echo(f"  {one['id']:>6} {one['state']:<10} {one['template']}: {text}")


def _cell(value: object) -> str:
    from datetime import datetime

    return office_time(value) if isinstance(value, datetime) else str(value)
