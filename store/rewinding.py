"""A database that was put back to an earlier moment: what it must not say again, and which numbers it must not give again.

Owns the mark on the channels (they only read), the words of ours that were found on the platforms since, and the end of
the mark. The caller owns the transaction. It must not know a platform, or how a ticket number is read out of a text.

The moment is what the database itself knows last, so a copy taken by any other means is understood as well.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa

from store import outbox as outbox_store
from store import sending
from store.alarms import raise_alarm
from store.dialects import insert_into, is_one_of
from store.inbound import Inbound
from store.inbox import park
from store.marks import REWOUND_TO, mark
from store.numbers import office_year, skip_serials, split_number
from store.outbox import NewRow, OutboxRow
from store.payloads import PayloadUnreadable, heard_from_json, same_words
from store.readiness import OPEN
from store.sending import Failure
from store.tables import channels, events, found_words, inbox, outbox, tickets, transcript
from store.vocabulary import DeliveryState, InboundVerb, InboxState, Platform

NUMBERS_LEFT_OUT: Final = (
    1_000  # for each day begun: many more than were ever given in one, and six digits hold a million
)
NOTHING_KNOWN: Final = timedelta(days=7)
RESTORED: Final = "restored"
NOT_READABLE: Final = "answered_unknown"


@dataclass(frozen=True, slots=True)
class FoundWords:
    """A post of ours that the database does not know, with the ticket numbers in it. `id` is 0 until it is kept."""

    channel_id: int
    message_id: str
    thread_id: str
    reply_to_id: str | None
    numbers: tuple[str, ...]
    text: str
    written_at: datetime
    id: int = 0


def rewind(conn: sa.Connection, now: datetime) -> datetime:
    """Let every channel only read from now on; returns the moment to which the database was put back.

    What was waiting to be sent then may have been sent since: its outcome is unknown. Numbers that may have been given
    since are left out.
    """
    to = knows_until(conn, now)
    conn.execute(channels.update().where(channels.c.rewound_to_at.is_(None)).values(rewound_to_at=to))
    mark(conn, REWOUND_TO, to)  # an account that was added after the backup is held as well, once it is here again
    why = {"error_code": RESTORED, "error": "the database was put back; it may have been sent since"}
    conn.execute(
        outbox.update()
        .where(is_one_of(outbox.c.state, *OPEN))
        .values(
            state=DeliveryState.UNKNOWN,
            epoch=sa.func.coalesce(outbox.c.epoch, 0),
            sending_at=sa.func.coalesce(outbox.c.sending_at, outbox.c.created_at),
            **why,
        )
    )
    days = max(0, (now - to).days) + 1
    for year in sorted({office_year(to), office_year(now)}):
        skip_serials(conn, year, by=NUMBERS_LEFT_OUT * days)
    return to


def knows_until(conn: sa.Connection, now: datetime) -> datetime:
    """The latest moment of which the database tells anything; a week ago if it tells nothing."""
    told = (
        sa.func.max(inbox.c.received_at),
        sa.func.max(inbox.c.decided_at),
        sa.func.max(outbox.c.created_at),
        sa.func.max(outbox.c.sent_at),
        sa.func.max(events.c.at),
    )
    moments = [conn.execute(sa.select(sa.type_coerce(one, inbox.c.received_at.type))).scalar_one() for one in told]
    return min(max((moment for moment in moments if moment is not None), default=now - NOTHING_KNOWN), now)


def unsettled(conn: sa.Connection, channel_id: int) -> list[OutboxRow]:
    """What was waiting to be sent when the copy was taken, oldest first."""
    return outbox_store.unknown_rows(conn, channel_id)


def waiting_threads(conn: sa.Connection, channel_id: int, now: datetime) -> set[str]:
    """Where something is about to be said: posts wait to be decided, messages to be settled, tickets for their time."""
    threads = {post.thread_id for _, post in _waiting_posts(conn, channel_id)}
    threads |= {row.outgoing.thread_id for row in unsettled(conn, channel_id) if row.outgoing is not None}
    due = sa.select(tickets.c.thread_id).where(tickets.c.channel_id == channel_id, tickets.c.wake_at <= now)
    return threads | set(conn.scalars(due))


def settle(conn: sa.Connection, row: OutboxRow, sent_id: str | None, *, certain: bool, now: datetime) -> bool:
    """What became of a waiting message: found under `sent_id`, certainly not sent, or nobody can tell; False for that."""
    if sent_id is not None:
        sending.mark_sent(conn, row.id, sent_id, now)
        return True
    if certain and row.outgoing is not None:
        failure = Failure(RESTORED, "it was not posted before the database was put back, nor since")
        state, at = DeliveryState.PENDING, row.next_attempt_at
        sending.mark_retry(conn, row.id, failure, now, epoch=row.epoch or 0, next_attempt_at=at, state=state)
        return True
    failure = Failure("cannot_be_read_back", "the platform shows too little to tell whether it was posted")
    sending.park(conn, row.id, failure, now)
    sentence = f"Message {row.id} ({row.template}): {failure.sentence}, since the database was put back"
    raise_alarm(conn, "message_unknown", f"outbox:{row.id}", sentence, now)
    return False


def keep(conn: sa.Connection, words: Sequence[FoundWords]) -> int:
    """Remember words of ours that nothing here knows, and give none of their numbers again; returns how many."""
    ids = [one.message_id for one in words]
    sent = sa.select(outbox.c.channel_id, outbox.c.sent_id).where(outbox.c.sent_id.in_(ids))
    held = {(row.channel_id, row.sent_id) for row in conn.execute(sent)}
    heard = set(conn.scalars(sa.select(transcript.c.message_id).where(transcript.c.message_id.in_(ids))))
    new = [one for one in words if (one.channel_id, one.message_id) not in held and one.message_id not in heard]
    new = [one for one in new if not _was_let_go(conn, one)]
    for one in new:
        row = {
            "channel_id": one.channel_id,
            "message_id": one.message_id,
            "thread_id": one.thread_id,
            "reply_to_id": one.reply_to_id,
            "numbers": "|".join(one.numbers)[:256],
            "text": one.text,
            "written_at": one.written_at,
        }
        conn.execute(insert_into(conn, found_words).values(**row).on_conflict_do_nothing())
    for year, serial in (split_number(number) for one in words for number in one.numbers):
        skip_serials(conn, year, beyond=serial)
    return len(new)


def _was_let_go(conn: sa.Connection, words: FoundWords) -> bool:
    """Whether a person let a message go since that is parked or held here: then it is kept as sent."""
    ended = sa.select(outbox).where(
        outbox.c.channel_id == words.channel_id,
        outbox.c.state.in_((DeliveryState.PARKED, DeliveryState.HELD)),
        outbox.c.destination.endswith(words.thread_id, autoescape=True),
    )
    for row in map(outbox_store.outbox_row, conn.execute(ended.order_by(outbox.c.id))):
        said = row.outgoing
        if said is None or said.reply_to_id not in (words.reply_to_id, None):
            continue
        if same_words(said.text) == same_words(words.text):
            return sending.mark_sent(conn, row.id, words.message_id, words.written_at)
    return False


def set_aside_before(conn: sa.Connection, channel_id: int, moment: datetime, now: datetime) -> int:
    """Posts older than what can be read of our own words may have been answered: they are a person's; returns how many."""
    older = [row_id for row_id, post in _waiting_posts(conn, channel_id) if post.occurred_at < moment]
    for row_id in older:
        park(conn, row_id, "it may have been answered; our own posts of that time cannot be read", now, NOT_READABLE)
    if older:
        sentence = (
            f"{len(older)} posts before {moment:%Y-%m-%d %H:%M} UTC may have been answered already and cannot be read "
            "back; look at them by hand (`smgt inbox list`)."
        )
        raise_alarm(conn, NOT_READABLE, f"channel:{channel_id}", sentence, now)
    return len(older)


