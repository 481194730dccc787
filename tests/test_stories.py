"""Every story file, played by the real SDKs on emulated platforms, each on a stage of its own."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from digest_comparing import compare

from bot.demo.script import StoryFault, parse_story, read_story
from bot.demo.story import Player, StoryBroken, stage_for
from handlers.digest.period import Period, PeriodKind, office_day, period_of
from handlers.reconciling.days import count_day
from store.db import reading

STORIES = Path(__file__).parents[1] / "bot" / "demo" / "data" / "stories"
FILES = sorted(STORIES.glob("*.txt"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
async def test_story(file: Path, tmp_path: Path, migrated_sqlite_file: Path) -> None:
    shutil.copy(migrated_sqlite_file, tmp_path / "smgt.db")
    story = read_story(file)
    async with stage_for(story, tmp_path) as stage:
        begun = office_day(stage.now)
        await Player(stage, story).play()
        with reading(stage.office.engine) as conn:
            for days in range((office_day(stage.now) - begun).days + 1):
                count = count_day(conn, Period(begun + timedelta(days=days)), stage.now)
                assert {one.channel: one.mismatches for one in count.channels if not one.adds_up} == {}
                compare(conn, Period(begun + timedelta(days=days)), "cmo", stage.now)
            for kind in (PeriodKind.WEEK, PeriodKind.MONTH):
                compare(conn, period_of(kind, begun), "cmo", stage.now)


def test_the_forty_stories_are_there() -> None:
    assert [file.stem for file in FILES if file.stem.startswith("c")] == [f"c{number:02d}" for number in range(1, 41)]


def test_every_story_expects_something_of_its_first_words() -> None:
    for file in FILES:
        story = read_story(file)
        spoken = next(step for step in story.steps if step.who not in ("passer", "minister"))
        assert spoken.expects, file.name


async def test_a_story_that_goes_wrong_is_told(tmp_path: Path, migrated_sqlite_file: Path) -> None:
    shutil.copy(migrated_sqlite_file, tmp_path / "smgt.db")
    text = (STORIES / "c23.txt").read_text(encoding="utf-8").replace("tickets 0", "tickets 7")
    story = parse_story(text, "wrong.txt")
    async with stage_for(story, tmp_path) as stage:
        with pytest.raises(StoryBroken, match=r"wrong\.txt, line 5 .* expected `tickets 7`, found 0 tickets"):
            await Player(stage, story).play()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("platform: x\n", "the head `story:` is missing"),
        ("story: a\nplatform: mastodon\ncitizen: @a\n", "platform is x or facebook"),
        ("= status closed\n", "line 1: an expectation needs a step"),
        ("story: a\nplatform: x\ncitizen: @a\nnobody> hello\n", "line 4: neither a head, a step"),
        ("story: a\nplatform: x\ncitizen: @a\nstart: noon\n", "start is a time like"),
    ],
)
def test_a_story_that_cannot_be_read_names_the_line(text: str, sentence: str) -> None:
    with pytest.raises(StoryFault, match=sentence):
        parse_story(text, "bad.txt")
