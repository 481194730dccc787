"""Polling one Page: posts that tag us, our own posts, and the comments of threads as they fall due.

Owns what is read when, the overlaps, the budget and the cursors. Reads again what it may have read before:
the inbox keeps each event once, by its key. It must not know the database or the conversation.

Cursors: `tagged` and `feed` are the unix time of the newest post seen; `threads` is JSON of post id -> unix
time of the newest comment seen; `swept` is when all threads that were due had been read.
"""

from __future__ import annotations

import json
import logging
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.platforms.facebook_events import (
    COMMENT_FIELDS,
    POST_FIELDS,
    TAGGED_FIELDS,
    UnreadableObject,
    comment_event,
    created_time,
    deleted_event,
    graph_time,
    post_event,
    words_of,
)
from bot.platforms.facebook_graph import GraphClient, GraphPages
from bot.platforms.facebook_listing import Json, Listing, Listings, events_of, listed_at, newest_of, readable
from bot.platforms.facebook_memory import Memory
from bot.platforms.port import Batch, Gap, PlatformError, ReplyRefused, Watch, Watched
from bot.platforms.threads import Threads
from store.inbound import Inbound, Unreadable

log = logging.getLogger(__name__)

PAGE_SIZE = 100
BATCH_SIZE = 100
BEGINNING = datetime.min.replace(tzinfo=UTC)
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
    post_pages: int = 200  # 20,000 posts: more than a day of the busiest Page
    pages_beyond: int = 20  # of the feed, behind what is new: for comments under our own older posts
    thread_pages: int = 100
    sweeps: tuple[tuple[timedelta, timedelta], ...] = SWEEPS  # (younger than, pause between reads)
    threads: int = 60
    lookups: int = 100  # watched messages asked for deletes and edits
    lookup_every: timedelta = timedelta(days=1)  # for one message


