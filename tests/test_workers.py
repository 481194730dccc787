"""Several workers at once on PostgreSQL: nothing is decided twice, nothing is written over, everything stays in order."""

from __future__ import annotations

import itertools
import logging
import random
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from handlers.desk.batch import Desk
from handlers.policy import Policy
from store import boundaries, channels, inbox
from store import tickets as ticket_store
from store.alarms import open_alarms, raise_alarm
from store.db import open_engine, reading, writing
from store.inbound import Author, Heard, Inbound
from store.tables import conversations, events, outbox, tickets
from store.vocabulary import InboundVerb, InboxState, Platform

pytestmark = pytest.mark.postgres

NOW = datetime(2026, 11, 23, 5, tzinfo=UTC)
COMPLAINTS = (
    "@cmohry 3 din se pani nahi aa raha, ward 5",
    "@cmohry Rohtak sector 3 me bijli nahi hai",
    "@cmohry Karnal me sadak par gaddhe, koi nahi sunta",
    "@cmohry kooda nahi uthaya gaya do hafte se",
)


def post(message_id: str, who: str, text: str, thread: str = "", after: str | None = None) -> Inbound:
    return Inbound(
        key=f"{message_id}:1",
        verb=InboundVerb.POSTED,
        platform=Platform.X,
        message_id=message_id,
        thread_id=thread or message_id,
        occurred_at=NOW,
        author=Author(who, f"citizen{who}", f"Citizen {who}"),
        text=text,
        mentions_us=True,
        reply_to_id=after,
    )


@pytest.fixture
def x(postgres_engine: sa.Engine) -> int:
    with writing(postgres_engine) as conn:
        return channels.register(conn, "cmohry", Platform.X, "900", "cmohry").id


@pytest.fixture
def hooked() -> Iterator[None]:
    yield
    boundaries.install(None)


def put(engine: sa.Engine, channel_id: int, *heard: Heard) -> None:
    with writing(engine) as conn:
        inbox.put(conn, channel_id, heard, {}, NOW)


def ids(rows: list[inbox.InboxRow]) -> list[str]:
    return [row.event_key.partition(":")[0] for row in rows]


def until_blocked(engine: sa.Engine, done: Callable[[], bool], by: int | None = None) -> bool:
    """Wait until a session of this database waits for one that `by` holds (or anybody); False if `done` came first."""
    waiting = sa.text(
        "SELECT count(*) FROM pg_stat_activity, unnest(pg_blocking_pids(pid)) AS holder "
        "WHERE datname = current_database() AND wait_event IN ('transactionid', 'tuple', 'advisory') "
        "AND (CAST(:by AS int) IS NULL OR holder = :by)"
    )
    until = time.monotonic() + 10
    while time.monotonic() < until:
        with engine.connect() as conn:
            if conn.execute(waiting, {"by": by}).scalar_one():
                return True
        if done():
            return False
        time.sleep(0.01)
    raise AssertionError("nobody waited and nothing ended")


# -- the inbox ---------------------------------------------------------------------------------------------------------


def test_an_actor_is_in_one_workers_hands_even_when_an_earlier_row_comes_back(
    postgres_engine: sa.Engine, x: int
) -> None:
    put(postgres_engine, x, post("1", "7", "a"), post("2", "7", "b", thread="t2"))
    with writing(postgres_engine) as conn:
        [first, _] = inbox.claim(conn, 2, NOW)
        inbox.park(conn, first.id, "fails", NOW)
    with writing(postgres_engine) as holder, writing(postgres_engine) as other:
        assert ids(inbox.claim(holder, 5, NOW)) == ["2"]
        with writing(postgres_engine) as person:
            assert inbox.release(person, first.id)
        assert inbox.claim(other, 5, NOW) == []
    with writing(postgres_engine) as conn:
        assert ids(inbox.claim(conn, 5, NOW)) == ["1", "2"]


def test_a_thread_is_in_one_workers_hands(postgres_engine: sa.Engine, x: int) -> None:
    put(
        postgres_engine,
        x,
        post("1", "7", "a"),
        post("2", "8", "me too", thread="1"),
        post("3", "9", "c"),
        post("4", "8", "d"),
    )
    with writing(postgres_engine) as holder, writing(postgres_engine) as other:
        assert ids(inbox.claim(holder, 1, NOW)) == ["1"]
        assert ids(inbox.claim(other, 5, NOW)) == ["3"]  # 4 follows 2, which waits for its thread


def test_who_hears_a_channel_at_the_same_moment_waits_so_that_ids_come_in_order(
    postgres_engine: sa.Engine, x: int
) -> None:
    """A webhook and a poll bring the same events in another order: without a turn each waits for the other's."""
    with ThreadPoolExecutor(1) as pool:
        with writing(postgres_engine) as first:
            inbox.put(first, x, [post("1", "7", "a")], {}, NOW)
            second = pool.submit(put, postgres_engine, x, post("2", "8", "b"), post("1", "7", "a"), post("3", "7", "c"))
            assert until_blocked(postgres_engine, second.done)
            inbox.put(first, x, [post("2", "8", "b")], {}, NOW)
        second.result(10)
    with writing(postgres_engine) as conn:
        assert ids(inbox.claim(conn, 5, NOW)) == ["1", "2", "3"]


