"""An edition for whoever asks now: of any past period, for the whole office, a department or a district.

Owns reading what was asked for, and its refusals. It writes nothing.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import sqlalchemy as sa

from handlers.digest.editions import DayNotBegun
from handlers.digest.figures import daily
from handlers.digest.period import Period, office_day
from handlers.digest.telling import Span, Telling, Whose
from handlers.digest.told import told_of
from handlers.understanding.taxonomy import taxonomy
from store.vocabulary import Language


class UnknownScope(ValueError):
    """There is no such department or district; the sentence names the nearest."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose complaints: all, or those of the department or district with this code."""

    whose: Whose
    code: str | None = None


def scope_of(text: str) -> Scope:
    """`cmo`, `department:CODE` or `district:NAME`, in capitals or not. Raises UnknownScope."""
    kind, _, name = text.strip().partition(":")
    if kind.lower() == Whose.CMO and not name:
        return Scope(Whose.CMO)
    known = taxonomy()
    match kind.lower():
        case Whose.DEPARTMENT:
            return Scope(
                Whose.DEPARTMENT, _code(name, {code.casefold(): code for code in known.departments}, "department")
            )
        case Whose.DISTRICT:
            names = {
                spelling.casefold(): code
                for code, row in known.districts.items()
                for spelling in (*row.alt_names, row.name(Language.HI), code)
            }
            return Scope(Whose.DISTRICT, _code(name, names, "district"))
    raise UnknownScope(f"{text!r} is nobody to make a digest for; write cmo, department:CODE or district:NAME.")


def _code(name: str, codes: dict[str, str], what: str) -> str:
    wanted = name.strip().casefold()
    if wanted in codes:
        return codes[wanted]
    near = difflib.get_close_matches(wanted, codes, n=1, cutoff=0.6)
    hint = f"did you mean {codes[near[0]]}?" if near else f"choose one of {', '.join(sorted(set(codes.values())))}."
    raise UnknownScope(f"There is no {what} {name!r}; {hint}")


def days_of(span: Span, on: date) -> tuple[date, date]:
    """The first and the last day of the day, week (from Monday) or month in which that day lies."""
    match span:
        case Span.DAY:
            return on, on
        case Span.WEEK:
            first = on - timedelta(days=on.weekday())
            return first, first + timedelta(days=6)
        case Span.MONTH:
            first = on.replace(day=1)
            return first, (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)


def telling(conn: sa.Connection, span: Span, on: date, scope: Scope, now: datetime) -> Telling:
    """What is told of the period in which that day lies; of one that is not over, so far. Raises DayNotBegun."""
    today = office_day(now)
    if on > today:
        raise DayNotBegun(f"The day {on} has not begun; name a day up to {today}.")
    if scope.whose is not Whose.CMO:
        raise UnknownScope("Digests of one department or district are not counted yet; ask for cmo.")
    first, last = days_of(span, on)
    earlier, _ = days_of(span, first - timedelta(days=1))
    figures = daily(conn, Period(first).start, Period(last).end, now=now)
    before = daily(conn, Period(earlier).start, Period(first).start, now=now)
    return told_of(figures, before, span)
