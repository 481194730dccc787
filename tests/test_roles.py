"""Roles: what may be asked for, and the parts of SMGT as real processes of their own on PostgreSQL."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from run_rig import (
    COMPLAINT,
    POTHOLES,
    START,
    Run,
    ended,
    environment,
    fill_directory,
    on_x,
    query,
    replies_on_x,
    texts_in,
)

from bot.roles import ALL_ROLES, RolesRefused, RunRole, roles_of
from bot.sandbox.server import Sandbox, build
from bot.sandbox.world import Fault, FaultKind
from store.alarms import raise_alarm
from store.db import open_engine, writing
from store.tables import outbox
from store.vocabulary import DeliveryState, Platform


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with build(start=START, limit_scale=None).serve(pace=1.0) as served:
        yield served


@pytest.mark.parametrize(
    ("words", "roles"),
    [
        ((), ALL_ROLES),
        (("all",), ALL_ROLES),
        (("desk", "all"), ALL_ROLES),
        (("intake", "desk"), {RunRole.INTAKE, RunRole.DESK}),
        (("Intake, desk", "delivery"), {RunRole.INTAKE, RunRole.DESK, RunRole.DELIVERY}),
        (("intake,desk,delivery,scheduler",), ALL_ROLES),
    ],
)
def test_roles_are_named_as_people_write_them(words: tuple[str, ...], roles: set[RunRole]) -> None:
    assert roles_of(words) == roles


@pytest.mark.parametrize("words", [("inbox",), ("desk,",), ("",)])
def test_an_unknown_role_is_refused_with_the_known_ones(words: tuple[str, ...]) -> None:
    with pytest.raises(RolesRefused, match="use intake, desk, delivery, scheduler or all"):
        roles_of(words)


def test_a_part_of_the_roles_is_refused_on_sqlite(sandbox: Sandbox, tmp_path: Path) -> None:
    given = environment(sandbox, tmp_path)
    code, _, told = ended("run", "--role", "desk", "--role", "intake", given=given, folder=tmp_path)
    assert code == 1
    assert told.splitlines()[-1] == (
        "smgt: On SQLite one process does everything, so it cannot run as intake, desk alone; leave --role away, or use "
        "PostgreSQL, which serves several processes (SMGT_DATABASE_URL=postgresql+psycopg://...)."
    )
    assert not (tmp_path / "smgt.db").exists()


def _as(role: RunRole, given: Mapping[str, str], folder: Path) -> Run:
    folder.mkdir()
    return Run(given, folder, ("--role", role))


def _at_work(run: Run, role: RunRole) -> None:
    run.wait_for("its work", lambda: f"SMGT is at work as {role}" in run.said())
    every = ("cmohry", "cmo", "desk")
    accounts = {RunRole.INTAKE: every, RunRole.DELIVERY: every, RunRole.SCHEDULER: ("desk",)}.get(role, ())
    run.wait_for("the accounts", lambda: all(f"bot.running: {name} is " in run.said() for name in accounts))


@pytest.mark.postgres
def test_each_role_is_a_process_of_its_own_and_a_stand_by_takes_over(
    tmp_path: Path, sandbox: Sandbox, make_postgres_database: Callable[[], str]
) -> None:
    url = make_postgres_database()
    given = environment(sandbox, tmp_path, SMGT_DATABASE_URL=url)
    with contextlib.ExitStack() as running:
        first = {role: running.enter_context(_as(role, given, tmp_path / f"{role}-1")) for role in RunRole}
        for role, run in first.items():
            _at_work(run, role)
        chats = fill_directory(sandbox, url)
        post = on_x(sandbox, "asha", COMPLAINT)
        first[RunRole.DELIVERY].wait_for("the reply", lambda: replies_on_x(sandbox, post))
        second = {role: running.enter_context(_as(role, given, tmp_path / f"{role}-2")) for role in RunRole}
        for role, run in second.items():
            _at_work(run, role)
        asked = {}
        for number, role in enumerate(RunRole):
            first[role].kill()
            asked[role] = on_x(sandbox, f"ravi{number}", POTHOLES)
            second[role].wait_for(f"the reply without the first {role}", lambda: replies_on_x(sandbox, asked[role]))  # noqa: B023
        engine = open_engine(url)
        with writing(engine) as conn:
            raise_alarm(conn, "message_unknown", "outbox:1", "said by the test", START)
        engine.dispose()
        told = second[RunRole.SCHEDULER].wait_for(
            "the alarm", lambda: [text for text in texts_in(sandbox, chats["cmo"]) if "outbox:1" in text]
        )
        assert len(told) == 1
        assert [len(replies_on_x(sandbox, one)) for one in (post, *asked.values())] == [1] * 5
        said = "".join(run.said() for run in (*first.values(), *second.values()))
        assert "Traceback" not in said
        assert "telegram:409" not in said
        for run in second.values():
            run.stop()


@pytest.mark.postgres
def test_every_role_recovers_when_the_database_drops_all_its_sessions(
    tmp_path: Path, sandbox: Sandbox, make_postgres_database: Callable[[], str], postgres_server: sa.Engine
) -> None:
    url = make_postgres_database()
    given = environment(sandbox, tmp_path, SMGT_DATABASE_URL=url)
    with contextlib.ExitStack() as running:
        runs = {role: running.enter_context(_as(role, given, tmp_path / role)) for role in RunRole}
        for role, run in runs.items():
            _at_work(run, role)
        chats = fill_directory(sandbox, url)
        posts = [on_x(sandbox, "asha", COMPLAINT)]
        runs[RunRole.DELIVERY].wait_for("the reply", lambda: replies_on_x(sandbox, posts[0]))
        drop_sessions(postgres_server, url)
        posts.append(on_x(sandbox, "ravi", POTHOLES))
        begun = time.monotonic()
        runs[RunRole.DELIVERY].wait_for("the reply after the drop", lambda: replies_on_x(sandbox, posts[1]))
        print(f"recovered after {time.monotonic() - begun:.1f} s")
        sandbox.world.faults.add(Fault(Platform.X, "create", FaultKind.SLOW, seconds=3))
        posts.append(on_x(sandbox, "sita", COMPLAINT))
        runs[RunRole.DELIVERY].wait_for("a request under way", lambda: _sending(url))
        drop_sessions(postgres_server, url)  # the platform takes the message, and nothing can be written down
        runs[RunRole.DELIVERY].wait_for("its outcome", lambda: _sent_to(url, "x:") == 3)
        engine = open_engine(url)
        with writing(engine) as conn:
            raise_alarm(conn, "message_unknown", "outbox:1", "said by the test", START)
        engine.dispose()
        runs[RunRole.SCHEDULER].wait_for(
            "the alarm", lambda: any("outbox:1" in text for text in texts_in(sandbox, chats["cmo"]))
        )
        assert [len(replies_on_x(sandbox, one)) for one in posts] == [1, 1, 1]
        assert "Traceback" not in "".join(run.said() for run in runs.values())
        for run in runs.values():
            run.stop()


def drop_sessions(server: sa.Engine, url: str) -> None:
    """End every session of a database, as a restart of the server would."""
    ended = sa.text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name")
    with server.connect() as conn:
        assert conn.execute(ended, {"name": sa.make_url(url).database}).all()


def _sending(url: str) -> list[Any]:
    return query(url, sa.select(outbox.c.id).where(outbox.c.state == DeliveryState.SENDING))


def _sent_to(url: str, recipient: str) -> int:
    sent = sa.select(outbox.c.id).where(outbox.c.state == DeliveryState.SENT, outbox.c.recipient.startswith(recipient))
    return len(query(url, sent))