def resume_unread(conn: sa.Connection, name: str, now: datetime) -> int | None:
    """A person lets a channel go without reading back: what waited then, and posts of that time, are parked.

    Returns how many; None if the channel of this name is not held.
    """
    row = conn.execute(
        sa.select(channels.c.id, channels.c.platform).where(
            channels.c.name == name, channels.c.rewound_to_at.is_not(None)
        )
    ).one_or_none()
    if row is None:
        return None
    parked = 0
    if row.platform != Platform.TELEGRAM:
        parked = sum(not settle(conn, one, None, certain=False, now=now) for one in unsettled(conn, row.id))
        parked += set_aside_before(conn, row.id, now, now)
    release(conn, row.id)
    return parked


def release(conn: sa.Connection, channel_id: int) -> bool:
    """Let a channel decide and send again; True if it was held."""
    held = (channels.c.id == channel_id, channels.c.rewound_to_at.is_not(None))
    return conn.execute(channels.update().where(*held).values(rewound_to_at=None)).rowcount > 0


# -- words that were found -------------------------------------------------------------------------------------------


def found_in(conn: sa.Connection, threads: Collection[str]) -> list[FoundWords]:
    """Words of ours in these threads that nothing here has taken over yet, oldest first."""
    if not threads:
        return []
    query = (
        sa.select(found_words)
        .where(found_words.c.thread_id.in_(sorted(threads)), found_words.c.used_at.is_(None))
        .order_by(found_words.c.written_at, found_words.c.id)
    )
    return [
        FoundWords(
            id=row.id,
            channel_id=row.channel_id,
            message_id=row.message_id,
            thread_id=row.thread_id,
            reply_to_id=row.reply_to_id,
            numbers=tuple(row.numbers.split("|")) if row.numbers else (),
            text=row.text or "",
            written_at=row.written_at,
        )
        for row in conn.execute(query)
    ]