class FacebookReader:
    """Reads one Page; one read at a time."""

    def __init__(self, page_id: str, graph: GraphClient, plan: ReadingPlan, threads: Threads) -> None:
        self._page_id = page_id
        self._threads = threads
        self._listings = Listings(threads)
        self._graph = graph
        self._plan = plan
        self._memory = Memory()
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

    def own_post_ids(self, now: datetime) -> set[str]:
        """Our Page's posts whose comments are still read. Blocks; raises PlatformError."""
        found: set[str] = set()
        most = self._plan.pages_beyond
        for page in self._graph.pages(self._page_id, "feed", most=most, fields=POST_FIELDS, limit=PAGE_SIZE):
            good, _ = readable(page)
            found |= {str(post["id"]) for post in good if _writer(post) == self._page_id}
            if good and max(map(listed_at, good)) < now - self._plan.own_posts_for:
                break
        return found

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
        self, edge: str, cursors: Mapping[str, str], now: datetime, keep: list[Json] | None = None
    ) -> AsyncIterator[Batch]:
        since = _moment(cursors.get(edge)) or now - self._plan.lookback
        far = since - self._plan.overlap
        if keep is not None:
            far = min(far, self._last_swept(cursors, now) - self._plan.own_posts_for)
        listing = self._listings.begin(edge, now)
        fields = TAGGED_FIELDS if edge == "tagged" else POST_FIELDS

        def ask(after: str | None) -> GraphPages:
            most = self._plan.post_pages
            return self._graph.pages(self._page_id, edge, most=most, after=after, fields=fields, limit=PAGE_SIZE)

        near, beyond = since - self._plan.overlap, self._plan.pages_beyond
        async for _ in self._listings.read(edge, listing, ask, far, needed=near, pages_beyond=beyond):
            yield Batch()
        if keep is not None:
            keep.extend(post for post in listing.shown if _writer(post) == self._page_id)
        recent = [post for post in listing.shown if listed_at(post) >= near]
        events, bad = events_of(recent, lambda post: post_event(self._page_id, post, tagged=edge == "tagged"))
        newest = newest_of(map(listed_at, listing.shown), since, now)
        async for batch in self._batches(
            events, {edge: cursor_at(newest)}, self._gap(edge, listing, since), [*listing.unreadable.values(), *bad]
        ):
            yield batch

    def _gap(self, edge: str, listing: Listing, since: datetime) -> Gap | None:
        """What a listing did not reach. The feed goes back for our own posts' comments: only what is new is a loss."""
        reached = listing.oldest
        if listing.whole or reached is None or reached <= since:
            return None
        return Gap(since, reached, f"Facebook's {edge} posts were more than {self._plan.post_pages} pages.")

    def _last_swept(self, cursors: Mapping[str, str], now: datetime) -> datetime:
        """When all threads were read the last time: comments of an outage may stand under posts that grew old in it."""
        return min(now, _moment(cursors.get("swept")) or now)

    # threads

    async def _read_threads(
        self, cursors: Mapping[str, str], watch: Watch, own_posts: Sequence[Json]
    ) -> AsyncIterator[Batch]:
        marks = _marks(cursors)
        first = (_moment(cursors.get("swept")) or watch.now - self._plan.lookback).timestamp()
        watched = {thread.thread_id: thread for thread in watch.threads}
        last_swept = self._last_swept(cursors, watch.now)
        own = {str(one["id"]): one for one in own_posts if last_swept - created_time(one) <= self._plan.own_posts_for}
        due = self._due(watch.now, watched, own)
        budget = self._budget()
        trouble: PlatformError | None = None
        for thread_id in due[:budget]:
            # A watched thread that was never read is read whole: its answers may be older than this process.
            since = marks.get(thread_id, 0.0 if thread_id in watched else first)
            listing = Listing(watch.now)
            try:
                async for _ in self._read_comments(thread_id, listing, since):
                    yield Batch()
            except ReplyRefused:
                listing = Listing(watch.now, whole=True)
                # The post itself is gone: its messages are looked up in this same read.
                for message_id in watched[thread_id].message_ids if thread_id in watched else ():
                    self._looked_up_at.pop(message_id, None)
            except PlatformError as error:
                trouble = error
                break
            self._swept_at[thread_id] = watch.now
            begun = datetime.fromtimestamp(since, UTC)
            marks[thread_id] = newest_of(map(created_time, listing.shown), begun, watch.now).timestamp()
            kept = {one: mark for one, mark in marks.items() if one in watched or one in own}
            async for batch in self._comments(thread_id, listing, since, kept):
                yield batch
        marks = {thread_id: mark for thread_id, mark in marks.items() if thread_id in watched or thread_id in own}
        self._swept_at = {one: when for one, when in self._swept_at.items() if one in watched or one in own}
        moved = {"threads": _marks_json(marks)}
        if trouble is None and len(due) <= budget:
            moved["swept"] = cursor_at(watch.now)
        yield Batch((), moved)
        if trouble is not None:
            raise trouble

    async def _comments(
        self, thread_id: str, listing: Listing, since: float, marks: Mapping[str, float]
    ) -> AsyncIterator[Batch]:
        """What a thread brought, if anything; how far it was read is kept with it."""
        far = since - self._plan.overlap.total_seconds()
        fresh = [one for one in listing.shown if created_time(one).timestamp() >= far]
        events, bad = events_of(fresh, lambda one: comment_event(self._page_id, one, thread_id=thread_id))
        gap: Gap | None = None
        begun = datetime.fromtimestamp(since, UTC)
        if not listing.whole and since and listing.oldest is not None and listing.oldest > begun:
            why = f"One post had more than {self._plan.thread_pages} pages of new comments."
            gap = Gap(begun, listing.oldest, why)
        bad = [*listing.unreadable.values(), *bad]
        if gap or bad or self._memory.news(events):
            async for batch in self._batches(events, {"threads": _marks_json(marks)}, gap, bad):
                yield batch

    async def _read_comments(self, thread_id: str, listing: Listing, since: float) -> AsyncIterator[None]:
        far = datetime.fromtimestamp(since, UTC) - self._plan.overlap if since else BEGINNING

        def ask(after: str | None) -> GraphPages:
            return self._graph.pages(
                thread_id, "comments", most=self._plan.thread_pages, after=after, fields=COMMENT_FIELDS,
                filter="stream", order="reverse_chronological", limit=PAGE_SIZE,
            )  # fmt: skip

        async for _ in self._listings.read(f"comments:{thread_id}", listing, ask, far):
            yield
        for one in listing.shown:
            if _writer(one) == self._page_id:
                self.note_own(str(one["id"]))

    def _due(self, now: datetime, watched: Mapping[str, Watched], own: Mapping[str, dict[str, Any]]) -> list[str]:
        """Thread ids to read now, the longest unread first."""
        due = [one for one, thread in watched.items() if self._sweep_due(one, thread.last_activity_at, now)]
        for post_id, post in own.items():
            if post_id in watched:
                continue
            changed_at = _changed_at(post)
            swept_at = self._swept_at.get(post_id)
            if swept_at is None or changed_at >= swept_at or self._sweep_due(post_id, changed_at, now):
                due.append(post_id)
        never = datetime.min.replace(tzinfo=UTC)
        return sorted(due, key=lambda thread_id: self._swept_at.get(thread_id, never))

    def _sweep_due(self, thread_id: str, active_at: datetime, now: datetime) -> bool:
        swept_at = self._swept_at.get(thread_id)
        every = next(pause for age, pause in self._plan.sweeps if now - active_at < age)
        return swept_at is None or not timedelta(0) <= now - swept_at < every

    def _budget(self) -> int:
        spent = self._graph.session.usage.percent
        if spent >= USAGE_STOP:
            return 0
        return max(1, self._plan.threads // 4) if spent >= USAGE_SLOW else self._plan.threads

    # deletes and late edits

    async def _look_up(self, watch: Watch) -> AsyncIterator[Batch]:
        ids = self._to_look_up(watch)
        if not ids or self._budget() == 0:
            return
        thread_of = {message_id: thread.thread_id for thread in watch.threads for message_id in thread.message_ids}
        shown: dict[str, str] = {}
        gone: list[str] = []
        async for _ in self._threads.steps(self._look_at(ids, shown, gone)):
            yield Batch()
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
                events.append(await self._threads.run(self._event_of, one, thread_of[one]))
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

    def _look_at(self, ids: list[str], shown: dict[str, str], gone: list[str]) -> Iterator[None]:
        """Fill in the words of those that are still shown, and the ids of those that are gone; stops at each request."""
        for start in range(0, len(ids), IDS_PER_LOOKUP):
            part = ids[start : start + IDS_PER_LOOKUP]
            try:
                answer = self._graph.get_many(part, fields="id,message")
            except ReplyRefused:
                # Some versions refuse the whole request for one absent id: each is asked alone below.
                answer = {}
            shown |= {one: words_of(answer[one]) for one in part if isinstance(answer.get(one), dict)}
            yield
        for one in ids:
            if one not in shown:
                try:
                    shown[one] = words_of(self._graph.get(one, fields="id,message"))
                except ReplyRefused:
                    gone.append(one)
                yield

    def _event_of(self, object_id: str, thread_id: str) -> Inbound:
        if object_id == thread_id:
            return post_event(self._page_id, self._graph.get(object_id, fields=POST_FIELDS), tagged=True)
        return comment_event(self._page_id, self._graph.get(object_id, fields=COMMENT_FIELDS), thread_id=thread_id)

    # handing over

    async def _batches(
        self,
        events: Sequence[Inbound],
        cursors: Mapping[str, str],
        gap: Gap | None,
        unreadable: Sequence[Unreadable] = (),
    ) -> AsyncIterator[Batch]:
        """The news in batches; the cursors move with the last one. Kept in mind once the caller took them."""
        news = self._memory.news(events)
        parts = [tuple(news[start : start + BATCH_SIZE]) for start in range(0, len(news), BATCH_SIZE)] or [()]
        for part in parts[:-1]:
            yield Batch(part)
            self._memory.keep(part)
        if parts[-1] or cursors or gap or unreadable:
            yield Batch(parts[-1], cursors, gap, tuple(unreadable))
            self._memory.keep(parts[-1])


def _changed_at(post: Json) -> datetime:
    """When something was last said under it, as far as Facebook tells."""
    try:
        return graph_time(post.get("updated_time"), str(post["id"]))
    except UnreadableObject:
        return created_time(post)


def _writer(shown: Mapping[str, Any]) -> str | None:
    writer = shown.get("from")
    return str(writer.get("id")) if isinstance(writer, dict) else None


def cursor_at(moment: datetime) -> str:
    """A moment as the cursors keep it."""
    return str(int(moment.timestamp()))


def _moment(cursor: str | None) -> datetime | None:
    return datetime.fromtimestamp(int(cursor), UTC) if cursor else None


def _marks_json(marks: Mapping[str, float]) -> str:
    return json.dumps({thread_id: int(mark) for thread_id, mark in marks.items()})


def _marks(cursors: Mapping[str, str]) -> dict[str, float]:
    told = json.loads(cursors.get("threads") or "{}")
    return {str(thread_id): float(mark) for thread_id, mark in told.items()}
