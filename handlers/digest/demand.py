"""An edition for whoever asks now: of any past period, for the whole office, a department or a district.

It writes nothing.
"""

from __future__ import annotations

from datetime import date, datetime

import sqlalchemy as sa

from handlers.digest.editions import DayNotBegun
from handlers.digest.figures import report
from handlers.digest.period import Period, PeriodKind, office_day, period_of
from handlers.digest.scope import STATE, Scope, UnknownScope, scope_of
from handlers.digest.telling import Span, Telling
from handlers.digest.told import told_of
from handlers.reconciling.days import count_day

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
    return told_of(report(conn, period, scope, now, odd_rows=_odd_rows(conn, period, scope, now)))


def _odd_rows(conn: sa.Connection, period: Period, scope: Scope, now: datetime) -> int | None:
    """Only days are reconciled, and for the whole office alone; of a longer time the open alarms tell."""
    if scope != STATE or period.kind is not PeriodKind.DAY:
        return None
    return count_day(conn, period, now).odd_rows
