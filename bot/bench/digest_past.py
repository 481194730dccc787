"""A year of an office as bare rows: tickets with everything that belongs to them, for measuring what counts them.

Owns how likely what is, and writing many rows fast (COPY on PostgreSQL). No row here was decided by SMGT: it is a past for
queries to look at, in which every count a digest makes has something to find.
"""

from __future__ import annotations

import json
import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa

from handlers.understanding.taxonomy import Category, taxonomy
from store.dialects import insert_into
from store.tables import metadata
from store.vocabulary import Disposal, Language

YEAR: Final = timedelta(days=365)
AT_ONCE: Final = 2_000  # tickets in one transaction
OFFICES: Final = 24  # departments with an officer in every district
WORDS: Final = "Sector {} me teen din se bijli nahi hai, transformer kharab hai, koi sunne wala nahi. 98765{:05d}"

Row = tuple[Any, ...]
Progress = Callable[[str, int, int], None]

COLUMNS: Final[dict[str, tuple[str, ...]]] = {
    "inbox": (
        *("id", "channel_id", "event_key", "actor_key", "occurred_at", "received_at", "state", "decided_at", "result"),
        *("ticket_id", "attempts"),
    ),
    "tickets": (
        *("id", "number", "platform", "channel_id", "account_id", "thread_id", "first_message_id", "language"),
        *("status", "category", "district", "department", "owner_post", "sensitivity", "urgent", "incident_id"),
        *("opened_at", "assigned_at", "accepted_at", "disposed_at", "ended_at", "outcome", "due_at", "disposal"),
        *("escalation_level", "reopen_count", "disposal_count", "forward_count", "turn", "planned_until_at"),
    ),
    "transcript": (
        *("ticket_id", "account_id", "platform", "speaker", "message_id", "thread_id", "text", "occurred_at"),
    ),
    "satisfaction": (
        *("ticket_id", "cycle", "post", "disposal", "disposed_at", "answered_at", "outcome"),
    ),
    "events": ("ticket_id", "kind", "at", "actor", "codes"),
    "outbox": (
        *("id", "channel_id", "step_id", "recipient", "destination", "template", "payload", "ticket_id", "state"),
        *("created_at", "next_attempt_at", "attempts", "epoch", "sending_at", "sent_at", "sent_id"),
    ),
    "attempts": ("outbox_id", "at", "result"),
}  # fmt: skip


@dataclass(slots=True)
class Past:
    """What is being written."""

    chance: random.Random
    now: datetime
    rows: dict[str, list[Row]] = field(default_factory=lambda: defaultdict(list))
    messages: int = 0
    heard: int = 0

    def hour(self, mean: float) -> timedelta:
        """A wait, mostly shorter and sometimes far longer than `mean` hours."""
        return timedelta(hours=self.chance.lognormvariate(0.0, 1.0) * mean)


def fill(engine: sa.Engine, many: int, now: datetime, seed: int, progress: Progress) -> dict[str, int]:
    """Write `many` tickets of the year up to `now` into an empty database; returns the rows of each table."""
    past = Past(random.Random(seed), now)
    with engine.begin() as conn:
        _stage(conn, past, many)
    moments = sorted(past.chance.random() for _ in range(many))
    weights = _weights(past.chance)
    counted: dict[str, int] = dict.fromkeys(COLUMNS, 0)
    for first in range(0, many, AT_ONCE):
        for number in range(first, min(first + AT_ONCE, many)):
            _life(past, number + 1, now - YEAR + moments[number] * YEAR, weights)
        for table, rows in past.rows.items():
            counted[table] += len(rows)
        _write(engine, past.rows)
        past.rows.clear()
        progress("writing", min(first + AT_ONCE, many), many)
    _settle(engine)
    return counted


# -- one ticket's life -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Weights:
    """How often which category and district is complained of: few are most of it."""

    categories: Sequence[Category]
    by_category: Sequence[float]
    districts: Sequence[str]
    by_district: Sequence[float]


def _weights(chance: random.Random) -> Weights:
    known = taxonomy()
    offices = set(list(known.departments)[:OFFICES])
    categories = [row for row in known.categories.values() if row.department in offices]
    return Weights(
        categories,
        [1 / (1 + place) for place in range(len(categories))],
        list(known.districts),
        [1 / (1 + place / 4) for place in range(len(known.districts))],
    )


