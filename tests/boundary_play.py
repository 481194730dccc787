"""A whole office in the test's process that can die, stumble or hang at any named boundary, and live again.

A dead life executes nothing more: whatever of it is still running dies at the next boundary it passes, its locks are
freed and its uncommitted transactions rolled back, as the operating system and the database do it for a killed process.
Its requests on the wire go on.
"""

from __future__ import annotations

import asyncio
import html
import re
import threading
from collections import Counter
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

import httpx
import sqlalchemy as sa
from run_rig import COMPLAINT, START, fill_directory, on_facebook, on_x
from stage_platforms import shared_server

from bot.app import Office
from bot.delivery_policy import DeliveryPolicy
from bot.sandbox.server import TELEGRAM_KEYS, Sandbox, build, standard_accounts
from bot.sandbox.world import Fault, FaultKind
from bot.schedule import Schedule
from bot.settings import load_settings
from bot.waking import Wakes
from bot.web import build_web
from handlers.facts import Facts
from handlers.render import render
from store import boundaries
from store.alarms import open_alarms, raise_alarm
from store.db import open_engine, reading, writing
from store.payloads import outgoing_from_json
from store.tables import inbox, outbox, tickets
from store.vocabulary import DeliveryState, InboxState, Language, OutgoingAct, Platform

POLICY = DeliveryPolicy(start_within=5.0, deadline=5.0, lateness=1.0, standby=0.0, seed=1)
SOON = timedelta(minutes=10)  # what is due within this is waited for; later news belongs to another part of the play
OFFICIAL = "cmohry"
_LIFE: ContextVar[int] = ContextVar("life", default=0)


class Killed(BaseException):
    """The process is no more."""


class How(StrEnum):
    """What happens at a boundary."""

    KILL = "kill"
    FAULT = "fault"  # of our own code
    DATABASE = "database"  # its connection is lost
    HANG = "hang"  # so long that another owner takes over, finishes, and only then it goes on


def is_inside(name: str) -> bool:
    """Whether a boundary lies within a transaction."""
    return name.endswith(("written", "settled", "claimed", "decided", "marked", "locked"))


AGAIN_MARKED = render(Language.EN, "officer", "repeat", Facts()) + "\n\n"
AGAIN = re.sub(r"<[^>]*>", "", AGAIN_MARKED)


@dataclass
class Seen:
    """What the world sees at the end."""

    tickets: int
    told: Counter[tuple[str, str]]  # (platform, template) of every message
    on_x: list[tuple[str, str]]  # (post answered, our words)
    on_facebook: list[tuple[str, str]]
    on_telegram: Counter[str]
    unfinished: list[str]
    notices: Counter[str]  # words of our messages to Telegram as the outbox has them, edits done
    repeated: Counter[str]  # words of those marked as repeats


