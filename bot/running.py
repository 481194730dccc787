"""`smgt run` at work: the parts of SMGT that one process plays, side by side until it is told to stop.

Owns what runs and how everything stops. What a part does stands in its own module. Blocking calls run in threads; each
account fails alone. Nothing is lost by stopping anywhere: what was under way is read back at the next start.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import random
import signal
import socket
import sys
import threading
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any, Final

from bot.app import Account, Office, open_store, port_of
from bot.clocks import OfficeClock, RemoteClock, WallClock, machine_seconds
from bot.delivery_policy import DeliveryPolicy
from bot.photos import paper_loader, photo_loader
from bot.platforms.facebook import FacebookPort
from bot.platforms.port import CredentialsRefused, Identity, PlatformError, Port
from bot.reading import Reader, poll_seconds
from bot.resting import rest
from bot.roles import ALL_ROLES, RunRole, require_playable
from bot.schedule import OUTSIDE_FAULTS, Schedule, fault_of
from bot.seldom import SELDOM
from bot.settings import Channel as ChannelSetting
from bot.settings import Settings
from bot.waking import Wakes
from bot.web import build_web
from bot.web_server import serve, web_socket
from store import channels
from store.channels import ChannelMismatch
from store.conflicts import is_conflict
from store.db import reading, writing
from store.inbound import Heard, Unreadable
from store.lanes import take_sole_run
from store.vocabulary import Platform

logger = logging.getLogger(__name__)

STOP_SECONDS: Final = 7.0  # then what still waits for a platform is given up; the whole stop stays under ten
HEAD_START: Final = 1.0  # seconds within which processes that start together begin each of their duties
SWITCH_SECONDS: Final = 0.0005  # else a lane that waits for its answer waits on for a batch that is being decided
DECIDE_SECONDS: Final = 1.0  # a row that nobody woke us for is decided this late at most
LONGEST_PATIENCE: Final = 60.0  # between two tries of a platform or a part that fails
DATABASE_PATIENCE: Final = 4.0  # between two tries of our own database, or of the sandbox's clock


def run(
    settings: Settings, roles: frozenset[RunRole] = ALL_ROLES, *, delivery_policy: DeliveryPolicy | None = None
) -> None:
    """Work until SIGINT or SIGTERM; how sending is timed stands in the settings unless a policy is given.

    Raises RolesRefused, DatabaseUnusable, AlreadyRunning, PortTaken, ClockUnavailable, ChannelMismatch.
    """
    require_playable(roles, settings.database_url)
    sys.setswitchinterval(SWITCH_SECONDS)
    with contextlib.ExitStack() as held:
        clock: OfficeClock = WallClock()
        if settings.clock_url is not None:
            clock = held.enter_context(contextlib.closing(RemoteClock(settings.clock_url)))
        engine = open_store(settings)
        held.callback(engine.dispose)
        sole = take_sole_run(engine)
        if sole is not None:
            held.callback(sole.release)
        web = held.enter_context(web_socket(settings)) if RunRole.INTAKE in roles else None
        office = Office(engine, clock, settings, delivery_policy=delivery_policy)
        asyncio.run(Running(office, web, roles).until_told())


class Running:
    """One process of SMGT at work on an office."""

    def __init__(self, office: Office, web: socket.socket | None = None, roles: frozenset[RunRole] = ALL_ROLES) -> None:
        self.office = office
        self.roles = roles
        self.stop = asyncio.Event()
        self._web = web
        self._wakes = Wakes()
        self._tasks: set[asyncio.Task[None]] = set()
        self._fatal: Exception | None = None
        self._facebook: dict[str, FacebookPort] = {}
        self._telegram: dict[str, tuple[int, str]] = {}

    async def until_told(self) -> None:
        """Begin everything, wait for the signal, stop everything."""
        loop = asyncio.get_running_loop()
        for each in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(each, self._told_to_stop)
        if RunRole.DESK in self.roles:
            self._begin("deciding", self._deciding)
        if RunRole.SCHEDULER in self.roles:
            schedule = Schedule(self.office, self._wakes)
            self._begin("leading", lambda: schedule.lead(self.stop))
        if self.office.engine.dialect.name == "postgresql" and self.roles & {RunRole.DESK, RunRole.DELIVERY}:
            self._begin("listening", lambda: self._wakes.listen(self.office.engine, self.stop))
        for setting in self.office.settings.channels:
            if self._works_on_platforms:
                self._begin(f"account {setting.name}", lambda setting=setting: self._account(setting))  # type: ignore[misc]
        if self._web is not None:
            taken = self._web
            self._begin("web server", lambda: self._serving(taken))
        playing = "" if self.roles == ALL_ROLES else f" as {', '.join(role for role in RunRole if role in self.roles)}"
        logger.info("SMGT is at work%s; Ctrl-C stops it", playing, extra={"action": "run.begin"})
        logger.info("Mode %s", self.office.policy.reach.meaning, extra={"action": "run.mode"})
        await self.stop.wait()
        await self._end()
        if self._fatal is not None:
            raise self._fatal

    @property
    def _works_on_platforms(self) -> bool:
        """The deciding talks to no platform; the schedule fetches photos from all of them."""
        return bool(self.roles & {RunRole.INTAKE, RunRole.DELIVERY, RunRole.SCHEDULER})

    def _told_to_stop(self) -> None:
        if self.stop.is_set():
            return
        logger.info("Stopping; what is under way is finished first", extra={"action": "run.stop"})
        _leave_in(STOP_SECONDS + 1.5)
        self.office.stopping = True
        self.stop.set()

    async def _end(self) -> None:
        if self._tasks:
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
            begun, longest = machine_seconds(), LONGEST_PATIENCE
            try:
                await work()
                return
            except ChannelMismatch as error:  # a setting is wrong: going on would mix two accounts
                self._fatal = error
                self.stop.set()
                return
            except OUTSIDE_FAULTS as error:
                longest = DATABASE_PATIENCE
                if is_conflict(error):
                    continue
                logger.error("%s waits: %s", name, fault_of(error), extra={"action": "run.wait", **SELDOM})
            except Exception:
                logger.exception("%s failed and begins again", name, extra={"action": "run.failed"})
            patience = 1.0 if machine_seconds() - begun > longest else min(patience * 2, longest)
            await rest(patience, self.stop)

    # -- one account -------------------------------------------------------------------------------------------------

    async def _account(self, setting: ChannelSetting) -> None:
        """Find out who we are there, however long the platform is down; then read and send."""
        engine = self.office.engine
        port = port_of(self.office.settings, setting, self.office.clock, photo_loader(engine), paper_loader(engine))
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
        if RunRole.DELIVERY in self.roles:
            wake = self._wakes.sender(account.channel.id)
            self._begin(
                f"sender of {setting.name}", lambda: self._by_chance(lambda: account.delivery.run(self.stop, wake))
            )
        if RunRole.INTAKE in self.roles:
            seconds = float(poll_seconds(self.office.settings, account.channel.platform))
            reader = Reader(self.office.engine, account, seconds, self._wakes)
            self._begin(f"reader of {setting.name}", lambda: self._by_chance(lambda: reader.run(self.stop)))
            self._take_webhooks(setting, account)

    async def _by_chance(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Several processes on one database begin together: chance spreads what only one of them may do."""
        if self.office.engine.dialect.name == "postgresql":
            await rest(random.uniform(0, HEAD_START), self.stop)  # noqa: S311 nothing secret
        await work()

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
            await rest(patience, self.stop)
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

    # -- deciding ----------------------------------------------------------------------------------------------------

    async def _deciding(self) -> None:
        """Decide whenever something new was heard; a row that waited for its time is found by looking."""
        while not self.stop.is_set():
            if await asyncio.to_thread(self.office.decide_heard):
                self._wakes.wake_senders()
            await rest(DECIDE_SECONDS, self.stop, self._wakes.desk)

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

    async def _keep(self, channel: str, heard: Sequence[Heard | Unreadable]) -> int:
        new = await asyncio.to_thread(self.office.keep, channel, heard)
        if new:
            self._wakes.desk.set()
        return new

    def _health(self) -> Mapping[str, Any]:
        with reading(self.office.engine) as conn:
            stopped = [one.name for one in channels.all_channels(conn) if one.stopped_at is not None]
        return {"ready": True, "stopped_channels": stopped}


def _leave_in(seconds: float) -> None:
    """A platform that never answers must not hold up the stop: its message is read back at the next start."""

    def leave() -> None:
        logger.warning("A platform did not answer in time; leaving", extra={"action": "run.leave"})
        logging.shutdown()
        os._exit(0)

    timer = threading.Timer(seconds, leave)
    timer.daemon = True
    timer.start()
