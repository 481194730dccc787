"""Editions: which one is due, that it goes once, and the same text on demand.

Owns the table editions and the digest's outbox row. It must not know a platform or count anything itself.
"""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Final

import sqlalchemy as sa

from handlers.digest.daily import render_daily
from handlers.digest.figures import figures, report
from handlers.digest.papers import UNMADE, ask_for_papers
from handlers.digest.period import EDITION_TIME, Period, latest_period, next_edition_at, office_day
from handlers.digest.report import Report
from handlers.digest.scope import STATE
from handlers.digest.shapes import Figures
from handlers.digest.sheet import LETTERED
from handlers.digest.sheets import sheet_of
from handlers.digest.told import told_of
from handlers.gate import queue
from handlers.reach import EVERYBODY, Reach
from handlers.reconciling.days import count_day
from handlers.render import RenderError
from store import channels, outbox, remarks
from store import editions as gone
from store.alarms import clear_alarm, raise_alarm
from store.channels import Channel
from store.outbound import Outgoing
from store.people import Desk, Directory
from store.tables import editions
from store.vocabulary import Language, OutgoingAct

__all__ = ["DayNotBegun", "digest_text", "due_edition", "next_edition_at", "queue_daily"]

DAILY: Final = "daily"
RECIPIENT: Final = "cmo"  # the office, not its chat: a desk that moves gets no second copy
UNSENDABLE: Final = "digest_unsendable"


class DayNotBegun(ValueError):
    """A digest was asked for a day that has not begun."""


def due_edition(conn: sa.Connection, now: datetime, at: time = EDITION_TIME) -> Period | None:
    """The day whose edition should have gone by `now` and has not; None when there is nothing to send.

    After an outage this is the newest day only. Days that ended before anything was ever heard have no edition.
    """
    period = latest_period(now, at)
    sent = sa.select(editions.c.period).where(
        editions.c.edition == DAILY,
        editions.c.recipient == RECIPIENT,
        editions.c.period == period.day.isoformat(),
    )
    if conn.execute(sent).first() is not None or not gone.had_begun(conn, period.end):
        return None
    return period


def queue_daily(
    conn: sa.Connection, now: datetime, directory: Directory, at: time = EDITION_TIME, reach: Reach = EVERYBODY
) -> int:
    """Queue the due edition for the CMO desk in the caller's writing transaction; returns how many messages (0 or 1).

    Of several callers one queues it. Without a CMO desk that can be reached, or without a Telegram channel, an
    alarm is raised and the edition stays due.
    """
    period = due_edition(conn, now, at)
    if period is None:
        return 0
    desk, channel = directory.cmo_desk(), channels.telegram(conn)
    if desk is None or not desk.reachable or channel is None:
        raise_alarm(conn, UNSENDABLE, DAILY, _what_is_missing(desk, channel), now)
        return 0
    missed = _missed_before(conn, period)
    if not gone.claim(conn, DAILY, period.day.isoformat(), RECIPIENT, now):
        return 0
    odd_rows = count_day(conn, period, now).odd_rows
    counted = report(conn, period, STATE, now, odd_rows=odd_rows)
    text = _text(conn, counted.figures, period, desk.language, now, odd_rows=odd_rows, missed=missed)
    message = _message(channel, desk, period, text)
    clear_alarm(conn, UNSENDABLE, DAILY, now)
    queued = len(queue(conn, reach, [message], now))
    _ask_for_papers(conn, message, counted, desk.language, now)
    return queued


def _ask_for_papers(
    conn: sa.Connection, message: outbox.NewRow, counted: Report, language: Language, now: datetime
) -> None:
    """Let pictures and papers follow, of the same report. The message goes without them where a word is missing."""
    try:
        sheet = sheet_of(told_of(counted), language if language in LETTERED else Language.HI)
    except RenderError as fault:
        raise_alarm(conn, UNMADE, message.step_id, str(fault), now)
        return
    ask_for_papers(conn, message, sheet, now, by_mail=True)


def digest_text(conn: sa.Connection, day: date, language: Language, now: datetime) -> str:
    """The daily digest of a day as Telegram HTML; of today, so far. Raises DayNotBegun."""
    today = office_day(now)
    if day > today:
        raise DayNotBegun(f"The day {day} has not begun; name a day up to {today}.")
    period = Period(day)
    counted = figures(conn, period.start, period.end, now=now)
    return _text(conn, counted, period, language, now, odd_rows=count_day(conn, period, now).odd_rows)


def _text(
    conn: sa.Connection,
    counted: Figures,
    period: Period,
    language: Language,
    now: datetime,
    *,
    odd_rows: int,
    missed: int = 0,
) -> str:
    told = remarks.of_period(conn, period.start, period.end, now=now)
    return render_daily(counted, language, missed=missed, odd_rows=odd_rows, remarks=told)


def _missed_before(conn: sa.Connection, period: Period) -> int:
    """How many days between the last edition sent and this one had none."""
    newest = sa.select(sa.func.max(editions.c.period)).where(
        editions.c.edition == DAILY,
        editions.c.recipient == RECIPIENT,
        editions.c.period < period.day.isoformat(),
    )
    last = conn.execute(newest).scalar()
    return 0 if last is None else (period.day - date.fromisoformat(last)).days - 1


def _what_is_missing(desk: Desk | None, channel: Channel | None) -> str:
    if channel is None:
        return "The daily digest cannot be sent: there is no Telegram channel; give SMGT a bot token."
    if desk is None:
        return "The daily digest cannot be sent: no post of role cmo_desk has a desk; add one to the directory."
    if desk.lost:
        return f"The daily digest cannot be sent: the bot was removed from the desk {desk.code}; add it again."
    return f"The daily digest cannot be sent: the desk {desk.code} is not bound to a Telegram chat; bind it."


def _message(channel: Channel, desk: Desk, period: Period, text: str) -> outbox.NewRow:
    chat_id = desk.chat_id or ""
    return outbox.NewRow(
        channel_id=channel.id,
        step_id=f"digest:daily:{period.day.isoformat()}",
        recipient=chat_id,
        destination=f"{chat_id}:digest",
        template=DAILY,
        outgoing=Outgoing(act=OutgoingAct.MESSAGE, text=text, thread_id=chat_id, topic_id=desk.topic_id),
    )
