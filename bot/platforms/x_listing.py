"""The pages of an X listing as events in order, and what of them is no event.

Owns the telling apart: one post that cannot be read must not cost the others. Pure. It must not know how a page was
asked for, nor what a post means (x_posts).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from bot.platforms.port import Batch, Identity
from bot.platforms.x_posts import Included, Json, inbound_of
from store.inbound import Inbound, Unreadable

AHEAD = timedelta(minutes=5)  # X's clock may be so far ahead of ours


def order(post_id: str) -> tuple[int, str]:
    """Post ids grow with time and differ in length."""
    return len(post_id), post_id


@dataclass(slots=True)
class Listed:
    """Posts of some pages, each once. `newest` and `oldest`: their times, as far as they can be believed."""

    events: dict[str, Inbound] = field(default_factory=dict)
    unreadable: dict[str, Unreadable] = field(default_factory=dict)
    newest: datetime | None = None
    oldest: datetime | None = None

    def __len__(self) -> int:
        return len(self.events)

    def add(self, other: Listed) -> None:
        """Take another page in."""
        self.events |= other.events
        self.unreadable |= other.unreadable
        times = [one for one in (self.newest, self.oldest, other.newest, other.oldest) if one is not None]
        self.newest, self.oldest = max(times, default=None), min(times, default=None)

    def batches(self, cursor: str | None = None, value: datetime | str = "", size: int = 100) -> Iterator[Batch]:
        """All of it, oldest first; the cursor moves with the last batch."""
        events = sorted(self.events.values(), key=lambda one: (one.occurred_at, order(one.message_id)))
        parts = [tuple(events[start : start + size]) for start in range(0, len(events), size)] or [()]
        for part in parts[:-1]:
            yield Batch(part)
        moved = {cursor: value if isinstance(value, str) else value.isoformat()} if cursor else {}
        yield Batch(parts[-1], moved, unreadable=tuple(self.unreadable.values()))


def listed(page: Json, us: Identity, now: datetime) -> Listed:
    """One page. A time that lies ahead of `now` is not believed."""
    found = Listed()
    included = Included.of(page)
    for post in page.get("data") or []:
        try:
            event = inbound_of(_with_an_id(post), included, us)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError, OSError) as error:
            one = _unreadable(post, error)
            found.unreadable[one.key] = one
            continue
        if event.occurred_at <= now + AHEAD:
            found.newest = max(found.newest or event.occurred_at, event.occurred_at)
            found.oldest = min(found.oldest or event.occurred_at, event.occurred_at)
        else:
            event = replace(event, occurred_at=now)
        found.events[event.key] = event
    return found


def _with_an_id(post: Any) -> Json:
    """Raises ValueError for what cannot be a post."""
    if not isinstance(post, dict):
        raise ValueError("it is no object")
    if not str(post.get("id") or "").isdigit():
        raise ValueError("it has no id")
    return {**post, "id": str(post["id"])}


def _unreadable(post: Any, error: Exception) -> Unreadable:
    known = str(post.get("id") or "") if isinstance(post, dict) else ""
    name = known if known.isdigit() else hashlib.sha256(repr(post).encode("utf-8", "replace")).hexdigest()[:32]
    why = str(error) if isinstance(error, ValueError) and str(error).startswith("it ") else type(error).__name__
    return Unreadable(f"malformed:{name}", f"X listed a post that cannot be read ({why})")
