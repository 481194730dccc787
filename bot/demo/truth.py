"""The platforms' own truth against the database: was every post answered, and once?

Owns the comparison. It reads the emulators' state and the tables, and trusts neither the desk nor the delivery.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from statistics import median

import sqlalchemy as sa

from bot.demo.stage import Stage
from store.db import reading
from store.tables import accounts, channels, events, inbox, outbox, satisfaction, tickets, transcript
from store.vocabulary import Platform

CITIZENS = (Platform.X.value, Platform.FACEBOOK.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What the demo's days brought. `lost`: posts never decided, or complaints never answered; `doubled`: second copies."""

    posts: int
    complaints: int
    tickets: int
    replies: int
    lost: int
    doubled: int
    disposed: int
    satisfied: int
    reopened: int
    escalated: int
    median_reply_seconds: float | None
    by_department: tuple[tuple[str, int], ...]
    lost_ids: tuple[str, ...] = ()


def tally(stage: Stage, posted: dict[tuple[Platform, str], str]) -> Tally:
    """Compare. `posted`: what citizens wrote, (platform, id) -> text."""
    with reading(stage.office.engine) as conn:
        rows = conn.execute(
            sa.select(inbox.c.event_key, inbox.c.result, inbox.c.state, inbox.c.ticket_id, channels.c.platform)
            .join(channels, channels.c.id == inbox.c.channel_id)
            .where(channels.c.platform.in_(CITIZENS))
        ).all()
        opened = conn.execute(sa.select(sa.func.count()).select_from(tickets)).scalar_one()
        first_posts = Counter(conn.execute(sa.select(tickets.c.first_message_id)).scalars())
        by_department = conn.execute(
            sa.select(tickets.c.department, sa.func.count())
            .where(tickets.c.department.is_not(None))
            .group_by(tickets.c.department)
            .order_by(sa.func.count().desc(), tickets.c.department)
        ).all()
        kinds = Counter(conn.execute(sa.select(events.c.kind)).scalars())
        satisfied = conn.execute(
            sa.select(sa.func.count()).select_from(satisfaction).where(satisfaction.c.outcome == "satisfied")
        ).scalar_one()
        delays = _delays(conn)
    decided = {_message_of(row.event_key): row for row in rows if row.state == "done"}
    answered, doubled = _answers(stage)
    lost = []
    for platform, post_id in posted:
        row = decided.get(post_id)
        complaint = row is not None and str(row.result).startswith("ticketed")
        if row is None or (complaint and not answered[(platform, post_id)]):
            lost.append(post_id)
    doubled += sum(count - 1 for key, count in first_posts.items() if count > 1 and key)
    return Tally(
        posts=len(posted),
        complaints=sum(
            1
            for row in decided.values()
            if str(row.result).startswith(("ticketed", "answered:outside", "answered:referral"))
        ),
        tickets=int(opened),
        replies=sum(answered.values()),
        lost=len(lost),
        doubled=doubled,
        disposed=kinds["disposed"],
        satisfied=int(satisfied),
        reopened=kinds["reopened"],
        escalated=kinds["escalated"],
        median_reply_seconds=median(delays) if delays else None,
        by_department=tuple((str(row[0]), int(row[1])) for row in by_department),
        lost_ids=tuple(lost[:10]),
    )


def _message_of(event_key: str) -> str:
    """The message id inside an event key: X `<id>:<edit>`, Facebook `posted:<id>:<time>`."""
    parts = event_key.split(":")
    return parts[1] if parts[0] in ("posted", "edited", "deleted") else parts[0]


def _answers(stage: Stage) -> tuple[Counter[tuple[Platform, str]], int]:
    """Replies of ours under each post as the platforms show them, and how many texts stand twice under one post."""
    under: Counter[tuple[Platform, str]] = Counter()
    texts: Counter[tuple[Platform, str, str]] = Counter()
    for platform, parent, text in _our_words(stage):
        under[(platform, parent)] += 1
        texts[(platform, parent, text)] += 1
    return under, sum(count - 1 for count in texts.values())


def _our_words(stage: Stage) -> list[tuple[Platform, str, str]]:
    words = []
    for post in stage.sandbox.x.posts_by("cmohry"):
        one = post.as_json()
        words.append((Platform.X, str(one.get("in_reply_to") or ""), str(one["text"])))
    for comment in stage.sandbox.facebook.posts_by_page():
        words.append((Platform.FACEBOOK, str(comment["parent_id"] or comment["post_id"]), str(comment["text"])))
    return words


def _delays(conn: sa.Connection) -> list[float]:
    """Seconds from a complaint on the platform to our first reply there, on the office clock."""
    first = (
        sa.select(outbox.c.ticket_id, sa.func.min(outbox.c.sent_at).label("sent_at"))
        .join(channels, channels.c.id == outbox.c.channel_id)
        .where(channels.c.platform.in_(CITIZENS), outbox.c.sent_at.is_not(None))
        .group_by(outbox.c.ticket_id)
        .subquery()
    )
    query = (
        sa.select(first.c.sent_at, transcript.c.occurred_at)
        .join(tickets, tickets.c.id == first.c.ticket_id)
        .join(
            transcript,
            sa.and_(
                transcript.c.ticket_id == tickets.c.id,
                transcript.c.message_id == tickets.c.first_message_id,
                transcript.c.speaker == "citizen",
                transcript.c.version == 1,
            ),
        )
    )
    return [(row.sent_at - row.occurred_at).total_seconds() for row in conn.execute(query) if row.sent_at]


def citizens_known(stage: Stage) -> int:
    """How many accounts have written."""
    with reading(stage.office.engine) as conn:
        return int(conn.execute(sa.select(sa.func.count()).select_from(accounts)).scalar_one())
