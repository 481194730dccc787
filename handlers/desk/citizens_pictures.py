"""Pictures that citizens post: which of a post's attachments are fetched, to be shown to officers.

Owns the choice. What may be shown where is in albums.py. Pure.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from handlers.desk.steps import Words
from store.inbound import Attachment
from store.pictures import CITIZEN, NO_REF

MOST_PICTURES: Final = 10  # of one post
SHOWN_OF: Final = ("citizen", "quoted")  # whose pictures are evidence
LONGEST_REF: Final = 512
_READ: Final = msgspec.json.Decoder(tuple[Attachment, ...])


def pictures_in(words: Words, ticket_id: int, channel_id: int) -> Iterator[Mapping[str, Any]]:
    """Rows of the pictures to fetch: photos, and the stills of videos."""
    if words.speaker not in SHOWN_OF or words.attachments == "[]":
        return
    for attachment in _READ.decode(words.attachments)[:MOST_PICTURES]:
        is_photo = attachment.kind == "photo"
        address = attachment.url if is_photo else attachment.preview
        ref = attachment.ref if is_photo or address else None
        if address is None and ref is None:
            continue
        yield {
            "ticket_id": ticket_id,
            "source": CITIZEN,
            "kind": attachment.kind,
            "ref": ref[:LONGEST_REF] if ref else NO_REF + hashlib.sha256((address or "").encode()).hexdigest(),
            "url": address,
            "channel_id": channel_id,
            "message_id": words.message_id,
        }
