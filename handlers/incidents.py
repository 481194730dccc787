"""One outage, many who complain: which tickets are of one incident, and which place sets two apart.

Pure. Owns the rule. Linking never closes or merges anything: each citizen keeps a number and gets an answer. Where it is
not plain that one cause hit both, two tickets stay two: a false link sends one street the answer of another.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from handlers.case import Case
from handlers.finding import overlap
from handlers.policy import Policy
from handlers.understanding.spot import Spot, place_keys, spot_of
from store.vocabulary import Register, Sensitivity

WITHIN: Final = timedelta(hours=72)
LEAST_KEYS: Final = 3  # fewer words tell nothing of one outage against another
AREAS: Final = ("sector", "ward", "phase", "feeder")  # another one of these is another place, whatever the words say
PARTS: Final = ("block", "tower", "lane")  # of an area; alone they are in every colony


class Reach(StrEnum):
    """How far one cause goes."""

    AREA = "area"  # the whole colony: two lanes of it may well be one trouble
    SPOT = "spot"  # one stretch: only the same name or lane is the same trouble


SHARED: Final[dict[str, Reach]] = {
    "power_outage": Reach.AREA,  # a feeder or transformer darkens a whole colony
    "power_fault": Reach.AREA,  # the neighbours of a burnt transformer all write
    "water_supply": Reach.AREA,  # one pump, tank or main
    "dirty_water": Reach.AREA,  # one broken main
    "waterlogging": Reach.AREA,  # one drain or pumping station
    "sewer": Reach.AREA,  # one blocked line
    "street_light": Reach.AREA,  # one switch lights many poles
    "garbage": Reach.AREA,  # one vehicle that does not come
    "mosquito": Reach.AREA,  # one round of fogging
    "pothole": Reach.SPOT,  # a colony has many holes, a stretch of road one repair
    "road_safety": Reach.SPOT,  # one missing railing or sign
    "drain": Reach.SPOT,  # open drains are cleaned lane by lane
}
"""Categories in which one cause hits many. All others are of one person or one place each: police matters, bills, cards,
pensions, land; what is restricted or sensitive is never linked, whatever its category."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What of a ticket, or of all tickets of an incident together, decides whether another belongs to it."""

    category: str
    department: str
    owner_post: str
    district: str
    opened_at: datetime
    spot: Spot = field(default_factory=Spot)
    keys: frozenset[str] = frozenset()  # besides those of the place


def told_by(case: Case) -> Told | None:
    """What this ticket tells; None where it stands alone."""
    if not may_be_shared(case) or case.district is None or case.department is None or case.owner_post is None:
        return None
    spot = spot_of(case.locality, case.district)
    return Told(
        category=case.category or "",
        department=case.department,
        owner_post=case.owner_post,
        district=case.district,
        opened_at=case.opened_at,
        spot=spot,
        keys=case.keys - place_keys(spot, case.district),
    )


def may_be_shared(case: Case) -> bool:
    """May others be told of together with this one? Danger, grief and what must not be seen stand alone."""
    plain = case.sensitivity is Sensitivity.NORMAL and case.register is Register.NORMAL
    alone = case.urgent or case.stands_apart or case.reopen_count > 0
    return plain and not alone and case.with_office and case.category in SHARED


def is_same_incident(one: Told, other: Told, policy: Policy) -> bool:
    """Is it one outage? Same office, matter and district within three days; then the same place, or the same words."""
    office = (one.category, one.department, one.owner_post, one.district)
    if office != (other.category, other.department, other.owner_post, other.district) or one.category not in SHARED:
        return False
    if abs(one.opened_at - other.opened_at) > WITHIN:
        return False
    if is_elsewhere(one.spot, other.spot):
        return False
    if SHARED[one.category] is Reach.SPOT:
        return _is_same_stretch(one.spot, other.spot)
    if _is_same_area(one.spot, other.spot):
        return True
    return not _parts_differ(one.spot, other.spot) and _same_words(one, other, policy)


def with_another(incident: Told, member: Told) -> Told:
    """The incident once this ticket is linked: it is where both are, so that no later one is elsewhere from either; its
    words stay those of the first."""
    return replace(incident, spot=incident.spot.narrowed(member.spot))


def is_elsewhere(one: Spot, other: Spot) -> bool:
    """Do the two name different wards, sectors, phases, feeders or colonies?"""
    for kind in AREAS:
        mine, theirs = one.of_kind(kind), other.of_kind(kind)
        if mine and theirs and not mine & theirs:
            return True
    return bool(one.names and other.names) and not one.shares_name(other)


def _is_same_area(one: Spot, other: Spot) -> bool:
    if one.shares_name(other):
        return True
    shared = {kind for kind in AREAS if one.of_kind(kind) & other.of_kind(kind)}
    if one.names or other.names:
        shared.discard("ward")  # each town of a district numbers its wards anew
    return bool(shared)


def _is_same_stretch(one: Spot, other: Spot) -> bool:
    if _parts_differ(one, other):
        return False
    lanes = any(one.of_kind(kind) & other.of_kind(kind) for kind in PARTS)
    return one.shares_name(other) or (lanes and _is_same_area(one, other))


def _parts_differ(one: Spot, other: Spot) -> bool:
    parts = ((one.of_kind(kind), other.of_kind(kind)) for kind in PARTS)
    return any(mine and theirs and not mine & theirs for mine, theirs in parts)


def _same_words(one: Told, other: Told, policy: Policy) -> bool:
    enough = min(len(one.keys), len(other.keys)) >= LEAST_KEYS
    return enough and overlap(one.keys, other.keys) >= policy.repeat_overlap
