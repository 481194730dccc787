"""The incidents that a batch touches: read once, kept current while it is gathered, written at its end.

Owns the picture of incidents and the way to the tables. Which tickets are linked is decided in gathering.py.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from handlers.case import Case
from handlers.incidents import Told
from handlers.understanding.spot import Spot
from store import accounts, incidents, tickets
from store.accounts import Account
from store.incidents import Incident, Member


@dataclass(slots=True)
class Gathering:
    """An incident and its tickets, by the ids they have now (negative until written)."""

    id: int
    told: Told
    lead: int | None = None  # whose notice speaks for all
    members: dict[int, Member] = field(default_factory=dict)
    is_changed: bool = False

    def open_members(self) -> list[Member]:
        """Those whose ticket an office has, the oldest first."""
        return [member for member in self.members.values() if member.is_open]

    def speaks_for(self, ticket_id: int) -> list[int]:
        """The other open tickets for which the notice of this one speaks."""
        return [one.id for one in self.open_members() if one.id != ticket_id] if self.lead == ticket_id else []


def member_of(case: Case, incident_id: int) -> Member:
    """The ticket as its incident knows it."""
    return Member(
        id=case.id,
        number=case.number,
        incident_id=incident_id,
        status=case.status,
        opened_at=case.opened_at,
        disposed_at=case.disposed_at,
        ended_at=case.ended_at,
        paused_at=case.paused_at,
        reminded_percent=case.reminded_percent,
        escalation_level=case.escalation_level,
    )


class Ties:
    """The incidents of one batch, in the caller's transaction."""

    def __init__(self, conn: sa.Connection) -> None:
        self._conn = conn
        self.gatherings: dict[int, Gathering] = {}

    def lock(self, ids: Collection[int]) -> None:
        """Hold these incidents before their tickets are held: everybody takes them in this order."""
        incidents.lock(self._conn, ids)

    def know(self, ids: Collection[int]) -> None:
        """Read these incidents, those known already left as they are."""
        unknown = set(ids) - self.gatherings.keys()
        self._take_in(incidents.by_ids(self._conn, unknown))

    def open_in(self, blocks: Collection[tuple[str, str]], since: datetime) -> None:
        """Read and hold what a ticket of these districts and categories may be of."""
        found = incidents.open_in(self._conn, blocks, since)
        self._take_in([one for one in found if one.id not in self.gatherings])

    def _take_in(self, found: Collection[Incident]) -> None:
        for one in found:
            self.gatherings[one.id] = Gathering(one.id, _told(one), one.lead_id)
        for member in incidents.members_of(self._conn, {one.id for one in found}):
            self.gatherings[member.incident_id].members[member.id] = member

    def begin(self, told: Told, case: Case) -> Gathering:
        """A new incident, of this ticket alone as yet."""
        row = {**_row(told), "locality": case.locality, "opened_at": told.opened_at}
        begun = Gathering(incidents.add(self._conn, row), told, case.id, is_changed=True)
        self.gatherings[begun.id] = begun
        return begun

    def tickets(self, ids: Collection[int]) -> list[tickets.TicketRow]:
        """These tickets as they stand."""
        return tickets.by_ids(self._conn, ids)

    def accounts_of(self, cases: Iterable[Case]) -> dict[int, Account]:
        """The accounts of these tickets' citizens."""
        return dict(accounts.by_ids(self._conn, {case.account_id for case in cases if case.account_id is not None}))

    def in_shadow(self, ticket_ids: Collection[int]) -> set[int]:
        """Which of these are in the shadow: their notices are not seen."""
        return incidents.in_shadow(self._conn, ticket_ids)

    def settle(self, final: dict[int, int]) -> None:
        """Write what changed, now that new tickets have their ids (`final`, by provisional id)."""
        incidents.put(self._conn, list(self._changed(final)))

    def _changed(self, final: dict[int, int]) -> Iterator[dict[str, Any]]:
        for one in self.gatherings.values():
            if one.is_changed:
                lead = final.get(one.lead, one.lead) if one.lead is not None else None
                yield {"id": one.id, "lead_id": lead, **_place(one.told.spot)}


def _told(one: Incident) -> Told:
    pairs = (pair.partition(":") for pair in one.numbers.split("|") if pair)
    return Told(
        category=one.category,
        department=one.department,
        owner_post=one.owner_post,
        district=one.district,
        opened_at=one.opened_at,
        spot=Spot(
            frozenset((kind, number) for kind, _, number in pairs),
            frozenset(name for name in one.names.split("|") if name),
        ),
        keys=frozenset(word for word in one.keys.split("|") if word),
    )


def _row(told: Told) -> dict[str, Any]:
    return {
        "category": told.category,
        "district": told.district,
        "department": told.department,
        "owner_post": told.owner_post,
        "keys": "|".join(sorted(told.keys)),
        **_place(told.spot),
    }


def _place(spot: Spot) -> dict[str, str]:
    numbers = "|".join(f"{kind}:{number}" for kind, number in sorted(spot.numbers))
    return {"numbers": numbers[:256], "names": "|".join(sorted(spot.names))}
