"""What `smgt check` looks at: settings, clock, database, accounts, directory, and what waits for a person.

Owns the findings and their sentences for the operator. It changes nothing, and sends nothing but the question who we
are. It must not know how findings are shown.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

import sqlalchemy as sa

from bot.app import port_of
from bot.checking_directory import directory_findings
from bot.clocks import ClockUnavailable, RemoteClock, WallClock
from bot.findings import Finding
from bot.office_calendar import HolidaysFileFault, office_holidays
from bot.platforms.port import Identity, PlatformError, Unreachable
from bot.settings import Channel as ChannelSetting
from bot.settings import Settings
from handlers.readiness import read_tables
from handlers.understanding.tables import BadTable
from store import held, inbox, outbox, rewinding
from store.alarms import open_alarms
from store.channels import all_channels
from store.db import reading
from store.gaps import Gap, open_gaps
from store.marks import BACKED_UP, marked
from store.tables import tickets
from store.vocabulary import DeliveryState, InboxState

BACKUP_EVERY = timedelta(hours=26)  # a day and what a slow night may take
UNCLAIMED_AFTER = timedelta(hours=1)  # a post of the lost time may still be read by a later sweep
NAMED = 5  # codes listed in one finding; more are counted


def settings_findings(settings: Settings) -> list[Finding]:
    """Settings that load, and what a run would still need."""
    mode = Finding("mode", True, settings.reach.meaning)
    missing = settings.missing_to_run()
    if missing:
        return [mode, *(Finding("settings", False, sentence) for sentence in missing)]
    names = " ".join(f"{one.platform.value}:{one.name}" for one in settings.channels)
    live = "talks to the real platforms" if settings.is_live else "talks to this machine only"
    return [mode, Finding("settings", True, f"{names}; {live}")]


def table_findings(settings: Settings) -> list[Finding]:
    """Whether the tables of the understanding can be read, the office's own among them."""
    try:
        read_tables()
    except BadTable as error:
        return [Finding("tables", False, str(error))]
    own = f"with those in {settings.understanding_dir}" if settings.understanding_dir else "as shipped"
    return [Finding("tables", True, own)]


def clock_findings(settings: Settings) -> tuple[list[Finding], datetime]:
    """Whether the office clock answers, and what it says."""
    now = WallClock().now()
    try:
        if settings.clock_url is not None:
            with contextlib.closing(RemoteClock(settings.clock_url)) as clock:
                now = clock.now()
    except ClockUnavailable as error:
        return [Finding("clock", False, str(error))], now
    whose = "the sandbox's" if settings.clock_url else "this machine's"
    found = [Finding("clock", True, f"{whose}, {now:%Y-%m-%d %H:%M} UTC")]
    try:
        office_holidays((now.year,), settings.holidays_file)
    except HolidaysFileFault as error:
        found.append(Finding("holidays", False, str(error)))
    return found, now


def account_findings(settings: Settings, now: datetime) -> list[Finding]:
    """Who each platform says we are."""
    return asyncio.run(_everywhere(settings, now))


async def _everywhere(settings: Settings, now: datetime) -> list[Finding]:
    return list(await asyncio.gather(*(_identify(settings, one, now) for one in settings.channels)))


class _Fixed:
    def __init__(self, now: datetime) -> None:
        self._now = now

    def now(self) -> datetime:
        return self._now


async def identified(settings: Settings, channel: ChannelSetting, now: datetime) -> Identity:
    """Who the platform says this account is. Raises PlatformError."""
    port = port_of(settings, channel, _Fixed(now), _no_photo)
    waited = settings.send_deadline_seconds
    try:
        return await asyncio.wait_for(port.identify(), waited)
    except TimeoutError:
        code = f"{channel.platform.value}:deadline"
        raise Unreachable(code, f"The platform did not answer within {waited} seconds; look at its URL.") from None
    finally:
        await port.close()


async def _identify(settings: Settings, channel: ChannelSetting, now: datetime) -> Finding:
    area = f"{channel.platform.value}:{channel.name}"
    try:
        identity = await identified(settings, channel, now)
    except PlatformError as error:
        return Finding(area, False, f"{error.sentence} ({error.code})")
    return Finding(area, True, f"{identity.handle or identity.name} (account {identity.account_id})")


def _no_photo(media_id: int) -> bytes:
    raise Unreachable("photo:not_here", f"Photo {media_id} is not needed to ask who we are.")


