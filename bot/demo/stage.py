"""A stage to play on: the sandbox's platforms, an office that talks to them over HTTP, a directory of officers, a clock.

Owns setting all this up and moving the clock: it jumps only when nothing is in flight and nothing earlier is due.
It must not know what a story expects.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

from bot.app import Account, Office, open_store
from bot.delivery_policy import DeliveryPolicy
from bot.platforms.facebook import FacebookPort
from bot.sandbox.server import Sandbox, build, standard_accounts
from bot.sandbox.wire import LoopbackServer
from bot.settings import load_settings
from bot.web import build_web
from handlers.understanding.taxonomy import taxonomy
from store.db import writing
from store.directory import bind_desk, load_directory
from store.directory_csv import import_desks, import_posts
from store.inbound import Heard, Unreadable
from store.invites import create_invite, redeem_invite
from store.people import Directory
from store.vocabulary import Platform

START = datetime(2026, 11, 23, 3, 30, tzinfo=UTC)  # a Monday, 9 am in Haryana
HASTE = DeliveryPolicy(start_within=2.0, deadline=5.0, lateness=0.5, tick=0.05, seed=1)
PAUSE, PATIENCE = 0.2, 30.0  # real seconds
STALL = timedelta(seconds=1)
POLL = timedelta(minutes=2)


class Stage:
    """Everything a story needs. `directory` is as of the start.

    Many people can be on stage at once: each is a coroutine that acts and then waits for office time to pass. The
    clock moves only while all of them wait, to the next moment at which somebody acts or something of ours is due.
    """

    def __init__(self, sandbox: Sandbox, office: Office, directory: Directory, urls: Mapping[str, str]) -> None:
        self.sandbox = sandbox
        self.office = office
        self.directory = directory
        self.urls = urls
        self.webhooks: LoopbackServer | None = None  # where Facebook tells of news; None: only polling
        self.watchers: list[Callable[[], None]] = []  # called after each round
        self._waiting: list[tuple[datetime, int, asyncio.Future[None]]] = []
        self._turns = itertools.count()
        self._active = 0
        self._unread: set[Platform] = set()
        self._performing = False

    @property
    def now(self) -> datetime:
        return self.sandbox.world.clock.now()

    def account(self, platform: Platform) -> Account:
        """Our account on a platform."""
        return next(one for one in self.office.accounts if one.channel.platform is platform)

    # -- for people on stage ---------------------------------------------------------------------------------------------

    async def hear(
        self, platform: Platform, *, until: Callable[[], bool] | None = None, patience: timedelta = timedelta(hours=2)
    ) -> bool:
        """Somebody wrote on `platform`: let it be read and settled. With `until`, minutes pass until it is true."""
        waited = timedelta(0)
        while True:
            self._unread.add(platform)
            await self.pass_time(timedelta(0))
            if until is None or until():
                return True
            if waited >= patience:
                return False
            await self.pass_time(POLL)
            waited += POLL

    async def pass_time(self, by: timedelta) -> None:
        """Wait while office time passes: every due thing happens at its own moment, in order."""
        until = self.now + by
        if not self._performing:
            await self.perform(self.pass_time(by))
            return
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (until, next(self._turns), woken))
        self._active -= 1
        await woken

    def _is_told(self, platform: Platform) -> bool:
        return platform is Platform.FACEBOOK and self.webhooks is not None

    # -- the clock's side ------------------------------------------------------------------------------------------------

    async def perform(self, *acts: Coroutine[Any, Any, None]) -> list[BaseException | None]:
        """Let people act side by side until all are done. A single act's error is raised; of several, returned."""
        self._performing, self._active = True, len(acts)
        tasks = [asyncio.create_task(self._act(act)) for act in acts]
        try:
            while not all(task.done() for task in tasks):
                await self._all_wait()
                if all(task.done() for task in tasks):
                    break
                await self._round()
                self._wake()
        finally:
            self._performing = False
            for task in tasks:
                task.cancel()
        errors = [task.exception() if not task.cancelled() else None for task in tasks]
        if len(acts) == 1 and errors[0] is not None:
            raise errors[0]
        return errors

    async def _act(self, act: Coroutine[Any, Any, None]) -> None:
        try:
            await act
        finally:
            self._active -= 1

    async def _all_wait(self) -> None:
        while self._active > 0:
            await asyncio.sleep(0)

    async def _round(self) -> None:
        """Read what was written, decide and send; then, if nobody may act yet, move the clock."""
        unread, self._unread = self._unread, set()
        for platform in unread:
            told = await self.sandbox.facebook.deliver_webhooks() if self._is_told(platform) else 0
            if not told:
                await self.account(platform).intake.read_once()
        await self.office.settle()
        for watch in self.watchers:
            watch()
        if self._waiting and self._waiting[0][0] > self.now:
            await self._move_clock(self._waiting[0][0])

    async def _move_clock(self, until: datetime) -> None:
        clock = self.sandbox.world.clock
        while (due := self.office.next_due()) <= until:
            await self._settle_outcomes()
            clock.advance_to(max(due, self.now + STALL))
            await self.office.settle()
        await self._settle_outcomes()
        clock.advance_to(until)
        await self.office.settle()

    async def _settle_outcomes(self) -> None:
        """Let real time pass while an outcome is unknown: the clock jumps only when nothing is in flight."""
        for _ in range(int(PATIENCE / PAUSE)):
            if not self.office.in_flight:
                return
            await asyncio.sleep(PAUSE)
            await self.office.settle()

    def _wake(self) -> None:
        while self._waiting and self._waiting[0][0] <= self.now:
            woken = heapq.heappop(self._waiting)[2]
            self._active += 1
            woken.set_result(None)


