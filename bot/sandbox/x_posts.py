"""Accounts and posts of the emulated X, and how a post looks on the wire.

Owns the record of one post, X's own mentions at the head of a reply, shortened long posts and the JSON of
API v2. It must not know HTTP, limits, faults or who may post what.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from handlers.length import X_LIMIT
from handlers.length import weighted_length as counted_length

MENTION = re.compile(r"(?<![A-Za-z0-9_@＠])[@＠]([A-Za-z0-9_]{1,20})(?![A-Za-z0-9_@])")
SHORTENED = 270  # weighted length of the shortened text of a long post, before the ellipsis
SNOWFLAKE_EPOCH_MS = 1_288_834_974_657

Json = dict[str, Any]
Known = Callable[[str], "Account | None"]


@dataclass(frozen=True, slots=True)
class Keys:
    """What an official account signs with."""

    bearer: str = field(repr=False)
    consumer_key: str = field(repr=False)
    consumer_secret: str = field(repr=False)
    access_token: str = field(repr=False)
    access_secret: str = field(repr=False)


@dataclass(slots=True)
class Account:
    """Somebody on X. `blocked` holds the ids of accounts that this one blocked."""

    id: str
    handle: str
    name: str
    keys: Keys | None = None
    blocked: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Media:
    """A photo or video. X delivers voice posts as videos; `source` is a path, an address or just a label."""

    key: str
    kind: str  # photo | video
    source: str


@dataclass(slots=True)
class Post:
    """One version of a post. `text` is whole and unescaped; `history` is shared by all versions."""

    id: str
    author: Account
    text: str
    created_at: datetime
    conversation_id: str
    history: list[str]
    parent_id: str | None = None
    quote_of: str | None = None
    repost_of: str | None = None
    media: tuple[Media, ...] = ()
    mention_ids: tuple[str, ...] = ()
    deleted: bool = False
    by_api: bool = False
    said: str = ""  # by the API: the text as it was given, before X named the thread

    @property
    def is_latest(self) -> bool:
        return self.history[-1] == self.id

    def as_json(self) -> Json:
        """Everything about the post, for people who look into the sandbox."""
        return {
            "id": self.id, "author": self.author.handle, "author_id": self.author.id, "text": self.text,
            "created_at": self.created_at.isoformat(), "conversation_id": self.conversation_id,
            "in_reply_to": self.parent_id, "quote_of": self.quote_of, "repost_of": self.repost_of,
            "media": [{"key": one.key, "kind": one.kind} for one in self.media],
            "mentions": list(self.mention_ids), "history": list(self.history),
            "deleted": self.deleted, "by_api": self.by_api,
        }  # fmt: skip


@lru_cache(maxsize=65_536)  # listings show the same posts again and again
def weighted_length(text: str) -> int:
    """The length of a text in X's units."""
    return counted_length(text)


def snowflake(moment: datetime) -> int:
    """The smallest post id of that moment."""
    return (int(moment.timestamp() * 1000) - SNOWFLAKE_EPOCH_MS) << 22


def wire_time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def mentioned(text: str, known: Known) -> list[Account]:
    """The accounts that `text` names, in order, each once."""
    found: dict[str, Account] = {}
    for match in MENTION.finditer(text):
        account = known(match.group(1))
        if account:
            found.setdefault(account.id, account)
    return list(found.values())


def with_auto_mentions(text: str, names: Iterable[Account], known: Known) -> str:
    """A reply as X shows it: everybody of the thread named at its head, unless the text names them."""
    already = {account.id for account in mentioned(text, known)}
    head = [f"@{account.handle}" for account in names if account.id not in already]
    return " ".join([*head, text]).rstrip()


def _shorten(text: str) -> str:
    shown = text
    while weighted_length(shown) > SHORTENED:
        shown = shown[:-1]
    return shown.rstrip() + "…"


def _entities(shown: str, known: Known, links: list[Json]) -> Json:
    mentions = []
    for match in MENTION.finditer(shown):
        account = known(match.group(1))
        if account:
            mentions.append({"start": match.start(), "end": match.end(), "username": account.handle, "id": account.id})
    entities: Json = {}
    if mentions:
        entities["mentions"] = mentions
    if links:
        entities["urls"] = links
    return entities


def _appended_links(post: Post) -> list[Json]:
    """X ends the text with one short link for all media, and one for a quoted post."""
    links = []
    if post.media:
        kind = "photo" if post.media[0].kind == "photo" else "video"
        expanded = f"https://x.com/{post.author.handle}/status/{post.id}/{kind}/1"
        links += [
            {"url": f"https://t.co/m{post.id[-9:]}", "expanded_url": expanded, "media_key": one.key}
            for one in post.media
        ]
    if post.quote_of:
        links.append(
            {
                "url": f"https://t.co/q{post.id[-9:]}",
                "expanded_url": f"https://x.com/i/status/{post.quote_of}",
            }
        )
    return links


def _shown_text(post: Post, known: Known) -> tuple[str, Json, Json | None]:
    """The text on the wire, its entities, and the note of a long post."""
    note: Json | None = None
    shown = html.escape(post.text, quote=False)
    if weighted_length(post.text) > X_LIMIT and not post.repost_of:
        note = {"text": shown, "entities": _entities(shown, known, [])}
        shown = html.escape(_shorten(post.text), quote=False)
    links = _appended_links(post)
    for url in dict.fromkeys(link["url"] for link in links):
        start = len(shown) + (1 if shown else 0)
        shown = f"{shown} {url}" if shown else url
        for link in links:
            if link["url"] == url:
                link.update(start=start, end=start + len(url), display_url=link["expanded_url"][8:])
    return shown, _entities(shown, known, links), note


def post_json(post: Post, fields: set[str], known: Known, parent_author: str | None) -> Json:
    """The post as API v2 gives it: id, text and history always, the rest only when asked for."""
    shown, entities, note = _shown_text(post, known)
    references = [
        {"type": kind, "id": other}
        for kind, other in (
            ("retweeted", post.repost_of), ("quoted", post.quote_of), ("replied_to", post.parent_id)
        )
        if other
    ]  # fmt: skip
    full: Json = {
        "author_id": post.author.id,
        "created_at": wire_time(post.created_at),
        "conversation_id": post.conversation_id,
        "in_reply_to_user_id": parent_author,
        "referenced_tweets": references,
        "attachments": {"media_keys": [one.key for one in post.media]} if post.media else None,
        "entities": entities,
        "note_tweet": note,
    }
    asked = {name: value for name, value in full.items() if name in fields and value}
    return {"id": post.id, "text": shown, "edit_history_tweet_ids": list(post.history), **asked}


def media_json(one: Media, base: str) -> Json:
    """A media object; its addresses point into the emulator unless its source is an address already."""
    url = one.source if one.source.startswith(("http://", "https://")) else f"{base}/media/{one.key}"
    if one.kind == "photo":
        return {"media_key": one.key, "type": "photo", "url": url}
    variant = {"content_type": "video/mp4", "url": f"{base}/media/{one.key}.mp4", "bit_rate": 832000}
    return {"media_key": one.key, "type": "video", "preview_image_url": url, "variants": [variant]}


def user_json(account: Account) -> Json:
    return {"id": account.id, "name": account.name, "username": account.handle}
