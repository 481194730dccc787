"""The desks whose clocks stand are told when that begins and when it ends, once each.

Owns who is told and the outbox rows. It must not know a platform, nor who ordered it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final

import sqlalchemy as sa

from handlers.desk.addresses import address_of_desk
from handlers.desk.news import news
from handlers.facts import Facts
from handlers.gate import queue
from handlers.reach import Reach
from store import channels, standstills
from store.outbox import NewRow
from store.people import WHOLE_STATE, Desk, Directory, Standstill

BEGAN: Final = "standstill_began"
ENDED: Final = "standstill_ended"


def queue_standstills(conn: sa.Connection, now: datetime, directory: Directory, reach: Reach) -> int:
    """Queue what desks were not told yet, in the caller's writing transaction; returns how many messages.

    Without a Telegram channel it waits. What began and ended unheard is told by its end alone.
    """
    news = standstills.untold(conn, now)
    channel = channels.telegram(conn)
    if not news or channel is None:
        return 0
    rows = [
        _message(channel.id, desk, one.standstill, ENDED if one.is_over else BEGAN)
        for one in news
        for desk in desks_of(one.standstill, directory)
    ]
    for one in news:
        standstills.mark_told(conn, one.standstill.id, now, end_too=one.is_over)
    return len(queue(conn, reach, rows, now))


def desks_of(standstill: Standstill, directory: Directory) -> list[Desk]:
    """The desks where somebody reads whose clocks stand, and the CMO desk; those that can be reached."""
    codes = dict.fromkeys(_concerned(standstill, directory))
    chief = directory.cmo_desk()
    desks = [directory.desks[code] for code in codes if code in directory.desks]
    found = {desk.code: desk for desk in (*([chief] if chief else []), *desks)}
    return [desk for desk in found.values() if desk.reachable]


def _concerned(standstill: Standstill, directory: Directory) -> Iterator[str]:
    for post in directory.posts.values():
        theirs = standstill.department in (None, post.department) and post.department is not None
        here = WHOLE_STATE in (standstill.district, *post.districts) or standstill.district in post.districts
        if theirs and here and post.desk is not None:
            yield post.desk


def _message(channel_id: int, desk: Desk, standstill: Standstill, template: str) -> NewRow:
    facts = Facts(
        district=None if standstill.district == WHOLE_STATE else standstill.district,
        department=standstill.department,
        standstill_until=standstill.until_at,
        question=standstill.reason,
    )
    step_id = f"{template}:{standstill.id}:{desk.code}"
    return news(channel_id, address_of_desk(desk), template, facts, step_id=step_id, lane="standstills", urgent=True)
