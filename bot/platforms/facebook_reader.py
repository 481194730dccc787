"""Polling one Page: posts that tag us, our own posts, and the comments of threads as they fall due.

Owns what is read when, the overlaps, the budget and the cursors. Reads again what it may have read before:
the inbox keeps each event once, by its key. It must not know the database or the conversation.

Cursors: `tagged` and `feed` are the unix time of the newest post seen; `threads` is JSON of post id -> unix
time of the newest comment seen; `swept` is when all threads that were due had been read.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.platforms.facebook_events import (
    COMMENT_FIELDS,
    POST_FIELDS,
    TAGGED_FIELDS,
    UnreadableObject,
    as_edit,
    comment_event,
    created_time,
    deleted_event,
    graph_time,
    post_event,
    words_of,
)
from bot.platforms.facebook_graph import GraphClient
from bot.platforms.port import Batch, Gap, PlatformError, ReplyRefused, Watch, Watched
from store.inbound import Inbound

log = logging.getLogger(__name__)

PAGE_SIZE = 100
BATCH_SIZE = 100
IDS_PER_LOOKUP = 50
# A thread's age and how often it is read then: comments under citizens' posts may send no webhook
# (docs/platforms.md).
SWEEPS = (
    (timedelta(hours=1), timedelta(minutes=2)),
    (timedelta(days=1), timedelta(minutes=15)),
    (timedelta.max, timedelta(hours=1)),
)
# Above these per cents of the allowance the sweeping of threads is slowed, then stopped; tagged posts go on.
USAGE_SLOW, USAGE_STOP = 75.0, 95.0
SUSPICIOUS_LOSS = 5  # so many lookups and every one gone: more likely our own sight that is gone


@dataclass(frozen=True, slots=True)
class ReadingPlan:
    """How far and how much to read; every number is per read unless it says otherwise."""

    overlap: timedelta = timedelta(hours=1)  # read again, because tags may show up late
    lookback: timedelta = timedelta(days=1)  # at the very first read
    own_posts_for: timedelta = timedelta(days=14)  # comments under our own posts are swept so long
    post_pages: int = 20
    thread_pages: int = 20
    sweeps: tuple[tuple[timedelta, timedelta], ...] = SWEEPS  # (younger than, pause between reads)
    threads: int = 60
    lookups: int = 100  # watched messages asked for deletes and edits
    lookup_every: timedelta = timedelta(days=1)  # for one message


class _Memory:
    """What this process heard lately: event keys, and a digest of each message's words to notice edits."""

    def __init__(self, size: int = 50_000) -> None:
        self._size = size
        self._keys: OrderedDict[str, None] = OrderedDict()
        self._words: OrderedDict[str, bytes] = OrderedDict()

    def news(self, events: Iterable[Inbound]) -> list[Inbound]:
        """What of it is new or has changed, oldest first, each once."""
        fresh: dict[str, Inbound] = {}
        for event in events:
            edited = event.key in self._keys and self.differs(event.message_id, event.text)
            heard = as_edit(event) if edited else event
            if heard.key not in self._keys:
                fresh.setdefault(heard.key, heard)
        return sorted(fresh.values(), key=lambda one: one.occurred_at)

    def keep(self, events: Iterable[Inbound]) -> None:
        """These have been taken over by the caller."""
        for event in events:
            self._put(self._keys, event.key, None)
            self._put(self._words, event.message_id, _digest(event.text))

    def differs(self, message_id: str, text: str) -> bool:
        """Whether a message is known with other words."""
        known = self._words.get(message_id)
        return known is not None and known != _digest(text)

    def _put(self, table: OrderedDict[str, Any], key: str, value: Any) -> None:
        table[key] = value
        table.move_to_end(key)
        if len(table) > self._size:
            table.popitem(last=False)


@dataclass(slots=True)
class _Listing:
    """Posts of one edge, newest first, and what could not be reached."""

    posts: list[dict[str, Any]]
    gap: Gap | None


