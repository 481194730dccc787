"""Leave: an officer, or whoever holds a post, is away from one day to another, with or without a substitute.

Owns the SQL and the refusals. A leave has an end from the beginning and ends by itself; imports do not touch it. Who
sits in the chair meanwhile is decided in seating.py.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final

import sqlalchemy as sa

from store.directory import DirectoryRefused, leaves_where, load_directory
from store.numbers import OFFICE_ZONE
from store.people import Directory, Leave, Officer, Post
from store.seating import held_by, why_not
from store.tables import leaves

LONGEST: Final = timedelta(days=366)
_UNFIT: Final = {
    "no_post": "holds no post",
    "not_of_cmo": "is not of the CMO",
    "beneath": "stands beneath it and would read complaints about the own office",
}


@dataclass(frozen=True, slots=True)
class Away:
    """A leave and the chairs it empties."""

    leave: Leave
    posts: tuple[str, ...]

    @property
    def who(self) -> str:
        return self.leave.post or (self.leave.officer.name if self.leave.officer else "")


def begin_leave(
    conn: sa.Connection,
    who: str,
    first: date,
    last: date,
    now: datetime,
    *,
    substitute: str | None = None,
) -> Away:
    """Note that a post or an officer is away, both days included. Raises DirectoryRefused, then nothing changed."""
    directory = load_directory(conn, now)
    meant = _meant(directory, who)
    from_at = max(now, datetime.combine(first, time(0), OFFICE_ZONE))
    to_at = datetime.combine(last + timedelta(days=1), time(0), OFFICE_ZONE)
    _check_days(first, last, now.astimezone(OFFICE_ZONE).date())
    chairs = _chairs(directory, meant)
    if not chairs:
        raise DirectoryRefused(f"{_name(meant)} holds no post, so there is nothing to be away from.")
    mine = (leaves.c.post == meant.code) if isinstance(meant, Post) else (leaves.c.officer_id == meant.id)
    _check_free(conn, mine, _name(meant), from_at, to_at)
    other = None if substitute is None else _substitute(conn, directory, substitute, meant, chairs, from_at, to_at)
    row = {
        "post": meant.code if isinstance(meant, Post) else None,
        "officer_id": None if isinstance(meant, Post) else meant.id,
        "substitute_id": None if other is None else other.id,
        "from_at": from_at,
        "to_at": to_at,
    }
    number = conn.execute(leaves.insert().values(**row).returning(leaves.c.id)).scalar_one()
    return _away(directory, leaves_where(conn, leaves.c.id == number)[0])


def end_leave(conn: sa.Connection, who: str, now: datetime) -> Away:
    """They are back: the leave in force ends now, else the next one is called off. Raises DirectoryRefused."""
    directory = load_directory(conn, now)
    meant = _meant(directory, who)
    mine = (leaves.c.post == meant.code) if isinstance(meant, Post) else (leaves.c.officer_id == meant.id)
    found = leaves_where(conn, mine, leaves.c.to_at > now)
    if not found:
        raise DirectoryRefused(f"{_name(meant)} is not away; `smgt officers leave` lists who is, by post or by name.")
    stop_leave(conn, [found[0].id], now)
    return _away(directory, found[0])


def stop_leave(conn: sa.Connection, numbers: Collection[int], now: datetime) -> None:
    """End these leaves now; those that have not begun are taken back."""
    of_these = leaves.c.id.in_(sorted(numbers))
    conn.execute(leaves.delete().where(of_these, leaves.c.from_at >= now))
    conn.execute(leaves.update().where(of_these, leaves.c.to_at > now).values(to_at=now))


def leaves_from(conn: sa.Connection, now: datetime) -> list[Away]:
    """Who is away now or will be, the nearest first."""
    directory = load_directory(conn, now)
    return [_away(directory, one) for one in leaves_where(conn, leaves.c.to_at > now)]


def _away(directory: Directory, leave: Leave) -> Away:
    posts = directory.posts.values()
    if leave.post is not None:
        return Away(leave, (leave.post,))
    officer = leave.officer.id if leave.officer else 0
    return Away(leave, tuple(post.code for post in posts if any(one.id == officer for one in post.holders)))


def _meant(directory: Directory, who: str) -> Post | Officer:
    """The post of this code, else the one officer of this name or number."""
    who = " ".join(who.split())
    if who in directory.posts:
        return directory.posts[who]
    everybody = {one.id: one for post in directory.posts.values() for one in post.people}
    found = [one for one in everybody.values() if who.casefold() == one.name.casefold() or who == str(one.id)]
    if not found:
        raise DirectoryRefused(f"There is no post and no officer {who!r}; `smgt officers list` shows those there are.")
    if len(found) > 1:
        named = ", ".join(f"{one.name} ({one.id})" for one in found)
        raise DirectoryRefused(f"{who} could be {named}; name one of them by the number.")
    return found[0]


def _name(meant: Post | Officer) -> str:
    return meant.code if isinstance(meant, Post) else meant.name


def _chairs(directory: Directory, meant: Post | Officer) -> list[Post]:
    if isinstance(meant, Post):
        return [meant] if meant.holders else []
    return [post for post in directory.posts.values() if any(one.id == meant.id for one in post.holders)]


def _check_days(first: date, last: date, today: date) -> None:
    if last < first:
        raise DirectoryRefused(f"The leave would end ({last}) before it begins ({first}).")
    if first < today:
        raise DirectoryRefused(f"The leave would begin in the past ({first}); leave --from out to begin today.")
    if last - first > LONGEST:
        raise DirectoryRefused("A leave may last a year; to give the post away use `smgt officers handover`.")


def _check_free(
    conn: sa.Connection, mine: sa.ColumnElement[bool], name: str, from_at: datetime, to_at: datetime
) -> None:
    there = leaves_where(conn, mine, leaves.c.from_at < to_at, leaves.c.to_at > from_at)
    if there:
        days = _days(there[0])
        raise DirectoryRefused(f"{name} is away {days} already; end that first: `smgt officers back '{name}'`.")


def _days(leave: Leave) -> str:
    first, last = leave.from_at.astimezone(OFFICE_ZONE), (leave.to_at - timedelta(seconds=1)).astimezone(OFFICE_ZONE)
    return f"{first:%Y-%m-%d} to {last:%Y-%m-%d}"


def _substitute(
    conn: sa.Connection,
    directory: Directory,
    name: str,
    meant: Post | Officer,
    chairs: Collection[Post],
    from_at: datetime,
    to_at: datetime,
) -> Officer:
    """Who stands in, if they can: another officer, not away themselves, at each of the chairs."""
    other = _meant(directory, name)
    if isinstance(other, Post):
        if len(other.holders) != 1:
            raise DirectoryRefused(
                f"The post {other.code} has {len(other.holders)} holders; name the one who stands in."
            )
        other = other.holders[0]
    if other == meant or (isinstance(meant, Post) and other in meant.holders):
        raise DirectoryRefused(f"{other.name} cannot stand in for {_name(meant)}: they would be away themselves.")
    busy = leaves_where(conn, leaves.c.officer_id == other.id, leaves.c.from_at < to_at, leaves.c.to_at > from_at)
    if busy:
        raise DirectoryRefused(f"{other.name} is away {_days(busy[0])} and cannot stand in; name somebody else.")
    own = held_by(directory.posts.values()).get(other.id, [])
    for chair in chairs:
        if unfit := why_not(own, chair):
            raise DirectoryRefused(
                f"{other.name} cannot stand in at {chair.code}: {other.name} {_UNFIT[unfit]}. Name somebody else, or "
                "nobody: then the next chair up is rung."
            )
    return other
