"""Which complaints are of one outage, and which never are."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.incidents import (
    SHARED,
    Reach,
    Told,
    is_elsewhere,
    is_same_incident,
    may_be_shared,
    told_by,
    with_another,
)
from handlers.policy import Policy
from handlers.understanding import understand
from handlers.understanding.spot import spot_of
from handlers.understanding.taxonomy import taxonomy
from store.vocabulary import Register, Sensitivity, Status
from tests.core_office import case

POLICY = Policy()
AT = datetime(2026, 11, 23, 5, tzinfo=UTC)
WORDS = frozenset({"trnsfrmr", "dmaka", "tar", "pdosi"})


def told(locality: str | None = None, **more: object) -> Told:
    district = str(more.pop("district", "Hisar"))
    known: dict[str, object] = {
        "category": "power_outage", "department": "power", "owner_post": "power-hisar", "district": district,
        "opened_at": AT, "spot": spot_of(locality, district), "keys": frozenset(),
    }  # fmt: skip
    return Told(**{**known, **more})  # type: ignore[arg-type]


def same(one: Told, other: Told) -> bool:
    return is_same_incident(one, other, POLICY)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("sector 14", "सेक्टर १४", True),
        ("sector-14", "ਸੈਕਟਰ 14", True),
        ("sector 14", "sector 15", False),
        ("sector 14, gali 3", "sector 14, gali 9", True),  # one feeder, many lanes
        ("gali 3", "gali 9", False),  # lanes of who knows which colony
        ("gali 3", "gali 3", False),
        ("Model Town", "modal town", True),
        ("Patel Nagar", "पटेल नगर", True),
        ("Patel Nagar", "Azad Nagar", False),
        ("Ram Nagar", "Raj Nagar", False),
        ("Urban Estate 2", "urban estate 4", False),
        ("DLF Phase 2", "DLF Phase 3", False),
        ("ward no 7", "वार्ड नंबर 7", True),
        ("ward 7", "ward 8", False),
        ("ward 7, Barwala", "ward 7", False),  # each town numbers its own wards
        ("sector 14, Patel Nagar", "sector 14", True),
        ("feeder no 2", "feeder 2", True),
        ("feeder 2", "feeder 3", False),
        (None, "sector 14", False),
        (None, None, False),
    ],
)
def test_places(one: str | None, other: str | None, expected: bool) -> None:
    assert same(told(one), told(other)) is expected


def test_the_same_words_link_where_nobody_names_another_place() -> None:
    assert same(told(keys=WORDS), told(keys=WORDS))
    assert same(told("sector 14", keys=WORDS), told(keys=WORDS))
    assert not same(told("sector 14", keys=WORDS), told("sector 15", keys=WORDS))
    assert not same(told("gali 3", keys=WORDS), told("gali 4", keys=WORDS))
    few = frozenset(sorted(WORDS)[:2])
    assert not same(told(keys=few), told(keys=few))


def test_a_hole_in_the_road_is_not_every_hole_of_the_sector() -> None:
    def pothole(locality: str) -> Told:
        return told(locality, category="pothole", department="pwd", keys=WORDS)

    assert SHARED["pothole"] is Reach.SPOT
    assert not same(pothole("sector 14"), pothole("sector 14"))
    assert same(pothole("sector 14, gali 3"), pothole("gali 3, sector 14"))
    assert not same(pothole("sector 14, gali 3"), pothole("sector 14, gali 4"))
    assert same(pothole("Model Town"), pothole("Model Town"))


def test_three_days_and_no_longer() -> None:
    late = told("sector 14", opened_at=AT + timedelta(hours=72))
    assert same(told("sector 14"), late)
    assert not same(told("sector 14"), replace(late, opened_at=AT + timedelta(hours=72, seconds=1)))


def test_every_shared_category_is_an_ordinary_matter_of_no_person() -> None:
    known = taxonomy().categories
    for code in SHARED:
        assert known[code].sensitivity is Sensitivity.NORMAL
        assert known[code].department != "police"
        assert known[code].complained_of is None


@pytest.mark.parametrize(
    "apart",
    [
        {"urgent": True},
        {"register": Register.GRAVE},
        {"sensitivity": Sensitivity.RESTRICTED},
        {"sensitivity": Sensitivity.SENSITIVE},
        {"stands_apart": True},
        {"reopen_count": 1},
        {"status": Status.DISPOSED},
        {"status": Status.TRIAGE},
        {"category": "police_inaction"},
        {"category": "pension"},
    ],
)
def test_what_stands_alone(apart: dict[str, object]) -> None:
    ordinary = case(
        status=Status.ASSIGNED, category="power_outage", district="Hisar", department="power", owner_post="x"
    )
    assert told_by(ordinary) is not None
    assert not may_be_shared(replace(ordinary, **apart))  # type: ignore[arg-type]
    assert told_by(replace(ordinary, **apart)) is None  # type: ignore[arg-type]


def test_real_words_end_up_together() -> None:
    def of(text: str) -> Told:
        u = understand(text, thorough=True)
        ticket = case(
            status=Status.ASSIGNED, category=u.category, district=u.district, locality=u.locality, keys=u.keys,
            department="power", owner_post="power-hisar", opened_at=AT,
        )  # fmt: skip
        found = told_by(ticket)
        assert found is not None
        return found

    first = of("Hisar sector 14 light nahi aa rahi subah se")
    assert same(first, of("हिसार सेक्टर 14 में सुबह से बिजली नहीं है"))
    assert same(first, of("no power since morning in Sector-14 Hisar"))
    assert not same(first, of("Hisar sector 15 me subah se bijli nahi hai"))
    assert not same(first, of("Hisar Patel Nagar no power since morning"))


# -- what holds for all ------------------------------------------------------------------------------------------------------

localities = st.sampled_from(
    [None, "sector 14", "sector 15", "ward 7", "ward 8", "Model Town", "Patel Nagar", "gali 3", "sector 14, gali 3",
     "sector 14, Patel Nagar", "ward 7, Barwala", "DLF Phase 2", "feeder 2", "feeder 3, sector 15", "sector 14, sector 15",
     "Patel Nagar, Model Town", "gali 4, sector 14"]
)  # fmt: skip
tolds = st.builds(
    told,
    localities,
    district=st.sampled_from(["Hisar", "Rohtak"]),
    category=st.sampled_from(["power_outage", "pothole", "water_supply", "pension"]),
    department=st.sampled_from(["power", "ulb"]),
    owner_post=st.sampled_from(["a", "b"]),
    opened_at=st.integers(0, 100).map(lambda hours: AT + timedelta(hours=hours)),
    keys=st.frozensets(st.sampled_from(sorted(WORDS | {"x1", "x2", "x3"}))),
)


@given(tolds, tolds)
def test_it_does_not_matter_who_wrote_first(one: Told, other: Told) -> None:
    assert same(one, other) is same(other, one)
    assert is_elsewhere(one.spot, other.spot) is is_elsewhere(other.spot, one.spot)


@given(tolds, tolds)
def test_another_office_matter_district_or_week_is_never_the_same(one: Told, other: Told) -> None:
    if same(one, other):
        assert (one.category, one.department, one.owner_post, one.district) == (
            other.category,
            other.department,
            other.owner_post,
            other.district,
        )
        assert one.category in SHARED
        assert abs(one.opened_at - other.opened_at) <= timedelta(hours=72)


@given(st.lists(st.builds(told, localities, keys=st.sampled_from([WORDS, frozenset()])), min_size=2, max_size=8))
def test_no_incident_ever_holds_two_sectors_wards_or_colonies(everybody: list[Told]) -> None:
    """Linked one after the other, as they come: whatever the chain, no two members are elsewhere from one another."""
    incident, members = everybody[0], [everybody[0]]
    for one in everybody[1:]:
        if same(incident, one):
            incident = with_another(incident, one)
            members.append(one)
    for one in members:
        for other in members:
            assert not is_elsewhere(one.spot, other.spot)