def store_findings(engine: sa.Engine, now: datetime) -> list[Finding]:
    """What the database says about desks, officers, stopped accounts and what waits for a person."""
    with reading(engine) as conn:
        return [
            *directory_findings(conn, now),
            *_stopped(conn),
            *_waiting(conn),
            *_alarms(conn),
            *_restored(conn, now),
            _backup(conn, now),
        ]


# -- what waits for a person -----------------------------------------------------------------------------------------


def _stopped(conn: sa.Connection) -> Iterator[Finding]:
    for one in all_channels(conn):
        if one.stopped_at is not None:
            yield Finding(
                "channels",
                False,
                f"{one.name} is stopped ({one.stopped_why}); renew it, start `smgt run` again",
            )


def _waiting(conn: sa.Connection) -> Iterator[Finding]:
    heard, said = inbox.count_by_state(conn), outbox.count_by_state(conn)
    yield Finding("inbox", not heard[InboxState.PARKED], _inbox(heard[InboxState.PENDING], heard[InboxState.PARKED]))
    parked, unknown = said[DeliveryState.PARKED], said[DeliveryState.UNKNOWN]
    waiting = said[DeliveryState.PENDING] + said[DeliveryState.RETRY]
    if parked:
        yield Finding("outbox", False, f"{parked} messages are parked; see `smgt outbox list --state parked`")
    else:
        yield Finding("outbox", True, f"{waiting} waiting, {unknown} being read back, none parked")
    if said[DeliveryState.HELD]:
        quiet = len(held.tickets_in_shadow(conn))
        yield Finding(
            "held", True, f"{said[DeliveryState.HELD]}, {quiet} tickets live in the shadow; see `smgt shadow`"
        )
    unread = open_gaps(conn)
    yield from (Finding("gaps", False, _gap(one)) for one in unread[-NAMED:])
    if len(unread) > NAMED:
        yield Finding("gaps", False, f"and {len(unread) - NAMED} older ones; `smgt gaps list` shows all")
    if not unread:
        yield Finding("gaps", True, "every stretch of time was read, or looked at by a person")


def _some(names: Iterable[str]) -> str:
    every = list(names)
    return ", ".join(every[:NAMED]) + (f" and {len(every) - NAMED} more" if len(every) > NAMED else "")


def _gap(one: Gap) -> str:
    stretch = f"{one.since_at:%Y-%m-%d %H:%M} to {one.until_at:%Y-%m-%d %H:%M} UTC"
    return (
        f"{one.channel} could not be read back from {stretch}: look there by hand, "
        f"then `smgt gaps settle {one.id} --why looked_by_hand`"
    )


def _inbox(pending: int, parked: int) -> str:
    if parked:
        return f"{parked} events could not be decided and are parked; see `smgt inbox list`"
    return f"{pending} waiting, none parked"


def _alarms(conn: sa.Connection) -> Iterator[Finding]:
    told = [one for one in open_alarms(conn) if one.code != "channel_stopped"]  # shown as its channel already
    for one in told[-NAMED:]:
        yield Finding("alarm", False, one.sentence)
    if not told:
        yield Finding("alarms", True, "none open")


def _restored(conn: sa.Connection, now: datetime) -> Iterator[Finding]:
    for name, _, to in rewinding.held(conn):
        text = (
            f"{name} only reads, because the database was put back to {to:%Y-%m-%d %H:%M} UTC; `smgt run` reads back what "
            f"was said since and goes on by itself. If it cannot: `smgt db resume {name}`"
        )
        yield Finding("restored", False, text)
    if numbers := rewinding.unclaimed_numbers(conn, now - UNCLAIMED_AFTER):
        text = f"published after the backup and on no ticket here: {_some(numbers)}; look for their posts by hand"
        yield Finding("restored", False, text)


def _backup(conn: sa.Connection, now: datetime) -> Finding:
    """PostgreSQL has other ways of its own, so only an old backup of ours is something to do there."""
    last = marked(conn, BACKED_UP)
    if last is None:
        holds_nothing = conn.execute(sa.select(tickets.c.id).limit(1)).first() is None
        ok = holds_nothing or conn.dialect.name == "postgresql"
        return Finding("backup", ok, "`smgt db backup` was never run" + ("" if ok else "; run it every day"))
    hours = max(0, int((now - last).total_seconds() // 3600))
    age = f"the last one was {hours} hours ago" if hours < 48 else f"the last one was {hours // 24} days ago"
    ok = now - last <= BACKUP_EVERY
    return Finding("backup", ok, age + ("" if ok else "; run `smgt db backup` every day"))
