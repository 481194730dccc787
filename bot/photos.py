"""Photos of officers' reports: fetched from Telegram once, kept in the store, given to the platform that carries them.

Owns fetching and handing over the bytes; it must not know tickets' words.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime

import sqlalchemy as sa

from bot.platforms.port import NotSent, PlatformError, Port, Refused
from store.db import reading, writing
from store.tables import media

FETCHES_AT_ONCE = 20
FETCH_SECONDS = 30.0


def photo_loader(engine: sa.Engine) -> Callable[[int], bytes]:
    """What adapters call for the bytes of a stored photo. Raises NotSent while it is not fetched yet."""

    def load(media_id: int) -> bytes:
        with reading(engine) as conn:
            content = conn.execute(sa.select(media.c.content).where(media.c.id == media_id)).scalar()
        if content is None:
            raise NotSent("photo:not_here", "The officer's photo is not fetched yet.", retry_after=30)
        return bytes(content)

    return load


async def fetch_due(engine: sa.Engine, ports: Mapping[int, Port], now: datetime) -> int:
    """Fetch photos that are not here yet; one that can never be had is noted with its cause. Returns how many came."""
    waiting = await asyncio.to_thread(_waiting, engine)
    fetched = 0
    for media_id, channel_id, ref in waiting:
        port = ports.get(channel_id)
        if port is None:
            continue
        try:
            content = await asyncio.wait_for(port.fetch(ref), FETCH_SECONDS)
        except Refused as error:
            await asyncio.to_thread(_note, engine, media_id, None, str(error)[:250], now)
            continue
        except (PlatformError, TimeoutError):
            continue  # asked again at the next round
        await asyncio.to_thread(_note, engine, media_id, content, None, now)
        fetched += 1
    return fetched


def _waiting(engine: sa.Engine) -> list[tuple[int, int, str]]:
    query = sa.select(media.c.id, media.c.channel_id, media.c.ref).where(
        media.c.source == "officer", media.c.content.is_(None), media.c.error.is_(None)
    )
    with reading(engine) as conn:
        return [(row.id, row.channel_id, row.ref) for row in conn.execute(query.limit(FETCHES_AT_ONCE))]


def _note(engine: sa.Engine, media_id: int, content: bytes | None, error: str | None, now: datetime) -> None:
    with writing(engine) as conn:
        row = media.update().where(media.c.id == media_id)
        conn.execute(row.values(content=content, error=error, fetched_at=now))
