"""When an answer is due: calendar hours or office hours, holidays, the night, and how much of a limit has passed.

Pure. Office hours are Monday to Friday, 9 am to 5 pm (Government of Haryana's five-day week); promises are always
told inside office time.
"""

from __future__ import annotations

from collections.abc import Set
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from handlers.policy import Policy
from store.vocabulary import HoursKind

OFFICE_ZONE = ZoneInfo("Asia/Kolkata")
OPENS, CLOSES = time(9), time(17)
OFFICE_DAY = timedelta(hours=8)


def is_office_day(day: date, holidays: Set[date]) -> bool:
    """Monday to Friday and no holiday."""
    return day.weekday() < 5 and day not in holidays


def into_office_time(moment: datetime, holidays: Set[date]) -> datetime:
    """The same moment if offices are open then, else the next opening."""
    local = moment.astimezone(OFFICE_ZONE)
    while not is_office_day(local.date(), holidays) or local.time() > CLOSES:
        local = datetime.combine(local.date() + timedelta(days=1), OPENS, OFFICE_ZONE)
    return max(local, datetime.combine(local.date(), OPENS, OFFICE_ZONE)).astimezone(UTC)


def add_office_hours(start: datetime, hours: float, holidays: Set[date]) -> datetime:
    """`hours` of open offices after `start`."""
    left = timedelta(hours=hours)
    at = into_office_time(start, holidays).astimezone(OFFICE_ZONE)
    while True:
        closing = datetime.combine(at.date(), CLOSES, OFFICE_ZONE)
        if left <= closing - at:
            return (at + left).astimezone(UTC)
        left -= closing - at
        at = into_office_time(closing + timedelta(seconds=1), holidays).astimezone(OFFICE_ZONE)


def due_at(start: datetime, hours: int, kind: HoursKind, holidays: Set[date]) -> datetime:
    """When the answer is due, as a time that can be promised: never later than people would count, never at 11:21.

    Office limits are counted in days of office (24 hours of the taxonomy are one) and end when the offices close that
    day. Calendar limits of a day and more end at a full hour of open offices; shorter ones keep their hours, day or
    night, rounded up to the quarter.
    """
    if kind is HoursKind.OFFICE:
        end = add_office_hours(start, hours / 24 * 8, holidays).astimezone(OFFICE_ZONE)
        return datetime.combine(end.date(), CLOSES, OFFICE_ZONE).astimezone(UTC)
    end = start + timedelta(hours=hours)
    if hours < 24:
        return _rounded_up(end, timedelta(minutes=15))
    return into_office_time(_rounded_up(end, timedelta(hours=1)), holidays)


def _rounded_up(moment: datetime, step: timedelta) -> datetime:
    """The moment or the next full step of the office's clock."""
    local = moment.astimezone(OFFICE_ZONE)
    since_midnight = local - datetime.combine(local.date(), time(0), OFFICE_ZONE)
    return (local + -since_midnight % step).astimezone(UTC)


def percent_passed(start: datetime, due: datetime, now: datetime) -> int:
    """How much of the limit has passed, in per cent; 100 and more once it is late."""
    span = (due - start).total_seconds()
    return 100 if span <= 0 else int((now - start).total_seconds() * 100 / span)


def when_percent(start: datetime, due: datetime, percent: int) -> datetime:
    """The moment at which `percent` of the limit has passed."""
    return start + (due - start) * percent / 100


def after_the_night(moment: datetime, policy: Policy) -> datetime:
    """The same moment by day, or the end of the night it falls into."""
    local = moment.astimezone(OFFICE_ZONE)
    if policy.night_to <= local.hour < policy.night_from:
        return moment
    morning = datetime.combine(local.date(), time(policy.night_to), OFFICE_ZONE)
    if local.hour >= policy.night_from:
        morning += timedelta(days=1)
    return morning.astimezone(UTC)
