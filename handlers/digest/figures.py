"""Every figure of a digest, counted in the database: the one module of queries behind all editions.

Owns SQL that only reads. It must not know words, languages or who reads them. What each figure means stands in
handlers/digest/shapes.py; a slow recount in the tests holds the two together.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from statistics import median
from typing import Any, Final

import msgspec
import sqlalchemy as sa

from handlers.digest.period import Period, office_day
from handlers.digest.shapes import (
    Counts,
    DailyFigures,
    Done,
    FirstReplies,
    Gap,
    Latest,
    Opened,
    Pending,
    Ranking,
    Received,
    Trouble,
)
from handlers.reconciling.parts import ABOUT_TICKETS, ANSWERED, IGNORED, PARKED, TICKETED, WAITING, part_of
from handlers.understanding.taxonomy import taxonomy
from store.tables import channels, events, gaps, inbox, outbox, satisfaction, tickets, transcript
from store.vocabulary import DeliveryState, Disposal, InboxState, Outcome, Platform, Sensitivity, Status

TOP: Final = 5
CITIZENS_PLATFORMS: Final = (Platform.X, Platform.FACEBOOK)
WITH_OFFICE: Final = (Status.ASSIGNED, Status.ACCEPTED)
AGE_BANDS: Final = (timedelta(hours=24), timedelta(days=3), timedelta(days=7))

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


def daily(conn: sa.Connection, start: datetime, end: datetime, *, now: datetime) -> DailyFigures:
    """The figures of the period from `start` up to, not including, `end`; what is pending is as of `now`.

    Times are aware UTC. Wants a transaction that sees one moment of the database (store.db.reading).
    """
    return DailyFigures(
        start=start,
        end=end,
        now=now,
        received=_received(conn, start, end),
        opened=_opened(conn, start, end),
        pending=_pending(conn, now),
        done=_done(conn, start, end),
        replies=_first_replies(conn, start, end),
        trouble=_trouble(conn, start, end),
    )


def _within(column: sa.ColumnElement[Any], start: datetime, end: datetime) -> sa.ColumnElement[bool]:
    return sa.and_(column >= start, column < end)


def _largest_first(counted: Mapping[str, int]) -> Counts:
    return {code: many for code, many in sorted(counted.items(), key=lambda one: (-one[1], one[0])) if many}


def _ranking(pairs: Iterable[tuple[str | None, int]]) -> Ranking:
    known: Counter[str] = Counter()
    unknown = 0
    for code, many in pairs:
        if code is None:
            unknown += many
        else:
            known[code] += many
    ordered = tuple(_largest_first(known).items())
    return Ranking(top=ordered[:TOP], others=sum(many for _, many in ordered[TOP:]), unknown=unknown)


# -- what came ---------------------------------------------------------------------------------------------------------


def _received(conn: sa.Connection, start: datetime, end: datetime) -> Received:
    has_ticket = inbox.c.ticket_id.is_not(None).label("has_ticket")
    grouped = (
        sa.select(channels.c.platform, inbox.c.state, inbox.c.result, has_ticket, sa.func.count().label("many"))
        .join(channels, channels.c.id == inbox.c.channel_id)
        .where(
            channels.c.platform.in_(CITIZENS_PLATFORMS),
            _within(inbox.c.received_at, start, end),
            ~inbox.c.event_key.startswith(REFUSED_PREFIX, autoescape=True),
        )
        .group_by(channels.c.platform, inbox.c.state, inbox.c.result, has_ticket)
    )
    platforms: Counter[str] = Counter()
    parts: Counter[str] = Counter()
    answered: Counter[str] = Counter()
    ignored: Counter[str] = Counter()
    for row in conn.execute(grouped):
        if row.result in NOT_A_POST:
            continue
        platforms[row.platform] += row.many
        part, code = part_of(row.state, row.result or "", has_ticket=bool(row.has_ticket))
        {ANSWERED: answered, IGNORED: ignored}.get(part, parts)[code] += row.many
    return Received(
        total=platforms.total(),
        by_platform=_largest_first(platforms),
        ticketed=parts[TICKETED],
        about_tickets=parts[ABOUT_TICKETS],
        answered=_largest_first(answered),
        ignored=_largest_first(ignored),
        parked=parts[PARKED],
        waiting=parts[WAITING],
    )


def _opened(conn: sa.Connection, start: datetime, end: datetime) -> Opened:
    columns = (
        tickets.c.platform,
        tickets.c.language,
        tickets.c.department,
        tickets.c.district,
        tickets.c.category,
    )
    grouped = (
        sa.select(*columns, sa.func.count().label("many"))
        .where(_within(tickets.c.opened_at, start, end))
        .group_by(*columns)
    )
    rows = conn.execute(grouped).all()
    platforms: Counter[str] = Counter()
    languages: Counter[str] = Counter()
    for row in rows:
        platforms[row.platform] += row.many
        languages[row.language] += row.many
    return Opened(
        total=platforms.total(),
        by_platform=_largest_first(platforms),
        by_language=_largest_first(languages),
        by_department=_ranking((row.department, row.many) for row in rows),
        by_district=_ranking((row.district, row.many) for row in rows),
        by_category=_ranking((_base(row.category), row.many) for row in rows),
    )


def _base(code: str | None) -> str | None:
    """The category as it is told: finer ones, sensitive ones among them, under what they roll up to."""
    return taxonomy().categories[code].base if code is not None else None


# -- what is pending ---------------------------------------------------------------------------------------------------


def _pending(conn: sa.Connection, now: datetime) -> Pending:
    """One pass over the tickets that have not ended, grouped by all that is told of them."""
    holder = (tickets.c.status, tickets.c.escalation_level, tickets.c.department)
    grouped = (
        sa.select(
            *holder,
            sa.func.count().label("many"),
            *(sa.func.count().filter(tickets.c.opened_at > now - band) for band in AGE_BANDS),
            sa.func.count().filter(_is_late(now)).label("late"),
            sa.func.count().filter(_is_due_today(now)).label("due_today"),
            sa.func.count().filter(_is_with_office(), tickets.c.owner_post.is_(None)).label("without_owner"),
        )
        .where(tickets.c.ended_at.is_(None))
        .group_by(*holder)
    )
    rows = conn.execute(grouped).all()
    statuses: Counter[str] = Counter()
    levels: Counter[int] = Counter()
    for row in rows:
        statuses[row.status] += row.many
        levels[row.escalation_level] += row.many
    bands = len(holder) + 1  # where the counts by age begin
    day, three_days, week = (sum(row[bands + place] for row in rows) for place in range(len(AGE_BANDS)))
    total = statuses.total()
    return Pending(
        total=total,
        by_status=_largest_first(statuses),
        ages=(day, three_days - day, week - three_days, total - week),
        due_today=sum(row.due_today for row in rows),
        late=sum(row.late for row in rows),
        late_by_department=_ranking((row.department, row.late) for row in rows if row.late),
        latest=_latest(conn, now),
        levels={level: many for level, many in sorted(levels.items()) if level},
        without_owner=sum(row.without_owner for row in rows),
    )


def _count(conn: sa.Connection, table: sa.Table, *where: sa.ColumnElement[bool]) -> int:
    return int(conn.execute(sa.select(sa.func.count()).select_from(table).where(*where)).scalar_one())


def _is_with_office() -> sa.ColumnElement[bool]:
    return tickets.c.status.in_(WITH_OFFICE)


def _is_late(now: datetime) -> sa.ColumnElement[bool]:
    """The office's clock stands still from `paused_at` on; what was over by then stays late."""
    reached = sa.func.coalesce(tickets.c.paused_at, sa.bindparam(None, now, type_=tickets.c.paused_at.type))
    return sa.and_(_is_with_office(), tickets.c.due_at < reached)


