"""What must be said with an eye on the database: upserts, and states that a partial index can be proved from.

Owns no table and no rule.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite


def insert_into(conn: sa.Connection, table: sa.Table) -> sqlite.Insert | postgresql.Insert:
    """An insert that knows ON CONFLICT in the words of this connection's database."""
    if conn.dialect.name == "postgresql":
        return postgresql.insert(table)
    return sqlite.insert(table)


def is_one_of(column: sa.ColumnElement[Any], *words: StrEnum) -> sa.ColumnElement[bool]:
    """The column holds one of these words of ours, written out in the statement.

    SQLite uses a partial index only if the statement repeats the index's condition, words and all; a bound value
    does not count.
    """
    written = [sa.literal_column(f"'{word.value}'", sa.String()) for word in words]
    return column == written[0] if len(written) == 1 else column.in_(written)
