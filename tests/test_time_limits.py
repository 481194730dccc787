"""Time limits against a slow, obvious oracle that walks minute by minute."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handlers.policy import Policy
from handlers.time_limits import (
    OFFICE_ZONE,
    add_office_hours,
    after_the_night,
    due_at,
    into_office_time,
    percent_passed,
    when_percent,
)
from store.vocabulary import HoursKind

HOLIDAYS = frozenset({date(2026, 11, 24), date(2026, 12, 25), date(2027, 1, 1)})
MINUTE = timedelta(minutes=1)
moments = st.integers(0, 60 * 24 * 60).map(lambda minutes: datetime(2026, 11, 20, tzinfo=UTC) + MINUTE * minutes)


def is_open(moment: datetime) -> bool:
    """Is an office open in the minute that begins now?"""
    local = moment.astimezone(OFFICE_ZONE)
    return local.weekday() < 5 and local.date() not in HOLIDAYS and 9 * 60 <= local.hour * 60 + local.minute < 17 * 60


def slow_office_hours(start: datetime, minutes: int) -> datetime:
    """Count the open minutes one by one."""
    at = start
    while minutes:
        minutes -= is_open(at)
        at += MINUTE
    return at


@settings(deadline=None, max_examples=60)
@given(start=moments, minutes=st.integers(1, 2500))
def test_office_hours_are_counted_as_by_hand(start: datetime, minutes: int) -> None:
    assert add_office_hours(start, minutes / 60, HOLIDAYS) == slow_office_hours(start, minutes)


@settings(deadline=None, max_examples=60)
@given(start=moments)
def test_a_moment_moves_to_the_next_open_office_only(start: datetime) -> None:
    moved = into_office_time(start, HOLIDAYS)
    at = start
    while not (is_open(at) or is_open(at - MINUTE)):  # five o'clock itself is still office time
        at += MINUTE
    assert moved == at


@given(start=moments, hours=st.integers(1, 300), kind=st.sampled_from(list(HoursKind)))
def test_a_due_time_is_after_its_start_and_inside_office_time(start: datetime, hours: int, kind: HoursKind) -> None:
    due = due_at(start, hours, kind, HOLIDAYS)
    assert due > start
    if hours >= 24 or kind is HoursKind.OFFICE:
        assert into_office_time(due, HOLIDAYS) == due
    if kind is HoursKind.CALENDAR:
        assert due >= start + timedelta(hours=hours)


def test_a_week_of_office_hours_is_seven_office_days() -> None:
    monday = datetime(2026, 11, 30, 3, 30, tzinfo=UTC)  # nine o'clock
    due = due_at(monday, 168, HoursKind.OFFICE, frozenset())
    assert due.astimezone(OFFICE_ZONE).strftime("%a %d %H:%M") == "Tue 08 17:00"


@given(start=moments, hours=st.integers(1, 500), percent=st.integers(0, 400))
def test_percent_and_its_moment_agree(start: datetime, hours: int, percent: int) -> None:
    due = start + timedelta(hours=hours)
    assert abs(percent_passed(start, due, when_percent(start, due, percent)) - percent) <= 1


def test_a_limit_without_length_has_passed() -> None:
    moment = datetime(2026, 11, 23, tzinfo=UTC)
    assert percent_passed(moment, moment, moment) == 100


@pytest.mark.parametrize(
    ("local", "spoken"),
    [
        ("06:59", "07:00"),
        ("07:00", "07:00"),
        ("12:30", "12:30"),
        ("21:59", "21:59"),
        ("22:00", "07:00"),
        ("23:30", "07:00"),
    ],
)
def test_the_night_is_kept(local: str, spoken: str) -> None:
    moment = datetime.strptime(f"2026-11-23 {local}", "%Y-%m-%d %H:%M").replace(tzinfo=OFFICE_ZONE).astimezone(UTC)
    morning = after_the_night(moment, Policy())
    assert morning.astimezone(OFFICE_ZONE).strftime("%H:%M") == spoken
    assert morning - moment < timedelta(hours=9, minutes=1)
    assert morning >= moment


@given(start=moments, hours=st.integers(1, 300), kind=st.sampled_from(list(HoursKind)))
def test_a_promise_is_told_as_a_time_people_say(start: datetime, hours: int, kind: HoursKind) -> None:
    due = due_at(start, hours, kind, HOLIDAYS).astimezone(OFFICE_ZONE)
    assert (due.second, due.microsecond) == (0, 0)
    assert due.minute % 15 == 0
    if kind is HoursKind.OFFICE:
        assert (due.hour, due.minute) == (17, 0)