def _life(past: Past, number: int, opened: datetime, weights: Weights) -> None:
    chance = past.chance
    category = chance.choices(weights.categories, weights.by_category)[0]
    district = chance.choices(weights.districts, weights.by_district)[0] if chance.random() > 0.01 else None
    is_x = chance.random() < 0.55
    platform, channel = ("x", 1) if is_x else ("facebook", 2)
    written = opened - timedelta(seconds=chance.expovariate(1 / 90))
    _hear(past, channel, written, opened, "ticketed:routed", number)
    if chance.random() < 0.4:
        _hear(
            past, channel, written, opened, chance.choice(("answered:praise", "ignored:spam", "ignored:chatter")), None
        )
    text = WORDS.format(number % 60, number % 100_000)
    past.rows["transcript"].append((number, 1, platform, "citizen", f"m{number}", f"t{number}", text, written))
    _say(past, channel, number, "routed", opened + timedelta(seconds=chance.expovariate(1 / 60)))
    ticket: dict[str, Any] = {
        "id": number,
        "number": f"HRY26-{number:06d}-0",
        "platform": platform,
        "channel_id": channel,
        "account_id": 1,
        "thread_id": f"t{number}",
        "first_message_id": f"m{number}",
        "language": chance.choice(list(Language)).value,
        "category": category.code,
        "district": district,
        "department": category.department,
        "owner_post": f"{category.department}:{district}" if district else None,
        "sensitivity": category.sensitivity.value,
        "urgent": False,
        "incident_id": 1 + number // 400 if chance.random() < 0.05 else None,
        "opened_at": opened,
        "assigned_at": opened,
        "due_at": opened + timedelta(hours=category.limit_hours),
        "escalation_level": 0,
        "reopen_count": 0,
        "disposal_count": 0,
        "forward_count": 0,
        "turn": 1,
    }
    _tell(past, number, "opened", opened, {"kind": "grievance", "language": ticket["language"]})
    place = {"category": category.code, "district": district or "", "department": category.department}
    holes = {"holes": f"{category.department}:{district}:0"} if chance.random() < 0.01 else {}
    _tell(past, number, "assigned", opened, place | {"post": ticket["owner_post"] or ""} | holes)
    _go_on(past, ticket, opened)
    past.rows["tickets"].append(tuple(ticket.get(name) for name in COLUMNS["tickets"]))


def _go_on(past: Past, ticket: dict[str, Any], begun: datetime) -> None:
    """From being handed over to an end, or to what is pending now."""
    chance, number = past.chance, ticket["id"]
    ticket["status"] = "assigned"
    at = begun + past.hour(6)
    if chance.random() < 0.05 and at < past.now:
        ticket["forward_count"] += 1
        _tell(past, number, "forwarded", at, {"department": ticket["department"]})
    if chance.random() < 0.07 and at < past.now:
        kind = chance.choice(("rejected", "rejected", "withdrawn"))
        _tell(past, number, kind, at, {"reason": "no_detail"})
        ticket |= {"status": kind, "ended_at": at}
        return
    if at > past.now:
        return
    ticket |= {"status": "accepted", "accepted_at": at}
    _tell(past, number, "accepted", at, {})
    done = at + past.hour(60)
    for level in range(1, 3):
        late = ticket["due_at"] + timedelta(days=level)
        if late < min(done, past.now):
            ticket["escalation_level"] = max(level, ticket["escalation_level"])
            _tell(past, number, "escalated", late, {"level": str(level), "percent": "100"})
            _say(past, 3, number, "escalated", late)
    if done > past.now or chance.random() < 0.02:  # some are never answered
        ticket["urgent"] = chance.random() < 0.02
        ticket["planned_until_at"] = past.now + timedelta(days=9) if chance.random() < 0.05 else None
        return
    _dispose(past, ticket, done)


def _dispose(past: Past, ticket: dict[str, Any], done: datetime) -> None:
    chance, number = past.chance, ticket["id"]
    cycle = ticket["disposal_count"] + 1
    said = Disposal.DONE if chance.random() < 0.8 else chance.choice(list(Disposal))
    ticket |= {"status": "disposed", "disposed_at": done, "disposal_count": cycle, "disposal": said.value}
    _tell(past, number, "disposed", done, {"cycle": str(cycle), "disposal": said.value})
    _say(past, ticket["channel_id"], number, f"result:{cycle}", done)
    outcome = chance.choices(("satisfied", "not_satisfied", "no_answer", "not_askable"), (35, 15, 45, 5))[0]
    waits = timedelta(days=7) if outcome == "no_answer" else past.hour(12)
    settled: datetime | None = done + waits
    if settled is not None and settled > past.now:
        outcome, settled = "", None
    post = ticket["owner_post"]
    past.rows["satisfaction"].append((number, cycle, post, said.value, done, settled, outcome or None))
    if settled is None:
        return
    if outcome == "not_satisfied":
        again = {"status": "assigned", "disposed_at": None, "accepted_at": None, "turn": ticket["turn"] + 1}
        ticket |= again | {"reopen_count": ticket["reopen_count"] + 1}
        _tell(past, number, "reopened", settled, {"department": ticket["department"]})
        ticket["due_at"] = settled + timedelta(days=3)
        if ticket["reopen_count"] < 5:
            _go_on(past, ticket, settled)
        return
    _tell(past, number, "closed", settled, {"outcome": outcome, "early": "false"})
    ticket |= {"status": "closed", "outcome": outcome, "ended_at": settled}


