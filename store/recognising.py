"""Recognising what we said: by the platform's id, or by its words while the platform has not told us the id.

Owns the questions; the rows are store/outbox.py's. It must not know a platform or what is done with the answer.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

import sqlalchemy as sa

from store.outbound import MOST_IN_ALBUM
from store.outbox import OutboxRow, outbox_row, words_of
from store.payloads import same_words, shown_on_telegram, words_mark
from store.readiness import OPEN
from store.tables import outbox
from store.vocabulary import DeliveryState

TWIN_AMONG: Final = 20_000  # newest rows: a prompt is answered within days, and no index is earned by it


def taken_ids(conn: sa.Connection, channel_id: int, since: datetime) -> frozenset[str]:
    """The platform ids that rows sent since then already hold: each may satisfy one row only."""
    held = sa.select(outbox.c.sent_id).where(
        outbox.c.channel_id == channel_id, outbox.c.sent_id.is_not(None), outbox.c.sent_at >= since
    )
    return frozenset(found for found in conn.scalars(held) if found is not None)


def is_ours(conn: sa.Connection, channel_id: int, message_id: str, text: str) -> bool:
    """Whether SMGT itself wrote this post of our own account, rather than a person using the account.

    Known by its id, or by its words while the platform's answer to our sending is still out. The id is looked for
    once more at last: the answer may have been written down between the two questions.
    """
    known = sa.select(outbox.c.id).where(outbox.c.channel_id == channel_id, outbox.c.sent_id == message_id)
    if conn.execute(known).first() is not None or _is_being_said(conn, channel_id, text):
        return True
    return conn.execute(known).first() is not None


def _is_being_said(conn: sa.Connection, channel_id: int, text: str) -> bool:
    maybe_posted = (*OPEN, DeliveryState.PARKED, DeliveryState.HELD)
    tried = sa.select(outbox.c.id, outbox.c.payload).where(
        outbox.c.channel_id == channel_id,
        outbox.c.state.in_(maybe_posted),
        outbox.c.attempts > 0,
        outbox.c.payload.is_not(None),
    )
    words = same_words(text)
    said = (words_of(row.id, row.payload) for row in conn.execute(tried))
    return any(one is not None and same_words(one.text) == words for one in said)


def by_words_in_chat(conn: sa.Connection, chat_id: str, mark: str) -> OutboxRow | None:
    """The newest message to a Telegram chat whose words have this mark and of which a copy may stand there unknown."""
    may_have_a_twin = sa.or_(
        outbox.c.marked_repeat,
        outbox.c.state.in_((DeliveryState.SENDING, DeliveryState.UNKNOWN, DeliveryState.RETRY)),
    )
    wanted = (
        sa.select(outbox)
        .where(
            outbox.c.id > sa.select(sa.func.coalesce(sa.func.max(outbox.c.id), 0) - TWIN_AMONG).scalar_subquery(),
            outbox.c.recipient == chat_id,
            outbox.c.payload.is_not(None),
            may_have_a_twin,
        )
        .order_by(outbox.c.id.desc())
    )
    for found in conn.execute(wanted):
        row = outbox_row(found)
        if row.outgoing is not None and mark in _marks(row.outgoing.text, is_repeat=row.marked_repeat):
            return row
    return None


def by_place_in_album(conn: sa.Connection, chat_id: str, message_id: str) -> OutboxRow | None:
    """The album of which this message is a later picture: Telegram numbers those of an album one after the other."""
    if not message_id.isdigit():
        return None
    behind = {f"{chat_id}:{int(message_id) - number}": number for number in range(1, MOST_IN_ALBUM)}
    wanted = sa.select(outbox).where(outbox.c.sent_id.in_(sorted(behind))).order_by(outbox.c.id.desc())
    for found in conn.execute(wanted):
        row = outbox_row(found)
        if row.outgoing is not None and len(row.outgoing.photos) > behind[row.sent_id or ""]:
            return row
    return None


def _marks(text: str, *, is_repeat: bool) -> set[str]:
    """The marks of the copies that may stand in a chat: a repeat has a line above what it repeats."""
    copies = {text, text.partition("\n\n")[2]} if is_repeat else {text}
    return {words_mark(shown_on_telegram(copy)) for copy in copies if copy}
