"""Accounts: one row per platform and author, made when first heard.

Owns the table accounts. Each row's secret is destroyed with its person's words when they ask to be forgotten.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from store.dialects import insert_into
from store.inbound import Author
from store.tables import accounts
from store.vocabulary import Language, Platform


@dataclass(frozen=True, slots=True)
class Account:
    """A citizen's account. `silent` after STOP: nothing is said to it."""

    id: int
    platform: Platform
    author_id: str
    handle: str
    name: str
    language: Language | None
    silent: bool


def know(
    conn: sa.Connection, people: Iterable[tuple[Platform, Author]], now: datetime
) -> dict[tuple[Platform, str], Account]:
    """The accounts of these authors, made as needed; names shown are kept up to date."""
    by_key = {(platform, author.id): author for platform, author in people}
    if not by_key:
        return {}
    rows = [
        {
            "platform": platform,
            "author_id": author_id,
            "handle": author.handle[:128],
            "name": author.name[:256],
            "secret": secrets.token_bytes(32),
            "first_seen_at": now,
        }
        for (platform, author_id), author in sorted(by_key.items())
    ]
    made = insert_into(conn, accounts)
    names = {"handle": made.excluded.handle, "name": made.excluded.name}
    conn.execute(made.on_conflict_do_update(index_elements=["platform", "author_id"], set_=names), rows)
    found = sa.select(accounts).where(accounts.c.author_id.in_(sorted({author_id for _, author_id in by_key})))
    known = {}
    for row in conn.execute(found).mappings():
        key = (Platform(row["platform"]), row["author_id"])
        if key in by_key:
            language = Language(row["language"]) if row["language"] else None
            known[key] = Account(
                row["id"], key[0], key[1], row["handle"], row["name"], language, row["stopped_at"] is not None
            )
    return known


def by_ids(conn: sa.Connection, ids: Iterable[int]) -> dict[int, Account]:
    """Accounts by id; erased ones are left out."""
    wanted = sorted(set(ids))
    if not wanted:
        return {}
    query = sa.select(accounts).where(accounts.c.id.in_(wanted), accounts.c.author_id.is_not(None))
    return {
        row["id"]: Account(
            row["id"],
            Platform(row["platform"]),
            row["author_id"],
            row["handle"],
            row["name"],
            Language(row["language"]) if row["language"] else None,
            row["stopped_at"] is not None,
        )
        for row in conn.execute(query).mappings()
    }


def set_silence(conn: sa.Connection, account_id: int, silent: bool, now: datetime) -> None:
    """STOP, or START."""
    conn.execute(accounts.update().where(accounts.c.id == account_id).values(stopped_at=now if silent else None))


def set_language(conn: sa.Connection, account_id: int, language: Language) -> None:
    """The language this account writes, sticky between conversations."""
    conn.execute(accounts.update().where(accounts.c.id == account_id).values(language=language))
