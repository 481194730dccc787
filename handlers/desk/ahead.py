"""Looking ahead: when more waits than one batch takes, cries for help are found and decided first.

Owns which waiting rows were looked at, in memory: after a restart they are looked at again. It decides nothing. An
account's earlier posts come along with its cry, because rows of one account are decided in order.
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from handlers.understanding import understand
from store import inbox_looking
from store.db import reading
from store.inbound import Heard, Inbound
from store.vocabulary import Kind

LOOK: Final = 500  # rows looked at before each batch: a third of a second
MOST: Final = 400  # rows that may go first in one batch's question


class Ahead:
    """What waits beyond the next batch, as far as it was looked at."""

    def __init__(self, engine: sa.Engine, *, any_state: bool) -> None:
        self._engine = engine
        self._any_state = any_state
        self._looked: set[int] = set()
        self._cries: set[int] = set()

    def forget(self) -> None:
        """Nothing waits beyond a batch any more."""
        self._looked.clear()
        self._cries.clear()

    def first(self) -> list[int]:
        """Rows to decide before all others, oldest first; looks at some more, the newest first."""
        with reading(self._engine) as conn:
            waiting = inbox_looking.waiting(conn)
            unseen = [row_id for row_id, _ in reversed(waiting) if row_id not in self._looked][:LOOK]
            held = inbox_looking.peek(conn, unseen)
        self._looked |= set(unseen)
        self._cries |= {row_id for row_id, heard in held.items() if self._is_cry(heard)}
        latest = {actor: row_id for row_id, actor in waiting if row_id in self._cries}
        return [row_id for row_id, actor in waiting if row_id <= latest.get(actor, 0)][-MOST:]

    def _is_cry(self, heard: Heard) -> bool:
        if not isinstance(heard, Inbound) or heard.by_us or heard.is_repost or not heard.text:
            return False
        meant = understand(heard.text, any_state=self._any_state, has_media=bool(heard.attachments))
        return meant.kind is Kind.EMERGENCY or meant.self_harm