def _is_due_today(now: datetime) -> sa.ColumnElement[bool]:
    midnight = Period(office_day(now)).end
    return sa.and_(_is_with_office(), tickets.c.paused_at.is_(None), _within(tickets.c.due_at, now, midnight))


def _latest(conn: sa.Connection, now: datetime) -> Latest | None:
    """Among running clocks the earliest due is the latest; the few that stand still are compared one by one."""
    columns = (
        tickets.c.number,
        tickets.c.department,
        tickets.c.district,
        tickets.c.sensitivity,
        tickets.c.due_at,
        tickets.c.paused_at,
    )
    late = sa.select(*columns).where(_is_late(now))
    by_due = (tickets.c.due_at, tickets.c.number)
    running = conn.execute(late.where(tickets.c.paused_at.is_(None)).order_by(*by_due).limit(1)).all()
    standing = conn.execute(late.where(tickets.c.paused_at.is_not(None)).order_by(*by_due)).all()
    found = [((row.paused_at or now) - row.due_at, row) for row in (*running, *standing)]
    if not found:
        return None
    late_by, row = min(found, key=lambda one: (-one[0], one[1].number))
    return Latest(
        number=row.number,
        department=row.department,
        district=None if row.sensitivity == Sensitivity.SENSITIVE else row.district,
        hours=late_by / timedelta(hours=1),
    )


# -- what was done -----------------------------------------------------------------------------------------------------


def _done(conn: sa.Connection, start: datetime, end: datetime) -> Done:
    settled = (
        sa.select(satisfaction.c.outcome, sa.func.count())
        .where(satisfaction.c.outcome.is_not(None), _within(satisfaction.c.answered_at, start, end))
        .group_by(satisfaction.c.outcome)
    )
    ended = _tickets_by_event(conn, start, end, ("rejected", "withdrawn"))
    counted = (
        sa.select(satisfaction.c.disposal, sa.func.count())
        .where(_within(satisfaction.c.disposed_at, start, end))
        .group_by(satisfaction.c.disposal)
    )
    said: dict[str, int] = {row[0]: row[1] for row in conn.execute(counted)}
    solved = (
        _within(satisfaction.c.answered_at, start, end),
        satisfaction.c.outcome == Outcome.SATISFIED,
        satisfaction.c.disposal == Disposal.DONE,
    )
    return Done(
        disposed=sum(said.values()),
        otherwise=_largest_first({code: many for code, many in said.items() if code != Disposal.DONE}),
        outcomes=_largest_first({row[0]: row[1] for row in conn.execute(settled)}),
        solved=_count(conn, satisfaction, *solved),
        reopened=_reopened(conn, start, end),
        escalated=_escalated(conn, start, end),
        rejected=ended.get("rejected", 0),
        withdrawn=ended.get("withdrawn", 0),
    )


