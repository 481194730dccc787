"""Who is in charge of a matter at a place, and under which name people are told so."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from core_office import NOW, case

from handlers.jurisdiction import Charge, in_charge, office_of
from handlers.render import render
from handlers.replies import office_facts
from handlers.understanding import understand
from handlers.understanding.tables import BadTable, use_folder
from handlers.understanding.taxonomy import taxonomy
from store.vocabulary import Kind, Language, Status

CATEGORIES = taxonomy().categories
NORTH = {
    "Panchkula",
    "Ambala",
    "Yamunanagar",
    "Kurukshetra",
    "Kaithal",
    "Karnal",
    "Panipat",
    "Sonipat",
    "Rohtak",
    "Jhajjar",
}


@pytest.fixture
def own_tables(tmp_path: Path) -> Iterator[Path]:
    """A folder of the office's own tables; the shipped ones are used again afterwards."""
    yield tmp_path
    use_folder(None)


@pytest.mark.parametrize(
    ("category", "rural", "department"),
    [
        ("garbage", None, "ulb"),
        ("garbage", False, "ulb"),
        ("garbage", True, "panchayat"),
        ("pothole", True, "hsamb"),
        ("power_fault", True, "power"),
    ],
)
def test_the_department_in_charge(category: str, rural: bool | None, department: str) -> None:
    assert in_charge(CATEGORIES[category], "Kaithal", rural).department == department


@pytest.mark.parametrize("district", sorted(taxonomy().districts))
def test_every_district_has_its_power_company(district: str) -> None:
    for category in ("power_outage", "power_fault", "power_billing"):
        office = "uhbvn" if district in NORTH else "dhbvn"
        assert in_charge(CATEGORIES[category], district, None) == Charge("power", office)


@pytest.mark.parametrize(
    ("text", "department"),
    [
        ("Hisar me PWD ki sadak tooti padi hai", "pwd"),
        ("Karnal nagar nigam ki sadak par gadde hi gadde", "ulb"),
        ("HUDA ki sadak par gadde hi gadde hai, Hisar", "hsvp"),
        ("mandi board ki sadak Kaithal me khatam ho gayi, gadde hai", "hsamb"),
        ("Jind me hamari gali me gadde hi gadde hai", "ulb"),
        ("Jind ke gaon Kandela ki gali me gadde hai", "panchayat"),
        ("Kaithal me nal me paani nahi aa raha", "phed"),
        ("Gurugram sector 45 me paani nahi aa raha", "ulb"),
        ("Rohtak nagar nigam ka paani nahi aa raha 3 din se", "ulb"),
    ],
)
def test_the_same_trouble_belongs_to_the_body_that_is_named(text: str, department: str) -> None:
    seen = understand(text)
    assert seen.category is not None, seen
    assert in_charge(CATEGORIES[seen.category], seen.district, seen.rural, seen.agency).department == department, seen


def test_a_national_highway_is_nobodys_here() -> None:
    seen = understand("NHAI ke highway par Panipat ke paas gadde hi gadde hai")
    assert (seen.kind, seen.referral) == (Kind.OUT_OF_SCOPE, "highway")


def test_people_are_told_the_company_and_not_only_the_department() -> None:
    hisar = case(category="power_outage", district="Hisar", department="power")
    assert office_of(hisar) == "dhbvn"
    told = office_facts(hisar)
    assert told.department == "dhbvn"
    for language, name in ((Language.EN, "Power (DHBVN)"), (Language.HI, "बिजली (डीएचबीवीएन)")):
        facts = replace(told, number="HRY26-000001-0", status=Status.ASSIGNED, due_at=NOW)
        assert name in render(language, "citizen", "status", facts), language


def test_a_ticket_forwarded_elsewhere_bears_the_name_of_where_it_is() -> None:
    assert office_of(case(category="power_outage", district="Hisar", department="pwd")) == "pwd"


def test_a_line_of_the_office_outweighs_the_shipped_ones(own_tables: Path) -> None:
    (own_tables / "jurisdiction.tsv").write_text("pothole\t*\tno\tHisar\tulb\t-\n", encoding="utf-8")
    use_folder(own_tables)
    assert in_charge(CATEGORIES["pothole"], "Hisar", rural=False).department == "ulb"
    assert in_charge(CATEGORIES["pothole"], "Jind", rural=False).department == "pwd"


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("potholes\t*\t*\t*\tulb\t-", "line 1: 'potholes' is no category"),
        ("pothole\t*\t*\tHissar\tulb\t-", "line 1: 'Hissar' is no district"),
        ("pothole\t*\tmaybe\t*\tulb\t-", "line 1: 'maybe' is none of yes, no"),
        ("pothole\t*\t*\t*\tmcg\t-", "line 1: 'mcg' is no department"),
        ("pothole\t*\t*\t*\tulb\tmcd", "line 1: 'mcd' is no office"),
        ("pothole\tulb", "line 1: 2 cells instead of 6"),
    ],
)
def test_a_bad_line_is_told_by_number(own_tables: Path, line: str, fault: str) -> None:
    (own_tables / "jurisdiction.tsv").write_text(line + "\n", encoding="utf-8")
    use_folder(own_tables)
    with pytest.raises(BadTable, match="jurisdiction") as raised:
        in_charge(CATEGORIES["pothole"], "Hisar", rural=False)
    assert fault in str(raised.value)


def test_a_strange_file_in_the_folder_is_told(own_tables: Path) -> None:
    (own_tables / "jurisdictions.tsv").write_text("", encoding="utf-8")
    with pytest.raises(BadTable, match=r"jurisdictions\.tsv is no table of ours"):
        use_folder(own_tables)