@asynccontextmanager
async def stage(
    folder: Path,
    *,
    start: datetime = START,
    database_url: str | None = None,
    settings: Mapping[str, str] | None = None,
    seed: int = 0,
    limit_scale: float | None = 1.0,
    webhooks: bool = False,
) -> AsyncIterator[Stage]:
    """A stage in `folder`; everything stops and is released at the end.

    `webhooks`: Facebook tells of every comment by signed webhook; without, threads are polled by age.
    """
    sandbox = build(start=start, seed=seed, limit_scale=limit_scale)
    with sandbox.serve():
        environment = {
            **standard_accounts(sandbox),
            **sandbox.urls,
            "SMGT_DATABASE_URL": database_url or f"sqlite:///{folder / 'smgt.db'}",
            "SMGT_X_SWEEP_SECONDS": "0",
            **(settings or {}),
        }
        environment.pop("SMGT_CLOCK_URL", None)  # the stage reads the sandbox's clock directly
        loaded = load_settings(environment)
        engine = open_store(loaded)
        office = Office(engine, sandbox.world.clock, loaded, delivery_policy=HASTE)
        ready: Stage | None = None
        try:
            await office.connect()
            ready = Stage(sandbox, office, _people(sandbox, office), environment)
            if webhooks:
                ready.webhooks = _take_webhooks(ready)
            await ready.hear(Platform.TELEGRAM)
            await ready.pass_time(timedelta(minutes=1))
            yield ready
        finally:
            if ready is not None and ready.webhooks is not None:
                ready.webhooks.stop()
            await office.close()


def _take_webhooks(ready: Stage) -> LoopbackServer:
    """Our web server on loopback, subscribed to the Page's news."""
    office, facebook = ready.office, ready.account(Platform.FACEBOOK)
    name = facebook.channel.name

    async def keep(channel: str, events: Sequence[Heard | Unreadable]) -> int:
        return await asyncio.to_thread(office.keep, channel, events)

    port = facebook.port
    if not isinstance(port, FacebookPort):
        raise TypeError("Webhooks on the stage need the Facebook adapter.")
    web = build_web(facebook={name: port}, telegram={}, keep=keep, health=dict, clock=office.clock)
    server = LoopbackServer(web).start()
    ready.sandbox.facebook.webhooks.foreign_threads = True
    ready.sandbox.facebook.subscribe(f"{server.url}/webhooks/facebook/{name}")
    return server


def _people(sandbox: Sandbox, office: Office) -> Directory:
    """The demo's desks as Telegram groups and its officers as linked Telegram users."""
    data = files("bot.demo").joinpath("data")
    now = sandbox.world.clock.now()
    known = taxonomy()
    with writing(office.engine) as conn:
        import_desks(conn, data.joinpath("desks.csv").read_text(encoding="utf-8"), now=now)
        import_posts(
            conn,
            data.joinpath("officers.csv").read_text(encoding="utf-8"),
            now=now,
            known_departments=known.departments,
            known_districts=known.districts,
        )
        directory = load_directory(conn, now)
        users: dict[int, int] = {}
        for post in directory.posts.values():
            for officer in post.holders:
                if officer.id in users:
                    continue
                users[officer.id] = sandbox.telegram.add_user(officer.name)
                redeem_invite(
                    conn, create_invite(conn, officer.id, now, timedelta(days=1)), str(users[officer.id]), now
                )
        for desk in directory.desks.values():
            members = [
                users[officer.id]
                for post in directory.posts.values()
                if post.desk == desk.code or post.is_of_cmo
                for officer in post.holders
            ]
            chat = sandbox.telegram.add_group(desk.title, members=sorted(set(members)))
            bind_desk(conn, desk.code, str(chat))
        for post in directory.posts.values():
            for officer in post.holders:
                sandbox.telegram.open_chat(users[officer.id])  # whoever opened the invite link has written first
        return load_directory(conn, now)