def _hear(past: Past, channel: int, written: datetime, heard: datetime, result: str, ticket_id: int | None) -> None:
    past.heard += 1
    key = f"posted:{past.heard}"
    row = (past.heard, channel, key, "x:1", written, heard, "done", heard, result, ticket_id, 0)
    past.rows["inbox"].append(row)


def _say(past: Past, channel: int, ticket_id: int, step: str, at: datetime) -> None:
    past.messages += 1
    number = past.messages
    step_id = f"{ticket_id}:{step}:{number}"
    told = (number, channel, step_id, "x:1", f"d{ticket_id}", step.partition(":")[0], None, ticket_id, "sent")
    past.rows["outbox"].append((*told, at, at, 1, 1, at, at, f"s{number}"))
    past.rows["attempts"].append((number, at, "sent"))


def _tell(past: Past, ticket_id: int, kind: str, at: datetime, codes: dict[str, str]) -> None:
    past.rows["events"].append((ticket_id, kind, at, "office", json.dumps(codes, separators=(",", ":"))))


# -- writing -----------------------------------------------------------------------------------------------------------


def _stage(conn: sa.Connection, past: Past, many: int) -> None:
    """Channels, one account, and an officer in every chair."""
    known = taxonomy()
    long_ago = past.now - YEAR * 2
    pairs = [(one, where) for one in list(known.departments)[:OFFICES] for where in known.districts]
    named = ("cmohry", "x"), ("cm_page", "facebook"), ("desk_bot", "telegram")
    channels = [{"id": at, "name": name, "platform": one} for at, (name, one) in enumerate(named, start=1)]
    chairs = [
        {"code": f"{one}:{where}", "title": one, "role": "nodal_officer", "department": one, "level": 0}
        for one, where in pairs
    ]
    people = [{"id": at, "name": "Officer", "telegram_user_id": str(at)} for at in range(1, len(pairs) + 1)]
    held = [
        {"post": f"{one}:{where}", "officer_id": at, "from_at": long_ago}
        for at, (one, where) in enumerate(pairs, start=1)
    ]
    of_one = {"category": "garbage", "district": "Hisar", "department": "ulb", "owner_post": "ulb:Hisar"}
    rows: dict[str, list[dict[str, Any]]] = {
        "channels": channels,
        "accounts": [{"id": 1, "platform": "x", "author_id": "1", "first_seen_at": long_ago}],
        "posts": chairs,
        "coverage": [{"post": f"{one}:{where}", "district": where} for one, where in pairs],
        "officers": people,
        "holdings": held,
        "incidents": [{"id": at, **of_one, "opened_at": long_ago} for at in range(1, many // 400 + 3)],
    }
    for table, found in rows.items():
        conn.execute(insert_into(conn, metadata.tables[table]), found)


def _write(engine: sa.Engine, rows: dict[str, list[Row]]) -> None:
    """As fast as each database takes rows; those named by others come first."""
    with engine.begin() as conn:
        for table in ("tickets", "inbox", "transcript", "satisfaction", "events", "outbox", "attempts"):
            (_copy if engine.dialect.name == "postgresql" else _insert)(conn, table, rows.get(table, []))


def _insert(conn: sa.Connection, table: str, rows: list[Row]) -> None:
    columns = COLUMNS[table]
    text = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"  # noqa: S608 our own names
    conn.exec_driver_sql(text, [tuple(_as_kept(value) for value in row) for row in rows])


def _as_kept(value: Any) -> Any:
    """A time as SQLAlchemy keeps it in SQLite."""
    return value.strftime("%Y-%m-%d %H:%M:%S.%f") if isinstance(value, datetime) else value


def _copy(conn: sa.Connection, table: str, rows: list[Row]) -> None:
    cursor = conn.connection.cursor()
    with cursor.copy(f"COPY {table} ({', '.join(COLUMNS[table])}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)
    cursor.close()


def _settle(engine: sa.Engine) -> None:
    """What a server does by itself in quiet hours."""
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
            conn.exec_driver_sql("VACUUM ANALYZE")


def tables_filled(engine: sa.Engine) -> Iterator[str]:
    """Tables of an office that hold anything."""
    with engine.connect() as conn:
        for name in ("channels", "tickets", "inbox", "posts"):
            if conn.execute(sa.select(sa.literal(1)).select_from(metadata.tables[name]).limit(1)).first():
                yield name
