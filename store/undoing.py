"""What can still be taken back: for each ticket its latest act, and the ticket before and after it.

Owns the SQL. It must not know what an act is; the tickets are JSON of its callers.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from store import outbox
from store.dialects import insert_into
from store.tables import drafts, labels, satisfaction, undos
from store.tables import outbox as outbox_table
from store.vocabulary import DeliveryState

NOT_BEGUN = (DeliveryState.PENDING, DeliveryState.HELD)


def keep(conn: sa.Connection, row: Mapping[str, Any]) -> None:
    """Remember an act in the place of the ticket's last one."""
    values = {name: value for name, value in row.items() if name != "ticket_id"}
    kept = insert_into(conn, undos).values(**row)
    conn.execute(kept.on_conflict_do_update(index_elements=[undos.c.ticket_id], set_=values))


def of_ticket(conn: sa.Connection, ticket_id: int, key: str) -> Mapping[str, Any] | None:
    """The act of this key, if it is still the ticket's latest."""
    wanted = sa.select(undos).where(undos.c.ticket_id == ticket_id, undos.c.key == key)
    row = conn.execute(wanted).mappings().first()
    return None if row is None else dict(row)


def unsay(conn: sa.Connection, steps: Collection[str], now: datetime) -> bool:
    """Cancel these messages, all or none; False when the sending of one has begun."""
    wanted = sa.select(outbox_table.c.id, outbox_table.c.state, outbox_table.c.step_id).where(
        outbox_table.c.step_id.in_(sorted(steps))
    )
    rows = conn.execute(wanted.with_for_update()).all() if steps else []
    if any(row.state not in NOT_BEGUN for row in rows):
        return False
    for row in rows:
        outbox.cancel(conn, row.id, "undone", now)
        free = f"{row.step_id}:undone:{row.id}"  # the same step may be taken again, and must then be said
        gone = {
            "step_id": free,
            "state": DeliveryState.CANCELLED,
            "error_code": "undone",
        }  # held ones too: never let out
        conn.execute(outbox_table.update().where(outbox_table.c.id == row.id).values(**gone))
    return True


def forget(conn: sa.Connection, ticket_id: int, made_at: datetime, used_draft: int | None) -> None:
    """The act is taken back: it cannot be again, teaches nothing, and its report may be sent once more."""
    conn.execute(undos.delete().where(undos.c.ticket_id == ticket_id))
    conn.execute(labels.delete().where(labels.c.ticket_id == ticket_id, labels.c.at == made_at))
    if used_draft is not None:
        conn.execute(drafts.update().where(drafts.c.id == used_draft).values(used_at=None))


def unask(conn: sa.Connection, ticket_id: int, cycle: int) -> None:
    """A disposal that was taken back asks nobody."""
    open_ask = (satisfaction.c.ticket_id == ticket_id, satisfaction.c.cycle == cycle, satisfaction.c.outcome.is_(None))
    conn.execute(satisfaction.delete().where(*open_ask))


def drop_before(conn: sa.Connection, moment: datetime) -> int:
    """Forget acts that nobody can take back any more; returns how many."""
    return conn.execute(undos.delete().where(undos.c.made_at < moment)).rowcount
