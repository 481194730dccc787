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
from store.inbound import message_of_key
from store.tables import channels, events, inbox, outbox, satisfaction, tickets, transcript
from store.vocabulary import Platform

CITIZENS = (Platform.X.value, Platform.FACEBOOK.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What the demo's days brought. `lost`: posts never decided, or complaints never answered; `doubled`: messages on a
    platform that no row of ours stands for, equal texts under one post, and second tickets of one post.
    """

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


@dataclass(frozen=True, slots=True)
class Posted:
    """A citizen's post or comment."""

    platform: Platform
    id: str
    thread: str
    at: str  # ISO 8601, UTC


@dataclass(frozen=True, slots=True)
class OurWords:
    """A reply of ours as the platform shows it."""

    platform: Platform
    id: str
    parent: str
    thread: str
    text: str
    at: str

    def answers(self, post: Posted) -> bool:
        """Under the post itself; Facebook hangs a reply to a reply under the top comment, so there: later in its thread."""
        if self.platform is not post.platform:
            return False
        if self.platform is Platform.X:
            return self.parent == post.id
        return self.thread == post.thread and self.at >= post.at


def tally(stage: Stage) -> Tally:
    """Compare what the platforms show with what the tables say."""
    posted = everything_posted(stage)
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
        sent = set(conn.execute(sa.select(outbox.c.sent_id).where(outbox.c.sent_id.is_not(None))).scalars())
    decided = {message_of_key(row.event_key): row for row in rows if row.state == "done"}
    words = _our_words(stage)
    doubled = sum(1 for one in words if one.id not in sent)
    doubled += sum(count - 1 for count in Counter((one.platform, one.parent, one.text) for one in words).values())
    lost = []
    for post in posted:
        row = decided.get(post.id)
        complaint = row is not None and str(row.result).startswith("ticketed")
        if row is None or (complaint and not any(one.answers(post) for one in words)):
            lost.append(post.id)
    doubled += sum(count - 1 for key, count in first_posts.items() if count > 1 and key)
    return Tally(
        posts=len(posted),
        complaints=sum(
            1
            for row in decided.values()
            if str(row.result).startswith(("ticketed", "answered:outside", "answered:referral"))
        ),
        tickets=int(opened),
        replies=len(words),
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


def _our_words(stage: Stage) -> list[OurWords]:
    """Every reply that SMGT made, as the platforms show it; what people wrote with our accounts is left out."""
    words = []
    for post in stage.sandbox.x.posts_by("cmohry"):
        one = post.as_json()
        if one["by_api"]:
            thread, at = str(one["conversation_id"]), str(one["created_at"])
            words.append(
                OurWords(Platform.X, str(one["id"]), str(one["in_reply_to"] or ""), thread, str(one["text"]), at)
            )
    for comment in stage.sandbox.facebook.posts_by_page():
        if comment["by_program"]:
            thread, at = str(comment["post_id"]), str(comment["created_at"])
            parent = str(comment["parent_id"] or thread)
            words.append(OurWords(Platform.FACEBOOK, str(comment["id"]), parent, thread, str(comment["text"]), at))
    return words


def everything_posted(stage: Stage) -> list[Posted]:
    """Every post of citizens that still stands, as the platforms know it."""
    posted = [
        Posted(Platform.X, str(post["id"]), str(post["conversation_id"]), str(post["created_at"]))
        for post in stage.sandbox.x.dump()["posts"]
        if not post["by_api"] and not post["deleted"] and post["author"] != "cmohry" and not post["repost_of"]
    ]
    stories = stage.sandbox.facebook.dump()["stories"]
    posted += [
        Posted(Platform.FACEBOOK, str(story["id"]), str(story["post_id"]), str(story["created_at"]))
        for story in stories
        if not story["by_page"] and not story["deleted"]
    ]
    return posted


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
