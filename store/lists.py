"""Lists of tickets for officers: what waits at which chairs, what was said about a place, and a desk's figures.

Owns the SQL. It must not know who may look: callers name the chairs, and leave out rows that a reader may not see.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from store.held import is_in_shadow
from store.tables import satisfaction, tickets, transcript
from store.vocabulary import Outcome, Sensitivity, Status

_A_POST = re.compile(r'"post":"([^"]+)"')  # in the JSON of tickets.errands
WITH_OFFICE = (Status.ASSIGNED, Status.ACCEPTED)


@dataclass(frozen=True, slots=True)
class Listed:
    """A ticket as a list shows it. `due_at` is None while no office has it."""

    id: int
    number: str
    status: Status
    category: str | None
    district: str | None
    locality: str | None
    department: str | None
    owner_post: str | None
    sensitivity: Sensitivity
    urgent: bool
    opened_at: datetime
    due_at: datetime | None
    paused_at: datetime | None
    reopen_count: int
    incident_id: int | None
    errands: str = ""

    @property
    def errand_posts(self) -> frozenset[str]:
        """The chairs that were sent or asked to help."""
        return frozenset(_A_POST.findall(self.errands))


@dataclass(frozen=True, slots=True)
class Needle:
    """A word to look for: as it is written, or as the name of these categories and districts."""

    word: str
    categories: Collection[str] = ()
    districts: Collection[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How some chairs stand. Those of a period count disposals since its beginning."""

    waiting: int
    late: int
    reopened: int
    disposed: int
    satisfied: int
    not_satisfied: int
    unanswered: int


def _all() -> sa.Select[Any]:
    return sa.select(*(tickets.c[name] for name in Listed.__slots__))


def _listed(conn: sa.Connection, query: sa.Select[Any]) -> list[Listed]:
    return [
        Listed(**{**row, "status": Status(row["status"]), "sensitivity": Sensitivity(row["sensitivity"])})
        for row in conn.execute(query).mappings()
    ]


def _of_chairs(post: sa.Column[Any], owners: Collection[str], ordinary_of: Collection[str]) -> sa.ColumnElement[bool]:
    ordinary = sa.and_(post.in_(sorted(ordinary_of)), tickets.c.sensitivity == Sensitivity.NORMAL)
    return sa.or_(post.in_(sorted(owners)), ordinary)


def _for_errands(sent: Collection[str]) -> sa.ColumnElement[bool]:
    named = (tickets.c.errands.contains(f'"post":"{code}"', autoescape=True) for code in sorted(sent))
    return sa.and_(tickets.c.errands != "", sa.or_(sa.false(), *named))


def _waiting(
    owners: Collection[str], ordinary_of: Collection[str], *, unplaced: bool, sent: Collection[str] = ()
) -> sa.ColumnElement[bool]:
    theirs = sa.or_(_of_chairs(tickets.c.owner_post, owners, ordinary_of), _for_errands(sent))
    at_a_chair = sa.and_(tickets.c.status.in_(WITH_OFFICE), theirs)
    nobodys = sa.and_(tickets.c.status.in_(WITH_OFFICE), tickets.c.owner_post.is_(None))
    objected = sa.and_(
        tickets.c.status == Status.REJECTED,
        tickets.c.objected_at.is_not(None),
        tickets.c.objection_settled_at.is_(None),
    )
    here = sa.or_(at_a_chair, nobodys, tickets.c.status == Status.TRIAGE, objected) if unplaced else at_a_chair
    return sa.and_(here, ~is_in_shadow(tickets.c.id))


