"""Whom a report is for: the whole state, one department or one district.

Pure. A ticket belongs to the department and the district that stand on it when it is counted, whoever had it before.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from handlers.understanding.taxonomy import taxonomy


class ScopeKind(StrEnum):
    """What part of the state's tickets is counted."""

    CMO = "cmo"
    DEPARTMENT = "department"
    DISTRICT = "district"


class NoSuchScope(ValueError):
    """Nobody is meant by these words; the message is one sentence for whoever typed them."""


@dataclass(frozen=True, slots=True)
class Scope:
    """`name`: the department's code or the district's English name; empty for the whole state."""

    kind: ScopeKind = ScopeKind.CMO
    name: str = ""

    @property
    def code(self) -> str:
        """`cmo`, `department:power` or `district:Hisar`."""
        return f"{self.kind}:{self.name}" if self.name else str(self.kind)


STATE: Final = Scope()


def parse_scope(text: str) -> Scope:
    """`cmo`, `department:CODE` or `district:NAME`, capital letters or small. Raises NoSuchScope."""
    head, _, name = text.strip().partition(":")
    known = taxonomy()
    match head.strip().casefold():
        case ScopeKind.CMO if not name:
            return STATE
        case ScopeKind.DEPARTMENT:
            return Scope(ScopeKind.DEPARTMENT, _meant(name, list(known.departments), "department"))
        case ScopeKind.DISTRICT:
            return Scope(ScopeKind.DISTRICT, _meant(name, list(known.districts), "district"))
    raise NoSuchScope(f"There is no digest for {text!r}; say cmo, department:CODE or district:NAME.")


def _meant(name: str, known: list[str], what: str) -> str:
    found = [one for one in known if one.casefold() == name.strip().casefold()]
    if not found:
        raise NoSuchScope(f"There is no {what} {name.strip()!r}; there are {', '.join(known)}.")
    return found[0]