def is_numbered(conn: sa.Connection, channel_id: int, message_id: str) -> bool:
    """Whether this post of ours was found since and names a ticket: SMGT wrote it, not a person."""
    query = sa.select(found_words.c.id).where(
        found_words.c.channel_id == channel_id, found_words.c.message_id == message_id, found_words.c.numbers != ""
    )
    return conn.execute(query).first() is not None


def use(conn: sa.Connection, ids: Iterable[int], now: datetime) -> None:
    """These words have been taken over, or matter no more."""
    wanted = sorted(set(ids))
    if wanted:
        conn.execute(found_words.update().where(found_words.c.id.in_(wanted)).values(used_at=now, text=None))


def take_over(conn: sa.Connection, row: NewRow, words: FoundWords) -> None:
    """Keep a message as one that was sent: the platform has it as these words."""
    for row_id in outbox_store.add(conn, [row], words.written_at):
        sending.mark_sent(conn, row_id, words.message_id, words.written_at)


def unclaimed_numbers(conn: sa.Connection, before: datetime) -> list[str]:
    """Numbers that were published before then and stand on no ticket here."""
    unused = sa.select(found_words.c.numbers).where(
        found_words.c.used_at.is_(None), found_words.c.numbers != "", found_words.c.written_at < before
    )
    numbers = {number for told in conn.scalars(unused) for number in told.split("|")}
    known = set(conn.scalars(sa.select(tickets.c.number).where(tickets.c.number.in_(sorted(numbers)))))
    return sorted(numbers - known)


def _waiting_posts(conn: sa.Connection, channel_id: int) -> list[tuple[int, Inbound]]:
    waiting = sa.select(inbox.c.id, inbox.c.payload).where(
        is_one_of(inbox.c.state, InboxState.PENDING), inbox.c.channel_id == channel_id, inbox.c.payload.is_not(None)
    )
    found: list[tuple[int, Inbound]] = []
    for row in conn.execute(waiting.order_by(inbox.c.id)):
        try:
            heard = heard_from_json(row.payload)
        except PayloadUnreadable:
            continue  # parked by the desk, with its error
        if isinstance(heard, Inbound) and not heard.by_us and heard.verb is InboundVerb.POSTED:
            found.append((row.id, heard))
    return found


def held(conn: sa.Connection) -> list[tuple[str, Platform, datetime]]:
    """The channels that only read: name, platform, and the moment each was put back to."""
    query = sa.select(channels.c.name, channels.c.platform, channels.c.rewound_to_at).where(
        channels.c.rewound_to_at.is_not(None)
    )
    return [(row[0], Platform(row[1]), row[2]) for row in conn.execute(query.order_by(channels.c.id))]
