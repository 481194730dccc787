"""A Page's listings as they are read: newest first, page by page, taken up again where a read broke off.

Owns how far a listing goes back, what of it cannot be read, and whose times are believed. It must not know cursors of
the database, or what an object becomes.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from bot.platforms.facebook_events import UnreadableObject, created_time, graph_time
from bot.platforms.facebook_graph import GraphPages
from bot.platforms.port import Refused
from bot.platforms.threads import Threads
from store.inbound import Inbound, Unreadable

AHEAD = timedelta(minutes=5)  # Facebook's clock may be so far ahead of ours
TAKEN_UP_WITHIN = timedelta(hours=1)  # a listing's paging cursor is not kept for ever

Json = dict[str, Any]


@dataclass(slots=True)
class Listing:
    """What of a listing was read so far; `after` is where it goes on, `whole` whether it was read as far as wanted."""

    begun: datetime
    shown: list[Json] = field(default_factory=list)
    unreadable: dict[str, Unreadable] = field(default_factory=dict)
    after: str | None = None
    whole: bool = False

    @property
    def oldest(self) -> datetime | None:
        return min((listed_at(one) for one in self.shown), default=None)


class Listings:
    """The listings of one Page that broke off, by name, to be taken up again by this process."""

    def __init__(self, threads: Threads) -> None:
        self._threads = threads
        self._broken_off: dict[str, Listing] = {}

    def begin(self, name: str, now: datetime) -> Listing:
        """The listing of this name, as far as it was read before it broke off lately; else from its newest object."""
        known = self._broken_off.pop(name, None)
        return known if known is not None and now - known.begun < TAKEN_UP_WITHIN else Listing(now)

    async def read(
        self,
        name: str,
        listing: Listing,
        ask: Callable[[str | None], GraphPages],
        until: datetime,
        *,
        needed: datetime | None = None,
        pages_beyond: int = 0,
    ) -> AsyncIterator[None]:
        """Fill the listing back to `until`, stopping after each page. Raises PlatformError.

        Behind `needed` it is read on only as long as fewer than `pages_beyond` pages were read.
        """
        pages = ask(listing.after)
        ended, asked = False, 0
        try:
            async for page in self._threads.steps(iter(pages)):
                good, bad = readable(page)
                listing.shown += good
                listing.unreadable |= {one.key: one for one in bad}
                listing.after = pages.after
                asked += 1
                far = needed if needed is not None and asked >= pages_beyond else until
                if good and max(listed_at(one) for one in good) < far:
                    listing.whole = ended = True
                    return
                yield
            listing.whole, ended = pages.whole, True
        except Refused:
            ended = True  # the paging cursor itself may be refused: begin anew
            raise
        finally:
            if not ended and listing.after is not None:
                self._broken_off[name] = listing


def readable(page: Iterable[Any]) -> tuple[list[Json], list[Unreadable]]:
    """What has an id and a time, and the rest: one malformed object must not stop the reading of all others."""
    good: list[Json] = []
    bad: list[Unreadable] = []
    for one in page:
        try:
            if not isinstance(one, dict):
                raise UnreadableObject("Facebook listed something that is no object.")
            listed_at(one)
        except UnreadableObject as trouble:
            bad.append(unreadable(one, str(trouble)))
        else:
            good.append(one)
    return good, bad


def unreadable(shown: Any, why: str) -> Unreadable:
    """An object that is no event, under its id or a digest of what came."""
    known = shown.get("id") if isinstance(shown, dict) else None
    digest = hashlib.sha256(repr(shown).encode("utf-8", "replace")).hexdigest()[:32]
    return Unreadable(f"malformed:{known if isinstance(known, str) and known else digest}", why)


def events_of(shown: Iterable[Json], read: Callable[[Json], Inbound]) -> tuple[list[Inbound], list[Unreadable]]:
    """The objects as events, and those whose shape nobody knows."""
    events: list[Inbound] = []
    bad: list[Unreadable] = []
    for one in shown:
        try:
            events.append(read(one))
        except (UnreadableObject, KeyError, TypeError, ValueError, AttributeError) as trouble:
            bad.append(unreadable(one, f"Facebook listed an object that cannot be read ({type(trouble).__name__})."))
    return events, bad


def listed_at(shown: Mapping[str, Any]) -> datetime:
    """Where it stands in its listing: when the tag was set, where that is told, else when it was written."""
    if shown.get("tagged_time"):
        return max(created_time(shown), graph_time(shown["tagged_time"], str(shown["id"])))
    return created_time(shown)


def newest_of(moments: Iterable[datetime], since: datetime, now: datetime) -> datetime:
    """How far was read: the newest time that can be believed. A time ahead of `now` would skip what comes meanwhile."""
    return max([since, *(one for one in moments if one <= now + AHEAD)])
