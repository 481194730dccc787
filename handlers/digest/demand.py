"""An edition for whoever asks now: of any past period, for the whole office, a department or a district.

It writes nothing.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime

import sqlalchemy as sa

from handlers.digest.editions import DayNotBegun
from handlers.digest.figures import figures
from handlers.digest.lines import with_lines
from handlers.digest.period import office_day, period_of
from handlers.digest.scope import Scope, UnknownScope, Whose, scope_of
from handlers.digest.telling import Span, Telling
from handlers.digest.told import told_of

__all__ = ["Scope", "UnknownScope", "days_of", "scope_of", "telling"]


def days_of(span: Span, on: date) -> tuple[date, date]:
    """The first and the last day of the day, week (from Monday) or month in which that day lies."""
    period = period_of(span, on)
    return period.day, period.last_day


def telling(conn: sa.Connection, span: Span, on: date, scope: Scope, now: datetime) -> Telling:
    """What is told of the period in which that day lies; of one that is not over, so far. Raises DayNotBegun."""
    today = office_day(now)
    if on > today:
        raise DayNotBegun(f"The day {on} has not begun; name a day up to {today}.")
    period = period_of(span, on)
    counted = figures(conn, period.start, period.end, now=now, scope=scope)
    before = figures(conn, period.before.start, period.before.end, now=now, scope=scope)
    told = told_of(counted, before, span)
    if scope.whose is Whose.CMO:
        return with_lines(conn, told)
    return replace(told, whose=scope.whose, code=scope.code)
