"""Departments, categories, districts and referrals as typed rows, read once from the packaged tables.

Owns the shapes and checks of handlers/data/*.csv. It must not know any text or ticket. Pure after loading.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import TypeVar

from handlers.understanding.tables import BadTable, csv_rows
from store.vocabulary import HoursKind, InGroups, Language, Sensitivity

_Value = TypeVar("_Value")
PACKAGE = "handlers.data"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Named:
    name_en: str
    name_hi: str
    name_pa: str
    name_hi_latn: str

    def name(self, language: Language) -> str:
        """The name in a language and its script."""
        return {
            Language.EN: self.name_en,
            Language.HI: self.name_hi,
            Language.HI_LATN: self.name_hi_latn,
            Language.PA: self.name_pa,
        }[language]


@dataclass(frozen=True, slots=True, kw_only=True)
class Department(_Named):
    """A row of departments.csv; the short names are those a citizen would say."""

    code: str
    short_en: str
    short_hi: str

    def short(self, language: Language) -> str:
        """The name a citizen would say, for replies of 280 characters."""
        if language is Language.EN:
            return self.short_en
        if language is Language.HI:
            return self.short_hi
        return self.name(language)


@dataclass(frozen=True, slots=True, kw_only=True)
class Office(_Named):
    """A row of offices.csv: a part of a department that people know under its own name."""

    code: str

    def short(self, language: Language) -> str:
        """The name a citizen would say."""
        return self.name(language)


@dataclass(frozen=True, slots=True, kw_only=True)
class Category(_Named):
    """A row of categories.csv. Limits are hours on the clock `hours_kind`; None where the law sets none."""

    code: str
    rolls_up_to: str | None
    department: str
    rural_department: str | None
    other_departments: tuple[str, ...]
    complained_of: str | None
    sensitivity: Sensitivity
    in_groups: InGroups
    limit_hours: int
    legal_limit_hours: int | None
    hours_kind: HoursKind
    photo: str  # required | asked | no
    district_needed: bool
    covers: str

    @property
    def base(self) -> str:
        """The base code that this finer code rolls up to, or its own."""
        return self.rolls_up_to or self.code


@dataclass(frozen=True, slots=True, kw_only=True)
class District(_Named):
    """A row of districts.csv, by its English name; `code` is the LGD code."""

    code: str
    division: str
    hq: str
    alt_names: tuple[str, ...]
    std_code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Referral:
    """A row of referrals.csv: a helpline beside 112, or a body outside our remit."""

    code: str
    kind: str  # emergency | referral
    body_en: str
    body_hi: str
    body_hi_latn: str
    body_pa: str
    phone: str
    when_to_name: str
    needs_check: bool

    def body(self, language: Language) -> str:
        """The body's name in a language and its script."""
        return {
            Language.EN: self.body_en,
            Language.HI: self.body_hi,
            Language.HI_LATN: self.body_hi_latn,
            Language.PA: self.body_pa,
        }[language]


@dataclass(frozen=True, slots=True)
class Taxonomy:
    """All rows by code (districts by English name), in the order of the tables."""

    departments: Mapping[str, Department]
    categories: Mapping[str, Category]
    districts: Mapping[str, District]
    referrals: Mapping[str, Referral]
    offices: Mapping[str, Office]


def _parse(path: str, line: int, column: str, text: str, kind: Callable[[str], _Value]) -> _Value:
    try:
        return kind(text)
    except ValueError as error:
        raise BadTable(f"{path}, line {line}: {column} {text!r} is not allowed here.") from error


def _split(cell: str) -> tuple[str, ...]:
    return tuple(part for part in cell.split("|") if part)


def _departments() -> dict[str, Department]:
    path, rows = "departments.csv", {}
    needed = ("code", "name_en", "name_hi", "name_hi_latn", "name_pa", "short_en", "short_hi")
    for line, row in csv_rows(PACKAGE, path, needed):
        if row["code"] in rows:
            raise BadTable(f"{path}, line {line}: department {row['code']} stands there twice.")
        rows[row["code"]] = Department(**{name: row[name] for name in needed})
    return rows


def _offices(departments: Mapping[str, Department]) -> dict[str, Office]:
    path, rows = "offices.csv", {}
    needed = ("code", "name_en", "name_hi", "name_hi_latn", "name_pa")
    for line, row in csv_rows(PACKAGE, path, needed):
        if row["code"] in rows or row["code"] in departments:
            raise BadTable(f"{path}, line {line}: {row['code']} stands there twice, or is a department's code.")
        rows[row["code"]] = Office(**{name: row[name] for name in needed})
    return rows


