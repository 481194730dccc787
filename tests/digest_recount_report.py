"""The slow, obvious recount of what a report adds to the figures: rankings, trend, comparisons, what burns, checks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from math import sqrt
from typing import Any

import sqlalchemy as sa
from digest_history import INDIA
from digest_recount import Recount, base, hours

from handlers.digest.period import Period
from handlers.digest.report import KeyCounts, LateOffice, LateTicket, Matter, TicketLine
from handlers.digest.scope import STATE, Scope
from handlers.understanding.taxonomy import taxonomy
from store.tables import checks

Row = dict[str, Any]


class ReportRecount(Recount):
    """Counts row by row what handlers.digest.figures.report counts in the database, of one period."""

    def __init__(self, conn: sa.Connection, period: Period, now: datetime, scope: Scope = STATE) -> None:
        super().__init__(conn, midnight(period.day), midnight(period.last_day + timedelta(days=1)), now, scope)
        self.period = period
        self.checks = [row for row in self._all(conn, checks) if row["ticket_id"] in self.by_id]

    # -- rankings ------------------------------------------------------------------------------------------------------

    def standing(self, column: str, start: datetime, end: datetime) -> dict[str, dict[str, int]]:
        """By code: every count above zero."""
        found: dict[str, Counter[str]] = {}

        def add(ticket: Row, what: str) -> None:
            found.setdefault(ticket[column] or "", Counter())[what] += 1

        for ticket in self.tickets:
            if start <= ticket["opened_at"] < end:
                add(ticket, "received")
            if ticket["ended_at"] is None:
                add(ticket, "pending")
                if self.is_put_off(ticket):
                    add(ticket, "planned")
                if self.late_by(ticket) is not None:
                    add(ticket, "late")
            elif start <= ticket["ended_at"] < end:
                if ticket["status"] in ("rejected", "withdrawn", "merged"):
                    add(ticket, ticket["status"])
                elif self.is_early(ticket):
                    add(ticket, "closed_early")
        for ask in self.satisfaction:
            ticket = self.by_id[ask["ticket_id"]]
            if start <= ask["disposed_at"] < end:
                add(ticket, "disposed")
            if ask["answered_at"] is None or not start <= ask["answered_at"] < end:
                continue
            if ticket["status"] in ("rejected", "withdrawn", "merged") and ticket["ended_at"] == ask["answered_at"]:
                continue
            if ask["outcome"] == "satisfied":
                add(ticket, "solved" if ask["disposal"] == "done" else "accepted_otherwise")
            else:
                add(ticket, ask["outcome"])
        for event in self.events:
            if event["kind"] == "reopened" and start <= event["at"] < end:
                add(self.by_id[event["ticket_id"]], "reopened")
        return {code: dict(counts) for code, counts in found.items()}

    def late_by(self, ticket: Row) -> float | None:
        """Hours; None while it is not late."""
        if ticket["ended_at"] is not None or ticket["status"] not in ("assigned", "accepted"):
            return None
        reached = ticket["paused_at"] or self.now
        return hours(ticket["due_at"], reached) if ticket["due_at"] < reached else None

    # -- trend ---------------------------------------------------------------------------------------------------------

    def key_counts(self, start: datetime, end: datetime) -> KeyCounts:
        """Of any stretch."""

        def many(rows: list[Row], column: str, is_such: Callable[[Row], bool] = lambda _: True) -> int:
            return len([row for row in rows if row[column] and start <= row[column] < end and is_such(row)])

        return KeyCounts(
            opened=many(self.tickets, "opened_at"),
            disposed=many(self.satisfaction, "disposed_at"),
            solved=many(
                self.satisfaction, "answered_at", lambda row: (row["outcome"], row["disposal"]) == ("satisfied", "done")
            ),
            not_satisfied=many(self.satisfaction, "answered_at", lambda row: bool(row["outcome"] == "not_satisfied")),
            reopened=many(self.events, "at", lambda row: bool(row["kind"] == "reopened")),
            pending=len(
                [
                    row
                    for row in self.tickets
                    if row["opened_at"] < end and (row["ended_at"] is None or row["ended_at"] >= end)
                ]
            ),
        )

    # -- what burns ----------------------------------------------------------------------------------------------------

    def surging(self) -> list[tuple[date, str, str, int]]:
        """Days, places and matters with far more than usual, the least probable first, however many."""
        known = taxonomy()
        ordinary = {code for code, row in known.categories.items() if row.sensitivity == "normal"}
        by_day: dict[date, Counter[tuple[str, str]]] = {}
        for row in self.tickets:
            if row["sensitivity"] == "normal" and row["category"] in ordinary and row["district"]:
                day = row["opened_at"].astimezone(INDIA).date()
                by_day.setdefault(day, Counter())[row["district"], row["category"]] += 1
        begun = min((row["opened_at"].astimezone(INDIA).date() for row in self.tickets), default=date.max)
        found = []
        today = self.now.astimezone(INDIA).date()
        for day, cells in by_day.items():
            if not self.period.day <= day <= min(self.period.last_day, today):
                continue
            weeks = [day - timedelta(days=7 * back) for back in range(1, 9)]
            weeks = [one for one in weeks if one > begun]
            for cell, seen in cells.items():
                before = sum(by_day.get(one, Counter())[cell] for one in weeks)
                if len(weeks) >= 3 and seen >= 5:
                    chance = tail(seen, (before + 1) / len(weeks), min(before + 1, 30))
                    if chance * len(known.districts) * len(ordinary) < 1 / 20:
                        found.append((chance, day, *cell, seen))
        return [(day, district, category, seen) for _, day, district, category, seen in sorted(found)]

    def grown(self) -> list[tuple[int, int, int, int]]:
        """Incidents with at least two new tickets: id, new, total and open, however many."""
        found = []
        for incident in self.incidents:
            mine = [row for row in self.tickets if row["incident_id"] == incident["id"]]
            new = [row for row in mine if self.in_period(row["opened_at"])]
            if len(new) > 1:
                still = [row for row in mine if row["ended_at"] is None]
                found.append((incident["id"], len(new), len(mine), len(still)))
        return sorted(found, key=lambda one: (-one[1], one[0]))

    def lines(self, is_such: Callable[[Row], bool], order: Callable[[Row], Any]) -> list[TicketLine]:
        """Pending tickets, however many."""
        rows = sorted((row for row in self.tickets if row["ended_at"] is None and is_such(row)), key=order)
        return [self.line(row) for row in rows]

    def line(self, row: Row) -> TicketLine:
        is_told = row["sensitivity"] != "sensitive"
        return TicketLine(
            number=row["number"],
            department=row["department"],
            district=row["district"] if is_told else None,
            category=base(row["category"]) if is_told else None,
            opened_at=row["opened_at"],
            reopened=row["reopen_count"],
            level=row["escalation_level"],
            late_hours=self.late_by(row),
        )

    # -- what is late --------------------------------------------------------------------------------------------------

    def late(self) -> list[LateTicket]:
        """Every late ticket, however many."""
        found = []
        for row in self.tickets:
            by = self.late_by(row)
            if by is not None:
                line = self.line(row)
                facts = {name: getattr(line, name) for name in ("number", "department", "district", "category")}
                found.append(LateTicket(**facts, opened_at=row["opened_at"], due_at=row["due_at"], hours=by))
        return sorted(found, key=lambda one: (-one.hours, one.number))

    def most_late(self) -> LateOffice | None:
        offices: dict[tuple[str, str], list[float]] = {}
        for row in self.tickets:
            by = self.late_by(row)
            if by is not None and row["department"] is not None:
                offices.setdefault((row["department"], row["district"] or ""), []).append(by)
        if not offices:
            return None
        most = max(len(one) for one in offices.values())
        department, district = min(office for office, one in offices.items() if len(one) == most)
        hours_late = max(offices[department, district])
        return LateOffice(department=department, district=district or None, many=most, hours=hours_late)

    def matters(self) -> list[Matter]:
        """Every base category that has anything."""
        found: dict[str, Counter[str]] = {}
        for row in self.tickets:
            mine = found.setdefault(base(row["category"]) or "", Counter())
            mine["received"] += self.in_period(row["opened_at"])
            mine["pending"] += row["ended_at"] is None
            mine["late"] += self.late_by(row) is not None
        counted = [Matter(code=code, **many) for code, many in found.items() if many["received"] or many["pending"]]
        return sorted(counted, key=lambda one: (-one.received, -one.pending, one.code))

    # -- checks --------------------------------------------------------------------------------------------------------

    def callable_asks(self) -> set[tuple[int, int]]:
        """Ticket and round of every answer that could be called about."""
        return {
            (row["ticket_id"], row["cycle"])
            for row in self.satisfaction
            if self.in_period(row["answered_at"]) and row["outcome"] in ("satisfied", "no_answer")
            if self.by_id[row["ticket_id"]]["sensitivity"] == self.by_id[row["ticket_id"]]["register"] == "normal"
        }

    def check_results(self) -> dict[str, int]:
        """What the calls of the period found."""
        return dict(Counter(f"{row['outcome']}:{row['result']}" for row in self.checks if self.in_period(row["at"])))


def midnight(day: date) -> datetime:
    return datetime.combine(day, time(0), INDIA)


def tail(seen: int, mean: float, size: float) -> float:
    """Negative binomial, at least `seen`: one minus all below, by the recurrence of its terms."""
    chance = (size / (size + mean)) ** size
    below = 0.0
    for many in range(seen):
        below += chance
        chance *= (many + size) / (many + 1) * mean / (size + mean)
    return 1.0 - below


def wilson_by_search(part: int, whole: int) -> tuple[float, float]:
    """The shares for which the score test just fails, found by halving."""

    def score(share: float) -> float:
        return abs(part / whole - share) / sqrt(share * (1 - share) / whole)

    def edge(inside: float, outside: float) -> float:
        for _ in range(200):
            middle = (inside + outside) / 2
            if 0 < middle < 1 and score(middle) < 1.959963984540054:
                inside = middle
            else:
                outside = middle
        return (inside + outside) / 2

    share = part / whole
    within = min(max(share, 1e-9), 1 - 1e-9)
    return (0.0 if part == 0 else edge(within, 0.0), 1.0 if part == whole else edge(within, 1.0))