@dataclass
class Play:
    """One database and one sandbox, played by one life after another."""

    url: str
    sandbox: Sandbox
    environment: dict[str, str]
    stranger: int
    seconds: float = 1000.0
    lives: int = 0
    dead: set[int] = field(default_factory=set)
    fired: list[str] = field(default_factory=list)
    _plan: list[tuple[str, How]] = field(default_factory=list)
    _jump_at: str | None = None

    # -- what happens at boundaries --------------------------------------------------------------------------------------

    def plan(self, *what: tuple[str, How], late_at: str | None = None) -> None:
        """One thing after the other; `late_at`: the machine stalls there once, longer than a request may wait."""
        self._plan = list(what)
        self._jump_at = late_at

    def passing(self, name: str) -> None:
        """The hook."""
        if _LIFE.get() in self.dead:
            raise Killed
        if name == self._jump_at:
            self._jump_at = None
            self.seconds += POLICY.start_within
        if not self._plan or self._plan[0][0] != name:
            return
        _, how = self._plan.pop(0)
        self.fired.append(name)
        match how:
            case How.KILL:
                self.dead.add(_LIFE.get())
                raise Killed
            case How.FAULT:
                raise RuntimeError("a fault of our own")
            case How.DATABASE:
                raise sa.exc.OperationalError("a statement", None, Exception("the connection was lost"))
            case How.HANG:
                self._hang(name)

    def _hang(self, name: str) -> None:
        self.seconds += 1000.0
        if is_inside(name):  # its locks keep others out; it is merely slow
            return
        self._lose_the_lanes()
        other = threading.Thread(target=asyncio.run, args=(self._another(),))
        other.start()
        other.join()

    async def _another(self) -> None:
        await asyncio.create_task(self.live(self.talk))

    def _lose_the_lanes(self) -> None:
        engine = open_engine(self.url)
        if engine.dialect.name == "sqlite":
            file = Path(str(engine.url.database))
            for lock in file.parent.glob(f"{file.name}.lane-*.lock"):
                lock.unlink()
        else:
            with engine.connect() as conn, conn.begin():
                conn.exec_driver_sql(
                    "SELECT pg_terminate_backend(pid, 2000) FROM pg_locks WHERE locktype = 'advisory' AND database = "
                    "(SELECT oid FROM pg_database WHERE datname = current_database())"
                )
        engine.dispose()

    # -- one life --------------------------------------------------------------------------------------------------------

    async def live(self, act: Callable[[Office], Awaitable[None]]) -> None:
        """A process begins, acts, and ends or dies. What only stumbles goes on."""
        self.lives += 1
        _LIFE.set(self.lives)
        outside = asyncio.all_tasks()
        engine = open_engine(self.url)
        settings = load_settings(self.environment)
        office = Office(
            engine, self.sandbox.world.clock, settings, machine=lambda: self.seconds, delivery_policy=POLICY
        )
        try:
            await self._accounts(office)
            while True:
                try:
                    await act(office)
                    return
                except (RuntimeError, sa.exc.OperationalError):
                    await _others_end(outside)  # as `smgt run` does it: what failed gives its lane back, begins again
                    for account in office.accounts:
                        await account.delivery.release()
        except Killed:
            pass
        finally:
            await _others_end(outside)
            await office.close()

    async def _accounts(self, office: Office) -> None:
        while True:
            try:
                await office.connect()
                return
            except (RuntimeError, sa.exc.OperationalError):
                office.accounts.clear()

    # -- what it does ----------------------------------------------------------------------------------------------------

    async def talk(self, office: Office) -> None:
        """Read, decide and send until nothing is left for now."""
        clock = self.sandbox.world.clock
        for _ in range(80):
            moved = await office.pump()
            self.seconds += POLICY.quiet + 301.0
            work = await asyncio.to_thread(office.look)
            if moved or work.in_flight or work.heard:
                continue
            if work.next_at > clock.now() + SOON:
                return
            clock.advance_to(work.next_at)
        raise AssertionError("the office does not come to rest")

    async def days_pass(self, office: Office) -> None:
        """Time limits, silence and a morning's digest."""
        await self.talk(office)
        for hours in (23, 47, 71):
            self.sandbox.world.clock.advance_to(START + timedelta(hours=hours))
            await self.talk(office)

    async def alarms(self, office: Office) -> None:
        """Something is wrong, and the CMO desk is told."""
        with writing(office.engine) as conn:
            raise_alarm(conn, "message_refused", "outbox:999", "A message was refused.", office.clock.now())
        for _ in range(3):
            await Schedule(office, Wakes()).look_for_alarms()
        await self.talk(office)

    async def webhook(self, office: Office) -> None:
        """Telegram tells of a message, again and again until we say that it is kept."""
        bot, secret = TELEGRAM_KEYS["BOT_TOKEN"].partition(":")[0], TELEGRAM_KEYS["WEBHOOK_SECRET"]

        async def keep(channel: str, heard: Any) -> int:
            return await asyncio.to_thread(office.keep, channel, heard)

        app = build_web(facebook={}, telegram={"desk": (int(bot), secret)}, keep=keep, health=dict)
        person = {"id": self.stranger, "is_bot": False, "first_name": "Asha"}
        chat = {"id": self.stranger, "type": "private"}
        message = {"message_id": 500, "date": 1, "chat": chat, "from": person, "text": "/help"}
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://us") as client:
            for _ in range(5):
                answer = await client.post(
                    "/webhooks/telegram/desk",
                    json={"update_id": 4711, "message": message},
                    headers={"X-Telegram-Bot-Api-Secret-Token": secret},
                )
                if answer.status_code == 200:
                    break
        await self.talk(office)

    # -- what is seen ----------------------------------------------------------------------------------------------------

    def seen(self) -> Seen:
        """The database and the platforms as they stand."""
        engine = open_engine(self.url)
        with reading(engine) as conn:
            rows = conn.execute(sa.select(outbox).order_by(outbox.c.id)).all()
            numbers = conn.execute(sa.select(sa.func.count()).select_from(tickets)).scalar_one()
            waiting = conn.execute(sa.select(inbox.c.id).where(inbox.c.state != InboxState.DONE)).all()
            alarms = [one.code for one in open_alarms(conn) if one.subject != "outbox:999"]
            names = {row.id: row.platform for row in conn.execute(sa.text("SELECT id, platform FROM channels"))}
        engine.dispose()
        ended = (DeliveryState.SENT, DeliveryState.SUPERSEDED)
        soon = self.sandbox.world.clock.now() + SOON
        notices = [row for row in rows if names[row.channel_id] == "telegram"]
        return Seen(
            tickets=numbers,
            told=Counter((names[row.channel_id], row.template) for row in rows if not row.step_id.startswith("twin:")),
            on_x=sorted((one.parent_id or "", one.said) for one in self.sandbox.x.posts_by(OFFICIAL)),
            on_facebook=sorted((str(one.get("parent")), one["text"]) for one in self.sandbox.facebook.posts_by_page()),
            on_telegram=Counter(self.notices()),
            unfinished=[
                *(f"{row.template}: {row.state} {row.error_code}" for row in rows if _is_open(row, ended, soon)),
                *(f"inbox {row.id}" for row in waiting),
                *alarms,
            ],
            notices=Counter(_standing(notices).values()),
            repeated=Counter({_words(row): row.attempts - 1 for row in notices if row.marked_repeat}),
        )

    def notices(self) -> list[str]:
        """Our messages that stand on Telegram, without marks."""
        chats = self.sandbox.telegram.dump()
        found: list[str] = []
        _collect(chats, found)
        return found


