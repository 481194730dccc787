"""`smgt check`: what is well and what is to do, line by line. Owns the showing; the looking is in bot/checking.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from bot.checking import Finding


@click.command(
    "check",
    epilog="""\b
Examples:
  smgt check
  smgt check --offline             without asking the platforms who we are
  smgt check --json
  smgt check --settings-table      every setting as a Markdown table

\b
Exit code 1 if something is to do. Nothing is changed and nothing is sent.
""",
)
@click.option("--offline", is_flag=True, help="do not ask the platforms")
@click.option("--json", "as_json", is_flag=True, help='as one JSON object: {"ok": ..., "findings": [...]}')
@click.option("--settings-table", is_flag=True, help="print every setting as a Markdown table, look at nothing")
@click.pass_context
def command(ctx: click.Context, /, *, offline: bool, as_json: bool, settings_table: bool) -> None:
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
        for one in findings:
            click.echo(f"{'ok   ' if one.ok else 'to do'}  {one.area}: {one.text}")
    ctx.exit(0 if well else 1)


def _findings(*, offline: bool) -> list[Finding]:
    from bot import checking
    from bot.checking_budget import budget_findings
    from bot.checking_cmo import cmo_findings
    from bot.cli.opening import opened, settings
    from bot.settings import SettingsError
    from handlers.understanding.tables import BadTable
    from store.db import DatabaseUnusable

    try:
        loaded = settings()
    except SettingsError as error:
        return [checking.Finding("settings", False, fault) for fault in error.faults]
    except BadTable as error:
        return [checking.Finding("tables", False, str(error))]
    clock, now = checking.clock_findings(loaded)
    found = [*checking.settings_findings(loaded), *checking.table_findings(loaded), *clock]
    if not offline:
        found += checking.account_findings(loaded, now)
    try:
        with opened(loaded) as engine:
            found.append(checking.Finding("database", True, f"{engine.dialect.name}, up to date"))
            found += checking.store_findings(engine, now)
            found += budget_findings(engine, loaded, now)
            found += cmo_findings(engine, now)
    except DatabaseUnusable as error:
        found.append(checking.Finding("database", False, str(error)))
    return found


def _settings_table() -> None:
    from bot.settings import settings_table

    click.echo("| setting | default | meaning |\n|---|---|---|")
    for name, default, meaning in settings_table():
        click.echo(f"| `{name}` | {f'`{default}`' if default else ''} | {meaning} |")
