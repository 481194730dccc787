"""The directory as two CSV files, `desks.csv` and `officers.csv`: checking, comparing, importing, exporting.

A file is the whole truth about its part: what it no longer names is removed. Nothing is imported while one line is
wrong, and all wrong lines are named at once. It must not know the taxonomy: the known departments and districts
are handed in.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from store.csv_lines import Line, Lines, csv_text, shown, some, split_cell
from store.differences import Difference, compare
from store.directory import load_directory
from store.people import WHOLE_STATE, Desk, Post
from store.tables import coverage, desks, holdings, officers, posts
from store.vocabulary import Language, Role

DESK_COLUMNS: Final = ("desk", "title", "language", "chat_id", "topic_id")
POST_COLUMNS: Final = ("post", "title", "role", "department", "level", "districts", "desk", "officer")
UNBIND: Final = "-"  # in chat_id: take the desk out of its chat; an empty cell leaves it where it is
CMO_LEVEL: Final = 3
_CMO_ROLES: Final = (Role.CMO_DESK, Role.CMO_VIEWER)
_FIXED_LEVELS: Final[Mapping[str, str]] = {Role.FIELD_OFFICER: "0", Role.DISTRICT_NODAL: "1"}
_USUAL_LEVELS: Final[Mapping[str, str]] = {
    **_FIXED_LEVELS,
    Role.NODAL_OFFICER: "0",
    Role.DISTRICT_HEAD: "1",
    Role.DEPARTMENT_HEAD: "2",
    Role.CMO_DESK: str(CMO_LEVEL),
    Role.CMO_VIEWER: str(CMO_LEVEL),
}


@dataclass(frozen=True, slots=True)
class PostRow:
    """One line of officers.csv, checked. `officers` are the names of those who hold the post."""

    code: str
    title: str
    role: str
    department: str | None
    level: int
    districts: frozenset[str]
    desk: str | None
    officers: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Known:
    departments: Collection[str]
    districts: Collection[str]
    desks: Collection[str]


def import_desks(conn: sa.Connection, source: str | Path, *, now: datetime, dry_run: bool = False) -> Difference:
    """Make the desks those of `desks.csv` (its text, or its path). Raises DirectoryFaults, then nothing changed.

    A desk that still serves posts is not removed: import the new officers.csv first.
    """
    lines = Lines("desks.csv", source, DESK_COLUMNS)
    directory = load_directory(conn, now)
    places: dict[tuple[str, str | None], str] = {}
    wanted = lines.by_code("desk", lambda line: _desk_row(lines, line, directory.desks, places))
    difference = compare(DESK_COLUMNS, directory.desks, wanted, _desk_cells)
    for code in difference.removed:
        served = sorted(post.code for post in directory.posts.values() if post.desk == code)
        if served:
            lines.fault(None, f"desk {code} is missing but still serves {some(served)}; move them first")
    lines.raise_faults()
    if not dry_run:
        _write_desks(conn, difference, directory.desks, wanted)
    return difference


def import_posts(
    conn: sa.Connection,
    source: str | Path,
    *,
    now: datetime,
    known_departments: Collection[str],
    known_districts: Collection[str],
    dry_run: bool = False,
) -> Difference:
    """Make the posts and who holds them those of `officers.csv` (its text, or its path). Raises DirectoryFaults.

    Officers are known by their name: the same name on two lines is one person. Who no longer holds a post stops
    holding it at `now`; the past stays.
    """
    lines = Lines("officers.csv", source, POST_COLUMNS)
    directory = load_directory(conn, now)
    known = _Known(known_departments, known_districts, directory.desks)
    wanted = lines.by_code("post", lambda line: _post_row(lines, line, known))
    lines.raise_faults()
    current = {code: _row_of(post) for code, post in directory.posts.items()}
    difference = compare(POST_COLUMNS, current, wanted, _post_cells)
    if not dry_run:
        _write_posts(conn, difference, current, wanted, now)
    return difference


def export_desks(conn: sa.Connection, now: datetime) -> str:
    """The desks as the text of desks.csv; importing it again changes nothing."""
    return csv_text(DESK_COLUMNS, map(_desk_cells, load_directory(conn, now).desks.values()))


def export_posts(conn: sa.Connection, now: datetime) -> str:
    """The posts and their holders at `now` as the text of officers.csv; importing it again changes nothing."""
    found = load_directory(conn, now).posts.values()
    return csv_text(POST_COLUMNS, (_post_cells(_row_of(post)) for post in found))


# -- checking -------------------------------------------------------------------------------------------------


def _desk_row(lines: Lines, line: Line, current: Mapping[str, Desk], places: dict[tuple[str, str | None], str]) -> Desk:
    code, cells = line.cells["desk"], line.cells
    language = cells["language"] or Language.HI.value
    known = lines.known(line, "language", language, [each.value for each in Language])
    title = lines.title(line, "title", 128)
    if cells["chat_id"] == UNBIND:
        chat_id, topic_id = None, None
    elif not cells["chat_id"]:
        here = current.get(code)
        chat_id, topic_id = (here.chat_id, here.topic_id) if here else (None, None)
    else:
        chat_id = lines.number(line, "chat_id", negative=True)
        topic_id = lines.number(line, "topic_id")
    if cells["topic_id"] and cells["chat_id"] in ("", UNBIND):
        lines.fault(line, "topic_id needs the chat_id of its group")
    if chat_id is not None:
        other = places.setdefault((chat_id, topic_id), code)
        if other != code:
            lines.fault(line, f"the chat of desk {code} is already that of desk {other}")
    return Desk(code, title, Language(language) if known else Language.HI, chat_id, topic_id)


def _post_row(lines: Lines, line: Line, known: _Known) -> PostRow:
    cells = line.cells
    lines.known(line, "role", cells["role"], [role.value for role in Role])
    if cells["desk"]:
        lines.known(line, "desk", cells["desk"], known.desks)
    holders = split_cell(cells["officer"])
    if any(len(name) > 128 for name in holders):
        lines.fault(line, "officer is longer than 128 characters; join several names with |")
    return PostRow(
        code=cells["post"],
        title=lines.title(line, "title", 128),
        role=cells["role"],
        department=_department(lines, line, known),
        level=_level(lines, line),
        districts=_districts(lines, line, known),
        desk=cells["desk"] or None,
        officers=frozenset(holders),
    )


def _department(lines: Lines, line: Line, known: _Known) -> str | None:
    department, role = line.cells["department"], line.cells["role"]
    if role in _CMO_ROLES:
        if department:
            lines.fault(line, f"role {role} belongs to the CMO; leave department empty")
        return None
    if role == Role.DISTRICT_NODAL:
        if department:
            lines.fault(line, f"role {role} is over all departments of a district; leave department empty")
        return None
    if not department:
        lines.fault(line, f"role {shown(role)} needs a department")
    else:
        lines.known(line, "department", department, known.departments)
    return department


def _level(lines: Lines, line: Line) -> int:
    role = line.cells["role"]
    cell = line.cells["level"] or _USUAL_LEVELS.get(role, "")
    if cell not in ("0", "1", "2", "3"):
        lines.fault(line, f"level {shown(cell)} must be 0, 1, 2 or 3")
        return 0
    if (int(cell) == CMO_LEVEL) != (role in _CMO_ROLES):
        lines.fault(line, f"level {cell} does not fit role {role}; {CMO_LEVEL} is the CMO's and nobody else's")
    if cell != _FIXED_LEVELS.get(role, cell):
        lines.fault(line, f"level {cell} does not fit role {role}; its level is {_FIXED_LEVELS[role]}")
    return int(cell)


def _districts(lines: Lines, line: Line, known: _Known) -> frozenset[str]:
    found = split_cell(line.cells["districts"])
    if not found:
        lines.fault(line, f"districts is empty; write {WHOLE_STATE} for the whole state")
    if WHOLE_STATE in found and len(set(found)) > 1:
        lines.fault(line, f"districts names the whole state ({WHOLE_STATE}) and single districts")
    if WHOLE_STATE in found and line.cells["role"] == Role.DISTRICT_NODAL:
        lines.fault(line, f"role {Role.DISTRICT_NODAL.value} needs its districts by name, not {WHOLE_STATE}")
    for district in found:
        if district != WHOLE_STATE:
            lines.known(line, "district", district, known.districts)
    return frozenset(found)


# -- comparing ------------------------------------------------------------------------------------------------


def _desk_cells(desk: Desk) -> tuple[str, ...]:
    return (desk.code, desk.title, desk.language.value, desk.chat_id or "", desk.topic_id or "")


def _post_cells(row: PostRow) -> tuple[str, ...]:
    return (
        row.code,
        row.title,
        row.role,
        row.department or "",
        str(row.level),
        "|".join(sorted(row.districts)),
        row.desk or "",
        "|".join(sorted(row.officers)),
    )


def _row_of(post: Post) -> PostRow:
    return PostRow(
        post.code,
        post.title,
        post.role.value,
        post.department,
        post.level,
        post.districts,
        post.desk,
        frozenset(holder.name for holder in post.holders),
    )


# -- writing --------------------------------------------------------------------------------------------------


def _write_desks(
    conn: sa.Connection, difference: Difference, current: Mapping[str, Desk], wanted: Mapping[str, Desk]
) -> None:
    if difference.removed:
        conn.execute(sa.update(posts).where(posts.c.desk.in_(difference.removed)).values(desk=None))
        conn.execute(sa.delete(desks).where(desks.c.code.in_(difference.removed)))
    for code in (*difference.added, *difference.changed):
        desk = wanted[code]
        values = {
            "title": desk.title,
            "language": desk.language.value,
            "chat_id": desk.chat_id,
            "topic_id": desk.topic_id,
        }
        if code not in current:
            conn.execute(sa.insert(desks).values(code=code, **values))
            continue
        if desk.chat_id != current[code].chat_id:
            values["lost_at"] = None
        conn.execute(sa.update(desks).where(desks.c.code == code).values(**values))


def _write_posts(
    conn: sa.Connection,
    difference: Difference,
    current: Mapping[str, PostRow],
    wanted: Mapping[str, PostRow],
    now: datetime,
) -> None:
    written = [wanted[code] for code in (*difference.added, *difference.changed)]
    touched = [row.code for row in written] + list(difference.removed)
    if touched:
        conn.execute(sa.delete(coverage).where(coverage.c.post.in_(touched)))
    if difference.removed:
        conn.execute(sa.update(posts).where(posts.c.code.in_(difference.removed)).values(desk=None))
    _write_rows(conn, written)
    names = {name for row in written for name in row.officers}
    officer_ids = _officer_ids(conn, names | {n for code in touched if code in current for n in current[code].officers})
    for code in touched:
        before = current[code].officers if code in current else frozenset()
        after = wanted[code].officers if code in wanted else frozenset()
        _write_holdings(
            conn, code, [officer_ids[n] for n in before - after], [officer_ids[n] for n in after - before], now
        )


def _write_rows(conn: sa.Connection, written: Iterable[PostRow]) -> None:
    there = set(conn.execute(sa.select(posts.c.code)).scalars())  # abolished posts stand there too
    for row in written:
        values = {
            "title": row.title,
            "role": row.role,
            "department": row.department,
            "level": row.level,
            "desk": row.desk,
        }
        if row.code in there:
            conn.execute(sa.update(posts).where(posts.c.code == row.code).values(**values))
        else:
            conn.execute(sa.insert(posts).values(code=row.code, **values))
        covered = [{"post": row.code, "district": district} for district in sorted(row.districts)]
        conn.execute(sa.insert(coverage), covered)


def _officer_ids(conn: sa.Connection, names: Collection[str]) -> dict[str, int]:
    """The officers of these names, made where they are new."""
    if not names:
        return {}
    query = sa.select(officers.c.name, officers.c.id).where(officers.c.name.in_(names))
    found = {row.name: row.id for row in conn.execute(query)}
    new = [{"name": name} for name in sorted(set(names) - found.keys())]
    if new:
        conn.execute(sa.insert(officers), new)
        found = {row.name: row.id for row in conn.execute(query)}
    return found


def _write_holdings(
    conn: sa.Connection, post: str, leaving: Collection[int], coming: Collection[int], now: datetime
) -> None:
    if leaving:
        conn.execute(
            sa.update(holdings)
            .where(holdings.c.post == post, holdings.c.officer_id.in_(leaving), holdings.c.to_at.is_(None))
            .values(to_at=sa.case((holdings.c.from_at > now, holdings.c.from_at), else_=now))  # a clock set back since
        )
    if coming:
        conn.execute(
            sa.insert(holdings), [{"post": post, "officer_id": each, "from_at": now} for each in sorted(coming)]
        )
