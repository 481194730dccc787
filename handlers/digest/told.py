"""From a report to what is told of it. Pure; owns the order of the calls to make, and which changes are told.

Nothing is counted here: every number is the report's, or one of its numbers less another.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

from handlers.digest.fairness import Standings
from handlers.digest.report import Against, Comparison, KeyCounts, Report
from handlers.digest.shapes import NOT_KNOWN
from handlers.digest.telling import MOST_CALLS, Call, Change, Day, Telling
from handlers.understanding.taxonomy import taxonomy
from store.vocabulary import Outcome

TOLD_AGAINST: Final = (Against.DAY_BEFORE, Against.SAME_WEEKDAY, Against.WEEK_BEFORE, Against.MONTH_BEFORE)
CHANGING: Final = {
    "opened": "opened",
    "disposed": "disposed",
    "yes": "solved",
    "no": "not_satisfied",
    "pending": "pending",
}
"""The figures that have a change, and what they are called in KeyCounts."""
A_RETURN_WEIGHS: Final = 10  # complaints; who had to say three times that nothing is done is not one more case
BLINDNESS_WEIGHS: Final = float("inf")  # while nothing is read, no other figure can be trusted


def told_of(report: Report) -> Telling:
    """What the readers of the report's scope are told of its period."""
    figures, period = report.figures, report.period
    pending, done, trouble = figures.pending, figures.done, figures.trouble
    return Telling(
        span=period.kind,
        whose=report.scope.whose,
        code=report.scope.code,
        first=period.day,
        last=period.last_day,
        now=report.now,
        so_far=_is_so_far(report),
        received=figures.received.total,
        opened=figures.opened.total,
        pending=pending.total,
        late=pending.late,
        due_today=pending.due_today,
        oldest=pending.latest,
        disposed=done.disposed,
        yes=done.solved,
        no=done.outcomes.get(Outcome.NOT_SATISFIED, 0),
        outcomes={**done.outcomes, "satisfied": done.solved, "accepted": done.accepted_otherwise},
        ages=pending.ages,
        changes=_changes(report),
        days=_days(report),
        by_district=_by_district(report.districts),
        departments=_named(report.departments),
        districts=_named(report.districts),
        categories=tuple(one for one in report.matters if one.code != NOT_KNOWN),
        late_tickets=report.late,
        calls=calls_of(report),
        half_replied=figures.replies.median,
        most_replied=figures.replies.ninth_decile,
        unreplied=figures.replies.unreplied,
        blind=bool(trouble.stopped_channels or trouble.gaps),
        without_owner=pending.without_owner,
        burning=report.burning,
        urgent=pending.urgent,
        reopened_twice=pending.reopened_twice,
        checks=report.checks,
        trouble=trouble,
        holes=figures.holes,
        odd_rows=report.odd_rows,
    )


def _is_so_far(report: Report) -> bool:
    return report.now < report.period.end


# -- over time -----------------------------------------------------------------------------------------------------------


def _changes(report: Report) -> dict[str, tuple[Change, ...]]:
    """Against whole periods; of one that is not over only what is pending can be compared.

    What is pending is compared at the ends of both, whatever happened between the end and now.
    """
    told = [one for one in report.comparisons if one.against in TOLD_AGAINST and one.then != KeyCounts()]
    shown = ("pending",) if _is_so_far(report) else tuple(CHANGING)
    found = {name: tuple(_change(report.trend.here, one, CHANGING[name]) for one in told) for name in shown}
    return {name: changes for name, changes in found.items() if changes}


def _change(here: KeyCounts, earlier: Comparison, name: str) -> Change:
    return Change(earlier.against, round(getattr(here, name) - getattr(earlier.then, name)))


def _days(report: Report) -> tuple[Day, ...]:
    return tuple(
        Day(
            day=point.day,
            received=round(point.counts.opened),
            disposed=round(point.counts.disposed),
            pending=round(point.counts.pending),
        )
        for point in report.trend.points
    )


# -- tables --------------------------------------------------------------------------------------------------------------


def _named(table: Standings | None) -> Standings | None:
    """Without the row of those that have no department or district yet: nobody answers for it."""
    return None if table is None else replace(table, rows=tuple(row for row in table.rows if row.code != NOT_KNOWN))


def _by_district(table: Standings | None) -> Mapping[str, int] | None:
    known = taxonomy().districts
    return None if table is None else {row.code: row.pending for row in table.rows if row.code in known}


# -- calls ---------------------------------------------------------------------------------------------------------------


def calls_of(report: Report) -> tuple[Call, ...]:
    """The heaviest call of each kind, at most three, the heaviest first; equal ones in the order of `_weighed`.

    A call weighs as much as there are complaints behind it beyond what is ordinary; each return of a ticket weighs ten;
    an account that stands still outweighs all.
    """
    heaviest: dict[str, tuple[float, Call]] = {}
    for weight, call in _weighed(report):
        if call.kind not in heaviest or weight > heaviest[call.kind][0]:
            heaviest[call.kind] = (weight, call)
    ordered = sorted(heaviest.values(), key=lambda one: -one[0])
    return tuple(call for _, call in ordered[:MOST_CALLS])


def _weighed(report: Report) -> Iterator[tuple[float, Call]]:
    yield from _surges(report)
    yield from _growing(report)
    for one in report.burning.reopened_twice:
        if one.department is not None:
            call = Call(
                kind="again", department=one.department, district=one.district, number=one.number, many=one.reopened
            )
            yield A_RETURN_WEIGHS * one.reopened, call
    yield from _late(report)
    for channel in report.figures.trouble.stopped_channels:
        yield BLINDNESS_WEIGHS, Call(kind="channel", channel=channel)
    if alone := report.figures.pending.without_owner:
        yield alone, Call(kind="nobody", many=alone)


def _surges(report: Report) -> Iterator[tuple[float, Call]]:
    for one in report.burning.surges:
        call = Call(kind="surge", district=one.district, category=one.category, many=one.seen, usual=one.expected)
        yield one.seen - one.expected, call


def _growing(report: Report) -> Iterator[tuple[float, Call]]:
    """Not what already surges: one matter is one call."""
    surging = {(one.district, one.category) for one in report.burning.surges}
    for one in report.burning.incidents:
        if one.open and (one.district, one.category) not in surging:
            call = Call(
                kind="growing",
                department=one.department,
                district=one.district,
                category=one.category,
                many=one.new,
                open=one.open,
            )
            yield one.new, call


def _late(report: Report) -> Iterator[tuple[float, Call]]:
    most, latest = report.most_late, report.figures.pending.latest
    if most is not None and most.many > 1:
        call = Call(kind="late", department=most.department, district=most.district, many=most.many, hours=most.hours)
        yield most.many, call
    elif latest is not None:
        call = Call(
            kind="latest",
            department=latest.department,
            district=latest.district,
            number=latest.number,
            hours=latest.hours,
        )
        yield 1, call
