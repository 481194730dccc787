"""What a clerk of the CMO desk is offered under a ticket that waits to be placed: guesses, every matter, every district.

Pure. A matter not guessed is two taps away, its group and its name; a district as well. Owns the groups and the
keyboards; the names stand in the taxonomy and the templates.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache

from handlers.case import Case
from handlers.effects import Act, Press
from handlers.understanding.taxonomy import taxonomy
from store.vocabulary import Sensitivity

GUESSES = 3
ROOT, MATTERS, DISTRICTS, REASONS = "root", "matters", "districts", "reasons"
REJECT_REASONS = (
    "not_a_grievance",
    "personal_dispute",
    "court_matter",
    "rti",
    "service_rule",
    "no_details",
    "other_government",
)
# A group is what a clerk would look under: the departments whose matters lie there. What is in none is under "else".
ELSEWHERE = "else"
GROUPS: Mapping[str, tuple[str, ...]] = {
    "water": ("phed", "irrigation"),
    "power": ("power",),
    "roads": ("pwd", "transport"),
    "town": ("ulb", "hsvp", "tcp", "housing", "fire"),
    "police": ("police",),
    "land": ("revenue",),
    "village": ("panchayat", "agriculture", "animal", "cooperation", "hsamb"),
    "health": ("health", "fda", "pollution"),
    "schools": ("education", "higher_education", "wcd"),
    "welfare": ("social", "crid", "food"),
    "work": ("personnel", "labour", "excise", "hsiidc"),
    ELSEWHERE: (),
}

Keyboard = tuple[tuple[Press, ...], ...]


@cache
def matters_of() -> Mapping[str, tuple[str, ...]]:
    """The categories of every group, in the order of the taxonomy; each category is in exactly one."""
    group_of = {department: group for group, departments in GROUPS.items() for department in departments}
    found: dict[str, list[str]] = {group: [] for group in GROUPS}
    for code, category in taxonomy().categories.items():
        found[group_of.get(category.department, ELSEWHERE)].append(code)
    return {group: tuple(codes) for group, codes in found.items() if codes}


def in_pairs(presses: Iterable[Press]) -> Keyboard:
    """Two to a row: what a phone shows without cutting the words."""
    all_of_them = tuple(presses)
    return tuple(all_of_them[at : at + 2] for at in range(0, len(all_of_them), 2))


def triage_presses(case: Case) -> Keyboard:
    """The first keyboard: guesses, then the way to everything else, then what else a clerk may do.

    While the matter is unknown its groups stand here already, so that none is further than two taps.
    """
    guesses = () if case.sensitivity is Sensitivity.SENSITIVE else case.category_choices[:GUESSES]
    matters = [Press(act=Act.SET_CATEGORY, argument=code) for code in guesses]
    if case.category is None:
        matters += [Press(act=Act.OPEN_KEYS, argument=group) for group in matters_of()]
    else:
        matters.append(Press(act=Act.OPEN_KEYS, argument=MATTERS))
    districts = [Press(act=Act.SET_DISTRICT, argument=name) for name in case.district_choices[:GUESSES]]
    districts.append(Press(act=Act.OPEN_KEYS, argument=DISTRICTS))
    rest = (Press(act=Act.CLAIM), Press(act=Act.FORWARD)), (Press(act=Act.REJECT),)
    return (*in_pairs(matters), *in_pairs(districts), *rest)


def keyboard(which: str, case: Case) -> Keyboard:
    """The keys that stand under the notice once `which` was opened; an unknown name opens the first ones."""
    back = (Press(act=Act.OPEN_KEYS, argument=ROOT),)
    if which == MATTERS:
        return (*in_pairs(Press(act=Act.OPEN_KEYS, argument=group) for group in matters_of()), back)
    if which == DISTRICTS:
        names = sorted(taxonomy().districts)
        return (*in_pairs(Press(act=Act.SET_DISTRICT, argument=name) for name in names), back)
    if which == REASONS:
        return (*in_pairs(Press(act=Act.REJECT_FOR, argument=reason) for reason in REJECT_REASONS), back)
    codes = matters_of().get(which)
    if codes is None:
        return triage_presses(case)
    return (*in_pairs(Press(act=Act.SET_CATEGORY, argument=code) for code in codes), back)
