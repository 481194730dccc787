"""Column types and checks shared by the tables: UTC times, enums as text with a check, JSON as text.

Owns how a value is stored, not which tables there are.
"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator


class UtcTime(TypeDecorator[datetime]):
    """An aware UTC time. SQLite has no time zones, so it is stored there as naive UTC and made aware again."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"A time without a zone cannot be stored: {value!r}.")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def word(name: str, enum: type[StrEnum], *, nullable: bool = False, **options: Any) -> sa.Column[str]:
    """A text column that holds only the words of `enum`."""
    allowed = ", ".join(f"'{member.value}'" for member in enum)
    return sa.Column(
        name,
        sa.String(32),
        sa.CheckConstraint(f"{name} IN ({allowed})", name=f"{name}_known"),
        nullable=nullable,
        **options,
    )


def moment(name: str, *, nullable: bool = False, **options: Any) -> sa.Column[datetime]:
    """A UTC time; by custom its name ends in `_at`."""
    return sa.Column(name, UtcTime(), nullable=nullable, **options)


def fact(name: str, *, default: bool = False) -> sa.Column[bool]:
    """A boolean that reads as a fact."""
    return sa.Column(name, sa.Boolean(), nullable=False, server_default=sa.true() if default else sa.false())


def count(name: str) -> sa.Column[int]:
    """A counter that starts at zero and is never negative."""
    return sa.Column(
        name,
        sa.Integer(),
        sa.CheckConstraint(f"{name} >= 0", name=f"{name}_not_negative"),
        nullable=False,
        server_default="0",
    )


BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")  # SQLite counts up only INTEGER primary keys
