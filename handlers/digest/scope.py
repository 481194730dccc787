"""Whom a report is for: the whole state, one department or one district.

Pure; owns reading what was asked for, and its refusals. A ticket belongs to the department and the district that stand on
it when it is counted, whoever had it before.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from handlers.understanding.taxonomy import taxonomy
from store.vocabulary import Language


class Whose(StrEnum):
    """Whose complaints an edition is about."""

    CMO = "cmo"  # all
    DEPARTMENT = "department"
    DISTRICT = "district"


class UnknownScope(ValueError):
    """There is no such department or district; the sentence names the nearest."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose complaints: all, or those of the department or district with this code."""

    whose: Whose = Whose.CMO
    code: str | None = None

    @property
    def label(self) -> str:
        """`cmo`, `department:power` or `district:Hisar`, as `scope_of` reads it."""
        return str(self.whose) if self.code is None else f"{self.whose}:{self.code}"


STATE: Final = Scope()


def scope_of(text: str) -> Scope:
    """`cmo`, `department:CODE` or `district:NAME`, in capitals or not. Raises UnknownScope."""
    kind, _, name = text.strip().partition(":")
    if kind.lower() == Whose.CMO and not name:
        return STATE
    known = taxonomy()
    match kind.lower():
        case Whose.DEPARTMENT:
            return Scope(
                Whose.DEPARTMENT, _code(name, {code.casefold(): code for code in known.departments}, "department")
            )
        case Whose.DISTRICT:
            names = {
                spelling.casefold(): code
                for code, row in known.districts.items()
                for spelling in (*row.alt_names, row.name(Language.HI), code)
            }
            return Scope(Whose.DISTRICT, _code(name, names, "district"))
    raise UnknownScope(f"{text!r} is nobody to make a digest for; write cmo, department:CODE or district:NAME.")


def _code(name: str, codes: dict[str, str], what: str) -> str:
    wanted = name.strip().casefold()
    if wanted in codes:
        return codes[wanted]
    near = difflib.get_close_matches(wanted, codes, n=1, cutoff=0.6)
    hint = f"did you mean {codes[near[0]]}?" if near else f"choose one of {', '.join(sorted(set(codes.values())))}."
    raise UnknownScope(f"There is no {what} {name!r}; {hint}")
