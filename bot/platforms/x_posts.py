"""X's JSON turned into what SMGT hears: one post of API v2 becomes one Inbound.

Pure; owns what X's fields mean (edits, long posts, the names that X itself puts at the head of a reply). It
must not know how the JSON was fetched.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from bot.platforms.port import Identity
from store.inbound import Attachment, Author, Inbound, QuotedPost
from store.vocabulary import InboundVerb, Platform

Json = dict[str, Any]

# Handles have at most 15 characters today; old accounts have up to 20.
LEADING_MENTIONS = re.compile(r"^(?:\s*[@＠][A-Za-z0-9_]{1,20}(?![A-Za-z0-9_@]))+\s*")
HANDLE = re.compile(r"(?<![A-Za-z0-9_@＠])[@＠]([A-Za-z0-9_]{1,20})(?![A-Za-z0-9_@])")
STATUS_LINK = re.compile(r"https://(?:x|twitter)\.com/\w+/status/\d+")
MEDIA_KINDS = {"photo": "photo", "video": "video", "animated_gif": "animation"}


def moment_of(text: str) -> datetime:
    """An RFC 3339 time of X as aware UTC."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(UTC)


def written_at(post_id: str) -> datetime:
    """When a post was written, from its id: X's ids carry milliseconds since 2010-11-04 above their 22nd bit."""
    return datetime.fromtimestamp(((int(post_id) >> 22) + 1_288_834_974_657) / 1000, UTC)


@dataclass(frozen=True, slots=True)
class Included:
    """What came along with a page: users, referenced posts and media by their ids."""

    users: Mapping[str, Json] = field(default_factory=dict)
    posts: Mapping[str, Json] = field(default_factory=dict)
    media: Mapping[str, Json] = field(default_factory=dict)

    @classmethod
    def of(cls, answer: Json) -> Included:
        told = answer.get("includes")
        includes = told if isinstance(told, dict) else {}
        return cls(
            _by(includes.get("users"), "id"),
            _by(includes.get("tweets"), "id"),
            _by(includes.get("media"), "media_key"),
        )


def _by(rows: Any, name: str) -> dict[str, Json]:
    """Rows by their id; what has none helps nobody and is left out."""
    found = [one for one in rows if isinstance(one, dict)] if isinstance(rows, list) else []
    return {str(one[name]): one for one in found if one.get(name)}


def written(post: Json) -> datetime:
    """When a post was written: as X says, or as its id says where X's time cannot be read. Raises ValueError."""
    try:
        return moment_of(post["created_at"])
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        return written_at(str(post["id"]))


def first_id(post: Json) -> str:
    """The id of the first version: what names the post for good."""
    history = post.get("edit_history_tweet_ids") or [post["id"]]
    return str(history[0])


def edit_number(post: Json) -> int:
    """0 for the first version, 1 for the first edit."""
    history = [str(one) for one in post.get("edit_history_tweet_ids") or [post["id"]]]
    return history.index(str(post["id"])) if str(post["id"]) in history else len(history) - 1


def whole_text(post: Json) -> str:
    """The writer's text: whole if long, unescaped, without the links that X adds for media and quotes."""
    note = post.get("note_tweet") or {}
    text = str(note.get("text") or post.get("text") or "")
    source = note if note.get("text") else post
    for link in (source.get("entities") or {}).get("urls") or []:
        expanded = str(link.get("expanded_url") or "")
        added = "media_key" in link or (STATUS_LINK.match(expanded) and reference(post, "quoted"))
        text = text.replace(str(link.get("url") or "\0"), "" if added else expanded)
    return html.unescape(text).strip()


def comparable(text: str) -> str:
    """A text as read-back compares it: without X's leading mentions and escapes, NFC, single spaces."""
    bare = LEADING_MENTIONS.sub("", html.unescape(text))
    return " ".join(unicodedata.normalize("NFC", bare).split())


def mentions_in(post: Json) -> list[Json]:
    """The mention entities of the whole text, each account once."""
    entities = ((post.get("note_tweet") or {}).get("entities") or {}).get("mentions") or []
    entities = [*entities, *((post.get("entities") or {}).get("mentions") or [])]
    named = [one for one in entities if isinstance(one, dict) and isinstance(one.get("username"), str)]
    return list({str(one.get("id") or one["username"].lower()): one for one in named}.values())


def reference(post: Json, kind: str) -> str | None:
    """The id of the post that this one `retweeted`, `quoted` or `replied_to`."""
    for one in post.get("referenced_tweets") or []:
        if one.get("type") == kind and one.get("id"):
            return str(one["id"])
    return None


