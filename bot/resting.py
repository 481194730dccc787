"""Waiting in a loop that can be woken or told to stop.

Owns one wait; it knows nothing of why anybody waits.
"""

from __future__ import annotations

import asyncio


async def rest(seconds: float, stop: asyncio.Event, wake: asyncio.Event | None = None) -> None:
    """Wait until `stop` or `wake` is set or the machine's seconds are over; `wake` is unset again."""
    waits = {asyncio.ensure_future(event.wait()) for event in (stop, wake) if event is not None}
    try:
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
    if wake is not None:
        wake.clear()
