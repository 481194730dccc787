"""What one read of an X account asks for: mentions, own posts, watched threads, deleted posts.

Owns windows, cursors and budgets. It must not know what a post means (x_posts, x_listing) or what is done with it.

Each part is an iterator of batches that blocks while it asks. It asks for one page at a time and gives an empty batch
after each, so that the caller's deadline holds for a page and not for a day's backlog.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bot.platforms.port import Batch, Gap, Identity, Watch, Watched
from bot.platforms.x_client import PAGE, PAGE_TRIES, Json, XClient
from bot.platforms.x_listing import Listed, listed, order
from bot.platforms.x_posts import deleted, written_at

MENTION_PAGES = 10
# X gives the newest 800 mentions. From here on a read may have been cut by that and not by its window.
MENTIONS_REACH = 700
TIMELINE_PAGES = 32  # the newest 3,200 own posts
SEARCH_REACH = timedelta(days=7) - timedelta(minutes=5)  # recent search's window, less what a request takes
SEARCH_LATENESS = timedelta(seconds=15)  # X refuses an end_time of less than 10 seconds ago
SEARCH_PAGES = 20  # of one search, then it is begun anew further back
SWEEP_PAGES = 3
MAX_QUERY = 512  # characters of one search
DELETES_EVERY = timedelta(hours=24)
# A backlog is searched in slices of time, oldest first, about so many posts each: what was read stays read when X or
# we stop half-way, and a person's posts come in their order.
SLICE_POSTS = 1000
SHORTEST_SLICE, LONGEST_SLICE = timedelta(minutes=1), timedelta(hours=6)

Reading = Generator[Batch, None, Listed]
"""Gives an empty batch after each page and ends with all that the pages listed."""


@dataclass(slots=True)
class XReader:
    """One read at office time `now`. Raises PlatformError."""

    client: XClient
    us: Identity
    now: datetime
    overlap: timedelta
    first_look_back: timedelta

    def mentions(self, cursors: Mapping[str, str]) -> Iterator[Batch]:
        """All mentions since the cursor; beyond X's newest 800 by recent search, beyond that a Gap."""
        seen, since = self._window(cursors.get("mentions"))
        found = self.client.pages(
            self.client.sdk.get_users_mentions, self.us.account_id, page_by="pagination_token",
            most=MENTION_PAGES, start_time=since,
        )  # fmt: skip
        newest = Listed()
        for page in found:
            newest.add(self._listed(page))
            yield Batch()
        if not found.whole or len(newest) >= MENTIONS_REACH:
            until = newest.oldest or self.now
            yield from self._older(since, until, self._slice_for(newest))
        yield from newest.batches("mentions", max(seen, newest.newest or seen))

    def _slice_for(self, newest: Listed) -> timedelta:
        """How much time about SLICE_POSTS posts take, going by the newest ones."""
        if newest.oldest is None or newest.newest is None:
            return LONGEST_SLICE
        return _bounded((newest.newest - newest.oldest) * (SLICE_POSTS / len(newest)))

    def _older(self, since: datetime, until: datetime, length: timedelta) -> Iterator[Batch]:
        """Mentions between `since` and `until` by recent search, oldest first; the cursor moves with each slice."""
        start = max(since, self.now - SEARCH_REACH)
        end = min(until + timedelta(seconds=1), self.now - SEARCH_LATENESS)
        if since < start:
            why = "X shows only the newest 800 mentions and searches only seven days back."
            yield Batch(gap=Gap(since, min(start, until), why))
        while start < end:
            upto = min(start + length, end)
            part = yield from self._search(f"@{self.us.handle}", start, upto)
            yield from part.batches("mentions", upto)
            start, length = upto, _bounded(length * min(max(SLICE_POSTS / max(len(part), 1), 0.25), 4.0))

    def _search(self, query: str, start: datetime, end: datetime | None = None) -> Reading:
        """Everything between the two; what one search does not reach is asked again from where it ended."""
        found = Listed()
        while True:
            until: dict[str, Any] = {} if end is None else {"end_time": end}
            pages = self.client.pages(
                self.client.sdk.search_recent_tweets, query, page_by="next_token", most=SEARCH_PAGES,
                start_time=start, **until,
            )  # fmt: skip
            for page in pages:
                found.add(self._listed(page))
                yield Batch()
            if pages.whole:
                return found
            reached = self.now if found.oldest is None else found.oldest + timedelta(seconds=1)
            end = end or self.now
            if reached >= end:
                yield Batch(gap=Gap(start, end, "X's search lists the same posts again and again."))
                return found
            end = min(reached, self.now - SEARCH_LATENESS)

    def own_posts(self, cursors: Mapping[str, str]) -> Iterator[Batch]:
        """What our account posted since the cursor, by SMGT or by a person."""
        seen, since = self._window(cursors.get("timeline"))
        found = self.client.pages(
            self.client.sdk.get_users_tweets, self.us.account_id, page_by="pagination_token",
            most=TIMELINE_PAGES, tries=PAGE_TRIES, start_time=since,
        )  # fmt: skip
        own = Listed()
        for page in found:
            own.add(self._listed(page))
            yield Batch()
        if not found.whole and own.oldest is not None and own.oldest > since:
            yield Batch(gap=Gap(since, own.oldest, "X shows only the newest 3,200 posts of our own account."))
        yield from own.batches("timeline", max(seen, own.newest or seen))

    def sweep(self, cursors: Mapping[str, str], watch: Watch, queries: int) -> Iterator[Batch]:
        """Posts in watched threads that name nobody; threads in turn, at most `queries` searches.

        A thread that many strangers write in is read alone, and from where it was read to.
        """
        threads = sorted(watch.threads, key=lambda thread: order(thread.thread_id))
        if not threads or queries < 1:
            return
        after = order(cursors.get("sweep", ""))
        turn = [one for one in threads if order(one.thread_id) > after]
        turn += [one for one in threads if order(one.thread_id) <= after]
        watched = {one.thread_id for one in threads}
        marks = {one: at for one, at in _marks(cursors).items() if one in watched}
        quiet = [one for one in turn if one.thread_id not in marks]
        for group in _groups(quiet)[:queries]:
            crowded = yield from self._sweep_group(group)
            marks |= dict.fromkeys(crowded, "")
            yield Batch((), {"sweep": group[-1].thread_id, "crowded": json.dumps(marks)})
        for thread in [one for one in turn if one.thread_id in marks][:queries]:
            mark = marks[thread.thread_id]
            since = max(thread.last_activity_at, datetime.fromisoformat(mark) if mark else thread.last_activity_at)
            found = yield from self._search(f"conversation_id:{thread.thread_id}", self._searchable(since))
            marks[thread.thread_id] = (found.newest or since).isoformat()
            yield from found.batches("crowded", json.dumps(marks))

    def _sweep_group(self, group: list[Watched]) -> Generator[Batch, None, list[str]]:
        """The threads of the group together; those too crowded for that are named."""
        since = min(thread.last_activity_at for thread in group)
        query = " OR ".join(f"conversation_id:{thread.thread_id}" for thread in group)
        pages = self.client.pages(
            self.client.sdk.search_recent_tweets, query, page_by="next_token", most=SWEEP_PAGES,
            start_time=self._searchable(since),
        )  # fmt: skip
        found = Listed()
        for page in pages:
            found.add(self._listed(page))
            yield Batch()
        yield from found.batches()
        return [] if pages.whole else [thread.thread_id for thread in group]

    def _searchable(self, since: datetime) -> datetime:
        return max(since - self.overlap, self.now - SEARCH_REACH)

    def deletes(self, cursors: Mapping[str, str], watch: Watch, lookups: int) -> Iterator[Batch]:
        """Which watched posts are gone: each looked at once a day, at most `lookups` requests of 100.

        A post written after the day's round began waits for the next: at most 24 hours, X's own allowance.
        """
        begun, after = self._round(cursors.get("deletes"))
        threads = {one: thread.thread_id for thread in watch.threads for one in thread.message_ids}
        due = (one for one in threads if order(one) > order(after) and written_at(one) <= begun)
        asked = sorted(due, key=order)[: lookups * PAGE]
        for start in range(0, len(asked), PAGE):
            part = asked[start : start + PAGE]
            answer = self.client.call(self.client.sdk.get_tweets, part)
            events = tuple(deleted(one, threads[one], self.now) for one in _gone(answer) if one in threads)
            yield Batch(events, {"deletes": json.dumps({"begun": begun.isoformat(), "after": part[-1]})})

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
        seen = min(seen, self.now)  # a cursor ahead of the clock would skip what comes meanwhile
        return seen, seen - self.overlap

    def _listed(self, page: Json) -> Listed:
        return listed(page, self.us, self.now)


def _bounded(length: timedelta) -> timedelta:
    return min(max(length, SHORTEST_SLICE), LONGEST_SLICE)


def _marks(cursors: Mapping[str, str]) -> dict[str, str]:
    """How far crowded threads were read."""
    told = json.loads(cursors.get("crowded") or "{}")
    return {str(thread_id): str(mark) for thread_id, mark in told.items()}


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
    errors = answer.get("errors")
    return [
        str(one.get("resource_id") or one.get("value"))
        for one in (errors if isinstance(errors, list) else [])
        if isinstance(one, dict)
        and str(one.get("type")).endswith("/resource-not-found")
        and one.get("parameter") == "ids"
    ]
