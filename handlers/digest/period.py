"""The office's day: which moments a day of figures spans, and when its edition goes.

Pure. Days begin and end at midnight in Asia/Kolkata; all times given out are aware UTC.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from handlers.time_limits import OFFICE_ZONE

EDITION_TIME: Final = time(8, 0)  # on the office's wall, the morning after


@dataclass(frozen=True, slots=True)
class Period:
    """One office day. `end` is the first moment that no longer belongs to it."""

    day: date

    @property
    def start(self) -> datetime:
        return _midnight(self.day)

    @property
    def end(self) -> datetime:
        return _midnight(self.day + timedelta(days=1))


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
