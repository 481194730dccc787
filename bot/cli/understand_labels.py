"""`smgt understand labels`: what citizens, officers and the CMO desk said complaints are about, as JSON lines.

Owns the fields that are written. Choosing and joining stand in store/labels.py, the masking in handlers/understanding.
"""

from __future__ import annotations

import json

import click

from bot.cli.opening import opened, settings
from handlers.understanding.post import mask
from store.db import reading
from store.labels import with_words


@click.command(
    "labels",
    epilog="""\b
Examples:
  smgt understand labels > labels.jsonl
  smgt understand train --labels labels.jsonl --into /etc/smgt/understanding

\b
A line out: text (personal data dotted out), language, told_by (citizen, officer, desk), and
what was told: category, district, department. Sensitive tickets are left out, and so are
posts that their writers deleted.
""",
)
def command() -> None:
    """Write down what people said complaints are about, to learn from."""
    with opened(settings()) as engine, reading(engine) as conn:
        rows = with_words(conn)
    for row in rows:
        told = {name: row[name] for name in ("category", "district", "department") if row[name]}
        line = {"text": mask(row["text"]), "language": row["language"], "told_by": row["told_by"], **told}
        click.echo(json.dumps(line, ensure_ascii=False))
