"""Outbox rows under a person's hands: letting one go again, ending one.

Owns what an operator may do to a message that is not being sent, and the record of it. It must not know a platform.
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from store.notify import tell_to_send
from store.outbox import cancel_followers, record
from store.readiness import ENDED_UNSENT, UNSENT
from store.tables import outbox
from store.vocabulary import DeliveryState


def retry_by_hand(conn: sa.Connection, row_id: int, now: datetime) -> bool:
    """A person lets a row go again: one set aside, cancelled or held, or that they know was never posted.

    Their wish goes before the mode, but for the shadow, in which nothing leaves.
    """
    freed = (
        outbox.update()
        .where(
            outbox.c.id == row_id,
            outbox.c.state.in_((*ENDED_UNSENT, DeliveryState.UNKNOWN)),
            outbox.c.payload.is_not(None),
        )
        .values(
            state=DeliveryState.PENDING,
            attempts=0,
            next_attempt_at=now,
            error_code=None,
            error=None,
            marked_repeat=False,
            released_at=now,
        )
    )
    channel_id = conn.execute(freed.returning(outbox.c.channel_id)).scalar()
    if channel_id is None:
        return False
    tell_to_send(conn, {channel_id})
    record(conn, row_id, "message_retried_by_hand", "by_hand", now)
    return True


def drop_by_hand(conn: sa.Connection, row_id: int, why: str, now: datetime) -> bool:
    """A person ends a row that is not sent and not being sent; what follows it is cancelled. `why` is a code."""
    endable = (*UNSENT, DeliveryState.UNKNOWN, DeliveryState.PARKED, DeliveryState.HELD)
    ended = outbox.update().where(outbox.c.id == row_id, outbox.c.state.in_(endable))
    if conn.execute(ended.values(state=DeliveryState.CANCELLED, error_code=why[:64])).rowcount == 0:
        return False
    record(conn, row_id, "message_dropped_by_hand", why[:64], now)
    cancel_followers(conn, row_id, now)
    return True
