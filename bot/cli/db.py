"""`smgt db`: the tables of the database. Owns what is printed; the work is in store/db.py."""

from __future__ import annotations

import click

from bot.cli.db_backup import backup
from bot.cli.db_restore import restore, restored, resume
from store.db import code_revision, database_revision, migrate, open_engine, schema_state

_MEANING = {
    "current": "is up to date",
    "empty": "has no tables yet; run `smgt db migrate`",
    "older": "is older than this SMGT; run `smgt db migrate`",
    "newer": "is newer than this SMGT; install the newer SMGT",
}


@click.group(
    "db",
    epilog="""\b
Examples:
  smgt db migrate
  smgt db backup --into /var/backups --keep 14
  smgt db restore /var/backups/smgt.db --replace
  SMGT_DATABASE_URL=postgresql+psycopg://smgt@db/smgt smgt db state --json
""",
)
def command() -> None:
    """Make the tables of SMGT_DATABASE_URL, bring them up to date, back them up, restore them."""


for part in (backup, restore, restored, resume):
    command.add_command(part)


@command.command("migrate")
def migrate_tables() -> None:
    """Bring the tables to this program's version, all or nothing. Saying it again changes nothing."""
    from bot.cli.opening import settings

    engine = open_engine(settings().database_url)
    try:
        before = schema_state(engine)
        migrate(engine)
    finally:
        engine.dispose()
    done = "was up to date already" if before == "current" else f"is now at version {code_revision()}"
    click.echo(f"The database {done}.")


@command.command("state")
@click.option("--json", "as_json", is_flag=True, help="as one JSON object")
@click.pass_context
def state(ctx: click.Context, /, *, as_json: bool) -> None:
    """Say which version the database has and which this program knows; exit code 1 unless they are equal."""
    from bot.cli.opening import require_file, settings
    from bot.cli.showing import show_json

    url = settings().database_url
    require_file(url)
    engine = open_engine(url)
    try:
        found, revision, kind = schema_state(engine), database_revision(engine), engine.dialect.name
    finally:
        engine.dispose()
    if as_json:
        show_json({"state": found, "database": revision, "program": code_revision(), "kind": kind})
    else:
        click.echo(f"The {kind} database {_MEANING[found]}.")
        click.echo(f"  database {revision or 'none'}, program {code_revision()}")
    ctx.exit(0 if found == "current" else 1)
