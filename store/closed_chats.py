"""Desks whose chat takes nothing from us: the bot was removed, has no right to write, or the topic is closed.

Owns marking them lost and found, with the alarm that says which desk it is and what to do, and waking what waits for
them. Each in the caller's transaction. It must not know how a platform says so.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

import sqlalchemy as sa

from store.alarms import clear_alarm, raise_alarm
from store.dialects import is_one_of
from store.directory import bind_desk, current_chat_id, move_chat
from store.readiness import OPEN, UNSENT
from store.tables import desks, outbox

REMOVED: Final = "desk_removed"
NO_RIGHTS: Final = "desk_no_rights"
TOPIC_CLOSED: Final = "desk_topic_closed"
CHAT_GONE: Final = "desk_chat_gone"
_TO_DO: Final = {
    REMOVED: "the bot was removed from its group; add it again",
    NO_RIGHTS: "the bot may not write in its group; give it the right to send messages",
    TOPIC_CLOSED: "its topic is closed; open the topic again",
    CHAT_GONE: "its group is gone; make a new one and bind it with /bind or `smgt desks bind`",
}
ALARMS: Final = tuple(_TO_DO)
"""The alarms about a desk; the subject of each is the desk's code."""


def close_chat(conn: sa.Connection, alarm: str, chat_id: str, topic_id: str | None, now: datetime) -> list[str]:
    """Mark the desks of this chat lost, only those of the topic where the topic is at fault; returns their codes."""
    here = [desks.c.chat_id == current_chat_id(conn, chat_id)]
    if alarm == TOPIC_CLOSED:
        here.append(desks.c.topic_id.is_not_distinct_from(topic_id))
    found = conn.execute(sa.select(desks.c.code, desks.c.title).where(*here).order_by(desks.c.code)).all()
    conn.execute(sa.update(desks).where(*here, desks.c.lost_at.is_(None)).values(lost_at=now))
    for desk in found:
        for other in ALARMS:
            if other != alarm:
                clear_alarm(conn, other, desk.code, now)
        waits = "What is for it waits and goes by itself then; what is new goes to the next officer or the CMO desk."
        raise_alarm(conn, alarm, desk.code, f"Desk {desk.title} ({desk.code}): {_TO_DO[alarm]}. {waits}", now)
    return [desk.code for desk in found]


def open_chat(conn: sa.Connection, chat_id: str, topic_id: str | None, now: datetime) -> int:
    """Messages go there again: its desks are found, and what waits for the chat is due. Returns how much waited.

    `topic_id`: only that a message went to this topic is known; other closed topics of the chat stay lost.
    """
    here = desks.c.chat_id == current_chat_id(conn, chat_id)
    for desk in conn.execute(sa.select(desks.c.code, desks.c.topic_id).where(here)).all():
        cleared = [
            clear_alarm(conn, alarm, desk.code, now)
            for alarm in ALARMS
            if alarm != TOPIC_CLOSED or desk.topic_id == topic_id
        ]
        if any(cleared) or desk.topic_id is None or desk.topic_id == topic_id:
            conn.execute(sa.update(desks).where(desks.c.code == desk.code).values(lost_at=None))
    waiting = outbox.update().where(
        is_one_of(outbox.c.state, *OPEN),
        outbox.c.state.in_(UNSENT),
        outbox.c.next_attempt_at > now,
        sa.or_(outbox.c.destination == chat_id, outbox.c.destination.startswith(f"{chat_id}:", autoescape=True)),
    )
    return conn.execute(waiting.values(next_attempt_at=now)).rowcount


def bind_anew(conn: sa.Connection, desk_code: str, chat_id: str, topic_id: str | None, now: datetime) -> int:
    """Bind a desk to a chat. Where its old group was lost, what waits for that goes to the new one; returns how much.

    A topic of a forum shares its chat with others, so that nothing can be moved from there. Raises DirectoryRefused.
    """
    old = conn.execute(sa.select(desks).where(desks.c.code == desk_code)).one_or_none()
    bind_desk(conn, desk_code, chat_id, topic_id)
    shares = sa.select(desks.c.code).where(desks.c.chat_id == (old.chat_id if old else None))
    if (
        old is None
        or old.lost_at is None
        or old.chat_id in (None, chat_id)
        or old.topic_id is not None
        or topic_id is not None
        or conn.execute(shares).first() is not None
    ):
        open_chat(conn, chat_id, topic_id, now)
        return 0
    moved = move_chat(conn, old.chat_id, chat_id)
    open_chat(conn, chat_id, topic_id, now)
    return moved
