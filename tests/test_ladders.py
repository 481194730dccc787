"""The ladder of a department: as a file, and what routing makes of it, for any directory whatever."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from core_office import case, directory
from hypothesis import given
from hypothesis import strategies as st

from handlers.routing import Assignment, assign, chairs, cmo_post, is_held, may_act, may_see, supervisor_of
from handlers.understanding.taxonomy import taxonomy
from store.csv_lines import DirectoryFaults
from store.db import reading, writing
from store.directory import load_directory
from store.ladders import export_ladders, import_ladders
from store.people import RUNGS, USUAL_LADDER, Directory, Leave, Officer, Post
from store.seating import seated
from store.vocabulary import Role, Sensitivity, Status

NOW = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
CATEGORIES = taxonomy().categories
LADDERS = """department,ladder
phed,nodal_officer|department_head
police,nodal_officer|district_head|department_head
ulb,nodal_officer|district_nodal|district_head|department_head
"""
DEPARTMENTS = {"phed", "police", "ulb"}


def with_ladder(*roles: Role, department: str = "ulb") -> Directory:
    base = directory()
    magistrate = Officer(902, "Magistrate", "5902")
    nodal = Post("cm-hisar", "CM", Role.DISTRICT_NODAL, None, 1, None, frozenset({"Hisar"}), (magistrate,))
    return Directory({**base.posts, "cm-hisar": nodal}, base.desks, ladders={department: roles} if roles else {})


def rung(known: Directory) -> list[str]:
    late = case(department="ulb", district="Hisar", owner_post="ulb-nodal-hisar")
    found = [supervisor_of(replace(late, escalation_level=at), known) for at in (1, 2, 3)]
    return [post.code for post in found if post]


@pytest.mark.parametrize(
    ("roles", "codes"),
    [
        ((), ["ulb-division", "ulb-head", "cmo-desk"]),
        ((Role.NODAL_OFFICER, Role.DEPARTMENT_HEAD), ["ulb-head", "cmo-desk", "cmo-desk"]),
        ((Role.NODAL_OFFICER, Role.DISTRICT_NODAL, Role.DISTRICT_HEAD), ["cm-hisar", "cmo-desk", "cmo-desk"]),
        ((Role.NODAL_OFFICER,), ["cmo-desk", "cmo-desk", "cmo-desk"]),
    ],
)
def test_who_is_rung_is_what_the_ladder_says(roles: tuple[Role, ...], codes: list[str]) -> None:
    assert rung(with_ladder(*roles)) == codes


def test_who_stands_on_no_ladder_may_neither_act_nor_see() -> None:
    ticket = case(department="ulb", district="Hisar", owner_post="ulb-nodal-hisar", status=Status.ASSIGNED)
    usual, short = with_ladder(), with_ladder(Role.NODAL_OFFICER, Role.DEPARTMENT_HEAD)
    for code in ("cm-hisar", "ulb-division"):
        assert may_act(ticket, usual.posts[code], usual)
        assert not may_act(ticket, short.posts[code], short)
        assert not may_see(ticket, short.posts[code], short)
    assert may_act(ticket, short.posts["ulb-head"], short)


def test_a_level_that_the_ladder_has_not_is_no_hole() -> None:
    short = with_ladder(Role.NODAL_OFFICER, Role.DEPARTMENT_HEAD)
    posts = {code: post for code, post in short.posts.items() if post.code != "ulb-nodal-hisar"}
    place = assign(CATEGORIES["garbage"], "Hisar", False, Directory(posts, short.desks, ladders=short.ladders))
    assert place == Assignment(department="ulb", post=posts["ulb-head"], holes=("ulb:Hisar:0",))


# -- the file --------------------------------------------------------------------------------------------------------------


def test_a_file_of_ladders_goes_in_and_comes_out_the_same(engine: sa.Engine) -> None:
    with writing(engine) as conn:
        would = import_ladders(conn, LADDERS, known_departments=DEPARTMENTS, dry_run=True)
        assert would.added == ("phed", "police", "ulb")
        assert would.new["phed"] == ("ladder: nodal_officer|department_head",)
        assert load_directory(conn, NOW).ladders == {}
        assert import_ladders(conn, LADDERS, known_departments=DEPARTMENTS) == would
        assert export_ladders(conn) == LADDERS
        assert not import_ladders(conn, LADDERS, known_departments=DEPARTMENTS)
        known = load_directory(conn, NOW)
        assert known.levels("phed") == [0, 2]
        assert known.ladder("power") == USUAL_LADDER
        assert import_ladders(conn, "department,ladder\n", known_departments=DEPARTMENTS).removed == would.added
        assert load_directory(conn, NOW).ladder("phed") == USUAL_LADDER


def test_every_wrong_line_is_named_and_nothing_changes(engine: sa.Engine) -> None:
    text = (
        "department,ladder\nphed,nodal_officer\nphd,nodal_officer\npolice,\nulb,district_head|nodal_officer\n"
        "phed,clerk|cmo_desk\n"
    )
    with writing(engine) as conn, pytest.raises(DirectoryFaults) as caught:
        import_ladders(conn, text, known_departments=DEPARTMENTS)
    assert list(caught.value.faults) == [
        "ladders.csv line 3: department 'phd' is not known; did you mean phed?",
        "ladders.csv line 4: ladder is empty; join roles by |, the lowest first.",
        "ladders.csv line 5: ladder must climb: nodal_officer, then district_head or district_nodal, then department_head.",
        "ladders.csv line 6: department 'phed' stands already in line 2.",
        "ladders.csv line 6: role 'clerk' is not known; known are department_head, district_head, district_nodal, "
        "nodal_officer.",
        "ladders.csv line 6: role 'cmo_desk' is not known; known are department_head, district_head, district_nodal, "
        "nodal_officer.",
    ]
    with reading(engine) as conn:
        assert load_directory(conn, NOW).ladders == {}


# -- any directory whatever ------------------------------------------------------------------------------------------------

PLACES = ("Hisar", "Rohtak")
OFFICES = ("ulb", "phed", "police")
PEOPLE = [
    Officer(number, f"Officer {number}", None if number % 3 == 0 else str(5000 + number)) for number in range(1, 13)
]


@st.composite
def directories(draw: st.DrawFn) -> Directory:
    """Posts of any role, held or not, joined or not, away or not, with ladders of any shape; one clerk at the CMO."""
    posts = {}
    for at in range(draw(st.integers(0, 14))):
        role = draw(st.sampled_from([*RUNGS, Role.FIELD_OFFICER]))
        department = None if role is Role.DISTRICT_NODAL else draw(st.sampled_from(OFFICES))
        districts = draw(st.sampled_from([{"Hisar"}, {"Rohtak"}, set(PLACES), {"*"}]))
        holders = tuple(draw(st.lists(st.sampled_from(PEOPLE), max_size=2, unique=True)))
        posts[f"p{at}"] = Post(f"p{at}", "P", role, department, RUNGS.get(role, 0), None, frozenset(districts), holders)
    posts["cmo-desk"] = Post("cmo-desk", "CMO", Role.CMO_DESK, None, 3, None, holders=(Officer(99, "Clerk", "5099"),))
    leaves = [
        Leave(
            number,
            NOW,
            NOW + timedelta(days=1),
            officer=None if (post := draw(st.sampled_from([None, *posts]))) else draw(st.sampled_from(PEOPLE)),
            post=post if post != "cmo-desk" else "p0",
            substitute=draw(st.sampled_from([None, *PEOPLE])),
        )
        for number in range(draw(st.integers(0, 6)))
    ]
    shapes = st.sets(st.sampled_from(list(RUNGS)), min_size=1).map(lambda some: tuple(r for r in RUNGS if r in some))
    ladders = draw(st.dictionaries(st.sampled_from(OFFICES), shapes))
    return Directory(seated(posts, leaves), {}, tuple(leaves), ladders)


def sits(post: Post, known: Directory) -> bool:
    """Said anew and slowly: does somebody who has joined and is not away sit in this chair, or rightly stand in?"""
    gone = {leave.officer.id for leave in known.leaves if leave.officer}
    closed = any(leave.post == post.code for leave in known.leaves)
    if any(one.telegram_user_id and one.id not in gone and not closed for one in post.holders):
        return True
    mine = [one for one in known.leaves if one.post == post.code or (one.officer and one.officer in post.holders)]
    others = [leave.substitute for leave in mine if leave.substitute]
    return any(
        one.telegram_user_id and one.id not in gone and not (closed and one in post.holders) and one in post.acting
        for one in others
    )


@given(
    known=directories(),
    category=st.sampled_from(sorted(CATEGORIES)),
    district=st.sampled_from([*PLACES, None]),
    office=st.sampled_from([None, *OFFICES]),
    sensitivity=st.sampled_from(list(Sensitivity)),
    steps=st.integers(0, 4),
)
def test_nobody_away_or_unlinked_is_chosen_and_somebody_always_is(
    known: Directory, category: str, district: str | None, office: str | None, sensitivity: Sensitivity, steps: int
) -> None:
    place = assign(CATEGORIES[category], district, None, known, department=office, sensitivity=sensitivity)
    assert place.post is not None
    late = case(
        category=category, district=district, department=place.department, owner_post=place.post.code,
        sensitivity=sensitivity, escalation_level=steps,
    )  # fmt: skip
    watching = supervisor_of(late, known)
    assert watching is not None
    for post in (place.post, watching):
        if post.role is Role.CMO_DESK:
            continue
        assert sits(post, known)
        assert is_held(post)
        assert post.role in known.ladder(place.department)
        assert post.role is not Role.FIELD_OFFICER
        assert post.covers(district)
        assert post.department in (place.department, None)
    if watching.role is not Role.CMO_DESK:
        assert watching.level > place.post.level
        assert may_act(late, watching, known)
    lower = [
        post for level in known.levels(place.department) for post in chairs(place.department, district, level, known)
    ]
    if place.post == cmo_post(known):
        assert place.department == "triage" or not any(is_held(post) for post in lower if post.level == 2)


@given(known=directories())
def test_no_substitute_reads_complaints_about_the_own_office(known: Directory) -> None:
    for post in known.posts.values():
        for one in post.substitutes:
            beneath = [
                own.code
                for own in known.posts.values()
                if one in own.holders and own.department == post.department is not None and own.level < post.level
                and (own.districts & post.districts or "*" in own.districts | post.districts)
            ]  # fmt: skip
            assert beneath == []
