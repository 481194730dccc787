"""Who is in charge of a matter at a place: the same pothole may be the PWD's, the municipality's, HSVP's or NHAI's.

Owns the table handlers/understanding/data/jurisdiction.tsv, to which an office adds lines of its own
(SMGT_UNDERSTANDING_DIR). It must not know posts or officers. Pure. The last line that fits decides; where none fits the
category's own department does, and where that was wrong it forwards.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from handlers.case import Case
from handlers.understanding.tables import BadTable, compiled, tsv_rows
from handlers.understanding.taxonomy import Category, Taxonomy, taxonomy

_ANY = "*"
_VILLAGE: dict[str, bool | None] = {_ANY: None, "yes": True, "no": False}


@dataclass(frozen=True, slots=True)
class Charge:
    """A department in charge; `office` is the code in offices.csv that is named to people, None the department's own."""

    department: str
    office: str | None = None


@dataclass(frozen=True, slots=True)
class _Line:
    categories: frozenset[str]  # empty: all
    agency: str
    rural: bool | None
    districts: frozenset[str]
    charge: Charge

    def fits(self, category: Category, district: str | None, rural: bool | None, agency: str | None) -> bool:
        return (
            (not self.categories or not self.categories.isdisjoint({category.code, category.base}))
            and self.agency in (_ANY, agency)
            and (self.rural is None or bool(rural) is self.rural)
            and (not self.districts or district in self.districts)
        )


def in_charge(category: Category, district: str | None, rural: bool | None, agency: str | None = None) -> Charge:
    """Who is in charge of a category at a place; `agency` is the body that the citizen named, if any.

    A place of which nothing is known counts as a town's.
    """
    own = category.rural_department if rural and category.rural_department else category.department
    fitting = [line.charge for line in _table() if line.fits(category, district, rural, agency)]
    return fitting[-1] if fitting else Charge(own)


def office_of(case: Case) -> str | None:
    """Code under which a ticket's department is named to people: its own, or that of its office at the place."""
    row = taxonomy().categories.get(case.category or "")
    if case.department is None or row is None:
        return case.department
    charge = in_charge(row, case.district, case.rural, case.agency)
    return charge.office or case.department if charge.department == case.department else case.department


@compiled
def _table() -> tuple[_Line, ...]:
    known = taxonomy()
    return tuple(_line(number, cells, known) for number, cells in tsv_rows("jurisdiction.tsv", 6))


def _line(number: int, cells: list[str], known: Taxonomy) -> _Line:
    categories, agency, village, districts, department, office = cells
    where = f"jurisdiction.tsv, line {number}"
    if village not in _VILLAGE:
        raise BadTable(f"{where}: {village!r} is none of yes, no, *.")
    _all_known(_list(categories), known.categories, where, "category of categories.csv")
    _all_known(_list(districts), known.districts, where, "district of districts.csv")
    _all_known([department], known.departments, where, "department of departments.csv")
    _all_known([] if office == "-" else [office], known.offices, where, "office of offices.csv")
    return _Line(
        frozenset(_list(categories)),
        agency,
        _VILLAGE[village],
        frozenset(_list(districts)),
        Charge(department, None if office == "-" else office),
    )


def _list(cell: str) -> list[str]:
    return [] if cell == _ANY else cell.split("|")


def _all_known(codes: list[str], known: Collection[str], where: str, what: str) -> None:
    for code in codes:
        if code not in known:
            raise BadTable(f"{where}: {code!r} is no {what}; write it as it stands there.")