def _tickets_by_event(conn: sa.Connection, start: datetime, end: datetime, kinds: tuple[str, ...]) -> dict[str, int]:
    counted = (
        sa.select(events.c.kind, sa.func.count(events.c.ticket_id.distinct()))
        .where(events.c.kind.in_(kinds), _within(events.c.at, start, end))
        .group_by(events.c.kind)
    )
    return {row[0]: row[1] for row in conn.execute(counted)}


def _reopened(conn: sa.Connection, start: datetime, end: datetime) -> tuple[int, int, int]:
    """Told from the history, so that the figures of a past day stay what they were."""
    today = sa.select(events.c.ticket_id).where(events.c.kind == "reopened", _within(events.c.at, start, end))
    counted = (
        sa.select(sa.func.count())
        .where(events.c.kind == "reopened", events.c.at < end, events.c.ticket_id.in_(today))
        .group_by(events.c.ticket_id)
    )
    times = [int(many) for many in conn.scalars(counted)]
    return times.count(1), times.count(2), sum(many > 2 for many in times)


def _escalated(conn: sa.Connection, start: datetime, end: datetime) -> dict[int, int]:
    wanted = sa.select(events.c.ticket_id, events.c.codes).where(
        events.c.kind == "escalated", _within(events.c.at, start, end)
    )
    highest: dict[int, int] = {}
    for ticket_id, codes in conn.execute(wanted):
        level = int(msgspec.json.decode(codes)["level"])
        highest[ticket_id] = max(level, highest.get(ticket_id, 0))
    return dict(sorted(Counter(highest.values()).items()))


def _first_replies(conn: sa.Connection, start: datetime, end: datetime) -> FirstReplies:
    said = (
        sa.select(transcript.c.ticket_id, sa.func.min(transcript.c.occurred_at).label("said_at"))
        .join(tickets, tickets.c.id == transcript.c.ticket_id)
        .where(transcript.c.speaker == "citizen", _within(tickets.c.opened_at, start, end))
        .group_by(transcript.c.ticket_id)
        .subquery()
    )
    replied = (
        sa.select(outbox.c.ticket_id, sa.func.min(outbox.c.sent_at).label("replied_at"))
        .join(tickets, tickets.c.id == outbox.c.ticket_id)
        .join(channels, channels.c.id == outbox.c.channel_id)
        .where(
            outbox.c.state == DeliveryState.SENT,
            channels.c.platform.in_(CITIZENS_PLATFORMS),  # what goes there is a public reply
            _within(tickets.c.opened_at, start, end),
        )
        .group_by(outbox.c.ticket_id)
        .subquery()
    )
    pairs = sa.select(said.c.said_at, replied.c.replied_at).join(replied, replied.c.ticket_id == said.c.ticket_id)
    waited = sorted(max((row[1] - row[0]) / timedelta(minutes=1), 0.0) for row in conn.execute(pairs))
    return FirstReplies(
        replied=len(waited),
        unreplied=_count(conn, tickets, _within(tickets.c.opened_at, start, end)) - len(waited),
        median=median(waited) if waited else None,
        ninth_decile=waited[math.ceil(len(waited) * 0.9) - 1] if waited else None,
    )


# -- what must be repaired ---------------------------------------------------------------------------------------------


def _trouble(conn: sa.Connection, start: datetime, end: datetime) -> Trouble:
    stopped = sa.select(channels.c.name).where(channels.c.stopped_at.is_not(None)).order_by(channels.c.name)
    touching = (
        sa.select(channels.c.name, gaps.c.since_at, gaps.c.until_at)
        .join(channels, channels.c.id == gaps.c.channel_id)
        .where(gaps.c.since_at < end, gaps.c.until_at > start, gaps.c.settled_at.is_(None))
        .order_by(gaps.c.since_at, gaps.c.id)
    )
    return Trouble(
        parked_inbox=_count(conn, inbox, inbox.c.state == InboxState.PARKED),
        parked_outbox=_count(conn, outbox, outbox.c.state == DeliveryState.PARKED),
        unknown_outbox=_count(conn, outbox, outbox.c.state == DeliveryState.UNKNOWN),
        stopped_channels=tuple(conn.scalars(stopped)),
        gaps=tuple(Gap(channel=row[0], since_at=row[1], until_at=row[2]) for row in conn.execute(touching)),
        older_gaps=_count(conn, gaps, gaps.c.until_at <= start, gaps.c.settled_at.is_(None)),
    )
