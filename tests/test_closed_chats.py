"""Desks whose chat takes nothing from the bot: nothing is lost, people are told which desk and what to do, and it mends."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
import sqlalchemy as sa
from desk_storm_stage import Storm, desk_storm

from bot.checking import store_findings
from handlers.alarms import queue_alarms
from handlers.reach import EVERYBODY
from store import outbox
from store.alarms import open_alarms
from store.closed_chats import bind_anew
from store.db import reading, writing
from store.directory import load_directory
from store.vocabulary import DeliveryState

MENDED = timedelta(minutes=6)


def numbers_in_order(storm: Storm, chat: int) -> list[str]:
    return [one["text"][:14] for one in storm.standing(chat) if one["text"].startswith("HRY")]


async def play(storm: Storm, span: timedelta) -> None:
    """Let time pass, hearing what Telegram says, and tell the CMO desk of alarms as the schedule does."""
    end = storm.now + span
    while storm.now < end:
        await storm.hear()
        with writing(storm.engine) as conn:
            queue_alarms(conn, storm.now, load_directory(conn, storm.now), EVERYBODY)
        await storm.second()
        storm.wait_until(storm.now + timedelta(seconds=9))


def said_by_check(storm: Storm) -> str:
    return " ".join(one.text for one in store_findings(storm.engine, storm.now) if not one.ok)


Break = Callable[[Storm], None]


def remove(storm: Storm) -> None:
    storm.stage.telegram.remove_bot(storm.group)


def restrict(storm: Storm) -> None:
    storm.stage.telegram.set_membership(storm.group, "restricted")


@pytest.mark.parametrize("is_heard", [True, False], ids=["told", "found out"])
@pytest.mark.parametrize(
    ("breaks", "to_do"), [(remove, "add it again"), (restrict, "right to send")], ids=["removed", "no rights"]
)
async def test_a_group_that_shuts_us_out_loses_nothing(
    engine: sa.Engine, breaks: Break, to_do: str, *, is_heard: bool
) -> None:
    """Whether Telegram's word of it comes or is lost, and whether its word of the mending comes or is lost."""
    async with desk_storm(engine) as storm:
        storm.link(storm.stage.kavita, "Nodal Hisar")
        breaks(storm)
        if not is_heard:
            storm.forget_updates()
        await storm.hear()
        storm.post("Hisar", 3)
        await play(storm, timedelta(minutes=1))
        storm.post("Hisar", 1)  # the desk is known to be lost now: its officer reads of it alone
        await play(storm, timedelta(minutes=1))
        assert to_do in said_by_check(storm)
        assert "phed-hisar" in said_by_check(storm)
        assert [one["text"] for one in storm.standing(storm.cmo) if "Water Hisar" in one["text"]]
        lost = 0 if is_heard else 3
        assert len(numbers_in_order(storm, storm.stage.kavita)) == 4 - lost
        with reading(engine) as conn:
            assert outbox.count_by_state(conn, storm.telegram)[DeliveryState.PARKED] == 0
        storm.stage.telegram.set_membership(storm.group, "member")
        if not is_heard:
            storm.forget_updates()
        await play(storm, MENDED)
        storm.post("Hisar", 1)
        await play(storm, timedelta(minutes=1))
        shown = numbers_in_order(storm, storm.group)
        assert shown == sorted(shown)
        assert len(shown) == lost + 1
        with reading(engine) as conn:
            assert [one.code for one in open_alarms(conn) if one.code.startswith("desk_")] == []
            assert storm.waiting() == 0


async def test_a_closed_topic_holds_its_own_desk_only(engine: sa.Engine) -> None:
    async with desk_storm(engine, forum_topics=("Hisar", "Karnal")) as storm:
        topics = storm.stage.telegram.topics(storm.group)
        storm.seat("phed-hisar", storm.group, topics["Hisar"])
        storm.seat("phed-karnal", storm.group, topics["Karnal"])
        storm.link(storm.stage.kavita, "Nodal Hisar")
        storm.stage.telegram.close_topic(storm.group, "Hisar")
        storm.post("Hisar", 2)
        storm.post("Karnal", 2)
        await play(storm, timedelta(minutes=1))
        assert {one["topic"] for one in storm.standing()} == {topics["Karnal"]}
        assert "topic is closed" in said_by_check(storm)
        assert "phed-karnal" not in said_by_check(storm)
        storm.post("Hisar", 1)
        await play(storm, timedelta(minutes=1))
        assert len(numbers_in_order(storm, storm.stage.kavita)) == 1
        storm.open_topic("Hisar")
        await play(storm, MENDED)
        told = [one["text"][:14] for one in storm.standing() if one["topic"] == topics["Hisar"]]
        assert len(told) == 2
        assert told == sorted(told)
        assert "topic is closed" not in said_by_check(storm)


async def test_an_anonymous_admin_is_told_to_write_under_their_own_name(engine: sa.Engine) -> None:
    async with desk_storm(engine) as storm:
        storm.link(storm.stage.kavita, "Nodal Hisar")
        storm.stage.telegram.write(storm.stage.kavita, storm.group, "/pending", anonymous=True)
        await play(storm, timedelta(seconds=10))
        assert "under your own name" in storm.standing()[-1]["text"]


async def test_a_new_group_takes_over_what_waited_for_the_lost_one(engine: sa.Engine) -> None:
    async with desk_storm(engine) as storm:
        storm.link(storm.stage.kavita, "Nodal Hisar")
        remove(storm)
        storm.forget_updates()
        storm.post("Hisar", 3)
        await play(storm, timedelta(minutes=1))
        assert storm.waiting() > 0
        new = storm.stage.telegram.add_group("Water Hisar, new", members=[storm.stage.kavita])
        with writing(engine) as conn:
            assert bind_anew(conn, "phed-hisar", str(new), None, storm.now) > 0
        await play(storm, MENDED)
        shown = numbers_in_order(storm, new)
        assert len(shown) == 3
        assert shown == sorted(shown)
        assert storm.waiting() == 0
        assert "phed-hisar" not in said_by_check(storm)
