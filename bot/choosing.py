"""Which of the rows that are due one lane may send now: within the channel's budget and the pace of each chat.

Owns the choice; bot/budget.py and bot/pace.py own the rules, the store the order. On Telegram it also has quiet news
gathered where more waits than a chat takes. It must not send anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final, Protocol

import sqlalchemy as sa

from bot.budget import Budget, Purse
from bot.pace import Pace, PacePolicy
from handlers.reach import Reach
from store import outbox, pacing
from store.channels import Channel
from store.outbox import OutboxRow
from store.spending import urgent_due, urgent_next_due
from store.vocabulary import OutgoingAct, Platform

LATELY: Final = timedelta(seconds=90)
LOOK_FOR_CROWDS: Final = timedelta(seconds=5)  # a look reads all that waits in a full chat; a list is made in minutes


class Gather(Protocol):
    """Tells quiet news of crowded chats together; returns how many lists it made."""

    def __call__(
        self, conn: sa.Connection, channel_id: int, now: datetime, reach: Reach, *, look_for_crowds: bool = True
    ) -> int: ...


class Choosing:
    """What one lane may send. Only its holder asks, so that what is noted here is all that was sent."""

    def __init__(self, channel: Channel, budget: Budget, pace: PacePolicy, reach: Reach, gather: Gather) -> None:
        self._channel = channel
        self._purse = Purse(channel, budget, "posts")
        self._reach = reach
        self._gather = gather if channel.platform is Platform.TELEGRAM else None
        self._pace = Pace(pace) if channel.platform is Platform.TELEGRAM else None
        self._looked_at: datetime | None = None  # when crowds were last looked for

    def begin(self, conn: sa.Connection, now: datetime) -> None:
        """The lane has been taken: remember what an earlier owner sent."""
        if self._pace is not None:
            self._pace.remember(pacing.sent_lately(conn, self._channel.id, now - LATELY))

    def rows(self, conn: sa.Connection, now: datetime, limit: int) -> list[OutboxRow]:
        """What may go now, up to `limit` rows, the first first."""
        if self._pace is None or self._gather is None:
            return self._within_budget(conn, outbox.due(conn, self._channel.id, now, limit), now, limit)
        self._gather(conn, self._channel.id, now, self._reach, look_for_crowds=self._is_time_to_look(now))
        rests = self._pace.rests(now)
        asleep = {"resting": rests.everything, "quiet_resting": rests.quiet}
        return self.still(outbox.due(conn, self._channel.id, now, limit, **asleep), now)  # a chat may have moved since

    def _is_time_to_look(self, now: datetime) -> bool:
        last = self._looked_at
        if last is not None and timedelta(0) <= now - last < LOOK_FOR_CROWDS:
            return False
        self._looked_at = now
        return True

    def still(self, rows: Sequence[OutboxRow], now: datetime) -> list[OutboxRow]:
        """Those of rows chosen a moment ago whose chats have not come to rest since."""
        if self._pace is None or not rows:
            return list(rows)
        rests = self._pace.rests(now)
        return [row for row in rows if not _speaks(row) or self._takes(row, rests.everything, rests.quiet)]

    @staticmethod
    def _takes(row: OutboxRow, resting: Iterable[str], quiet_resting: Iterable[str]) -> bool:
        return row.thread not in resting and (row.urgent or row.thread not in quiet_resting)

    def begun(self, row: OutboxRow, now: datetime) -> None:
        """The request for a row begins."""
        if self._pace is not None and _speaks(row):
            for _ in range(max(1, len(row.outgoing.photos) if row.outgoing else 1)):  # each photo of an album counts
                self._pace.note(row.thread, now)

    def slowed(self, row: OutboxRow, until: datetime) -> None:
        """The platform asked to slow down: its chat rests."""
        if self._pace is not None:
            self._pace.slow_down(row.thread, until)

    def due_at(self, conn: sa.Connection, first: datetime, now: datetime) -> datetime:
        """When something may go, if the first row is due at `first`."""
        if self._pace is not None:
            rests = self._pace.rests(now)
            if not rests:
                return first
            awake = pacing.next_awake(conn, self._channel.id, rests.everything, rests.quiet)
            return min(at for at in (awake, max(first, rests.until or first)) if at is not None)
        spent_until = self._purse.spent_until
        if spent_until is not None and now < spent_until:
            urgent = urgent_next_due(conn, self._channel.id) if self._purse.urgent else None
            return min(urgent or spent_until, max(first, spent_until))
        return first

    def _within_budget(self, conn: sa.Connection, rows: list[OutboxRow], now: datetime, limit: int) -> list[OutboxRow]:
        """Those that may be spent on; once only the reserve is left, urgent ones alone."""
        purse = self._purse
        if purse.is_stale(now) or (rows and purse.has_limits and purse.spent_until is None):
            purse.count(conn, now)
        if not purse.has_limits:
            return rows
        if purse.spent_until is None:
            return rows[: purse.ordinary]
        urgent = urgent_due(conn, self._channel.id, now, limit)
        if urgent:
            purse.count(conn, now)
        return urgent[: purse.urgent]


def _speaks(row: OutboxRow) -> bool:
    """Whether it counts as a message of its chat; the answer to a press does not."""
    return row.outgoing is None or row.outgoing.act is not OutgoingAct.ANSWER_PRESS
