"""Time given to all offices of a district: proposed, confirmed, told, ended; and the tickets that must hear of it.

Owns the SQL and the refusals. The rule which ticket is covered is handlers/standstill.py's; `_covered` asks the same of
the tables. It must not know words or chats.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa

from store.people import WHOLE_STATE, Standstill
from store.tables import standstills, tickets
from store.vocabulary import Sensitivity, Status

PROPOSED_FOR: Final = timedelta(hours=1)  # a proposal that nobody confirmed by then is void
AT_OFFICE: Final = (Status.ASSIGNED, Status.ACCEPTED)
MOST_AT_ONCE: Final = 500  # tickets told in one look; the next one takes the rest


class StandstillRefused(ValueError):
    """It cannot be ordered or ended; the code says why."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


@dataclass(frozen=True, slots=True)
class Ordered:
    """A standstill with whether it is over, for whoever reads of it."""

    standstill: Standstill
    is_over: bool


def propose(
    conn: sa.Connection,
    district: str,
    department: str | None,
    until: datetime,
    reason: str,
    now: datetime,
    *,
    officer_id: int | None = None,
) -> int:
    """Note what is to be ordered; nothing stands still before `confirm`. Returns its number."""
    row = {
        "district": district,
        "department": department,
        "until_at": until,
        "reason": reason,
        "proposed_at": now,
        "ordered_by": officer_id,
    }
    return int(conn.execute(standstills.insert().values(**row).returning(standstills.c.id)).scalar_one())


def confirm(conn: sa.Connection, number: int, now: datetime) -> Standstill:
    """Let it begin. Raises StandstillRefused: begun already, proposed too long ago, or its day has come."""
    row = conn.execute(sa.select(standstills).where(standstills.c.id == number).with_for_update()).one_or_none()
    if row is None or row.proposed_at < now - PROPOSED_FOR or row.until_at <= now:
        raise StandstillRefused("standstill_void", f"The proposal {number} is void; propose it again.")
    if row.from_at is not None:
        raise StandstillRefused("standstill_begun", f"Standstill {number} has begun already.")
    conn.execute(standstills.update().where(standstills.c.id == number).values(from_at=now))
    return Standstill(row.id, row.district, row.department, row.reason, now, row.until_at)


def end(conn: sa.Connection, number: int, now: datetime) -> Standstill:
    """Call it off before its day. Raises StandstillRefused where it is not in force."""
    found = next((one for one in in_force(conn, now) if one.id == number), None)
    if found is None:
        raise StandstillRefused("standstill_over", f"No standstill {number} is in force.")
    conn.execute(standstills.update().where(standstills.c.id == number).values(ended_at=now))
    return found


def in_force(conn: sa.Connection, now: datetime) -> tuple[Standstill, ...]:
    """Those that hold clocks at `now`, the oldest first."""
    begun = (standstills.c.from_at <= now, standstills.c.until_at > now, standstills.c.ended_at.is_(None))
    return tuple(_found(conn, *begun))


def untold(conn: sa.Connection, now: datetime) -> list[Ordered]:
    """Those of whose beginning or end the desks were not told yet; the end of one is told even where its beginning was not."""
    over = sa.or_(standstills.c.ended_at.is_not(None), standstills.c.until_at <= now)
    news = sa.or_(standstills.c.told_at.is_(None), sa.and_(over, standstills.c.end_told_at.is_(None)))
    begun = (standstills.c.from_at.is_not(None), standstills.c.from_at <= now)
    query = sa.select(standstills, over.label("is_over")).where(*begun, news).order_by(standstills.c.id)
    return [Ordered(_shape(row), bool(row.is_over)) for row in conn.execute(query)]


def next_look(conn: sa.Connection, now: datetime) -> datetime | None:
    """When a standstill next asks for something: a ticket to wake, a desk to tell; `now` itself if it does already."""
    if conn.execute(sa.select(standstills.c.id).where(standstills.c.end_told_at.is_(None)).limit(1)).first() is None:
        return None  # nearly always: asked before every round of work
    if untold(conn, now) or concerned(conn, now):
        return now
    return min((one.until_at for one in in_force(conn, now)), default=None)


def mark_told(conn: sa.Connection, number: int, now: datetime, *, end_too: bool) -> None:
    """The desks know of its beginning (and of its end)."""
    told = standstills.update().where(standstills.c.id == number)
    conn.execute(told.where(standstills.c.told_at.is_(None)).values(told_at=now))
    if end_too:
        conn.execute(told.values(end_told_at=now))


def count_covered(conn: sa.Connection, district: str, department: str | None) -> int:
    """How many tickets would stand still by such an order."""
    return conn.execute(
        sa.select(sa.func.count()).select_from(tickets).where(_covered(district, department))
    ).scalar_one()


def wake_concerned(conn: sa.Connection, now: datetime) -> int:
    """Let time be heard for the tickets whose clocks do not stand as the orders in force say; returns how many."""
    ids = concerned(conn, now)
    if ids:
        late = sa.or_(tickets.c.wake_at.is_(None), tickets.c.wake_at > now)
        conn.execute(tickets.update().where(tickets.c.id.in_(ids), late).values(wake_at=now))
    return len(ids)


def concerned(conn: sa.Connection, now: datetime) -> list[int]:
    """Those tickets' ids, at most `MOST_AT_ONCE`."""
    active = in_force(conn, now)
    waits = sa.or_(tickets.c.wake_at.is_(None), tickets.c.wake_at > now)
    kept = [
        sa.and_(_covered(one.district, one.department), tickets.c.standstill_until_at <= one.until_at) for one in active
    ]
    loose = sa.and_(tickets.c.standstill_until_at > now, ~sa.or_(sa.false(), *kept))
    found = set(conn.execute(_some(loose, waits)).scalars())
    for one in active:
        missing = sa.or_(tickets.c.standstill_until_at.is_(None), tickets.c.standstill_until_at < one.until_at)
        found.update(conn.execute(_some(_covered(one.district, one.department), missing, waits)).scalars())
    return sorted(found)


def _some(*where: sa.ColumnElement[bool]) -> sa.Select[int]:
    return sa.select(tickets.c.id).where(*where).order_by(tickets.c.id).limit(MOST_AT_ONCE)


def _covered(district: str, department: str | None) -> sa.ColumnElement[bool]:
    ordinary = [
        tickets.c.status.in_(AT_OFFICE),
        sa.not_(tickets.c.urgent),
        tickets.c.sensitivity == Sensitivity.NORMAL,
    ]
    if district != WHOLE_STATE:
        ordinary.append(tickets.c.district == district)
    if department is not None:
        ordinary.append(tickets.c.department == department)
    return sa.and_(*ordinary)


def _found(conn: sa.Connection, *where: sa.ColumnElement[bool]) -> Iterable[Standstill]:
    return [_shape(row) for row in conn.execute(sa.select(standstills).where(*where).order_by(standstills.c.id))]


def _shape(row: sa.Row[tuple[object, ...]]) -> Standstill:
    one = row._mapping
    until = min(one["until_at"], one["ended_at"] or one["until_at"])
    return Standstill(one["id"], one["district"], one["department"], one["reason"], one["from_at"], until)
