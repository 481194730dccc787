"""The storm itself: platforms with faults, people, processes that are killed, and the checker's verdict at the end.

Owns the order of events and the report. It must not count anything that verdict.py counts.
"""

from __future__ import annotations

import random
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from bot.bench.chaos.databases import Database, opened
from bot.bench.chaos.fleet import Fleet
from bot.bench.chaos.gale import Gale
from bot.bench.chaos.people import DISTRICTS, Desk, People
from bot.bench.chaos.planted import BUGS
from bot.bench.chaos.verdict import Complaint, Shown, Truth, Verdict, Written, judge
from bot.bench.chaos.worker import Haste, Order
from bot.clocks import machine_seconds
from bot.sandbox.server import X_HANDLE, Sandbox, build, standard_accounts
from bot.sandbox.world import World
from handlers.understanding.taxonomy import taxonomy
from store.db import migrate, open_engine, writing
from store.directory import load_directory
from store.directory_csv import import_desks, import_posts
from store.invites import create_invite, redeem_invite

START: Final = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)  # half past nine on a working day in Haryana
FIRST_UPDATE: Final = 900_000_001  # of the emulated Telegram
PACE: Final = 10.0  # office seconds in a real one, so that the platforms' own waits pass quickly
TICK: Final = 0.02
_NOBODY: Final = threading.Event()  # never set: waiting for it lets time pass
CALM_SECONDS: Final = 120.0  # after the storm everything has come to its end
BUG_CALM_SECONDS: Final = 30.0  # a bug was planted: whether all ends well is not in question
AT_ONCE: Final = 200
DESKS: Final = 12
BUG_AT_ONCE: Final = 10
BEYOND_HEALING: Final = ("doubled_tickets", "doubled_replies", "doubled_notices", "out_of_order")
LOOK_SECONDS: Final = 4.0
TIDY_SECONDS: Final = 60.0
STANDSTILL_SECONDS: Final = 60.0
BUG_STANDSTILL_SECONDS: Final = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather:
    """What storm it is. `faults`: the share of requests that meet one; `refuse_twins`: X and Facebook refuse a text that
    stands there already, which would hide a doubled reply and so counts as one.
    """

    database_url: str
    workers: int = 1
    seed: int = 1
    posts: int = 300
    kills: int = 30
    faults: float = 0.3
    refuse_twins: bool = False
    bug: str | None = None
    at_once: int = AT_ONCE  # conversations under way at the same time
    desks: int = DESKS
    haste: Haste = field(default_factory=Haste)

    @property
    def under_way(self) -> int:
        """The same; few for a bug, so that some begin whenever a process dies."""
        return self.at_once if self.bug is None else BUG_AT_ONCE

    def kills_by(self, progress: float) -> int:
        """How many processes should be dead by then; where a bug shows at a boundary, as soon as it is passed."""
        if self.bug is not None and BUGS[self.bug].dies_at:
            return self.kills
        return int(self.kills * min(1.0, progress * 1.02 + 0.001))


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a storm brought; the first fourteen stand in the promise."""

    database: str
    workers: int
    seed: int
    posts: int
    kills: int
    kills_mid_request: int
    requests: int
    faulty_requests: int
    lost: int
    doubled_tickets: int
    doubled_replies: int
    marked_repeats: int
    unknown_left: int
    seconds: float
    doubled_notices: int
    out_of_order: int
    unsent_left: int
    unfinished: int
    inbox_events: int
    replies: int
    notices: int
    database_restarts: int
    boundaries_hit: int
    stop_seconds: float
    findings: tuple[str, ...]

    @property
    def is_clean(self) -> bool:
        """Nothing lost, doubled, out of order or left over."""
        wrong = (
            self.lost,
            self.doubled_tickets,
            self.doubled_replies,
            self.doubled_notices,
            self.out_of_order,
            self.unknown_left,
            self.unsent_left,
            self.unfinished,
        )
        return not any(wrong)

    def as_json(self) -> dict[str, Any]:
        """Plain data, findings last."""
        return asdict(self)


Told = Callable[[float, int], None]
"""Hears how far the storm is: 0 to 1, and how many kills there were."""


def play(weather: Weather, folder: Path, told: Told, *, keep: bool = False) -> Report:
    """Play a storm in `folder`, where the processes' logs stay; `keep` leaves its database, too.

    Raises FleetBroken, DatabaseUnusable.
    """
    begun = machine_seconds()
    with ExitStack() as held:
        database = held.enter_context(opened(weather.database_url, folder, keep=keep))
        sandbox = held.enter_context(_platforms(weather))
        desks = _directory(sandbox, database.url, weather.desks)
        people = People(sandbox, desks, weather.posts, seed=weather.seed, at_once=weather.under_way)
        orders = _orders(weather, sandbox, database, folder)
        dies_at = BUGS[weather.bug].dies_at if weather.bug else ()
        fleet = Fleet(orders, folder / "slots", seed=weather.seed, dies_at=dies_at)
        held.callback(fleet.scuttle)
        ports = [int(order.environment["SMGT_WEB_PORT"]) for order in fleet.orders]
        held.enter_context(_webhooks(sandbox, ports))
        restarts = _storm(weather, sandbox, database, people, fleet, told)
        sandbox.world.faults.clear()
        fleet.calm()
        _calm(people, database, seconds=CALM_SECONDS if weather.bug is None else BUG_CALM_SECONDS)
        stopped = fleet.stop()
        verdict = judge(_truth(sandbox, people), database.query)
        return _report(weather, database, sandbox, people, fleet, verdict, restarts, stopped, machine_seconds() - begun)


# -- the stage -------------------------------------------------------------------------------------------------------


@contextmanager
def _platforms(weather: Weather) -> Iterator[Sandbox]:
    world = World(START, seed=weather.seed, limit_scale=None)
    haste = weather.haste
    world.faults = Gale(weather.faults, seed=weather.seed, lateness=haste.lateness, deadline=haste.deadline, pace=PACE)
    sandbox = build(world)
    sandbox.x.refuse_duplicates = weather.refuse_twins
    sandbox.facebook.refuse_duplicates = weather.refuse_twins
    with sandbox.serve(pace=PACE):
        standard_accounts(sandbox)
        sandbox.facebook.webhooks.foreign_threads = True
        yield sandbox


def _directory(sandbox: Sandbox, url: str, many: int) -> dict[str, Desk]:
    """One desk and one officer for each of so many districts, and the CMO's."""
    desks = {district: sandbox.telegram.add_group(f"Water {district}") for district in DISTRICTS[:many]}
    cmo = sandbox.telegram.add_group("CMO")
    lines = ["desk,title,language,chat_id,topic_id", f"cmo,CMO,en,{cmo},"]
    lines += [f"phed-{name.lower()},Water {name},en,{chat}," for name, chat in desks.items()]
    posts = ["post,title,role,department,level,districts,desk,officer", "cmo-desk,CMO Desk,cmo_desk,,3,*,cmo,Clerk"]
    posts += [
        f"phed-{name.lower()},Nodal Officer PHED {name},nodal_officer,phed,0,{name},phed-{name.lower()},Officer {name}"
        for name in desks
    ]
    known = taxonomy()
    engine = open_engine(url)
    found: dict[str, Desk] = {}
    try:
        migrate(engine)
        with writing(engine) as conn:
            import_desks(conn, "\n".join(lines) + "\n", now=START)
            import_posts(
                conn,
                "\n".join(posts) + "\n",
                now=START,
                known_departments=known.departments,
                known_districts=known.districts,
            )
            for post in load_directory(conn, START).posts.values():
                for officer in post.holders:
                    user = sandbox.telegram.add_user(officer.name)
                    redeem_invite(conn, create_invite(conn, officer.id, START, timedelta(days=1)), str(user), START)
                    for name, chat in desks.items():
                        if officer.name.endswith(name):
                            found[name] = Desk(chat, user)
                            sandbox.telegram.groups[chat].members.add(user)
    finally:
        engine.dispose()
    return found


