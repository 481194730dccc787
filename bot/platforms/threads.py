"""The threads in which one account's blocking calls run.

A platform that answers slowly, byte by byte or never fills the threads of its own account and nobody else's: the
program's common threads, in which the database is asked, stay free. Owns no deadline: a call that was given up goes on
in its thread until its own timeout ends it. It must not know what is called.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class Threads:
    """At most `most` threads; made when first used, and again when used after `close`."""

    def __init__(self, name: str, most: int = 2) -> None:
        self._name = name
        self._most = most
        self._pool: ThreadPoolExecutor | None = None

    async def run(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What the call returns; it sees the context variables of whoever asks."""
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self._most, self._name)
        seen = contextvars.copy_context()
        asked = partial(seen.run, call, *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(self._pool, asked)

    async def steps(self, blocking: Iterator[T]) -> AsyncIterator[T]:
        """The items of an iterator that blocks, each awaited."""
        ended = object()
        while True:
            item = await self.run(next, blocking, ended)
            if item is ended:
                return
            yield item  # type: ignore[misc]  # what is not `ended` came from the iterator

    def close(self) -> None:
        """Start nothing more; what runs ends by itself."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None
