"""The office's days, weeks and months: which moments they span, and when the daily edition goes.

Pure. Days begin and end at midnight in Asia/Kolkata, weeks on Monday (ISO 8601), months as the calendar's; all times
given out are aware UTC.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Final

from handlers.time_limits import OFFICE_ZONE

EDITION_TIME: Final = time(8, 0)  # on the office's wall, the morning after


class PeriodKind(StrEnum):
    """How long a period is."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class Period:
    """An office day, an ISO week or a calendar month; `day` is its first day (see `period_of`).

    `end` is the first moment that no longer belongs to it.
    """

    day: date
    kind: PeriodKind = PeriodKind.DAY

    @property
    def start(self) -> datetime:
        return _midnight(self.day)

    @property
    def end(self) -> datetime:
        return _midnight(self.next_day)

    @property
    def next_day(self) -> date:
        """The first day after it."""
        match self.kind:
            case PeriodKind.DAY:
                return self.day + timedelta(days=1)
            case PeriodKind.WEEK:
                return self.day + timedelta(days=7)
            case PeriodKind.MONTH:
                return (self.day + timedelta(days=31)).replace(day=1)

    @property
    def last_day(self) -> date:
        return self.next_day - timedelta(days=1)

    @property
    def code(self) -> str:
        """As editions are kept: `2026-11-27`, `2026-W48` or `2026-11`."""
        match self.kind:
            case PeriodKind.DAY:
                return self.day.isoformat()
            case PeriodKind.WEEK:
                year, week, _ = self.day.isocalendar()
                return f"{year}-W{week:02d}"
            case PeriodKind.MONTH:
                return f"{self.day:%Y-%m}"

    @property
    def before(self) -> Period:
        """The period of the same kind that ends where this one begins."""
        return period_of(self.kind, self.day - timedelta(days=1))


def period_of(kind: PeriodKind, day: date) -> Period:
    """The period of this kind in which the day lies."""
    match kind:
        case PeriodKind.DAY:
            return Period(day)
        case PeriodKind.WEEK:
            return Period(day - timedelta(days=day.weekday()), kind)
        case PeriodKind.MONTH:
            return Period(day.replace(day=1), kind)


def office_day(moment: datetime) -> date:
    """The date on the office's wall."""
    return moment.astimezone(OFFICE_ZONE).date()


def latest_period(now: datetime, at: time = EDITION_TIME) -> Period:
    """The newest day whose edition should have gone by `now`: until `at` that is not yet yesterday."""
    local = now.astimezone(OFFICE_ZONE)
    has_struck = local.time() >= at
    return Period(local.date() - timedelta(days=1 if has_struck else 2))


def next_edition_at(now: datetime, at: time = EDITION_TIME) -> datetime:
    """The next moment, strictly after `now`, at which an edition goes."""
    today = datetime.combine(office_day(now), at, OFFICE_ZONE)
    return (today if today > now else today + timedelta(days=1)).astimezone(UTC)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(0), OFFICE_ZONE).astimezone(UTC)
