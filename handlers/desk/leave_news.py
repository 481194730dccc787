"""Whoever stands in for an officer on leave is told so in the bot's private chat, once for each leave.

Owns who is told, when, and the outbox rows. Who sits in a chair is store/seating.py's.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa

from handlers.desk.addresses import Address, language_of_chat
from handlers.desk.news import news
from handlers.facts import Facts
from handlers.gate import queue
from handlers.reach import Reach
from store import channels
from store.leave import Away, leaves_from
from store.outbox import NewRow
from store.people import Directory
from store.tables import outbox

TEMPLATE: Final = "stands_in"
BEFORE: Final = timedelta(hours=24)  # a day to ask what must be known


def untold(conn: sa.Connection, now: datetime) -> list[Away]:
    """Leaves that have begun or begin within a day and whose substitute, being linked, was not told."""
    near = [one for one in leaves_from(conn, now) if one.leave.from_at <= now + BEFORE and _user(one) is not None]
    steps = {_step(one): one for one in near}
    if not steps:
        return []
    told = set(conn.scalars(sa.select(outbox.c.step_id).where(outbox.c.step_id.in_(sorted(steps)))))
    return [one for step, one in steps.items() if step not in told]


def queue_leave_news(conn: sa.Connection, now: datetime, directory: Directory, reach: Reach) -> int:
    """Queue these messages in the caller's writing transaction; returns how many."""
    channel = channels.telegram(conn)
    if channel is None:
        return 0
    rows = [_message(channel.id, one, directory) for one in untold(conn, now)]
    return len(queue(conn, reach, rows, now))


def _user(away: Away) -> str | None:
    return away.leave.substitute.telegram_user_id if away.leave.substitute is not None else None


def _step(away: Away) -> str:
    return f"{TEMPLATE}:{away.leave.id}"


def _message(channel_id: int, away: Away, directory: Directory) -> NewRow:
    chat = _user(away) or ""
    titles = "; ".join(directory.posts[code].title for code in away.posts if code in directory.posts)
    facts = Facts(post=titles or away.who, opened_at=away.leave.from_at, due_at=away.leave.to_at)
    to = Address(chat, None, language_of_chat(chat, directory), private=True)
    return news(channel_id, to, TEMPLATE, facts, step_id=_step(away), lane="leave")