def waiting(
    conn: sa.Connection,
    owners: Collection[str],
    *,
    unplaced: bool,
    ordinary_of: Collection[str] = (),
    sent: Collection[str] = (),
) -> list[Listed]:
    """What waits at these chairs or for those that were `sent` or asked to help, the urgent first, then by due time.

    `unplaced`: also what waits for a person to place it, and what no chair was found for. `ordinary_of`: chairs whose
    restricted and sensitive tickets stay out. Tickets in the shadow are in nobody's list: their citizens have not been
    spoken to.
    """
    order = (tickets.c.urgent.desc(), sa.func.coalesce(tickets.c.due_at, tickets.c.opened_at), tickets.c.id)
    here = _waiting(owners, ordinary_of, unplaced=unplaced, sent=sent)
    return _listed(conn, _all().where(here).order_by(*order))


def listed_by_id(conn: sa.Connection, ticket_ids: Collection[int]) -> dict[int, Listed]:
    """These tickets as a list shows them."""
    return {row.id: row for row in _listed(conn, _all().where(tickets.c.id.in_(sorted(ticket_ids))))}


def containing(
    conn: sa.Connection, needles: Sequence[Needle], since: datetime, most: int, owners: Collection[str] | None = None
) -> list[Listed]:
    """Tickets opened since then that hold every needle in the citizens' words or in their place, the newest first.

    `owners` None: whoever has them. Words that were withdrawn or erased are not found.
    """
    query = _all().where(tickets.c.opened_at >= since, *(_holds(one) for one in needles))
    if owners is not None:
        query = query.where(tickets.c.owner_post.in_(sorted(owners)))
    return _listed(conn, query.order_by(tickets.c.id.desc()).limit(most))


def reopened(conn: sa.Connection, at_least: int, owners: Collection[str] | None = None) -> list[Listed]:
    """Tickets not ended that were reopened so often, the most often first; `owners` None: whoever has them."""
    often = (tickets.c.reopen_count >= at_least, tickets.c.ended_at.is_(None), ~is_in_shadow(tickets.c.id))
    query = _all().where(*often)
    if owners is not None:
        query = query.where(tickets.c.owner_post.in_(sorted(owners)))
    return _listed(conn, query.order_by(tickets.c.reopen_count.desc(), tickets.c.opened_at, tickets.c.id))


def _holds(needle: Needle) -> sa.ColumnElement[bool]:
    said = (
        sa.select(transcript.c.id)
        .where(transcript.c.ticket_id == tickets.c.id, transcript.c.text.icontains(needle.word, autoescape=True))
        .exists()
    )
    return sa.or_(
        said,
        tickets.c.locality.icontains(needle.word, autoescape=True),
        tickets.c.category.in_(sorted(needle.categories)),
        tickets.c.district.in_(sorted(needle.districts)),
    )


def tally(
    conn: sa.Connection,
    owners: Collection[str],
    since: datetime,
    now: datetime,
    *,
    unplaced: bool,
    ordinary_of: Collection[str] = (),
) -> Tally:
    """How these chairs stand now, and what citizens said to their answers since then; `ordinary_of` as in `waiting`."""
    here = _waiting(owners, ordinary_of, unplaced=unplaced)
    open_now = conn.execute(
        sa.select(
            sa.func.count(),
            sa.func.count().filter(tickets.c.due_at < now, tickets.c.paused_at.is_(None)),
            sa.func.count().filter(tickets.c.reopen_count > 0),
        ).where(here)
    ).one()
    outcome = satisfaction.c.outcome
    answered = conn.execute(
        sa.select(
            sa.func.count(),
            sa.func.count().filter(outcome == Outcome.SATISFIED),
            sa.func.count().filter(outcome == Outcome.NOT_SATISFIED),
            sa.func.count().filter(outcome.in_((Outcome.NO_ANSWER, Outcome.NOT_ASKABLE))),
        )
        .join_from(satisfaction, tickets, tickets.c.id == satisfaction.c.ticket_id)
        .where(_of_chairs(satisfaction.c.post, owners, ordinary_of), satisfaction.c.disposed_at >= since)
    ).one()
    return Tally(
        waiting=open_now[0],
        late=open_now[1],
        reopened=open_now[2],
        disposed=answered[0],
        satisfied=answered[1],
        not_satisfied=answered[2],
        unanswered=answered[3],
    )
