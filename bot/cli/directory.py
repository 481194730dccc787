"""What an import changed, in words. Owns the words; comparing stands in store/directory_csv.py."""

from __future__ import annotations

import click

from bot.cli.showing import show_json
from store.directory_csv import Difference

_NAMED = 20  # codes of one kind that are listed; more are counted


def show_difference(what: str, difference: Difference, *, dry_run: bool, as_json: bool) -> None:
    """Say what changed, or would."""
    if as_json:
        show_json(
            {
                "dry_run": dry_run,
                "added": difference.added,
                "changed": difference.changed,
                "removed": difference.removed,
                "unchanged": len(difference.unchanged),
            }
        )
        return
    would = "would be " if dry_run else ""
    for word, codes in (("added", difference.added), ("removed", difference.removed)):
        if codes:
            more = f" and {len(codes) - _NAMED} more" if len(codes) > _NAMED else ""
            click.echo(f"{len(codes)} {what}s {would}{word}: {', '.join(codes[:_NAMED])}{more}")
    for code, how in difference.changed.items():
        click.echo(f"{what} {code} {would}changed: {'; '.join(how)}")
    click.echo(f"{len(difference.unchanged)} {what}s unchanged.")
