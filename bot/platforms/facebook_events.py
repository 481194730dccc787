"""Posts and comments of the Graph API as `Inbound`.

Owns the reading of Facebook's JSON. Pure: no network, no clock. It must not know the database or the
conversation.

The event key is `<verb>:<object id>:<unix time>`, and polling and webhooks must build the same one. The
only time that both carry for posts and for comments is `created_time`, so that is the time of `posted` and
`edited`. An edit does not change it, so an edit's key ends with eight characters of a digest of the new
words; and no source tells when an object was removed, while it is removed once, so a delete's time is 0:

    posted:<id>:<created>     edited:<id>:<created>:<digest>     deleted:<id>:0
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from store.inbound import Attachment, Author, Inbound, QuotedPost
from store.vocabulary import InboundVerb, Platform

ATTACHMENT_FIELDS = "media_type,type,media,target,url,title,description"
POST_FIELDS = (
    "id,created_time,updated_time,message,from,message_tags,"
    f"attachments{{{ATTACHMENT_FIELDS},subattachments{{{ATTACHMENT_FIELDS}}}}}"
)
TAGGED_FIELDS = f"tagged_time,{POST_FIELDS}"  # when the tag was set: later than the post, if added by an edit
COMMENT_FIELDS = (
    f"id,created_time,message,from,message_tags,parent{{id,from}},object{{id}},attachment{{{ATTACHMENT_FIELDS}}}"
)
FIRST_SECOND = 1_072_915_200  # 2004: nothing on Facebook is older
Json = Mapping[str, Any]


class UnreadableObject(ValueError):
    """A post or comment lacks what every one of them has."""


def posted_key(object_id: str, created_at: datetime) -> str:
    """The key of a new post or comment."""
    return f"{InboundVerb.POSTED}:{object_id}:{int(created_at.timestamp())}"


def edited_key(object_id: str, created_at: datetime, text: str) -> str:
    """The key of an edit to this text."""
    digest = hashlib.sha256(text.encode()).hexdigest()[:8]
    return f"{InboundVerb.EDITED}:{object_id}:{int(created_at.timestamp())}:{digest}"


def deleted_key(object_id: str) -> str:
    """The key of a removal."""
    return f"{InboundVerb.DELETED}:{object_id}:0"


def post_event(page_id: str, post: Json, *, tagged: bool) -> Inbound:
    """A post as it was read; `tagged` when it came from the listing of posts that tag us."""
    object_id, created_at, text = _id(post), created_time(post), words_of(post)
    author = author_of(post)
    by_us = author is not None and author.id == page_id
    mentions_us = tagged or _names(post, page_id)
    return Inbound(
        key=posted_key(object_id, created_at),
        verb=InboundVerb.POSTED,
        platform=Platform.FACEBOOK,
        message_id=object_id,
        thread_id=object_id,
        occurred_at=created_at,
        author=author,
        by_us=by_us,
        text=text,
        mentions_us=mentions_us,
        implicit=not by_us and not mentions_us,  # written on our Page without naming it
        attachments=tuple(_attachments(post)),
        quoted=_shared(post),
    )


def comment_event(page_id: str, comment: Json, *, thread_id: str, quoted: QuotedPost | None = None) -> Inbound:
    """A comment as it was read in the thread of a post."""
    object_id, created_at, text = _id(comment), created_time(comment), words_of(comment)
    author = author_of(comment)
    parent = _mapping(comment.get("parent"))
    by_us = author is not None and author.id == page_id
    mentions_us = _names(comment, page_id)
    ours = thread_is_ours(page_id, thread_id)
    parent_author = author_of(parent)
    return Inbound(
        key=posted_key(object_id, created_at),
        verb=InboundVerb.POSTED,
        platform=Platform.FACEBOOK,
        message_id=object_id,
        thread_id=thread_id,
        occurred_at=created_at,
        author=author,
        by_us=by_us,
        text=text,
        reply_to_id=str(parent["id"]) if "id" in parent else thread_id,
        reply_to_us=parent_author.id == page_id if parent_author else ours and not parent,
        mentions_us=mentions_us,
        implicit=ours and not mentions_us and not by_us,
        attachments=tuple(_attachments(comment)),
        quoted=quoted,
    )


def as_edit(event: Inbound) -> Inbound:
    """The same post or comment, heard because its words changed."""
    key = edited_key(event.message_id, event.occurred_at, event.text)
    return replace(event, key=key, verb=InboundVerb.EDITED)


def deleted_event(object_id: str, thread_id: str, noticed_at: datetime) -> Inbound:
    """A post or comment that is there no more."""
    return Inbound(
        key=deleted_key(object_id),
        verb=InboundVerb.DELETED,
        platform=Platform.FACEBOOK,
        message_id=object_id,
        thread_id=thread_id,
        occurred_at=noticed_at,
    )


def quoted_post(shown: Json) -> QuotedPost:
    """Another's post or comment, as evidence."""
    author = author_of(shown)
    return QuotedPost(_id(shown), author.id if author else None, words_of(shown), tuple(_attachments(shown)))


