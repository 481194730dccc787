"""One platform in trouble, for hours: its neighbours read, decide and send as if nothing were wrong."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from run_rig import COMPLAINT, POTHOLES, Run, environment, fill_directory, on_x, replies_on_x, texts_in
from stage_platforms import WORDS, Stage, set_stage

from bot.sandbox.server import Sandbox, build
from bot.sandbox.world import Fault, FaultKind
from store.vocabulary import Platform

PROMPT = 20.0  # real seconds on a busy machine; a platform that is waited for would take 30 for each request


@pytest.fixture
def folder(tmp_path: Path, migrated_sqlite_file: Path) -> Path:
    shutil.copyfile(migrated_sqlite_file, tmp_path / "smgt.db")
    return tmp_path


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with build(limit_scale=None).serve() as one:
        yield one


def _told(sandbox: Sandbox, chats: dict[str, int]) -> int:
    """How many messages stand in the officers' groups."""
    return sum(len(texts_in(sandbox, chat)) for chat in chats.values())


@pytest.mark.parametrize("kind", [FaultKind.ERROR_BEFORE, FaultKind.SLOW, FaultKind.REVOKED])
def test_x_in_trouble_for_hours_delays_nobody(folder: Path, sandbox: Sandbox, kind: FaultKind) -> None:
    given = environment(sandbox, folder, SMGT_SEND_DEADLINE_SECONDS="60")
    chats = fill_directory(sandbox, given["SMGT_DATABASE_URL"])
    sandbox.facebook.add_user("mohan", "Mohan")
    with Run(given, folder) as run:
        for name in ("cmohry", "cmo", "desk"):
            run.wait_for(f"{name} at work", lambda name=name: f"{name} is " in run.said())
        sandbox.world.faults.add(Fault(Platform.X, "*", kind, times=None, seconds=30.0))
        lost = on_x(sandbox, "asha", COMPLAINT)
        for hour in range(2):
            sandbox.world.clock.advance(timedelta(hours=1))
            told = _told(sandbox, chats)
            replies = len(sandbox.facebook.posts_by_page())
            begun = time.monotonic()
            text = f"Hisar me {hour + 2} din se pani nahi aa raha, ward {hour + 5}"
            sandbox.facebook.tag_post(f"mohan{hour}", text, hide_author=False)
            run.wait_for("the reply", lambda replies=replies: len(sandbox.facebook.posts_by_page()) > replies)
            run.wait_for("the notice", lambda told=told: _told(sandbox, chats) > told)
            assert time.monotonic() - begun < PROMPT
        assert replies_on_x(sandbox, lost) == []
        if kind is FaultKind.ERROR_BEFORE:
            sandbox.world.faults.clear()
            sandbox.world.clock.advance(timedelta(minutes=30))
            later = on_x(sandbox, "ravi", POTHOLES)
            run.wait_for("X again", lambda: replies_on_x(sandbox, lost) and replies_on_x(sandbox, later))


@pytest.fixture(params=list(Platform))
async def stage(request: pytest.FixtureRequest) -> Stage:
    return set_stage(request.param)


async def test_calls_that_hang_leave_the_common_threads_alone(stage: Stage) -> None:
    """The database is asked in the program's common threads, of which two processors have six."""
    port = stage.new_port()
    stage.say("sunita", WORDS)
    stage.fails("*", FaultKind.SLOW, times=None, seconds=1.0)
    hanging = [asyncio.create_task(port.identify()) for _ in range(40)]
    await asyncio.sleep(0.2)
    try:
        assert await asyncio.wait_for(asyncio.to_thread(lambda: "free"), 0.5) == "free"
        assert not any(task.done() for task in hanging)
    finally:
        for task in hanging:
            task.cancel()
        await asyncio.gather(*hanging, return_exceptions=True)
        await port.close()
