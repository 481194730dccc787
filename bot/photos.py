"""Pictures of citizens and officers: fetched once after intake, kept in the store, given to the platform that carries them.

Owns fetching, how often it is tried, and handing over the bytes. It must not know tickets' words, nor who may see what.
No database session is open while the network is asked.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa

from bot.pictures import Cleaned, NotAPicture, cleaned
from bot.platforms.port import CredentialsRefused, NotSent, PhotoGone, PlatformError, Port, Refused
from handlers.desk.examining import examined
from handlers.photo_doubts import Seen
from handlers.policy import Policy
from store import papers, pictures, tickets
from store.db import reading, writing
from store.pictures import Wanted
from store.vocabulary import Platform

logger = logging.getLogger(__name__)

FETCHES_IN_A_ROUND: Final = 20
FETCHES_AT_ONCE: Final = 4
FETCH_SECONDS: Final = 30.0
MOST_TRIES: Final = 6
FIRST_WAIT: Final = timedelta(seconds=30)  # then twice as long each time: half an hour in all
_Got = Cleaned | PlatformError | NotAPicture


def photo_loader(engine: sa.Engine) -> Callable[[int], bytes]:
    """What adapters call for the bytes of a stored photo. Raises NotSent while it is not here yet, PhotoGone if never."""

    def load(media_id: int) -> bytes:
        with reading(engine) as conn:
            content, may_come = pictures.content_of(conn, media_id)
        if content is not None:
            return content
        if may_come:
            raise NotSent("photo:not_here", "The photo is not fetched yet.", retry_after=30)
        raise PhotoGone("photo:gone", "The photo could not be had, or was deleted.")

    return load


def paper_loader(engine: sa.Engine) -> Callable[[int], bytes]:
    """What adapters call for the bytes of a file that we made. Raises PhotoGone once it was let go of."""

    def load(paper_id: int) -> bytes:
        with reading(engine) as conn:
            content = papers.content_of(conn, paper_id)
        if content is None:
            raise PhotoGone("paper:gone", "The file was let go of, or was never made.")
        return content

    return load


async def fetch_due(engine: sa.Engine, ports: Mapping[int, Port], now: datetime, policy: Policy) -> int:
    """Fetch pictures that are not here yet, a few at once; returns how many were settled.

    One that can never be had is noted with its cause, one that may still come is tried again later.
    """
    waiting = await asyncio.to_thread(_waiting, engine, ports, now)
    room = asyncio.Semaphore(FETCHES_AT_ONCE)

    async def settle(one: Wanted) -> bool:
        async with room:
            got = await _got(ports[one.channel_id], one)
        return await asyncio.to_thread(_note, engine, one, got, now, policy)

    return sum(await asyncio.gather(*(settle(one) for one in waiting)))


def _waiting(engine: sa.Engine, ports: Mapping[int, Port], now: datetime) -> list[Wanted]:
    with reading(engine) as conn:
        return pictures.wanted(conn, set(ports), now, FETCHES_IN_A_ROUND)


async def _got(port: Port, one: Wanted) -> _Got:
    """The picture, or why it is not here. An address that is no longer good may have a ref that is."""
    error: _Got = Refused("photo:nowhere", "The post tells no address of the photo.")
    for address in _addresses(port.platform, one):
        try:
            content = await asyncio.wait_for(port.fetch(address), FETCH_SECONDS)
            return await asyncio.to_thread(cleaned, content)
        except TimeoutError:
            return NotSent("photo:deadline", "The photo did not come in time.")
        except (PlatformError, NotAPicture) as refused:
            error = refused
            if not _is_final(refused):
                break
    return error


def _addresses(platform: Platform, one: Wanted) -> list[str]:
    """Facebook's addresses expire and its ids do not; X's ids lead nowhere."""
    has_ref = not one.ref.startswith(pictures.NO_REF) and not (
        platform is Platform.X and one.source == pictures.CITIZEN
    )
    return [*([one.url] if one.url else []), *([one.ref] if has_ref else [])]


def _note(engine: sa.Engine, one: Wanted, got: _Got, now: datetime, policy: Policy) -> bool:
    """Write down what became of it; True if it is settled."""
    with writing(engine) as conn:
        if isinstance(got, Cleaned):
            settled = pictures.came(conn, one.id, got.content, _told(got.seen), now)
        elif _is_final(got) or one.attempts + 1 >= MOST_TRIES:
            settled = pictures.give_up(conn, one.id, got.code, now)
            if settled:
                _tell_missing(conn, one, got.code, now)
        else:
            pictures.put_off(conn, one.id, now + FIRST_WAIT * 2**one.attempts)
            return False
        if settled and one.source == pictures.OFFICER:
            examined(conn, one.id, now, policy.photo_far_km, policy.reach)
    return settled


def _is_final(got: PlatformError | NotAPicture) -> bool:
    return isinstance(got, Refused | NotAPicture) and not isinstance(got, CredentialsRefused)


def _told(seen: Seen) -> dict[str, object]:
    latitude, longitude = seen.place or (None, None)
    return {"taken_at": seen.taken_at, "latitude": latitude, "longitude": longitude}


def _tell_missing(conn: sa.Connection, one: Wanted, why: str, now: datetime) -> None:
    """The notice goes on saying that a photo stands on the post; the history tells why officers were not shown it."""
    logger.warning("Picture %s cannot be had: %s", one.id, why, extra={"action": "photos.missing"})
    if one.ticket_id is not None:
        codes = {"media": str(one.id), "source": one.source, "why": why}
        event = {"ticket_id": one.ticket_id, "kind": "picture_missing", "at": now, "actor": "office"}
        tickets.add_events(conn, [{**event, "codes": codes}])
