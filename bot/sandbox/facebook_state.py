"""What the emulated Facebook holds: people, Pages, posts and comments, private replies.

Owns shapes only; what may be done with them is `facebook` and `facebook_wire`.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta

COMMENT_LENGTH = 8000
PRIVATE_REPLY_WINDOW = timedelta(days=7)


@dataclass(slots=True)
class Person:
    """Somebody with an account, as this emulator knows them."""

    id: str
    handle: str
    name: str
    blocks_us: bool = False


@dataclass(slots=True)
class Page:
    """One Page of ours with the app that speaks for it."""

    id: str
    handle: str
    name: str
    token: str
    app_id: str
    app_secret: str
    verify_token: str = ""
    callback_url: str | None = None
    calls: deque[datetime] = field(default_factory=deque)


@dataclass(slots=True)
class Picture:
    """A photo or the still of a video; `url` only where it lives elsewhere."""

    id: str
    name: str
    kind: str = "photo"  # photo | video
    url: str | None = None


@dataclass(slots=True)
class Story:
    """A post (`post_id` is its own id) or a comment; `parent_id` is the top comment it hangs under."""

    id: str
    author_id: str
    text: str
    created_at: datetime
    updated_at: datetime
    post_id: str
    parent_id: str | None = None
    page_ids: tuple[str, ...] = ()  # pages it tags
    pictures: tuple[Picture, ...] = ()
    shares: str | None = None
    tagged_at: datetime | None = None
    hide_author: bool = False
    deleted: bool = False
    by_program: bool = False

    @property
    def is_post(self) -> bool:
        return self.post_id == self.id


@dataclass(slots=True)
class PrivateReply:
    """A message to the writer of a comment."""

    id: str
    page_id: str
    comment_id: str
    text: str
    sent_at: datetime


@dataclass(slots=True)
class Refusal:
    """A Graph error to answer to the next matching request: set by tests and the control API."""

    operation: str
    code: int
    subcode: int | None = None
    message: str = "Refused on purpose."
    status: int = 400
    minutes: int | None = None  # estimated_time_to_regain_access


class NoSuchStory(KeyError):
    """The post or comment does not exist, or was deleted."""