def _orders(weather: Weather, sandbox: Sandbox, database: Database, folder: Path) -> list[Order]:
    from socket import create_server

    orders = []
    for worker in range(weather.workers):
        with closing(create_server(("127.0.0.1", 0))) as free:
            port = free.getsockname()[1]
        environment = {
            **standard_accounts(sandbox),
            **sandbox.urls,
            "SMGT_DATABASE_URL": database.url,
            "SMGT_X_POLL_SECONDS": "1",
            "SMGT_FACEBOOK_POLL_SECONDS": "2",
            "SMGT_TELEGRAM_POLL_SECONDS": "1",
            "SMGT_TELEGRAM_GROUP_PER_MINUTE": "0",  # the emulators' limits are lifted too
            "SMGT_X_SWEEP_SECONDS": "30",
            "SMGT_THREAD_JOIN_SECONDS": "0",
            "SMGT_UNDO_SECONDS": "1",
            "SMGT_WEBHOOKS": "yes",
            "SMGT_WEB_PORT": str(port),
        }
        log = folder / f"worker-{worker}.log"
        orders.append(Order(worker, environment, weather.haste, folder / "slots", log, weather.bug))
    return orders


@contextmanager
def _webhooks(sandbox: Sandbox, ports: list[int]) -> Iterator[None]:
    """Facebook tells of every comment to one process after another, as a balancer in front of them would."""
    ended = threading.Event()

    def turn() -> None:
        at = 0
        while not ended.wait(0.5):
            at += 1
            sandbox.facebook.subscribe(f"http://127.0.0.1:{ports[at % len(ports)]}/webhooks/facebook/cmo")

    thread = threading.Thread(target=turn, name="smgt-balancer", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(5)


# -- what happens ----------------------------------------------------------------------------------------------------


def _storm(weather: Weather, sandbox: Sandbox, database: Database, people: People, fleet: Fleet, told: Told) -> int:
    """People talk and processes die until all is said and every kill is done; returns the database's restarts."""
    chance = random.Random(weather.seed)
    restarts, next_restart = 0, 0.2
    looked_at = tidied_at = machine_seconds()
    standstill = STANDSTILL_SECONDS if weather.bug is None else BUG_STANDSTILL_SECONDS
    moved_at, last = machine_seconds(), (-1.0, -1)
    while not (people.are_done and fleet.killed >= weather.kills):
        people.tick()
        fleet.tick(weather.kills_by(people.progress))
        if people.progress >= next_restart and database.restart():
            restarts, next_restart = restarts + 1, next_restart + 0.1 + 0.1 * chance.random()
        now, here = machine_seconds(), (people.progress, fleet.killed)
        if here != last:
            moved_at, last = now, here
        if now - moved_at > standstill:
            break  # somebody waits for ever: the checker tells what was lost
        if now - tidied_at > TIDY_SECONDS:
            tidied_at = now
            database.tidy()
        if weather.bug is not None and now - looked_at > LOOK_SECONDS:
            looked_at = now
            if _shows(weather.bug, judge(_truth(sandbox, people), database.query)):
                break  # caught already
        told(people.progress, fleet.killed)
        _NOBODY.wait(TICK)
    return restarts


def _shows(bug: str, found: Verdict) -> bool:
    """Whether the bug is caught while the storm still blows: what is under way may explain what stands without a row."""
    under_way = {"doubled_replies": found.unknown_left, "doubled_notices": found.unknown_left}
    return any(getattr(found, name) > under_way.get(name, 0) for name in BUGS[bug].caught_by if name in BEYOND_HEALING)


def _calm(people: People, database: Database, *, seconds: float) -> None:
    """No faults and no kills: give everything the time in which it must come to its end."""
    until = machine_seconds() + seconds
    while machine_seconds() < until:
        people.tick()
        left = next(
            iter(database.query("SELECT count(*) FROM outbox WHERE state IN ('pending','sending','retry','unknown')"))
        )
        waiting = next(iter(database.query("SELECT count(*) FROM inbox WHERE state = 'pending'")))
        if people.are_done and left[0] == 0 and waiting[0] == 0:
            return
        _NOBODY.wait(0.25)


def _rarest_first(findings: list[str]) -> list[str]:
    """What is found once says more than what is found a thousand times, and must not be cut off behind it."""
    kinds = [re.sub(r"[\d:_-]+", "#", finding) for finding in findings]
    many = Counter(kinds)
    return [finding for _, _, finding in sorted(zip((many[kind] for kind in kinds), kinds, findings, strict=True))]


def _truth(sandbox: Sandbox, people: People) -> Truth:
    """What the platforms hold, as plain data."""
    with sandbox.world.lock:
        x, facebook, telegram = sandbox.x, sandbox.facebook, sandbox.telegram
        shown = [Shown("x", post.id, post.conversation_id, post.said) for post in x.posts_by(X_HANDLE) if post.by_api]
        shown += [
            Shown("facebook", story.id, story.post_id, story.text)
            for story in facebook.stories.values()
            if story.author_id in facebook.pages and not story.deleted
        ]
        bots = set(telegram.bots)
        shown += [
            Shown("telegram", f"{chat.id}:{message.id}", str(chat.id), message.text, message.is_silent)
            for chat in telegram.groups.values()
            for message in chat.messages.values()
            if message.sender.id in bots and not message.is_deleted
        ]
        written = [Written("x", post.id) for post in x.posts.values() if not post.by_api]
        written += [
            Written("facebook", story.id)
            for story in facebook.stories.values()
            if story.author_id not in facebook.pages
        ]
        for bot in telegram.bots.values():
            written += [Written("telegram", str(number)) for number in range(FIRST_UPDATE, bot.next_update_id)]
        complaints = tuple(Complaint(talk.platform.value, talk.post_id) for talk in people.talks if talk.post_id)
    return Truth(
        complaints=complaints,
        written=tuple(written),
        shown=tuple(shown),
        refused_twins=x.refused_twins + facebook.refused_twins,
    )


def _report(
    weather: Weather,
    database: Database,
    sandbox: Sandbox,
    people: People,
    fleet: Fleet,
    verdict: Verdict,
    restarts: int,
    stopped: float,
    seconds: float,
) -> Report:
    waiting = people.unfinished()
    count = {row[0]: int(row[1]) for row in database.query(
        "SELECT c.platform, count(*) FROM outbox o JOIN channels c ON c.id = o.channel_id "
        "WHERE o.state = 'sent' GROUP BY c.platform"
    )}  # fmt: skip
    talks = [
        f"conversation {talk.index} ({talk.platform.value} {talk.post_id}, {talk.number}): waits for {talk.waits_for}; "
        f"{people.seen_by_officer(talk)}"
        for talk in waiting
    ]
    return Report(
        database=database.name,
        workers=weather.workers,
        seed=weather.seed,
        posts=weather.posts,
        kills=fleet.killed,
        kills_mid_request=fleet.mid_request,
        requests=sandbox.world.faults.asked,
        faulty_requests=len(sandbox.world.faults.hits),
        lost=verdict.lost,
        doubled_tickets=verdict.doubled_tickets,
        doubled_replies=verdict.doubled_replies,
        marked_repeats=verdict.marked_repeats,
        unknown_left=verdict.unknown_left,
        seconds=round(seconds, 1),
        doubled_notices=verdict.doubled_notices,
        out_of_order=verdict.out_of_order,
        unsent_left=verdict.unsent_left,
        unfinished=len(waiting),
        inbox_events=int(next(iter(database.query("SELECT count(*) FROM inbox")))[0]),
        replies=count.get("x", 0) + count.get("facebook", 0),
        notices=count.get("telegram", 0),
        database_restarts=restarts,
        boundaries_hit=len(fleet.boundaries),
        stop_seconds=round(stopped, 1),
        findings=tuple([*_rarest_first(verdict.findings), *talks][:200]),
    )
