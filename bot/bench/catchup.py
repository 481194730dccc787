"""A day's outage of the reading: thousands of mentions missed on X; how they are read, decided and answered afterwards.

Owns the posts of that day, the clock's waits and the counting of what was lost or doubled. Everything is real but the
platform: tweepy over HTTP against the emulated X, which keeps X's windows of 15 minutes on the stepped office clock.
"""

from __future__ import annotations

import asyncio
import random
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from bot.clocks import machine_seconds
from bot.demo.posts import shipped_posts
from bot.demo.stage import Stage, stage
from bot.sandbox.server import X_HANDLE
from store import inbox
from store.db import reading
from store.outbox import count_by_state
from store.tables import gaps, tickets
from store.tables import inbox as inbox_table
from store.tables import outbox as outbox_table
from store.vocabulary import DeliveryState, InboxState, Platform

Progress = Callable[[str, int, int], None]
"""Told of each step: what is being done, how much of it is done, of how many."""

OUTAGE = timedelta(hours=24)
REPEATERS = 0.2  # share of posts by people who write several times that day
SEND_AT_ONCE = 200


@dataclass(slots=True)
class Measured:
    """What came of it. Seconds are of the machine, minutes of the office clock, which moves by waits only."""

    posts: int
    read: int = 0
    decided: int = 0
    parked: int = 0
    lost: int = 0
    doubled: int = 0
    out_of_order: int = 0  # posts decided before an earlier one of the same account
    gaps: int = 0
    tickets: int = 0
    answers: int = 0  # replies queued
    read_seconds: float = 0.0
    decide_seconds: float = 0.0
    decisions_per_second: float = 0.0
    read_wait_minutes: float = 0.0
    rate_limited: int = 0
    requests: dict[str, int] = field(default_factory=dict)
    sending: dict[str, float] | None = None

    @property
    def clean(self) -> bool:
        """Whether every post was decided once, in its author's order."""
        whole = self.read == self.posts == self.decided + self.parked
        return whole and not (self.lost or self.doubled or self.out_of_order or self.gaps or self.parked)

    def as_json(self) -> dict[str, Any]:
        return {"clean": self.clean, **asdict(self)}


async def measure(
    posts: int, *, seed: int, send: bool, progress: Progress, database_url: str | None = None
) -> Measured:
    """Play it once."""
    async with _office(database_url) as ready:
        await ready.hear(Platform.X)
        written = _post(ready, posts, random.Random(seed), progress)
        found = Measured(posts)
        asked_before = Counter(ready.sandbox.x.asked)
        await _read(ready, found, progress)
        _decide(ready, found, progress)
        _count(ready, written, found)
        found.requests = _requests(ready.sandbox.x.asked - asked_before)
        found.rate_limited = sum(
            many for (_, status), many in (ready.sandbox.x.asked - asked_before).items() if status == 429
        )
        if send:
            found.sending = await _send(ready, written, progress)
        return found


@asynccontextmanager
async def _office(database_url: str | None) -> AsyncIterator[Stage]:
    with tempfile.TemporaryDirectory(prefix="smgt-bench-") as folder:
        async with stage(Path(folder), database_url=database_url, limit_scale=1.0) as ready:
            yield ready


# -- the day nobody read -------------------------------------------------------------------------------------------------


