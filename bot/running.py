"""`smgt run` at work: readers, the deciding, senders, the schedule and the web server, side by side until told to stop.

Owns what runs when and how everything stops. What a part does stands in its own module. Blocking calls run in threads;
each account fails alone. Nothing is lost by stopping anywhere: what was under way is read back at the next start.

The scheduler is a ticker in memory on the one process that leads: its jobs only look for due rows and may run any
number of times.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sa
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from bot.app import Account, Office, open_store, port_of
from bot.clocks import ClockUnavailable, OfficeClock, RemoteClock, WallClock, machine_seconds
from bot.photos import fetch_due, photo_loader
from bot.platforms.facebook import FacebookPort
from bot.platforms.http import redact
from bot.platforms.port import CredentialsRefused, Identity, PlatformError, Port
from bot.settings import Channel as ChannelSetting
from bot.settings import Settings
from bot.web import build_web
from bot.web_server import serve, web_socket
from handlers.alarms import queue_alarms
from store import channels
from store.channels import ChannelMismatch
from store.db import DatabaseUnusable, reading, writing
from store.directory import load_directory
from store.inbound import Heard
from store.lanes import take_leadership, take_sole_run
from store.vocabulary import Platform

logger = logging.getLogger(__name__)

STOP_SECONDS: Final = 8.0  # then what still waits for a platform is given up; the whole stop stays under ten
DECIDE_SECONDS: Final = 1.0  # a row whose time came is decided this late at most
PHOTO_SECONDS: Final = 5.0
ALARM_SECONDS: Final = 5.0
LEAD_SECONDS: Final = 5.0
LONGEST_PATIENCE: Final = 60.0  # between two tries of something outside that fails
OUTSIDE_FAULTS: Final = (sa.exc.DBAPIError, DatabaseUnusable, ClockUnavailable)
QUIET: Final = (
    "alembic",
    "apscheduler",
    "httpcore",
    "httpx",
    "oauthlib",
    "requests_oauthlib",
    "telegram",
    "tweepy",
    "urllib3",
)
"""Libraries that log every step or every address they ask; only their warnings are let through."""
JOB_OPTIONS: Final[Mapping[str, Any]] = {"misfire_grace_time": None, "coalesce": True, "max_instances": 1}


def begin_logging(level: str) -> None:
    """Lines of at least this weight on stderr, without secrets."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Redacted("%(asctime)s %(levelname)-7s %(name)s: %(message)s"))
    logging.basicConfig(level=level.upper(), handlers=[handler])
    for noisy in QUIET:
        logging.getLogger(noisy).setLevel(logging.WARNING)


