"""What an import changed, in words. Owns the words; comparing stands in store/differences.py."""

from __future__ import annotations

import click

from bot.cli.showing import show_json
from store.differences import Difference


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
