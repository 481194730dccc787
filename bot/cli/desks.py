"""`smgt desks`: the departments' desks and the Telegram chats in which they sit.

Owns what is shown; checking and importing stand in store/directory_csv.py.
"""

from __future__ import annotations

import re
from pathlib import Path

import click

from bot.cli.directory import EXPORT_FILE, show_difference, show_export
from bot.cli.opening import office_now, opened, settings
from bot.cli.showing import show_json, show_rows
from store.closed_chats import bind_anew
from store.db import reading, writing
from store.directory import load_directory
from store.directory_csv import export_desks, import_desks

_CHAT = re.compile(r"-?[0-9]{1,20}")


@click.group(
    "desks",
    invoke_without_command=True,
    epilog="""\b
Examples:
  smgt desks import desks.csv
  smgt desks list
  smgt desks bind phed -1001234567890              the group of the desk phed
  smgt desks bind power -1001234567890 --topic 12  a topic of a forum group

\b
Columns: desk,title,language,chat_id,topic_id. An empty chat_id leaves the desk where it is,
- takes it out of its chat. An officer may also write /bind CODE in the group itself.
""",
)
@click.pass_context
def command(ctx: click.Context, /) -> None:
    """Import, export, list and bind the desks, the Telegram groups where officers work; alone: list them."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(list_desks, as_json=False)


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="as a JSON list")
def list_desks(*, as_json: bool) -> None:
    """List the desks and where they sit."""
    loaded = settings()
    with opened(loaded) as engine, reading(engine) as conn:
        desks = load_directory(conn, office_now(loaded)).desks.values()
    if as_json:
        show_json(list(desks))
        return
    rows = [
        (
            one.code,
            one.title,
            one.language.value,
            "lost" if one.lost else (one.chat_id or "not bound") + (f" topic {one.topic_id}" if one.topic_id else ""),
        )
        for one in desks
    ]
    show_rows(("desk", "title", "language", "chat"), rows)


@command.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--dry-run", is_flag=True, help="say what would change, change nothing")
@click.option("--json", "as_json", is_flag=True, help="the differences as one JSON object")
def import_file(*, file: Path, dry_run: bool, as_json: bool) -> None:
    """Make the desks those of a CSV or .xlsx file; not one line counts while another is wrong."""
    loaded = settings()
    with opened(loaded, make=not dry_run) as engine, writing(engine) as conn:
        difference = import_desks(conn, file, now=office_now(loaded), dry_run=dry_run)
    show_difference("desk", difference, dry_run=dry_run, as_json=as_json)


@command.command("export")
@EXPORT_FILE
def export(*, file: Path | None) -> None:
    """Write the desks to FILE (.csv or .xlsx), or as CSV to stdout; importing it again changes nothing."""
    loaded = settings()
    with opened(loaded) as engine, reading(engine) as conn:
        show_export(export_desks(conn, office_now(loaded)), file)


@command.command("bind", context_settings={"ignore_unknown_options": True})
@click.argument("desk")
@click.argument("chat_id")
@click.option("--topic", metavar="NUMBER", help="the topic, where the group is a forum")
def bind(*, desk: str, chat_id: str, topic: str | None) -> None:
    """Say in which Telegram chat a desk sits; binding again moves it."""
    for what, given in (("CHAT_ID", chat_id), ("--topic", topic)):
        if given is not None and not _CHAT.fullmatch(given):
            raise click.BadParameter(f"{given!r} is not a number; group ids look like -1001234567890.", param_hint=what)
    loaded = settings()
    with opened(loaded) as engine, writing(engine) as conn:
        moved = bind_anew(conn, desk, chat_id, topic, office_now(loaded))
    click.echo(f"The desk {desk} sits in chat {chat_id}{f', topic {topic}' if topic else ''}.")
    if moved:
        click.echo(f"{moved} messages that waited for its old group go there.")
