"""Telling other processes at once what a commit brought: something to decide, or something to send on a channel.

Owns PostgreSQL's notifications. They are part of the transaction: nothing is told before it is committed, nothing at all
if it is undone, and the same thing told often is told once. Whoever listens looks for itself anyway now and then, so a
notification that gets lost costs a little time. On SQLite one process does everything, and nobody need be told.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final, cast

import psycopg
import sqlalchemy as sa

from store.db import DatabaseUnusable

HEARD: Final = "smgt_heard"
TO_SEND: Final = "smgt_to_send"


def tell_heard(conn: sa.Connection) -> None:
    """There will be rows of the inbox to decide."""
    if conn.dialect.name == "postgresql":
        conn.execute(sa.select(sa.func.pg_notify(HEARD, "")))


def tell_to_send(conn: sa.Connection, channel_ids: Collection[int]) -> None:
    """There will be rows of the outbox to send on these channels."""
    if channel_ids and conn.dialect.name == "postgresql":
        each = sa.func.unnest(sa.cast(sorted(channel_ids), sa.ARRAY(sa.Text()))).column_valued("channel")
        conn.execute(sa.select(sa.func.pg_notify(TO_SEND, each)))


class Listener:
    """A connection of its own on which this process is told what others committed. Raises sqlalchemy's DBAPIError."""

    def __init__(self, engine: sa.Engine) -> None:
        self._conn = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        try:
            self._driver = cast(psycopg.Connection, self._conn.connection.driver_connection)
            self._conn.detach()
            for channel in (HEARD, TO_SEND):
                self._conn.exec_driver_sql(f"LISTEN {channel}")
        except BaseException:
            self._conn.close()
            raise

    def fileno(self) -> int:
        """The connection's socket: readable when something was told, or the connection ended."""
        return self._driver.fileno()

    def told(self) -> tuple[bool, frozenset[int]]:
        """Whether something was heard, and on which channels there is something to send; does not wait.

        Raises DatabaseUnusable once the connection ended.
        """
        try:
            notices = list(self._driver.notifies(timeout=0))
        except psycopg.Error as error:
            self._conn.invalidate(error)
            raise DatabaseUnusable("The connection that listens for news of other processes ended.") from error
        channels = (notice.payload for notice in notices if notice.channel == TO_SEND)
        return (
            any(notice.channel == HEARD for notice in notices),
            frozenset(int(channel) for channel in channels if channel.isdecimal()),
        )

    def close(self) -> None:
        """Stop listening; saying it twice is harmless."""
        self._conn.close()
