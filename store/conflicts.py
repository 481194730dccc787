"""Transactions that get in each other's way are done again; faults of the database are told from faults of a row.

Owns which errors mean what. On SQLite there is one writer, so nothing gets in its way.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, InterfaceError, InternalError, OperationalError

from store.db import DatabaseUnusable, writing

logger = logging.getLogger(__name__)

Done = TypeVar("Done")

DATABASE_FAULTS: Final = (OperationalError, InterfaceError, InternalError, DatabaseUnusable)
"""The database itself failed (it is gone, busy, full, or ended our session): never the fault of the row in hand."""
CONFLICTS: Final = ("40001", "40P01")  # SQLSTATE: serialization failure, deadlock
TRIES: Final = 8


def write(engine: sa.Engine, work: Callable[[sa.Connection], Done]) -> Done:
    """Do `work` in one writing transaction; returns what it returns. Raises DatabaseBusy.

    Where another transaction was in the way (a deadlock, say) all of it is undone and done again, so `work` must
    change nothing but the database.
    """
    for _ in range(TRIES - 1):
        try:
            with writing(engine) as conn:
                return work(conn)
        except DBAPIError as error:  # whoever was in the way goes on now: waiting for its locks is pause enough
            if not is_conflict(error):
                raise
            logger.info("Another transaction was in the way; once more", extra={"action": "db.conflict"})
    with writing(engine) as conn:
        return work(conn)


def is_conflict(error: Exception) -> bool:
    """Whether another transaction was in the way: nothing is wrong, and the same work again is safe."""
    return isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", None) in CONFLICTS
