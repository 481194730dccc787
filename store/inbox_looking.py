"""Looking at the inbox without taking from it: what waits, and how much of it one actor brought.

Owns reading only; the caller owns the transaction. It must not know what an event means.
"""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from datetime import datetime

import sqlalchemy as sa

from store.dialects import is_one_of
from store.inbound import Heard
from store.inbox import FLOOD
from store.inbox_by_hand import DROPPED
from store.payloads import PayloadUnreadable, heard_from_json
from store.tables import inbox
from store.vocabulary import InboxState


def waiting(conn: sa.Connection) -> list[tuple[int, str]]:
    """Id and actor of every pending row, oldest first."""
    rows = conn.execute(sa.select(inbox.c.id, inbox.c.actor_key).where(is_one_of(inbox.c.state, InboxState.PENDING)))
    return sorted((row.id, row.actor_key) for row in rows)


def peek(conn: sa.Connection, row_ids: Collection[int]) -> dict[int, Heard]:
    """What these rows hold, without taking them; what cannot be read is left out."""
    held: dict[int, Heard] = {}
    rows = conn.execute(sa.select(inbox.c.id, inbox.c.payload).where(inbox.c.id.in_(row_ids)))
    for row in rows:
        with suppress(PayloadUnreadable):  # the claim parks it and says why
            held[row.id] = heard_from_json(row.payload or "")
    return held


def heard_of(
    conn: sa.Connection, actor_keys: Collection[str], since: datetime
) -> dict[str, list[tuple[int, datetime]]]:
    """Ids and times of what these actors did since then, oldest first.

    What was set aside as a flood does not count, nor what a person ended: it would keep the flood alive.
    """
    wanted = sa.select(inbox.c.actor_key, inbox.c.id, inbox.c.occurred_at).where(
        inbox.c.actor_key.in_(actor_keys),
        inbox.c.occurred_at > since,
        sa.or_(inbox.c.result.is_(None), inbox.c.result.not_in((FLOOD, DROPPED))),
    )
    found: dict[str, list[tuple[int, datetime]]] = {}
    for row in conn.execute(wanted.order_by(inbox.c.id)):
        found.setdefault(row.actor_key, []).append((row.id, row.occurred_at))
    return found


def count_flood(conn: sa.Connection, actor_key: str) -> int:
    """How many rows of an actor are set aside as a flood."""
    parked = sa.select(sa.func.count()).where(
        inbox.c.actor_key == actor_key, inbox.c.state == InboxState.PARKED, inbox.c.result == FLOOD
    )
    return int(conn.execute(parked).scalar_one())
