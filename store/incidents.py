"""Incidents: what one cause did to many, and which tickets are of it.

Owns the SQL. It must not know when two complaints are of one incident, nor who speaks for it; callers say so.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from store.held import is_in_shadow
from store.holding import hold_all
from store.tables import incidents, tickets
from store.vocabulary import Status

WITH_OFFICE = (Status.ASSIGNED, Status.ACCEPTED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """An incident as it is kept. `numbers`, `names` and `keys` are joined by a bar; `lead_id`: whose notice speaks for all."""

    id: int
    category: str
    district: str
    department: str
    owner_post: str
    locality: str | None
    numbers: str
    names: str
    keys: str
    lead_id: int | None
    opened_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """What of a linked ticket tells how its incident stands."""

    id: int
    number: str
    incident_id: int
    status: Status
    opened_at: datetime
    disposed_at: datetime | None
    ended_at: datetime | None
    paused_at: datetime | None
    reminded_percent: int
    escalation_level: int

    @property
    def is_open(self) -> bool:
        """Does an office have it?"""
        return self.status in WITH_OFFICE


def open_in(conn: sa.Connection, blocks: Collection[tuple[str, str]], since: datetime) -> list[Incident]:
    """Incidents of these districts and categories with a ticket at an office, begun since then; held until the end.

    Whoever else links tickets of the same block waits: two workers never make two incidents of one outage. One whose
    leading ticket is in the shadow is left out: its notice is not seen.
    """
    if not blocks:
        return []
    hold_all(conn, {f"incidents:{district}:{category}" for district, category in blocks})
    open_ticket = sa.select(tickets.c.id).where(
        tickets.c.incident_id == incidents.c.id, tickets.c.status.in_(WITH_OFFICE)
    )
    found = (
        sa.select(incidents)
        .where(sa.tuple_(incidents.c.district, incidents.c.category).in_(sorted(blocks)))
        .where(incidents.c.opened_at >= since, open_ticket.exists(), ~is_in_shadow(incidents.c.lead_id))
        .order_by(incidents.c.id)
        .with_for_update(of=incidents)
    )
    return _incidents(conn, found)


def in_shadow(conn: sa.Connection, ticket_ids: Collection[int]) -> set[int]:
    """Which of these tickets are in the shadow."""
    wanted = sa.select(tickets.c.id).where(tickets.c.id.in_(sorted(ticket_ids)), is_in_shadow(tickets.c.id))
    return set(conn.scalars(wanted)) if ticket_ids else set()


def by_ids(conn: sa.Connection, ids: Collection[int]) -> list[Incident]:
    """These incidents."""
    return _incidents(conn, sa.select(incidents).where(incidents.c.id.in_(sorted(ids)))) if ids else []


def lock(conn: sa.Connection, ids: Collection[int]) -> None:
    """Hold these incidents until the transaction ends: what its tickets are cannot change meanwhile."""
    if ids and conn.dialect.name == "postgresql":
        held = sa.select(incidents.c.id).where(incidents.c.id.in_(sorted(ids))).order_by(incidents.c.id)
        conn.execute(held.with_for_update())


def members_of(conn: sa.Connection, ids: Collection[int]) -> list[Member]:
    """All tickets of these incidents, the oldest first."""
    if not ids:
        return []
    columns = (tickets.c[field.name] for field in fields(Member))
    query = sa.select(*columns).where(tickets.c.incident_id.in_(sorted(ids))).order_by(tickets.c.id)
    return [Member(**{**row, "status": Status(row["status"])}) for row in conn.execute(query).mappings()]


def add(conn: sa.Connection, row: Mapping[str, Any]) -> int:
    """A new incident; returns its id."""
    return int(conn.execute(incidents.insert().values(**row).returning(incidents.c.id)).scalar_one())


def put(conn: sa.Connection, rows: Iterable[Mapping[str, Any]]) -> None:
    """Where these incidents are and whose notice speaks for them: `id`, `numbers`, `names`, `lead_id`."""
    wanted = [{"b_id": row["id"], **{f"b_{one}": row[one] for one in ("numbers", "names", "lead_id")}} for row in rows]
    if wanted:
        moved = incidents.update().where(incidents.c.id == sa.bindparam("b_id"))
        conn.execute(
            moved.values({one: sa.bindparam(f"b_{one}") for one in ("numbers", "names", "lead_id")}),
            wanted,
        )


def _incidents(conn: sa.Connection, query: sa.Select[Any]) -> list[Incident]:
    return [Incident(**row) for row in conn.execute(query).mappings()]
