"""Pictures that came with complaints and reports: which there are, each once for its ticket, and what became of them.

Owns the rows of `media`. It must not know a platform, nor who may see a picture. The caller owns the transaction.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from store.dialects import insert_into
from store.outbound import MOST_IN_ALBUM
from store.tables import media, tickets

CITIZEN: Final = "citizen"
OFFICER: Final = "officer"
PURGED: Final = "purged"
WITHDRAWN: Final = "withdrawn"
NO_REF: Final = "url:"  # then a digest of the address: the platform gave nothing else to know the picture by
_EMPTY: Final[Mapping[str, Any]] = {
    "content": None, "url": None, "taken_at": None, "latitude": None, "longitude": None
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Wanted:
    """A picture that is not here yet."""

    id: int
    ticket_id: int | None
    channel_id: int
    source: str
    kind: str
    ref: str
    url: str | None
    attempts: int


def keep(conn: sa.Connection, row: Mapping[str, Any]) -> int:
    """Remember a picture that is to be fetched; returns its id, also when it is known already."""
    new = insert_into(conn, media).values(**row)
    put = new.on_conflict_do_nothing(index_elements=["ticket_id", "ref"]).returning(media.c.id)
    row_id = conn.execute(put).scalar_one_or_none()
    if row_id is None:
        known = sa.select(media.c.id).where(media.c.ticket_id == row["ticket_id"], media.c.ref == row["ref"])
        row_id = conn.execute(known).scalar_one()
    return int(row_id)


def albums(conn: sa.Connection, album_ids: Collection[str]) -> set[tuple[int, str]]:
    """Those of these albums of which a picture is known, each with its ticket."""
    if not album_ids:
        return set()
    known = sa.select(media.c.ticket_id, media.c.album_id).where(media.c.album_id.in_(sorted(album_ids))).distinct()
    return {(row.ticket_id, row.album_id) for row in conn.execute(known)}


# -- fetching --------------------------------------------------------------------------------------------------------------


def is_awaited() -> sa.ColumnElement[bool]:
    """It is not here, and may still come."""
    return sa.and_(media.c.content.is_(None), media.c.error.is_(None))


def wanted(conn: sa.Connection, channel_ids: Collection[int], now: datetime, limit: int) -> list[Wanted]:
    """Pictures to be fetched now, oldest first, officers' ahead: somebody waits for their preview."""
    due = sa.or_(media.c.next_try_at.is_(None), media.c.next_try_at <= now)
    query = sa.select(media).where(is_awaited(), due, media.c.channel_id.in_(sorted(channel_ids)))
    ordered = query.order_by((media.c.source == OFFICER).desc(), media.c.id).limit(limit)
    return [
        Wanted(row.id, row.ticket_id, row.channel_id, row.source, row.kind, row.ref, row.url, row.attempts)
        for row in conn.execute(ordered)
    ]


def next_try(conn: sa.Connection, channel_ids: Collection[int], now: datetime) -> datetime | None:
    """When the next picture is to be fetched; None when none is."""
    at = sa.func.coalesce(media.c.next_try_at, sa.bindparam("now", now, type_=media.c.next_try_at.type))
    first = sa.type_coerce(sa.func.min(at), media.c.next_try_at.type)
    awaited = sa.and_(is_awaited(), media.c.channel_id.in_(sorted(channel_ids)))
    return conn.execute(sa.select(first).where(awaited)).scalar()


def came(conn: sa.Connection, picture_id: int, content: bytes, told: Mapping[str, Any], now: datetime) -> bool:
    """It is here, and `told` (taken_at, latitude, longitude) with it; False if nobody waits for it any more."""
    here = media.update().where(media.c.id == picture_id, is_awaited())
    return conn.execute(here.values(content=content, fetched_at=now, next_try_at=None, **told)).rowcount > 0


def put_off(conn: sa.Connection, picture_id: int, until: datetime) -> None:
    """It did not come; it is tried again then."""
    later = media.update().where(media.c.id == picture_id, is_awaited())
    conn.execute(later.values(attempts=media.c.attempts + 1, next_try_at=until))


def give_up(conn: sa.Connection, picture_id: int, why: str, now: datetime) -> bool:
    """It can never be had; False if nobody waits for it any more."""
    gone = media.update().where(media.c.id == picture_id, is_awaited())
    return conn.execute(gone.values(error=why[:256], fetched_at=now, next_try_at=None)).rowcount > 0


