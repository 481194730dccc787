"""Whom SMGT speaks to: the rule alone, as a table, and what it promises whatever comes."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.reach import EVERYBODY, Leaving, Reach, UnknownMode, Why, reach_of
from handlers.understanding.taxonomy import taxonomy

SHADOW, HISAR = Reach(silent=True), Reach(district="Hisar")
DISTRICTS = {name: one.alt_names for name, one in taxonomy().districts.items()}

REPLY = Leaving(to_officers=False, ticket_id=1, district="Hisar")
NOTICE = replace(REPLY, to_officers=True)
REFERRAL = Leaving(to_officers=False)
ALARM = Leaving(to_officers=True, about_us=True)
DIGEST = Leaving(to_officers=True)
WELCOME = Leaving(to_officers=True, answers_officer=True)


@pytest.mark.parametrize(
    ("reach", "leaving", "why"),
    [
        *((EVERYBODY, one, None) for one in (REPLY, NOTICE, REFERRAL, ALARM, DIGEST, WELCOME)),
        *((SHADOW, one, Why.SHADOW) for one in (REPLY, NOTICE, REFERRAL, ALARM, DIGEST, WELCOME)),
        (SHADOW, replace(REPLY, released=True), Why.SHADOW),
        (HISAR, REPLY, None),
        (HISAR, NOTICE, None),
        (HISAR, replace(NOTICE, district="Karnal"), Why.OTHER_DISTRICT),
        (HISAR, replace(REPLY, district=None), Why.DISTRICT_UNKNOWN),
        (HISAR, replace(REPLY, district=None, released=True), None),
        (HISAR, REFERRAL, Why.NO_TICKET),
        (HISAR, replace(REFERRAL, live_districts=frozenset({"Hisar", "Karnal"})), None),
        (HISAR, replace(REFERRAL, live_districts=frozenset({"Karnal"})), Why.NO_TICKET),
        (HISAR, ALARM, None),
        (HISAR, WELCOME, None),
        (HISAR, DIGEST, Why.NO_TICKET),
        (HISAR, replace(REPLY, held=frozenset({Why.DISTRICT_UNKNOWN})), None),
        (HISAR, replace(REPLY, held=frozenset({Why.DISTRICT_UNKNOWN, Why.SHADOW})), Why.IN_SHADOW),
        (EVERYBODY, replace(REPLY, held=frozenset({Why.DISTRICT_UNKNOWN})), Why.IN_SHADOW),
        (EVERYBODY, replace(NOTICE, follows_held=True), Why.FOLLOWS_HELD),
        (EVERYBODY, replace(NOTICE, follows_held=True, released=True), None),
    ],
)
def test_who_hears_what(reach: Reach, leaving: Leaving, why: Why | None) -> None:
    assert reach.why_held(leaving) is why


LEAVINGS = st.builds(
    Leaving,
    to_officers=st.booleans(),
    about_us=st.booleans(),
    answers_officer=st.booleans(),
    ticket_id=st.none() | st.just(1),
    district=st.sampled_from([None, "Hisar", "Karnal"]),
    held=st.frozensets(st.sampled_from([why.value for why in Why])),
    live_districts=st.frozensets(st.sampled_from(["Hisar", "Karnal"])),
    follows_held=st.booleans(),
    released=st.booleans(),
)


@given(LEAVINGS)
def test_a_louder_mode_never_says_less_of_a_fresh_ticket(one: Leaving) -> None:
    fresh = replace(one, held=frozenset(), follows_held=False)
    silent, some, every = (reach.why_held(fresh) is not None for reach in (SHADOW, HISAR, EVERYBODY))
    assert silent >= some >= every
    assert silent
    assert not every


@given(LEAVINGS, st.sampled_from([SHADOW, HISAR, EVERYBODY]))
def test_a_ticket_of_the_shadow_stays_there_unless_a_person_says_so(one: Leaving, reach: Reach) -> None:
    lived_there = replace(one, ticket_id=1, released=False, held=one.held | {Why.SHADOW.value})
    assert reach.why_held(lived_there) is not None


@given(LEAVINGS)
def test_one_district_is_one_district(one: Leaving) -> None:
    if HISAR.why_held(one) is None and one.ticket_id is not None:
        assert one.district == "Hisar" or one.released


@pytest.mark.parametrize(
    ("text", "mode"),
    [
        ("all", "all"),
        (" Shadow ", "shadow"),
        ("district:hisar", "district:Hisar"),
        ("District : charkhi-dadri", "district:Charkhi Dadri"),
    ],
)
def test_a_mode_is_read_as_people_write_it(text: str, mode: str) -> None:
    assert str(reach_of(text, DISTRICTS)) == mode
    assert reach_of(mode, DISTRICTS) == reach_of(text, DISTRICTS)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("district:Hissar", "there is no district Hissar; write Hisar"),
        ("district:Mewat", "there is no district Mewat; write Nuh"),
        ("district:Sonpat", "there is no district Sonpat; write Sonipat"),
        ("district:Delhi", "there is no district Delhi; write Ambala, Bhiwani, "),
        ("district", "it must be all, shadow, or district: and a district's English name, like district:Hisar"),
        ("district:", "it must be all, shadow, or district: and "),
        ("quiet", "it must be all, shadow, or district: and "),
        ("", "it must be all, shadow, or district: and "),
    ],
)
def test_a_mode_that_there_is_not_names_what_is_close(text: str, says: str) -> None:
    with pytest.raises(UnknownMode) as caught:
        reach_of(text, DISTRICTS)
    assert str(caught.value).startswith(says)
