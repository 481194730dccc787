"""Which chair a ticket belongs to, who watches over it, and who may act on it.

Pure. From category, place and the body named to a department (jurisdiction.py) and a post; restricted matters begin one
level above the office complained of; sensitive ones go to a named senior officer's private chat, never to a group. A
missing officer never swallows a ticket: it moves up, and at the top it is the CMO desk's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from handlers.case import Case
from handlers.jurisdiction import in_charge
from handlers.understanding.taxonomy import Category
from store.people import Directory, Post
from store.vocabulary import Role, Sensitivity

TRIAGE_DEPARTMENT = "triage"
CMO_ROLES = frozenset({Role.CMO_DESK})


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """Where a ticket goes. `post` None: nobody can be reached but the CMO desk. `holes`: the chairs found empty."""

    department: str
    post: Post | None
    private: bool = False
    holes: tuple[str, ...] = ()


def first_level(category: Category, department: str, sensitivity: Sensitivity = Sensitivity.NORMAL) -> int:
    """The lowest level that may hold the ticket: above the office complained of, or a senior officer.

    `sensitivity` is the ticket's own: told in sensitive words, an ordinary matter goes to a senior officer too.
    """
    if Sensitivity.SENSITIVE in (category.sensitivity, sensitivity):
        return 2
    if category.sensitivity is Sensitivity.RESTRICTED and category.complained_of in (department, None):
        return 1
    return 0


def is_held(post: Post) -> bool:
    """Does somebody who can act sit in this chair today? A group without a linked holder reads but cannot act."""
    return any(one.telegram_user_id for one in post.acting)


def _narrowest(posts: Iterable[Post]) -> list[Post]:
    """The chair with the smallest area first: a district's before a division's before the state's."""
    return sorted(posts, key=lambda post: ("*" in post.districts, len(post.districts), post.code))


def chairs(
    department: str, district: str | None, level: int, directory: Directory, *, ordinary: bool = True
) -> list[Post]:
    """The posts of one level of the department's ladder that cover the district, narrowest first.

    After the department's own, unless its ladder says before, comes the district nodal officer, for `ordinary` tickets
    alone. Field officers are sent; they stand on no ladder.
    """
    here = [post for post in directory.posts.values() if post.level == level and post.covers(district)]
    ladder = directory.ladder(department)
    own = _narrowest(post for post in here if post.department == department and post.role in ladder)
    shared = _narrowest(post for post in here if post.role is Role.DISTRICT_NODAL in ladder and ordinary)
    return [*shared, *own] if _nodal_first(ladder) else [*own, *shared]


def _nodal_first(ladder: Sequence[Role]) -> bool:
    both = [role for role in ladder if role in (Role.DISTRICT_NODAL, Role.DISTRICT_HEAD)]
    return both == [Role.DISTRICT_NODAL, Role.DISTRICT_HEAD]


def cmo_post(directory: Directory) -> Post | None:
    """The CMO desk's post."""
    return next((post for post in _narrowest(directory.posts.values()) if post.role is Role.CMO_DESK), None)


def assign(
    category: Category,
    district: str | None,
    rural: bool | None,
    directory: Directory,
    *,
    agency: str | None = None,
    department: str | None = None,
    at_least: int = 0,
    sensitivity: Sensitivity = Sensitivity.NORMAL,
) -> Assignment:
    """The chair for this matter. `department` overrides the category's own (a forward); `at_least` a floor on the ladder.

    A sensitive ticket prefers a chair without a group: what is written there is read by one person.
    """
    office = department or in_charge(category, district, rural, agency).department
    private = Sensitivity.SENSITIVE in (category.sensitivity, sensitivity)
    if office == TRIAGE_DEPARTMENT:
        return Assignment(department=office, post=cmo_post(directory))
    ordinary = Sensitivity.NORMAL is category.sensitivity is sensitivity
    holes: list[str] = []
    lowest = max(first_level(category, office, sensitivity), at_least)
    for level in (one for one in directory.levels(office) if one >= lowest):
        found = chairs(office, district, level, directory, ordinary=ordinary)
        if private:
            found.sort(key=lambda post: post.desk is not None)
        for post in found:
            if is_held(post):
                return Assignment(department=office, post=post, private=private, holes=tuple(holes))
            holes.append(post.code)
        if not found:
            holes.append(f"{office}:{district or '-'}:{level}")
    return Assignment(department=office, post=cmo_post(directory), private=False, holes=tuple(holes))


