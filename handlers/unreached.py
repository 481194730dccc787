"""Which complaints would find no officer, and which offices have nobody above them: routing asked for every case there is.

Pure. Owns the asking and how the answers are grouped; what a hole is called for the operator is bot/checking's.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from handlers.routing import TRIAGE_DEPARTMENT, above, chairs, first_level, is_held
from handlers.understanding.taxonomy import Category, Taxonomy
from store.people import WHOLE_STATE, Directory, Post
from store.vocabulary import Role, Sensitivity

WITHOUT_OFFICERS = frozenset({TRIAGE_DEPARTMENT, "central"})  # the CMO's own desk, and whom citizens are referred to


@dataclass(frozen=True, slots=True)
class Unreached:
    """These categories find nobody but the CMO desk in these districts of a department."""

    department: str
    categories: tuple[str, ...]
    districts: tuple[str, ...]


def unreached(directory: Directory, known: Taxonomy) -> list[Unreached]:
    """Every category by district without a chair in which somebody who has joined sits today, grouped where alike."""
    open_districts: dict[tuple[str, int, bool], tuple[str, ...]] = {}
    grouped: dict[tuple[str, tuple[str, ...]], list[str]] = defaultdict(list)
    for code, category in known.categories.items():
        for department in sorted(_departments(category)):
            ordinary = category.sensitivity is Sensitivity.NORMAL
            asked = (department, first_level(category, department), ordinary)
            if asked not in open_districts:
                open_districts[asked] = tuple(
                    d for d in sorted(known.districts) if not _is_reached(directory, d, *asked)
                )
            if open_districts[asked]:
                grouped[department, open_districts[asked]].append(code)
    return [Unreached(department, tuple(codes), where) for (department, where), codes in sorted(grouped.items())]


def _departments(category: Category) -> set[str]:
    named = {category.department, category.rural_department, *category.other_departments}
    return {each for each in named if each} - WITHOUT_OFFICERS


def _is_reached(directory: Directory, district: str, department: str, lowest: int, ordinary: bool) -> bool:
    return any(
        is_held(post)
        for level in directory.levels(department)
        if level >= lowest
        for post in chairs(department, district, level, directory, ordinary=ordinary)
    )


def nobody_above(directory: Directory, districts: Collection[str]) -> Mapping[str, tuple[str, ...]]:
    """By department, where a nodal officer works but a late ticket finds nobody above them but the CMO desk."""
    found: dict[str, set[str]] = defaultdict(set)
    for post in directory.posts.values():
        if post.role is Role.NODAL_OFFICER and post.department is not None and is_held(post):
            found[post.department] |= set(_without_senior(directory, post, post.department, districts))
    return {department: tuple(sorted(where)) for department, where in sorted(found.items()) if where}


def _without_senior(directory: Directory, post: Post, department: str, districts: Collection[str]) -> Iterator[str]:
    for district in districts if WHOLE_STATE in post.districts else post.districts:
        senior = above(post, department, district, directory, steps=1)
        if senior is None or senior.is_of_cmo:
            yield district
