"""What one read of an X account asks for: mentions, own posts, watched threads, deleted posts.

Owns windows, cursors and budgets. It must not know what a post means (x_posts) or what is done with it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.platforms.port import Batch, Gap, Identity, Watch, Watched
from bot.platforms.x_client import PAGE, Json, XClient
from bot.platforms.x_posts import Included, deleted, inbound_of, moment_of, written_at
from store.inbound import Inbound

MENTION_PAGES = 10
# X gives the newest 800 mentions. From here on a read may have been cut by that and not by its window.
MENTIONS_REACH = 700
TIMELINE_PAGES = 32  # the newest 3,200 own posts
SEARCH_REACH = timedelta(days=7) - timedelta(minutes=5)  # recent search's window, less what a request takes
SEARCH_LATENESS = timedelta(seconds=15)  # X refuses an end_time of less than 10 seconds ago
SEARCH_PAGES = 100
SWEEP_PAGES = 3
MAX_QUERY = 512  # characters of one search
DELETES_EVERY = timedelta(hours=24)


@dataclass(slots=True)
class XReader:
    """One read at office time `now`. Methods block and return batches, oldest first. Raise PlatformError."""

    client: XClient
    us: Identity
    now: datetime
    overlap: timedelta
    first_look_back: timedelta

    def mentions(self, cursors: Mapping[str, str]) -> list[Batch]:
        """All mentions since the cursor; beyond X's newest 800 by recent search, beyond that a Gap."""
        seen, since = self._window(cursors.get("mentions"))
        pages, whole = self.client.pages(
            self.client.sdk.get_users_mentions, self.us.account_id, page_by="pagination_token",
            most=MENTION_PAGES, start_time=since,
        )  # fmt: skip
        posts = _posts(pages)
        gap = None
        if not whole or len(posts) >= MENTIONS_REACH:
            until = min((moment_of(post["created_at"]) for post in posts), default=self.now)
            older, gap = self._search_before(since, until)
            pages = [*pages, *older]
        return self._batches(pages, "mentions", seen, gap)

    def own_posts(self, cursors: Mapping[str, str]) -> list[Batch]:
        """What our account posted since the cursor, by SMGT or by a person."""
        seen, since = self._window(cursors.get("timeline"))
        pages, _ = self.client.pages(
            self.client.sdk.get_users_tweets, self.us.account_id, page_by="pagination_token",
            most=TIMELINE_PAGES, start_time=since,
        )  # fmt: skip
        return self._batches(pages, "timeline", seen, None)

    def sweep(self, cursors: Mapping[str, str], watch: Watch, queries: int) -> Batch:
        """Posts in watched threads that name nobody; threads in turn, at most `queries` searches."""
        threads = sorted(watch.threads, key=lambda thread: _order(thread.thread_id))
        if not threads or queries < 1:
            return Batch()
        after = _order(cursors.get("sweep", ""))
        turn = [one for one in threads if _order(one.thread_id) > after]
        turn += [one for one in threads if _order(one.thread_id) <= after]
        pages: list[Json] = []
        last = turn[0]
        for group in _groups(turn)[:queries]:
            pages += self._sweep_one(group)
            last = group[-1]
        return Batch(self._events(pages), {"sweep": last.thread_id})

    def _sweep_one(self, group: list[Watched]) -> list[Json]:
        since = min(thread.last_activity_at for thread in group) - self.overlap
        query = " OR ".join(f"conversation_id:{thread.thread_id}" for thread in group)
        pages, _ = self.client.pages(
            self.client.sdk.search_recent_tweets, query, page_by="next_token", most=SWEEP_PAGES,
            start_time=max(since, self.now - SEARCH_REACH),
        )  # fmt: skip
        return pages

    def deletes(self, cursors: Mapping[str, str], watch: Watch, lookups: int) -> Batch:
        """Which watched posts are gone: each looked at once a day, at most `lookups` requests of 100.

        A post written after the day's round began waits for the next: at most 24 hours, X's own allowance.
        """
        begun, after = self._round(cursors.get("deletes"))
        threads = {one: thread.thread_id for thread in watch.threads for one in thread.message_ids}
        due = (one for one in threads if _order(one) > _order(after) and written_at(one) <= begun)
        waiting = sorted(due, key=_order)
        if not waiting or lookups < 1:
            return Batch()
        asked = waiting[: lookups * PAGE]
        gone: list[str] = []
        for start in range(0, len(asked), PAGE):
            answer = self.client.call(self.client.sdk.get_tweets, asked[start : start + PAGE])
            gone += _gone(answer)
        events = tuple(deleted(one, threads[one], self.now) for one in gone if one in threads)
        return Batch(events, {"deletes": json.dumps({"begun": begun.isoformat(), "after": asked[-1]})})

    def _round(self, cursor: str | None) -> tuple[datetime, str]:
        """When the present daily round of lookups began, and the last id it looked at."""
        if cursor:
            state = json.loads(cursor)
            begun = datetime.fromisoformat(state["begun"])
            if self.now - begun < DELETES_EVERY:
                return begun, str(state["after"])
        return self.now, ""

    def _window(self, cursor: str | None) -> tuple[datetime, datetime]:
        """The newest time seen so far, and where this read begins."""
        seen = datetime.fromisoformat(cursor) if cursor else self.now - self.first_look_back
        return seen, seen - self.overlap

    def _search_before(self, since: datetime, until: datetime) -> tuple[list[Json], Gap | None]:
        """Mentions between `since` and `until` by recent search, and the stretch it could not reach."""
        start = max(since, self.now - SEARCH_REACH)
        end = min(until + timedelta(seconds=1), self.now - SEARCH_LATENESS)
        why = "X shows only the newest 800 mentions and searches only seven days back."
        if start >= end:
            return [], Gap(since, until, why)
        pages, whole = self.client.pages(
            self.client.sdk.search_recent_tweets, f"@{self.us.handle}", page_by="next_token",
            most=SEARCH_PAGES, start_time=start, end_time=end,
        )  # fmt: skip
        if not whole:
            reached = min((moment_of(post["created_at"]) for post in _posts(pages)), default=until)
            return pages, Gap(since, reached, "X's search had more pages than one read takes.")
        return pages, Gap(since, start, why) if since < start else None

    def _batches(self, pages: list[Json], cursor: str, seen: datetime, gap: Gap | None) -> list[Batch]:
        """Pages as batches, oldest first; the cursor moves with the last."""
        newest = max((moment_of(post["created_at"]) for post in _posts(pages)), default=seen)
        batches = [Batch(self._events([page])) for page in reversed(pages)]
        moved = {cursor: max(seen, newest).isoformat()}
        return [*batches[:-1], Batch(batches[-1].events, moved, gap)]

    def _events(self, pages: Iterable[Json]) -> tuple[Inbound, ...]:
        events: dict[str, Inbound] = {}
        for page in pages:
            included = Included.of(page)
            for post in page.get("data") or []:
                event = inbound_of(post, included, self.us)
                events[event.key] = event
        return tuple(sorted(events.values(), key=lambda one: (one.occurred_at, _order(one.message_id))))


def _posts(pages: Iterable[Json]) -> list[Json]:
    return list({post["id"]: post for page in pages for post in page.get("data") or []}.values())


def _order(post_id: str) -> tuple[int, str]:
    """Post ids grow with time and differ in length."""
    return len(post_id), post_id


def _groups(threads: list[Watched]) -> list[list[Watched]]:
    """Threads in groups that fit one search each."""
    groups: list[list[Watched]] = []
    room = 0
    for thread in threads:
        cost = len(f"conversation_id:{thread.thread_id} OR ")
        if not groups or cost > room:
            groups.append([])
            room = MAX_QUERY
        groups[-1].append(thread)
        room -= cost
    return groups


def _gone(answer: Json) -> list[str]:
    """The ids that a lookup did not find; protected or withheld posts are still there."""
    return [
        str(one.get("resource_id") or one.get("value"))
        for one in answer.get("errors") or []
        if str(one.get("type")).endswith("/resource-not-found") and one.get("parameter") == "ids"
    ]
