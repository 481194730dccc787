"""Posts and what was answered to them, side by side: what the inbox heard and the outbox row that answers it.

Owns the step by which an answer names its post. It masks nothing: whoever shows it does.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import sqlalchemy as sa

from store.dialects import is_one_of
from store.inbound import Inbound
from store.outbox import OutboxRow, outbox_row
from store.payloads import PayloadUnreadable, heard_from_json
from store.tables import channels, inbox, outbox
from store.vocabulary import DeliveryState, InboxState, Platform

ANSWER: Final = "answer:in:"  # the step of our answer to an inbox row, before its id


@dataclass(frozen=True, slots=True)
class Beside:
    """One post that was decided, how, and our answer if there is one; `text` is None once it was erased."""

    inbox_id: int
    platform: Platform
    heard_at: datetime
    text: str | None
    result: str
    ticket_id: int | None
    answer: OutboxRow | None


def posts_and_answers(conn: sa.Connection, *, every: bool = False, after_id: int = 0, limit: int = 100) -> list[Beside]:
    """The posts whose answer was held, or `every` decided post, in the order in which they were heard."""
    columns = (inbox.c.id, channels.c.platform, inbox.c.occurred_at, inbox.c.payload, inbox.c.result, inbox.c.ticket_id)
    wanted = (
        sa.select(*columns)
        .join(channels, channels.c.id == inbox.c.channel_id)
        .where(channels.c.platform != Platform.TELEGRAM, inbox.c.state == InboxState.DONE, inbox.c.id > after_id)
        .order_by(inbox.c.id)
        .limit(limit)
    )
    if not every:
        wanted = wanted.where(inbox.c.id.in_(_held_posts()))
    rows = conn.execute(wanted).all()
    answers = _answers(conn, [row.id for row in rows])
    return [
        Beside(
            inbox_id=row.id,
            platform=Platform(row.platform),
            heard_at=row.occurred_at,
            text=_text(row.payload),
            result=row.result,
            ticket_id=row.ticket_id,
            answer=answers.get(row.id),
        )
        for row in rows
    ]


def _held_posts() -> sa.Select[int]:
    post = sa.cast(sa.func.substr(outbox.c.step_id, len(ANSWER) + 1), sa.BigInteger)
    is_held = is_one_of(outbox.c.state, DeliveryState.HELD)
    return sa.select(post).where(is_held, outbox.c.step_id.startswith(ANSWER, autoescape=True))


def _answers(conn: sa.Connection, inbox_ids: Collection[int]) -> dict[int, OutboxRow]:
    steps = [f"{ANSWER}{one}" for one in inbox_ids]
    rows = conn.execute(sa.select(outbox).where(outbox.c.step_id.in_(steps)).order_by(outbox.c.id))
    return {int(row.step_id.removeprefix(ANSWER)): outbox_row(row) for row in rows}


def _text(payload: str | None) -> str | None:
    if payload is None:
        return None
    try:
        heard = heard_from_json(payload)
    except PayloadUnreadable:
        return None
    return heard.text if isinstance(heard, Inbound) else None
