"""Codes that people give to commands for the history. Owns what a code may look like; never words of citizens."""

from __future__ import annotations

import re

import click

_CODE = re.compile(r"[a-z0-9_]{1,64}")


def refuse_words(why: str) -> None:
    """Raises click.BadParameter for anything but a short code."""
    if not _CODE.fullmatch(why):
        raise click.BadParameter("write small letters, digits and _ only (no words of citizens).", param_hint="--why")
