"""Who comes first when more people wait for an answer than one round can give.

The newest come first and every fourth is the oldest: who has just written is answered at once although an outage left
thousands waiting, and nobody waits for ever. What is urgent comes before all of it. Officers' chats read in order, and
Telegram takes a thousand times what X does, so there the oldest always come first. Owns no table.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any, Final

import sqlalchemy as sa

from store.tables import channels
from store.vocabulary import Platform

OLDEST_EACH: Final = 4


def speaks_to_citizens(conn: sa.Connection, channel_id: int) -> bool:
    """Whether a channel answers citizens, in public and within narrow limits."""
    platform = conn.execute(sa.select(channels.c.platform).where(channels.c.id == channel_id)).scalar_one()
    return Platform(platform) is not Platform.TELEGRAM


def mixed(newest: Sequence[sa.Row[Any]], oldest: Sequence[sa.Row[Any]], limit: int) -> list[sa.Row[Any]]:
    """Up to `limit` outbox rows of both, each once, urgent ones first; among equals every fourth is the oldest."""
    chosen: dict[int, sa.Row[Any]] = {}
    for urgent in (True, False):
        new = deque(row for row in newest if row.urgent == urgent)
        old = deque(row for row in oldest if row.urgent == urgent)
        while new or old:
            turn = old if old and (not new or len(chosen) % OLDEST_EACH == OLDEST_EACH - 1) else new
            row = turn.popleft()
            chosen.setdefault(row.id, row)
    return list(chosen.values())[:limit]
