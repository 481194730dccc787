"""Which chair a ticket belongs to, and who may act on it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from core_office import DISTRICTS, NOW, case, directory, ground
from hypothesis import given
from hypothesis import strategies as st

from handlers.case import Case
from handlers.effects import Notify, Record
from handlers.passing_time import hear_silence
from handlers.routing import assign, chairs, cmo_post, first_level, may_act, may_see, passed_over, supervisor_of
from handlers.understanding.taxonomy import taxonomy
from store.people import Directory, Officer, Post
from store.vocabulary import Role, Sensitivity, Status

CATEGORIES = taxonomy().categories
FULL = directory()


@pytest.mark.parametrize(
    ("category", "department", "level"),
    [
        ("garbage", "ulb", 0),
        ("police_inaction", "police", 0),
        ("police_misconduct", "police", 1),
        ("tehsil_bribe", "revenue", 1),
        ("tehsil_bribe", "acb", 0),
        ("corruption", "acb", 1),  # nobody is named, so nobody at the lowest level may hold it
        ("women_safety", "police", 2),
    ],
)
def test_the_lowest_level_that_may_hold_it(category: str, department: str, level: int) -> None:
    assert first_level(CATEGORIES[category], department) == level


@given(
    category=st.sampled_from(sorted(CATEGORIES)),
    district=st.sampled_from([*DISTRICTS, None]),
    rural=st.sampled_from([True, False, None]),
    vacant=st.sets(st.sampled_from(sorted(FULL.posts)), max_size=30),
)
def test_a_ticket_always_finds_a_held_chair_of_its_ladder(
    category: str, district: str | None, rural: bool | None, vacant: set[str]
) -> None:
    known = directory(vacant - {"cmo-desk"})
    place = assign(CATEGORIES[category], district, rural, known)
    assert place.post is not None
    assert place.post.holders
    if place.post.department is not None:
        assert place.post.department == place.department
        assert place.post.level >= first_level(CATEGORIES[category], place.department)
        assert place.post.covers(district)
    lower = [
        post
        for post in known.posts.values()
        if post.department == place.department
        and post.covers(district)
        and first_level(CATEGORIES[category], place.department) <= post.level < place.post.level
    ]
    assert not any(post.holders for post in lower), "a lower chair was free"
    assert {post.code for post in lower} <= set(place.holes)


def test_an_empty_chair_is_named_and_passed() -> None:
    place = assign(CATEGORIES["garbage"], "Hisar", False, directory(["ulb-nodal-hisar"]))
    assert place.post is not None
    assert place.post.code == "ulb-division"
    assert place.holes == ("ulb-nodal-hisar",)


def test_with_nobody_at_all_it_is_the_cmo_desks() -> None:
    place = assign(CATEGORIES["garbage"], "Hisar", False, directory(["ulb-nodal-hisar", "ulb-division", "ulb-head"]))
    assert place.post == cmo_post(FULL) or (place.post is not None and place.post.role is Role.CMO_DESK)
    assert place.department == "ulb"


@pytest.mark.parametrize(
    ("level", "code"), [(0, "ulb-division"), (1, "ulb-division"), (2, "ulb-head"), (3, "cmo-desk")]
)
def test_the_next_chair_up(level: int, code: str) -> None:
    late = case(department="ulb", district="Hisar", owner_post="ulb-nodal-hisar", escalation_level=level)
    watching = supervisor_of(late, FULL)
    assert watching is not None
    assert watching.code == code


@pytest.mark.parametrize(
    ("post", "acts", "sees"),
    [
        ("ulb-nodal-hisar", True, True),
        ("ulb-nodal-rohtak", False, False),
        ("ulb-division", True, True),
        ("ulb-head", True, True),
        ("phed-head", False, False),
        ("cmo-desk", True, True),
        ("cmo-viewer", False, True),
    ],
)
def test_who_may_act_and_who_may_see(post: str, acts: bool, sees: bool) -> None:
    ticket = case(department="ulb", district="Hisar", owner_post="ulb-nodal-hisar", status=Status.ASSIGNED)
    assert may_act(ticket, FULL.posts[post], FULL) is acts
    assert may_see(ticket, FULL.posts[post], FULL) is sees


def test_a_viewer_sees_nothing_sensitive() -> None:
    ticket = case(department="police", owner_post="police-head", sensitivity=Sensitivity.SENSITIVE)
    assert not may_see(ticket, FULL.posts["cmo-viewer"], FULL)
    assert not may_act(ticket, FULL.posts["police-division"], FULL)


def test_the_smallest_area_comes_first() -> None:
    assert [post.code for post in chairs("ulb", "Hisar", 0, FULL)] == ["ulb-nodal-hisar"]
    assert chairs("ulb", "Sirsa", 0, FULL) == []


# -- field officers and district nodal officers --------------------------------------------------------------------------


def with_two_more(vacant: Iterable[str] = ()) -> Directory:
    base = directory(vacant)
    junior = Officer(901, "Junior", "5901")
    magistrate = Officer(902, "Magistrate", "5902")
    posts = {
        **base.posts,
        "je": Post("je", "JE", Role.FIELD_OFFICER, "phed", 0, None, frozenset({"Hisar"}), (junior,)),
        "cm-hisar": Post("cm-hisar", "CM", Role.DISTRICT_NODAL, None, 1, None, frozenset({"Hisar"}), (magistrate,)),
    }
    return Directory(posts, base.desks)


def owned(**changes: Any) -> Case:
    known = {"category": "water_supply", "district": "Hisar", "department": "phed", "owner_post": "phed-nodal-hisar"}
    return case(status=Status.ASSIGNED, **{**known, **changes})


def test_a_field_officer_owns_nothing_and_stands_on_no_ladder() -> None:
    everybody = with_two_more(vacant=["phed-nodal-hisar"])
    place = assign(taxonomy().categories["water_supply"], "Hisar", None, everybody)
    assert place.post is not None
    assert place.post.code == "phed-division"
    assert not may_act(owned(), everybody.posts["je"], everybody)
    assert not may_see(owned(), everybody.posts["je"], everybody)


def test_the_district_nodal_officer_stands_in_for_a_missing_district_head() -> None:
    everybody = with_two_more(vacant=["phed-division"])
    above = supervisor_of(owned(), everybody)
    assert above is not None
    assert above.code == "cm-hisar"
    own = supervisor_of(owned(), with_two_more())
    assert own is not None
    assert own.code == "phed-division", "the department's own comes first"
    elsewhere = supervisor_of(owned(district="Rohtak", owner_post="phed-nodal-rohtak"), everybody)
    assert elsewhere is not None
    assert elsewhere.code == "phed-head"


def test_the_chairs_that_were_passed_over_are_named() -> None:
    empty = directory(vacant=["phed-division"])
    assert [post.code for post in passed_over(owned(escalation_level=1), empty)] == ["phed-division"]
    assert passed_over(owned(escalation_level=1), directory()) == ()
    late = owned(assigned_at=NOW, due_at=NOW + timedelta(hours=24), turn=1)
    here = replace(ground(), directory=empty)
    decision = hear_silence(late, NOW + timedelta(hours=25), here)
    told = [one for one in decision.effects if isinstance(one, Notify) and one.template == "escalated"]
    assert [one.facts.passed_over for one in told] == [("phed-division",)]
    assert ("holes", "phed-division") in next(one.codes for one in decision.effects if isinstance(one, Record))


def test_the_district_nodal_officer_may_act_on_ordinary_tickets_of_the_district_alone() -> None:
    everybody = with_two_more()
    magistrate = everybody.posts["cm-hisar"]
    assert may_act(owned(), magistrate, everybody)
    assert may_see(owned(owner_post="phed-head"), magistrate, everybody)
    assert not may_act(owned(owner_post="phed-head"), magistrate, everybody)
    for barred in (Sensitivity.RESTRICTED, Sensitivity.SENSITIVE):
        assert not may_act(owned(sensitivity=barred), magistrate, everybody)
        assert not may_see(owned(sensitivity=barred), magistrate, everybody)
    assert not may_see(owned(district="Rohtak", owner_post="phed-nodal-rohtak"), magistrate, everybody)


@pytest.mark.parametrize("sensitivity", [Sensitivity.RESTRICTED, Sensitivity.SENSITIVE])
def test_what_is_not_ordinary_never_reaches_the_district_nodal_officer(sensitivity: Sensitivity) -> None:
    everybody = with_two_more(vacant=["phed-division", "phed-nodal-hisar"])
    place = assign(taxonomy().categories["water_supply"], "Hisar", None, everybody, sensitivity=sensitivity, at_least=1)
    assert place.post is not None
    assert place.post.code == "phed-head"
    above = supervisor_of(owned(sensitivity=sensitivity), everybody)
    assert above is not None
    assert above.code == "phed-head"
