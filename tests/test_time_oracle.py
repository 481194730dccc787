"""Due times and standing clocks against a slow, obvious count of minutes, on many random cases.

The oracle knows no calendar arithmetic: it lists every minute of half a year with whether offices are open, and counts.
`pytest -m million tests/test_time_oracle.py` compares a million cases; without the mark it is some thousands.
"""

from __future__ import annotations

import random
from bisect import bisect_left
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import cache

import pytest
from core_office import case

from handlers.standing import resumed
from handlers.time_limits import OFFICE_ZONE, due_at, percent_passed
from store.vocabulary import Awaiting, HoursKind, Status

BEGIN = datetime(2026, 10, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SPAN = 60 * 24 * 190  # minutes listed: half a year
HOLIDAYS = frozenset({date(2026, 11, 24), date(2026, 12, 25), date(2027, 1, 1), date(2027, 1, 26)})
LIMITS = (1, 2, 4, 6, 12, 24, 48, 72, 120, 168, 240, 360, 720)  # hours, as in categories.csv


def open_in(minute: int) -> bool:
    """Is an office open in the minute that begins so long after BEGIN?"""
    local = (BEGIN + MINUTE * minute).astimezone(OFFICE_ZONE)
    return local.weekday() < 5 and local.date() not in HOLIDAYS and 9 <= local.hour < 17


@cache
def open_minutes() -> list[int]:
    return [minute for minute in range(SPAN) if open_in(minute)]


@cache
def closings() -> list[int]:
    """The minutes at which offices close."""
    return [minute + 1 for minute in open_minutes() if not open_in(minute + 1)]


def slow_due(start: int, hours: int, kind: HoursKind) -> int:
    """The due minute, by counting; see `due_at` for what people are promised."""
    if kind is HoursKind.OFFICE:
        worked = hours * 60 // 3  # 24 hours of the taxonomy are one office day of eight
        last = open_minutes()[bisect_left(open_minutes(), start) + worked - 1]
        return closings()[bisect_left(closings(), last + 1)]
    step = 15 if hours < 24 else 60
    end = start + hours * 60
    while on_the_wall(end) % step:
        end += 1
    if hours >= 24:
        while not (open_in(end) or open_in(end - 1)):
            end += 1
    return end


def on_the_wall(minute: int) -> int:
    """Minutes since midnight where the office is."""
    local = (BEGIN + MINUTE * minute).astimezone(OFFICE_ZONE)
    return local.hour * 60 + local.minute


def compare_due_times(cases: int, seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(cases):
        start = chance.randrange(60 * 24 * 60)
        hours, kind = chance.choice(LIMITS), chance.choice(list(HoursKind))
        found = due_at(BEGIN + MINUTE * start, hours, kind, HOLIDAYS)
        expected = BEGIN + MINUTE * slow_due(start, hours, kind)
        assert found == expected, f"{hours} {kind} hours from {BEGIN + MINUTE * start}: {found}, counted {expected}"


def compare_clocks(cases: int, seed: int) -> None:
    """A clock that stands several times has run exactly as long as its owner could work."""
    chance = random.Random(seed)
    for _ in range(cases):
        length = chance.choice(LIMITS) * 60
        ticket = case(status=Status.ASSIGNED, assigned_at=BEGIN, due_at=BEGIN + MINUTE * length)
        at = worked = 0
        for _ in range(chance.randrange(4)):
            works, stands = chance.randrange(length // 4 + 1), chance.randrange(60 * 24 * 5)
            asked = BEGIN + MINUTE * (at + works)
            waiting = replace(ticket, paused_at=asked, awaiting=Awaiting.OFFICER_QUESTION, awaiting_since_at=asked)
            at, worked = at + works + stands, worked + works
            ticket = resumed(waiting, BEGIN + MINUTE * at)
        assert ticket.assigned_at is not None
        assert ticket.due_at is not None
        assert ticket.due_at - (BEGIN + MINUTE * at) == MINUTE * (length - worked)
        assert percent_passed(ticket.assigned_at, ticket.due_at, BEGIN + MINUTE * at) == worked * 100 // length


@pytest.mark.parametrize("seed", range(4))
def test_some_thousand_due_times_are_as_counted(seed: int) -> None:
    compare_due_times(1500, seed)


def test_some_thousand_clocks_ran_as_long_as_there_was_work() -> None:
    compare_clocks(3000, 1)


@pytest.mark.million
@pytest.mark.parametrize("seed", range(100, 120))
def test_a_million_due_times_and_clocks_are_as_counted(seed: int) -> None:
    compare_due_times(40_000, seed)
    compare_clocks(10_000, seed)
