"""The requests of one lane that are under way at the same time: one for each chat, so that a slow chat holds up no other.

Owns their tasks. It must not know the database, a platform, or what an outcome means.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from types import TracebackType
from typing import Any

from bot.platforms.port import PlatformError
from store.outbox import OutboxRow

Outcome = str | PlatformError
"""The platform's id of the message ("" where it has none), or what went wrong."""


class UnderWay:
    """At most `at_once` requests; leaving the block ends those that are left, whose rows stay as they are."""

    def __init__(self, at_once: int) -> None:
        self._at_once = at_once
        self._tasks: dict[asyncio.Task[Outcome], OutboxRow] = {}

    async def __aenter__(self) -> UnderWay:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def __bool__(self) -> bool:
        return bool(self._tasks)

    @property
    def has_room(self) -> bool:
        """Whether one more may begin."""
        return len(self._tasks) < self._at_once

    @property
    def threads(self) -> set[str]:
        """The chats that something goes to."""
        return {row.thread for row in self._tasks.values()}

    def pick(self, rows: Sequence[OutboxRow]) -> list[OutboxRow]:
        """Of these, in their order, those that can begin now: there is room, and nothing goes to their chat."""
        busy = self.threads
        picked: list[OutboxRow] = []
        for row in rows:
            if len(self._tasks) + len(picked) >= self._at_once:
                break
            if row.thread not in busy:
                busy.add(row.thread)
                picked.append(row)
        return picked

    def begin(self, row: OutboxRow, request: Coroutine[Any, Any, Outcome]) -> None:
        """Let the request for a row begin."""
        self._tasks[asyncio.create_task(request)] = row

    async def ended(self, within: float | None = None) -> list[tuple[OutboxRow, Outcome]]:
        """What became of those that have ended, once one has or the seconds are over. Raises what a request raised."""
        done, _ = await asyncio.wait(self._tasks, timeout=within, return_when=asyncio.FIRST_COMPLETED)
        rows = {task: self._tasks.pop(task) for task in list(self._tasks) if task in done}
        return [(row, task.result()) for task, row in rows.items()]