def content_of(conn: sa.Connection, picture_id: int) -> tuple[bytes | None, bool]:
    """The bytes, if they are here, and whether they may still come."""
    row = conn.execute(sa.select(media.c.content, media.c.error).where(media.c.id == picture_id)).one_or_none()
    if row is None:
        return None, False
    return (bytes(row.content) if row.content is not None else None), row.error is None


def row_of(conn: sa.Connection, picture_id: int) -> Mapping[str, Any]:
    """What is known of one picture, without its bytes."""
    return dict(conn.execute(_without_bytes().where(media.c.id == picture_id)).mappings().one())


def of_ticket(conn: sa.Connection, ticket_id: int) -> list[Mapping[str, Any]]:
    """The same of the officers' pictures of a ticket."""
    mine = _without_bytes().where(media.c.ticket_id == ticket_id, media.c.source == OFFICER)
    return [dict(row) for row in conn.execute(mine.order_by(media.c.id)).mappings()]


def of_reports(conn: sa.Connection, refs: Collection[str], album_ids: Collection[str]) -> list[Mapping[str, Any]]:
    """The same of officers' pictures by their refs, and of whole albums."""
    if not refs and not album_ids:
        return []
    named = sa.or_(media.c.ref.in_(sorted(refs)), media.c.album_id.in_(sorted(album_ids)))
    mine = _without_bytes().where(media.c.source == OFFICER, named)
    return [dict(row) for row in conn.execute(mine.order_by(media.c.id)).mappings()]


def _without_bytes() -> sa.Select[Any]:
    plain = [column for column in media.c if column.name != "content"]
    return sa.select(*plain, media.c.content.is_not(None).label("content_here"))


# -- letting go ------------------------------------------------------------------------------------------------------------


def withdraw(conn: sa.Connection, message_id: str) -> None:
    """Its post was deleted: our copy goes too."""
    mine = media.update().where(media.c.source == CITIZEN, media.c.message_id == message_id)
    conn.execute(mine.values(error=WITHDRAWN, **_EMPTY))


def purge(conn: sa.Connection, before: datetime) -> int:
    """Let go of pictures that were fetched before that moment; returns how many."""
    old = media.update().where(media.c.content.is_not(None), media.c.fetched_at < before)
    return conn.execute(old.values(error=PURGED, **_EMPTY)).rowcount


# -- showing ---------------------------------------------------------------------------------------------------------------


NOWHERE: Final = "-"  # they may not be shown as things stand


def is_unshown() -> sa.ColumnElement[bool]:
    """A citizen's picture that is here and stands in no officers' chat yet."""
    return sa.and_(media.c.source == CITIZEN, media.c.content.is_not(None), media.c.shown_in.is_(None))


def to_show(conn: sa.Connection, most: int) -> dict[int, list[int]]:
    """Pictures to be shown by ticket with an office, both oldest first; a ticket waits for what was not tried yet."""
    other = media.alias("other")
    untried = sa.exists().where(
        other.c.ticket_id == media.c.ticket_id,
        other.c.source == CITIZEN,
        other.c.content.is_(None),
        other.c.error.is_(None),
        other.c.attempts == 0,
    )
    with_office = sa.exists().where(tickets.c.id == media.c.ticket_id, tickets.c.status.in_(("assigned", "accepted")))
    found: dict[int, list[int]] = {}
    query = sa.select(media.c.id, media.c.ticket_id).where(is_unshown(), with_office, ~untried).order_by(media.c.id)
    for row in conn.execute(query.limit(most * MOST_IN_ALBUM)):
        found.setdefault(row.ticket_id, []).append(row.id)
    return found


def mark_shown(conn: sa.Connection, ids: Collection[int], chat_id: str) -> None:
    """These stand, or will stand, in this chat."""
    conn.execute(media.update().where(media.c.id.in_(sorted(ids))).values(shown_in=chat_id))


def show_anew(conn: sa.Connection, ticket_id: int, chat_id: str) -> None:
    """The ticket is in this chat now: what was shown elsewhere, or nowhere, is looked at again."""
    elsewhere = sa.and_(media.c.ticket_id == ticket_id, media.c.source == CITIZEN, media.c.shown_in != chat_id)
    conn.execute(media.update().where(elsewhere).values(shown_in=None))
