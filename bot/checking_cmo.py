"""What `smgt check` says about the CMO: whether a second person can decide at its desk, what was ordered to stand still,
and which of its remarks have waited for an answer for more than a day."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa

from bot.findings import Finding
from handlers.objecting import clerks
from handlers.time_limits import OFFICE_ZONE
from store import remarks, standstills
from store.db import reading
from store.directory import load_directory
from store.people import WHOLE_STATE, Standstill
from store.remarks import ANSWER_WITHIN, RemarkTold

_DAY: Final = ANSWER_WITHIN / timedelta(hours=1)


def cmo_findings(engine: sa.Engine, now: datetime) -> list[Finding]:
    """A line for each standstill and each late answer; one where a single person is linked at the desk.

    An empty directory is told elsewhere.
    """
    with reading(engine) as conn:
        people = clerks(load_directory(conn, now))
        found = [Finding("standstill", True, _sentence(one)) for one in standstills.in_force(conn, now)]
        found += [
            Finding("remark", False, _unanswered(one))
            for one in remarks.of_period(conn, now, now).open
            if one.hours > _DAY
        ]
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


def _unanswered(one: RemarkTold) -> str:
    about = one.number or " ".join(filter(None, (one.department, one.district)))
    where = f"`smgt ticket {one.number}` shows it" if one.number else "ring that office"
    return f"the CMO remark on {about} has had no answer for {one.hours:.0f} hours, and was due in {_DAY:.0f}; {where}"
