"""What needs a word today: surges, growing incidents, tickets reopened again and again, emergencies. SQL that only reads.

Words of citizens leave here only masked, and only of tickets that groups of officers may read.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa

from handlers.digest.counting.standing import OFTEN
from handlers.digest.counting.within import HOUR, Condition, Stretch, in_scope
from handlers.digest.period import Period, office_day
from handlers.digest.report import Burning, Complaint, GrowingIncident, Surge, TicketLine
from handlers.digest.scope import Scope
from handlers.digest.surging import WEEKS, Cell, Cells, unusual
from handlers.render import excerpt
from handlers.understanding import mask
from handlers.understanding.taxonomy import taxonomy, told_as
from store.tables import incidents, tickets, transcript
from store.vocabulary import InGroups, Language, Register, Sensitivity

MOST_SURGES: Final = 3
NEWEST: Final = 3  # complaints shown of a surge
LONGEST: Final = 200  # characters of each
MOST_INCIDENTS: Final = 5
LEAST_NEW: Final = 2  # one more complaint is no growth
MOST_LINES: Final = 10
AT_ONCE: Final = 12  # days


def burning(conn: sa.Connection, period: Period, scope: Scope, now: datetime, named: Sequence[sa.Row[Any]]) -> Burning:
    """Everything that burns, each list cut. `named`: the rows of counting.standing.remarkable."""
    again = sorted(
        (row for row in named if row.reopen_count >= OFTEN),
        key=lambda row: (-row.reopen_count, row.opened_at, row.number),
    )
    urgent = sorted((row for row in named if row.urgent), key=lambda row: (row.opened_at, row.number))
    return Burning(
        surges=_surges(conn, period, scope, now),
        incidents=_incidents(conn, Stretch(period.start, period.end), scope),
        reopened_twice=tuple(_line(row, now) for row in again[:MOST_LINES]),
        emergencies=tuple(_line(row, now) for row in urgent[:MOST_LINES]),
    )


# -- surges --------------------------------------------------------------------------------------------------------------


def _surges(conn: sa.Connection, period: Period, scope: Scope, now: datetime) -> tuple[Surge, ...]:
    """Those of the period's days that have begun, the least probable first, at most MOST_SURGES."""
    first = conn.execute(sa.select(sa.func.min(tickets.c.opened_at))).scalar()
    if first is None:
        return ()
    known = taxonomy()
    pairs = len(known.districts) * len(_ordinary())
    history = {day: _weekdays_before(day, office_day(first)) for day in _days(period, office_day(now))}
    cells = _cells(conn, sorted({*history, *(one for days in history.values() for one in days)}), scope)
    found: list[Surge] = []
    for day, days in history.items():
        for one in unusual(cells[day], [cells[before] for before in days], pairs):
            district, category = one.cell
            found.append(
                Surge(
                    day=day,
                    district=district,
                    category=category,
                    seen=one.seen,
                    expected=one.expected,
                    chance=one.chance,
                )
            )
    found.sort(key=lambda one: (one.chance, one.day, one.district, one.category))
    return tuple(replace(one, newest=_newest(conn, one, scope)) for one in found[:MOST_SURGES])


def _ordinary() -> frozenset[str]:
    """Categories that may be spoken of with a place."""
    rows = taxonomy().categories.items()
    return frozenset(code for code, row in rows if row.sensitivity is Sensitivity.NORMAL)


def _days(period: Period, today: date) -> Iterable[date]:
    """The days of the period that have begun."""
    many = (min(period.next_day, today + timedelta(days=1)) - period.day).days
    return (period.day + timedelta(days=at) for at in range(many))


def _weekdays_before(day: date, first: date) -> list[date]:
    """The same weekday in the weeks before, as far as there were tickets; the first day itself was no whole one."""
    earlier = (day - timedelta(weeks=back) for back in range(1, WEEKS + 1))
    return [one for one in earlier if one > first]


def _cells(conn: sa.Connection, days: Sequence[date], scope: Scope) -> dict[date, Cells]:
    """How many tickets of each district and category were opened on these days, some days in one look."""
    ordinary = _ordinary()
    found: dict[date, dict[Cell, int]] = {day: {} for day in days}
    for first in range(0, len(days), AT_ONCE):
        some = days[first : first + AT_ONCE]
        opened = [Stretch(Period(day).start, Period(day).end).holds(tickets.c.opened_at) for day in some]
        grouped: sa.Select[Any] = (
            sa.select(tickets.c.district, tickets.c.category, *(sa.func.count().filter(one) for one in opened))
            .where(sa.or_(*opened), *_speakable(), *in_scope(scope))
            .group_by(tickets.c.district, tickets.c.category)
        )
        for district, category, *counts in conn.execute(grouped):
            if category in ordinary:
                for day, many in zip(some, counts, strict=True):
                    found[day][district, category] = many
    return dict(found)


