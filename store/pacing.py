"""What a lane must know to keep within a chat's pace: what went lately, what is next, and what an urgent row needs.

Owns the queries; bot/pace.py owns the rule. It must not know how much a chat takes.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa

from store.channels import is_working
from store.dialects import is_one_of
from store.readiness import OPEN, PRESS, UNSENT, is_held, is_not_resting, waits_for_another
from store.tables import attempts, channels, outbox


def sent_lately(conn: sa.Connection, channel_id: int, since: datetime) -> list[tuple[str, datetime]]:
    """Chats and when something was tried there, oldest first."""
    wanted = (
        sa.select(outbox.c.recipient, attempts.c.at)
        .select_from(attempts.join(outbox, outbox.c.id == attempts.c.outbox_id))
        .where(attempts.c.at >= since, outbox.c.channel_id + 0 == channel_id, ~outbox.c.destination.startswith(PRESS))
    )
    return [(row.recipient, row.at) for row in conn.execute(wanted.order_by(attempts.c.at))]


def next_awake(
    conn: sa.Connection, channel_id: int, resting: Collection[str], quiet_resting: Collection[str]
) -> datetime | None:
    """When the next row may go to a chat that does not rest; None if all that waits goes to those that do."""
    asked = {"channel": channel_id, "resting": list(resting), "quiet_resting": list(quiet_resting)}
    found: datetime | None = conn.execute(_first_awake(), asked).scalar_one()
    return found


def hurry(conn: sa.Connection, channel_id: int, destinations: Collection[str]) -> int:
    """What must go before an urgent row of its destination is urgent itself. Returns how many rows that were."""
    if not destinations:
        return 0
    ahead = outbox.update().where(
        outbox.c.channel_id == channel_id,
        is_one_of(outbox.c.state, *OPEN),
        outbox.c.state.in_(UNSENT),
        outbox.c.destination.in_(sorted(destinations)),
        outbox.c.urgent.is_(sa.false()),
        sa.exists().where(*_urgent_behind()),
    )
    return conn.execute(ahead.values(urgent=True)).rowcount


def _urgent_behind() -> tuple[sa.ColumnElement[bool], ...]:
    later = outbox.alias("later")
    return (
        later.c.channel_id == outbox.c.channel_id,
        later.c.destination == outbox.c.destination,
        later.c.id > outbox.c.id,
        is_one_of(later.c.state, *OPEN),
        later.c.urgent,
    )


@cache
def _first_awake() -> sa.Select[Any]:
    due_at = sa.type_coerce(sa.func.min(outbox.c.next_attempt_at), outbox.c.next_attempt_at.type)
    return sa.select(due_at).where(
        outbox.c.channel_id == sa.bindparam("channel"),
        is_one_of(outbox.c.state, *OPEN),
        outbox.c.state.in_(UNSENT),
        sa.exists().where(channels.c.id == outbox.c.channel_id, is_working()),
        ~is_held(outbox.c.next_attempt_at),
        ~waits_for_another(),
        is_not_resting(),
    )
