"""What Facebook posts to our webhook: is it Facebook's, and what does it tell?

Owns the signature and the reading of deliveries. Pure. It must not know HTTP routes, the inbox or the
network: what a `mention` leaves out is fetched by `FacebookPort.fill`.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bot.platforms.facebook_events import (
    FIRST_SECOND,
    UnreadableObject,
    as_edit,
    author_of,
    clean,
    deleted_event,
    graph_time,
    posted_key,
    thread_is_ours,
)
from bot.platforms.facebook_listing import unreadable
from store.inbound import Attachment, Inbound, Unreadable
from store.vocabulary import InboundVerb, Platform

LARGEST_DELIVERY = 1_000_000  # bytes; Facebook batches up to 1000 changes and its largest comment has 8000 letters
POST_ITEMS = frozenset({"status", "post", "photo", "video", "album", "share", "note", "link"})


class MalformedWebhook(ValueError):
    """The delivery is signed, but its parts cannot be told apart; nothing of it was kept."""


@dataclass(frozen=True, slots=True)
class NeedsFetch:
    """A `mention`: somebody named our Page; the ids are told, the words must be fetched."""

    object_id: str
    thread_id: str

    @property
    def is_comment(self) -> bool:
        return self.object_id != self.thread_id


Told = Inbound | NeedsFetch | Unreadable
"""What one change tells; what cannot be read is kept parked, for a person to look at."""


def verify_signature(raw_body: bytes, header: str | None, app_secret: str) -> bool:
    """Whether X-Hub-Signature-256 is the HMAC of this very body. Constant time; call it before parsing."""
    expected = hmac.new(app_secret.encode(), raw_body, hashlib.sha256).hexdigest()
    given = (header or "").removeprefix("sha256=")
    return hmac.compare_digest(expected.encode(), given.encode("utf-8", "replace"))


def challenge_answer(query: Mapping[str, str], verify_token: str) -> str | None:
    """The plain text to answer to Facebook's subscription request; None when the verify token is wrong."""
    given = query.get("hub.verify_token", "")
    right = bool(verify_token) and hmac.compare_digest(given.encode(), verify_token.encode())
    return query.get("hub.challenge", "") if right and query.get("hub.mode") == "subscribe" else None


def parse_webhook(
    raw: bytes, page_id: str, *, page_name: str = "", is_ours: Callable[[str], bool] = lambda _: False
) -> list[Told]:
    """What a delivery tells about this Page, in its order; changes SMGT has no use for (likes) are left out.

    `page_name` lets a typed name count as a mention, `is_ours` says whether a comment id is known as our own. A part
    that cannot be read takes no other with it. Raises MalformedWebhook with a sentence where nothing can be told apart;
    entries of other Pages are left out.
    """
    if len(raw) > LARGEST_DELIVERY:
        raise MalformedWebhook(f"Webhook delivery of {len(raw)} bytes refused; at most {LARGEST_DELIVERY} are read.")
    try:
        told = json.loads(raw)
    except (ValueError, RecursionError):
        raise MalformedWebhook("Webhook delivery is not JSON.") from None
    if not isinstance(told, dict) or told.get("object") != "page":
        raise MalformedWebhook("Webhook delivery is not about a Page.")
    if not isinstance(told.get("entry"), list):
        raise MalformedWebhook("Webhook delivery has no list of entries.")
    reader = _Reader(page_id, page_name, is_ours)
    return [event for entry in told["entry"] for event in _entry(reader, entry)]


def _entry(reader: _Reader, entry: Any) -> Iterator[Told]:
    if not isinstance(entry, dict):
        yield unreadable(entry, "Facebook told of an entry that is no object")
        return
    if str(entry.get("id")) != reader.page_id:
        return
    changes = entry.get("changes", [])
    if not isinstance(changes, list):
        yield unreadable(("changes", changes), "Facebook told of changes that are no list")
        return
    for change in changes:
        try:
            yield from reader.read(change, entry.get("time"))
        except UnreadableObject as trouble:
            yield unreadable(change, str(trouble))


@dataclass(frozen=True, slots=True)
class _Reader:
    page_id: str
    page_name: str
    is_ours: Callable[[str], bool]

    def read(self, change: Any, sent_at: Any) -> Iterator[Inbound | NeedsFetch]:
        """What one change tells. Raises UnreadableObject."""
        if not isinstance(change, dict) or not isinstance(change.get("value"), dict):
            raise UnreadableObject("Facebook told of a change without a value.")
        value: Mapping[str, Any] = change["value"]
        post_id, comment_id = _text(value, "post_id"), _text(value, "comment_id")
        is_comment = value.get("item") == "comment"
        if not is_comment and value.get("item") not in POST_ITEMS:
            return
        object_id = comment_id if is_comment else post_id
        if not object_id or not post_id:
            raise UnreadableObject("Facebook told of a post or comment without an id.")
        match change.get("field"), value.get("verb"):
            case "mention", "add" | "edit" | "edited":
                yield NeedsFetch(object_id, post_id)
            case "feed", "add":
                yield self._said(value, object_id, post_id)
            case "feed", "edit" | "edited":
                yield as_edit(self._said(value, object_id, post_id))
            case "feed" | "mention", "remove":
                yield deleted_event(object_id, post_id, _told_at(sent_at, object_id))

    def _said(self, value: Mapping[str, Any], object_id: str, post_id: str) -> Inbound:
        created_at = graph_time(value.get("created_time"), object_id)
        is_comment = object_id != post_id
        author = author_of(value)
        by_us = author is not None and author.id == self.page_id
        text = clean(_text(value, "message"))
        ours = thread_is_ours(self.page_id, post_id)
        mentions_us = not by_us and bool(self.page_name) and self.page_name.casefold() in text.casefold()
        parent_id = (_text(value, "parent_id") or post_id) if is_comment else None
        return Inbound(
            key=posted_key(object_id, created_at),
            verb=InboundVerb.POSTED,
            platform=Platform.FACEBOOK,
            message_id=object_id,
            thread_id=post_id,
            occurred_at=created_at,
            author=author,
            by_us=by_us,
            text=text,
            reply_to_id=parent_id,
            reply_to_us=parent_id is not None and (ours if parent_id == post_id else self.is_ours(parent_id)),
            mentions_us=mentions_us,
            implicit=(ours or not is_comment) and not mentions_us and not by_us,
            attachments=tuple(_media(value)),
        )


def _media(value: Mapping[str, Any]) -> Iterator[Attachment]:
    photos = value.get("photos")
    addresses = photos if isinstance(photos, list) else [value.get("photo")]
    for address in addresses:
        if isinstance(address, str) and address:
            yield Attachment("photo", url=address)
    if _text(value, "video"):
        yield Attachment("video", url=_text(value, "video"))
    elif value.get("item") == "video":
        yield Attachment("video", url=_text(value, "link") or None)
    elif value.get("item") == "photo" and not any(addresses) and _text(value, "link"):
        yield Attachment("photo", url=_text(value, "link"))


def _told_at(sent_at: Any, object_id: str) -> datetime:
    """When a removal was told; no source says when it happened."""
    try:
        return graph_time(sent_at, object_id)
    except UnreadableObject:
        return datetime.fromtimestamp(FIRST_SECOND, UTC)


def _text(value: Mapping[str, Any], name: str) -> str:
    told = value.get(name)
    return told if isinstance(told, str) else ""
