"""Quiet news of a crowded chat, told together: a new row of the outbox that takes the place of its parts.

Owns the moves and their queries, each in the caller's transaction; handlers/desk/crowds.py says what may be told
together and in which words. A part ends superseded and remembers its list, so that nothing is told twice or forgotten.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import sqlalchemy as sa

from store.dialects import is_one_of
from store.outbox import OutboxRow, outbox_row
from store.readiness import OPEN, UNSENT
from store.tables import outbox, tickets
from store.vocabulary import DeliveryState, Sensitivity

NOTICE: Final = "notice"  # the template of a ticket's first message in a chat, and of the edits of it


def crowded_chats(conn: sa.Connection, channel_id: int, templates: Collection[str], most: int) -> list[str]:
    """The chats where more than `most` messages of these kinds wait quietly."""
    many = sa.func.count()
    counted = sa.select(outbox.c.recipient).where(*_quiet(channel_id, templates)).group_by(outbox.c.recipient)
    return list(conn.scalars(counted.having(many > most).order_by(outbox.c.recipient)))


def quiet_rows(conn: sa.Connection, channel_id: int, chat_id: str, templates: Collection[str]) -> list[OutboxRow]:
    """What waits there quietly, oldest first, locked; rows that another transaction has in hand are left out."""
    wanted = sa.select(outbox).where(*_quiet(channel_id, templates), outbox.c.recipient == chat_id)
    locked = wanted.order_by(outbox.c.id).with_for_update(skip_locked=True)
    return [outbox_row(row) for row in conn.execute(locked)]


def put_into(conn: sa.Connection, list_id: int, parts: Collection[OutboxRow]) -> None:
    """These unsent rows, and the unsent edits of them, are told by the list. The caller has locked them."""
    told = {"state": DeliveryState.SUPERSEDED, "gathered_into": list_id}
    ids = [row.id for row in parts]
    conn.execute(outbox.update().where(outbox.c.id.in_(ids), outbox.c.state.in_(UNSENT)).values(**told))
    edits = outbox.update().where(
        outbox.c.follows_step.in_([row.step_id for row in parts]),
        outbox.c.recipient.in_({row.recipient for row in parts}),
        outbox.c.state.in_(UNSENT),
    )
    conn.execute(edits.values(**told))


def take_apart(conn: sa.Connection, list_ids: Collection[int]) -> int:
    """Undo lists that were not sent: each part waits again as it did. Returns how many lists that were."""
    undone = (
        outbox.update()
        .where(outbox.c.id.in_(sorted(list_ids)), outbox.c.state.in_(UNSENT))
        .values(state=DeliveryState.SUPERSEDED)
        .returning(outbox.c.id)
    )
    ids = list(conn.scalars(undone))
    if ids:
        parts = outbox.update().where(outbox.c.gathered_into.in_(ids), outbox.c.state == DeliveryState.SUPERSEDED)
        conn.execute(parts.values(state=DeliveryState.PENDING, gathered_into=None))
    return len(ids)


def no_longer_fit(conn: sa.Connection, channel_id: int, template: str) -> list[int]:
    """Unsent lists with a ticket that has become sensitive meanwhile."""
    part = outbox.alias("part")
    hidden = sa.exists().where(
        part.c.gathered_into == outbox.c.id,
        part.c.ticket_id == tickets.c.id,
        tickets.c.sensitivity != Sensitivity.NORMAL,
    )
    wanted = sa.select(outbox.c.id).where(
        outbox.c.channel_id == channel_id,
        is_one_of(outbox.c.state, *OPEN),
        outbox.c.state.in_(UNSENT),
        outbox.c.template == template,
        hidden,
    )
    return list(conn.scalars(wanted))


def _quiet(channel_id: int, templates: Collection[str]) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        outbox.c.channel_id == channel_id,
        is_one_of(outbox.c.state, *OPEN),
        outbox.c.state.in_(UNSENT),
        outbox.c.urgent.is_(sa.false()),
        outbox.c.marked_repeat.is_(sa.false()),  # it may stand there already
        outbox.c.error_code.is_(None),  # what was refused tells whether its chat takes messages again
        outbox.c.ticket_id.is_not(None),
        outbox.c.template.in_(sorted(templates)),
        sa.or_(outbox.c.follows_step.is_(None), outbox.c.template != NOTICE),  # an edit goes with what it edits
    )
