"""Everything that is needed to reconcile a day, read from the tables: rows of the day, and what belongs to them.

Owns SQL that only reads. It compares nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from store.beside import ANSWER
from store.channels import Channel, all_channels
from store.inbound import message_of_key
from store.tables import events, inbox, outbox, tickets, transcript
from store.vocabulary import Platform

AT_ONCE: Final = 500  # ids in one statement
CITIZENS: Final = (Platform.X, Platform.FACEBOOK)
HEARD_BY_INBOX: Final = ("citizen", "stranger", "human")


@dataclass(frozen=True, slots=True)
class HeardRow:
    """An inbox row, and the message of its key if it brought one."""

    id: int
    channel_id: int
    state: str
    result: str
    ticket_id: int | None
    due_at: datetime  # when it could be decided
    message_id: str | None


@dataclass(frozen=True, slots=True)
class OpenedTicket:
    """A ticket, and the inbox rows whose history says that they opened it."""

    id: int
    channel_id: int
    opened_at: datetime
    opened_by: tuple[int, ...]
    twins: tuple[int, ...]  # other tickets of the same first post


@dataclass(frozen=True, slots=True)
class Answer:
    """A message of ours that answers an inbox row."""

    id: int
    channel_id: int
    inbox_id: int
    ticket_id: int | None
    state: str


@dataclass(frozen=True, slots=True)
class Spoken:
    """A transcript row of somebody outside the office."""

    id: int
    platform: Platform
    message_id: str
    ticket_id: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """`rows` were received in the day, `tickets` are theirs and those opened in it; `openers` opened those, whenever.

    `answers` are to any of these rows, and all of the day. `known_words` are messages in the transcript among those
    of `rows`. `spoken_unheard` are the day's transcript rows whose message no inbox row brought.
    """

    channels: Sequence[Channel]
    rows: Sequence[HeardRow]
    tickets: Mapping[int, OpenedTicket]
    openers: Mapping[int, HeardRow]
    answers: Sequence[Answer]
    answered_rows: Mapping[int, HeardRow]
    withheld: Collection[tuple[int | None, int]]
    known_words: Collection[tuple[Platform, str]]
    spoken_unheard: Sequence[Spoken]


def load(conn: sa.Connection, start: datetime, end: datetime) -> Records:
    """Read the day from `start` up to, not including, `end`; wants a transaction that sees one moment."""
    channels = all_channels(conn)
    platforms = {one.id: one.platform for one in channels}
    rows = _rows(conn, inbox.c.received_at >= start, inbox.c.received_at < end)
    found = _tickets(conn, {row.ticket_id for row in rows if row.ticket_id is not None}, start, end)
    openers = _by_id(conn, {one for ticket in found.values() for one in ticket.opened_by})
    answers = _answers(conn, {row.id for row in (*rows, *openers.values())}, start, end)
    messages: dict[Platform, set[str]] = defaultdict(set)
    for row in rows:
        if row.message_id is not None and platforms[row.channel_id] in CITIZENS:
            messages[platforms[row.channel_id]].add(row.message_id)
    return Records(
        channels=channels,
        rows=rows,
        tickets=found,
        openers=openers,
        answers=answers,
        answered_rows=_by_id(conn, {one.inbox_id for one in answers}),
        withheld=_withheld(conn, start),
        known_words={
            (platform, one) for platform, ids in messages.items() for one in _known_words(conn, platform, ids)
        },
        spoken_unheard=_unheard(conn, channels, start, end),
    )


def _rows(conn: sa.Connection, *where: sa.ColumnElement[bool]) -> list[HeardRow]:
    wanted = sa.select(
        inbox.c.id,
        inbox.c.channel_id,
        inbox.c.event_key,
        inbox.c.state,
        inbox.c.result,
        inbox.c.ticket_id,
        sa.type_coerce(sa.func.coalesce(inbox.c.not_before_at, inbox.c.received_at), inbox.c.received_at.type).label(
            "due_at"
        ),
    ).where(*where)
    return [
        HeardRow(
            row.id,
            row.channel_id,
            row.state,
            row.result or "",
            row.ticket_id,
            row.due_at,
            message_of_key(row.event_key),
        )
        for row in conn.execute(wanted.order_by(inbox.c.id))
    ]


def _by_id(conn: sa.Connection, ids: Collection[int]) -> dict[int, HeardRow]:
    return {row.id: row for some in _some(ids) for row in _rows(conn, inbox.c.id.in_(some))}


def _tickets(conn: sa.Connection, named: Collection[int], start: datetime, end: datetime) -> dict[int, OpenedTicket]:
    columns = (tickets.c.id, tickets.c.channel_id, tickets.c.opened_at)
    of_the_day = sa.select(*columns).where(tickets.c.opened_at >= start, tickets.c.opened_at < end)
    found = {row.id: row for row in conn.execute(of_the_day)}
    for some in _some(named - found.keys()):
        found |= {row.id: row for row in conn.execute(sa.select(*columns).where(tickets.c.id.in_(some)))}
    opened_by, twins = _opened_by(conn, found), _twins(conn, found)
    return {
        row.id: OpenedTicket(row.id, row.channel_id, row.opened_at, tuple(opened_by[row.id]), tuple(twins[row.id]))
        for row in found.values()
    }


def _opened_by(conn: sa.Connection, ids: Collection[int]) -> Mapping[int, list[int]]:
    found: dict[int, list[int]] = defaultdict(list)
    for some in _some(ids):
        wanted = sa.select(events.c.ticket_id, events.c.inbox_id).where(
            events.c.ticket_id.in_(some), events.c.kind == "opened", events.c.inbox_id.is_not(None)
        )
        for row in conn.execute(wanted.order_by(events.c.id)):
            found[row.ticket_id].append(row.inbox_id)
    return found


def _twins(conn: sa.Connection, ids: Collection[int]) -> Mapping[int, list[int]]:
    other = tickets.alias("other")
    found: dict[int, list[int]] = defaultdict(list)
    for some in _some(ids):
        wanted = (
            sa.select(tickets.c.id, other.c.id.label("twin"))
            .join(
                other,
                sa.and_(
                    other.c.platform == tickets.c.platform,
                    other.c.thread_id == tickets.c.thread_id,
                    other.c.first_message_id == tickets.c.first_message_id,
                    other.c.id != tickets.c.id,
                ),
            )
            .where(tickets.c.id.in_(some))
        )
        for row in conn.execute(wanted.order_by(tickets.c.id, other.c.id)):
            found[row.id].append(row.twin)
    return found


def _answers(conn: sa.Connection, rows: Collection[int], start: datetime, end: datetime) -> list[Answer]:
    of_the_day = sa.and_(
        outbox.c.created_at >= start, outbox.c.created_at < end, outbox.c.step_id.startswith(ANSWER, autoescape=True)
    )
    wheres = [of_the_day, *(outbox.c.step_id.in_([f"{ANSWER}{one}" for one in some]) for some in _some(rows))]
    columns = (outbox.c.id, outbox.c.channel_id, outbox.c.step_id, outbox.c.ticket_id, outbox.c.state)
    found: dict[int, Answer] = {}
    for where in wheres:
        for row in conn.execute(sa.select(*columns).where(where)):
            answered = row.step_id.removeprefix(ANSWER)
            found[row.id] = Answer(row.id, row.channel_id, int(answered), row.ticket_id, row.state)
    return [found[one] for one in sorted(found)]


def _withheld(conn: sa.Connection, start: datetime) -> set[tuple[int | None, int]]:
    """Messages held back with a reason: the citizen asked for silence, or the office's own limit."""
    wanted = sa.select(events.c.ticket_id, events.c.inbox_id).where(
        events.c.kind == "withheld", events.c.at >= start, events.c.inbox_id.is_not(None)
    )
    return {(row.ticket_id, row.inbox_id) for row in conn.execute(wanted)}