_CATEGORY_COLUMNS = (
    "code", "rolls_up_to", "department", "rural_department", "other_departments", "complained_of", "sensitivity",
    "in_groups", "limit_hours", "legal_limit_hours", "hours_kind", "photo", "district_needed",
    "name_en", "name_hi", "name_hi_latn", "name_pa", "covers",
)  # fmt: skip


def _category(path: str, line: int, row: dict[str, str], departments: Mapping[str, Department]) -> Category:
    others = _split(row["other_departments"])
    for code in (row["department"], row["rural_department"] or row["department"], *others):
        if code not in departments:
            raise BadTable(f"{path}, line {line}: department {code!r} is not in departments.csv.")
    for column in ("photo", "district_needed"):
        if row[column] not in ("yes", "no", "required", "asked"):
            raise BadTable(f"{path}, line {line}: {column} {row[column]!r} is not allowed here.")
    return Category(
        code=row["code"],
        rolls_up_to=row["rolls_up_to"] or None,
        department=row["department"],
        rural_department=row["rural_department"] or None,
        other_departments=others,
        complained_of=row["complained_of"] or None,
        sensitivity=_parse(path, line, "sensitivity", row["sensitivity"], Sensitivity),
        in_groups=_parse(path, line, "in_groups", row["in_groups"], InGroups),
        limit_hours=_parse(path, line, "limit_hours", row["limit_hours"], int),
        legal_limit_hours=(
            _parse(path, line, "legal_limit_hours", row["legal_limit_hours"], int) if row["legal_limit_hours"] else None
        ),
        hours_kind=_parse(path, line, "hours_kind", row["hours_kind"], HoursKind),
        photo=row["photo"],
        district_needed=row["district_needed"] == "yes",
        name_en=row["name_en"],
        name_hi=row["name_hi"],
        name_hi_latn=row["name_hi_latn"],
        name_pa=row["name_pa"],
        covers=row["covers"],
    )


def _categories(departments: Mapping[str, Department]) -> dict[str, Category]:
    path, rows = "categories.csv", {}
    for line, row in csv_rows(PACKAGE, path, _CATEGORY_COLUMNS):
        if row["code"] in rows:
            raise BadTable(f"{path}, line {line}: category {row['code']} stands there twice.")
        if row["rolls_up_to"] and row["rolls_up_to"] not in rows:
            raise BadTable(f"{path}, line {line}: rolls_up_to {row['rolls_up_to']!r} is no category above it.")
        rows[row["code"]] = _category(path, line, row, departments)
    return rows


def _districts() -> dict[str, District]:
    path, rows = "haryana/districts.csv", {}
    needed = ("code", "name_en", "name_hi", "name_pa", "division", "hq", "alt_names", "std_code")
    for _, row in csv_rows(PACKAGE, path, needed):
        rows[row["name_en"]] = District(
            code=row["code"],
            name_en=row["name_en"],
            name_hi=row["name_hi"],
            name_pa=row["name_pa"],
            name_hi_latn=row["name_en"],
            division=row["division"],
            hq=row["hq"],
            alt_names=_split(row["alt_names"]),
            std_code=row["std_code"],
        )
    return rows


def _referrals() -> dict[str, Referral]:
    path, rows = "referrals.csv", {}
    texts = ("code", "kind", "body_en", "body_hi", "body_hi_latn", "body_pa", "phone", "when_to_name")
    for line, row in csv_rows(PACKAGE, path, (*texts, "needs_check")):
        if row["kind"] not in ("emergency", "referral"):
            raise BadTable(f"{path}, line {line}: kind {row['kind']!r} is neither emergency nor referral.")
        rows[row["code"]] = Referral(**{name: row[name] for name in texts}, needs_check=row["needs_check"] == "yes")
    return rows


@cache
def taxonomy() -> Taxonomy:
    """The packaged tables, read and checked once.

    Raises:
        BadTable: one sentence naming file and line of the first bad row.
    """
    departments = _departments()
    return Taxonomy(
        MappingProxyType(departments),
        MappingProxyType(_categories(departments)),
        MappingProxyType(_districts()),
        MappingProxyType(_referrals()),
        MappingProxyType(_offices(departments)),
    )


def told_as(code: str | None) -> str | None:
    """The category as figures tell it: finer ones, sensitive ones among them, under what they roll up to; a code that the
    tables no longer know stays itself."""
    found = taxonomy().categories.get(code or "")
    return found.base if found else code


def base_of(code: str) -> str:
    """The base category that a finer code rolls up to, or the code itself."""
    return taxonomy().categories[code].base
