"""`smgt officers`: who holds which post, as a CSV file, and the links by which officers join.

Owns what is shown; checking and importing stand in store/directory_csv.py, links in store/invites.py.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import click
import sqlalchemy as sa

from bot.cli.directory import EXPORT_FILE, show_difference, show_export
from bot.cli.ending import Failed
from bot.cli.ladders import ladder
from bot.cli.officers_leave import back, leave
from bot.cli.opening import office_now, opened, settings
from bot.cli.showing import show_json, show_rows
from bot.settings import Settings
from store.channels import all_channels
from store.db import reading, writing
from store.directory import load_directory
from store.directory_csv import export_posts, import_posts
from store.handover import hand_over
from store.invites import create_invite
from store.people import Directory, Officer, Post
from store.vocabulary import Platform


@click.group(
    "officers",
    invoke_without_command=True,
    epilog="""\b
Examples:
  smgt officers import officers.csv --dry-run     what would change; nothing does
  smgt officers import officers.csv
  smgt officers export officers.xlsx              a spreadsheet; import takes it back
  smgt officers invite ulb-nodal-hisar            a link that works once, for this post's holder
  smgt officers invite --all --days 14            links for everybody who has not joined yet
  smgt officers handover ulb-nodal-hisar --to "R. Lal"   a transfer, in one step
  smgt officers leave "R. Lal" --until 2026-12-10 --substitute "S. Devi"
  smgt officers leave                             who is away, or will be

\b
Columns: post,title,role,department,level,districts,desk,officer. Roles: field_officer,
nodal_officer, district_head, district_nodal, department_head, cmo_desk, cmo_viewer. Levels:
0 nodal officer, 1, 2, 3 the CMO; empty is the usual one of the role. A field_officer (JE,
SHO, patwari) is sent and owns no ticket; a district_nodal (City Magistrate) has no
department and stands over the ordinary tickets of all of them in the districts.
Several districts or officers are joined by |, * is the whole state. The file is the whole
truth: posts it does not name are abolished. Import the desks first. After a handover export
the file anew: importing an old one would undo it.
""",
)
@click.pass_context
def command(ctx: click.Context, /) -> None:
    """Import, export, list and invite the officers; without a command: list them."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(list_posts, unlinked=False, as_json=False)


command.add_command(leave)
command.add_command(back)
command.add_command(ladder)


@command.command("list")
@click.option("--unlinked", is_flag=True, help="only posts whose holder has not joined by the link")
@click.option("--json", "as_json", is_flag=True, help="as a JSON list")
def list_posts(*, unlinked: bool, as_json: bool) -> None:
    """List the posts, who holds them, and whether they have joined."""
    directory = _directory(settings())
    rows: list[dict[str, Any]] = [
        {
            "post": post.code,
            "role": post.role.value,
            "department": post.department,
            "level": post.level,
            "districts": sorted(post.districts),
            "desk": post.desk,
            "officer": officer.name if officer else None,
            "officer_id": officer.id if officer else None,
            "joined": bool(officer and officer.telegram_user_id),
            "away": bool(officer and officer.id in post.away),
            "substitutes": [one.name for one in post.substitutes],
        }
        for post in directory.posts.values()
        for officer in (post.holders or (None,))
    ]
    rows = [row for row in rows if not (unlinked and row["joined"])]
    if as_json:
        show_json(rows)
        return
    show_rows(("post", "level", "officer", "joined"), [_row(row) for row in rows])


def _row(row: dict[str, Any]) -> tuple[str, str, str, str]:
    joined = "yes" if row["joined"] else "no"
    if row["away"]:
        joined += f", away, {', '.join(row['substitutes']) or 'nobody'} stands in"
    return str(row["post"]), str(row["level"]), str(row["officer"] or "-"), joined


@command.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--dry-run", is_flag=True, help="say what would change, change nothing")
@click.option("--json", "as_json", is_flag=True, help="the differences as one JSON object")
def import_file(*, file: Path, dry_run: bool, as_json: bool) -> None:
    """Make the posts and their holders those of a CSV or .xlsx file; not one line counts while another is wrong."""
    from handlers.understanding.taxonomy import taxonomy

    loaded, known = settings(), taxonomy()
    with opened(loaded, make=not dry_run) as engine, writing(engine) as conn:
        difference = import_posts(
            conn,
            file,
            now=office_now(loaded),
            known_departments=known.departments,
            known_districts=known.districts,
            dry_run=dry_run,
        )
    show_difference("post", difference, dry_run=dry_run, as_json=as_json)


@command.command("export")
@EXPORT_FILE
def export(*, file: Path | None) -> None:
    """Write posts and holders to FILE (.csv or .xlsx), or as CSV to stdout; importing it again changes nothing."""
    loaded = settings()
    with opened(loaded) as engine, reading(engine) as conn:
        show_export(export_posts(conn, office_now(loaded)), file)


