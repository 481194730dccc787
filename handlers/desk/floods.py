"""Floods: an account that posts more than a person can have to say is set aside beyond a limit, and counted.

Owns the rule and its one alarm for each account. Nothing is dropped: a person lets the rows go again. Cries for help
and the wish to hear no more from us are decided whatever the number; officers, our own account and deletes never
flood.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa

from handlers.desk.snapshot import Snapshot
from handlers.understanding import read_answer
from handlers.understanding.meaning import Asked
from store import inbox, inbox_looking, inbox_reviewing
from store.alarms import clear_alarm, open_alarms, restate_alarm
from store.inbound import Inbound
from store.inbox import InboxRow
from store.inbox_reviewing import Flood
from store.vocabulary import InboundVerb, Kind

ALARM: Final = "flood"
WINDOW: Final = timedelta(hours=1)
HIDDEN_AUTHORS: Final = 5  # times the limit for a thread whose authors the platform hides: they may be many people


def set_aside(conn: sa.Connection, snapshot: Snapshot, rows: Sequence[InboxRow], now: datetime) -> list[InboxRow]:
    """Park what goes beyond the limit, tell of it, and return the rows that are to be decided."""
    beyond = _beyond(conn, snapshot, rows)
    if not beyond:
        return list(rows)
    limit = snapshot.ground.policy.flood_per_hour
    for row in beyond.values():
        inbox.park(conn, row.id, f"more than {limit} posts of {row.actor_key} within an hour", now, inbox.FLOOD)
    for actor in {row.actor_key for row in beyond.values()}:
        restate_alarm(conn, ALARM, actor, _sentence(actor, inbox_looking.count_flood(conn, actor), limit), now)
    return [row for row in rows if row.id not in beyond]


def settle(conn: sa.Connection, now: datetime) -> None:
    """Clear the alarms of floods of which nothing is set aside any more."""
    for alarm in open_alarms(conn):
        if alarm.code == ALARM and inbox_looking.count_flood(conn, alarm.subject) == 0:
            clear_alarm(conn, ALARM, alarm.subject, now)


def standing(conn: sa.Connection) -> list[Flood]:
    """The floods of which something is set aside, the largest first."""
    actors = sorted({alarm.subject for alarm in open_alarms(conn) if alarm.code == ALARM})
    found = (inbox_reviewing.flood_of(conn, actor) for actor in actors)
    return sorted((one for one in found if one is not None), key=lambda one: -one.posts)


def _sentence(actor: str, parked: int, limit: int) -> str:
    return (
        f"{actor} posts more than {limit} times an hour: {parked} of its posts are parked. Look at them on the platform; "
        "/flood in Telegram shows the newest; `smgt inbox list` names them, `smgt inbox retry` lets one be decided."
    )


def _beyond(conn: sa.Connection, snapshot: Snapshot, rows: Sequence[InboxRow]) -> dict[int, InboxRow]:
    may_flood = [row for row in rows if _may_flood(row)]
    if not may_flood:
        return {}
    since = min(row.occurred_at for row in may_flood) - WINDOW
    heard = inbox_looking.heard_of(conn, {row.actor_key for row in may_flood}, since)
    beyond: dict[int, InboxRow] = {}
    for row in may_flood:
        window = (row.occurred_at - WINDOW, row.occurred_at)
        before = sum(
            1
            for row_id, at in heard.get(row.actor_key, ())
            if row_id < row.id and row_id not in beyond and window[0] < at <= window[1]
        )
        if before >= _limit(snapshot, row) and not _is_pressing(snapshot, row):
            beyond[row.id] = row
    return beyond


def _may_flood(row: InboxRow) -> bool:
    """A row that was tried before is here by a person's wish."""
    post = row.heard
    return isinstance(post, Inbound) and not post.by_us and post.verb is not InboundVerb.DELETED and row.attempts == 0


def _limit(snapshot: Snapshot, row: InboxRow) -> int:
    limit = snapshot.ground.policy.flood_per_hour
    hidden = isinstance(row.heard, Inbound) and row.heard.author is None
    return limit * HIDDEN_AUTHORS if hidden else limit


def _is_pressing(snapshot: Snapshot, row: InboxRow) -> bool:
    understood = snapshot.understood.get(row.id)
    if understood is not None and (understood.kind is Kind.EMERGENCY or understood.self_harm):
        return True
    text = row.heard.text if isinstance(row.heard, Inbound) else ""
    return read_answer(text, asked=Asked.NOTHING).wants.stop
