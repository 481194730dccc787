"""The parts of SMGT that one process can play: reading, deciding, sending, keeping time.

Owns their names and which of them may be played alone. It must not know how any of them works.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

ALL: Final = "all"


class RunRole(StrEnum):
    """What one process does; any number of processes may do the same."""

    INTAKE = "intake"  # reads the platforms and takes webhooks
    DESK = "desk"  # decides what was heard
    DELIVERY = "delivery"  # sends
    SCHEDULER = "scheduler"  # notices that time has passed: one leads, the others stand by


ALL_ROLES: Final = frozenset(RunRole)


class RolesRefused(Exception):
    """The roles cannot be played like that; the message is one sentence for the operator."""


def roles_of(words: Iterable[str]) -> frozenset[RunRole]:
    """The roles named by words that may each hold several, joined by commas; none named is all of them.

    Raises RolesRefused.
    """
    named = [name.strip().lower() for word in words for name in word.split(",")]
    if not named:
        return ALL_ROLES
    unknown = [name for name in named if name != ALL and name not in ALL_ROLES]
    if unknown:
        raise RolesRefused(f"There is no role {unknown[0]!r}; use {', '.join(RunRole)} or {ALL}.")
    return ALL_ROLES if ALL in named else frozenset(RunRole(name) for name in named)


def require_playable(roles: frozenset[RunRole], database_url: str) -> None:
    """One process does everything on SQLite. Raises RolesRefused."""
    if database_url.startswith("sqlite") and roles != ALL_ROLES:
        parts = ", ".join(role for role in RunRole if role in roles)
        raise RolesRefused(
            f"On SQLite one process does everything, so it cannot run as {parts} alone; leave --role away, or use "
            "PostgreSQL, which serves several processes (SMGT_DATABASE_URL=postgresql+psycopg://...)."
        )
