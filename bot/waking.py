"""Waking the parts of one process: there is something to decide, or something to send.

Owns the events, and hearing of what other processes committed. A wake that gets lost costs a tick: whoever is woken looks
for itself, and looks anyway now and then.
"""

from __future__ import annotations

import asyncio
from typing import Final

import sqlalchemy as sa

from bot.resting import rest
from store.notify import Listener

LISTEN_SECONDS: Final = 60.0  # nothing depends on it: the socket wakes


class Wakes:
    """One event for the deciding and one for each channel's sender."""

    def __init__(self) -> None:
        self.desk = asyncio.Event()
        self._senders: dict[int, asyncio.Event] = {}

    def sender(self, channel_id: int) -> asyncio.Event:
        """The event of a channel's sender."""
        return self._senders.setdefault(channel_id, asyncio.Event())

    def wake_senders(self) -> None:
        """There may be something to send on any channel."""
        for event in self._senders.values():
            event.set()

    async def listen(self, engine: sa.Engine, stop: asyncio.Event) -> None:
        """Wake whom other processes' commits concern, until `stop`. Raises when the connection to PostgreSQL ends."""
        loop, readable = asyncio.get_running_loop(), asyncio.Event()
        listener = await asyncio.to_thread(Listener, engine)
        socket = listener.fileno()
        loop.add_reader(socket, readable.set)
        self.desk.set()  # what was committed while nobody listened
        self.wake_senders()
        try:
            while not stop.is_set():
                await rest(LISTEN_SECONDS, stop, readable)
                self._wake(*listener.told())
        finally:
            loop.remove_reader(socket)
            await asyncio.to_thread(listener.close)

    def _wake(self, heard: bool, channel_ids: frozenset[int]) -> None:
        if heard:
            self.desk.set()
        for channel_id in channel_ids & self._senders.keys():
            self._senders[channel_id].set()
