"""Random histories for the digest: rows the tables allow, often at the very edge where a count changes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from handlers.understanding.taxonomy import taxonomy
from store.tables import (
    accounts,
    alarms,
    attempts,
    channels,
    checks,
    desks,
    events,
    gaps,
    inbox,
    incidents,
    outbox,
    posts,
    satisfaction,
    tickets,
    transcript,
)
from store.vocabulary import Disposal

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


STATUSES = (
    *("collecting", "triage", "assigned", "accepted", "disposed"),
    *("closed", "closed", "rejected", "withdrawn", "merged"),
)
OLD_CODES = ("water_dept", "Old Hisar", "electricity")  # that the tables no longer have


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
    conn.execute(posts.insert().values(code="xen", title="XEN", role="nodal_officer", department="power", level=0))
    conn.execute(accounts.insert().values(id=1, platform="x", author_id="1", first_seen_at=START))


def insert_history(conn: sa.Connection, rng: Random, many: int) -> None:
    """About `many` tickets with what belongs to them, and posts without any."""
    insert_stage(conn)
    _insert(conn, incidents, [_incident(number) for number in range(1, 8)])
    rows = [_ticket(rng, number) for number in range(1, many + 1)]
    if rows:
        conn.execute(tickets.insert(), rows)
    ids = [row["id"] for row in rows]
    _insert(conn, inbox, [_inbox(rng, number, ids) for number in range(many * 2)])
    _insert(conn, transcript, [row for one in ids for row in _words(rng, one)])
    _insert(conn, outbox, [row for one in ids for row in _messages(rng, one)])
    sent = list(conn.scalars(sa.select(outbox.c.id)))
    _insert(conn, attempts, [_attempt(rng, one) for one in sent for _ in range(rng.randint(0, 2))])
    _insert(conn, alarms, [_alarm(rng, number) for number in range(rng.randint(0, 4))])
    ended = {row["id"]: row["ended_at"] for row in rows}
    asks = [row for one in ids for row in _asks(rng, one, ended[one])]
    _insert(conn, satisfaction, asks)
    _insert(conn, checks, [_check(rng, row) for row in asks if row["outcome"] and rng.random() < 0.3])
    _insert(conn, events, [row for one in ids for row in _events(rng, one)])
    _insert(conn, gaps, [_gap(rng) for _ in range(rng.randint(0, 4))])
    for channel_id in rng.sample(range(1, 5), rng.randint(0, 2)):
        conn.execute(channels.update().where(channels.c.id == channel_id).values(stopped_at=START))


def _insert(conn: sa.Connection, table: sa.Table, rows: Sequence[dict[str, Any]]) -> None:
    if rows:
        conn.execute(table.insert(), list(rows))


KINDS = (
    *("reopened", "reopened", "escalated", "escalated", "rejected", "withdrawn", "opened", "accepted", "accepted"),
    *("assigned", "forwarded", "to_triage", "planned"),
)


def _ticket(rng: Random, number: int) -> dict[str, Any]:
    status = rng.choice(STATUSES)
    with_office = status in ("assigned", "accepted", "disposed")
    ended = status in ("closed", "rejected", "withdrawn", "merged")
    opened_at = some_moment(rng)
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
        "category": rng.choice([None, OLD_CODES[2], *list(known.categories)[-20:]]),
        "district": rng.choice([None, OLD_CODES[1], *list(known.districts)[:9]]),
        "department": rng.choice([OLD_CODES[0], *list(known.departments)[:8]])
        if with_office or rng.random() < 0.3
        else None,
        "owner_post": rng.choice([None, "xen"]),
        "sensitivity": rng.choice(["normal", "normal", "sensitive"]),
        "opened_at": opened_at,
        "disposed_at": some_moment(rng) if status == "disposed" else None,
        "ended_at": max(opened_at, some_moment(rng)) if ended else None,
        "outcome": rng.choice(["satisfied", "no_answer", "not_askable"]) if status == "closed" else None,
        "due_at": some_moment(rng) if with_office or rng.random() < 0.3 else None,
        "paused_at": some_moment(rng) if rng.random() < 0.2 else None,
        "escalation_level": rng.randint(0, 3),
        "planned_until_at": some_moment(rng) if rng.random() < 0.2 else None,
        "disposal_count": rng.randint(1, 3),
        "reopen_count": rng.choice([0, 0, 1, 2]),
        "forward_count": rng.choice([0, 0, 1, 2, 3]),
        "urgent": rng.random() < 0.2,
        "incident_id": rng.choice([None, rng.randint(1, 7)]),
        "register": rng.choice(["normal", "normal", "grave"]),
    }


def _inbox(rng: Random, number: int, ids: Sequence[int]) -> dict[str, Any]:
    state = rng.choices(["done", "pending", "parked"], [8, 1, 1])[0]
    result = {"done": rng.choice(RESULTS), "pending": None, "parked": rng.choice(["failed", "unreadable"])}[state]
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


def _asks(rng: Random, ticket_id: int, ended_at: datetime | None) -> Iterable[dict[str, Any]]:
    for cycle in range(rng.choice([0, 0, 1, 2])):
        outcome = rng.choice([None, "satisfied", "not_satisfied", "no_answer", "not_askable"])
        yield {
            "ticket_id": ticket_id,
            "cycle": cycle + 1,
            "disposed_at": some_moment(rng),
            "answered_at": rng.choice([ended_at or START, some_moment(rng)]) if outcome else None,
            "outcome": outcome,
            "disposal": rng.choice(["done", "done", *Disposal]),
        }


def _events(rng: Random, ticket_id: int) -> Iterable[dict[str, Any]]:
    for _ in range(rng.choice([0, 1, 3, 6])):
        kind = rng.choice(KINDS)
        codes = {"level": str(rng.randint(1, 3)), "percent": "100"} if kind == "escalated" else {}
        if kind == "to_triage":
            codes = {"why": rng.choice(["not_ours", "bounced", "emergency"])}
        if kind in ("assigned", "reopened", "forwarded"):
            codes = {"department": rng.choice(["power", "ulb", ""])}
            codes |= {"holes": "power:Hisar:0|power:Hisar:1"} if rng.random() < 0.5 else {}
        yield {
            "ticket_id": ticket_id,
            "kind": kind,
            "at": some_moment(rng),
            "actor": "clock",
            "codes": json.dumps(codes),
        }


def _incident(number: int) -> dict[str, Any]:
    return {
        "id": number,
        "category": "garbage",
        "district": "Hisar",
        "department": "ulb",
        "owner_post": "xen",
        "opened_at": START,
    }


def _check(rng: Random, ask: dict[str, Any]) -> dict[str, Any]:
    found = rng.choice(["agrees", "disagrees", "not_reached"])
    same = {name: ask[name] for name in ("ticket_id", "cycle", "outcome")}
    return {**same, "result": found, "at": some_moment(rng)}


def _attempt(rng: Random, outbox_id: int) -> dict[str, Any]:
    result = rng.choice(["sent", "retry", "unknown"])
    return {
        "outbox_id": outbox_id,
        "at": some_moment(rng),
        "result": result,
        "error_code": rng.choice([None, "found"]) if result == "sent" else "timeout",
    }


def _alarm(rng: Random, number: int) -> dict[str, Any]:
    return {
        "code": rng.choice(["budget_low", "reads_spent", "day_not_adding_up"]),
        "subject": str(number),
        "sentence": "",
        "raised_at": START,
        "cleared_at": rng.choice([None, END]),
    }


def _gap(rng: Random) -> dict[str, Any]:
    since = some_moment(rng)
    until = rng.choice([START, END, since + timedelta(hours=1), since + timedelta(hours=100)])
    since, until = min(since, until), max(since, until)
    return {
        "channel_id": rng.randint(1, 4),
        "since_at": since,
        "until_at": until,
        "why": "down",
        "settled_at": rng.choice([None, NOW]),
    }
