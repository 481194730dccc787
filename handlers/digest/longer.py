"""The editions beside the daily one: weekly and monthly, for the CMO, the heads of departments and the district nodal officers.

Owns which of them is due, for whom, and that each goes once. After an outage the newest goes, once. What is counted and
how it is worded stands elsewhere; nothing is written before the words are there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, time
from typing import Final

import sqlalchemy as sa

from handlers.desk.addresses import language_of_chat
from handlers.digest.demand import telling
from handlers.digest.editions import UNSENDABLE
from handlers.digest.message import message_of
from handlers.digest.papers import ask_for_papers
from handlers.digest.period import EDITION_TIME, Period, PeriodKind, latest_period, period_of
from handlers.digest.scope import STATE, Scope, Whose
from handlers.digest.sheet import LETTERED, Sheet
from handlers.digest.sheets import sheet_of
from handlers.gate import queue
from handlers.reach import Reach
from handlers.render import RenderError
from store import channels, editions
from store.alarms import raise_alarm
from store.outbound import Outgoing
from store.outbox import NewRow
from store.people import Directory, Post
from store.tables import editions as table
from store.tables import tickets
from store.vocabulary import Language, OutgoingAct, Role

KINDS: Final = (PeriodKind.WEEK, PeriodKind.MONTH)
LONGEST_KEY: Final = 64  # of editions.recipient


@dataclass(frozen=True, slots=True)
class Reader:
    """Who gets an edition, and where. `key` is the office, not the person: a new holder gets no second copy."""

    key: str
    scope: Scope
    chat_id: str
    language: Language
    topic_id: str | None = None
    by_mail: bool = False


@dataclass(frozen=True, slots=True)
class Edition:
    """One edition that is due for one reader."""

    period: Period
    reader: Reader


def latest_of(kind: PeriodKind, now: datetime, at: time = EDITION_TIME) -> Period:
    """The newest week or month whose edition should have gone by `now`: on the first day after it, at that time."""
    day = latest_period(now, at).day
    found = period_of(kind, day)
    return found if found.last_day <= day else found.before


def readers(directory: Directory) -> Iterator[Reader]:
    """The CMO desk, and whoever is linked in a head's or a district nodal officer's chair, in their private chat."""
    desk = directory.cmo_desk()
    if desk is not None and desk.reachable:
        yield Reader("cmo", STATE, desk.chat_id or "", desk.language, desk.topic_id, by_mail=True)
    for post in directory.posts.values():
        chat = next((one.telegram_user_id for one in post.acting if one.telegram_user_id), None)
        if chat is None:
            continue
        for scope in _scopes(post):
            key = post.code if scope.whose is Whose.DEPARTMENT else f"{post.code}:{scope.code}"
            yield Reader(key[:LONGEST_KEY], scope, chat, language_of_chat(chat, directory))


def _scopes(post: Post) -> Iterator[Scope]:
    if post.role is Role.DEPARTMENT_HEAD and post.department is not None:
        yield Scope(Whose.DEPARTMENT, post.department)
    if post.role is Role.DISTRICT_NODAL:
        yield from (Scope(Whose.DISTRICT, name) for name in sorted(post.districts) if name != "*")


def next_due(conn: sa.Connection, now: datetime, directory: Directory, at: time = EDITION_TIME) -> Edition | None:
    """One edition that should have gone and has not; None when all have, or nothing had begun by then."""
    periods = [one for one in (latest_of(kind, now, at) for kind in KINDS) if editions.had_begun(conn, one.end)]
    if not periods:
        return None
    wanted = sa.tuple_(table.c.edition, table.c.period).in_([(one.kind.value, one.code) for one in periods])
    sent = sa.select(table.c.edition, table.c.period, table.c.recipient).where(wanted)
    gone = {tuple(row) for row in conn.execute(sent)}
    everybody = list(readers(directory))
    for period in periods:
        busy = _busy(conn, period)
        for reader in everybody:
            if (period.kind.value, period.code, reader.key) not in gone and busy(reader.scope):
                return Edition(period, reader)
    return None


def _busy(conn: sa.Connection, period: Period) -> Callable[[Scope], bool]:
    """Had they anything to do in that time? An office without a complaint reads of none; the CMO always reads."""
    there = sa.and_(
        tickets.c.opened_at < period.end, sa.or_(tickets.c.ended_at.is_(None), tickets.c.ended_at >= period.start)
    )
    found = conn.execute(sa.select(tickets.c.department, tickets.c.district).where(there).distinct()).all()
    departments, districts = {row.department for row in found}, {row.district for row in found}

    def busy(scope: Scope) -> bool:
        return scope == STATE or scope.code in (departments if scope.whose is Whose.DEPARTMENT else districts)

    return busy


def sheet_for(conn: sa.Connection, edition: Edition, now: datetime) -> Sheet | RenderError:
    """The edition in words, or why there are none; it may take a moment and writes nothing."""
    told = telling(conn, edition.period.kind, edition.period.day, edition.reader.scope, now)
    language = edition.reader.language
    try:
        return sheet_of(told, language if language in LETTERED else Language.HI)
    except RenderError as fault:
        return fault


def queue_edition(conn: sa.Connection, edition: Edition, sheet: Sheet, now: datetime, reach: Reach) -> int:
    """Queue it in the caller's writing transaction; returns how many messages. Of several callers one queues it.

    Without a Telegram channel it stays due.
    """
    channel = channels.telegram(conn)
    if channel is None or not _claim(conn, edition, now):
        return 0
    reader, period = edition.reader, edition.period
    message = NewRow(
        channel_id=channel.id,
        step_id=f"digest:{period.kind.value}:{period.code}:{reader.key}",
        recipient=reader.chat_id,
        destination=f"{reader.chat_id}:digest",
        template=f"digest_{period.kind.value}",
        outgoing=Outgoing(
            act=OutgoingAct.MESSAGE, text=message_of(sheet), thread_id=reader.chat_id, topic_id=reader.topic_id
        ),
    )
    queued = len(queue(conn, reach, [message], now))
    ask_for_papers(conn, message, sheet, now, by_mail=reader.by_mail)
    return queued


def give_up(conn: sa.Connection, edition: Edition, why: str, now: datetime) -> None:
    """An edition that cannot be worded is told to the operator and counts as gone: the others must not wait for it."""
    if _claim(conn, edition, now):
        raise_alarm(conn, UNSENDABLE, f"{edition.period.code}:{edition.reader.key}", why, now)


def _claim(conn: sa.Connection, edition: Edition, now: datetime) -> bool:
    return editions.claim(conn, edition.period.kind.value, edition.period.code, edition.reader.key, now)
