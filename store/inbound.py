"""What SMGT hears, in SMGT's own words: the frozen shapes that the inbox keeps as JSON.

Platform adapters build these from the wire; the handlers read them. Nothing here knows a platform's SDK,
a table or a rule. Times are aware UTC.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from store.vocabulary import DeskVerb, InboundVerb, Platform


@dataclass(frozen=True, slots=True)
class Author:
    """Who wrote: the platform's id (stable) and the names shown (may change)."""

    id: str
    handle: str
    name: str


@dataclass(frozen=True, slots=True)
class Attachment:
    """A photo, video, animation, voice or document; `url` where the platform gives one, else its own ref."""

    kind: str  # photo | video | animation | voice | document | sticker
    url: str | None = None
    ref: str | None = None  # Telegram file_id, X media_key, Facebook attachment target id
    size: int | None = None  # bytes
    preview: str | None = None  # the address of a video's still
    content_type: str | None = None  # what the sender's program says it is: image/jpeg


@dataclass(frozen=True, slots=True)
class QuotedPost:
    """The parent or quoted post of another author, read as evidence only."""

    id: str
    author_id: str | None
    text: str
    attachments: tuple[Attachment, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Inbound:
    """One event on a citizens' platform (X or Facebook).

    `key` is the same from polling, sweeping and webhooks: X `<first id of edit history>:<edit number>`
    (deletes: `<id>:deleted`), Facebook `<verb>:<object id>:<unix time>`.
    """

    key: str
    verb: InboundVerb
    platform: Platform
    message_id: str  # X: the first id of the edit history; Facebook: post or comment id
    thread_id: str  # X conversation_id; Facebook post id
    occurred_at: datetime
    author: Author | None = None  # None when the platform hides it
    by_us: bool = False  # written by this channel's own account, by SMGT or by a person
    text: str = ""
    reply_to_id: str | None = None  # direct parent
    reply_to_us: bool = False  # the direct parent was written by this channel's account
    mentions_us: bool = False  # the writer's own words name us
    implicit: bool = False  # only the thread names us: under our own post, no mention typed
    is_repost: bool = False
    mentioned_ids: tuple[str, ...] = ()  # other accounts the platform would auto-mention in a reply
    attachments: tuple[Attachment, ...] = ()
    quoted: QuotedPost | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskUpdate:
    """One Telegram update. `key` is `<bot id>:<update_id>`."""

    key: str
    verb: DeskVerb
    occurred_at: datetime
    chat_id: str
    chat_kind: str  # private | group | supergroup | channel
    chat_title: str = ""
    topic_id: str | None = None
    message_id: str | None = None
    reply_to_id: str | None = None
    reply_to_words: str = ""  # store.payloads.words_mark of the message replied to, if our bot wrote it
    author: Author | None = None
    anonymous: bool = False  # an anonymous admin or a channel speaks: nobody we could check
    text: str = ""
    attachments: tuple[Attachment, ...] = ()
    album_id: str | None = None
    press_id: str | None = None  # callback query id
    press_data: str | None = None
    moved_to_chat_id: str | None = None
    membership: str | None = None  # member | administrator | restricted | left | kicked
    migrated_from_chat_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Undeliverable:
    """The platform refused a message of ours for good: heard like any other event. `key` is `refused:<outbox id>`."""

    key: str
    occurred_at: datetime
    outbox_id: int
    ticket_id: int | None
    code: str
    template: str = ""  # what the refused message was


Heard = Inbound | DeskUpdate | Undeliverable


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Something the platform listed that is no event: kept parked, once for each key, with the reason."""

    key: str  # `malformed:<id, or a digest of what came>`
    why: str  # a clause for the operator, none of a citizen's words


def message_of_key(key: str) -> str | None:
    """The message that a new or edited post's key names; None for what brings no words (deletes, refusals, Telegram)."""
    head, colon, rest = key.partition(":")
    if head in (InboundVerb.POSTED, InboundVerb.EDITED):
        return rest.partition(":")[0] or None
    if not colon or rest == InboundVerb.DELETED or head in (InboundVerb.DELETED, "refused", "malformed", "unreadable"):
        return None
    return head
