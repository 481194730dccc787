"""The demo itself: all stories and a day's posts on one stage, officers at work, digests in the morning, a closing table.

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
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from datetime import timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

from bot.demo.lives import MARK, Life
from bot.demo.posts import DemoPost, read_posts, shipped_posts
from bot.demo.show import Show
from bot.demo.stage import Stage, stage
from bot.demo.story import Player, Story, parse_story
from bot.demo.transcripts import write_transcripts
from bot.demo.truth import Tally, tally
from handlers.digest.editions import digest_text
from handlers.time_limits import OFFICE_ZONE
from store.db import reading
from store.vocabulary import Language, Platform

POSTING_HOURS = timedelta(hours=8)  # the first day's posts come between nine and five
DAYS = timedelta(days=3)
SERVED = 0.4  # share of tickets on which an officer works within the demo
SHOWN = 12  # on the timeline: every twelfth ticket
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


@dataclass(slots=True)
class _Result:
    tally: Tally
    failures: list[str]
    stories: int


def run_demo(options: DemoOptions) -> int:
    """Play the demo; 0 when every story went as told and nothing was lost or doubled, else 1. Raises PostsFault."""
    posts = [] if options.stories_only else (read_posts(options.posts) if options.posts else shipped_posts())
    logging.getLogger("bot").setLevel(logging.ERROR)  # what fails and is tried again is part of the play
    with tempfile.TemporaryDirectory(prefix="smgt-demo-") as temporary:
        folder = options.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "smgt.db").unlink(missing_ok=True)
        show = Show(quiet=options.as_json)
        result = asyncio.run(_play(options, posts, folder, show))
        digests = sorted(folder.glob("digest-*.html"))
        if not options.as_json and options.keep is None:
            kept = Path(tempfile.gettempdir()) / "smgt-demo"
            shutil.rmtree(kept, ignore_errors=True)
            shutil.copytree(folder, kept)
            folder, digests = kept, sorted(kept.glob("digest-*.html"))
        show.close(result.tally, result.stories - len(result.failures), len(result.failures), digests, folder)
    for failure in result.failures:
        show.say(f"Not as told: {failure}")
    if options.as_json:
        print(json.dumps(_summary(result), ensure_ascii=False))
    return 0 if not result.failures and not result.tally.lost and not result.tally.doubled else 1


def _summary(result: _Result) -> dict[str, Any]:
    counted = result.tally
    return {
        "posts": counted.posts,
        "complaints": counted.complaints,
        "tickets": counted.tickets,
        "replies": counted.replies,
        "lost": counted.lost,
        "doubled": counted.doubled,
        "disposed": counted.disposed,
        "satisfied": counted.satisfied,
        "reopened": counted.reopened,
        "escalated": counted.escalated,
        "median_reply_seconds": counted.median_reply_seconds,
        "stories": {"passed": result.stories - len(result.failures), "failed": len(result.failures)},
        "failures": result.failures,
    }


def shipped_stories() -> list[Story]:
    """The forty stories that the demo plays."""
    folder = files("bot.demo").joinpath("data").joinpath("stories")
    names = sorted(one.name for one in folder.iterdir() if SHIPPED_STORIES.fullmatch(one.name))
    return [parse_story(folder.joinpath(name).read_text(encoding="utf-8"), name) for name in names]


async def _play(options: DemoOptions, posts: Sequence[DemoPost], folder: Path, show: Show) -> _Result:
    stories = [] if options.posts else shipped_stories()
    settings = {"SMGT_ANY_STATE": "yes"} if options.any_state else {}
    async with stage(folder, settings=settings, seed=options.seed, webhooks=True) as ready:
        show.say(f"SMGT demo: {len(posts)} posts and {len(stories)} stories on emulated X, Facebook and Telegram.")
        ready.watchers.append(lambda: show.follow(ready, sample=SHOWN))
        failures: list[str] = []
        with show.progress(len(posts) + len(stories), "people heard"):
            acts = [*_stories(ready, stories, failures, show), *_lives(ready, posts, options.seed, show), _days(ready)]
            for error in await ready.perform(*acts):
                if error is not None:
                    failures.append(f"{type(error).__name__}: {error}")
        counted = tally(ready, _everything_posted(ready))
        if counted.lost:
            failures.append(f"posts never decided or answered: {', '.join(counted.lost_ids)}")
        _write_digests(ready, folder)
        write_transcripts(ready, folder / "transcripts")
        return _Result(counted, failures, len(stories))


def _stories(
    ready: Stage, stories: Sequence[Story], failures: list[str], show: Show
) -> list[Coroutine[Any, Any, None]]:
    async def play(story: Story, late: timedelta) -> None:
        await ready.pass_time(late)
        try:
            await Player(ready, story).play()
        except AssertionError as broken:
            failures.append(str(broken))
        show.step()

    return [play(story, MARK * at) for at, story in enumerate(stories)]


def _lives(ready: Stage, posts: Sequence[DemoPost], seed: int, show: Show) -> list[Coroutine[Any, Any, None]]:
    chance = random.Random(seed)  # noqa: S311 - a play, not a secret
    marks = int(POSTING_HOURS / MARK)

    async def live(post: DemoPost, at: timedelta, served: bool, own: random.Random) -> None:
        await ready.pass_time(at)
        await Life(ready, post, own, served, lambda _: show.step()).live()

    return [
        live(post, MARK * chance.randrange(marks), chance.random() < SERVED, random.Random(f"{seed}:{post.id}"))  # noqa: S311
        for post in posts
    ]


async def _days(ready: Stage) -> None:
    """Let the days pass, so that reminders, escalations, silences and morning digests have their moments."""
    await ready.pass_time(DAYS)


def _everything_posted(ready: Stage) -> dict[tuple[Platform, str], str]:
    """Every post of citizens that still stands and names the office, as the platforms know it."""
    posted: dict[tuple[Platform, str], str] = {}
    for account in ready.sandbox.x.dump()["posts"]:
        if (
            not account["by_api"]
            and not account["deleted"]
            and account["author"] != "cmohry"
            and not account["repost_of"]
        ):
            posted[(Platform.X, str(account["id"]))] = str(account["text"])
    for story in ready.sandbox.facebook.dump()["stories"]:
        if not story["by_page"] and not story["deleted"]:
            posted[(Platform.FACEBOOK, str(story["id"]))] = str(story["text"])
    return posted


def _write_digests(ready: Stage, folder: Path) -> None:
    day = ready.now.astimezone(OFFICE_ZONE).date() - DAYS
    with reading(ready.office.engine) as conn:
        for language in (Language.EN, Language.HI):
            text = digest_text(conn, day, language, ready.now)
            page = f'<!doctype html><meta charset="utf-8"><title>SMGT {day}</title><pre style="white-space:pre-wrap">{text}</pre>\n'
            (folder / f"digest-{day}.{language.value}.html").write_text(page, encoding="utf-8")
