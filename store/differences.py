"""How two states of a part of the directory differ, row by row and field by field.

Owns the comparison of cells; it must not know what they mean.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

Entry = TypeVar("Entry")
Told = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Difference:
    """What an import changed, or would: codes, and for each changed code what differs (`desk: a -> b`).

    `new` and `gone` say what stands, or stood, in the fields of the added and removed ones (`desk: a`).
    """

    added: tuple[str, ...] = ()
    changed: Told = field(default_factory=dict)
    removed: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    new: Told = field(default_factory=dict)
    gone: Told = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.removed)


def compare(
    columns: Sequence[str],
    current: Mapping[str, Entry],
    wanted: Mapping[str, Entry],
    cells: Callable[[Entry], tuple[str, ...]],
) -> Difference:
    """What an import of `wanted` changes; the first column holds the code."""

    def fields(entry: Entry) -> tuple[str, ...]:
        pairs = zip(columns[1:], cells(entry)[1:], strict=True)
        return tuple(f"{column}: {cell}" for column, cell in pairs if cell)

    shared = sorted(current.keys() & wanted.keys())
    changed: dict[str, tuple[str, ...]] = {}
    for code in shared:
        pairs = zip(columns, cells(current[code]), cells(wanted[code]), strict=True)
        what = tuple(f"{column}: {old or 'nothing'} -> {new or 'nothing'}" for column, old, new in pairs if old != new)
        if what:
            changed[code] = what
    added = tuple(sorted(wanted.keys() - current.keys()))
    removed = tuple(sorted(current.keys() - wanted.keys()))
    return Difference(
        added=added,
        changed=changed,
        removed=removed,
        unchanged=tuple(code for code in shared if code not in changed),
        new={code: fields(wanted[code]) for code in added},
        gone={code: fields(current[code]) for code in removed},
    )
