"""Pictures that came with complaints and reports: which there are, each once for its ticket.

Owns the rows of `media`. It must not know a platform, nor who may see a picture. The caller owns the transaction.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import sqlalchemy as sa

from store.dialects import insert_into
from store.tables import media


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
