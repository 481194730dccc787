"""A month of complaints as open data: counts by district, department and matter in which nobody can be found.

Pure, from the lines of rows.py. Counts under `LEAST` are not published: such lines are added up by department, then for the
whole state; sensitive matters are counted for the whole state alone. All lines together are all tickets of the month.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from statistics import median

from handlers.export.rows import TicketLine

LEAST = 5  # tickets in a published line; the usual least cell of official statistics
ALL = "all others"
SENSITIVE = "sensitive"

_Key = tuple[str, str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenLine:
    """Counts of one district, department and matter. A line that stands for several names them `all others`.

    `median_reply_minutes` is None under `LEAST` replies.
    """

    district: str
    department: str
    category: str
    tickets: int
    done: int  # the office says that it is done
    solved: int  # and so does the citizen
    not_satisfied_once: int  # reopened at least once
    no_answer: int  # the citizen did not say
    rejected: int
    withdrawn: int
    pending: int
    median_reply_minutes: float | None


COLUMNS = tuple(one.name for one in fields(OpenLine))


def open_lines(lines: Iterable[TicketLine]) -> list[OpenLine]:
    """The publishable counts, in alphabetical order, what stands for others last."""
    cells: dict[_Key, list[TicketLine]] = defaultdict(list)
    for line in lines:
        cells[_key(line)].append(line)
    for merge in (_by_department, _by_nothing):
        cells = _merged(cells, merge)
    _fill_the_rest(cells)
    return [_counted(key, cells[key]) for key in sorted(cells, key=_order)]


def _key(line: TicketLine) -> _Key:
    if line.sensitive:
        return ALL, SENSITIVE, SENSITIVE
    return line.district or "not known", line.department or "not known", line.category or "not known"


def _merged(cells: dict[_Key, list[TicketLine]], merge: Merge) -> dict[_Key, list[TicketLine]]:
    kept: dict[_Key, list[TicketLine]] = defaultdict(list)
    for key, found in cells.items():
        kept[key if len(found) >= LEAST or key[1] == SENSITIVE else merge(key)] += found
    return kept


def _fill_the_rest(cells: dict[_Key, list[TicketLine]]) -> None:
    """What is left over takes in the smallest lines until it is large enough itself."""
    rest = (ALL, ALL, ALL)
    while len(cells) > 1 and any(len(found) < LEAST for found in cells.values()):
        smallest = min((key for key in cells if key != rest), key=lambda key: (len(cells[key]), key))
        cells[rest] = [*cells.get(rest, ()), *cells.pop(smallest)]


class Merge:
    """How a line that is too small is added up."""

    def __init__(self, *, keeps_department: bool) -> None:
        self._keeps_department = keeps_department

    def __call__(self, key: _Key) -> _Key:
        return ALL, key[1] if self._keeps_department else ALL, ALL


_by_department = Merge(keeps_department=True)
_by_nothing = Merge(keeps_department=False)


def _order(key: _Key) -> tuple[bool, bool, _Key]:
    return key[1] in (ALL, SENSITIVE), key[0] == ALL, key


def _counted(key: _Key, lines: list[TicketLine]) -> OpenLine:
    ended = Counter(line.status for line in lines)
    replies = [line.first_reply_minutes for line in lines if line.first_reply_minutes is not None]
    return OpenLine(
        district=key[0],
        department=key[1],
        category=key[2],
        tickets=len(lines),
        done=sum(line.disposal == "done" and line.disposed_at is not None for line in lines),
        solved=sum(line.solved for line in lines),
        not_satisfied_once=sum(line.reopened > 0 for line in lines),
        no_answer=sum(line.outcome in ("no_answer", "not_askable") for line in lines),
        rejected=ended["rejected"],
        withdrawn=ended["withdrawn"],
        pending=sum(line.ended_at is None for line in lines),
        median_reply_minutes=round(median(replies), 1) if len(replies) >= LEAST else None,
    )


def totals(lines: Iterable[OpenLine]) -> Iterator[tuple[str, int]]:
    """What all lines add up to, for the sentence under the file."""
    found = list(lines)
    for name in ("tickets", "done", "solved", "rejected", "withdrawn", "pending"):
        yield name, sum(int(getattr(line, name)) for line in found)
