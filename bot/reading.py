"""Reading one account on its own timer, in the one process that holds the channel's reading lane.

Owns when an account is read and by whom; what is read and kept stands in bot/intake.py. Two readers would cost reads
twice, and Telegram lets only one ask for updates.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Final

import sqlalchemy as sa

from bot.app import Account
from bot.resting import rest
from bot.settings import Settings
from bot.waking import Wakes
from store import lanes
from store.vocabulary import Platform

logger = logging.getLogger(__name__)

MAKING_UP_SECONDS: Final = 1.0
STANDBY_SECONDS: Final = 2.0  # between two tries to become the reader


class Reader:
    """The reader of one account; others of the same channel stand by until it is gone."""

    def __init__(self, engine: sa.Engine, account: Account, poll_seconds: float, wakes: Wakes) -> None:
        self._engine = engine
        self._account = account
        self._poll_seconds = poll_seconds
        self._wakes = wakes
        self._lane: lanes.Lock | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Read until `stop`. Faults of the database are raised; the lane is given back however it ends."""
        intake = self._account.intake
        try:
            while not stop.is_set():
                if not await asyncio.to_thread(self._hold_lane):
                    await rest(STANDBY_SECONDS, stop)
                    continue
                if await asyncio.to_thread(self._account.making_up.is_due):
                    await self._make_up(stop)
                    continue
                if await intake.read_once():
                    self._wakes.desk.set()
                await rest(max(self._poll_seconds, intake.next_read_in()), stop)
        finally:
            lane, self._lane = self._lane, None
            if lane is not None:
                await asyncio.to_thread(lane.release)

    async def _make_up(self, stop: asyncio.Event) -> None:
        """After a restore nothing is decided or sent on a channel before it is known what it said since the backup."""
        if await self._account.making_up.once():
            self._wakes.desk.set()
            self._wakes.wake_senders()
            return
        await rest(max(MAKING_UP_SECONDS, self._account.intake.next_read_in()), stop)

    def _hold_lane(self) -> bool:
        """Looked at before every read: a lane lost meanwhile may be another's by now."""
        channel = self._account.channel
        if self._lane is not None and not self._lane.still_mine():
            logger.warning(
                "%s: the reading lane was lost; standing by",
                channel.name,
                extra={"action": "reading.lane_lost", "channel": channel.name},
            )
            self._lane = None
        if self._lane is None:
            self._lane = lanes.take_reading(self._engine, channel.id, channel.name)
        return self._lane is not None


def poll_seconds(settings: Settings, platform: Platform) -> int:
    """Seconds between two reads of a platform."""
    match platform:
        case Platform.X:
            return settings.x_poll_seconds
        case Platform.FACEBOOK:
            return settings.facebook_poll_seconds
        case Platform.TELEGRAM:
            return settings.telegram_poll_seconds
