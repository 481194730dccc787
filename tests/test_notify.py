"""What one process commits wakes others at once: only what was committed, once, and only whom it concerns."""

from __future__ import annotations

import asyncio
import contextlib
import select
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from bot.waking import Wakes
from store import channels, inbox, outbox, outbox_by_hand, sending
from store.db import DatabaseUnusable, open_engine, writing
from store.inbound import Author, Inbound
from store.notify import Listener
from store.outbound import Outgoing
from store.outbox import NewRow
from store.sending import Failure
from store.vocabulary import InboundVerb, OutgoingAct, Platform

pytestmark = pytest.mark.postgres

NOW = datetime(2026, 11, 24, 4, tzinfo=UTC)


def post(key: str) -> Inbound:
    return Inbound(
        key=key,
        verb=InboundVerb.POSTED,
        platform=Platform.X,
        message_id=key,
        thread_id="t1",
        occurred_at=NOW,
        author=Author("7", "asha", "Asha"),
        text="pani nahi aa raha",
    )


def message(channel_id: int, step: str) -> NewRow:
    outgoing = Outgoing(act=OutgoingAct.REPLY, text=step, thread_id="t1", reply_to_id="1")
    return NewRow(
        channel_id=channel_id, step_id=step, recipient="x:7", destination="x:t1", template="received", outgoing=outgoing
    )


@pytest.fixture
def ids(postgres_engine: sa.Engine) -> tuple[int, int]:
    with writing(postgres_engine) as conn:
        return channels.register(conn, "cmohry", Platform.X).id, channels.register(conn, "cmo", Platform.FACEBOOK).id


@pytest.fixture
def listener(postgres_engine: sa.Engine) -> Iterator[Listener]:
    made = Listener(postgres_engine)
    yield made
    made.close()


def told(listener: Listener) -> tuple[bool, frozenset[int]]:
    """What was told, once the server has sent all it has to say."""
    while select.select([listener.fileno()], [], [], 0.2)[0]:
        heard, waiting = listener.told()
        if heard or waiting:
            return heard, waiting
    return False, frozenset()


def test_a_commit_is_told_and_what_was_undone_is_not(
    postgres_engine: sa.Engine, ids: tuple[int, int], listener: Listener
) -> None:
    with writing(postgres_engine) as conn:
        inbox.put(conn, ids[0], [post("1:1")], {}, NOW)
        outbox.add(conn, [message(ids[1], "a"), message(ids[1], "b")], NOW)
        assert told(listener) == (False, frozenset())
    assert told(listener) == (True, {ids[1]})
    with contextlib.suppress(KeyError), writing(postgres_engine) as conn:
        inbox.put(conn, ids[0], [post("2:1")], {}, NOW)
        raise KeyError
    with writing(postgres_engine) as conn:  # nothing of this is new
        inbox.put(conn, ids[0], [post("1:1")], {"since_id": "1"}, NOW)
        outbox.add(conn, [message(ids[1], "a")], NOW)
    assert told(listener) == (False, frozenset())


def test_one_transaction_tells_each_channel_once(
    postgres_engine: sa.Engine, ids: tuple[int, int], listener: Listener
) -> None:
    with writing(postgres_engine) as conn:
        for part in range(5):
            inbox.put(conn, ids[0], [post(f"{part}:1"), post(f"{part}:2")], {}, NOW)
            outbox.add(conn, [message(channel, f"{channel}{part}{step}") for step in "abc" for channel in ids], NOW)
    notices = list(listener._driver.notifies(timeout=0.5))
    assert sorted((notice.channel, notice.payload) for notice in notices) == [
        ("smgt_heard", ""),
        *(("smgt_to_send", str(channel)) for channel in ids),
    ]


def test_what_a_person_lets_go_again_is_told(
    postgres_engine: sa.Engine, ids: tuple[int, int], listener: Listener
) -> None:
    with writing(postgres_engine) as conn:
        [row_id] = outbox.add(conn, [message(ids[0], "a")], NOW)
        sending.park(conn, row_id, Failure("by_test"), NOW)
        inbox.put(conn, ids[0], [post("1:1")], {}, NOW)
        [row] = inbox.claim(conn, 1, NOW)
        inbox.park(conn, row.id, "fails", NOW)
    assert told(listener) == (True, {ids[0]})
    with writing(postgres_engine) as conn:
        assert outbox_by_hand.retry_by_hand(conn, row_id, NOW)
    assert told(listener) == (False, {ids[0]})
    with writing(postgres_engine) as conn:
        assert inbox.release(conn, row.id)
    assert told(listener) == (True, frozenset())


async def test_only_those_concerned_are_woken_and_a_lost_connection_is_told(
    postgres_engine: sa.Engine, ids: tuple[int, int]
) -> None:
    wakes, stop = Wakes(), asyncio.Event()
    mine, other = wakes.sender(ids[0]), wakes.sender(ids[1])
    elsewhere = open_engine(postgres_engine.url.render_as_string(False))  # as another process would
    listening = asyncio.create_task(wakes.listen(postgres_engine, stop))
    await asyncio.wait_for(wakes.desk.wait(), 10)  # it listens from now on
    for event in (wakes.desk, mine, other):
        event.clear()
    with writing(elsewhere) as conn:
        outbox.add(conn, [message(ids[0], "a")], NOW)
    await asyncio.wait_for(mine.wait(), 5)
    assert not wakes.desk.is_set()
    with writing(elsewhere) as conn:
        inbox.put(conn, ids[0], [post("1:1")], {}, NOW)
    await asyncio.wait_for(wakes.desk.wait(), 5)
    assert not other.is_set()
    with elsewhere.begin() as conn:
        conn.execute(
            sa.text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )
    elsewhere.dispose()
    with pytest.raises(DatabaseUnusable, match="listens"):
        await asyncio.wait_for(listening, 10)


async def test_listening_stops_when_told(postgres_engine: sa.Engine) -> None:
    wakes, stop = Wakes(), asyncio.Event()
    listening = asyncio.create_task(wakes.listen(postgres_engine, stop))
    await asyncio.wait_for(wakes.desk.wait(), 10)
    stop.set()
    await asyncio.wait_for(listening, 5)
