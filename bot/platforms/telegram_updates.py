"""Telegram's updates in SMGT's words, read from the raw JSON so that no update is ever lost.

Owns the translation, for polling and for the webhook alike. Pure: no I/O and no clock (a button press carries
no time of its own, so `now` is given). Must not know tickets or roles.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from store.inbound import Attachment, Author, DeskUpdate, Unreadable
from store.payloads import words_mark
from store.vocabulary import DeskVerb

# What SMGT asks Telegram for; https://core.telegram.org/bots/api#update.
WANTED_UPDATES = ("message", "edited_message", "callback_query", "my_chat_member")

_VERB_OF_KIND = {
    "message": DeskVerb.WROTE,
    "channel_post": DeskVerb.WROTE,
    "edited_message": DeskVerb.EDITED,
    "edited_channel_post": DeskVerb.EDITED,
}
_ATTACHMENT_KIND = {
    "animation": "animation",  # before document: Telegram sends both for one animation
    "video": "video",
    "video_note": "video",
    "voice": "voice",
    "audio": "document",
    "document": "document",
    "sticker": "sticker",
}

LARGEST_UPDATE_ID = 2**40  # a larger one, believed, would confirm all that come after
LATEST_SECOND = 253_402_300_799  # the year 9999

Raw = Mapping[str, Any]


def verify_secret(header: str | None, expected: str) -> bool:
    """Whether a webhook delivery carries our secret; constant time. No expected secret lets nothing in."""
    return bool(expected) and hmac.compare_digest((header or "").encode(), expected.encode())


def told_apart(raw: Sequence[Any]) -> tuple[dict[int, Raw], tuple[Unreadable, ...]]:
    """Updates by their number, and what is no update: one of these must not hold up the others."""
    by_id: dict[int, Raw] = {}
    bad: dict[str, Unreadable] = {}
    for one in raw:
        number = one.get("update_id") if isinstance(one, Mapping) else None
        if isinstance(number, int) and not isinstance(number, bool) and 0 <= number < LARGEST_UPDATE_ID:
            by_id[number] = one
            continue
        digest = hashlib.sha256(repr(one).encode("utf-8", "replace")).hexdigest()[:32]
        bad[digest] = Unreadable(f"malformed:{digest}", "Telegram gave an update without a number that can be meant.")
    return by_id, tuple(bad.values())


def parse_update(raw: Raw, bot_id: int, now: datetime) -> DeskUpdate:
    """One update; what SMGT has no use for becomes `OTHER`.

    `message_id` and `reply_to_id` are Telegram's own numbers within the chat. Raises ValueError only when
    `raw` has no update_id, for then it is no update.
    """
    update_id = raw.get("update_id")
    if not isinstance(update_id, int):
        raise ValueError("This is not a Telegram update: it has no update_id.")
    key = f"{bot_id}:{update_id}"
    for kind, content in raw.items():
        if not isinstance(content, Mapping):
            continue
        if kind in _VERB_OF_KIND:
            return _message(key, _VERB_OF_KIND[kind], content, str(bot_id), now)
        if kind == "callback_query":
            return _press(key, content, now)
        if kind == "my_chat_member":
            return _membership(key, content, now)
        return _other(key, content, now)
    return _other(key, {}, now)


def _message(key: str, verb: DeskVerb, message: Raw, own_id: str, now: datetime) -> DeskUpdate:
    text = _text(message, "text") or _text(message, "caption")
    attachments = _attachments(message)
    moved_to, moved_from = _id(message, "migrate_to_chat_id"), _id(message, "migrate_from_chat_id")
    if moved_to or moved_from:
        verb = DeskVerb.MOVED
    elif (not text and not attachments) or not _id(_part(message, "chat"), "id"):
        verb = DeskVerb.OTHER
    edited = verb is DeskVerb.EDITED
    speaks_for_chat = _part(message, "sender_chat")
    return DeskUpdate(
        key=key,
        verb=verb,
        occurred_at=_moment(message, "edit_date" if edited else "date", now),
        **_place(message, own_id),
        author=_chat_as_author(speaks_for_chat) if speaks_for_chat else _author(_part(message, "from")),
        anonymous=bool(speaks_for_chat),
        text=text,
        attachments=attachments,
        album_id=_id(message, "media_group_id"),
        moved_to_chat_id=moved_to,
        migrated_from_chat_id=moved_from,
    )


def _press(key: str, query: Raw, now: datetime) -> DeskUpdate:
    return DeskUpdate(
        key=key,
        verb=DeskVerb.PRESSED,
        occurred_at=now,
        # What our own notice answered is not what the officer answers.
        **_place(_part(query, "message")) | {"reply_to_id": None, "reply_to_words": ""},
        author=_author(_part(query, "from")),
        press_id=_id(query, "id"),
        press_data=_text(query, "data") or None,
    )


def _membership(key: str, change: Raw, now: datetime) -> DeskUpdate:
    status = _text(_part(change, "new_chat_member"), "status")
    return DeskUpdate(
        key=key,
        verb=DeskVerb.MEMBERSHIP,
        occurred_at=_moment(change, "date", now),
        **_place(change),
        author=_author(_part(change, "from")),
        membership="administrator" if status == "creator" else status or None,
    )


def _other(key: str, content: Raw, now: datetime) -> DeskUpdate:
    place = content if "chat" in content else _part(content, "message")
    return DeskUpdate(
        key=key,
        verb=DeskVerb.OTHER,
        occurred_at=_moment(content, "date", now),
        **_place(place),
        author=_author(_part(content, "from")),
    )


def _place(message: Raw, own_id: str = "") -> dict[str, Any]:
    chat = _part(message, "chat")
    # Outside forums, replies carry a message_thread_id too; only is_topic_message means a topic.
    topic_id = _id(message, "message_thread_id") if message.get("is_topic_message") is True else None
    replied = _part(message, "reply_to_message")
    # In a topic, a message that answers nobody is shown as a reply to the topic's opening.
    answers_somebody = "forum_topic_created" not in replied
    return {
        "chat_id": _id(chat, "id") or "",
        "chat_kind": _text(chat, "type"),
        "chat_title": _text(chat, "title"),
        "topic_id": topic_id,
        "message_id": _id(message, "message_id"),
        "reply_to_id": _id(replied, "message_id") if answers_somebody else None,
        "reply_to_words": _our_words(replied, own_id) if answers_somebody else "",
    }


def _our_words(message: Raw, own_id: str) -> str:
    by_us = bool(own_id) and _id(_part(message, "from"), "id") == own_id
    return words_mark(_text(message, "text") or _text(message, "caption")) if by_us else ""


def _author(user: Raw) -> Author | None:
    number = _id(user, "id")
    if number is None:
        return None
    name = f"{_text(user, 'first_name')} {_text(user, 'last_name')}".strip()
    return Author(id=number, handle=_text(user, "username"), name=name)


def _chat_as_author(chat: Raw) -> Author | None:
    number = _id(chat, "id")
    return Author(id=number, handle=_text(chat, "username"), name=_text(chat, "title")) if number else None


def _attachments(message: Raw) -> tuple[Attachment, ...]:
    photo = message.get("photo")
    if isinstance(photo, list):
        sizes = [size for size in photo if isinstance(size, Mapping) and _id(size, "file_id")]
        if sizes:
            largest = max(sizes, key=lambda size: (_number(size, "width"), _number(size, "file_size")))
            return (_attachment("photo", largest),)
    for field, kind in _ATTACHMENT_KIND.items():
        content = _part(message, field)
        if _id(content, "file_id"):
            return (_attachment(kind, content),)
    return ()


def _attachment(kind: str, content: Raw) -> Attachment:
    return Attachment(
        kind=kind,
        ref=_id(content, "file_id"),
        size=_number(content, "file_size") or None,
        content_type=_text(content, "mime_type") or None,
    )


def _part(content: Raw, name: str) -> Raw:
    part = content.get(name)
    return part if isinstance(part, Mapping) else {}


def _text(content: Raw, name: str) -> str:
    text = content.get(name)
    return text if isinstance(text, str) else ""


def _number(content: Raw, name: str) -> int:
    number = content.get(name)
    return number if isinstance(number, int) else 0


def _id(content: Raw, name: str) -> str | None:
    value = content.get(name)
    return str(value) if isinstance(value, int | str) and value != "" else None


def _moment(content: Raw, name: str, now: datetime) -> datetime:
    seconds = content.get(name)
    # 0 stands for a message the bot can no longer see.
    return datetime.fromtimestamp(seconds, UTC) if isinstance(seconds, int) and 0 < seconds < LATEST_SECOND else now
