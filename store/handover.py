"""A post changes hands in one step: the new holder sits in the chair, the old account can no longer act from it.

Owns the SQL of that step. Open tickets and buttons hang on the post and need no moving; drafts hang on a person and are
given to the new one. It must not know how tickets are routed.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from store.directory import DirectoryRefused, leaves_where, load_directory
from store.invites import create_invite
from store.leave import stop_leave
from store.people import Officer
from store.tables import drafts, holdings, invites, leaves, officers, tickets
from store.vocabulary import Status

WITH_OFFICE = (Status.ASSIGNED, Status.ACCEPTED)
LONGEST_NAME = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Handover:
    """What changed. `revoked`: who is nobody on Telegram any more, since they hold no other post; `token` invites the
    new holder, where they have not joined yet. `uncovered`: whose substitute left with this.
    """

    post: str
    before: tuple[str, ...]
    now: str
    tickets: int
    drafts: int
    revoked: tuple[str, ...]
    token: str | None
    leave_ended: bool
    uncovered: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Plain data, the token left out: it is a key."""
        told = asdict(self)
        del told["token"]
        return told


def hand_over(conn: sa.Connection, post_code: str, name: str, now: datetime, valid: timedelta) -> Handover:
    """Give the post to the officer of this name, in the caller's writing transaction. Raises DirectoryRefused.

    Officers are known by their name: one who holds another post keeps it and is linked already.
    """
    name = " ".join(name.split())
    post = load_directory(conn, now).posts.get(post_code)
    if post is None:
        raise DirectoryRefused(f"There is no post {post_code!r}; `smgt officers list` shows those there are.")
    if not name or len(name) > LONGEST_NAME:
        raise DirectoryRefused(f"The new holder's name must have 1 to {LONGEST_NAME} characters.")
    leaving = [one for one in post.holders if one.name.casefold() != name.casefold()]
    staying = len(leaving) < len(post.holders)
    if staying and not leaving:
        raise DirectoryRefused(f"{name} holds the post {post_code} already.")
    new = _officer(conn, name)
    gone = [one.id for one in leaving]
    conn.execute(
        holdings.update()
        .where(holdings.c.post == post_code, holdings.c.officer_id.in_(gone), holdings.c.to_at.is_(None))
        .values(to_at=now)
    )
    if not staying:
        conn.execute(holdings.insert().values(post=post_code, officer_id=new.id, from_at=now))
    ended, uncovered = _end_leaves(conn, post_code, leaving, now)
    return Handover(
        post=post_code,
        before=tuple(one.name for one in leaving),
        now=new.name,
        tickets=_open_tickets(conn, post_code),
        drafts=_move_drafts(conn, post_code, gone, new.id),
        revoked=tuple(one.name for one in leaving if _revoke(conn, one, now)),
        token=None if new.telegram_user_id else create_invite(conn, new.id, now, valid),
        leave_ended=ended,
        uncovered=uncovered,
    )


def _end_leaves(
    conn: sa.Connection, post_code: str, leaving: list[Officer], now: datetime
) -> tuple[bool, tuple[str, ...]]:
    """The post's leave ends: somebody sits there. Who holds nothing any more is neither away nor stands in for others."""
    nobody = [one.id for one in leaving if not _holds_a_post(conn, one, now)]
    over = leaves_where(conn, sa.or_(leaves.c.post == post_code, leaves.c.officer_id.in_(nobody)), leaves.c.to_at > now)
    stop_leave(conn, [one.id for one in over], now)
    open_ones = sa.and_(leaves.c.substitute_id.in_(nobody), leaves.c.to_at > now)
    uncovered = [one.post or (one.officer.name if one.officer else "") for one in leaves_where(conn, open_ones)]
    conn.execute(leaves.update().where(open_ones).values(substitute_id=None))
    return any(one.post == post_code for one in over), tuple(uncovered)


def _officer(conn: sa.Connection, name: str) -> Officer:
    known = sa.select(officers.c.id, officers.c.name, officers.c.telegram_user_id)
    for row in conn.execute(known):
        if row.name.casefold() == name.casefold():
            return Officer(row.id, row.name, row.telegram_user_id)
    new = conn.execute(officers.insert().values(name=name).returning(officers.c.id)).scalar_one()
    return Officer(new, name)


def _open_tickets(conn: sa.Connection, post_code: str) -> int:
    held = sa.select(sa.func.count()).where(tickets.c.owner_post == post_code, tickets.c.status.in_(WITH_OFFICE))
    return int(conn.execute(held).scalar_one())


def _move_drafts(conn: sa.Connection, post_code: str, gone: list[int], new_id: int) -> int:
    """Drafts that were not sent yet are the new holder's to send or to cancel."""
    of_post = sa.select(tickets.c.id).where(tickets.c.owner_post == post_code)
    moved = (
        drafts.update()
        .where(drafts.c.officer_id.in_(gone), drafts.c.used_at.is_(None), drafts.c.ticket_id.in_(of_post))
        .values(officer_id=new_id)
    )
    return conn.execute(moved).rowcount


def _revoke(conn: sa.Connection, officer: Officer, now: datetime) -> bool:
    """Unlink who holds no post any more, and end the links that were sent to them; True if there was one to unlink."""
    if _holds_a_post(conn, officer, now):
        return False
    conn.execute(
        invites.update()
        .where(invites.c.officer_id == officer.id, invites.c.used_at.is_(None), invites.c.expires_at > now)
        .values(expires_at=now)
    )
    unlinked = officers.update().where(officers.c.id == officer.id, officers.c.telegram_user_id.is_not(None))
    return conn.execute(unlinked.values(telegram_user_id=None, linked_at=None)).rowcount > 0


def _holds_a_post(conn: sa.Connection, officer: Officer, now: datetime) -> bool:
    still = sa.select(holdings.c.id).where(
        holdings.c.officer_id == officer.id, sa.or_(holdings.c.to_at.is_(None), holdings.c.to_at > now)
    )
    return conn.execute(still.limit(1)).first() is not None
