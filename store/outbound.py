"""What SMGT says, as data: the frozen shapes that the outbox keeps as JSON and adapters send.

Text is final here: it is never rendered again once a row holds it. Nothing here knows a platform's SDK.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from store.vocabulary import OutgoingAct

MOST_IN_ALBUM: Final = 10  # photos, Telegram's own bound


@dataclass(frozen=True, slots=True)
class Button:
    """One inline button: its words and its opaque token (at most 64 bytes)."""

    text: str
    token: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class OutgoingPhoto:
    """A photo to send along: a Telegram file_id to repeat, the id of our own stored copy, or of a picture that we made."""

    ref: str | None = None
    media_id: int | None = None
    paper_id: int | None = None


@dataclass(frozen=True, slots=True)
class OutgoingDocument:
    """A file that we made (store/papers.py), and the name under which it is shown."""

    paper_id: int
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """One message to a platform, complete.

    `thread_id`: X conversation, Facebook post or Telegram chat id. `reply_to_id`: the citizen's post or comment,
    or the Telegram message replied to. `message_id`: the message to edit or delete.
    """

    act: OutgoingAct
    text: str = ""
    thread_id: str
    reply_to_id: str | None = None
    topic_id: str | None = None
    message_id: str | None = None
    press_id: str | None = None
    alert: bool = False  # a press answered by a box to dismiss instead of a toast
    exclude_author_ids: tuple[str, ...] = ()
    buttons: tuple[tuple[Button, ...], ...] = ()
    force_reply: bool = False
    silent: bool = False
    photo: OutgoingPhoto | None = None
    photos: tuple[OutgoingPhoto, ...] = ()  # of an album, up to ten; a single one goes alone
    document: OutgoingDocument | None = None  # then `text` is its caption
