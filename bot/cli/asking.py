"""Asking a platform who we are, for commands beside `smgt run`. Owns that one question and its deadline."""

from __future__ import annotations

import asyncio

from bot.app import port_of
from bot.cli.opening import office_clock
from bot.platforms.port import Identity, Unreachable
from bot.settings import Channel, Settings


def identify(settings: Settings, channel: Channel) -> Identity:
    """Who the platform says this account is. Raises PlatformError."""
    return asyncio.run(_identify(settings, channel))


async def _identify(settings: Settings, channel: Channel) -> Identity:
    port = port_of(settings, channel, office_clock(settings), _no_photo)
    try:
        return await asyncio.wait_for(port.identify(), settings.send_deadline_seconds)
    except TimeoutError:
        raise Unreachable(
            f"{channel.platform.value}:deadline", "The platform did not answer in time."
        ) from None
    finally:
        await port.close()


def _no_photo(media_id: int) -> bytes:
    raise Unreachable("photo:not_here", f"Photo {media_id} is not needed to ask who we are.")