def _names_us(handles: list[str], us: Identity) -> bool:
    return us.handle.lower() in (handle.lower() for handle in handles)


def _typed_mention(post: Json, text: str, parent: Json | None, us: Identity) -> bool:
    """Whether the writer's own words name us, told apart from the names X puts at the head of a reply."""
    if reference(post, "replied_to") is None:
        return _names_us(HANDLE.findall(text), us)
    head = LEADING_MENTIONS.match(text)
    if _names_us(HANDLE.findall(text[head.end() :] if head else text), us):
        return True
    if not head or not _names_us(HANDLE.findall(head.group()), us):
        return False
    if post.get("in_reply_to_user_id") == us.account_id:
        return False
    if parent is None:
        return True  # the parent is gone: rather a complaint too many than one missed
    # X copies the parent's names; a name of ours at the head that the parent does not have was typed.
    named_above = [str(one["username"]) for one in mentions_in(parent)]
    return parent.get("author_id") != us.account_id and not _names_us(named_above, us)


def _attachments(post: Json, included: Included) -> tuple[Attachment, ...]:
    keys = (post.get("attachments") or {}).get("media_keys") or []
    found = []
    for key in keys:
        media = included.media.get(key, {"media_key": key, "type": "photo"})
        variants = [one for one in media.get("variants") or [] if one.get("content_type") == "video/mp4"]
        url = media.get("url") or (variants[-1]["url"] if variants else media.get("preview_image_url"))
        kind, still = MEDIA_KINDS.get(media.get("type", ""), "document"), media.get("preview_image_url")
        found.append(Attachment(kind, url=url, ref=key, preview=still))
    return tuple(found)


def _author(post: Json, included: Included) -> Author | None:
    author_id = post.get("author_id")
    if author_id is None:
        return None
    user = included.users.get(author_id, {})
    return Author(str(author_id), str(user.get("username", "")), str(user.get("name", "")))


def _quoted(post: Json, included: Included, us: Identity) -> QuotedPost | None:
    """The quoted post, else the parent, when somebody else wrote it: what "please see" points at."""
    for kind in ("quoted", "replied_to"):
        other = included.posts.get(reference(post, kind) or "")
        if other is not None and other.get("author_id") not in (post.get("author_id"), us.account_id):
            text = whole_text(other)
            if reference(other, "replied_to"):
                text = LEADING_MENTIONS.sub("", text)
            return QuotedPost(first_id(other), other.get("author_id"), text, _attachments(other, included))
    return None


def inbound_of(post: Json, included: Included, us: Identity) -> Inbound:
    """One post as SMGT hears it."""
    parent_id = reference(post, "replied_to")
    parent = included.posts.get(parent_id or "")
    text = whole_text(post)
    repost = reference(post, "retweeted") is not None
    typed = not repost and _typed_mention(post, text, parent, us)
    names = mentions_in(post)
    to_us = post.get("in_reply_to_user_id") == us.account_id
    by_us = post.get("author_id") == us.account_id
    named = _names_us([str(one["username"]) for one in names], us)
    number = edit_number(post)
    return Inbound(
        key=f"{first_id(post)}:{number}",
        verb=InboundVerb.EDITED if number else InboundVerb.POSTED,
        platform=Platform.X,
        message_id=first_id(post),
        thread_id=str(post.get("conversation_id") or first_id(post)),
        occurred_at=written(post),
        author=_author(post, included),
        by_us=by_us,
        text=LEADING_MENTIONS.sub("", text) if parent_id else text,
        reply_to_id=first_id(parent) if parent else parent_id,
        reply_to_us=to_us,
        mentions_us=typed,
        implicit=not (typed or by_us or repost) and (named or to_us),
        is_repost=repost,
        mentioned_ids=tuple(
            str(one["id"])
            for one in names
            if one.get("id") and str(one["id"]) not in (us.account_id, post.get("author_id"))
        ),
        attachments=_attachments(post, included),
        quoted=_quoted(post, included, us),
    )


def deleted(message_id: str, thread_id: str, noticed_at: datetime) -> Inbound:
    """The post is gone; X does not say since when."""
    return Inbound(
        key=f"{message_id}:deleted",
        verb=InboundVerb.DELETED,
        platform=Platform.X,
        message_id=message_id,
        thread_id=thread_id,
        occurred_at=noticed_at,
    )