def supervisor_of(case: Case, directory: Directory) -> Post | None:
    """The next chair up that can be reached, `escalation_level` steps above the owner; the CMO desk at the top."""
    owner = directory.posts.get(case.owner_post or "")
    if owner is None or case.department is None or owner.is_of_cmo:
        return cmo_post(directory)
    ordinary = case.sensitivity is Sensitivity.NORMAL
    return above(owner, case.department, case.district, directory, steps=case.escalation_level, ordinary=ordinary)


def above(
    owner: Post, department: str, district: str | None, directory: Directory, *, steps: int, ordinary: bool = True
) -> Post | None:
    """Who is rung so many steps above the owner on the department's ladder; an empty chair is passed over."""
    return _rung(owner, department, district, directory, steps=steps, ordinary=ordinary)[0]


def passed_over(case: Case, directory: Directory) -> tuple[Post, ...]:
    """The chairs that should have been rung before the one that is: nobody who can act sits there today."""
    owner = directory.posts.get(case.owner_post or "")
    if owner is None or case.department is None or owner.is_of_cmo:
        return ()
    ordinary = case.sensitivity is Sensitivity.NORMAL
    steps = case.escalation_level
    return _rung(owner, case.department, case.district, directory, steps=steps, ordinary=ordinary)[1]


def _rung(
    owner: Post, department: str, district: str | None, directory: Directory, *, steps: int, ordinary: bool
) -> tuple[Post | None, tuple[Post, ...]]:
    empty: list[Post] = []
    levels = [level for level in directory.levels(department) if level > owner.level]
    for level in levels[max(steps, 1) - 1 :]:
        for post in chairs(department, district, level, directory, ordinary=ordinary):
            if is_held(post):
                return post, tuple(empty)
            empty.append(post)
    return cmo_post(directory), tuple(empty)


class Kept(Protocol):
    """What of a ticket decides who may see it."""

    @property
    def owner_post(self) -> str | None: ...
    @property
    def department(self) -> str | None: ...
    @property
    def district(self) -> str | None: ...
    @property
    def sensitivity(self) -> Sensitivity: ...
    @property
    def errand_posts(self) -> frozenset[str]: ...


def may_act(case: Kept, post: Post, directory: Directory) -> bool:
    """Group membership is no authority: only the owner's chair, those above it on its ladder, and the CMO desk act."""
    if post.role in (Role.CMO_VIEWER, Role.FIELD_OFFICER):
        return False
    if post.role in CMO_ROLES:
        return True
    if post.role is Role.DISTRICT_NODAL and case.sensitivity is not Sensitivity.NORMAL:
        return False
    owner = directory.posts.get(case.owner_post or "")
    if owner is None or case.department is None:
        return False
    if post.code == owner.code:
        return True
    if owner.is_of_cmo or post.level <= owner.level or not post.covers(case.district):
        return False
    on_its_ladder = post.role in directory.ladder(case.department)
    return on_its_ladder and (post.role is Role.DISTRICT_NODAL or post.department == case.department)


def is_owner_chair(case: Kept, post: str, directory: Directory) -> bool:
    """Is this the office's own chair? The CMO desk that holds a ticket for want of one stands above all chairs."""
    owner = directory.posts.get(case.owner_post or "")
    return owner is not None and not owner.is_of_cmo and post == owner.code


def may_see(case: Kept, post: Post, directory: Directory) -> bool:
    """Who may be shown the ticket; a viewer of the CMO may look at all but sensitive ones, who was sent at theirs."""
    if post.code in case.errand_posts:
        return True
    if post.role is Role.CMO_VIEWER:
        return case.sensitivity is not Sensitivity.SENSITIVE
    if post.role is Role.DISTRICT_NODAL and case.sensitivity is Sensitivity.NORMAL and post.covers(case.district):
        return post.role in directory.ladder(case.department)
    return may_act(case, post, directory)
