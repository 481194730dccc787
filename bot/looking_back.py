"""Reading the platforms once more, to find citizens' posts that the inbox does not hold.

Owns what is asked again and what counts as missing; it moves no cursor. A platform shows only what still stands and only
as far back as it does: what it cannot show is told. It must not know what a post means. No database session is open
while the network is asked.
"""

from __future__ import annotations

import asyncio
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa

from bot.app import port_of
from bot.clocks import SteppedClock
from bot.intake import BATCH_DEADLINE, watch_open_threads
from bot.platforms.port import Gap, LooksBack, PlatformError, Port, Unreachable, Watch
from bot.settings import Channel as ChannelSetting
from bot.settings import Settings
from store import inbox
from store.channels import Channel, all_channels
from store.db import reading, writing
from store.inbound import Inbound
from store.tables import inbox as inbox_table
from store.vocabulary import InboundVerb

LEFT_TO_RUN: Final = timedelta(minutes=15)  # what is newer may still be on its way to the inbox
THREADS_A_READ: Final = 50  # adapters sweep this many threads in one read, or more
MOST_READS: Final = 40
KEYS_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What one account's platform showed of a stretch: how many posts of citizens, and the keys of those not held.

    `unreached` could not be shown; `error` says why nothing or not all could be asked.
    """

    channel: str
    since: datetime
    until: datetime
    shown: int = 0
    missing: tuple[str, ...] = ()
    taken: int = 0
    unreached: tuple[Gap, ...] = ()
    error: str | None = None

    @property
    def is_settled(self) -> bool:
        """Nothing is left to do here."""
        return self.error is None and len(self.missing) == self.taken

    def as_json(self) -> dict[str, Any]:
        return {
            "channel": self.channel,
            "since": self.since,
            "until": self.until,
            "shown": self.shown,
            "missing": self.missing,
            "taken": self.taken,
            "unreached": [{"since": one.since, "until": one.until, "why": one.why} for one in self.unreached],
            "error": self.error,
        }

    def lines(self) -> Iterator[str]:
        """For people, at most 80 columns wide where ids allow."""
        told = f"{self.channel} shows {self.shown} posts of citizens; "
        told += f"{len(self.missing)} are not in the inbox: {', '.join(self.missing)}" if self.missing else "all held"
        yield from _wrapped(told)
        if self.taken:
            yield f"  {self.taken} taken into the inbox; `smgt run` decides them."
        elif self.missing:
            yield "  --take puts them into the inbox."
        for one in self.unreached:
            yield from _wrapped(f"  not shown: {one.since:%Y-%m-%d %H:%M} to {one.until:%Y-%m-%d %H:%M} UTC. {one.why}")
        if self.error is not None:
            yield from _wrapped(f"  not all was asked: {self.error}")


def _wrapped(line: str) -> list[str]:
    return textwrap.wrap(line, 80, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)


def look_back(
    settings: Settings, engine: sa.Engine, since: datetime, until: datetime, now: datetime, *, take: bool = False
) -> list[Look]:
    """Ask every account of the settings that can be read back; with `take`, keep what is missing in the inbox."""
    return asyncio.run(_everywhere(settings, engine, since, min(until, now - LEFT_TO_RUN), now, take=take))


async def _everywhere(
    settings: Settings, engine: sa.Engine, since: datetime, until: datetime, now: datetime, *, take: bool
) -> list[Look]:
    with reading(engine) as conn:
        known = {one.name: one for one in all_channels(conn)}
    swept_each_time = settings.model_copy(update={"x_sweep_seconds": 0})
    looks = []
    for setting in settings.channels:
        port = port_of(swept_each_time, setting, SteppedClock(now), _no_photo)
        try:
            if isinstance(port, LooksBack):
                looks.append(await _look(engine, setting, known.get(setting.name), port, since, until, now, take=take))
        finally:
            await port.close()
    return looks


async def _look(
    engine: sa.Engine,
    setting: ChannelSetting,
    channel: Channel | None,
    port: Port,
    since: datetime,
    until: datetime,
    now: datetime,
    *,
    take: bool,
) -> Look:
    look = Look(channel=setting.name, since=since, until=until)
    if channel is None:
        return replace(look, error="the account was never read; start `smgt run` first.")
    with reading(engine) as conn:
        watch = _watch(conn, channel, since, now)
    found: dict[str, Inbound] = {}
    unreached: list[Gap] = []
    try:
        await _read(port, watch, since, found, unreached)
    except PlatformError as error:
        look = replace(look, error=f"{error.sentence} ({error.code})")
    except TimeoutError:
        look = replace(look, error=f"no answer within {BATCH_DEADLINE:.0f} seconds.")
    posts = [one for one in found.values() if one.occurred_at < until]
    with reading(engine) as conn:
        held = _held(conn, channel.id, [one.key for one in posts])
    missing = [one for one in posts if one.key not in held]
    taken = 0
    if take and missing:
        with writing(engine) as conn:
            inbox.put(conn, channel.id, missing, {}, now)
            taken = len(_held(conn, channel.id, [one.key for one in missing]))  # `smgt run` may have brought some
    keys = tuple(one.key for one in missing)
    return replace(look, shown=len(posts), missing=keys, taken=taken, unreached=tuple(unreached))


def _watch(conn: sa.Connection, channel: Channel, since: datetime, now: datetime) -> Watch:
    """The threads that are swept, from `since` on; their posts are not looked up for deletes."""
    watch = watch_open_threads(conn, channel, now)
    return Watch(now, tuple(replace(one, last_activity_at=since, message_ids=()) for one in watch.threads))


async def _read(port: Port, watch: Watch, since: datetime, found: dict[str, Inbound], unreached: list[Gap]) -> None:
    """Read as often as it takes to sweep every thread. Raises PlatformError, TimeoutError."""
    if not isinstance(port, LooksBack):
        return
    cursors = dict(port.cursors_at(since))
    for _ in range(min(1 + len(watch.threads) // THREADS_A_READ, MOST_READS)):
        batches = port.read(cursors, watch)
        moved: dict[str, str] = {}
        while (batch := await asyncio.wait_for(anext(batches, None), BATCH_DEADLINE)) is not None:
            found |= {one.key: one for one in batch.events if isinstance(one, Inbound) and _is_a_post(one)}
            moved |= batch.cursors
            if batch.gap is not None:
                unreached.append(batch.gap)
        cursors |= moved


def _is_a_post(event: Inbound) -> bool:
    """Words of somebody else than us."""
    return event.verb in (InboundVerb.POSTED, InboundVerb.EDITED) and not event.by_us


def _held(conn: sa.Connection, channel_id: int, keys: list[str]) -> set[str]:
    held: set[str] = set()
    for at in range(0, len(keys), KEYS_AT_ONCE):
        wanted = sa.select(inbox_table.c.event_key).where(
            inbox_table.c.channel_id == channel_id, inbox_table.c.event_key.in_(keys[at : at + KEYS_AT_ONCE])
        )
        held |= set(conn.scalars(wanted))
    return held


def _no_photo(media_id: int) -> bytes:
    raise Unreachable("photo:not_here", f"Photo {media_id} is not needed for looking back.")
