"""Gaps: stretches of time that a channel could not read back, until a person has looked there.

Owns the table gaps. It must not know why a platform shows no more, or how its posts are looked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from store.tables import channels, gaps


@dataclass(frozen=True, slots=True)
class Gap:
    """One stretch as it stands; open while `settled_at` is None."""

    id: int
    channel: str
    since_at: datetime
    until_at: datetime
    why: str
    settled_at: datetime | None = None
    settled_why: str | None = None


def note(conn: sa.Connection, channel_id: int, since: datetime, until: datetime, why: str) -> bool:
    """Remember a stretch; True if it is new or has grown.

    A read that broke off tells its gap again, a long one tells it in parts: one stretch stays one row.
    """
    same = (gaps.c.channel_id == channel_id, gaps.c.why == why[:256])
    within = sa.and_(*same, gaps.c.since_at <= since, gaps.c.until_at >= until)
    exactly = sa.and_(gaps.c.channel_id == channel_id, gaps.c.since_at == since, gaps.c.until_at == until)
    known = (sa.or_(within, exactly),)
    if conn.execute(sa.select(gaps.c.id).where(*known)).first() is not None:
        return False
    touching = (*same, gaps.c.since_at <= until, gaps.c.until_at >= since, gaps.c.settled_at.is_(None))
    part = conn.execute(sa.select(gaps).where(*touching).order_by(gaps.c.id).limit(1)).one_or_none()
    if part is None:
        conn.execute(gaps.insert().values(channel_id=channel_id, since_at=since, until_at=until, why=why[:256]))
    else:
        grown = {"since_at": min(part.since_at, since), "until_at": max(part.until_at, until)}
        conn.execute(gaps.update().where(gaps.c.id == part.id).values(**grown))
    return True


def open_gaps(conn: sa.Connection) -> list[Gap]:
    """The stretches at which nobody has looked yet, oldest first."""
    return _found(conn, gaps.c.settled_at.is_(None))


def all_gaps(conn: sa.Connection) -> list[Gap]:
    """Every stretch ever noted, oldest first."""
    return _found(conn, sa.true())


def gap(conn: sa.Connection, gap_id: int) -> Gap | None:
    """One stretch as it stands."""
    return next(iter(_found(conn, gaps.c.id == gap_id)), None)


def settle(conn: sa.Connection, gap_id: int, why: str, now: datetime) -> bool:
    """A person has dealt with it; `why` is a code. True if it was open."""
    settled = (
        gaps.update()
        .where(gaps.c.id == gap_id, gaps.c.settled_at.is_(None))
        .values(settled_at=now, settled_why=why[:64])
    )
    return conn.execute(settled).rowcount > 0


def _found(conn: sa.Connection, *where: sa.ColumnElement[bool]) -> list[Gap]:
    wanted = (
        sa.select(gaps, channels.c.name)
        .join(channels, channels.c.id == gaps.c.channel_id)
        .where(*where)
        .order_by(gaps.c.since_at, gaps.c.id)
    )
    return [_gap(row) for row in conn.execute(wanted)]


def _gap(row: sa.Row[Any]) -> Gap:
    return Gap(row.id, row.name, row.since_at, row.until_at, row.why, row.settled_at, row.settled_why)
