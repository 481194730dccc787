"""Holding a thing by its name until the transaction ends, so that two workers never work on the same one.

Owns the names' locks: PostgreSQL's advisory locks, which end with the transaction whatever becomes of it. SQLite has one
writer at a time, so there whoever writes holds everything.
"""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa


def hold(conn: sa.Connection, name: str) -> None:
    """Hold the thing of this name; waits while another transaction does."""
    if conn.dialect.name == "postgresql":
        conn.execute(sa.select(sa.func.pg_advisory_xact_lock(_number(sa.literal(name)))))


def hold_all(conn: sa.Connection, names: Collection[str]) -> None:
    """Hold the things of these names, in one order for everybody; waits while another transaction holds one."""
    if conn.dialect.name == "postgresql" and names:
        wanted = sa.func.unnest(sa.cast(sorted(names), sa.ARRAY(sa.Text()))).column_valued("name")
        conn.execute(sa.select(sa.func.pg_advisory_xact_lock(_number(wanted))))


def try_hold(conn: sa.Connection, names: Collection[str]) -> set[str]:
    """Hold those of the things that no other transaction holds, without waiting; returns their names."""
    if conn.dialect.name != "postgresql" or not names:
        return set(names)
    wanted = sa.func.unnest(sa.cast(sorted(names), sa.ARRAY(sa.Text()))).column_valued("name")
    free = sa.select(wanted).where(sa.func.pg_try_advisory_xact_lock(_number(wanted)))
    return set(conn.execute(free).scalars())


def _number(name: sa.ColumnElement[str]) -> sa.Function[int]:
    """The lock's number; the same name in another schema is another thing."""
    return sa.func.hashtextextended(sa.func.current_schema() + ":smgt:held:" + name, 0)
