"""Ticket numbers: their form, their check digit, and that no two tickets ever get the same."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from stdnum import verhoeff

from store.db import writing
from store.numbers import format_number, next_serials, office_year


def test_a_number_reads_as_promised() -> None:
    assert format_number("HRY", 26, 4821) == "HRY26-004821-6"
    assert format_number("HRY", 7, 1).startswith("HRY07-000001-")


def test_the_millionth_ticket_of_a_year_gets_a_longer_number() -> None:
    assert format_number("HRY", 26, 1_234_567).startswith("HRY26-1234567-")


@given(st.integers(0, 99), st.integers(1, 10**8), st.data())
def test_one_wrong_digit_or_two_swapped_neighbours_never_pass_the_check(
    year: int, serial: int, data: st.DataObject
) -> None:
    digits = [c for c in format_number("HRY", year, serial) if c.isdigit()]
    assert verhoeff.is_valid("".join(digits))
    at = data.draw(st.integers(0, len(digits) - 1))
    wrong = digits.copy()
    wrong[at] = data.draw(st.sampled_from([d for d in "0123456789" if d != digits[at]]))
    assert not verhoeff.is_valid("".join(wrong))
    if at and digits[at] != digits[at - 1]:
        digits[at], digits[at - 1] = digits[at - 1], digits[at]
        assert not verhoeff.is_valid("".join(digits))


@pytest.mark.parametrize(("year", "serial"), [(2026, 1), (-1, 1), (26, 0)])
def test_impossible_years_and_serials_are_refused(year: int, serial: int) -> None:
    with pytest.raises(ValueError, match=r"two-digit year|count from 1"):
        format_number("HRY", year, serial)


def test_numbers_run_on_and_each_year_begins_anew(engine: sa.Engine) -> None:
    with writing(engine) as conn:
        assert next_serials(conn, 26, 1) == range(1, 2)
        assert next_serials(conn, 26, 3) == range(2, 5)
        assert next_serials(conn, 27, 1) == range(1, 2)
    with writing(engine) as conn:
        assert next_serials(conn, 26, 1) == range(5, 6)
        with pytest.raises(ValueError, match="At least one"):
            next_serials(conn, 26, 0)


def test_an_undone_transaction_gives_its_numbers_back(engine: sa.Engine) -> None:
    with engine.connect() as conn, conn.begin() as transaction:
        next_serials(conn, 26, 5)
        transaction.rollback()
    with writing(engine) as conn:
        assert next_serials(conn, 26, 1) == range(1, 2)


def test_many_threads_draw_each_number_once(engine: sa.Engine) -> None:
    def draw(count: int) -> list[int]:
        with writing(engine) as conn:
            return list(next_serials(conn, 26, count))

    with ThreadPoolExecutor(8) as pool:
        drawn = [serial for serials in pool.map(draw, [1, 2, 3] * 20) for serial in serials]
    assert sorted(drawn) == list(range(1, 121))


def test_the_year_turns_at_midnight_in_haryana_not_in_greenwich() -> None:
    midnight = datetime(2026, 12, 31, 18, 30, tzinfo=UTC)
    assert office_year(midnight - timedelta(seconds=1)) == 26
    assert office_year(midnight) == 27
