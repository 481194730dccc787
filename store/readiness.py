"""Which rows of the outbox may go: the conditions of order, time and rest, as SQL.

Owns the conditions; store/outbox.py asks them. It must not know what a row says.
"""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa

from store.dialects import is_one_of
from store.tables import outbox
from store.vocabulary import DeliveryState

OPEN: Final = (DeliveryState.PENDING, DeliveryState.SENDING, DeliveryState.RETRY, DeliveryState.UNKNOWN)
UNSENT: Final = (DeliveryState.PENDING, DeliveryState.RETRY)
ENDED_UNSENT: Final = (DeliveryState.PARKED, DeliveryState.CANCELLED, DeliveryState.HELD)
PRESS: Final = "press:"  # what the destinations of answers to a press begin with: they are no messages of a chat


def is_ripe(rows: sa.FromClause, at: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    """The row's time has come. What was to go at once goes at once, even if the clock was set back since."""
    at_once = sa.and_(rows.c.attempts == 0, rows.c.next_attempt_at <= rows.c.created_at)
    return sa.or_(rows.c.next_attempt_at <= at, at_once)


def is_held(at: sa.ColumnElement[Any]) -> sa.Exists:
    """An earlier row of the destination must go first, as things stand at that time."""
    earlier = outbox.alias("earlier")
    return sa.exists().where(
        earlier.c.channel_id == outbox.c.channel_id,
        earlier.c.destination == outbox.c.destination,
        earlier.c.id < outbox.c.id,
        is_one_of(earlier.c.state, *OPEN),
        sa.or_(
            earlier.c.state.in_((DeliveryState.SENDING, DeliveryState.RETRY, DeliveryState.UNKNOWN)),
            sa.and_(
                earlier.c.state == DeliveryState.PENDING,
                sa.or_(is_ripe(earlier, at), earlier.c.attempts > 0),
            ),
        ),
    )


def waits_for_another() -> sa.Exists:
    """The message it edits or answers has not gone yet."""
    first = outbox.alias("first")
    return sa.exists().where(
        first.c.step_id == outbox.c.follows_step,
        first.c.recipient == outbox.c.recipient,
        is_one_of(first.c.state, *OPEN),
    )


def is_not_resting() -> sa.ColumnElement[bool]:
    """Its chat takes a message now: any (`resting` names those that do not), or a quiet one (`quiet_resting`)."""
    resting: sa.BindParameter[Any] = sa.bindparam("resting", expanding=True)
    quiet: sa.BindParameter[Any] = sa.bindparam("quiet_resting", expanding=True)
    return sa.or_(
        outbox.c.destination.startswith(PRESS),
        sa.and_(outbox.c.recipient.not_in(resting), sa.or_(outbox.c.urgent, outbox.c.recipient.not_in(quiet))),
    )


def in_order(*, newest: bool = False) -> tuple[sa.ColumnElement[Any], ...]:
    """Urgent ones first, edits last: news is news, while an edit only keeps a message true that stands already."""
    age = outbox.c.id.desc() if newest else outbox.c.id
    return (outbox.c.urgent.desc(), outbox.c.supersede_key.is_not(None), age)
