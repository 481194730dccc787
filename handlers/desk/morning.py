"""The morning list: each desk reads once on a working day what waits there, before its work begins.

Owns when a list goes and that it goes once; what it shows is in lists.py. A desk with nothing waiting reads nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Set
from datetime import UTC, date, datetime, timedelta
from typing import Final

import sqlalchemy as sa

from handlers.desk.buttons import Buttons
from handlers.desk.lists import Scope, Wanted, page_of, waiting_rows
from handlers.desk.papers import Papers
from handlers.policy import Policy
from handlers.render import render
from handlers.time_limits import CLOSES, OFFICE_ZONE, OPENS, is_office_day
from store import channels, editions
from store.outbound import Outgoing
from store.outbox import NewRow
from store.people import Desk, Directory
from store.vocabulary import OutgoingAct, Role

EDITION: Final = "desk_morning"
AT: Final = OPENS  # on the office's wall


def next_morning_at(now: datetime, holidays: Set[date]) -> datetime:
    """The next moment, strictly after `now`, at which lists go."""
    at = datetime.combine(now.astimezone(OFFICE_ZONE).date(), AT, OFFICE_ZONE)
    while at <= now or not is_office_day(at.date(), holidays):
        at += timedelta(days=1)
    return at.astimezone(UTC)


def queue_morning_lists(conn: sa.Connection, now: datetime, directory: Directory, policy: Policy) -> int:
    """Queue today's lists in the caller's writing transaction; returns how many messages.

    Nothing goes before the offices open or after they close: a list that an outage ate is not made up for at night.
    """
    local = now.astimezone(OFFICE_ZONE)
    open_now = is_office_day(local.date(), policy.holidays) and AT <= local.time() <= CLOSES
    channel = channels.telegram(conn)
    if not open_now or channel is None:
        return 0
    buttons, messages = Buttons(now), []
    for desk in _desks(directory):
        if not editions.claim(conn, EDITION, local.date().isoformat(), desk.code[:64], now):
            continue  # a desk with nothing to read is not asked about again that day
        row = _list(conn, channel.id, desk, directory, local.date(), now, buttons)
        if row is not None:
            messages.append(row)
    Papers(conn, policy.reach, now).keep(messages, buttons.new)
    return len(messages)


def _desks(directory: Directory) -> Iterator[Desk]:
    yield from (desk for _, desk in sorted(directory.desks.items()) if desk.reachable)


def _list(
    conn: sa.Connection,
    channel_id: int,
    desk: Desk,
    directory: Directory,
    day: date,
    now: datetime,
    buttons: Buttons,
) -> NewRow | None:
    posts = [post for post in directory.posts.values() if post.desk == desk.code]
    scope = Scope(frozenset(post.code for post in posts), unplaced=any(post.role is Role.CMO_DESK for post in posts))
    wanted = Wanted("pending")
    facts, presses = page_of(wanted, waiting_rows(conn, scope, wanted, now), now, in_group=True)
    if not facts.total and not facts.hidden_count:
        return None
    step_id, chat_id = _step(day, desk), desk.chat_id or ""
    return NewRow(
        channel_id=channel_id,
        step_id=step_id,
        recipient=chat_id,
        destination=f"{chat_id}:morning",
        template="ticket_list",
        outgoing=Outgoing(
            act=OutgoingAct.MESSAGE,
            text=render(desk.language, "officer", "ticket_list", facts),
            thread_id=chat_id,
            topic_id=desk.topic_id,
            buttons=buttons.listed(step_id, presses, desk.language),
        ),
    )


def _step(day: date, desk: Desk) -> str:
    """Short enough to be what the buttons of the list know it by."""
    return f"morning:{day.isoformat()}:{hashlib.sha256(desk.code.encode()).hexdigest()[:8]}"
