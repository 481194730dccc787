"""What `smgt check` says about the CMO desk: whether a second person can decide, and what was ordered to stand still."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from bot.findings import Finding
from handlers.objecting import clerks
from handlers.time_limits import OFFICE_ZONE
from store import standstills
from store.db import reading
from store.directory import load_directory
from store.people import WHOLE_STATE, Standstill


def cmo_findings(engine: sa.Engine, now: datetime) -> list[Finding]:
    """One line for each standstill, and one where a single person is linked there; an empty directory is told elsewhere."""
    with reading(engine) as conn:
        people = clerks(load_directory(conn, now))
        found = [Finding("standstill", True, _sentence(one)) for one in standstills.in_force(conn, now)]
    if len(people) != 1:
        return found
    (one,) = people.values()
    sentence = (
        f"only {one.name} is linked at the CMO desk: nobody can decide an objection to their rejections, nor take over. "
        "Give the post a second holder and invite them."
    )
    return [*found, Finding("cmo desk", False, sentence)]


def _sentence(one: Standstill) -> str:
    where = "the whole state" if one.district == WHOLE_STATE else one.district
    whose = f"the clocks of {one.department}" if one.department else "all clocks"
    again = one.until_at.astimezone(OFFICE_ZONE)
    return f"{one.id}: {whose} in {where} stand until {again:%Y-%m-%d %H:%M}; `smgt standstills end {one.id}` ends it"
