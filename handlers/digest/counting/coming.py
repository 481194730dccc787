"""What came: posts received, tickets opened, and how soon they were first replied to. Owns SQL that only reads."""

from __future__ import annotations

from collections import Counter
from typing import Final

import sqlalchemy as sa

from handlers.digest.counting.within import (
    CITIZENS_PLATFORMS,
    MINUTE,
    Stretch,
    by_code,
    in_scope,
    largest_first,
    of_tickets,
    spread_of,
)
from handlers.digest.scope import Scope
from handlers.digest.shapes import FirstReplies, Opened, Received
from handlers.reconciling.parts import ABOUT_TICKETS, ANSWERED, IGNORED, PARKED, TICKETED, WAITING, part_of
from handlers.understanding.taxonomy import told_as
from store.tables import channels, inbox, outbox, tickets, transcript
from store.vocabulary import DeliveryState

# Results of inbox rows that are not a new post of a citizen.
NOT_A_POST: Final = frozenset(
    {
        "human",
        "edited",
        "words_withdrawn",
        "author_shown",
        "ignored:echo",
        "ignored:own_post",
        "ignored:edited",
        "ignored:deleted",
        "ignored:also_tagged",
    }
)
REFUSED_PREFIX: Final = "refused:"  # event keys of store.inbound.Undeliverable


def received(conn: sa.Connection, time: Stretch, scope: Scope) -> Received:
    """Posts, each in one part."""
    has_ticket = inbox.c.ticket_id.is_not(None).label("has_ticket")
    grouped = (
        sa.select(channels.c.platform, inbox.c.state, inbox.c.result, has_ticket, sa.func.count().label("many"))
        .join(channels, channels.c.id == inbox.c.channel_id)
        .where(
            channels.c.platform.in_(CITIZENS_PLATFORMS),
            time.holds(inbox.c.received_at),
            ~inbox.c.event_key.startswith(REFUSED_PREFIX, autoescape=True),
        )
        .group_by(channels.c.platform, inbox.c.state, inbox.c.result, has_ticket)
    )
    platforms: Counter[str] = Counter()
    parts: Counter[str] = Counter()
    answered: Counter[str] = Counter()
    ignored: Counter[str] = Counter()
    for row in conn.execute(of_tickets(grouped, inbox.c.ticket_id, scope)):
        if row.result in NOT_A_POST:
            continue
        platforms[row.platform] += row.many
        part, code = part_of(row.state, row.result or "", has_ticket=bool(row.has_ticket))
        {ANSWERED: answered, IGNORED: ignored}.get(part, parts)[code] += row.many
    return Received(
        total=platforms.total(),
        by_platform=largest_first(platforms),
        ticketed=parts[TICKETED],
        about_tickets=parts[ABOUT_TICKETS],
        answered=largest_first(answered),
        ignored=largest_first(ignored),
        parked=parts[PARKED],
        waiting=parts[WAITING],
    )


def opened(conn: sa.Connection, time: Stretch, scope: Scope) -> Opened:
    """Tickets by all that is told of them, in one pass."""
    columns = (
        tickets.c.platform,
        tickets.c.language,
        tickets.c.department,
        tickets.c.district,
        tickets.c.category,
    )
    grouped = sa.select(*columns, sa.func.count().label("many")).where(time.holds(tickets.c.opened_at))
    rows = conn.execute(grouped.where(*in_scope(scope)).group_by(*columns)).all()
    return Opened(
        total=sum(row.many for row in rows),
        by_platform=by_code((row.platform, row.many) for row in rows),
        by_language=by_code((row.language, row.many) for row in rows),
        by_department=by_code((row.department, row.many) for row in rows),
        by_district=by_code((row.district, row.many) for row in rows),
        by_category=by_code((told_as(row.category), row.many) for row in rows),
    )


def first_replies(conn: sa.Connection, time: Stretch, scope: Scope) -> FirstReplies:
    """Minutes from the citizen's first words to our first message that went out under them."""
    wanted = (time.holds(tickets.c.opened_at), *in_scope(scope))
    # Ticket by ticket: a join would have SQLite walk through everything that was ever said.
    said = (
        sa.select(sa.func.min(transcript.c.occurred_at))
        .where(transcript.c.ticket_id == tickets.c.id, transcript.c.speaker == "citizen")
        .scalar_subquery()
    )
    public = sa.select(channels.c.id).where(channels.c.platform.in_(CITIZENS_PLATFORMS))
    replied = (
        sa.select(sa.func.min(outbox.c.sent_at))
        .where(
            outbox.c.ticket_id == tickets.c.id,
            outbox.c.state == DeliveryState.SENT,
            outbox.c.channel_id.in_(list(conn.scalars(public))),
        )
        .scalar_subquery()
    )
    pairs = conn.execute(sa.select(said, replied).where(*wanted)).all()
    waited = spread_of((row[1] - row[0]) / MINUTE for row in pairs if row[0] and row[1])
    return FirstReplies(
        replied=waited.many,
        unreplied=len(pairs) - waited.many,
        median=waited.median,
        ninth_decile=waited.ninth_decile,
    )