def _is_open(row: Any, ended: tuple[DeliveryState, ...], soon: datetime) -> bool:
    return row.state not in ended and (row.state != DeliveryState.PENDING or row.next_attempt_at <= soon)


def _standing(rows: list[Any]) -> dict[tuple[str, str], str]:
    """The words each message must show: its own, or those of its latest edit."""
    shown: dict[tuple[str, str], str] = {}
    for row in rows:
        if row.state != DeliveryState.SENT:
            continue
        outgoing = outgoing_from_json(row.payload)
        number = outgoing.message_id if outgoing.act is OutgoingAct.EDIT else row.sent_id
        if outgoing.act in (OutgoingAct.MESSAGE, OutgoingAct.EDIT):
            shown[outgoing.thread_id, str(number).rpartition(":")[2]] = _plain(outgoing.text)
    return shown


def _words(row: Any) -> str:
    return _plain(outgoing_from_json(row.payload).text)


def _plain(text: str) -> str:
    """Words without Telegram's marks, as they are shown, and without the line above a repeat."""
    return html.unescape(re.sub(r"<[^>]*>", "", text.removeprefix(AGAIN_MARKED))).removeprefix(AGAIN).strip()


def _collect(found: Any, into: list[str]) -> None:
    if isinstance(found, dict):
        if found.get("from_bot") and isinstance(found.get("text"), str):
            into.append(_plain(found["text"]))
        for value in found.values():
            _collect(value, into)
    elif isinstance(found, list):
        for value in found:
            _collect(value, into)


async def _others_end(outside: set[asyncio.Task[Any]]) -> None:
    """Whatever else of this life is running comes to its end, or dies at its next boundary."""
    others = asyncio.all_tasks() - outside
    if others:
        _, late = await asyncio.wait(others, timeout=10)
        for task in late:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)


def set_play(url: str) -> Play:
    """A fresh sandbox in which two citizens have complained, and a directory in the database of `url`."""
    switch, server = shared_server()
    sandbox = build(start=START, limit_scale=None)
    environment = standard_accounts(sandbox)
    switch.app = sandbox.app
    environment |= {
        "SMGT_X_API_URL": f"{server.url}/x",
        "SMGT_FACEBOOK_GRAPH_URL": f"{server.url}/facebook",
        "SMGT_TELEGRAM_API_URL": f"{server.url}/telegram",
        "SMGT_DATABASE_URL": url,
    }
    fill_directory(sandbox, url)
    on_x(sandbox, "asha", COMPLAINT)
    on_facebook(sandbox)
    stranger = sandbox.telegram.add_user("Asha")
    sandbox.telegram.write(stranger, next(iter(sandbox.telegram.bots)), "hello")
    return Play(url, sandbox, environment, stranger)


TROUBLE = {
    Platform.X: ("create", FaultKind.RESET_AFTER),  # posted, the answer lost
    Platform.FACEBOOK: ("comment", FaultKind.ERROR_BEFORE),  # not posted, nobody can tell
    Platform.TELEGRAM: ("sendMessage", FaultKind.RESET_AFTER),
}


def trouble(play: Play) -> None:
    """Each platform loses its first answer to a message."""
    for platform, (operation, kind) in TROUBLE.items():
        play.sandbox.world.faults.add(Fault(platform, operation, kind))


def run_to_the_end(play: Play, act: str) -> Seen:
    """Live, again after each death, until the act is done."""

    async def lives() -> None:
        while True:
            before = len(play.dead)
            await asyncio.create_task(play.live(getattr(play, act)))
            if len(play.dead) == before:
                return

    boundaries.install(play.passing)
    try:
        asyncio.run(lives())
    finally:
        boundaries.install(None)
    return play.seen()


__all__ = ["How", "Play", "Seen", "is_inside", "run_to_the_end", "set_play", "trouble"]