def _post(ready: Stage, posts: int, chance: random.Random, progress: Progress) -> dict[str, str]:
    """People write all day; post id -> who wrote it, oldest first."""
    texts = [post.text for post in shipped_posts()]
    moments = sorted(chance.uniform(0, OUTAGE.total_seconds()) for _ in range(posts))
    repeaters = [f"often{number}" for number in range(max(1, posts // 20))]
    begun, written = ready.now, {}
    for number, at in enumerate(moments):
        ready.sandbox.world.clock.advance_to(begun + timedelta(seconds=at))
        who = chance.choice(repeaters) if chance.random() < REPEATERS else f"citizen{number}"
        text = texts[number % len(texts)]
        said = text if f"@{X_HANDLE}" in text else f"@{X_HANDLE} {text}"
        written[ready.sandbox.x.post(who, said)] = who
        progress("writing", number + 1, posts)
    ready.sandbox.world.clock.advance_to(begun + OUTAGE)
    return written


# -- afterwards ------------------------------------------------------------------------------------------------------------


async def _read(ready: Stage, found: Measured, progress: Progress) -> None:
    """Read until caught up, waiting as the platform says."""
    intake, clock = ready.account(Platform.X).intake, ready.sandbox.world.clock
    begun, office_begun = machine_seconds(), ready.now
    reading_on = asyncio.create_task(_tell_kept(ready, found.posts, progress))
    try:
        while True:
            new = await intake.read_once()
            if intake.paused_until is not None:
                clock.advance_to(intake.paused_until)
            elif intake.next_read_in() > 0:
                await asyncio.sleep(intake.next_read_in())
            elif new == 0:
                break
    finally:
        reading_on.cancel()
    found.read_seconds = round(machine_seconds() - begun, 2)
    found.read_wait_minutes = round((ready.now - office_begun) / timedelta(minutes=1), 1)


async def _tell_kept(ready: Stage, posts: int, progress: Progress) -> None:
    while True:
        with reading(ready.office.engine) as conn:
            progress("reading", min(posts, sum(inbox.count_by_state(conn, _x(ready)).values())), posts)
        await asyncio.sleep(0.2)


def _decide(ready: Stage, found: Measured, progress: Progress) -> None:
    begun, done = machine_seconds(), 0
    while decided := ready.office.desk.decide_batch():
        done += decided
        progress("deciding", min(done, found.posts), found.posts)
    found.decide_seconds = round(machine_seconds() - begun, 2)
    found.decisions_per_second = round(done / max(found.decide_seconds, 0.001), 1)


def _x(ready: Stage) -> int:
    return ready.account(Platform.X).channel.id


def _requests(asked: Counter[tuple[str, int]]) -> dict[str, int]:
    """How often each operation was asked, refused requests included."""
    total: Counter[str] = Counter()
    for (operation, _), many in asked.items():
        total[operation] += many
    return dict(sorted(total.items()))


def _count(ready: Stage, written: dict[str, str], found: Measured) -> None:
    """Compare what the database holds with what was written, post by post."""
    channel = _x(ready)
    with reading(ready.office.engine) as conn:
        rows = conn.execute(
            sa.select(inbox_table.c.id, inbox_table.c.event_key, inbox_table.c.state, inbox_table.c.decided_at)
            .where(inbox_table.c.channel_id == channel)
            .order_by(inbox_table.c.id)
        ).all()
        answers = conn.execute(
            sa.select(outbox_table.c.step_id, sa.func.count())
            .where(outbox_table.c.channel_id == channel)
            .group_by(outbox_table.c.step_id)
        ).all()
        opened = Counter(conn.scalars(sa.select(tickets.c.first_message_id)))
        found.gaps = conn.execute(sa.select(sa.func.count()).select_from(gaps)).scalar_one()
    heard = Counter(row.event_key.partition(":")[0] for row in rows)
    states = Counter(row.state for row in rows if row.event_key.partition(":")[0] in written)
    found.read = sum(1 for post in written if heard[post])
    found.decided, found.parked = states[InboxState.DONE], states[InboxState.PARKED]
    found.lost = sum(1 for post in written if not heard[post]) + states[InboxState.PENDING]
    found.doubled = sum(many - 1 for post, many in heard.items() if post in written and many > 1)
    found.doubled += sum(many - 1 for many in opened.values() if many > 1)
    found.tickets, found.answers = sum(opened.values()), sum(many for _, many in answers)
    found.out_of_order = _out_of_order([row.event_key.partition(":")[0] for row in rows], written)


def _out_of_order(kept: list[str], written: dict[str, str]) -> int:
    """Posts that were kept, and so are decided, before an earlier one of their writer."""
    newest: dict[str, int] = {}
    wrong = 0
    for post in kept:
        who = written.get(post)
        if who is not None:
            wrong += int(post) < newest.get(who, 0)
            newest[who] = max(newest.get(who, 0), int(post))
    return wrong


# -- answering it ------------------------------------------------------------------------------------------------------------


async def _send(ready: Stage, written: dict[str, str], progress: Progress) -> dict[str, float]:
    """Send all replies within X's limits; hours of the office clock until each part of the backlog was answered."""
    delivery, clock, channel = ready.account(Platform.X).delivery, ready.sandbox.world.clock, _x(ready)
    begun = ready.now
    with reading(ready.office.engine) as conn:
        total = sum(count_by_state(conn, channel).values())
    while True:
        await delivery.send_due(limit=SEND_AT_ONCE)
        with reading(ready.office.engine) as conn:
            counts = count_by_state(conn, channel)
        due = delivery.next_due()
        progress("sending", counts[DeliveryState.SENT], total)
        if due is None:
            break
        clock.advance_to(max(due, ready.now + timedelta(seconds=1)))
    return _answered(ready, begun, written)


def _answered(ready: Stage, begun: datetime, written: dict[str, str]) -> dict[str, float]:
    """Hours after the outage at which posts of each part of the backlog were answered, as X shows it."""
    with reading(ready.office.engine) as conn:
        urgent = conn.scalars(
            sa.select(outbox_table.c.sent_at).where(
                outbox_table.c.channel_id == _x(ready), outbox_table.c.urgent, outbox_table.c.sent_at.is_not(None)
            )
        ).all()
    standing = [post for post in ready.sandbox.x.posts_by(X_HANDLE) if post.parent_id in written]
    first = {str(post.parent_id): (post.created_at - begun) / timedelta(hours=1) for post in reversed(standing)}
    hours = [first[post] for post in written if post in first]
    tenth = max(1, len(hours) // 10)
    told = {
        "sent": len(standing),
        "doubled_on_x": len(standing) - len(first),
        "urgent": len(urgent),
        "last_urgent_hours": max(((at - begun) / timedelta(hours=1) for at in urgent), default=0.0),
        "newest_tenth_median_hours": sorted(hours[-tenth:])[tenth // 2] if hours else 0.0,
        "oldest_tenth_median_hours": sorted(hours[:tenth])[tenth // 2] if hours else 0.0,
        "all_hours": max(hours, default=0.0),
    }
    return {name: round(value, 2) for name, value in told.items()}
