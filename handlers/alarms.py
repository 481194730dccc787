"""Alarms to people: each open alarm is told once to the CMO desk, where somebody reads it.

Owns which words an alarm gets and its outbox row. It must not know a platform, nor why the alarm was raised.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

import sqlalchemy as sa

from handlers.desk import floods
from handlers.desk.addresses import address_of_desk
from handlers.desk.news import news
from handlers.facts import Facts
from handlers.gate import queue
from handlers.reach import Reach
from handlers.reconciling.days import NOT_ADDING_UP, rows_named
from store import channels, closed_chats, outbox
from store.alarms import Alarm, open_alarms
from store.channels import CHANNEL_STOPPED
from store.people import Desk, Directory

_TEMPLATES: Final = {
    CHANNEL_STOPPED: ("channel_alarm", "token_revoked"),
    "platform_down": ("channel_alarm", "platform_down"),
    "budget_low": ("channel_alarm", "budget_low"),
    "budget_spent": ("channel_alarm", "budget_spent"),
    "message_refused": ("parked_alarm", ""),
    "message_given_up": ("parked_alarm", ""),
    "message_unknown": ("parked_alarm", "unknown_outcome"),
    "sent_twice": ("parked_alarm", "unknown_outcome"),
    NOT_ADDING_UP: ("day_alarm", ""),
    floods.ALARM: ("flood_alarm", ""),
    closed_chats.REMOVED: ("desk_alarm", closed_chats.REMOVED),
    closed_chats.NO_RIGHTS: ("desk_alarm", closed_chats.NO_RIGHTS),
    closed_chats.TOPIC_CLOSED: ("desk_alarm", closed_chats.TOPIC_CLOSED),
    closed_chats.CHAT_GONE: ("desk_alarm", closed_chats.CHAT_GONE),
}
"""Alarm -> the officers' template and its `why`. Others concern the directory itself: `smgt check` shows them."""


def queue_alarms(conn: sa.Connection, now: datetime, directory: Directory, reach: Reach) -> int:
    """Queue what the CMO desk was not told yet, in the caller's writing transaction; returns how many messages.

    While there is no desk to tell, or no Telegram channel, alarms wait; they are never told twice to one chat.
    """
    floods.settle(conn, now)
    waiting = [alarm for alarm in open_alarms(conn) if alarm.code in _TEMPLATES]
    desk = directory.cmo_desk()
    channel = channels.telegram(conn)
    if not waiting or desk is None or not desk.reachable or channel is None:
        return 0
    return len(queue(conn, reach, [_message(channel.id, desk, alarm, directory) for alarm in waiting], now))


def _named(alarm: Alarm) -> tuple[tuple[str, str], ...]:
    """What the alarm is about, as codes and ids."""
    if alarm.code == NOT_ADDING_UP:
        return (("day", alarm.subject), ("rows", rows_named(alarm.sentence)))
    label = {"channel_alarm": "channel", "flood_alarm": "account"}.get(_TEMPLATES[alarm.code][0], "alarm")
    return ((label, alarm.subject),)


def _message(channel_id: int, desk: Desk, alarm: Alarm, directory: Directory) -> outbox.NewRow:
    template, why = _TEMPLATES[alarm.code]
    about = directory.desks.get(alarm.subject) if template == "desk_alarm" else None
    facts = Facts(why=why or None, mapping=_named(alarm), post=about.title if about else alarm.subject)
    step_id = f"alarm:{alarm.id}"
    return news(channel_id, address_of_desk(desk), template, facts, step_id=step_id, lane="alarms", urgent=True)
