"""What must be repaired: channels, gaps, rows set aside, alarms, and where nobody sits. Owns SQL that only reads."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime

import msgspec
import sqlalchemy as sa

from handlers.digest.counting.within import (
    CITIZENS_PLATFORMS,
    MINUTE,
    Stretch,
    count,
    largest_first,
    of_tickets,
    spread_of,
)
from handlers.digest.scope import Scope, Whose
from handlers.digest.shapes import NOT_KNOWN, ChannelWork, Counts, Gap, Holes, Trouble
from handlers.understanding.taxonomy import taxonomy
from handlers.unreached import nobody_above, unreached
from store.directory import load_directory
from store.holes import holes as missing_of
from store.spending import posts_between
from store.tables import alarms, channels, events, gaps, inbox, outbox
from store.vocabulary import DeliveryState, InboxState, Platform


def trouble(conn: sa.Connection, time: Stretch, now: datetime) -> Trouble:
    """The whole office's, whatever the scope."""
    touching = (
        sa.select(channels.c.name, gaps.c.since_at, gaps.c.until_at)
        .join(channels, channels.c.id == gaps.c.channel_id)
        .where(gaps.c.since_at < time.end, gaps.c.until_at > time.start, gaps.c.settled_at.is_(None))
        .order_by(gaps.c.since_at, gaps.c.id)
    )
    work = _channels(conn, time, now)
    return Trouble(
        parked_inbox=count(conn, inbox, inbox.c.state == InboxState.PARKED),
        parked_outbox=count(conn, outbox, outbox.c.state == DeliveryState.PARKED),
        unknown_outbox=count(conn, outbox, outbox.c.state == DeliveryState.UNKNOWN),
        stopped_channels=tuple(one.channel for one in work if one.stopped),
        gaps=tuple(Gap(channel=row[0], since_at=row[1], until_at=row[2]) for row in conn.execute(touching)),
        older_gaps=count(conn, gaps, gaps.c.until_at <= time.start, gaps.c.settled_at.is_(None)),
        alarms=_alarms(conn),
        channels=work,
    )


def _alarms(conn: sa.Connection) -> Counts:
    still = sa.select(alarms.c.code, sa.func.count()).where(alarms.c.cleared_at.is_(None)).group_by(alarms.c.code)
    return largest_first({row[0]: row[1] for row in conn.execute(still)})


def _channels(conn: sa.Connection, time: Stretch, now: datetime) -> tuple[ChannelWork, ...]:
    """Every channel by name."""
    rows = conn.execute(sa.select(channels).order_by(channels.c.name)).all()
    lags: dict[int, list[float]] = defaultdict(list)
    wanted = sa.select(inbox.c.channel_id, inbox.c.occurred_at, inbox.c.received_at).where(
        time.holds(inbox.c.received_at), inbox.c.channel_id.in_([row.id for row in rows])
    )
    for channel_id, occurred_at, received_at in conn.execute(wanted):
        lags[channel_id].append((received_at - occurred_at) / MINUTE)
    unheard = (
        sa.select(inbox.c.channel_id, sa.func.min(inbox.c.received_at))
        .where(inbox.c.state == InboxState.PENDING)
        .group_by(inbox.c.channel_id)
    )
    oldest = {row[0]: row[1] for row in conn.execute(unheard)}
    posted = posts_between(conn, time.start, time.end)
    return tuple(
        ChannelWork(
            channel=row.name,
            platform=Platform(row.platform),
            stopped=row.stopped_at is not None,
            read=len(lags[row.id]),
            posted=posted.get(row.id, 0),
            lag=spread_of(lags[row.id] if row.platform in CITIZENS_PLATFORMS else ()),
            waiting_minutes=max((now - oldest[row.id]) / MINUTE, 0.0) if row.id in oldest else None,
        )
        for row in rows
    )


def holes(conn: sa.Connection, time: Stretch, scope: Scope, now: datetime) -> Holes:
    """Empty chairs that tickets met, and those that the next one would meet."""
    directory = load_directory(conn, now)
    known = taxonomy()
    found: dict[str, set[str]] = defaultdict(set)
    for one in unreached(directory, known):
        found[one.department].update(one.districts)
    above = {department: set(where) for department, where in nobody_above(directory, known.districts).items()}
    missing = Counter(
        one.code for one in missing_of(directory) if scope.whose is not Whose.DEPARTMENT or one.department == scope.code
    )
    return Holes(
        met=_met(conn, time, scope),
        unreached=_districts(found, scope),
        nobody_above=_districts(above, scope),
        missing=largest_first(missing if scope.whose is not Whose.DISTRICT else {}),
    )


def _met(conn: sa.Connection, time: Stretch, scope: Scope) -> Counts:
    wanted = sa.select(events.c.ticket_id, events.c.codes).where(
        time.holds(events.c.at), events.c.codes.contains('"holes"', autoescape=True)
    )
    met: set[tuple[int, str]] = set()
    for ticket_id, codes in conn.execute(of_tickets(wanted, events.c.ticket_id, scope)):
        met.add((ticket_id, msgspec.json.decode(codes).get("department") or NOT_KNOWN))
    return largest_first(Counter(department for _, department in met))


def _districts(found: Mapping[str, Iterable[str]], scope: Scope) -> Counts:
    """How many districts of each department, as far as the scope sees them."""
    counted = {}
    for department, districts in found.items():
        seen = [one for one in districts if scope.whose is not Whose.DISTRICT or one == scope.code]
        if scope.whose is not Whose.DEPARTMENT or department == scope.code:
            counted[department] = len(seen)
    return largest_first(counted)
