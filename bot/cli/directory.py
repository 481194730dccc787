"""What an import changed, in words, and where an export goes. Owns the words; comparing stands in store/differences.py."""

from __future__ import annotations

from pathlib import Path

import click

from bot.cli.ending import Failed
from bot.cli.showing import show_json
from store.differences import Difference
from store.sheets import SUFFIX, sheet_of

EXPORT_FILE = click.argument("file", required=False, type=click.Path(dir_okay=False, path_type=Path))


def show_export(text: str, file: Path | None) -> None:
    """The CSV text on stdout, or into a new file: a spreadsheet where its name says so. Raises Failed."""
    if file is None:
        click.echo(text, nl=False)
        return
    content = sheet_of(text) if file.suffix.lower() == SUFFIX else text.encode()
    try:
        with file.open("xb") as out:
            out.write(content)
    except FileExistsError:
        raise Failed(f"{file} is there already; name another file, or move it away first.") from None
    except OSError as error:
        raise Failed(f"{file} cannot be written ({error.strerror}).") from error
    click.echo(f"Written to {file}.")


def show_difference(what: str, difference: Difference, *, dry_run: bool, as_json: bool) -> None:
    """Say what changed, or would: row by row, and in a changed row field by field."""
    if as_json:
        show_json(
            {
                "dry_run": dry_run,
                "added": difference.added,
                "changed": difference.changed,
                "removed": difference.removed,
                "unchanged": len(difference.unchanged),
                "new": difference.new,
                "gone": difference.gone,
            }
        )
        return
    would = "would be " if dry_run else ""
    for word, codes, fields in (
        ("added", difference.added, difference.new),
        ("removed", difference.removed, difference.gone),
    ):
        for code in codes:
            click.echo(f"{what} {code} {would}{word}: {'; '.join(fields[code])}")
    for code, how in difference.changed.items():
        click.echo(f"{what} {code} {would}changed: {'; '.join(how)}")
    counts = ", ".join(
        f"{len(codes)} {word}"
        for word, codes in (
            ("added", difference.added),
            ("changed", difference.changed),
            ("removed", difference.removed),
            ("unchanged", difference.unchanged),
        )
    )
    click.echo(f"{what}s: {counts}.{' Nothing was changed: this was a dry run.' if dry_run else ''}")