def _known_words(conn: sa.Connection, platform: Platform, ids: Collection[str]) -> Iterator[str]:
    for some in _some(ids):
        wanted = sa.select(transcript.c.message_id).where(
            transcript.c.platform == platform, transcript.c.message_id.in_(some)
        )
        yield from conn.scalars(wanted)


def _unheard(conn: sa.Connection, channels: Iterable[Channel], start: datetime, end: datetime) -> list[Spoken]:
    """The day's words whose message is in no event key of its platform's channels."""
    wanted = sa.select(transcript.c.id, transcript.c.platform, transcript.c.message_id, transcript.c.ticket_id).where(
        transcript.c.occurred_at >= start,
        transcript.c.occurred_at < end,
        transcript.c.platform.in_(CITIZENS),
        transcript.c.speaker.in_(HEARD_BY_INBOX),
    )
    said = [
        Spoken(row.id, Platform(row.platform), row.message_id, row.ticket_id)
        for row in conn.execute(wanted.order_by(transcript.c.id))
    ]
    ids = {platform: [one.id for one in channels if one.platform is platform] for platform in CITIZENS}
    heard: set[str] = set()
    # Posts are mostly received on the day they were written: those rows settle nearly all of it in one statement.
    near = sa.select(inbox.c.event_key).where(inbox.c.received_at >= start)
    for key in conn.scalars(near):
        if (message := message_of_key(key)) is not None:
            heard.add(message)
    return [
        one for one in said if one.message_id not in heard and not _was_heard(conn, ids[one.platform], one.message_id)
    ]


def _was_heard(conn: sa.Connection, channel_ids: Sequence[int], message_id: str) -> bool:
    heads = ("", "posted:", "edited:")
    keys = sa.or_(*(inbox.c.event_key.startswith(f"{head}{message_id}:", autoescape=True) for head in heads))
    wanted = sa.select(inbox.c.id).where(inbox.c.channel_id.in_(channel_ids), keys)
    return conn.execute(wanted.limit(1)).first() is not None


def _some(ids: Iterable[Any]) -> Iterator[Sequence[Any]]:
    """The ids in parts that one statement takes."""
    every = sorted(ids)
    return (every[at : at + AT_ONCE] for at in range(0, len(every), AT_ONCE))
