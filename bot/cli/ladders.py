"""`smgt ladders`: who is rung in a department, one after the other, and the departments where that is not as usual.

Owns what is shown; the file is read in store/ladders.py, who is rung is decided in handlers/routing.py.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from bot.cli.directory import EXPORT_FILE, show_difference, show_export
from bot.cli.ending import Failed
from bot.cli.opening import office_now, opened, settings
from bot.cli.showing import show_json, show_rows
from handlers.routing import above, chairs, cmo_post, is_held
from store.db import reading, writing
from store.directory import load_directory
from store.ladders import export_ladders, import_ladders
from store.people import USUAL_LADDER, Directory, Post


@click.group(
    "ladders",
    invoke_without_command=True,
    epilog="""\b
Examples:
  smgt ladders                          the departments whose ladder is not the usual one
  smgt ladders import ladders.csv --dry-run
  smgt ladders export > ladders.csv
  smgt officers ladder police --district Hisar     who is rung, with names, leave and holes

\b
Columns: department,ladder; the roles joined by |, the lowest first. The usual ladder is
nodal_officer|district_head|district_nodal|department_head; above every one is the CMO desk.
""",
)
@click.pass_context
def command(ctx: click.Context, /) -> None:
    """Import, export and list the departments' ladders; alone: list them."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(list_ladders, as_json=False)


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="as one JSON object")
def list_ladders(*, as_json: bool) -> None:
    """List the departments whose ladder is not the usual one."""
    found = _directory().ladders
    if as_json:
        show_json({department: list(roles) for department, roles in found.items()})
        return
    rows = [(department, " > ".join(roles)) for department, roles in sorted(found.items())]
    show_rows(("department", "ladder"), [*rows, ("the others", " > ".join(USUAL_LADDER))])


@command.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--dry-run", is_flag=True, help="say what would change, change nothing")
@click.option("--json", "as_json", is_flag=True, help="the differences as one JSON object")
def import_file(*, file: Path, dry_run: bool, as_json: bool) -> None:
    """Make the ladders those of a CSV or .xlsx file; departments it does not name have the usual one."""
    from handlers.understanding.taxonomy import taxonomy

    with opened(settings(), make=not dry_run) as engine, writing(engine) as conn:
        difference = import_ladders(conn, file, known_departments=taxonomy().departments, dry_run=dry_run)
    show_difference("ladder", difference, dry_run=dry_run, as_json=as_json)


@command.command("export")
@EXPORT_FILE
def export(*, file: Path | None) -> None:
    """Write the ladders that are not the usual one to FILE (.csv, .xlsx) or stdout; importing it changes nothing."""
    with opened(settings()) as engine, reading(engine) as conn:
        show_export(export_ladders(conn), file)


@click.command("ladder")
@click.argument("department")
@click.option("--district", help="this district alone, with every chair of the ladder")
@click.option("--json", "as_json", is_flag=True, help="as JSON")
def ladder(*, department: str, district: str | None, as_json: bool) -> None:
    """Show who has an ordinary ticket of a department, and who is rung at 100%, 200% ... of its time limit."""
    from handlers.understanding.taxonomy import taxonomy

    known, directory = taxonomy(), _directory()
    if department not in known.departments:
        raise Failed(f"There is no department {department!r}; there are {', '.join(sorted(known.departments))}.")
    if district is not None and district not in known.districts:
        raise Failed(f"There is no district {district!r}; there are {', '.join(sorted(known.districts))}.")
    if district is not None:
        rows = _chairs(directory, department, district)
        if as_json:
            show_json(rows)
            return
        click.echo(f"{department} in {district}: {' > '.join(directory.ladder(department))} > cmo_desk")
        show_rows(("rung", "post", "who"), [(row["rung"] or "-", row["post"], row["who"]) for row in rows])
        return
    table = {one: rung(directory, department, one) for one in sorted(known.districts)}
    if as_json:
        show_json({one: [post.code for post in found] for one, found in table.items()})
        return
    longest = max(map(len, table.values()), default=0)
    titles = ["district", "first", *(f"{100 * at}%" for at in range(1, longest))]
    show_rows(titles, [[one, *_codes(found, longest)] for one, found in table.items()])


def rung(directory: Directory, department: str, district: str) -> list[Post]:
    """Who has it first, and who is rung then, up to the CMO desk."""
    everyone = (
        post
        for level in directory.levels(department)
        for post in chairs(department, district, level, directory)
        if is_held(post)
    )
    first, chief = next(everyone, None), cmo_post(directory)
    found = [first] if first is not None else []
    while (
        first is not None and (next_up := above(first, department, district, directory, steps=len(found))) is not None
    ):
        if next_up == chief:
            break
        found.append(next_up)
    return [*found, *([chief] if chief else [])]


def _codes(found: list[Post], longest: int) -> list[str]:
    return [post.code for post in found] + [""] * (longest - len(found))


def _chairs(directory: Directory, department: str, district: str) -> list[dict[str, Any]]:
    """Every chair of the ladder: when it is rung, and why not."""
    order = rung(directory, department, district)
    every = [post for level in directory.levels(department) for post in chairs(department, district, level, directory)]
    rows = []
    for post in [*every, *(post for post in order if post not in every)]:
        at = [100 * step for step, one in enumerate(order) if one == post]
        when = ", ".join("first" if percent == 0 else f"{percent}%" for percent in at)
        rows.append({"rung": when, "post": post.code, "who": who_sits(post, directory)})
    missing = [role for role in directory.ladder(department) if not any(post.role is role for post in every)]
    rows += [{"rung": "", "post": "", "who": f"no {role} here"} for role in missing]
    return rows


def who_sits(post: Post, directory: Directory) -> str:
    """The people of a chair, with what keeps each from acting."""
    if not post.holders:
        return "nobody holds it"
    told = [_who(one.name, one.id in post.away, joined=one.telegram_user_id is not None) for one in post.holders]
    standing_in = [f"{one.name} stands in{'' if one.telegram_user_id else ' (not joined)'}" for one in post.substitutes]
    if post.away and not standing_in:
        standing_in = ["nobody stands in"]
    return ", ".join([*told, *standing_in])


def _who(name: str, away: bool, *, joined: bool) -> str:
    why = [word for word, true in (("away", away), ("not joined", not joined)) if true]
    return f"{name} ({', '.join(why)})" if why else name


def _directory() -> Directory:
    loaded = settings()
    with opened(loaded) as engine, reading(engine) as conn:
        return load_directory(conn, office_now(loaded))