class FacebookReader:
    """Reads one Page; one read at a time."""

    def __init__(self, page_id: str, graph: GraphClient, plan: ReadingPlan) -> None:
        self._page_id = page_id
        self._graph = graph
        self._plan = plan
        self._memory = _Memory()
        self._own: OrderedDict[str, None] = OrderedDict()
        self._swept_at: dict[str, datetime] = {}
        self._looked_up_at: dict[str, datetime] = {}

    def note_own(self, comment_id: str) -> None:
        """Remember a comment as our own."""
        self._own[comment_id] = None
        if len(self._own) > 20_000:
            self._own.popitem(last=False)

    def is_own(self, comment_id: str) -> bool:
        """Whether a comment is known as our own."""
        return comment_id in self._own

    async def read(self, cursors: Mapping[str, str], watch: Watch) -> AsyncIterator[Batch]:
        """Tagged posts, own posts, threads, deletes: in this order, each with its own cursors."""
        async for batch in self._read_posts("tagged", cursors, watch.now):
            yield batch
        own_posts: list[dict[str, Any]] = []
        async for batch in self._read_posts("feed", cursors, watch.now, own_posts):
            yield batch
        async for batch in self._read_threads(cursors, watch, own_posts):
            yield batch
        async for batch in self._look_up(watch):
            yield batch

    # posts

    async def _read_posts(
        self, edge: str, cursors: Mapping[str, str], now: datetime, keep: list[dict[str, Any]] | None = None
    ) -> AsyncIterator[Batch]:
        since = _moment(cursors.get(edge)) or now - self._plan.lookback
        until_far = since - self._plan.overlap
        if keep is not None:
            until_far = min(until_far, now - self._plan.own_posts_for)
        listing = await asyncio.to_thread(self._list_posts, edge, until_far)
        if keep is not None:
            keep.extend(post for post in listing.posts if _writer(post) == self._page_id)
        events = [
            post_event(self._page_id, post, tagged=edge == "tagged")
            for post in listing.posts
            if _listed_at(post) >= since - self._plan.overlap
        ]
        newest = max([since, *(_listed_at(post) for post in listing.posts)])
        # The feed reaches back for our own posts' comments; only what lies after the cursor would be a loss.
        gap = listing.gap if listing.gap and listing.gap.until > since else None
        async for batch in self._batches(events, {edge: _cursor(newest)}, gap):
            yield batch

    def _list_posts(self, edge: str, since: datetime) -> _Listing:
        posts: list[dict[str, Any]] = []
        arguments = {"fields": TAGGED_FIELDS if edge == "tagged" else POST_FIELDS, "limit": PAGE_SIZE}
        pages = 0
        for page in self._graph.pages(self._page_id, edge, most=self._plan.post_pages, **arguments):
            pages += 1
            readable = _readable(page)
            posts.extend(readable)
            if readable and max(_listed_at(post) for post in readable) < since:
                return _Listing(posts, None)
        if pages < self._plan.post_pages or not posts:
            return _Listing(posts, None)
        reached = min(_listed_at(post) for post in posts)
        why = f"Facebook's {edge} posts were more than {self._plan.post_pages} pages"
        return _Listing(posts, Gap(since, reached, why) if reached > since else None)

    # threads

    async def _read_threads(
        self, cursors: Mapping[str, str], watch: Watch, own_posts: Sequence[dict[str, Any]]
    ) -> AsyncIterator[Batch]:
        marks = _marks(cursors)
        first = (_moment(cursors.get("swept")) or watch.now - self._plan.lookback).timestamp()
        watched = {thread.thread_id: thread for thread in watch.threads}
        own = {str(post["id"]): post for post in own_posts}
        due = self._due(watch.now, watched, own)
        budget = self._budget()
        events: list[Inbound] = []
        gap: Gap | None = None
        trouble: PlatformError | None = None
        for thread_id in due[:budget]:
            # A watched thread that was never read is read whole: its answers may be older than this process.
            since = marks.get(thread_id, 0.0 if thread_id in watched else first)
            try:
                comments, missed = await asyncio.to_thread(self._list_comments, thread_id, since)
                gap = missed or gap
            except ReplyRefused:
                comments = []
                # The post itself is gone: its messages are looked up in this same read.
                for message_id in watched[thread_id].message_ids if thread_id in watched else ():
                    self._looked_up_at.pop(message_id, None)
            except PlatformError as error:
                trouble = error
                break
            self._swept_at[thread_id] = watch.now
            marks[thread_id] = max([since, *(created_time(one).timestamp() for one in comments)])
            events.extend(comment_event(self._page_id, one, thread_id=thread_id) for one in comments)
        marks = {thread_id: mark for thread_id, mark in marks.items() if thread_id in watched or thread_id in own}
        self._swept_at = {one: when for one, when in self._swept_at.items() if one in watched or one in own}
        moved = {"threads": json.dumps({thread_id: int(mark) for thread_id, mark in marks.items()})}
        if trouble is None and len(due) <= budget:
            moved["swept"] = _cursor(watch.now)
        async for batch in self._batches(events, moved, gap):
            yield batch
        if trouble is not None:
            raise trouble

    def _due(self, now: datetime, watched: Mapping[str, Watched], own: Mapping[str, dict[str, Any]]) -> list[str]:
        """Thread ids to read now, the longest unread first."""
        due = [one for one, thread in watched.items() if self._sweep_due(one, thread.last_activity_at, now)]
        for post_id, post in own.items():
            if post_id in watched or now - created_time(post) > self._plan.own_posts_for:
                continue
            changed_at = graph_time(post.get("updated_time") or post["created_time"], post_id)
            swept_at = self._swept_at.get(post_id)
            if swept_at is None or changed_at >= swept_at or self._sweep_due(post_id, changed_at, now):
                due.append(post_id)
        never = datetime.min.replace(tzinfo=UTC)
        return sorted(due, key=lambda thread_id: self._swept_at.get(thread_id, never))

    def _sweep_due(self, thread_id: str, active_at: datetime, now: datetime) -> bool:
        swept_at = self._swept_at.get(thread_id)
        every = next(pause for age, pause in self._plan.sweeps if now - active_at < age)
        return swept_at is None or now - swept_at >= every

    def _budget(self) -> int:
        spent = self._graph.session.usage.percent
        if spent >= USAGE_STOP:
            return 0
        return max(1, self._plan.threads // 4) if spent >= USAGE_SLOW else self._plan.threads

    def _list_comments(self, thread_id: str, since: float) -> tuple[list[dict[str, Any]], Gap | None]:
        far = since - self._plan.overlap.total_seconds()
        comments: list[dict[str, Any]] = []
        pages = 0
        arguments = {
            "fields": COMMENT_FIELDS, "filter": "stream", "order": "reverse_chronological", "limit": PAGE_SIZE
        }  # fmt: skip
        for page in self._graph.pages(thread_id, "comments", most=self._plan.thread_pages, **arguments):
            pages += 1
            readable = _readable(page)
            comments.extend(readable)
            if readable and max(created_time(one).timestamp() for one in readable) < far:
                break
        for one in comments:
            if _writer(one) == self._page_id:
                self.note_own(str(one["id"]))
        fresh = [one for one in comments if created_time(one).timestamp() >= far]
        if pages < self._plan.thread_pages or len(fresh) < len(comments) or not fresh or not since:
            return fresh, None
        oldest = min(created_time(one) for one in fresh)
        why = f"one post had more than {self._plan.thread_pages} pages of new comments"
        begun = datetime.fromtimestamp(since, UTC)
        return fresh, Gap(begun, oldest, why) if oldest > begun else None

    # deletes and late edits

    async def _look_up(self, watch: Watch) -> AsyncIterator[Batch]:
        ids = self._to_look_up(watch)
        if not ids or self._budget() == 0:
            return
        thread_of = {message_id: thread.thread_id for thread in watch.threads for message_id in thread.message_ids}
        shown, gone = await asyncio.to_thread(self._shown_and_gone, ids)
        if len(gone) > SUSPICIOUS_LOSS and not shown:
            log.warning(
                "Facebook shows none of %d watched messages; taken for a loss of our sight, not for deletes",
                len(gone),
                extra={"action": "facebook_lookup_doubtful", "page": self._page_id},
            )
            self._looked_up_at |= dict.fromkeys(ids, watch.now)
            return
        events = [deleted_event(one, thread_of[one], watch.now) for one in gone]
        for one, words in shown.items():
            if self._memory.differs(one, words):
                events.append(await asyncio.to_thread(self._event_of, one, thread_of[one]))
        async for batch in self._batches(events, {}, None):
            yield batch
        self._looked_up_at |= dict.fromkeys(ids, watch.now)

    def _to_look_up(self, watch: Watch) -> list[str]:
        never = datetime.min.replace(tzinfo=UTC)
        due = [
            message_id
            for thread in watch.threads
            for message_id in thread.message_ids
            if watch.now - self._looked_up_at.get(message_id, never) >= self._plan.lookup_every
        ]
        self._looked_up_at = {
            one: when for one, when in self._looked_up_at.items() if watch.now - when < 2 * self._plan.lookup_every
        }
        return sorted(dict.fromkeys(due), key=lambda one: self._looked_up_at.get(one, never))[: self._plan.lookups]

    def _shown_and_gone(self, ids: list[str]) -> tuple[dict[str, str], list[str]]:
        """The words of those that are still shown, and the ids of those that are gone."""
        shown: dict[str, str] = {}
        for start in range(0, len(ids), IDS_PER_LOOKUP):
            part = ids[start : start + IDS_PER_LOOKUP]
            try:
                answer = self._graph.get_many(part, fields="id,message")
            except ReplyRefused:
                # Some versions refuse the whole request for one absent id: each is asked alone below.
                answer = {}
            shown |= {one: words_of(answer[one]) for one in part if isinstance(answer.get(one), dict)}
        gone = []
        for one in ids:
            if one not in shown:
                try:
                    shown[one] = words_of(self._graph.get(one, fields="id,message"))
                except ReplyRefused:
                    gone.append(one)
        return shown, gone

    def _event_of(self, object_id: str, thread_id: str) -> Inbound:
        if object_id == thread_id:
            return post_event(self._page_id, self._graph.get(object_id, fields=POST_FIELDS), tagged=True)
        return comment_event(self._page_id, self._graph.get(object_id, fields=COMMENT_FIELDS), thread_id=thread_id)

    # handing over

    async def _batches(
        self, events: Sequence[Inbound], cursors: Mapping[str, str], gap: Gap | None
    ) -> AsyncIterator[Batch]:
        """The news in batches; the cursors move with the last one. Kept in mind once the caller took them."""
        news = self._memory.news(events)
        parts = [tuple(news[start : start + BATCH_SIZE]) for start in range(0, len(news), BATCH_SIZE)] or [()]
        for part in parts[:-1]:
            yield Batch(part)
            self._memory.keep(part)
        if parts[-1] or cursors or gap:
            yield Batch(parts[-1], cursors, gap)
            self._memory.keep(parts[-1])


def _readable(shown: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Only what has an id and a time: one malformed object must not stop the reading of all others."""
    good = []
    for one in shown:
        try:
            _listed_at(one)
        except UnreadableObject as trouble:
            log.warning("%s", trouble, extra={"action": "facebook_object_unreadable"})
        else:
            good.append(one)
    return good


def _listed_at(shown: Mapping[str, Any]) -> datetime:
    """Where it stands in its listing: when the tag was set, where that is told, else when it was written."""
    if shown.get("tagged_time"):
        return max(created_time(shown), graph_time(shown["tagged_time"], str(shown["id"])))
    return created_time(shown)


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=8).digest()


def _writer(shown: Mapping[str, Any]) -> str | None:
    writer = shown.get("from")
    return str(writer.get("id")) if isinstance(writer, dict) else None


def _cursor(moment: datetime) -> str:
    return str(int(moment.timestamp()))


def _moment(cursor: str | None) -> datetime | None:
    return datetime.fromtimestamp(int(cursor), UTC) if cursor else None


def _marks(cursors: Mapping[str, str]) -> dict[str, float]:
    told = json.loads(cursors.get("threads") or "{}")
    return {str(thread_id): float(mark) for thread_id, mark in told.items()}
