"""The one place that builds things: database, clocks, accounts, desk, and the work each of them does in turn.

`Office.pump` does one round of all work and says how much there was: the demo and the stories call it until nothing
is left and then move the office clock. `bot/running.py` lets the same parts run side by side for `smgt run`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from bot.clocks import OfficeClock, machine_seconds
from bot.delivery import Delivery
from bot.delivery_policy import DeliveryPolicy
from bot.intake import Intake
from bot.making_up import MakingUp
from bot.photos import fetch_due, paper_loader, photo_loader
from bot.platforms.port import Identity, Port
from bot.policies import budget_of, delivery_policy_of, policy_of
from bot.settings import Channel as ChannelSetting
from bot.settings import Settings
from handlers.desk import leave_news
from handlers.desk.albums import queue_albums
from handlers.desk.batch import Desk
from handlers.desk.morning import next_morning_at, queue_morning_lists
from handlers.desk.remark_news import queue_reminders
from handlers.desk.standstill_news import queue_standstills
from handlers.digest import longer
from handlers.digest.editions import due_edition, queue_daily
from handlers.digest.period import next_edition_at
from handlers.reconciling.days import reconcile_mornings
from handlers.render import RenderError
from store import channels, inbox, outbox, papers, pictures, remarks, standstills, tickets, undoing
from store.boundaries import passing
from store.channels import Channel
from store.db import DatabaseUnusable, migrate, open_engine, reading, require_current, schema_state, writing
from store.directory import load_directory
from store.inbound import Heard, Unreadable
from store.vocabulary import Platform

PAPERS_KEPT = timedelta(days=30)  # once they are sent
LOOK_FOR_EDITIONS = timedelta(minutes=10)  # where one that is due could not be queued
PURGE_EVERY = timedelta(hours=1)  # old pictures are let go of


def port_of(
    settings: Settings,
    channel: ChannelSetting,
    clock: OfficeClock,
    load_photo: Callable[[int], bytes],
    load_paper: Callable[[int], bytes] | None = None,
) -> Port:
    """The adapter of one of our accounts."""
    proxy = str(settings.proxy_url) if settings.proxy_url else None
    match channel.platform:
        case Platform.X:
            from bot.platforms.x import XPort

            sweep_every = timedelta(seconds=settings.x_sweep_seconds)
            return XPort(
                channel.name,
                channel.x(),
                api_url=settings.x_api_url,
                clock=clock,
                sweep_every=sweep_every,
                proxy=proxy,
                photo_hosts=settings.allowed_photo_hosts,
            )
        case Platform.FACEBOOK:
            from bot.platforms.facebook import FacebookPort

            return FacebookPort(
                channel.name,
                channel.facebook(),
                graph_url=settings.facebook_graph_url,
                clock=clock,
                proxy=proxy,
                load_photo=load_photo,
                photo_hosts=settings.allowed_photo_hosts,
            )
        case Platform.TELEGRAM:
            from bot.platforms.telegram import TelegramPort

            return TelegramPort(
                channel.name,
                channel.credentials["BOT_TOKEN"],
                api_url=settings.telegram_api_url,
                clock=clock,
                proxy=proxy,
                load_photo=load_photo,
                load_paper=load_paper,
            )


def open_store(settings: Settings) -> sa.Engine:
    """The database, brought up to date. Raises DatabaseUnusable; a newer database is refused."""
    engine = open_engine(settings.database_url)
    try:
        if schema_state(engine) in ("empty", "older"):
            migrate(engine)
        require_current(engine)
    except sa.exc.OperationalError as error:
        engine.dispose()
        raise DatabaseUnusable("The database went away while it was looked at; start again once it is back.") from error
    return engine


@dataclass(slots=True)
class Account:
    """One official account at work."""

    channel: Channel
    port: Port
    intake: Intake
    delivery: Delivery
    making_up: MakingUp


@dataclass(frozen=True, slots=True)
class Work:
    """What is due at one moment: anything to decide, to fetch, to send by channel; whether an outcome is still unknown."""

    heard: bool
    time_passed: bool
    pictures: bool
    lanes: frozenset[int]
    in_flight: bool
    next_at: datetime


class Office:
    """Everything that is needed to hear, decide and answer."""

    def __init__(
        self,
        engine: sa.Engine,
        clock: OfficeClock,
        settings: Settings,
        *,
        machine: Callable[[], float] = machine_seconds,
        delivery_policy: DeliveryPolicy | None = None,
    ) -> None:
        self.engine = engine
        self.clock = clock
        self.settings = settings
        self.policy = policy_of(settings, clock.now())
        self.desk = Desk(engine, clock.now, self.policy)
        self.accounts: list[Account] = []
        self.stopping = False  # told to stop: a batch under way is finished, no further one is begun
        self._delivery_policy = delivery_policy or delivery_policy_of(settings)
        self._machine = machine
        self._digest_not_before = clock.now()
        self._lists_not_before = clock.now()
        self._purge_not_before = clock.now()
        self._settled = Work(True, True, True, frozenset(), in_flight=False, next_at=clock.now())

    def add(self, setting: ChannelSetting, port: Port, identity: Identity) -> Account:
        """Take an account into work once the platform has said who it is."""
        with writing(self.engine) as conn:
            channel = channels.register(conn, setting.name, setting.platform, identity.account_id, identity.handle)
            channels.resume(conn, channel.id, self.clock.now())
        budget = budget_of(self.settings, setting.platform)
        intake = Intake(self.engine, self.clock, channel, port, machine=self._machine, budget=budget)
        delivery = Delivery(
            self.engine,
            self.clock,
            channel,
            port,
            self._delivery_policy,
            machine=self._machine,
            reach=self.policy.reach,
            budget=budget,
        )
        making_up = MakingUp(
            self.engine,
            self.clock,
            channel,
            port,
            intake,
            self._delivery_policy,
            self.policy.prefix,
            machine=self._machine,
        )
        account = Account(channel, port, intake, delivery, making_up)
        self.accounts.append(account)
        return account

    async def connect(self) -> list[Account]:
        """Build every account of the settings and ask each platform who we are. Raises PlatformError."""
        load_photo, load_paper = photo_loader(self.engine), paper_loader(self.engine)
        for setting in self.settings.channels:
            port = port_of(self.settings, setting, self.clock, load_photo, load_paper)
            identity = await port.identify()
            await asyncio.to_thread(self.add, setting, port, identity)
        return self.accounts

    # -- work, one round at a time --------------------------------------------------------------------------------------

    async def pump(self) -> int:
        """One round: read, decide, send. Returns how much was done; 0 means that nothing is left for now."""
        read = sum(await asyncio.gather(*(account.intake.read_once() for account in self.accounts)))
        return read + await self.settle()

    async def settle(self) -> int:
        """Decide and send until nothing is due at this moment, without reading anew."""
        done = 0
        while True:
            work = await asyncio.to_thread(self.look)
            moved = await self.fetch_pictures() if work.pictures else 0
            if work.heard or work.time_passed:
                moved += await asyncio.to_thread(self.decide, work)
            if moved:
                moved += await asyncio.to_thread(self.queue_albums)
                work = await asyncio.to_thread(self.look)
            moved += await self.deliver(work)
            done += moved
            if moved == 0:
                self._settled = work
                return done

    def look(self) -> Work:
        """What is due at this moment, and when something will be next."""
        now, moments = self.clock.now(), [self._digest_not_before, self._lists_not_before]
        with reading(self.engine) as conn:
            heard_at, wake_at = inbox.next_due(conn), tickets.next_wake(conn)
            stands_at, remarked_at = standstills.next_look(conn, now), remarks.next_look(conn)
            moments += [at for at in (heard_at, wake_at, stands_at, remarked_at) if at is not None]
            lanes = set()
            waiting = outbox.next_due_by_channel(conn)
            for account in self.accounts:
                if account.channel.id in waiting:
                    due = waiting[account.channel.id]
                    due = account.delivery.due_at(conn, due)
                    moments.append(due)
                    if due <= now:
                        lanes.add(account.channel.id)
            in_flight = outbox.in_flight(conn) > 0
            picture_at = pictures.next_try(conn, {account.channel.id for account in self.accounts}, now)
            moments += [picture_at] if picture_at is not None else []
        heard = heard_at is not None and heard_at <= now
        time_passed = any(at is not None and at <= now for at in (wake_at, stands_at, remarked_at, *moments[:2]))
        fetch = picture_at is not None and picture_at <= now
        return Work(heard, time_passed, fetch, frozenset(lanes), in_flight, min(moments))

    def decide(self, work: Work | None = None) -> int:
        """Decide everything heard and everything that time has made due (or what of it `work` names)."""
        done = 0
        if work is None or work.heard:
            done += self.decide_heard()
        if work is None or work.time_passed:
            done += self.hear_time()
        return done

    def decide_heard(self) -> int:
        """Decide everything that waits in the inbox; returns how many rows that were."""
        done = 0
        while not self.stopping and (heard := self.desk.decide_batch()):
            done += heard
        return done

    def hear_time(self) -> int:
        """Decide everything that time has made due, the digest too; returns how much that was."""
        done = 0
        while not self.stopping and (woken := self._hear_once()):
            done += woken
        return done

    def _hear_once(self) -> int:
        return self.desk.hear_time() + self.digest() + self.morning_lists() + self.news()

    def news(self) -> int:
        """Tell of clocks that stand or run again, of standing in, and of remarks left unanswered; returns how many messages."""
        now, reach = self.clock.now(), self.policy.reach
        with reading(self.engine) as conn:
            if not (standstills.untold(conn, now) or leave_news.untold(conn, now) or remarks.to_remind(conn, now)):
                return 0
        with writing(self.engine) as conn:
            directory = load_directory(conn, now)
            told = queue_standstills(conn, now, directory, reach) + queue_reminders(conn, now, directory, reach)
            return told + leave_news.queue_leave_news(conn, now, directory, reach)

    def digest(self) -> int:
        """Reconcile the days that have ended and queue the morning digest, if they are due and not done yet."""
        now, at = self.clock.now(), self.settings.digest_at
        if now < self._digest_not_before:
            return 0
        with reading(self.engine) as conn:
            due = due_edition(conn, now, at)
        if due is None:
            return self._longer_edition(now)
        reconcile_mornings(self.engine, now, at)
        with writing(self.engine) as conn:
            queued = queue_daily(conn, now, load_directory(conn, now), at, self.policy.reach)
            passing("digest.written")
        passing("digest.committed")
        return queued

    def _longer_edition(self, now: datetime) -> int:
        """Queue one weekly or monthly edition that is due; when none is, look again at the next edition's time."""
        at = self.settings.digest_at
        with reading(self.engine) as conn:
            edition = longer.next_due(conn, now, load_directory(conn, now), at)
            if edition is None:
                self._digest_not_before = next_edition_at(now, at)
                return 0
            sheet = longer.sheet_for(conn, edition, now)
        if isinstance(sheet, RenderError):
            with writing(self.engine) as conn:
                longer.give_up(conn, edition, str(sheet), now)
            return 0
        with writing(self.engine) as conn:
            queued = longer.queue_edition(conn, edition, sheet, now, self.policy.reach)
        if not queued:
            self._digest_not_before = now + LOOK_FOR_EDITIONS
        return queued

    def morning_lists(self) -> int:
        """Queue what each desk reads in the morning, once on every working day; returns how many messages."""
        now = self.clock.now()
        if now < self._lists_not_before:
            return 0
        with writing(self.engine) as conn:
            queued = queue_morning_lists(conn, now, load_directory(conn, now), self.policy)
            undoing.drop_before(conn, now - timedelta(days=1))
            passing("morning.written")
        passing("morning.committed")
        self._lists_not_before = next_morning_at(now, self.policy.holidays)
        return queued

    async def deliver(self, work: Work | None = None) -> int:
        """Send what is due on every account, each in its own lane, and settle unknown outcomes."""
        due = await asyncio.to_thread(self.look) if work is None else work
        if not due.lanes and not due.in_flight:
            return 0
        return sum(await asyncio.gather(*(self._deliver(account, due) for account in self.accounts)))

    async def fetch_pictures(self) -> int:
        """Fetch citizens' and officers' pictures that are due, and let go of old ones; returns how many came or never will."""
        now = self.clock.now()
        ports = {one.channel.id: one.port for one in self.accounts}
        settled = await fetch_due(self.engine, ports, now, self.policy)
        if now >= self._purge_not_before:
            await asyncio.to_thread(self._purge_pictures, now)
            self._purge_not_before = now + PURGE_EVERY
        return settled

    def _purge_pictures(self, now: datetime) -> None:
        with writing(self.engine) as conn:
            pictures.purge(conn, now - timedelta(days=self.settings.photo_days))
            papers.purge(conn, now - PAPERS_KEPT)

    def queue_albums(self) -> int:
        """Queue the photos that officers were not shown yet; returns how many messages."""
        now = self.clock.now()
        with reading(self.engine) as conn:
            if not pictures.to_show(conn, 1):
                return 0
        with writing(self.engine) as conn:
            return queue_albums(conn, now, load_directory(conn, now), self.policy.reach)

    async def _deliver(self, account: Account, due: Work) -> int:
        sent = await account.delivery.send_due(limit=200) if account.channel.id in due.lanes else 0
        return sent + (await account.delivery.read_back_due() if due.in_flight else 0)

    def next_due(self) -> datetime:
        """The next moment of the office clock at which something of ours is due, as of the last settling."""
        return self._settled.next_at

    @property
    def in_flight(self) -> bool:
        """Was an outcome still unknown when everything else had settled?"""
        return self._settled.in_flight

    def keep(self, channel_name: str, events: Sequence[Heard | Unreadable]) -> int:
        """Keep events that came by webhook; returns how many are new."""
        channel = next(account.channel for account in self.accounts if account.channel.name == channel_name)
        now = self.clock.now()
        with writing(self.engine) as conn:
            # When the platform last told us something: what was told is no gap of the reading.
            new = inbox.put(conn, channel.id, events, {"told_at": now.isoformat()}, now)
            passing("webhook.written")
            return new

    def ports(self) -> Mapping[str, Port]:
        """The adapters by channel name."""
        return {account.channel.name: account.port for account in self.accounts}

    async def close(self) -> None:
        """Release lanes and connections; nothing is lost by stopping here."""
        for account in self.accounts:
            await account.delivery.release()
            await account.port.close()
        self.engine.dispose()
