"""Pictures that officers send: which can be kept, and what is wrong with those that cannot.

Owns the reading of an update's attachments and which work must be shown. Pure.
"""

from __future__ import annotations

from typing import Final

from handlers.case import Case
from handlers.desk.steps import Picture
from handlers.ground import Ground
from store.inbound import Attachment, DeskUpdate
from store.vocabulary import Sensitivity

LARGEST_PICTURE: Final = 5 * 1024 * 1024  # bytes
READABLE: Final = frozenset({"image/jpeg", "image/jpg", "image/png", "image/webp"})


def photo_needed(case: Case, ground: Ground) -> bool:
    """Must a photo show that work of this kind is done? Nobody is sent to take pictures in a sensitive matter."""
    kind = ground.taxonomy.categories.get(case.category or "")
    return kind is not None and kind.photo == "required" and case.sensitivity is not Sensitivity.SENSITIVE


def picture_of(update: DeskUpdate) -> Picture | None:
    """The picture of an officer's message, sent as a photo or as a file."""
    found = next((one for one in update.attachments if _is_picture(one)), None)
    return Picture(found.kind, found.ref, update.album_id) if found is not None and found.ref else None


def what_is_wrong(update: DeskUpdate) -> str | None:
    """What cannot be kept of the message's attachments, as the code of a sentence."""
    if any(not _is_picture(one) for one in update.attachments):
        return "not_a_photo"
    if any((one.size or 0) > LARGEST_PICTURE for one in update.attachments):
        return "photo_too_large"
    return None


def _is_picture(attachment: Attachment) -> bool:
    as_file = attachment.kind == "document" and (attachment.content_type or "").lower() in READABLE
    return attachment.kind == "photo" or as_file
