"""Reconciling one day, and once each morning the days that have ended: what does not add up raises an alarm.

Owns the alarm's code, subject and sentence, and the editions row that says that a day was reconciled. It must not know
who is told, or how a count is shown.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from typing import Final

import sqlalchemy as sa

from handlers.digest.period import EDITION_TIME, Period, latest_period
from handlers.reconciling.comparing import compare
from handlers.reconciling.records import load
from handlers.reconciling.shapes import ChannelDay, DayCount
from store.alarms import clear_alarm, open_alarms, raise_alarm
from store.db import reading, writing
from store.dialects import insert_into
from store.tables import editions, inbox

NOT_ADDING_UP: Final = "day_not_adding_up"
WAITS_AT_MOST: Final = timedelta(minutes=15)  # what is not decided for longer is stuck
RECONCILIATION: Final = "reconciliation"
OFFICE: Final = "office"
FARTHEST: Final = 7  # days that are made up for after an outage
NAMED: Final = 8  # ids of one code in an alarm; `smgt reconcile` names all
ROWS: Final = "; rows: "


def count_day(conn: sa.Connection, period: Period, now: datetime, *, waits: timedelta = WAITS_AT_MOST) -> DayCount:
    """Reconcile an office day as of `now`. Wants a transaction that sees one moment (store.db.reading)."""
    records = load(conn, period.start, period.end)
    channels = compare(records, period.start, period.end, now, waits)
    return DayCount(start=period.start, end=period.end, now=now, channels=tuple(channels))


def reconcile_mornings(engine: sa.Engine, now: datetime, at: time = EDITION_TIME) -> int:
    """Reconcile the days that have ended since the last time; returns how many were.

    May be called any number of times: of several callers one does a day. Days with an open alarm are looked at again.
    """
    with reading(engine) as conn:
        due = _due(conn, now, at)
        counts = [(day, count_day(conn, Period(day), now)) for day in (*_alarmed(conn), *due)] if due else []
    done = 0
    for day, count in counts:
        with writing(engine) as conn:
            if day not in due or _claim(conn, day, now):
                settle_alarms(conn, day, count, now)
                done += 1
    return done


def settle_alarms(conn: sa.Connection, day: date, count: DayCount, now: datetime) -> None:
    """Raise, renew or clear each channel's alarm of this day."""
    standing = {alarm.subject: alarm.sentence for alarm in open_alarms(conn) if alarm.code == NOT_ADDING_UP}
    for one in count.channels:
        subject = f"{day.isoformat()} {one.channel}"
        sentence = None if one.adds_up else _sentence(day, one)
        if standing.get(subject) != sentence:
            clear_alarm(conn, NOT_ADDING_UP, subject, now)
            if sentence is not None:
                raise_alarm(conn, NOT_ADDING_UP, subject, sentence, now)


def clear_settled(conn: sa.Connection, day: date, count: DayCount, now: datetime) -> int:
    """Clear the alarms of this day's channels that add up again; returns how many."""
    well = [f"{day.isoformat()} {one.channel}" for one in count.channels if one.adds_up]
    return sum(clear_alarm(conn, NOT_ADDING_UP, subject, now) for subject in well)


def rows_named(sentence: str) -> str:
    """The codes and ids in the sentence of such an alarm."""
    return sentence.partition(ROWS)[2]


def _sentence(day: date, channel: ChannelDay) -> str:
    head = f"{channel.channel} on {day.isoformat()} does not add up: see `smgt reconcile --day {day.isoformat()}`"
    rows = " | ".join(f"{odd.code} {odd.table} {_ids(odd.ids)}" for odd in channel.mismatches)
    return f"{head}{ROWS}{rows}"


def _ids(ids: tuple[int, ...]) -> str:
    more = f" +{len(ids) - NAMED}" if len(ids) > NAMED else ""
    return ", ".join(map(str, ids[:NAMED])) + more


def _due(conn: sa.Connection, now: datetime, at: time) -> list[date]:
    """Ended days not reconciled yet, oldest first; before anything was heard there is nothing to reconcile."""
    latest = latest_period(now, at)
    done = sa.select(sa.func.max(editions.c.period)).where(editions.c.edition == RECONCILIATION)
    newest = conn.execute(done).scalar()
    begun = conn.execute(sa.select(inbox.c.id).where(inbox.c.received_at < latest.end).limit(1)).first()
    if begun is None:
        return []
    if newest is None:
        return [latest.day]
    first = max(date.fromisoformat(newest) + timedelta(days=1), latest.day - timedelta(days=FARTHEST - 1))
    return list(_days(first, latest.day))


def _days(first: date, last: date) -> Iterable[date]:
    return (first + timedelta(days=n) for n in range((last - first).days + 1))


def _alarmed(conn: sa.Connection) -> list[date]:
    """Days that did not add up when they were last looked at."""
    subjects = {alarm.subject for alarm in open_alarms(conn) if alarm.code == NOT_ADDING_UP}
    return sorted({date.fromisoformat(subject.partition(" ")[0]) for subject in subjects})


def _claim(conn: sa.Connection, day: date, now: datetime) -> bool:
    """True for the one caller whose row stands."""
    row = {"edition": RECONCILIATION, "period": day.isoformat(), "recipient": OFFICE, "created_at": now}
    claimed = insert_into(conn, editions).values(**row).on_conflict_do_nothing().returning(editions.c.period)
    return conn.execute(claimed).first() is not None
