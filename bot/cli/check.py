"""`smgt check`: what is well and what is to do, line by line. Owns the showing; the looking is in bot/checking.py."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from bot.findings import Finding

MOST_OF_A_KIND = 6  # a directory nobody has joined yet has hundreds


@click.command(
    "check",
    epilog="""\b
Examples:
  smgt check
  smgt check --offline             without asking the platforms who we are
  smgt check --all                 every hole of the directory, however many
  smgt check --json
  smgt check --settings-table      every setting as a Markdown table

\b
Exit code 1 if something is to do. Nothing is changed and nothing is sent.
""",
)
@click.option("--offline", is_flag=True, help="do not ask the platforms")
@click.option("--all", "every", is_flag=True, help="every line, also where there are many of a kind")
@click.option("--json", "as_json", is_flag=True, help='as one JSON object: {"ok": ..., "findings": [...]}')
@click.option("--settings-table", is_flag=True, help="print every setting as a Markdown table, look at nothing")
@click.pass_context
def command(ctx: click.Context, /, *, offline: bool, every: bool, as_json: bool, settings_table: bool) -> None:
    """Look at settings, credentials, database, desks, officers and what waits for a person."""
    if settings_table:
        _settings_table()
        return
    findings = _findings(offline=offline)
    well = all(one.ok for one in findings)
    if as_json:
        from bot.cli.showing import show_json

        show_json({"ok": well, "findings": findings})
    else:
        _show(findings, most=len(findings) if every else MOST_OF_A_KIND)
    ctx.exit(0 if well else 1)


def _show(findings: list[Finding], most: int) -> None:
    """Line by line; of many of one kind the first few, and how many more there are."""
    for (area, code), alike in groupby(findings, key=lambda one: (one.area, one.code)):
        lines = list(alike)
        shown = lines[:most] if code else lines
        for one in shown:
            click.echo(f"{'ok   ' if one.ok else 'to do'}  {one.area}: {one.text}")
        if more := len(lines) - len(shown):
            click.echo(f"to do  {area}: and {more} more like this; `smgt check --all` names every one")


def _findings(*, offline: bool) -> list[Finding]:
    from bot import checking
    from bot.checking_budget import budget_findings
    from bot.checking_cmo import cmo_findings
    from bot.checking_mail import mail_findings
    from bot.cli.opening import opened, settings
    from bot.findings import Finding
    from bot.settings import SettingsError
    from handlers.understanding.tables import BadTable
    from store.db import DatabaseUnusable

    try:
        loaded = settings()
    except SettingsError as error:
        return [Finding("settings", False, fault) for fault in error.faults]
    except BadTable as error:
        return [Finding("tables", False, str(error))]
    clock, now = checking.clock_findings(loaded)
    found = [*checking.settings_findings(loaded), *checking.table_findings(loaded), *clock]
    if not offline:
        found += checking.account_findings(loaded, now)
        found += mail_findings(loaded)
    try:
        with opened(loaded) as engine:
            found.append(Finding("database", True, f"{engine.dialect.name}, up to date"))
            found += checking.store_findings(engine, now)
            found += budget_findings(engine, loaded, now)
            found += cmo_findings(engine, now)
    except DatabaseUnusable as error:
        found.append(Finding("database", False, str(error)))
    return found


def _settings_table() -> None:
    from bot.settings import settings_table

    click.echo("| setting | default | meaning |\n|---|---|---|")
    for name, default, meaning in settings_table():
        click.echo(f"| `{name}` | {f'`{default}`' if default else ''} | {meaning} |")
