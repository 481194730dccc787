"""`smgt db restore`, `restored` and `resume`: putting a backup in the database's place, and what follows.

Owns what is printed; the work is in store/restoring.py, and what a run reads back afterwards in bot/making_up.py.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click


@click.command(
    "restore",
    epilog="""\b
Examples:
  smgt db restore /var/backups/smgt.db --replace
  SMGT_DATABASE_URL=postgresql+psycopg://smgt@db/smgt_new smgt db restore smgt.dump

\b
The next `smgt run` first reads what was written and what it said itself since the backup;
nothing is decided or sent on a channel before that. Telegram cannot be read back: what was
waiting for it goes once more, without a sound.
""",
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--replace", is_flag=True, help="SQLite: move the database that is there aside, and keep it")
def restore(*, file: Path, replace: bool) -> None:
    """Put a backup of `smgt db backup` in the place of the database; stop `smgt run` first."""
    from bot.cli.opening import office_now, settings
    from store.restoring import restore as put_back

    loaded = settings()
    done = put_back(loaded.database_url, file, office_now(loaded), replace=replace)
    if done.moved_to is not None:
        click.echo(f"The database that was there is now {done.moved_to}.")
    _told(done.to)


@click.command("restored")
def restored() -> None:
    """Say that the database was put back by other means: a snapshot, a replica, pg_restore by hand."""
    from bot.cli.opening import office_now, opened, settings
    from store.restoring import mark_restored

    loaded = settings()
    with opened(loaded) as engine:
        _told(mark_restored(engine, office_now(loaded)))


@click.command("resume")
@click.argument("channel")
@click.pass_context
def resume(ctx: click.Context, /, *, channel: str) -> None:
    """Let a channel decide and send again although it could not be read back; what is doubtful is parked."""
    from bot.cli.opening import office_now, opened, settings
    from store.db import writing
    from store.rewinding import resume_unread

    loaded = settings()
    with opened(loaded) as engine, writing(engine) as conn:
        parked = resume_unread(conn, channel, office_now(loaded))
    if parked is None:
        click.echo(f"smgt: No channel {channel} waits to be read back; `smgt check` names those that do.", err=True)
        ctx.exit(1)
    click.echo(f"{channel} decides and sends again; {parked} messages and posts are parked for a person.")


def _told(to: datetime) -> None:
    from bot.cli.showing import office_time

    click.echo(f"Restored: the database knows what happened until {office_time(to)}.")
    click.echo("Now start `smgt run`: it reads what was said since before it says anything. `smgt check` shows it.")
