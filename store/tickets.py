"""Tickets, their conversations, their history: plain rows in and out, many at a time.

Owns the SQL around tickets. It must not know what a status means or who may look; callers pass rows as mappings whose
keys are column names.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa

from store.channels import rewound_ids
from store.dialects import insert_into
from store.tables import conversations, events, satisfaction, supporters, tickets, transcript
from store.vocabulary import Outcome, Platform, Sensitivity, Status

TICKET_COLUMNS = frozenset(column.name for column in tickets.c)
TALK_COLUMNS = frozenset(column.name for column in conversations.c) - {"ticket_id"}
ENDED = (Status.CLOSED, Status.REJECTED, Status.WITHDRAWN, Status.MERGED)

TicketRow = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Earlier:
    """A ticket of a writer, as an officer who has another one is told of it."""

    id: int
    account_id: int
    number: str
    status: Status
    category: str | None
    district: str | None
    opened_at: datetime


def _with_talk() -> sa.Select[Any]:
    talk = [column for column in conversations.c if column.name != "ticket_id"]
    return sa.select(tickets, *talk).join(conversations, conversations.c.ticket_id == tickets.c.id)


def _rows(conn: sa.Connection, query: sa.Select[Any]) -> list[TicketRow]:
    return [dict(row) for row in conn.execute(query).mappings()]


def by_ids(conn: sa.Connection, ids: Iterable[int]) -> list[TicketRow]:
    """Tickets with their talk, by id."""
    wanted = sorted(set(ids))
    return _rows(conn, _with_talk().where(tickets.c.id.in_(wanted))) if wanted else []


def of_accounts(conn: sa.Connection, account_ids: Iterable[int], *, since: datetime) -> list[TicketRow]:
    """The accounts' tickets that are open or ended since `since`, newest first."""
    wanted = sorted(set(account_ids))
    if not wanted:
        return []
    alive = sa.or_(tickets.c.ended_at.is_(None), tickets.c.ended_at >= since)
    return _rows(conn, _with_talk().where(tickets.c.account_id.in_(wanted), alive).order_by(tickets.c.id.desc()))


def earlier_of(conn: sa.Connection, account_ids: Iterable[int], since: datetime) -> list[Earlier]:
    """The ordinary tickets that these accounts opened since then, the newest first."""
    wanted = sorted(set(account_ids))
    if not wanted:
        return []
    query = (
        sa.select(*(tickets.c[name] for name in Earlier.__slots__))
        .where(tickets.c.account_id.in_(wanted), tickets.c.opened_at >= since)
        .where(tickets.c.sensitivity == Sensitivity.NORMAL)
        .order_by(tickets.c.id.desc())
    )
    return [Earlier(**{**row, "status": Status(row["status"])}) for row in conn.execute(query).mappings()]


def in_threads(conn: sa.Connection, threads: Iterable[tuple[Platform, str]]) -> list[TicketRow]:
    """All tickets of these threads, oldest first."""
    wanted = sorted({thread for _, thread in threads})
    return _rows(conn, _with_talk().where(tickets.c.thread_id.in_(wanted)).order_by(tickets.c.id)) if wanted else []


def by_numbers(conn: sa.Connection, numbers: Iterable[str]) -> list[TicketRow]:
    """Tickets by their numbers."""
    wanted = sorted(set(numbers))
    return _rows(conn, _with_talk().where(tickets.c.number.in_(wanted))) if wanted else []


def due_to_wake(conn: sa.Connection, now: datetime, limit: int, *, only: int | None = None) -> list[TicketRow]:
    """Tickets for which time has passed (or `only` that one, if so), the most overdue first, held as by `lock`.

    One that another worker holds is left out. They are read once they are held: a row read while it is being locked
    may come with the talk as it was before.
    """
    query = _due(now, limit)
    if only is not None:
        query = query.where(tickets.c.id == only)
    held = conn.execute(query.with_for_update(skip_locked=True, key_share=True)).scalars().all()
    found = {row["id"]: row for row in by_ids(conn, held)}
    return [found[ticket_id] for ticket_id in held]


