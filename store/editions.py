"""Which editions have gone, to whom: each once, whoever tries first.

Owns the table editions. It must not know what stands in an edition or where it is read.
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from store.dialects import insert_into
from store.tables import editions, inbox


def claim(conn: sa.Connection, edition: str, period: str, recipient: str, now: datetime) -> bool:
    """True for the one caller whose row stands; another's open transaction is waited for."""
    row = {"edition": edition, "period": period, "recipient": recipient, "created_at": now}
    claimed = insert_into(conn, editions).values(**row).on_conflict_do_nothing().returning(editions.c.period)
    return conn.execute(claimed).first() is not None


def had_begun(conn: sa.Connection, end: datetime) -> bool:
    """Whether anything had been heard by then: before that SMGT was not yet at work, and there is nothing to tell."""
    return conn.execute(sa.select(inbox.c.id).where(inbox.c.received_at < end).limit(1)).first() is not None
