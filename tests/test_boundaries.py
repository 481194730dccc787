"""The proof of the pipeline: whatever happens at whichever boundary, one ticket for each complaint, one reply to it.

A whole office reads, decides and sends over HTTP against the emulated platforms. At each named boundary it is killed,
meets a fault of its own, loses its database, or hangs until another owner has taken over and finished.
"""

from __future__ import annotations

import ast
import asyncio
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from boundary_play import How, Play, Seen, is_inside, run_to_the_end, set_play, trouble

from bot.sandbox.world import Fault, FaultKind
from store import boundaries
from store.boundaries import BOUNDARIES, install, passing
from store.vocabulary import Platform

ROOT = Path(__file__).parent.parent


def _passed() -> list[str]:
    names = []
    for folder in ("bot", "handlers", "store"):
        for file in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "passing":
                    assert isinstance(node.args[0], ast.Constant), f"{file}: a boundary is named by a word"
                    names.append(str(node.args[0].value))
    return names


def test_every_named_boundary_is_passed_and_no_other() -> None:
    assert set(_passed()) == set(BOUNDARIES)


def test_a_hook_hears_of_what_is_passed_until_it_is_taken_away() -> None:
    heard: list[str] = []
    install(heard.append)
    try:
        passing("intake.asking")
    finally:
        install(None)
    passing("intake.written")
    assert heard == ["intake.asking"]


# -- whatever happens at a boundary ------------------------------------------------------------------------------------

ACTS = {"time": "days_pass", "digest": "days_pass", "morning": "days_pass", "alarms": "alarms", "webhook": "webhook"}
TROUBLED = ("readback.", "repeat.", "delivery.failed_")
_undisturbed: dict[tuple[str, bool], Seen] = {}


def act_of(name: str) -> str:
    return ACTS.get(name.partition(".")[0], "talk")


def undisturbed(act: str, is_troubled: bool, new_url: Callable[[], str]) -> Seen:
    """The same play when nothing happens; played once."""
    if (act, is_troubled) not in _undisturbed:
        play = set_play(new_url())
        if is_troubled:
            trouble(play)
        _undisturbed[act, is_troubled] = run_to_the_end(play, act)
    return _undisturbed[act, is_troubled]


@pytest.fixture
def new_sqlite(migrated_sqlite_file: Path, tmp_path: Path) -> Callable[[], str]:
    """Makes a fresh database and returns its URL."""

    def make() -> str:
        file = tmp_path / f"{time.monotonic_ns()}.db"
        shutil.copyfile(migrated_sqlite_file, file)
        return f"sqlite:///{file}"

    return make


def proves(name: str, how: How, url: str, usual: Seen) -> None:
    play = set_play(url)
    if name.startswith(TROUBLED):
        trouble(play)
    if "put_back" in name:
        play.plan((name, how), late_at="delivery.sending_written")
    elif "orphans" in name:
        play.plan(("delivery.requesting", How.KILL), (name, how))
    else:
        play.plan((name, how))
    seen = run_to_the_end(play, act_of(name))
    assert play.fired[-1:] == [name], "the boundary was not reached"
    assert_clean(seen, usual)


def assert_clean(seen: Seen, usual: Seen) -> None:
    """Nothing lost, nothing said twice."""
    assert seen.tickets == 2
    assert seen.unfinished == []
    assert seen.told == usual.told
    for said, platform in ((seen.on_x, "x"), (seen.on_facebook, "facebook")):
        assert len(said) == sum(count for (where, _), count in seen.told.items() if where == platform)
        assert len(set(said)) == len(said)
    assert seen.notices <= seen.on_telegram, "a notice is lost"
    assert seen.on_telegram <= seen.notices + seen.repeated, "a notice stands twice and is not marked as a repeat"


@pytest.mark.parametrize("how", How)
@pytest.mark.parametrize("name", BOUNDARIES)
def test_nothing_is_lost_or_said_twice(name: str, how: How, new_sqlite: Callable[[], str]) -> None:
    proves(name, how, new_sqlite(), undisturbed(act_of(name), name.startswith(TROUBLED), new_sqlite))


ON_POSTGRESQL = [(name, How.KILL) for name in BOUNDARIES]
ON_POSTGRESQL += [(name, How.HANG) for name in BOUNDARIES if not is_inside(name)]


@pytest.mark.postgres
@pytest.mark.parametrize(("name", "how"), ON_POSTGRESQL)
def test_nothing_is_lost_or_said_twice_on_postgresql(
    name: str, how: How, postgres_engine: object, migrated_postgres_url: str, new_sqlite: Callable[[], str]
) -> None:
    proves(name, how, migrated_postgres_url, undisturbed(act_of(name), name.startswith(TROUBLED), new_sqlite))


# -- in the middle of a request ----------------------------------------------------------------------------------------

LOST_ANSWERS = (
    FaultKind.ERROR_BEFORE,
    FaultKind.ERROR_AFTER,
    FaultKind.RESET_BEFORE,
    FaultKind.RESET_AFTER,
    FaultKind.NOT_JSON,
    FaultKind.HALF_ANSWER,
)
SENDING = {Platform.X: "create", Platform.FACEBOOK: "comment", Platform.TELEGRAM: "sendMessage"}


@pytest.mark.parametrize("kind", LOST_ANSWERS)
def test_it_dies_as_the_answer_is_lost(kind: FaultKind, new_sqlite: Callable[[], str]) -> None:
    play = set_play(new_sqlite())
    for platform, operation in SENDING.items():
        play.sandbox.world.faults.add(Fault(platform, operation, kind))
    play.plan(*[("delivery.answered", How.KILL)] * 3)
    seen = run_to_the_end(play, "talk")
    assert len(play.fired) == 3
    assert_clean(seen, undisturbed("talk", False, new_sqlite))


def _stands(play: Play, platform: Platform) -> bool:
    """Whether a message of ours is there to be seen."""
    match platform:
        case Platform.X:
            return bool(play.sandbox.x.posts_by("cmohry"))
        case Platform.FACEBOOK:
            return bool(play.sandbox.facebook.posts_by_page())
        case Platform.TELEGRAM:
            return bool(play.notices())


@pytest.mark.parametrize("platform", Platform)
def test_it_dies_after_the_effect_and_before_the_answer(platform: Platform, new_sqlite: Callable[[], str]) -> None:
    play = set_play(new_sqlite())
    play.sandbox.world.faults.add(Fault(platform, SENDING[platform], FaultKind.SLOW, seconds=1.0))

    async def die_in_the_middle() -> None:
        life = asyncio.create_task(play.live(play.talk))
        for _ in range(500):
            if _stands(play, platform):
                break
            await asyncio.sleep(0.01)
        assert not life.done()
        play.dead.add(play.lives)
        life.cancel()
        await asyncio.wait({life})

    boundaries.install(play.passing)
    try:
        asyncio.run(die_in_the_middle())
    finally:
        boundaries.install(None)
    assert_clean(run_to_the_end(play, "talk"), undisturbed("talk", False, new_sqlite))
