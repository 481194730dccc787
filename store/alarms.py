"""Alarms: what a person must look at, raised once and cleared when it is over.

Owns the alarms table. It must not know who is told or how.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from store.holding import hold
from store.tables import alarms


@dataclass(frozen=True, slots=True)
class Alarm:
    """One open alarm: a stable code, what it is about, and a sentence for the operator."""

    id: int
    code: str
    subject: str
    sentence: str
    raised_at: datetime


def raise_alarm(conn: sa.Connection, code: str, subject: str, sentence: str, now: datetime) -> bool:
    """Raise an alarm unless one of this code and subject is open; True if it is new."""
    subject = subject[:128]
    hold(conn, f"alarm:{code}:{subject}")  # of several who see the same fault at this moment one raises it
    is_open = sa.select(alarms.c.id).where(
        alarms.c.code == code, alarms.c.subject == subject, alarms.c.cleared_at.is_(None)
    )
    if conn.execute(is_open).first() is not None:
        return False
    conn.execute(alarms.insert().values(code=code, subject=subject, sentence=sentence[:512], raised_at=now))
    return True


def restate_alarm(conn: sa.Connection, code: str, subject: str, sentence: str, now: datetime) -> bool:
    """Raise an alarm, or give the open one of this code and subject a new sentence; True if it is new."""
    if raise_alarm(conn, code, subject, sentence, now):
        return True
    conn.execute(
        alarms.update()
        .where(alarms.c.code == code, alarms.c.subject == subject[:128], alarms.c.cleared_at.is_(None))
        .values(sentence=sentence[:512])
    )
    return False


def clear_alarm(conn: sa.Connection, code: str, subject: str, now: datetime) -> bool:
    """Clear the open alarm of this code and subject; True if there was one."""
    cleared = (
        alarms.update()
        .where(alarms.c.code == code, alarms.c.subject == subject[:128], alarms.c.cleared_at.is_(None))
        .values(cleared_at=now)
    )
    return conn.execute(cleared).rowcount > 0


def open_alarms(conn: sa.Connection) -> list[Alarm]:
    """Every open alarm, oldest first."""
    rows = conn.execute(
        sa.select(alarms).where(alarms.c.cleared_at.is_(None)).order_by(alarms.c.raised_at, alarms.c.id)
    )
    return [Alarm(row.id, row.code, row.subject, row.sentence, row.raised_at) for row in rows]