class _Redacted(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


def run(settings: Settings) -> None:
    """Work until SIGINT or SIGTERM. Raises DatabaseUnusable, AlreadyRunning, PortTaken, ClockUnavailable."""
    with contextlib.ExitStack() as held:
        clock: OfficeClock = WallClock()
        if settings.clock_url is not None:
            clock = held.enter_context(contextlib.closing(RemoteClock(settings.clock_url)))
        engine = open_store(settings)
        held.callback(engine.dispose)
        sole = take_sole_run(engine)
        if sole is not None:
            held.callback(sole.release)
        web = held.enter_context(web_socket(settings))
        asyncio.run(Running(Office(engine, clock, settings), web).until_told())


class Running:
    """One process of SMGT at work on an office."""

    def __init__(self, office: Office, web: socket.socket | None = None) -> None:
        self.office = office
        self.stop = asyncio.Event()
        self._web = web
        self._decide = asyncio.Event()
        self._wakes: dict[str, asyncio.Event] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._fatal: Exception | None = None
        self._facebook: dict[str, FacebookPort] = {}
        self._telegram: dict[str, tuple[int, str]] = {}

    async def until_told(self) -> None:
        """Begin everything, wait for the signal, stop everything."""
        loop = asyncio.get_running_loop()
        for each in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(each, self._told_to_stop)
        self._begin("deciding", self._deciding)
        self._begin("leading", self._leading)
        for setting in self.office.settings.channels:
            self._wakes[setting.name] = asyncio.Event()
            self._begin(f"account {setting.name}", lambda setting=setting: self._account(setting))  # type: ignore[misc]
        if self._web is not None:
            taken = self._web
            self._begin("web server", lambda: self._serving(taken))
        logger.info("SMGT is at work; Ctrl-C stops it", extra={"action": "run.begin"})
        await self.stop.wait()
        await self._end()
        if self._fatal is not None:
            raise self._fatal

    def _told_to_stop(self) -> None:
        if self.stop.is_set():
            return
        logger.info("Stopping; what is under way is finished first", extra={"action": "run.stop"})
        _leave_in(STOP_SECONDS + 1.5)
        self.stop.set()

    async def _end(self) -> None:
        self._decide.set()
        for wake in self._wakes.values():
            wake.set()
        _, late = await asyncio.wait(self._tasks, timeout=STOP_SECONDS)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        await self.office.close()
        logger.info("Stopped", extra={"action": "run.stopped"})

    def _begin(self, name: str, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        task = asyncio.create_task(self._persist(name, work), name=name)
        self._tasks.add(task)

    async def _persist(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """Do a piece of work until it ends by itself or all stops; what fails is told and begun again."""
        patience = 1.0
        while not self.stop.is_set():
            begun = machine_seconds()
            try:
                await work()
                return
            except ChannelMismatch as error:  # a setting is wrong: going on would mix two accounts
                self._fatal = error
                self.stop.set()
                return
            except OUTSIDE_FAULTS as error:
                sentence = (
                    str(error) if isinstance(error, (DatabaseUnusable, ClockUnavailable)) else type(error).__name__
                )
                logger.error("%s waits: %s", name, sentence, extra={"action": "run.wait"})
            except Exception:
                logger.exception("%s failed and begins again", name, extra={"action": "run.failed"})
            patience = 1.0 if machine_seconds() - begun > LONGEST_PATIENCE else min(patience * 2, LONGEST_PATIENCE)
            await self._rest(patience)

    async def _rest(self, seconds: float, wake: asyncio.Event | None = None) -> None:
        """Wait until all stops, `wake` is set, or the machine's seconds are over."""
        waits = {asyncio.ensure_future(event.wait()) for event in (self.stop, wake) if event is not None}
        try:
            await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        if wake is not None:
            wake.clear()

    # -- one account -------------------------------------------------------------------------------------------------

    async def _account(self, setting: ChannelSetting) -> None:
        """Find out who we are there, however long the platform is down; then read and send."""
        port = port_of(self.office.settings, setting, self.office.clock, photo_loader(self.office.engine))
        try:
            identity = await self._identified(setting, port)
            if identity is None or self.stop.is_set():
                await port.close()
                return
            account = await asyncio.to_thread(self.office.add, setting, port, identity)
        except BaseException:
            await port.close()
            raise
        logger.info("%s is %s", setting.name, identity.handle or identity.name, extra={"action": "run.identified"})
        wake = self._wakes[setting.name]
        self._begin(f"sender of {setting.name}", lambda: account.delivery.run(self.stop, wake))
        self._begin(f"reader of {setting.name}", lambda: self._reading(account))
        self._take_webhooks(setting, account)

    async def _identified(self, setting: ChannelSetting, port: Port) -> Identity | None:
        """Who the platform says we are; None when it refused our credentials or all stops."""
        patience = 1.0
        while not self.stop.is_set():
            try:
                return await asyncio.wait_for(port.identify(), self.office.settings.send_deadline_seconds)
            except CredentialsRefused as error:
                await asyncio.to_thread(self._stopped, setting, error)
                return None
            except (PlatformError, TimeoutError) as error:
                sentence = error.sentence if isinstance(error, PlatformError) else "it does not answer"
                logger.warning("%s cannot begin yet: %s", setting.name, sentence, extra={"action": "run.identify"})
            await self._rest(patience)
            patience = min(patience * 2, LONGEST_PATIENCE)
        return None

    def _stopped(self, setting: ChannelSetting, error: CredentialsRefused) -> None:
        logger.error(
            "%s stays stopped: %s Renew its credentials and start again.",
            setting.name,
            error.sentence,
            extra={"action": "run.refused"},
        )
        with writing(self.office.engine) as conn:
            channel = channels.register(conn, setting.name, setting.platform)
            channels.stop(conn, channel.id, f"{error.code}: {error.sentence}", self.office.clock.now())

    async def _reading(self, account: Account) -> None:
        """Read on the account's own timer; the process that owns its lane reads it, others stand by."""
        seconds = float(self._poll_seconds(account.channel.platform))
        while not self.stop.is_set():
            if not account.delivery.owns_lane:
                await self._rest(0.2)
                continue
            if await account.intake.read_once():
                self._decide.set()
            await self._rest(max(seconds, account.intake.next_read_in()))

    def _poll_seconds(self, platform: Platform) -> int:
        settings = self.office.settings
        match platform:
            case Platform.X:
                return settings.x_poll_seconds
            case Platform.FACEBOOK:
                return settings.facebook_poll_seconds
            case Platform.TELEGRAM:
                return settings.telegram_poll_seconds

    # -- deciding ----------------------------------------------------------------------------------------------------

    async def _deciding(self) -> None:
        """Decide whenever something new was heard or the ticker says that time has passed."""
        while not self.stop.is_set():
            if await asyncio.to_thread(self.office.decide):
                for wake in self._wakes.values():
                    wake.set()
            await self._rest(LONGEST_PATIENCE, self._decide)

    # -- the schedule ------------------------------------------------------------------------------------------------

    async def _leading(self) -> None:
        """Run the schedule while this process leads."""
        while not self.stop.is_set():
            leadership = await asyncio.to_thread(take_leadership, self.office.engine)
            if leadership is None:
                await self._rest(LEAD_SECONDS)
                continue
            scheduler = build_schedule(self)
            scheduler.start()
            try:
                while not self.stop.is_set() and await asyncio.to_thread(leadership.still_mine):
                    await self._rest(LEAD_SECONDS)
            finally:
                scheduler.shutdown(wait=False)
                await asyncio.to_thread(leadership.release)

    async def look_at_time(self) -> None:
        """Job: let the deciding look for rows whose time has come."""
        self._decide.set()

    async def look_for_photos(self) -> None:
        """Job: fetch officers' photos that are not here yet."""
        ports = {account.channel.id: account.port for account in self.office.accounts}
        with _told("photos"):
            await fetch_due(self.office.engine, ports, self.office.clock.now())

    async def look_for_alarms(self) -> None:
        """Job: tell the CMO desk what it was not told yet."""
        with _told("alarms"):
            if await asyncio.to_thread(self._queue_alarms):
                for wake in self._wakes.values():
                    wake.set()

    def _queue_alarms(self) -> int:
        now = self.office.clock.now()
        with reading(self.office.engine) as conn:
            directory = load_directory(conn, now)
        with writing(self.office.engine) as conn:
            return queue_alarms(conn, now, directory)

    # -- the web server ------------------------------------------------------------------------------------------------

    def _take_webhooks(self, setting: ChannelSetting, account: Account) -> None:
        """From now on the account's webhooks are known; before, the platform was told to try again."""
        if isinstance(account.port, FacebookPort):
            self._facebook[setting.name] = account.port
        if setting.platform is Platform.TELEGRAM:
            secret = setting.credentials.get("WEBHOOK_SECRET", "")
            self._telegram[setting.name] = (int(account.channel.account_id), secret)

    async def _serving(self, taken: socket.socket) -> None:
        app = build_web(
            facebook=self._facebook,
            telegram=self._telegram,
            keep=self._keep,
            health=self._health,
            clock=self.office.clock,
        )
        await serve(app, taken, self.stop)

    async def _keep(self, channel: str, heard: Sequence[Heard]) -> int:
        new = await asyncio.to_thread(self.office.keep, channel, heard)
        if new:
            self._decide.set()
        return new

    def _health(self) -> Mapping[str, Any]:
        with reading(self.office.engine) as conn:
            stopped = [one.name for one in channels.all_channels(conn) if one.stopped_at is not None]
        return {"ready": True, "stopped_channels": stopped}


def build_schedule(running: Running) -> AsyncIOScheduler:
    """The ticker with its jobs; none of them carries anything that a restart would lose."""
    scheduler = AsyncIOScheduler(timezone="UTC", job_defaults=dict(JOB_OPTIONS))
    for job, seconds in (
        (running.look_at_time, DECIDE_SECONDS),
        (running.look_for_photos, PHOTO_SECONDS),
        (running.look_for_alarms, ALARM_SECONDS),
    ):
        scheduler.add_job(job, "interval", seconds=seconds, id=job.__name__)
    return scheduler


@contextlib.contextmanager
def _told(job: str) -> Iterator[None]:
    """A job that cannot look now looks again at the next tick."""
    try:
        yield
    except OUTSIDE_FAULTS as error:
        logger.error("%s waits: %s", job, type(error).__name__, extra={"action": "run.wait"})


def _leave_in(seconds: float) -> None:
    """A platform that never answers must not hold up the stop: its message is read back at the next start."""

    def leave() -> None:
        logger.warning("A platform did not answer in time; leaving", extra={"action": "run.leave"})
        logging.shutdown()
        os._exit(0)

    timer = threading.Timer(seconds, leave)
    timer.daemon = True
    timer.start()
