"""The demo itself: all stories and a day's posts, officers at work, the morning's digest, a closing table.

Owns the order of things and the verdict; how people behave is in lives.py, what must come of a story in its file.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
import re
import shutil
import tempfile
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from importlib.resources import files
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from bot.demo.lives import MARK, Life
from bot.demo.posts import DemoPost, read_posts, shipped_posts
from bot.demo.show import Show
from bot.demo.stage import START, Stage, stage
from bot.demo.story import Player, Story, parse_story
from bot.demo.transcripts import write_transcripts
from bot.demo.truth import Tally, tally
from handlers.digest.demand import Scope, telling
from handlers.digest.editions import digest_text
from handlers.digest.period import Period, office_day
from handlers.digest.sheets import sheet_of
from handlers.digest.telling import Span, Telling, Whose
from handlers.reconciling.days import count_day
from handlers.time_limits import OFFICE_ZONE
from store.db import reading
from store.vocabulary import Language

POSTING_HOURS = timedelta(hours=8)  # the first day's posts come between nine and five
DAYS = timedelta(hours=25)  # until ten in the morning of the next day, after the digest
SERVED = 0.25  # share of tickets on which an officer works within the demo
SHOWN = 15  # on the timeline: every fifteenth ticket
SHIPPED_STORIES = re.compile(r"c\d+\.txt")  # the forty stories; the others are played by the tests


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoOptions:
    """What `smgt demo` was asked for."""

    posts: Path | None = None
    any_state: bool = False
    keep: Path | None = None
    as_json: bool = False
    seed: int = 1
    stories_only: bool = False


@dataclass(frozen=True, slots=True)
class Played:
    """What came of one stage."""

    tally: Tally
    failures: tuple[str, ...]
    stories: int


def run_demo(options: DemoOptions) -> int:
    """Play the demo; 0 when every story went as told and nothing was lost or doubled, else 1. Raises PostsFault.

    The stories and the day's posts are two stages with a clock each (some stories last weeks), played at once in two
    processes.
    """
    posts = [] if options.stories_only else (read_posts(options.posts) if options.posts else shipped_posts())
    show = Show(quiet=options.as_json)
    with tempfile.TemporaryDirectory(prefix="smgt-demo-") as temporary:
        folder = options.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        with _stories_beside(folder / "stories", options) as told:
            day = play_day(options, posts, folder, show) if posts else None
            stories = told()
        played = [one for one in (day, stories) if one is not None]
        if options.keep is None and not options.as_json:
            folder = _put_aside(folder)
        show.close([one.tally for one in played], stories, sorted(folder.glob("digest-*.html")), folder)
    for failure in (failure for one in played for failure in one.failures):
        show.say(f"Not as told: {failure}")
    if options.as_json:
        print(json.dumps(_summary(played), ensure_ascii=False))
    clean = all(not one.failures and not one.tally.lost and not one.tally.doubled for one in played)
    return 0 if clean else 1


@contextmanager
def _stories_beside(folder: Path, options: DemoOptions) -> Iterator[Callable[[], Played | None]]:
    """The stories in a process of their own; it ends with this one, on Ctrl-C too."""
    if options.posts is not None:
        yield lambda: None
        return
    context = get_context("spawn")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_tell_stories, args=(there, folder, options.seed), daemon=True)
    process.start()
    there.close()

    def told() -> Played:
        try:
            played: Played = here.recv()
        except EOFError:
            raise RuntimeError(
                "The process that plays the stories ended without a word; see what it printed."
            ) from None
        return played

    try:
        yield told
    finally:
        process.terminate()
        process.join()


def _tell_stories(there: Connection, folder: Path, seed: int) -> None:
    with suppress(KeyboardInterrupt):  # the terminal tells both processes; the other one says what there is to say
        there.send(play_stories(folder, seed))


def _put_aside(folder: Path) -> Path:
    """Keep what the demo wrote in one well-known place of the system's temporary folder, replacing the last."""
    kept = Path(tempfile.gettempdir()) / "smgt-demo"
    shutil.rmtree(kept, ignore_errors=True)
    shutil.copytree(folder, kept)
    return kept


def _summary(played: Sequence[Played]) -> dict[str, Any]:
    tallies = [one.tally for one in played]
    failed = sum(len(one.failures) for one in played)
    told = sum(one.stories for one in played)
    counted = (
        "posts",
        "complaints",
        "tickets",
        "replies",
        "lost",
        "doubled",
        "disposed",
        "satisfied",
        "reopened",
        "escalated",
    )
    return {
        **{name: sum(getattr(tally, name) for tally in tallies) for name in counted},
        "median_reply_seconds": next((tally.median_reply_seconds for tally in tallies), None),
        "stories": {"passed": told - min(failed, told), "failed": min(failed, told)},
        "failures": [failure for one in played for failure in one.failures],
    }


def shipped_stories() -> list[Story]:
    """The forty stories that the demo plays."""
    folder = files("bot.demo").joinpath("data").joinpath("stories")
    names = sorted(one.name for one in folder.iterdir() if SHIPPED_STORIES.fullmatch(one.name))
    return [parse_story(folder.joinpath(name).read_text(encoding="utf-8"), name) for name in names]


