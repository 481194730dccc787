"""What is wrong with the database, in the operator's words.

Owns the sentences. It must not know what was being written.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy.exc import DBAPIError

from store.db import DatabaseUnusable, sqlite_error

_FAULTS: Final = (
    ("SQLITE_FULL", "The disk of the database is full; make room, nothing is lost and the work goes on by itself"),
    ("53100", "The disk of the database is full; make room, nothing is lost and the work goes on by itself"),
    ("SQLITE_READONLY", "The database may only be read; give SMGT's user the right to write the file and its folder"),
    ("25006", "The database may only be read; look whether the server became a standby, and name the primary"),
    ("SQLITE_IOERR", "The disk of the database failed; look at the system's log before all else"),
    ("SQLITE_CORRUPT", "The database is damaged; stop `smgt run` and restore the newest backup (`smgt db restore`)"),
    ("SQLITE_BUSY", "The database is being written by somebody else; it is tried again"),
    ("53300", "The database takes no more connections; raise max_connections or run fewer programs on it"),
    ("57P", "The database server is stopping or starting; it is tried again"),
)


def fault_sentence(error: DBAPIError | DatabaseUnusable) -> str:
    """What is wrong with the database, for the operator: one sentence, without statement or values.

    Nothing is lost by any of these: what could not be written is tried again.
    """
    if isinstance(error, DatabaseUnusable):
        return str(error)
    name = sqlite_error(error) or str(getattr(error.orig, "sqlstate", None) or type(error.orig).__name__)
    for beginning, sentence in _FAULTS:
        if name.startswith(beginning):
            return f"{sentence} ({name})"
    return f"The database failed ({name}); it is tried again"
