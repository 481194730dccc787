"""What must be repaired: channels, gaps, rows set aside, alarms, and where nobody sits. Owns SQL that only reads."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from functools import lru_cache

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
from handlers.understanding.taxonomy import Taxonomy, taxonomy
from handlers.unreached import nobody_above, unreached
from store.dialects import is_one_of
from store.directory import load_directory
from store.holes import holes as missing_of
from store.people import Directory
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
    set_aside = (
        sa.select(outbox.c.state, sa.func.count())
        .where(is_one_of(outbox.c.state, DeliveryState.PARKED, DeliveryState.UNKNOWN))
        .group_by(outbox.c.state)
    )
    aside = {row[0]: row[1] for row in conn.execute(set_aside)}
    return Trouble(
        parked_inbox=count(conn, inbox, is_one_of(inbox.c.state, InboxState.PARKED)),
        parked_outbox=aside.get(DeliveryState.PARKED, 0),
        unknown_outbox=aside.get(DeliveryState.UNKNOWN, 0),
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
    channel = inbox.c.channel_id + 0  # from the few that wait, not along everything that was ever read
    unheard = (
        sa.select(channel, sa.func.min(inbox.c.received_at))
        .where(is_one_of(inbox.c.state, InboxState.PENDING))
        .group_by(channel)
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
    found, above = _looked_over(_Same(directory))
    missing = Counter(
        one.code for one in missing_of(directory) if scope.whose is not Whose.DEPARTMENT or one.department == scope.code
    )
    return Holes(
        met=_met(conn, time, scope),
        unreached=_districts(found, scope),
        nobody_above=_districts(above, scope),
        missing=largest_first(missing if scope.whose is not Whose.DISTRICT else {}),
    )


class _Same:
    """A directory that is itself alone: store.directory gives the same one until something in it changes."""

    __slots__ = ("directory",)

    def __init__(self, directory: Directory) -> None:
        self.directory = directory

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.directory is self.directory

    def __hash__(self) -> int:
        return id(self.directory)


@lru_cache(maxsize=2)
def _looked_over(same: _Same) -> tuple[Mapping[str, set[str]], Mapping[str, set[str]]]:
    """By department, where nobody is found, and where nobody is above; each asked only about its own chairs and those that
    all share, since looking through a whole state's chairs for every case takes a second."""
    directory, known = same.directory, taxonomy()
    found: dict[str, set[str]] = defaultdict(set)
    above: dict[str, set[str]] = {}
    for department in known.departments:
        chairs = {code: post for code, post in directory.posts.items() if post.department in (department, None)}
        own = replace(directory, posts=chairs)
        for one in unreached(own, _matters_of(known, department)):
            if one.department == department:
                found[department].update(one.districts)
        above[department] = set(nobody_above(own, known.districts).get(department, ()))
    return found, above


def _matters_of(known: Taxonomy, department: str) -> Taxonomy:
    """The tables with those categories alone that this department may get."""
    rows = known.categories
    mine = {
        code: row
        for code, row in rows.items()
        if department in (row.department, row.rural_department, *row.other_departments)
    }
    return replace(known, categories=mine)


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
