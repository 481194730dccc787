"""A standstill: the offices of a district were given time (a flood, a strike), and their clocks stand until a day.

Pure. Owns which tickets a standstill covers and how it takes hold of one. Danger to life, and what is restricted or
sensitive, never stands still. store/standstills.py asks the same of the tables.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Final

from handlers.case import Case
from handlers.ground import Ground
from handlers.time_limits import OFFICE_ZONE, OPENS, into_office_time
from store.people import WHOLE_STATE, Standstill
from store.vocabulary import Sensitivity

MOST_DAYS: Final = 30  # what lasts longer is ordered anew, by a person who looked again


def covers(standstill: Standstill, case: Case) -> bool:
    """Does the clock of this ticket stand by this order?"""
    if not case.with_office or case.urgent or case.sensitivity is not Sensitivity.NORMAL:
        return False
    here = standstill.district in (WHOLE_STATE, case.district)
    return here and standstill.department in (None, case.department)


def covered_until(case: Case, standstills: Sequence[Standstill], now: datetime) -> datetime | None:
    """Until when the orders in force at `now` hold the clock of this ticket."""
    in_force = (one for one in standstills if one.from_at <= now < one.until_at)
    return max((one.until_at for one in in_force if covers(one, case)), default=None)


def held(case: Case, now: datetime, ground: Ground) -> Case:
    """A ticket that comes to an office now, as the orders in force have it."""
    until = covered_until(case, ground.standstills, now)
    if until is None:
        return replace(case, standstill_until_at=None)
    return replace(case, standstill_until_at=until, paused_at=case.paused_at or now)


def left_office(case: Case) -> Case:
    """Away from the office, nothing holds its clock."""
    gone = case.standstill_until_at is not None and not case.with_office
    return replace(case, standstill_until_at=None) if gone else case


def runs_again_after(last_day: date, holidays: Set[date]) -> datetime:
    """When offices open after the last day without a clock."""
    return into_office_time(datetime.combine(last_day + timedelta(days=1), OPENS, OFFICE_ZONE), holidays)


def may_be_ordered(until: datetime, now: datetime) -> bool:
    """Is this a day up to which offices can be given time?"""
    return now < until <= now + timedelta(days=MOST_DAYS)
