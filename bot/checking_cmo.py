"""What `smgt check` says about the CMO desk: whether a second person can decide what the first one rejected."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from bot.findings import Finding
from handlers.objecting import clerks
from store.db import reading
from store.directory import load_directory


def cmo_findings(engine: sa.Engine, now: datetime) -> list[Finding]:
    """One line where a single person is linked at the CMO desk; an empty directory is told elsewhere."""
    with reading(engine) as conn:
        people = clerks(load_directory(conn, now))
    if len(people) != 1:
        return []
    (one,) = people.values()
    sentence = (
        f"only {one.name} is linked at the CMO desk: nobody can decide an objection to their rejections, nor take over. "
        "Give the post a second holder and invite them."
    )
    return [Finding("cmo desk", False, sentence)]
