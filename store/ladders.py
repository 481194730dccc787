"""The ladders of the departments, as one CSV file, `ladders.csv`: importing and exporting.

A department that the file does not name has the usual ladder. Owns the SQL; who is rung is decided by routing.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from store.csv_lines import Line, Lines, csv_text, split_cell
from store.differences import Difference, compare
from store.people import RUNGS
from store.tables import ladders
from store.vocabulary import Role

LADDER_COLUMNS: Final = ("department", "ladder")
_Row = tuple[str, str]


def import_ladders(
    conn: sa.Connection, source: str | Path, *, known_departments: Collection[str], dry_run: bool = False
) -> Difference:
    """Make the ladders those of `ladders.csv` (its text, or its path). Raises DirectoryFaults, then nothing changed."""
    lines = Lines("ladders.csv", source, LADDER_COLUMNS)
    wanted = lines.by_code("department", lambda line: _row(lines, line, known_departments))
    lines.raise_faults()
    difference = compare(LADDER_COLUMNS, _current(conn), wanted, lambda row: row)
    if not dry_run and difference:
        conn.execute(sa.delete(ladders))
        if wanted:
            conn.execute(sa.insert(ladders), [{"department": code, "roles": roles} for code, roles in wanted.values()])
    return difference


def export_ladders(conn: sa.Connection) -> str:
    """The ladders that are not the usual one, as the text of ladders.csv; importing it again changes nothing."""
    return csv_text(LADDER_COLUMNS, _current(conn).values())


def _current(conn: sa.Connection) -> dict[str, _Row]:
    query = sa.select(ladders).order_by(ladders.c.department)
    return {row.department: (row.department, row.roles) for row in conn.execute(query)}


def _row(lines: Lines, line: Line, departments: Collection[str]) -> _Row:
    lines.known(line, "department", line.cells["department"], departments)
    roles = split_cell(line.cells["ladder"])
    if not roles:
        lines.fault(line, "ladder is empty; join roles by |, the lowest first")
    known = [lines.known(line, "role", role, [each.value for each in RUNGS]) for role in roles]
    if all(known):
        _check_order(lines, line, [Role(role) for role in roles])
    return line.cells["department"], "|".join(roles)


def _check_order(lines: Lines, line: Line, roles: Sequence[Role]) -> None:
    if len(set(roles)) < len(roles):
        lines.fault(line, "ladder names a role twice")
    levels = [RUNGS[role] for role in roles]
    if levels != sorted(levels):
        lines.fault(
            line, "ladder must climb: nodal_officer, then district_head or district_nodal, then department_head"
        )
