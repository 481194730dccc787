"""`smgt accounts`: the accounts whom a person answers first. Owns what is shown; the list stands in store/first_accounts.py."""

from __future__ import annotations

from pathlib import Path

import click

from bot.cli.ending import Failed
from bot.cli.opening import office_now, opened, settings
from bot.cli.showing import show_json, show_rows
from store.db import reading, writing
from store.first_accounts import (
    FirstAccount,
    add,
    all_of_them,
    drop,
    import_list,
    plain_handle,
    wrong_account,
)
from store.vocabulary import Platform

PLATFORM = click.argument("platform", type=click.Choice(["x", "facebook"]))


@click.group(
    "accounts",
    epilog="""\b
Examples:
  smgt accounts first list                      those whom a person answers first
  smgt accounts first add x @some_mla --note "MLA, Hansi"
""",
)
def command() -> None:
    """Citizens' accounts: those whom a person answers first."""


@command.group(
    "first",
    epilog="""\b
Examples:
  smgt accounts first add x @some_mla --note "MLA, Hansi"
  smgt accounts first add facebook --id 10223 --note "district reporter"
  smgt accounts first list
  smgt accounts first drop x @some_mla
  smgt accounts first import accounts.csv       the list becomes that of the file

\b
Columns: platform,handle,author_id,note. A complaint of such an account gets its number
at once and everyone's clock from its first post; no machine routes it or asks: the CMO
desk is told at once and places it. Once heard under its handle an account is known by
its id, so that a changed handle changes nothing.
""",
)
def first() -> None:
    """Accounts that need a person first, like legislators and the press."""


@first.command("list")
@click.option("--json", "as_json", is_flag=True, help="as a JSON list")
def list_accounts(*, as_json: bool) -> None:
    """List them, and by which id they are known."""
    with opened(settings()) as engine, reading(engine) as conn:
        found = all_of_them(conn)
    if as_json:
        show_json(found)
    elif not found:
        click.echo("No account is on the list.")
    else:
        rows = [(one.platform.value, one.handle or "-", one.author_id or "not heard yet", one.note) for one in found]
        show_rows(("platform", "handle", "id", "why"), rows)


@first.command("add")
@PLATFORM
@click.argument("handle", required=False, default="")
@click.option("--id", "author_id", default="", help="the platform's own id of the account")
@click.option("--note", required=True, help="why a person comes first")
def add_account(*, platform: str, handle: str, author_id: str, note: str) -> None:
    """Put an account on the list, by its handle or its id."""
    one = FirstAccount(Platform(platform), plain_handle(handle), author_id.strip(), note.strip())
    wrong = wrong_account(one.handle, one.author_id, one.note)
    if wrong is not None:
        raise Failed(wrong[0].upper() + wrong[1:])
    loaded = settings()
    with opened(loaded) as engine, writing(engine) as conn:
        is_new = add(conn, one, office_now(loaded))
    click.echo("It is on the list." if is_new else "It was on the list; its note is the new one.")


@first.command("drop")
@PLATFORM
@click.argument("who", metavar="HANDLE_OR_ID")
def drop_account(*, platform: str, who: str) -> None:
    """Take an account off the list."""
    with opened(settings()) as engine, writing(engine) as conn:
        if not drop(conn, Platform(platform), who):
            raise Failed(f"{who} is not on the list of {platform}; `smgt accounts first list` shows it.")
    click.echo("It is off the list.")


@first.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def import_file(*, file: Path) -> None:
    """Make the list that of a CSV or .xlsx file; not one line counts while another is wrong."""
    loaded = settings()
    with opened(loaded) as engine, writing(engine) as conn:
        added, dropped = import_list(conn, file, office_now(loaded))
    click.echo(f"{added} added, {dropped} dropped.")
