"""Ticket numbers: how they are written and how the next one is drawn.

`HRY26-004821-6`: the office's prefix, the two-digit year of the office's own calendar, a running number of
six digits (then more) and one Verhoeff check digit over the year's and the running number's digits. A number
never changes and says nothing about district or department, because those may. It must not know how numbers
are read out of texts.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from stdnum import verhoeff

from store.tables import counters

OFFICE_ZONE: Final = ZoneInfo("Asia/Kolkata")


def format_number(prefix: str, year: int, serial: int) -> str:
    """The number of the `serial`-th ticket (from 1) of a two-digit year; ValueError outside those."""
    if not 0 <= year <= 99:
        raise ValueError(f"A ticket number holds a two-digit year, not {year}.")
    if serial < 1:
        raise ValueError(f"Ticket numbers count from 1, not {serial}.")
    digits = f"{year:02d}{serial:06d}"
    return f"{prefix}{digits[:2]}-{digits[2:]}-{verhoeff.calc_check_digit(digits)}"


def next_serials(conn: sa.Connection, year: int, count: int) -> range:
    """Draw `count` running numbers inside the caller's transaction, never drawn before nor by anybody else.

    They come back into the pot only if that transaction is undone.
    """
    if count < 1:
        raise ValueError(f"At least one running number must be drawn, not {count}.")
    insert = postgresql.insert if conn.dialect.name == "postgresql" else sqlite.insert
    drawn = insert(counters).values(name=f"ticket:{year:02d}", value=count)
    statement = drawn.on_conflict_do_update(
        index_elements=[counters.c.name], set_={"value": counters.c.value + count}
    ).returning(counters.c.value)
    last: int = conn.execute(statement).scalar_one()
    return range(last - count + 1, last + 1)


def split_number(number: str) -> tuple[int, int]:
    """The two-digit year and the running number in a number as `format_number` writes it."""
    year, serial, _ = number.rsplit("-", 2)
    return int(year[-2:]), int(serial)


def skip_serials(conn: sa.Connection, year: int, *, beyond: int = 0, by: int = 0) -> None:
    """Never draw running numbers up to `beyond`, and leave out `by` more than were drawn."""
    name = f"ticket:{year:02d}"
    drawn = conn.execute(sa.select(counters.c.value).where(counters.c.name == name)).scalar_one_or_none() or 0
    missing = max(drawn + by, beyond) - drawn
    if missing > 0:
        next_serials(conn, year, missing)


def office_year(now: datetime) -> int:
    """The two-digit year on the office's wall in Haryana at `now` (aware)."""
    return now.astimezone(OFFICE_ZONE).year % 100