# -- tickets -----------------------------------------------------------------------------------------------------------


def test_a_ticket_woken_by_time_is_read_as_it_is_when_it_is_held(postgres_engine: sa.Engine, x: int) -> None:
    """Ticket and talk are changed together: who holds the ticket never sees the one new and the other old."""
    put(postgres_engine, x, *(post(str(n), str(n), COMPLAINTS[0]) for n in range(30)))
    decided(postgres_engine)
    with writing(postgres_engine) as conn:
        conn.execute(tickets.update().values(wake_at=NOW))
        last = conn.execute(sa.select(sa.func.max(tickets.c.id))).scalar_one()
    stop = threading.Event()

    def change() -> None:
        for turn in itertools.count(1):
            if stop.is_set():
                return
            with writing(postgres_engine) as conn:
                conn.execute(sa.text("SET LOCAL synchronous_commit = off"))
                conn.execute(tickets.update().where(tickets.c.id == last).values(reminded_percent=turn))
                conn.execute(conversations.update().where(conversations.c.ticket_id == last).values(misses=turn))

    def pairs() -> list[tuple[int, int]]:
        with writing(postgres_engine) as conn:
            rows = ticket_store.due_to_wake(conn, NOW, 50)
            return [(row["reminded_percent"], row["misses"]) for row in rows]

    with ThreadPoolExecutor(1) as pool:
        changing = pool.submit(change)
        try:
            until = time.monotonic() + 2
            torn: list[tuple[int, int]] = []
            while time.monotonic() < until and not torn:
                torn = [pair for pair in pairs() if pair[0] != pair[1]]
        finally:
            stop.set()
        changing.result(10)
    assert torn == []


def decided(engine: sa.Engine) -> None:
    desk = Desk(engine, lambda: NOW, Policy())
    while desk.decide_batch():
        pass
    with reading(engine) as conn:
        assert inbox.count_by_state(conn)[InboxState.PARKED] == 0


def test_time_heard_alone_does_not_write_over_what_a_citizen_says(
    postgres_engine: sa.Engine, x: int, hooked: None
) -> None:
    put(postgres_engine, x, post("1", "7", COMPLAINTS[0]), post("2", "8", "@cmohry Ration card kat gaya hamara"))
    decided(postgres_engine)
    with writing(postgres_engine) as conn:  # time cannot be heard for this one, so each is heard alone
        stuck = sa.select(sa.func.max(tickets.c.id)).scalar_subquery()
        conn.execute(conversations.update().where(conversations.c.ticket_id == stuck).values(asked="riddle"))
    put(postgres_engine, x, post("3", "7", "Hisar", thread="1", after="1"))
    later, me = NOW + timedelta(hours=25), threading.get_ident()
    with ThreadPoolExecutor(1) as pool:
        answering: list[Future[int]] = []
        claims = itertools.count()

        def answer_meanwhile(name: str) -> None:
            """When the ticket is claimed alone, after both were claimed together in vain."""
            if name == "time.claimed" and threading.get_ident() == me and next(claims) == 1:
                answering.append(pool.submit(Desk(postgres_engine, lambda: later, Policy()).decide_batch))
                until_blocked(postgres_engine, answering[0].done)

        boundaries.install(answer_meanwhile)
        assert Desk(postgres_engine, lambda: later, Policy()).hear_time() == 2
        assert answering[0].result(10) == 1
    with reading(postgres_engine) as conn:
        row = conn.execute(sa.select(tickets.c.district).order_by(tickets.c.id)).scalars().first()
    assert row == "Hisar"


def test_one_fault_seen_by_several_raises_one_alarm(postgres_engine: sa.Engine) -> None:
    def seen() -> bool:
        with writing(postgres_engine) as conn:
            return raise_alarm(conn, "no_cmo_desk", "directory", "there is none", NOW)

    with ThreadPoolExecutor(1) as pool:
        with writing(postgres_engine) as conn:
            assert raise_alarm(conn, "no_cmo_desk", "directory", "there is none", NOW)
            other = pool.submit(seen)
            until_blocked(postgres_engine, other.done)
        assert other.result(10) is False
    with reading(postgres_engine) as conn:
        assert len(open_alarms(conn)) == 1


