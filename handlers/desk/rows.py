"""Cases to rows and back."""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime
from typing import Any

import msgspec

from handlers.case import Case, Errand
from handlers.understanding.meaning import Asked
from store.tickets import TicketRow
from store.vocabulary import Awaiting, Disposal, Language, Outcome, Platform, Register, Sensitivity, Status

_ENUMS = {
    "platform": Platform,
    "language": Language,
    "status": Status,
    "register": Register,
    "sensitivity": Sensitivity,
    "awaiting": Awaiting,
    "asked": Asked,
}
_LISTS = ("category_choices", "district_choices", "mentioned_ids", "other_matters", "portal_numbers")
_NAMES = [field.name for field in fields(Case)]


def case_of(row: TicketRow) -> Case:
    """The case a row of store.tickets holds."""
    values: dict[str, Any] = {name: row[name] for name in _NAMES}
    for name, enum in _ENUMS.items():
        values[name] = enum(values[name])
    values["outcome"] = Outcome(values["outcome"]) if values["outcome"] else None
    values["disposal"] = Disposal(values["disposal"]) if values["disposal"] else None
    for name in _LISTS:
        values[name] = tuple(part for part in values[name].split("|") if part)
    values["keys"] = frozenset(part for part in values["keys"].split("|") if part)
    values["errands"] = msgspec.json.decode(values["errands"], type=tuple[Errand, ...]) if values["errands"] else ()
    return Case(**values)


def row_of(case: Case, wake_at: datetime | None) -> dict[str, Any]:
    """The row that holds a case; `wake_at` is when time will matter next."""
    values: dict[str, Any] = {name: getattr(case, name) for name in _NAMES}
    for name in _LISTS:
        values[name] = "|".join(values[name])
    values["keys"] = "|".join(sorted(case.keys))
    values["errands"] = msgspec.json.encode(case.errands).decode() if case.errands else ""
    values["wake_at"] = wake_at
    return values
