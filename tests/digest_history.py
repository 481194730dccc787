"""Random histories for the digest, and the slow, obvious recount that its queries must agree with."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

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
from store.tables import (
    accounts,
    channels,
    desks,
    events,
    gaps,
    inbox,
    outbox,
    posts,
    satisfaction,
    tickets,
    transcript,
)

INDIA = ZoneInfo("Asia/Kolkata")
START = datetime(2026, 11, 23, tzinfo=INDIA).astimezone(UTC)
END = START + timedelta(days=1)
NOW = datetime(2026, 11, 24, 8, tzinfo=INDIA).astimezone(UTC)
TINY = timedelta(microseconds=1)
EDGES = (
    START,
    START - TINY,
    START + TINY,
    END,
    END - TINY,
    NOW,
    NOW - TINY,
    NOW + TINY,
    *(NOW - age + slip for age in map(timedelta, (1, 3, 7)) for slip in (-TINY, timedelta(0), TINY)),
    datetime(2026, 11, 25, tzinfo=INDIA).astimezone(UTC),
    datetime(2026, 11, 25, tzinfo=INDIA).astimezone(UTC) - TINY,
)
RESULTS = (
    *(
        "ticketed:routed",
        "ticketed:asked",
        "addition",
        "repeat",
        "me_too",
        "closed",
        "reopened",
        "joined",
        "too_late",
    ),
    *(
        "answered:praise",
        "answered:referral",
        "answered:status",
        "ignored:spam",
        "ignored:thanks",
        "ignored:repost",
    ),
    *(
        "ignored:echo",
        "ignored:own_post",
        "ignored:also_tagged",
        "ignored:deleted",
        "ignored:edited",
        "human",
    ),
    *("edited", "words_withdrawn", "author_shown", "not_askable"),
)


def some_moment(rng: Random) -> datetime:
    """Often just at an edge where a count changes."""
    if rng.random() < 0.4:
        return rng.choice(EDGES)
    if rng.random() < 0.6:
        return START + rng.random() * (END - START)
    return NOW - timedelta(days=rng.uniform(-2, 10))


def insert_stage(conn: sa.Connection) -> None:
    """Channels, a desk and posts that every history needs."""
    for number, (name, platform) in enumerate(
        [("cmohry", "x"), ("dprhry", "x"), ("cm_page", "facebook"), ("desk_bot", "telegram")], start=1
    ):
        conn.execute(channels.insert().values(id=number, name=name, platform=platform))
    conn.execute(desks.insert().values(code="hisar_power", title="Power, Hisar"))
    conn.execute(
        posts.insert().values(code="xen", title="XEN", role="nodal_officer", department="power", level=0)
    )
    conn.execute(accounts.insert().values(id=1, platform="x", author_id="1", first_seen_at=START))


def insert_history(conn: sa.Connection, rng: Random, many: int) -> None:
    """About `many` tickets with what belongs to them, and posts without any."""
    insert_stage(conn)
    rows = [_ticket(rng, number) for number in range(1, many + 1)]
    if rows:
        conn.execute(tickets.insert(), rows)
    ids = [row["id"] for row in rows]
    _insert(conn, inbox, [_inbox(rng, number, ids) for number in range(many * 2)])
    _insert(conn, transcript, [row for one in ids for row in _words(rng, one)])
    _insert(conn, outbox, [row for one in ids for row in _messages(rng, one)])
    _insert(conn, satisfaction, [row for one in ids for row in _asks(rng, one)])
    _insert(conn, events, [row for one in ids for row in _events(rng, one)])
    _insert(conn, gaps, [_gap(rng) for _ in range(rng.randint(0, 4))])
    for channel_id in rng.sample(range(1, 5), rng.randint(0, 2)):
        conn.execute(channels.update().where(channels.c.id == channel_id).values(stopped_at=START))


def _insert(conn: sa.Connection, table: sa.Table, rows: Sequence[dict[str, Any]]) -> None:
    if rows:
        conn.execute(table.insert(), list(rows))


def _ticket(rng: Random, number: int) -> dict[str, Any]:
    status = rng.choice(
        ["collecting", "triage", "assigned", "accepted", "disposed", "closed", "rejected", "withdrawn"]
    )
    with_office = status in ("assigned", "accepted", "disposed")
    ended = status in ("closed", "rejected", "withdrawn")
    known = taxonomy()
    return {
        "id": number,
        "number": f"HRY26-{number:06d}-0",
        "platform": rng.choice(["x", "facebook"]),
        "channel_id": rng.randint(1, 3),
        "account_id": 1,
        "thread_id": f"t{number}",
        "first_message_id": f"m{number}",
        "language": rng.choice(["en", "hi", "hi-Latn", "pa"]),
        "status": status,
        "category": rng.choice([None, *list(known.categories)[-20:]]),
        "district": rng.choice([None, *list(known.districts)[:9]]),
        "department": rng.choice(list(known.departments)[:8]) if with_office or rng.random() < 0.3 else None,
        "owner_post": rng.choice([None, "xen"]),
        "sensitivity": rng.choice(["normal", "normal", "sensitive"]),
        "opened_at": some_moment(rng),
        "disposed_at": some_moment(rng) if status == "disposed" else None,
        "ended_at": some_moment(rng) if ended else None,
        "outcome": rng.choice(["satisfied", "no_answer", "not_askable"]) if status == "closed" else None,
        "due_at": some_moment(rng) if with_office or rng.random() < 0.3 else None,
        "paused_at": some_moment(rng) if rng.random() < 0.2 else None,
        "escalation_level": rng.randint(0, 3),
    }


def _inbox(rng: Random, number: int, ids: Sequence[int]) -> dict[str, Any]:
    state = rng.choices(["done", "pending", "parked"], [8, 1, 1])[0]
    result = {"done": rng.choice(RESULTS), "pending": None, "parked": rng.choice(["failed", "unreadable"])}[
        state
    ]
    return {
        "channel_id": rng.randint(1, 4),
        "event_key": rng.choice(["refused:", "posted:", "", "", ""]) + str(number),
        "actor_key": "x:1",
        "occurred_at": some_moment(rng),
        "received_at": some_moment(rng),
        "state": state,
        "decided_at": None if state == "pending" else NOW,
        "result": result,
        "ticket_id": rng.choice([None, rng.choice(ids)]) if ids and state == "done" else None,
    }


def _words(rng: Random, ticket_id: int) -> Iterable[dict[str, Any]]:
    for part in range(rng.choice([0, 1, 1, 2])):
        yield {
            "ticket_id": ticket_id,
            "platform": "x",
            "speaker": rng.choice(["citizen", "citizen", "stranger", "quoted"]),
            "message_id": f"{ticket_id}.{part}",
            "thread_id": "t",
            "text": "words",
            "occurred_at": some_moment(rng),
        }


def _messages(rng: Random, ticket_id: int) -> Iterable[dict[str, Any]]:
    for part in range(rng.choice([0, 1, 2])):
        state = rng.choice(["sent", "sent", "sent", "pending", "parked", "unknown"])
        yield {
            "channel_id": rng.randint(1, 4),
            "step_id": f"{ticket_id}:{part}",
            "recipient": "x:1",
            "destination": "d",
            "template": "routed",
            "ticket_id": ticket_id,
            "state": state,
            "created_at": START,
            "next_attempt_at": START,
            "epoch": 1,
            "sending_at": START,
            "sent_at": some_moment(rng) if state == "sent" else None,
        }


def _asks(rng: Random, ticket_id: int) -> Iterable[dict[str, Any]]:
    for cycle in range(rng.choice([0, 0, 1, 2])):
        outcome = rng.choice([None, "satisfied", "not_satisfied", "no_answer", "not_askable"])
        yield {
            "ticket_id": ticket_id,
            "cycle": cycle + 1,
            "disposed_at": some_moment(rng),
            "answered_at": some_moment(rng) if outcome else None,
            "outcome": outcome,
        }


def _events(rng: Random, ticket_id: int) -> Iterable[dict[str, Any]]:
    for _ in range(rng.choice([0, 1, 3, 6])):
        kind = rng.choice(
            ["reopened", "reopened", "escalated", "escalated", "rejected", "withdrawn", "opened"]
        )
        codes = {"level": str(rng.randint(1, 3)), "percent": "100"} if kind == "escalated" else {}
        yield {
            "ticket_id": ticket_id,
            "kind": kind,
            "at": some_moment(rng),
            "actor": "clock",
            "codes": json.dumps(codes),
        }


def _gap(rng: Random) -> dict[str, Any]:
    since = some_moment(rng)
    until = since + timedelta(hours=rng.choice([1, 24, 100]))
    return {"channel_id": rng.randint(1, 4), "since_at": since, "until_at": until, "why": "down"}


# -- the slow recount --------------------------------------------------------------------------------------------------


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
        settled = [row["outcome"] for row in self.satisfaction if self.in_period(row["answered_at"])]
        return Done(
            disposed=len([row for row in self.satisfaction if self.in_period(row["disposed_at"])]),
            outcomes=dict(Counter(settled)),
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
        touched = [gap for gap in self.gaps if gap["since_at"] < self.end and gap["until_at"] > self.start]
        touched.sort(key=lambda gap: (gap["since_at"], gap["id"]))
        return Trouble(
            parked_inbox=len([row for row in self.inbox if row["state"] == "parked"]),
            parked_outbox=len([row for row in self.outbox if row["state"] == "parked"]),
            unknown_outbox=len([row for row in self.outbox if row["state"] == "unknown"]),
            stopped_channels=tuple(
                sorted(row["name"] for row in self.channels.values() if row["stopped_at"])
            ),
            gaps=tuple(
                Gap(
                    channel=self.channels[gap["channel_id"]]["name"],
                    since_at=gap["since_at"],
                    until_at=gap["until_at"],
                )
                for gap in touched
            ),
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