def ids_due_to_wake(conn: sa.Connection, now: datetime, limit: int) -> list[int]:
    """The same tickets' ids, nothing held."""
    return list(conn.execute(_due(now, limit)).scalars())


def _due(now: datetime, limit: int) -> sa.Select[int]:
    due = (tickets.c.wake_at <= now, tickets.c.channel_id.not_in(rewound_ids()))
    return sa.select(tickets.c.id).where(*due).order_by(tickets.c.wake_at, tickets.c.id).limit(limit)


def next_wake(conn: sa.Connection) -> datetime | None:
    """When time will matter next for any ticket."""
    may_be = tickets.c.channel_id.not_in(rewound_ids())
    return conn.execute(
        sa.select(sa.func.min(tickets.c.wake_at)).where(tickets.c.wake_at.is_not(None), may_be)
    ).scalar()


def set_wakes(conn: sa.Connection, wakes: Mapping[int, datetime | None]) -> None:
    """When time will matter next for these tickets."""
    if wakes:
        moved = tickets.update().where(tickets.c.id == sa.bindparam("b_id")).values(wake_at=sa.bindparam("b_at"))
        conn.execute(moved, [{"b_id": number, "b_at": at} for number, at in wakes.items()])


def lock(conn: sa.Connection, ids: Iterable[int]) -> bool:
    """Hold these tickets until the transaction ends; True where they must be read again after the wait.

    PostgreSQL locks the rows, in the order of their ids so that two workers never wait for each other, and so that
    rows which merely name a ticket can still be written by others; SQLite has one writer anyway.
    """
    wanted = sorted(set(ids))
    if not wanted or conn.dialect.name != "postgresql":
        return False
    conn.execute(
        sa.select(tickets.c.id).where(tickets.c.id.in_(wanted)).order_by(tickets.c.id).with_for_update(key_share=True)
    )
    return True


def insert(conn: sa.Connection, rows: Sequence[TicketRow]) -> None:
    """New tickets with their talk."""
    if rows:
        conn.execute(tickets.insert(), [_part(row, TICKET_COLUMNS) for row in rows])
        conn.execute(conversations.insert(), [{"ticket_id": row["id"], **_part(row, TALK_COLUMNS)} for row in rows])


def update(conn: sa.Connection, rows: Sequence[TicketRow]) -> None:
    """Tickets and their talk as they are now; the number never changes."""
    if not rows:
        return
    fixed = {"id", "number", "opened_at", "first_message_id", "platform", "channel_id", "thread_id"}
    columns = sorted(TICKET_COLUMNS - fixed)
    conn.execute(
        tickets.update()
        .where(tickets.c.id == sa.bindparam("b_id"))
        .values({name: sa.bindparam(f"b_{name}") for name in columns}),
        [{"b_id": row["id"], **{f"b_{name}": row.get(name) for name in columns}} for row in rows],
    )
    talk = sorted(TALK_COLUMNS)
    conn.execute(
        conversations.update()
        .where(conversations.c.ticket_id == sa.bindparam("b_id"))
        .values({name: sa.bindparam(f"b_{name}") for name in talk}),
        [{"b_id": row["id"], **{f"b_{name}": row.get(name) for name in talk}} for row in rows],
    )


def _part(row: TicketRow, columns: frozenset[str]) -> dict[str, Any]:
    return {name: row[name] for name in columns if name in row}


# -- history -------------------------------------------------------------------------------------------------------------


