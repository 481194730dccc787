"""The slow, obvious recount of a stretch of time: pure Python over every row, against which the queries are held."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from digest_history import INDIA

from handlers.digest.scope import STATE, Scope
from handlers.digest.shapes import (
    ChannelWork,
    Done,
    Figures,
    FirstReplies,
    Gap,
    Holes,
    Latest,
    Opened,
    Pending,
    Received,
    Spread,
    Times,
    Trouble,
)
from handlers.understanding.taxonomy import taxonomy
from store.tables import (
    alarms,
    attempts,
    channels,
    events,
    gaps,
    inbox,
    incidents,
    outbox,
    satisfaction,
    tickets,
    transcript,
)
from store.vocabulary import Platform


class Recount:
    """Counts row by row what handlers.digest.figures counts in the database."""

    def __init__(
        self, conn: sa.Connection, start: datetime, end: datetime, now: datetime, scope: Scope = STATE
    ) -> None:
        self.start, self.end, self.now, self.scope = start, end, now, scope
        self.channels = {row["id"]: row for row in self._all(conn, channels)}
        self.inbox = self._all(conn, inbox)
        self.tickets = self._all(conn, tickets)
        self.transcript = self._all(conn, transcript)
        self.outbox = self._all(conn, outbox)
        self.attempts = self._all(conn, attempts)
        self.satisfaction = self._all(conn, satisfaction)
        self.events = self._all(conn, events)
        self.gaps = self._all(conn, gaps)
        self.incidents = self._all(conn, incidents)
        self.alarms = self._all(conn, alarms)
        self.all_inbox, self.all_outbox = self.inbox, self.outbox
        if scope.code:
            column = {"department": "department", "district": "district"}[scope.whose.value]
            self.tickets = [row for row in self.tickets if row[column] == scope.code]
            ids = {row["id"] for row in self.tickets}
            self.inbox = [row for row in self.inbox if row["ticket_id"] in ids]
            self.satisfaction = [row for row in self.satisfaction if row["ticket_id"] in ids]
            self.events = [row for row in self.events if row["ticket_id"] in ids]
        self.by_id = {row["id"]: row for row in self.tickets}

    @staticmethod
    def _all(conn: sa.Connection, table: sa.Table) -> list[dict[str, Any]]:
        return [dict(row) for row in conn.execute(sa.select(table)).mappings()]

    def in_period(self, moment: datetime | None) -> bool:
        return moment is not None and self.start <= moment < self.end

    def figures(self) -> Figures:
        return Figures(
            start=self.start,
            end=self.end,
            now=self.now,
            received=self.received(),
            opened=self.opened(),
            pending=self.pending(),
            done=self.done(),
            replies=self.replies(),
            trouble=self.trouble(),
            times=self.times(),
            holes=Holes(met=self.holes_met()),
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
        return Opened(
            total=len(new),
            by_platform=dict(Counter(row["platform"] for row in new)),
            by_language=dict(Counter(row["language"] for row in new)),
            by_department=named([row["department"] for row in new]),
            by_district=named([row["district"] for row in new]),
            by_category=named([base(row["category"]) for row in new]),
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
            late_by_department=named([row["department"] for _, row in late]),
            latest=self.latest(late),
            levels=dict(Counter(row["escalation_level"] for row in waiting if row["escalation_level"])),
            without_owner=len([row for row in held if row["owner_post"] is None]),
            planned=len([row for row in waiting if self.is_put_off(row)]),
            passed_on_twice=len([row for row in waiting if row["forward_count"] > 1]),
            reopened_twice=len([row for row in waiting if row["reopen_count"] > 1]),
            urgent=len([row for row in waiting if row["urgent"]]),
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
            by_disposal=dict(Counter(disposed)),
            outcomes=dict(Counter(row["outcome"] for row in settled)),
            solved=len([row for row in settled if (row["outcome"], row["disposal"]) == ("satisfied", "done")]),
            reopened=(reopened[0], reopened[1], reopened[2]),
            escalated=dict(Counter(highest.values())),
            rejected=len({row["ticket_id"] for row in today if row["kind"] == "rejected"}),
            withdrawn=len({row["ticket_id"] for row in today if row["kind"] == "withdrawn"}),
            closed_early=len([row for row in self.tickets if self.in_period(row["ended_at"]) and self.is_early(row)]),
            merged=len([row for row in self.tickets if self.in_period(row["ended_at"]) and row["status"] == "merged"]),
            planned=len({row["ticket_id"] for row in today if row["kind"] == "planned"}),
            passed_on=len({row["ticket_id"] for row in today if passed_on(row)}),
        )

    def is_put_off(self, ticket: dict[str, Any]) -> bool:
        return ticket["planned_until_at"] is not None and ticket["planned_until_at"] > self.now

    def is_early(self, ticket: dict[str, Any]) -> bool:
        """Closed with a yes that answers no office's answer."""
        if (ticket["status"], ticket["outcome"]) != ("closed", "satisfied"):
            return False
        mine = [row for row in self.satisfaction if row["ticket_id"] == ticket["id"]]
        last = [row for row in mine if row["cycle"] == ticket["disposal_count"]]
        return not (last and last[0]["outcome"] == "satisfied")

    def times(self) -> Times:
        acceptance, disposal, satisfied = [], [], []
        for ticket in self.tickets:
            mine = [row["at"] for row in self.events if row["ticket_id"] == ticket["id"] and row["kind"] == "accepted"]
            if mine and self.in_period(min(mine)):
                acceptance.append(hours(ticket["opened_at"], min(mine)))
        for row in self.satisfaction:
            begun = self.by_id[row["ticket_id"]]["opened_at"]
            if self.in_period(row["disposed_at"]):
                disposal.append(hours(begun, row["disposed_at"]))
            if self.in_period(row["answered_at"]) and (row["outcome"], row["disposal"]) == ("satisfied", "done"):
                satisfied.append(hours(begun, row["answered_at"]))
        return Times(acceptance=spread(acceptance), disposal=spread(disposal), satisfied=spread(satisfied))

    def holes_met(self) -> dict[str, int]:
        found = set()
        for row in self.events:
            codes = json.loads(row["codes"])
            if self.in_period(row["at"]) and codes.get("holes"):
                found.add((row["ticket_id"], codes.get("department", "")))
        return dict(Counter(department for _, department in found))

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
        found = spread(waited)
        return FirstReplies(
            replied=found.many, unreplied=unreplied, median=found.median, ninth_decile=found.ninth_decile
        )

    def trouble(self) -> Trouble:
        left = [gap for gap in self.gaps if gap["settled_at"] is None]
        touched = [gap for gap in left if gap["since_at"] < self.end and gap["until_at"] > self.start]
        touched.sort(key=lambda gap: (gap["since_at"], gap["id"]))
        return Trouble(
            parked_inbox=len([row for row in self.all_inbox if row["state"] == "parked"]),
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
            alarms=dict(Counter(row["code"] for row in self.alarms if row["cleared_at"] is None)),
            channels=tuple(self.work(row) for row in sorted(self.channels.values(), key=lambda row: str(row["name"]))),
        )

    def work(self, channel: dict[str, Any]) -> ChannelWork:
        mine = [row for row in self.all_inbox if row["channel_id"] == channel["id"]]
        read = [row for row in mine if self.in_period(row["received_at"])]
        waiting = [row["received_at"] for row in mine if row["state"] == "pending"]
        ours = {row["id"] for row in self.all_outbox if row["channel_id"] == channel["id"]}
        tried = [row for row in self.attempts if row["outbox_id"] in ours and self.in_period(row["at"])]
        billed = [row for row in tried if row["result"] == "unknown"]
        billed += [row for row in tried if row["result"] == "sent" and row["error_code"] is None]
        lags = [hours(row["occurred_at"], row["received_at"]) * 60 for row in read]
        return ChannelWork(
            channel=channel["name"],
            platform=Platform(channel["platform"]),
            stopped=channel["stopped_at"] is not None,
            read=len(read),
            posted=len(billed),
            lag=spread(lags) if channel["platform"] != "telegram" else Spread(),
            waiting_minutes=hours(min(waiting), self.now) * 60 if waiting else None,
        )


def named(codes: Sequence[str | None]) -> dict[str, int]:
    """How often each code comes; those without any under the empty one."""
    return dict(Counter(code or "" for code in codes))


def base(code: str | None) -> str | None:
    """What a finer category is told as."""
    row = taxonomy().categories.get(code) if code else None
    return row.rolls_up_to or code if row else code


def passed_on(event: dict[str, Any]) -> bool:
    """An office did not want it."""
    why = json.loads(event["codes"]).get("why")
    return event["kind"] == "forwarded" or (event["kind"] == "to_triage" and why in ("not_ours", "bounced"))


def hours(since: datetime, until: datetime) -> float:
    """Never below nought."""
    return max((until - since).total_seconds() / 3600, 0.0)


def spread(values: Sequence[float]) -> Spread:
    """The middle, and the first value that at least nine in ten do not pass."""
    if not values:
        return Spread()
    ordered, half = sorted(values), len(values) // 2
    middle = ordered[half] if len(ordered) % 2 else sum(ordered[half - 1 : half + 1]) / 2
    ninth = next(value for place, value in enumerate(ordered, start=1) if place * 10 >= len(ordered) * 9)
    return Spread(many=len(ordered), median=middle, ninth_decile=ninth)