def test_a_deadlock_is_decided_again_and_is_nobodys_fault(
    postgres_engine: sa.Engine, x: int, caplog: pytest.LogCaptureFixture
) -> None:
    put(postgres_engine, x, post("1", "7", COMPLAINTS[0]), post("2", "8", COMPLAINTS[3]))
    decided(postgres_engine)
    with reading(postgres_engine) as conn:
        low, high = conn.execute(sa.select(tickets.c.id).order_by(tickets.c.id)).scalars()
    put(
        postgres_engine,
        x,
        post("3", "7", "Hisar", thread="1", after="1"),
        post("4", "8", "Rohtak", thread="2", after="2"),
    )
    quick = open_engine(_with_option(postgres_engine, "-c deadlock_timeout=1s"))  # so that the desk is the one undone
    desk = Desk(quick, lambda: NOW, Policy())
    with caplog.at_level(logging.INFO), ThreadPoolExecutor(1) as pool:
        with writing(postgres_engine) as other:
            other.execute(sa.text("SET LOCAL deadlock_timeout = '10s'"))
            assert ticket_store.lock(other, [high])
            holder = other.execute(sa.select(sa.func.pg_backend_pid())).scalar_one()
            deciding = pool.submit(desk.decide_batch)
            assert until_blocked(postgres_engine, deciding.done, holder)
            assert ticket_store.lock(other, [low])
        assert deciding.result(10) == 2
    quick.dispose()
    assert [record.message for record in caplog.records if record.levelno > logging.INFO] == []
    assert "once more" in caplog.text
    with reading(postgres_engine) as conn:
        assert list(conn.execute(sa.select(tickets.c.district).order_by(tickets.c.id)).scalars()) == ["Hisar", "Rohtak"]
        assert inbox.count_by_state(conn)[InboxState.PARKED] == 0


def _with_option(engine: sa.Engine, option: str) -> str:
    return engine.url.update_query_dict({"options": option}).render_as_string(False)


# -- all of it at once -------------------------------------------------------------------------------------------------


def _talks(citizens: int) -> list[list[Inbound]]:
    """For each citizen a complaint and what follows in its thread, by them and by a neighbour."""
    talks = []
    for n in range(citizens):
        who, neighbour, first = f"1{n:03d}", f"1{(n + 1) % citizens:03d}", f"{n}0"
        talk = [post(first, who, COMPLAINTS[n % len(COMPLAINTS)])]
        said = ((who, "Hisar"), (neighbour, "@cmohry same problem here"), (who, "@cmohry status?"), (who, "ward 7"))
        talk += [post(f"{n}{at}", one, text, first, first) for at, (one, text) in enumerate(said, 1)]
        talks.append(talk)
    return talks


def test_four_workers_and_the_clock_keep_every_talk_in_order(
    postgres_engine: sa.Engine, x: int, caplog: pytest.LogCaptureFixture
) -> None:
    talks = _talks(24)
    seconds = itertools.count()
    desks = [
        Desk(
            postgres_engine, lambda: NOW + timedelta(seconds=next(seconds)), Policy(details_after=timedelta(minutes=2))
        )
        for _ in range(5)
    ]
    heard_all = threading.Event()

    def hear(part: int) -> None:
        """Two readers bring the talks, each its half, one word of each talk after the other."""
        for words in zip(*talks[part::2], strict=True):
            for at in range(0, len(words), 5):
                put(postgres_engine, x, *words[at : at + 5])

    def work(desk: Desk) -> None:
        idle = 0
        while idle < 3:
            some = desk.decide_batch(limit=random.randint(1, 7))
            idle = 0 if some or not heard_all.is_set() else idle + 1

    def clock() -> None:
        while not heard_all.is_set():
            desks[4].hear_time(limit=5)

    with caplog.at_level(logging.WARNING), ThreadPoolExecutor(7) as pool:
        readers = [pool.submit(hear, part) for part in (0, 1)]
        workers = [pool.submit(work, desk) for desk in desks[:4]]
        ticking = pool.submit(clock)
        for reader in readers:
            reader.result(60)
        heard_all.set()
        for each in (*workers, ticking):
            each.result(60)
    assert caplog.records == []
    with reading(postgres_engine) as conn:
        assert inbox.count_by_state(conn) == {
            InboxState.PENDING: 0,
            InboxState.DONE: sum(map(len, talks)),
            InboxState.PARKED: 0,
        }
        first = conn.execute(sa.select(tickets.c.first_message_id)).scalars().all()
        assert sorted(first) == sorted(talk[0].message_id for talk in talks)
        assert _inversions(conn) == []
        opened = conn.execute(sa.select(events.c.ticket_id).where(events.c.kind == "opened")).scalars().all()
        assert len(opened) == len(set(opened)) == len(talks)


def _inversions(conn: sa.Connection) -> list[tuple[str, list[int]]]:
    """Destinations and actors whose answers do not stand in the outbox in the order in which their words were heard."""
    answers = sa.select(outbox.c.destination, outbox.c.recipient, outbox.c.step_id).order_by(outbox.c.id)
    heard: dict[tuple[str, str], list[int]] = defaultdict(list)
    for row in conn.execute(answers):
        if row.step_id.startswith("answer:in:"):
            heard[(row.destination, row.recipient)].append(int(row.step_id.rpartition(":")[2]))
    assert sum(map(len, heard.values())) > 24
    return [(key[0], order) for key, order in heard.items() if order != sorted(order)]
