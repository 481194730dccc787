"""Giving a ticket to an office: the first time, after a correction, by forwarding, by reopening.

Pure. The one place where owner, department, due time and turn are set, so that they can never disagree.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from handlers.case import Case
from handlers.effects import Audience, Effect, Hand, Notify, Record
from handlers.facts import Facts
from handlers.ground import Ground
from handlers.routing import Assignment, assign
from handlers.standstill import held
from handlers.time_limits import due_at
from handlers.understanding.meaning import Asked
from store.vocabulary import Awaiting, Sensitivity, Status


def awaiting_nothing(case: Case) -> Case:
    """The same case with no question open."""
    return replace(
        case,
        awaiting=Awaiting.NOTHING,
        asked=Asked.NOTHING,
        awaiting_since_at=None,
        category_choices=(),
        district_choices=(),
        misses=0,
        reminded=False,
    )


def awaiting(case: Case, what: Awaiting, now: datetime, asked: Asked = Asked.NOTHING) -> Case:
    """The same case with one question open since `now`."""
    return replace(case, awaiting=what, asked=asked, awaiting_since_at=now, reminded=False)


def is_complete(case: Case, ground: Ground) -> bool:
    """Is everything known that an office must know?"""
    return missing(case, ground) is Asked.NOTHING


def missing(case: Case, ground: Ground) -> Asked:
    """What must still be asked: a district (where the category needs one), a category, or both."""
    category = ground.taxonomy.categories.get(case.category or "")
    needs_district = case.district is None and (category is None or category.district_needed)
    if ground.policy.any_state:
        needs_district = False
    match (needs_district, category is None):
        case (True, True):
            return Asked.BOTH
        case (True, False):
            return Asked.DISTRICT
        case (False, True):
            return Asked.CATEGORY
    return Asked.NOTHING


def hand(
    case: Case,
    now: datetime,
    ground: Ground,
    *,
    department: str | None = None,
    kind: str = "assigned",
    at_least: int = 0,
) -> tuple[Case, tuple[Effect, ...]]:
    """Give the case to the office its category and district name (or to `department`): a new turn with a new limit."""
    category = ground.taxonomy.categories[case.category or "other"]
    place = assign(
        category,
        case.district,
        case.rural,
        ground.directory,
        agency=case.agency,
        department=department,
        at_least=at_least,
        sensitivity=case.sensitivity,
    )
    begins = case.opened_at if case.person_first and not case.turn else now  # everyone's clock: from the first post
    handed = replace(
        awaiting_nothing(case),
        status=Status.ASSIGNED,
        category=case.category or "other",
        department=place.department,
        owner_post=place.post.code if place.post else None,
        sensitivity=kept_sensitivity(case, category.sensitivity),
        assigned_at=begins,
        accepted_at=None,
        disposed_at=None,
        ended_at=None,
        outcome=None,
        paused_at=None,
        reminded_percent=0,
        due_at=due_at(begins, category.limit_hours, category.hours_kind, ground.policy.holidays),
        turn=case.turn + 1,
        interim_told=False,
    )
    handed = held(handed, now, ground)
    return handed, (*_codes(kind, handed, place), Hand(), *_holes(place, handed.turn))


def rehand(case: Case, now: datetime, ground: Ground, *, kind: str) -> tuple[Case, tuple[Effect, ...]]:
    """Give the case back to the very office that had it: same post, a new turn with a new limit."""
    category = ground.taxonomy.categories[case.category or "other"]
    if case.department is None or (case.owner_post is not None and case.owner_post not in ground.directory.posts):
        return hand(case, now, ground, department=case.department, kind=kind)
    handed = replace(
        awaiting_nothing(case),
        status=Status.ASSIGNED,
        assigned_at=now,
        accepted_at=None,
        disposed_at=None,
        ended_at=None,
        outcome=None,
        paused_at=None,
        reminded_percent=0,
        due_at=due_at(now, category.limit_hours, category.hours_kind, ground.policy.holidays),
        turn=case.turn + 1,
        interim_told=False,
    )
    handed = held(handed, now, ground)
    return handed, (*_codes(kind, handed, None), Hand())


def kept_sensitivity(case: Case, of_category: Sensitivity) -> Sensitivity:
    """Once sensitive, always sensitive: a threat told later must not be undone by a correction."""
    return Sensitivity.SENSITIVE if case.sensitivity is Sensitivity.SENSITIVE else of_category


def _codes(kind: str, case: Case, place: Assignment | None) -> tuple[Effect, ...]:
    codes = [
        ("category", case.category or ""),
        ("district", case.district or ""),
        ("department", case.department or ""),
    ]
    codes.append(("post", case.owner_post or ""))
    if place is not None and place.holes:
        codes.append(("holes", "|".join(place.holes)))
    return (Record(kind=kind, codes=tuple(codes)),)


def _holes(place: Assignment, turn: int) -> tuple[Effect, ...]:
    """An empty chair is told to the CMO desk, whoever took the ticket in its place."""
    if not place.holes or (place.post is not None and not place.post.is_of_cmo):
        return ()
    return (
        Notify(
            audience=Audience.CMO,
            template="triage_notice",
            facts=Facts(why="no_officer"),
            step=f"no_officer:{turn}",
            quiet=True,
        ),
    )
