"""What the sandbox's control API may be asked for: the shapes of its JSON bodies and what their values may be.

Owns shapes and bounds only; it must not know what the emulators do with them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from bot.sandbox.world import FaultKind
from bot.sandbox.x_gate import LIMITS
from store.vocabulary import Platform

DECADE: Final = 315_360_000.0  # seconds; the farthest the clock jumps at once
LAST_MOMENT: Final = datetime(2100, 1, 1, tzinfo=UTC)  # the clock stops short of it


class BadRequest(Exception):
    """The request cannot be followed; the message is one sentence for whoever asked."""


class _Body(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A JSON object without unknown keys."""


Words = Annotated[str, Meta(max_length=25_000)]
Name = Annotated[str, Meta(min_length=1, max_length=128)]
Chosen = Annotated[str, Meta(max_length=128)]
Names = Annotated[list[Chosen], Meta(max_length=10)]
Number = Annotated[int, Meta(ge=-(2**62), le=2**62)]
Photo = Annotated[bytes, Meta(max_length=6_000_000)]  # base64 in JSON


class XPost(_Body):
    """A citizen's post; `name` is used when the handle is new."""

    handle: Name
    text: Words
    name: Chosen = ""
    in_reply_to: str | None = None
    quote_of: str | None = None
    repost_of: str | None = None
    photos: Names = []
    video: bool = False
    voice: bool = False
    hide_mention: bool = False


class XEdit(_Body):
    id: Name
    text: Words


class XDelete(_Body):
    id: Name


class XBlock(_Body):
    """`handle` blocks our account `official`."""

    handle: Name
    official: Name


class XHuman(_Body):
    """A person posts with our account."""

    official: Name
    text: Words
    in_reply_to: str | None = None


class FacebookPost(_Body):
    """A citizen's post that tags the Page unless `tagged` is false."""

    handle: Name
    text: Words
    name: Chosen = ""
    page: str | None = None
    photos: Names = []
    video: bool = False
    hide_author: bool = True
    shares: str | None = None
    tagged: bool = True


class FacebookPagePost(_Body):
    text: Words
    page: str | None = None
    photos: Names = []


class FacebookComment(_Body):
    """A comment on the post or comment `on`."""

    handle: Name
    on: Name
    text: Words
    name: Chosen = ""
    photos: Names = []
    video: bool = False
    mention_page: bool | str = False


class FacebookEdit(_Body):
    id: Name
    text: Words


class FacebookId(_Body):
    id: Name


class FacebookBlock(_Body):
    handle: Name
    blocks: bool = True


class FacebookHuman(_Body):
    """A person at the office comments with our Page."""

    on: Name
    text: Words
    page: str | None = None


class FacebookSubscribe(_Body):
    """Send the Page's changes to this address on this machine."""

    url: Annotated[str, Meta(pattern=r"^http://(127\.0\.0\.1|localhost)(:[0-9]{1,5})?(/|$)")]
    page: str | None = None


class TelegramUser(_Body):
    name: Name
    username: Name | None = None


class TelegramGroup(_Body):
    title: Name
    members: Annotated[list[Number], Meta(max_length=1000)] = []
    forum_topics: Annotated[list[Name], Meta(max_length=100)] = []
    supergroup: bool = True
    bot_is_admin: bool = False


class TelegramWrite(_Body):
    """`chat`: a group, or the bot's id for a private talk; `photo` in base64."""

    user: Number
    chat: Number
    text: Words = ""
    reply_to: Number | None = None
    photo: Photo | None = None
    topic: str | int | None = None
    anonymous: bool = False


class TelegramEdit(_Body):
    user: Number
    chat: Number
    message_id: Number
    text: Words


class TelegramPress(_Body):
    """`button`: its words or its token."""

    user: Number
    chat: Number
    message_id: Number
    button: Name


class TelegramAlbum(_Body):
    user: Number
    chat: Number
    photos: Annotated[list[Photo], Meta(min_length=2, max_length=10)]
    caption: Words = ""
    reply_to: Number | None = None
    topic: str | int | None = None


class TelegramVoice(_Body):
    user: Number
    chat: Number
    reply_to: Number | None = None


class TelegramStart(_Body):
    user: Number
    payload: Annotated[str, Meta(max_length=64, pattern=r"^[A-Za-z0-9_-]*$")] = ""
    bot: Number | None = None


class TelegramChat(_Body):
    chat: Number


class TelegramRemoveBot(_Body):
    chat: Number
    bot: Number | None = None


class TelegramTopic(_Body):
    chat: Number
    topic: str | int


class Clock(_Body):
    """One of the two; times carry a zone."""

    advance_seconds: Annotated[float, Meta(ge=0, le=DECADE)] | None = None
    to: Annotated[datetime, Meta(tz=True)] | None = None


class NewFault(_Body):
    """`times` null: until the faults are cleared; `seconds` of real time; `count` newest items for a stale read."""

    platform: Platform
    operation: Name
    kind: FaultKind
    times: Annotated[int, Meta(ge=1, le=1_000_000)] | None = 1
    rate: Annotated[float, Meta(ge=0, le=1)] = 1.0
    seconds: Annotated[float, Meta(ge=0, le=600)] = 0.0
    count: Annotated[int, Meta(ge=1, le=100_000)] = 1
    channel: str | None = None


# A fault on an operation that does not exist would never hit and never say so.
OPERATIONS: Final[dict[Platform, frozenset[str]]] = {
    Platform.X: frozenset(LIMITS),
    Platform.FACEBOOK: frozenset(
        ("me", "object", "tagged", "feed", "comments", "comment", "private_reply", "delete", "webhook")
    ),
    Platform.TELEGRAM: frozenset(
        (
            "getMe", "getUpdates", "sendMessage", "sendPhoto", "sendDocument", "sendMediaGroup", "editMessageText",
            "editMessageCaption", "editMessageReplyMarkup", "deleteMessage", "answerCallbackQuery", "getFile",
            "getChat", "getChatMember", "getChatAdministrators", "setWebhook", "deleteWebhook", "getWebhookInfo",
            "file", "webhook",
        )
    ),
}  # fmt: skip


def photo_names(names: Sequence[str]) -> list[str]:
    """Names of pretended photos or http(s) addresses; a path of this machine is refused."""
    for name in names:
        if not name or (("/" in name or "\\" in name) and not name.startswith(("http://", "https://"))):
            raise BadRequest(f"The photo {name!r} is neither a plain name like road.jpg nor an http address.")
    return list(names)


def number(text: str, of_what: str) -> int:
    """A whole number in a path."""
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 18):
        raise BadRequest(f"The {of_what} {text!r} is not a whole number.")
    return int(text)