def _speakable() -> tuple[Condition, ...]:
    return (
        tickets.c.sensitivity == Sensitivity.NORMAL,
        tickets.c.district.is_not(None),
        tickets.c.category.is_not(None),
    )


def _newest(conn: sa.Connection, surge: Surge, scope: Scope) -> tuple[Complaint, ...]:
    if taxonomy().categories[surge.category].in_groups is not InGroups.FULL:
        return ()
    time = Stretch(Period(surge.day).start, Period(surge.day).end)
    wanted = (
        sa.select(tickets.c.id, tickets.c.number, tickets.c.opened_at, tickets.c.language)
        .where(
            time.holds(tickets.c.opened_at),
            tickets.c.district == surge.district,
            tickets.c.category == surge.category,
            tickets.c.sensitivity == Sensitivity.NORMAL,
            tickets.c.register == Register.NORMAL,
            ~tickets.c.keep_name_hidden,
            *in_scope(scope),
        )
        .order_by(tickets.c.opened_at.desc(), tickets.c.id.desc())
    )
    found: list[Complaint] = []
    for row in conn.execute(wanted):
        words = _first_words(conn, row.id)
        if words:
            told = excerpt(" ".join(mask(words).split()), LONGEST)
            found.append(
                Complaint(number=row.number, opened_at=row.opened_at, language=Language(row.language), words=told)
            )
        if len(found) == NEWEST:
            break
    return tuple(found)


def _first_words(conn: sa.Connection, ticket_id: int) -> str | None:
    """What the citizen wrote first, as it was last edited; None once withdrawn or erased."""
    wanted = (
        sa.select(transcript.c.message_id, transcript.c.text)
        .where(transcript.c.ticket_id == ticket_id, transcript.c.speaker == "citizen")
        .order_by(transcript.c.occurred_at, transcript.c.id)
    )
    rows = conn.execute(wanted).all()
    first = [row.text for row in rows if row.message_id == rows[0].message_id]
    return first[-1] if first else None


# -- lists ---------------------------------------------------------------------------------------------------------------


def _incidents(conn: sa.Connection, time: Stretch, scope: Scope) -> tuple[GrowingIncident, ...]:
    new = sa.func.count().label("new")
    grown = (
        sa.select(tickets.c.incident_id, new)
        .where(time.holds(tickets.c.opened_at), tickets.c.incident_id.is_not(None), *in_scope(scope))
        .group_by(tickets.c.incident_id)
        .having(new >= LEAST_NEW)
        .order_by(new.desc(), tickets.c.incident_id)
        .limit(MOST_INCIDENTS)
    )
    found = {row.incident_id: row.new for row in conn.execute(grown)}
    if not found:
        return ()
    whole: sa.Select[Any] = (
        sa.select(
            *(incidents.c[name] for name in ("id", "category", "district", "department", "opened_at")),
            sa.func.count().label("total"),
            sa.func.count().filter(tickets.c.ended_at.is_(None)).label("open"),
        )
        .join(tickets, tickets.c.incident_id == incidents.c.id)
        .where(incidents.c.id.in_(sorted(found)), *in_scope(scope))
        .group_by(incidents.c.id)
    )
    rows = {row.id: row for row in conn.execute(whole)}
    return tuple(_incident(rows[number], many) for number, many in found.items())


def _incident(row: sa.Row[Any], new: int) -> GrowingIncident:
    return GrowingIncident(
        incident=row.id,
        category=row.category,
        district=row.district,
        department=row.department,
        began_at=row.opened_at,
        new=new,
        total=row.total,
        open=row.open,
    )


def _line(row: sa.Row[Any], now: datetime) -> TicketLine:
    hidden = row.sensitivity == Sensitivity.SENSITIVE
    return TicketLine(
        number=row.number,
        department=row.department,
        district=None if hidden else row.district,
        category=None if hidden else told_as(row.category),
        opened_at=row.opened_at,
        reopened=row.reopen_count,
        level=row.escalation_level,
        late_hours=((row.paused_at or now) - row.due_at) / HOUR if row.late else None,
    )
