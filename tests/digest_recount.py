"""The slow, obvious recount of a day: pure Python over every row, against which the digest's queries are held."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from digest_history import INDIA

from handlers.digest.shapes import (
    DailyFigures,
    Done,
    FirstReplies,
    Gap,
    Latest,
    Opened,
    Pending,
    Ranking,
    Received,
    Trouble,
)
from handlers.understanding.taxonomy import taxonomy
from store.tables import channels, events, gaps, inbox, outbox, satisfaction, tickets, transcript


class Recount:
    """Counts row by row what handlers.digest.figures counts in the database."""

    def __init__(self, conn: sa.Connection, start: datetime, end: datetime, now: datetime) -> None:
        self.start, self.end, self.now = start, end, now
        self.channels = {row["id"]: row for row in self._all(conn, channels)}
        self.inbox = self._all(conn, inbox)
        self.tickets = self._all(conn, tickets)
        self.transcript = self._all(conn, transcript)
        self.outbox = self._all(conn, outbox)
        self.satisfaction = self._all(conn, satisfaction)
        self.events = self._all(conn, events)
        self.gaps = self._all(conn, gaps)

    @staticmethod
    def _all(conn: sa.Connection, table: sa.Table) -> list[dict[str, Any]]:
        return [dict(row) for row in conn.execute(sa.select(table)).mappings()]

    def in_period(self, moment: datetime | None) -> bool:
        return moment is not None and self.start <= moment < self.end

    def figures(self) -> DailyFigures:
        return DailyFigures(
            start=self.start,
            end=self.end,
            now=self.now,
            received=self.received(),
            opened=self.opened(),
            pending=self.pending(),
            done=self.done(),
            replies=self.replies(),
            trouble=self.trouble(),
        )

    def received(self) -> Received:
        platforms: Counter[str] = Counter()
        answered: Counter[str] = Counter()
        ignored: Counter[str] = Counter()
        parts: Counter[str] = Counter()
        ours = ["human", "edited", "words_withdrawn", "author_shown"]
        ours += ["ignored:" + word for word in ("echo", "own_post", "edited", "deleted", "also_tagged")]
        for row in self.inbox:
            platform = self.channels[row["channel_id"]]["platform"]
            if platform == "telegram" or not self.in_period(row["received_at"]):
                continue
            if row["event_key"].startswith("refused:") or row["result"] in ours:
                continue
            platforms[platform] += 1
            if row["state"] == "pending":
                parts["waiting"] += 1
            elif row["state"] == "parked":
                parts["parked"] += 1
            elif row["result"].startswith("answered:") and row["ticket_id"] is None:
                answered[row["result"][9:]] += 1
            elif row["result"].startswith("ignored:") and row["ticket_id"] is None:
                ignored[row["result"][8:]] += 1
            elif row["result"].startswith("ticketed"):
                parts["ticketed"] += 1
            else:
                parts["about"] += 1
        return Received(
            total=sum(platforms.values()),
            by_platform=dict(platforms),
            ticketed=parts["ticketed"],
            about_tickets=parts["about"],
            answered=dict(answered),
            ignored=dict(ignored),
            parked=parts["parked"],
            waiting=parts["waiting"],
        )

    def opened(self) -> Opened:
        new = [row for row in self.tickets if self.in_period(row["opened_at"])]
        categories = taxonomy().categories
        bases = []
        for row in new:
            code = row["category"]
            bases.append(code if code is None else categories[code].rolls_up_to or code)
        return Opened(
            total=len(new),
            by_platform=dict(Counter(row["platform"] for row in new)),
            by_language=dict(Counter(row["language"] for row in new)),
            by_department=ranked([row["department"] for row in new]),
            by_district=ranked([row["district"] for row in new]),
            by_category=ranked(bases),
        )

    def pending(self) -> Pending:
        waiting = [row for row in self.tickets if row["ended_at"] is None]
        ages = [0, 0, 0, 0]
        for row in waiting:
            days = (self.now - row["opened_at"]) / timedelta(days=1)
            ages[0 if days < 1 else 1 if days < 3 else 2 if days < 7 else 3] += 1
        held = [row for row in waiting if row["status"] in ("assigned", "accepted")]
        today = self.now.astimezone(INDIA).date()
        due_today, late = 0, []
        for row in held:
            reached = row["paused_at"] or self.now
            if row["due_at"] < reached:
                late.append((reached - row["due_at"], row))
            if row["paused_at"] is None and row["due_at"] >= self.now:
                due_today += row["due_at"].astimezone(INDIA).date() == today
        return Pending(
            total=len(waiting),
            by_status=dict(Counter(row["status"] for row in waiting)),
            ages=(ages[0], ages[1], ages[2], ages[3]),
            due_today=due_today,
            late=len(late),
            late_by_department=ranked([row["department"] for _, row in late]),
            latest=self.latest(late),
            levels=dict(Counter(row["escalation_level"] for row in waiting if row["escalation_level"])),
            without_owner=len([row for row in held if row["owner_post"] is None]),
        )

    @staticmethod
    def latest(late: list[tuple[timedelta, dict[str, Any]]]) -> Latest | None:
        if not late:
            return None
        longest = max(by for by, _ in late)
        row = min((row for by, row in late if by == longest), key=lambda row: str(row["number"]))
        district = None if row["sensitivity"] == "sensitive" else row["district"]
        hours = longest / timedelta(hours=1)
        return Latest(number=row["number"], department=row["department"], district=district, hours=hours)

    def done(self) -> Done:
        reopened = [0, 0, 0]
        highest: dict[int, int] = {}
        for ticket_id in {row["ticket_id"] for row in self.events}:
            mine = [row for row in self.events if row["ticket_id"] == ticket_id]
            again = [row["at"] for row in mine if row["kind"] == "reopened" and row["at"] < self.end]
            if any(self.in_period(at) for at in again):
                reopened[min(len(again), 3) - 1] += 1
            raised = [row for row in mine if row["kind"] == "escalated" and self.in_period(row["at"])]
            if raised:
                highest[ticket_id] = max(int(json.loads(row["codes"])["level"]) for row in raised)
        today = [row for row in self.events if self.in_period(row["at"])]
        settled = [row for row in self.satisfaction if self.in_period(row["answered_at"])]
        disposed = [row["disposal"] for row in self.satisfaction if self.in_period(row["disposed_at"])]
        return Done(
            disposed=len(disposed),
            otherwise=dict(Counter(said for said in disposed if said != "done")),
            outcomes=dict(Counter(row["outcome"] for row in settled)),
            solved=len([row for row in settled if (row["outcome"], row["disposal"]) == ("satisfied", "done")]),
            reopened=(reopened[0], reopened[1], reopened[2]),
            escalated=dict(Counter(highest.values())),
            rejected=len({row["ticket_id"] for row in today if row["kind"] == "rejected"}),
            withdrawn=len({row["ticket_id"] for row in today if row["kind"] == "withdrawn"}),
        )

    def replies(self) -> FirstReplies:
        waited, unreplied = [], 0
        for ticket in self.tickets:
            if not self.in_period(ticket["opened_at"]):
                continue
            said = [
                row["occurred_at"]
                for row in self.transcript
                if row["ticket_id"] == ticket["id"] and row["speaker"] == "citizen"
            ]
            replied = [
                row["sent_at"]
                for row in self.outbox
                if row["ticket_id"] == ticket["id"]
                and row["state"] == "sent"
                and self.channels[row["channel_id"]]["platform"] != "telegram"
            ]
            if said and replied:
                waited.append(max((min(replied) - min(said)) / timedelta(minutes=1), 0.0))
            else:
                unreplied += 1
        waited.sort()
        at_least_nine_in_ten = [w for place, w in enumerate(waited, start=1) if place * 10 >= len(waited) * 9]
        half = len(waited) // 2
        middle = waited[half] if len(waited) % 2 else sum(waited[half - 1 : half + 1]) / 2
        return FirstReplies(
            replied=len(waited),
            unreplied=unreplied,
            median=middle if waited else None,
            ninth_decile=at_least_nine_in_ten[0] if waited else None,
        )

    def trouble(self) -> Trouble:
        left = [gap for gap in self.gaps if gap["settled_at"] is None]
        touched = [gap for gap in left if gap["since_at"] < self.end and gap["until_at"] > self.start]
        touched.sort(key=lambda gap: (gap["since_at"], gap["id"]))
        return Trouble(
            parked_inbox=len([row for row in self.inbox if row["state"] == "parked"]),
            parked_outbox=len([row for row in self.outbox if row["state"] == "parked"]),
            unknown_outbox=len([row for row in self.outbox if row["state"] == "unknown"]),
            stopped_channels=tuple(sorted(row["name"] for row in self.channels.values() if row["stopped_at"])),
            gaps=tuple(
                Gap(
                    channel=self.channels[gap["channel_id"]]["name"],
                    since_at=gap["since_at"],
                    until_at=gap["until_at"],
                )
                for gap in touched
            ),
            older_gaps=len([gap for gap in left if gap["until_at"] <= self.start]),
        )


def ranked(codes: Sequence[str | None]) -> Ranking:
    """The five most frequent codes, ties by name."""
    counted = Counter(code for code in codes if code is not None)
    ordered = sorted(counted, key=lambda code: (-counted[code], code))
    return Ranking(
        top=tuple((code, counted[code]) for code in ordered[:5]),
        others=sum(counted[code] for code in ordered[5:]),
        unknown=len([code for code in codes if code is None]),
    )