def play_stories(folder: Path, seed: int) -> Played:
    """Play the forty stories on a stage of their own; runs in a process beside the posts'."""
    folder.mkdir(parents=True, exist_ok=True)
    return asyncio.run(_play_stories(folder, seed))


async def _play_stories(folder: Path, seed: int) -> Played:
    _quiet()
    stories, failures = shipped_stories(), list[str]()
    async with _fresh_stage(folder, seed, {}) as ready:
        errors = await ready.perform(*_stories(ready, stories, failures))
        failures += [f"{type(error).__name__}: {error}" for error in errors if error is not None]
        return _closed(ready, folder, failures, len(stories), with_forms=False)


def play_day(options: DemoOptions, posts: Sequence[DemoPost], folder: Path, show: Show) -> Played:
    """Play the posts of a day and what comes of them until the next evening."""
    return asyncio.run(_play_day(options, posts, folder, show))


async def _play_day(options: DemoOptions, posts: Sequence[DemoPost], folder: Path, show: Show) -> Played:
    _quiet()
    failures: list[str] = []
    settings = {"SMGT_X_SWEEP_SECONDS": "900", "SMGT_ANY_STATE": "yes" if options.any_state else "no"}
    async with _fresh_stage(folder, options.seed, settings) as ready:
        beside = "" if options.posts else ", and beside them forty stories"
        show.say(f"SMGT demo: {len(posts)} posts{beside}, on emulated X, Facebook and Telegram.")
        ready.watchers.append(lambda: show.follow(ready, sample=SHOWN))
        with show.progress(len(posts), "posts"):
            errors = await ready.perform(*_lives(ready, posts, options.seed, show), ready.pass_time(DAYS))
        failures += [f"{type(error).__name__}: {error}" for error in errors if error is not None]
        return _closed(ready, folder, failures, 0, with_forms=options.keep is not None)


def _quiet() -> None:
    logging.getLogger("bot").setLevel(logging.ERROR)  # what fails and is tried again is part of the play


def _fresh_stage(folder: Path, seed: int, settings: dict[str, str]) -> AbstractAsyncContextManager[Stage]:
    for old in folder.glob("smgt.db*"):
        old.unlink()
    return stage(folder, settings=settings, seed=seed, webhooks=True)


def _not_adding_up(ready: Stage) -> Iterator[str]:
    """The office's own reconciliation of every day that was played."""
    begun, ended = office_day(START), office_day(ready.now)
    with reading(ready.office.engine) as conn:
        for days in range((ended - begun).days + 1):
            day = begun + timedelta(days=days)
            for one in count_day(conn, Period(day), ready.now).channels:
                for odd in one.mismatches:
                    yield f"{day} {one.channel} does not add up: {odd.code} {odd.table} {odd.ids}"


def _closed(ready: Stage, folder: Path, failures: list[str], stories: int, *, with_forms: bool) -> Played:
    counted = tally(ready)
    if counted.lost:
        failures.append(f"posts never decided or answered: {', '.join(counted.lost_ids)}")
    failures += _not_adding_up(ready)
    failures += _write_digests(ready, folder, with_forms=with_forms)
    write_transcripts(ready, folder / "transcripts")
    return Played(counted, tuple(failures), stories)


def _stories(ready: Stage, stories: Sequence[Story], failures: list[str]) -> list[Coroutine[Any, Any, None]]:
    async def play(story: Story, late: timedelta) -> None:
        await ready.pass_time(late)
        try:
            await Player(ready, story).play()
        except AssertionError as broken:
            failures.append(str(broken))

    return [play(story, MARK * at) for at, story in enumerate(stories)]


def _lives(ready: Stage, posts: Sequence[DemoPost], seed: int, show: Show) -> list[Coroutine[Any, Any, None]]:
    chance = random.Random(seed)  # noqa: S311 - a play, not a secret
    ready_until = ready.now + DAYS
    marks = int(POSTING_HOURS / MARK)

    async def live(post: DemoPost, at: timedelta, served: bool, own: random.Random) -> None:
        await ready.pass_time(at)
        await Life(ready, post, own, served, ready_until, lambda _: show.step()).live()

    return [
        live(post, MARK * chance.randrange(marks), chance.random() < SERVED, random.Random(f"{seed}:{post.id}"))  # noqa: S311
        for post in posts
    ]


def _write_digests(ready: Stage, folder: Path, *, with_forms: bool) -> list[str]:
    """The day's digest in two languages, in all forms if wanted; returns what could not be made."""
    day = START.astimezone(OFFICE_ZONE).date()
    faults: list[str] = []
    for language in (Language.EN, Language.HI):
        with reading(ready.office.engine) as conn:
            text = digest_text(conn, day, language, ready.now)
            told = telling(conn, Span.DAY, day, Scope(Whose.CMO), ready.now)
        head = f'<!doctype html><meta charset="utf-8"><title>SMGT {day}</title>'
        page = f'{head}<pre style="white-space:pre-wrap">{text}</pre>\n'
        (folder / f"digest-{day}.{language.value}.html").write_text(page, encoding="utf-8")
        if with_forms:
            faults += _write_forms(told, language, folder)
    return faults


def _write_forms(told: Telling, language: Language, folder: Path) -> list[str]:
    from bot.digest.folder import put_into
    from bot.digest.forms import forms_of

    made = forms_of(sheet_of(told, language))
    _, faults = put_into(folder, made.files)
    return [*made.faults, *faults]
