"""What a channel has spent: requests a platform may bill for, counted from what is kept anyway.

Owns the counting, and which rows go when only urgent ones may. No process keeps a counter of its own, so any number of
them agree. It must not know a limit or a price.
"""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa

from store.channels import is_working
from store.dialects import is_one_of
from store.outbox import OutboxRow, outbox_row
from store.readiness import OPEN, UNSENT, is_ripe, waits_for_another
from store.tables import attempts, channels, inbox, outbox
from store.vocabulary import DeliveryState


def posts_sent(conn: sa.Connection, channel_id: int, since: datetime) -> int:
    """How many requests to post may have taken effect since then, those of unknown outcome among them."""
    counted = (
        sa.select(sa.func.count())
        .select_from(attempts.join(outbox, outbox.c.id == attempts.c.outbox_id))
        # From the attempts of that time, not along everything the channel ever said.
        .where(attempts.c.at >= since, _may_be_billed(), outbox.c.channel_id + 0 == channel_id)
    )
    return int(conn.execute(counted).scalar_one())


def posts_between(conn: sa.Connection, start: datetime, end: datetime) -> dict[int, int]:
    """The same requests from `start` up to, not including, `end`, by channel; one without any is left out."""
    counted = (
        sa.select(outbox.c.channel_id, sa.func.count())
        .select_from(attempts.join(outbox, outbox.c.id == attempts.c.outbox_id))
        .where(attempts.c.at >= start, attempts.c.at < end, _may_be_billed())
        .group_by(outbox.c.channel_id)
    )
    return {row[0]: row[1] for row in conn.execute(counted)}


def posts_read(conn: sa.Connection, channel_id: int, since: datetime) -> int:
    """How many posts were read since then, each counted once."""
    counted = sa.select(sa.func.count()).where(inbox.c.channel_id == channel_id, inbox.c.received_at >= since)
    return int(conn.execute(counted).scalar_one())


def urgent_due(conn: sa.Connection, channel_id: int, now: datetime, limit: int) -> list[OutboxRow]:
    """Up to `limit` urgent rows that may go now; ordinary rows of their destination that wait do not hold them."""
    asked = {"channel": channel_id, "now": now, "most": limit}
    return [outbox_row(row) for row in conn.execute(_urgent(), asked)]


def urgent_next_due(conn: sa.Connection, channel_id: int) -> datetime | None:
    """When the next urgent row may go; in the past if one waits."""
    due_at = sa.type_coerce(sa.func.min(outbox.c.next_attempt_at), outbox.c.next_attempt_at.type)
    found: datetime | None = conn.execute(sa.select(due_at).where(*_waiting(sa.literal(channel_id)))).scalar_one()
    return found


def _may_be_billed() -> sa.ColumnElement[bool]:
    return sa.or_(
        attempts.c.result == DeliveryState.UNKNOWN,
        sa.and_(attempts.c.result == DeliveryState.SENT, attempts.c.error_code.is_(None)),
    )


@cache
def _urgent() -> sa.Select[Any]:
    now = sa.bindparam("now", type_=outbox.c.next_attempt_at.type)
    return (
        sa.select(outbox)
        .where(*_waiting(sa.bindparam("channel")), is_ripe(outbox, now))
        .order_by(outbox.c.id)
        .limit(sa.bindparam("most"))
    )


def _waiting(channel_id: sa.ColumnElement[Any]) -> tuple[sa.ColumnElement[bool], ...]:
    earlier = outbox.alias("earlier")
    held = sa.exists().where(
        earlier.c.channel_id == outbox.c.channel_id,
        earlier.c.destination == outbox.c.destination,
        earlier.c.id < outbox.c.id,
        is_one_of(earlier.c.state, *OPEN),
        sa.or_(earlier.c.urgent, earlier.c.state.in_((DeliveryState.SENDING, DeliveryState.UNKNOWN))),
    )
    return (
        outbox.c.channel_id == channel_id,
        is_one_of(outbox.c.state, *OPEN),
        outbox.c.state.in_(UNSENT),
        outbox.c.urgent,
        sa.exists().where(channels.c.id == outbox.c.channel_id, is_working()),
        ~held,
        ~waits_for_another(),
    )
