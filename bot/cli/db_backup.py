"""`smgt db backup`: a copy of the database while SMGT works. Owns what is printed; the work is in store/backup.py."""

from __future__ import annotations

from pathlib import Path

import click


@click.command(
    "backup",
    epilog="""\b
Examples:
  smgt db backup                                   beside the database, named by the time
  smgt db backup /var/backups/smgt.db              replaces the backup of that name
  smgt db backup --into /var/backups --keep 14     the newest fourteen stay

\b
SQLite is copied by its own online backup and checked; PostgreSQL by pg_dump (Debian's
package postgresql-client). The file is readable by its owner only: it holds people's words.
""",
)
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--into", type=click.Path(path_type=Path), help="a folder; the file is named by the time")
@click.option("--keep", type=click.IntRange(1, 10_000), help="with --into: remove all but the newest so many")
@click.option("--json", "as_json", is_flag=True, help="as one JSON object")
def backup(*, file: Path | None, into: Path | None, keep: int | None, as_json: bool) -> None:
    """Copy the whole database to one file; `smgt run` may go on working."""
    from bot.cli.opening import office_now, opened, settings
    from bot.cli.showing import show_json
    from bot.clocks import machine_seconds
    from store.backup import back_up, backup_name, thin_out

    if file is not None and into is not None:
        raise click.UsageError("Name a file or a folder (--into), not both.")
    if keep is not None and into is None:
        raise click.UsageError("--keep needs --into: only backups named by the time are counted.")
    loaded = settings()
    now = office_now(loaded)
    with opened(loaded) as engine:
        beside = Path(str(engine.url.database)).parent if engine.dialect.name == "sqlite" else Path()
        begun = machine_seconds()
        done = back_up(engine, file or (into or beside) / backup_name(engine, now), now)
        seconds = machine_seconds() - begun
    gone = thin_out(into, keep) if into is not None and keep is not None else []
    if as_json:
        show_json({"file": str(done.file), "bytes": done.size, "seconds": round(seconds, 3), "removed": len(gone)})
        return
    click.echo(f"Backed up to {done.file}: {_size(done.size)}, {seconds:.1f} s.")
    if gone:
        click.echo(f"Removed {len(gone)} older ones.")


def _size(size: int) -> str:
    return f"{size / 1_000_000:.1f} MB" if size >= 1_000_000 else f"{size / 1_000:.0f} kB"
