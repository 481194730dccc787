"""Files that we made and send, and the editions of which they are still to be made.

Owns the rows of `papers` and `edition_forms`. It must not know what a paper shows or a platform. The caller owns the
transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from store.dialects import insert_into
from store.readiness import OPEN
from store.tables import edition_forms, outbox, papers


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """An edition whose files are to be made: of which sheet (JSON), and where they go."""

    step_id: str
    channel_id: int
    chat_id: str
    topic_id: str | None
    sheet: str
    by_mail: bool = False  # it is still to be sent by e-mail
    tries: int = 0


@dataclass(frozen=True, slots=True)
class NewPaper:
    """A file to be sent, as bytes."""

    name: str
    media_type: str
    content: bytes


def ask_for(conn: sa.Connection, wanted: Due, now: datetime) -> None:
    """Let the files of an edition be made; asked twice, it is done once."""
    row = {
        "step_id": wanted.step_id,
        "channel_id": wanted.channel_id,
        "chat_id": wanted.chat_id,
        "topic_id": wanted.topic_id,
        "sheet": wanted.sheet,
        "by_mail": wanted.by_mail,
        "next_try_at": now,
        "created_at": now,
    }
    conn.execute(insert_into(conn, edition_forms).values(**row).on_conflict_do_nothing())


def due(conn: sa.Connection, now: datetime) -> Due | None:
    """The edition that waits longest for its files, if one is to be tried now."""
    waiting = sa.select(edition_forms).where(edition_forms.c.next_try_at <= now)
    row = conn.execute(waiting.order_by(edition_forms.c.next_try_at).limit(1)).one_or_none()
    if row is None:
        return None
    return Due(
        step_id=row.step_id,
        channel_id=row.channel_id,
        chat_id=row.chat_id,
        topic_id=row.topic_id,
        sheet=row.sheet,
        by_mail=row.by_mail,
        tries=row.tries,
    )


def tried(
    conn: sa.Connection, due: Due, *, next_try_at: datetime | None, error: str | None, mailed: bool = False
) -> bool:  # fmt: skip
    """Note one more try; False if another process noted one meanwhile. `next_try_at` None: nothing is left to try."""
    mine = edition_forms.update().where(edition_forms.c.step_id == due.step_id, edition_forms.c.tries == due.tries)
    values = {"tries": due.tries + 1, "next_try_at": next_try_at, "error": error[:512] if error else None}
    return conn.execute(mine.values(by_mail=due.by_mail and not mailed, **values)).rowcount > 0


def keep(conn: sa.Connection, step_id: str, files: Sequence[NewPaper], now: datetime) -> list[int]:
    """Keep the files of one message, in order; returns their ids. The same names are kept once."""
    ids = []
    for one in files:
        row = {"name": one.name, "media_type": one.media_type, "content": one.content}
        new = insert_into(conn, papers).values(step_id=step_id, created_at=now, **row)
        put = new.on_conflict_do_nothing(index_elements=["step_id", "name"]).returning(papers.c.id)
        found = conn.execute(put).scalar_one_or_none()
        if found is None:
            known = sa.select(papers.c.id).where(papers.c.step_id == step_id, papers.c.name == one.name)
            found = conn.execute(known).scalar_one()
        ids.append(int(found))
    return ids


def content_of(conn: sa.Connection, paper_id: int) -> bytes | None:
    """The bytes; None when there is no such paper or it was let go of."""
    content = conn.execute(sa.select(papers.c.content).where(papers.c.id == paper_id)).scalar_one_or_none()
    return bytes(content) if content is not None else None


def purge(conn: sa.Connection, before: datetime) -> int:
    """Let go of files older than that moment, unless their message may still be sent; returns how many."""
    may_go = sa.exists().where(outbox.c.step_id == papers.c.step_id, outbox.c.state.in_(OPEN))
    old = papers.update().where(papers.c.content.is_not(None), papers.c.created_at < before, ~may_go)
    return conn.execute(old.values(content=None)).rowcount
