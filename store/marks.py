"""Marks: moments that concern the database as a whole, such as its last backup.

Kept in the table counters as unix seconds, so that they travel with every copy. It must not know who sets them.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import sqlalchemy as sa

from store.dialects import insert_into
from store.tables import counters

BACKED_UP: Final = "backed_up_at"
REWOUND_TO: Final = "rewound_to_at"  # the moment of the backup that was restored last


def mark(conn: sa.Connection, name: str, at: datetime) -> None:
    """Set a mark; the latest word counts."""
    told = insert_into(conn, counters).values(name=name, value=int(at.timestamp()))
    conn.execute(told.on_conflict_do_update(index_elements=["name"], set_={"value": told.excluded.value}))


def marked(conn: sa.Connection, name: str) -> datetime | None:
    """When a mark was set for, or None if it never was."""
    value = conn.execute(sa.select(counters.c.value).where(counters.c.name == name)).scalar_one_or_none()
    return None if value is None else datetime.fromtimestamp(value, UTC)