def thread_is_ours(page_id: str, thread_id: str) -> bool:
    """Whether a post is our Page's own: the id of a Page's post begins with the Page's id."""
    return thread_id.startswith(f"{page_id}_")


def created_time(shown: Json) -> datetime:
    """When it was written. Raises UnreadableObject."""
    return graph_time(shown.get("created_time"), _id(shown))


def graph_time(told: Any, object_id: str) -> datetime:
    """A time of the Graph API (ISO text) or of a webhook (unix seconds), in UTC. Raises UnreadableObject."""
    try:
        if isinstance(told, int | float) and not isinstance(told, bool):
            if told < FIRST_SECOND:
                raise ValueError
            return datetime.fromtimestamp(told, UTC)
        return datetime.strptime(str(told), "%Y-%m-%dT%H:%M:%S%z").astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        raise UnreadableObject(f"Facebook object {object_id} has no time that can be read.") from None


def author_of(shown: Json) -> Author | None:
    """Who wrote it; None when the platform hides it. Facebook shows a name and no handle."""
    told = _mapping(shown.get("from"))
    if not told.get("id"):
        return None
    return Author(str(told["id"]), "", str(told.get("name") or ""))


def words_of(shown: Json) -> str:
    """What was written, cleaned; "" when there is nothing but attachments."""
    text = shown.get("message")
    return clean(text) if isinstance(text, str) else ""


def clean(text: str) -> str:
    """The words without what no database keeps: NUL and halves of surrogate pairs."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode()


def _id(shown: Json) -> str:
    object_id = shown.get("id")
    if not isinstance(object_id, str) or not object_id:
        raise UnreadableObject("A Facebook object came without an id.")
    return object_id


def _names(shown: Json, page_id: str) -> bool:
    tags = shown.get("message_tags")
    return isinstance(tags, list) and any(_mapping(tag).get("id") == page_id for tag in tags)


def _attachments(shown: Json) -> Iterator[Attachment]:
    data = _mapping(shown.get("attachments")).get("data")
    single = shown.get("attachment")
    for one in [*(data if isinstance(data, list) else []), *([single] if single else [])]:
        yield from _media(_mapping(one))


def _media(one: Json) -> Iterator[Attachment]:
    inner = _mapping(one.get("subattachments")).get("data")
    if isinstance(inner, list) and inner:
        for part in inner:
            yield from _media(_mapping(part))
        return
    kind = _kind(one)
    if kind is None:
        return
    media = _mapping(one.get("media"))
    still = _mapping(media.get("image")).get("src")
    address = media.get("source") if kind == "video" else still
    target = _mapping(one.get("target")).get("id")
    yield Attachment(
        kind,
        url=str(address) if address else None,
        ref=str(target) if target else None,
        preview=str(still) if still and kind == "video" else None,
    )


def _kind(one: Json) -> str | None:
    told = f"{one.get('media_type', '')} {one.get('type', '')}"
    if _is_share(one):
        return None
    if "video" in told:
        return "video"
    if "animated" in told:
        return "animation"
    if "sticker" in told:
        return "sticker"
    return "photo" if "photo" in told else None


def _is_share(one: Json) -> bool:
    return one.get("type") in ("share", "native_templates")


def _shared(post: Json) -> QuotedPost | None:
    data = _mapping(post.get("attachments")).get("data")
    for one in data if isinstance(data, list) else []:
        share = _mapping(one)
        target = _mapping(share.get("target")).get("id")
        if _is_share(share) and target:
            return QuotedPost(str(target), None, str(share.get("description") or share.get("title") or ""))
    return None


def _mapping(value: Any) -> Json:
    return value if isinstance(value, dict) else {}