@command.command("invite")
@click.argument("who", required=False, metavar="[OFFICER_OR_POST]")
@click.option("--all", "everybody", is_flag=True, help="everybody who holds a post and has not joined")
@click.option("--days", type=click.IntRange(1, 90), default=7, show_default=True, help="how long the link is good")
@click.option("--json", "as_json", is_flag=True, help="as a JSON list")
def invite(*, who: str | None, everybody: bool, days: int, as_json: bool) -> None:
    """Print a link that ties an officer's Telegram account to the officer, once.

    OFFICER_OR_POST is a post's code, an officer's name or their number in `smgt officers list --json`.
    """
    if (who is None) == (not everybody):
        raise click.UsageError("Name an officer or a post, or give --all.")
    loaded = settings()
    with opened(loaded) as engine:
        now = office_now(loaded)
        directory = _directory(loaded)
        officers = _unlinked(directory) if who is None else [_meant(directory, who)]
        bot = _bot_name(loaded, engine)
        with writing(engine) as conn:
            links = [
                {
                    "officer": officer.name,
                    "officer_id": officer.id,
                    "link": f"https://t.me/{bot}?start={create_invite(conn, officer.id, now, timedelta(days=days))}",
                }
                for officer in officers
            ]
    if as_json:
        show_json(links)
    elif len(links) == 1:
        click.echo(links[0]["link"])
    else:
        show_rows(("officer", "link"), [(str(one["officer"]), str(one["link"])) for one in links])


@command.command("handover")
@click.argument("post")
@click.option("--to", "name", required=True, metavar="NAME", help="who holds the post from now on")
@click.option("--days", type=click.IntRange(1, 90), default=7, show_default=True, help="how long the link is good")
@click.option("--json", "as_json", is_flag=True, help="as one JSON object")
def handover(*, post: str, name: str, days: int, as_json: bool) -> None:
    """Give a post to another officer, with its open tickets, drafts and buttons.

    Whoever held it can do nothing from it any more, and nothing at all on Telegram if they hold no other post. A new
    holder who has not joined yet gets a link, which is printed.
    """
    loaded = settings()
    with opened(loaded) as engine:
        bot = _bot_name(loaded, engine)
        with writing(engine) as conn:
            done = hand_over(conn, post, name, office_now(loaded), timedelta(days=days))
    link = f"https://t.me/{bot}?start={done.token}" if done.token else None
    if as_json:
        show_json({**done.as_json(), "link": link})
        return
    click.echo(f"{done.post}: {', '.join(done.before) or 'nobody'} -> {done.now}")
    click.echo(f"{done.tickets} open tickets go with the post, {done.drafts} drafts to the new holder.")
    if done.leave_ended:
        click.echo(f"The leave of {done.post} has ended.")
    if done.uncovered:
        click.echo(f"Nobody stands in any more for {', '.join(done.uncovered)}; `smgt officers leave` shows them.")
    if done.revoked:
        click.echo(f"No longer linked to any post: {', '.join(done.revoked)}.")
    click.echo(
        f"Link for {done.now}, good once for {days} days:\n{link}" if link else f"{done.now} has joined already."
    )


def _directory(loaded: Settings) -> Directory:
    with opened(loaded) as engine, reading(engine) as conn:
        return load_directory(conn, office_now(loaded))


def _unlinked(directory: Directory) -> list[Officer]:
    found = {one.id: one for post in directory.posts.values() for one in post.holders if not one.telegram_user_id}
    return [found[number] for number in sorted(found)]


def _meant(directory: Directory, who: str) -> Officer:
    """The one officer meant. Raises Failed when there is none, or several."""
    post: Post | None = directory.posts.get(who)
    everybody = {one.id: one for each in directory.posts.values() for one in each.people}
    if post is not None:
        found = list(post.holders)
    else:
        found = [one for one in everybody.values() if who.casefold() == one.name.casefold() or who == str(one.id)]
    if len(found) == 1:
        return found[0]
    if post is not None and not found:
        raise Failed(f"Nobody holds the post {who}; import an officers.csv that names somebody.")
    if found:
        named = ", ".join(f"{one.name} ({one.id})" for one in found)
        raise Failed(f"{who} could be {named}; invite one of them by the number.")
    raise Failed(f"There is no post and no officer {who!r}; `smgt officers list` shows those there are.")


def _bot_name(loaded: Settings, engine: sa.Engine) -> str:
    """The bot's name for links: as noted when `smgt run` began, else the platform is asked."""
    telegram = next((one for one in loaded.channels if one.platform is Platform.TELEGRAM), None)
    if telegram is None:
        raise Failed("SMGT_CHANNELS names no Telegram bot, so there is nobody to link to; write e.g. telegram:desk.")
    with reading(engine) as conn:
        known = next((one.handle for one in all_channels(conn) if one.name == telegram.name), "")
    if known:
        return known.lstrip("@")
    from bot.checking import identified

    return asyncio.run(identified(loaded, telegram, office_now(loaded))).handle.lstrip("@")
