"""Files of ours on their way to Telegram: photos from our store, pictures and papers that we made.

Owns what the library is given for each. It must not know a database: bytes are asked for by id.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from telegram import InputMediaPhoto
from telegram.constants import ParseMode

from bot.platforms.port import BadMessage, PhotoGone
from store.outbound import OutgoingPhoto

Load = Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class OurFiles:
    """Where bytes come from: `load_photo` by media id, `load_paper` by paper id; both may block."""

    load_photo: Load | None
    load_paper: Load | None

    async def photo(self, photo: OutgoingPhoto) -> str | bytes | None:
        """What Telegram is given of a photo; None for one that is not in our store any more."""
        if photo.ref is not None:
            return photo.ref
        if photo.paper_id is not None:
            return await self.paper(photo.paper_id)
        if photo.media_id is None or self.load_photo is None:
            raise BadMessage("telegram:no_photo", "The message names a photo that cannot be loaded here.")
        try:
            return await asyncio.to_thread(self.load_photo, photo.media_id)
        except PhotoGone:
            return None

    async def paper(self, paper_id: int) -> bytes:
        """The bytes of a file that we made. Raises PhotoGone once it was let go of."""
        if self.load_paper is None:
            raise BadMessage("telegram:no_paper", "The message names a file that cannot be loaded here.")
        return await asyncio.to_thread(self.load_paper, paper_id)


def in_album(photo: str | bytes, caption: str | None) -> InputMediaPhoto:
    """One photo of an album; the first carries the words."""
    return InputMediaPhoto(photo, caption=caption, parse_mode=ParseMode.HTML, filename="photo.jpg")
