"""`smgt run` as a real process that is killed and started again and again, and told to stop in the worst moments."""

from __future__ import annotations

import random
import shutil
import signal
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from run_rig import START, Run, environment, fill_directory, on_x, query, replies_on_x, texts_in

from bot.sandbox.server import Sandbox, build
from store import inbox
from store.channels import register
from store.db import open_engine, writing
from store.inbound import Author, Inbound
from store.readiness import OPEN
from store.tables import inbox as inbox_table
from store.tables import outbox, tickets
from store.vocabulary import InboundVerb, InboxState, Platform

KILLS = 20
QUICK_SENDING = {
    "SMGT_SEND_START_SECONDS": "1",
    "SMGT_SEND_DEADLINE_SECONDS": "2",
    "SMGT_TELEGRAM_GROUP_PER_MINUTE": "0",
}


@pytest.fixture
def folder(tmp_path: Path, migrated_sqlite_file: Path) -> Path:
    shutil.copyfile(migrated_sqlite_file, tmp_path / "smgt.db")
    return tmp_path


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with build(start=START, limit_scale=None).serve(pace=1.0) as served:
        yield served


def _complaint(ward: int) -> str:
    return f"@cmohry Hisar me 3 din se pani nahi aa raha, ward {ward}"


def test_twenty_quick_starts_and_kills_lose_and_double_nothing(folder: Path, sandbox: Sandbox) -> None:
    given = environment(sandbox, folder, **QUICK_SENDING)
    chats = fill_directory(sandbox, given["SMGT_DATABASE_URL"])
    posts = [on_x(sandbox, "asha0", _complaint(0))]
    begun = time.monotonic()
    with Run(given, folder) as run:
        run.wait_for("the first reply", lambda: replies_on_x(sandbox, posts[0]))
        whole = time.monotonic() - begun  # from the start of the process to its first reply
        run.process.kill()
    chance = random.Random(7)
    for at in range(1, KILLS):
        posts.append(on_x(sandbox, f"asha{at}", _complaint(at)))
        with Run(given, folder) as run:
            time.sleep(whole * chance.uniform(0.15, 0.5))
            assert run.process.poll() is None, run.said()
            run.process.kill()
    with Run(given, folder) as run:
        before = run.said().count("SMGT is at work")
        run.wait_for("its work", lambda: run.said().count("SMGT is at work") > before)
        run.wait_for("all replies", lambda: all(replies_on_x(sandbox, post) for post in posts))
        pending = sa.select(inbox_table.c.id).where(inbox_table.c.state == InboxState.PENDING)
        run.wait_for("the end of the inbox", lambda: not query(given["SMGT_DATABASE_URL"], pending))
        unsent = sa.select(outbox.c.id).where(outbox.c.state.in_(OPEN))
        run.wait_for("the end of the outbox", lambda: not query(given["SMGT_DATABASE_URL"], unsent))
        assert run.stop() < 10
        assert "Traceback" not in run.said()
    assert [len(replies_on_x(sandbox, post)) for post in posts] == [1] * KILLS
    found = query(given["SMGT_DATABASE_URL"], sa.select(tickets.c.number, tickets.c.first_message_id))
    assert sorted(row.first_message_id for row in found) == sorted(posts)
    assert len({row.number for row in found}) == KILLS
    told = texts_in(sandbox, chats["cmo"]) + texts_in(sandbox, chats["phed"])
    assert all(any(row.number in text for text in told) for row in found)


def test_it_stops_in_time_while_another_program_holds_the_database(folder: Path, sandbox: Sandbox) -> None:
    given = environment(sandbox, folder, **QUICK_SENDING)
    with Run(given, folder) as run:
        run.wait_for("the accounts", lambda: run.identified() >= 3)
        with closing(sqlite3.connect(folder / "smgt.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            post = on_x(sandbox, "asha", _complaint(1))
            time.sleep(1.2)  # long enough for the post to be read and to wait for the database
            assert run.stop(signal.SIGTERM) < 10
            assert "Traceback" not in run.said()
        with Run(given, folder) as again:
            again.wait_for("the reply", lambda: replies_on_x(sandbox, post))
            again.stop()
    assert len(replies_on_x(sandbox, post)) == 1


def test_it_stops_in_time_in_the_midst_of_much_to_decide(folder: Path, sandbox: Sandbox) -> None:
    given = environment(sandbox, folder)
    me = next(one.id for one in sandbox.x.accounts.values() if one.handle == "cmohry")
    engine = open_engine(given["SMGT_DATABASE_URL"])
    with writing(engine) as conn:
        channel = register(conn, "cmohry", Platform.X, me, "cmohry")
        inbox.put(conn, channel.id, [_event(at) for at in range(6_000)], {}, START)
    engine.dispose()
    done = sa.select(sa.func.count()).where(inbox_table.c.state == InboxState.DONE)
    with Run(given, folder) as run:
        run.wait_for("the first decisions", lambda: query(given["SMGT_DATABASE_URL"], done)[0][0] > 0)
        assert run.stop(signal.SIGTERM) < 10
        assert "Stopped" in run.said(), "it was cut off"
    decided = query(given["SMGT_DATABASE_URL"], done)[0][0]
    assert 0 < decided < 6_000
    assert query(given["SMGT_DATABASE_URL"], sa.select(sa.func.count()).select_from(tickets))[0][0] == decided


def _event(at: int) -> Inbound:
    message_id = str(1_900_000_000_000_000_000 + at)
    return Inbound(
        key=f"{message_id}:0",
        verb=InboundVerb.POSTED,
        platform=Platform.X,
        message_id=message_id,
        thread_id=message_id,
        occurred_at=START,
        author=Author(str(10_000 + at), f"citizen{at}", "A citizen"),
        text=_complaint(at),
        mentions_us=True,
    )
