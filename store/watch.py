"""Which threads are read even when nobody mentions us: those in which a ticket is open or an answer is awaited.

Owns that one query. It must not know how a platform reads a thread.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa

from store.tables import conversations, tickets, transcript
from store.vocabulary import Awaiting, Platform

LONGEST_WATCH: Final = timedelta(days=60)  # a thread silent for longer is heard again by its next mention


@dataclass(frozen=True, slots=True)
class WatchedThread:
    """A thread, when its citizen was last heard, and the ids of citizens' posts not withdrawn in it."""

    thread_id: str
    last_heard_at: datetime
    message_ids: tuple[str, ...] = ()


def watched_threads(conn: sa.Connection, channel_id: int, now: datetime) -> tuple[WatchedThread, ...]:
    """The threads to watch on a channel, the most lately heard first."""
    heard_at: dict[str, datetime] = {}
    thread_of: dict[int, str] = {}
    for row in conn.execute(_open_or_awaiting(channel_id, now - LONGEST_WATCH)):
        thread_of[row.id] = row.thread_id
        heard_at[row.thread_id] = max(row.last_heard_at, heard_at.get(row.thread_id, row.last_heard_at))
    messages: defaultdict[str, list[str]] = defaultdict(list)
    if thread_of:
        for post in conn.execute(_citizens_posts(channel_id, now - LONGEST_WATCH)):
            if post.ticket_id in thread_of:
                messages[thread_of[post.ticket_id]].append(post.message_id)
    latest_first = sorted(heard_at, key=lambda thread: (heard_at[thread], thread), reverse=True)
    return tuple(
        WatchedThread(thread, heard_at[thread], tuple(dict.fromkeys(messages[thread]))) for thread in latest_first
    )


def _open_or_awaiting(channel_id: int, since: datetime) -> sa.Select[tuple[int, str, datetime]]:
    return (
        sa.select(tickets.c.id, tickets.c.thread_id, conversations.c.last_heard_at)
        .join(conversations, conversations.c.ticket_id == tickets.c.id)
        .where(_watched(channel_id, since))
    )


def _citizens_posts(channel_id: int, since: datetime) -> sa.Select[tuple[int, str]]:
    return (
        sa.select(transcript.c.ticket_id, transcript.c.message_id)
        .join(tickets, tickets.c.id == transcript.c.ticket_id)
        .join(conversations, conversations.c.ticket_id == tickets.c.id)
        .where(
            _watched(channel_id, since),
            transcript.c.speaker == "citizen",
            transcript.c.withdrawn_at.is_(None),
        )
        .order_by(transcript.c.id)
    )


def _watched(channel_id: int, since: datetime) -> sa.ColumnElement[bool]:
    return sa.and_(
        tickets.c.channel_id == channel_id,
        sa.or_(
            tickets.c.ended_at.is_(None),
            conversations.c.awaiting != Awaiting.NOTHING,
            tickets.c.platform == Platform.FACEBOOK,  # a late "not solved" there names nobody; on X it mentions us
        ),
        conversations.c.last_heard_at >= since,
    )