def add_events(conn: sa.Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Events of tickets' history; `codes` holds codes and ids, never words."""
    if rows:
        conn.execute(events.insert(), [{**row, "codes": msgspec.json.encode(row["codes"]).decode()} for row in rows])


def events_of(conn: sa.Connection, ticket_id: int) -> list[Mapping[str, Any]]:
    """A ticket's history, oldest first, codes read back."""
    query = sa.select(events).where(events.c.ticket_id == ticket_id).order_by(events.c.id)
    return [{**row, "codes": msgspec.json.decode(row["codes"])} for row in conn.execute(query).mappings()]


def add_support(conn: sa.Connection, ticket_id: int, account_id: int, now: datetime) -> bool:
    """A me-too of another account; False when it was there already."""
    row = {"ticket_id": ticket_id, "account_id": account_id, "since_at": now}
    added = insert_into(conn, supporters).values(**row).on_conflict_do_nothing().returning(supporters.c.account_id)
    return conn.execute(added).first() is not None


def ask_satisfaction(conn: sa.Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """One row per disposal."""
    if rows:
        conn.execute(satisfaction.insert(), list(rows))


def settle_satisfaction(conn: sa.Connection, ticket_id: int, cycle: int, outcome: Outcome, now: datetime) -> None:
    """The outcome of one disposal; a late yes may replace "no answer", nothing else is ever replaced."""
    open_or_silent = sa.or_(satisfaction.c.outcome.is_(None), satisfaction.c.outcome == Outcome.NO_ANSWER)
    conn.execute(
        satisfaction.update()
        .where(satisfaction.c.ticket_id == ticket_id, satisfaction.c.cycle == cycle, open_or_silent)
        .values(outcome=outcome, answered_at=now)
    )


# -- transcript --------------------------------------------------------------------------------------------------------


def add_words(conn: sa.Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Words heard, in their speakers' own words; a message already kept is left as it is."""
    if rows:
        conn.execute(insert_into(conn, transcript).on_conflict_do_nothing(), list(rows))


def words_of(conn: sa.Connection, ticket_ids: Iterable[int]) -> list[Mapping[str, Any]]:
    """The transcript of tickets, oldest first."""
    wanted = sorted(set(ticket_ids))
    if not wanted:
        return []
    query = sa.select(transcript).where(transcript.c.ticket_id.in_(wanted)).order_by(transcript.c.id)
    return [dict(row) for row in conn.execute(query).mappings()]


def messages_known(conn: sa.Connection, platform: Platform, message_ids: Iterable[str]) -> list[Mapping[str, Any]]:
    """Which of these messages were heard from their writers, and of which ticket and account; quotations are not."""
    wanted = sorted(set(message_ids))
    if not wanted:
        return []
    columns = (
        transcript.c.message_id,
        transcript.c.ticket_id,
        transcript.c.account_id,
        transcript.c.version,
        transcript.c.speaker,
    )
    query = sa.select(*columns).where(transcript.c.platform == platform, transcript.c.message_id.in_(wanted))
    heard = query.where(transcript.c.speaker != "quoted")
    return [dict(row) for row in conn.execute(heard.order_by(transcript.c.version)).mappings()]


def untaken_words(conn: sa.Connection, threads: Iterable[tuple[Platform, str]]) -> list[Mapping[str, Any]]:
    """What citizens wrote in these threads that became no ticket (`platform, thread_id, account_id, text`), oldest first."""
    wanted = sorted(set(threads))
    if not wanted:
        return []
    query = (
        sa.select(transcript.c.platform, transcript.c.thread_id, transcript.c.account_id, transcript.c.text)
        .where(sa.tuple_(transcript.c.platform, transcript.c.thread_id).in_(wanted))
        .where(transcript.c.ticket_id.is_(None), transcript.c.speaker == "citizen", transcript.c.text.is_not(None))
        .where(transcript.c.account_id.is_not(None))
        .order_by(transcript.c.id)
    )
    return [dict(row) for row in conn.execute(query).mappings()]


def withdraw_words(conn: sa.Connection, platform: Platform, message_id: str, now: datetime) -> int:
    """Destroy our copy of a deleted message's words; returns how many rows held them."""
    gone = (
        transcript.update()
        .where(transcript.c.platform == platform, transcript.c.message_id == message_id, transcript.c.text.is_not(None))
        .values(text=None, attachments="[]", withdrawn_at=now)
    )
    return conn.execute(gone).rowcount


def supporters_of(conn: sa.Connection, ticket_id: int) -> int:
    """How many other accounts said "me too"."""
    query = sa.select(sa.func.count()).select_from(supporters).where(supporters.c.ticket_id == ticket_id)
    return conn.execute(query).scalar_one()
