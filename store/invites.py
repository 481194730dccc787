"""One-use invite links by which an officer's Telegram account is tied to the officer.

Owns tokens and their redeeming. Only a token's hash is stored: who reads the database cannot become an officer.
It must not know Telegram's wire; the token is the payload of its `/start` link.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from store.directory import DirectoryRefused
from store.people import Officer
from store.tables import invites, officers

TOKEN_BYTES: Final = 24  # 32 characters of A-Z a-z 0-9 _ -; Telegram allows 64 in a start payload

RefusalCode = Literal["invite_unknown", "invite_used", "invite_expired", "already_linked_elsewhere"]


@dataclass(frozen=True, slots=True)
class InviteRefused:
    """The link was not taken, and why."""

    code: RefusalCode


def create_invite(conn: sa.Connection, officer_id: int, now: datetime, valid: timedelta) -> str:
    """A new token for an officer, good once until `now + valid`. Raises DirectoryRefused for an unknown officer."""
    known = conn.execute(sa.select(officers.c.id).where(officers.c.id == officer_id)).scalar()
    if known is None:
        raise DirectoryRefused(f"There is no officer {officer_id}; `smgt officers` lists them.")
    token = secrets.token_urlsafe(TOKEN_BYTES)
    conn.execute(
        sa.insert(invites).values(
            token_hash=_hash(token), officer_id=officer_id, created_at=now, expires_at=now + valid
        )
    )
    return token


def redeem_invite(conn: sa.Connection, token: str, telegram_user_id: str, now: datetime) -> Officer | InviteRefused:
    """Tie the Telegram user to the token's officer; a token works once, however many try at the same moment.

    An officer who had another Telegram account before is known by the new one from now on.
    """
    try:
        with conn.begin_nested():
            return _redeem(conn, _hash(token), telegram_user_id, now)
    except IntegrityError:  # the same Telegram user took another officer's link at this moment
        return InviteRefused("already_linked_elsewhere")


def _redeem(conn: sa.Connection, token_hash: str, telegram_user_id: str, now: datetime) -> Officer | InviteRefused:
    invite = conn.execute(sa.select(invites).where(invites.c.token_hash == token_hash)).one_or_none()
    if invite is None:
        return InviteRefused("invite_unknown")
    if invite.used_at is not None:
        return InviteRefused("invite_used")
    if invite.expires_at <= now:
        return InviteRefused("invite_expired")
    linked = sa.select(officers.c.id).where(
        officers.c.telegram_user_id == telegram_user_id, officers.c.id != invite.officer_id
    )
    if conn.execute(linked).scalar() is not None:
        return InviteRefused("already_linked_elsewhere")
    taken = conn.execute(
        sa.update(invites).where(invites.c.token_hash == token_hash, invites.c.used_at.is_(None)).values(used_at=now)
    )
    if taken.rowcount == 0:
        return InviteRefused("invite_used")
    return _link(conn, invite.officer_id, telegram_user_id, now)


def _link(conn: sa.Connection, officer_id: int, telegram_user_id: str, now: datetime) -> Officer:
    row = conn.execute(
        sa.update(officers)
        .where(officers.c.id == officer_id)
        .values(telegram_user_id=telegram_user_id, linked_at=now)
        .returning(officers.c.id, officers.c.name)
    ).one()
    return Officer(row.id, row.name, telegram_user_id)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
