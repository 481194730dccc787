"""A stage to play on: the sandbox's platforms, an office that talks to them over HTTP, a directory of officers, a clock.

Owns setting all this up and moving the clock: it jumps only when nothing is in flight and nothing earlier is due.
It must not know what a story expects.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path

from bot.app import Account, Office, open_store
from bot.delivery_policy import DeliveryPolicy
from bot.sandbox.server import Sandbox, build, standard_accounts
from bot.settings import load_settings
from handlers.understanding.taxonomy import taxonomy
from store.db import writing
from store.directory import bind_desk, load_directory
from store.directory_csv import import_desks, import_posts
from store.invites import create_invite, redeem_invite
from store.people import Directory
from store.vocabulary import Platform

START = datetime(2026, 11, 23, 3, 30, tzinfo=UTC)  # a Monday, 9 am in Haryana
HASTE = DeliveryPolicy(start_within=2.0, deadline=5.0, lateness=0.5, tick=0.05, seed=1)
STALL = timedelta(seconds=1)


@dataclass(slots=True)
class Stage:
    """Everything a story needs. `directory` is as of the start."""

    sandbox: Sandbox
    office: Office
    directory: Directory
    urls: Mapping[str, str]

    @property
    def now(self) -> datetime:
        return self.sandbox.world.clock.now()

    def account(self, platform: Platform) -> Account:
        """Our account on a platform."""
        return next(one for one in self.office.accounts if one.channel.platform is platform)

    async def hear(self, platform: Platform, *, patience: timedelta = timedelta(hours=2)) -> int:
        """Read a platform until something new is heard, letting minutes pass as a poller would, then settle."""
        intake, waited, new = self.account(platform).intake, timedelta(0), 0
        while not (new := await intake.read_once()) and waited < patience:
            step = timedelta(minutes=2)
            await self.pass_time(step)
            waited += step
        return new + await self.office.settle()

    async def pass_time(self, by: timedelta) -> None:
        """Let office time pass: every due thing happens at its own moment, in order."""
        until = self.now + by
        await self.office.settle()
        while (due := self.office.next_due()) is not None and due <= until:
            self.sandbox.world.clock.advance_to(max(due, self.now + STALL))
            await self.office.settle()
        self.sandbox.world.clock.advance_to(until)
        await self.office.settle()


@asynccontextmanager
async def stage(
    folder: Path,
    *,
    start: datetime = START,
    database_url: str | None = None,
    settings: Mapping[str, str] | None = None,
    seed: int = 0,
    limit_scale: float | None = 1.0,
) -> AsyncIterator[Stage]:
    """A stage in `folder`; everything stops and is released at the end."""
    sandbox = build(start=start, seed=seed, limit_scale=limit_scale)
    with sandbox.serve():
        environment = {
            **standard_accounts(sandbox),
            **sandbox.urls,
            "SMGT_DATABASE_URL": database_url or f"sqlite:///{folder / 'smgt.db'}",
            **(settings or {}),
        }
        environment.pop("SMGT_CLOCK_URL", None)  # the stage reads the sandbox's clock directly
        loaded = load_settings(environment)
        engine = open_store(loaded)
        office = Office(engine, sandbox.world.clock, loaded, delivery_policy=HASTE)
        try:
            await office.connect()
            ready = Stage(sandbox, office, _people(sandbox, office), environment)
            await ready.hear(Platform.TELEGRAM)
            await ready.pass_time(timedelta(minutes=1))
            yield ready
        finally:
            await office.close()


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
                if post.desk == desk.code or post.department is None
                for officer in post.holders
            ]
            chat = sandbox.telegram.add_group(desk.title, members=sorted(set(members)))
            bind_desk(conn, desk.code, str(chat))
        for post in directory.posts.values():
            for officer in post.holders if post.level >= 2 else ():
                sandbox.telegram.start(users[officer.id])  # a bot can write to a person only after they wrote first
        return load_directory(conn, now)
