"""A storm of complaints to one desk: read in lists, answered at once, nothing lost, nothing said twice."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from desk_storm_stage import NUMBER, Storm, desk_storm

from bot.pace import GROUPS, Pace, PacePolicy
from handlers.desk import crowds
from handlers.gate import LIST_STEP
from handlers.reach import EVERYBODY, Reach
from store import outbox
from store.db import reading, writing
from store.outbox import OutboxRow
from store.tables import buttons, tickets
from store.vocabulary import DeliveryState

MANY = 100  # the rule is the same at 500, which takes a minute to play
NOW = datetime.fromisoformat("2026-11-24T04:00:00+00:00")
LIST = "Much has come at once"


def lists_in(storm: Storm) -> list[dict[str, Any]]:
    return [one for one in storm.standing() if one["text"].startswith(LIST)]


def rows_of(storm: Storm, *states: DeliveryState, template: str | None = None) -> list[OutboxRow]:
    with reading(storm.engine) as conn:
        found = outbox.list_rows(conn, channel_id=storm.telegram, states=states or None, limit=10_000)
    return [row for row in found if template is None or row.template == template]


async def all_out(storm: Storm) -> timedelta:
    return await storm.until(lambda: storm.waiting() == 0)


async def crowd(storm: Storm, many: int = 40) -> None:
    """So many complaints that the desk reads of them in lists, all of them sent."""
    storm.post("Hisar", many)
    await all_out(storm)


# -- the storm itself ----------------------------------------------------------------------------------------------------


async def test_a_storm_is_read_in_lists_and_answered_at_once(engine: sa.Engine) -> None:
    async with desk_storm(engine) as storm:
        storm.link(storm.stage.kavita, "Nodal Hisar")
        began, asked = storm.now, []
        for at in range(MANY // 10):
            storm.post("Hisar", 10)
            if at % 4 == 2:
                asked.append(storm.now)
                storm.stage.telegram.write(storm.stage.kavita, storm.group, "/pending")
                await storm.hear()
            if at == MANY // 20:
                storm.post("Hisar", 1, "pani ki tanki gir gayi, log dabe hain, jaan ka khatra, turant madad")
                cried = storm.now
            for _ in range(3):
                await storm.second()
        await all_out(storm)

        assert storm.now - began < timedelta(minutes=3)  # one by one it takes five minutes; 500 take 25
        assert len(storm.standing()) < MANY / 2
        assert storm.refused() == 0  # Telegram never had to ask us to slow down
        answered = [datetime.fromisoformat(one["sent_at"]) for one in storm.standing() if "Waiting" in one["text"]]
        assert answered == asked  # each in the very second in which the officer wrote
        assert storm.when(storm.cmo, "EMERGENCY") == cried
        for one in lists_in(storm):
            numbers = NUMBER.findall(one["text"])
            assert 1 <= len(numbers) <= crowds.LINES
            assert len(one["text"]) <= 4096
            assert [button["text"] for line in one["buttons"] for button in line] == numbers
        told = Counter(
            number for one in storm.standing() if "Waiting" not in one["text"] for number in NUMBER.findall(one["text"])
        )
        with reading(engine) as conn:
            ordinary = set(conn.scalars(sa.select(tickets.c.number).where(tickets.c.urgent.is_(sa.false()))))
        assert ordinary <= set(told)
        assert len(ordinary) == MANY
        assert {many for number, many in told.items() if number in ordinary} == {1}


async def test_a_desk_with_little_to_read_reads_each_ticket_alone(engine: sa.Engine) -> None:
    async with desk_storm(engine) as storm:
        storm.post("Hisar", 20)
        await all_out(storm)
        assert len(storm.standing()) == 20
        assert lists_in(storm) == []
        assert storm.refused() == 0


# -- from a list to the ticket -------------------------------------------------------------------------------------------


async def test_a_ticket_of_a_list_opens_as_a_card_which_is_its_notice_from_then_on(engine: sa.Engine) -> None:
    async with desk_storm(engine) as storm:
        storm.link(storm.stage.kavita, "Nodal Hisar")
        await crowd(storm)
        one = lists_in(storm)[0]
        number = NUMBER.findall(one["text"])[0]
        storm.stage.telegram.press(storm.stage.kavita, storm.group, one["id"], number)
        await storm.hear()
        await storm.second()
        card = storm.standing()[-1]
        assert number in card["text"]
        assert "pani nahi" in card["text"]
        storm.stage.telegram.press(storm.stage.kavita, storm.group, card["id"], "Accept")
        await storm.hear()
        await storm.second()
        card = next(shown for shown in storm.standing() if shown["id"] == card["id"])
        assert card["edited"]
        assert "accepted" in card["text"]
        storm.stage.telegram.write(
            storm.stage.kavita, storm.group, "Pipe repaired, supply is back.", reply_to=card["id"]
        )
        await storm.hear()
        await all_out(storm)
        assert "Pipe repaired" in storm.standing()[-1]["text"]
        assert rows_of(storm, DeliveryState.CANCELLED, DeliveryState.PARKED) == []


async def test_what_happens_to_a_ticket_before_it_is_opened_edits_nothing(engine: sa.Engine) -> None:
    async with desk_storm(engine) as storm:
        storm.link(storm.stage.kavita, "Nodal Hisar")
        await crowd(storm)
        one = lists_in(storm)[0]
        number = NUMBER.findall(one["text"])[0]
        storm.accept_privately(number)
        await all_out(storm)
        assert rows_of(storm, DeliveryState.CANCELLED, DeliveryState.PARKED) == []
        storm.stage.telegram.press(storm.stage.kavita, storm.group, one["id"], number)
        await storm.hear()
        await storm.second()
        assert "accepted" in storm.standing()[-1]["text"]  # the card tells how it stands now


async def test_an_edit_made_while_its_notice_goes_into_a_list_is_told_with_it(engine: sa.Engine) -> None:
    async with desk_storm(engine) as storm:
        storm.post("Hisar", 40)
        first = rows_of(storm, DeliveryState.PENDING, template="notice")[0]
        edit = outbox.NewRow(
            channel_id=storm.telegram,
            step_id=f"{first.step_id}:edit:late",
            recipient=first.recipient,
            destination=first.destination,
            template="notice",
            outgoing=storm.edit_of(first),
            ticket_id=first.ticket_id,
            follows_step=first.step_id,
            supersede_key=first.step_id,
        )
        with writing(engine) as conn:
            assert crowds.gather_news(conn, storm.telegram, storm.now, EVERYBODY) == 2
            outbox.add(conn, [edit], storm.now)  # of a transaction that did not see the list yet
        await all_out(storm)
        assert {row.state for row in rows_of(storm, template="notice")} == {DeliveryState.SUPERSEDED}
        assert len(storm.standing()) == 2


# -- who is never in a list ----------------------------------------------------------------------------------------------


async def test_nothing_sensitive_is_told_in_a_list(engine: sa.Engine) -> None:
    async with desk_storm(engine) as storm:
        storm.post("Hisar", 40)
        hidden = storm.make_sensitive(0)
        await all_out(storm)
        assert lists_in(storm)
        assert not any(hidden in one["text"] for one in lists_in(storm))


async def test_a_list_is_taken_apart_when_one_of_its_tickets_becomes_sensitive(engine: sa.Engine) -> None:
    async with desk_storm(engine) as storm:
        storm.post("Hisar", 40)
        with writing(engine) as conn:
            assert crowds.gather_news(conn, storm.telegram, storm.now, EVERYBODY) == 2
        hidden = storm.make_sensitive(3)
        await all_out(storm)
        assert len(lists_in(storm)) == 1  # the other list is undone: its tickets are told one by one
        assert not any(hidden in one["text"] for one in lists_in(storm))
        assert len(storm.told()) == 40


async def test_urgent_news_and_news_with_buttons_are_never_gathered(engine: sa.Engine) -> None:
    async with desk_storm(engine) as storm:
        storm.post("Hisar", 40)
        with writing(engine) as conn:
            urgent = rows_of(storm, template="notice")[0]
            conn.execute(sa.update(outbox.outbox).where(outbox.outbox.c.id == urgent.id).values(urgent=True))
            crowds.gather_news(conn, storm.telegram, storm.now, EVERYBODY)
        assert [row.id for row in rows_of(storm, DeliveryState.PENDING, template="notice")] == [urgent.id]


async def test_words_of_a_citizen_stay_words_in_a_list(engine: sa.Engine) -> None:
    async with desk_storm(engine) as storm:
        storm.post("Hisar", 35)
        hostile = "<b>x</b> & \u202e<a href='http://evil.example'>gali</a> " + "ख" * 300
        with writing(engine) as conn:
            conn.execute(sa.update(tickets).values(locality=hostile[:120]))
        await all_out(storm)
        text = lists_in(storm)[0]["text"]
        assert "<b>x</b> &" in text
        assert "\u202e" not in text
        assert all(entity["type"] == "bold" for entity in lists_in(storm)[0]["entities"])


# -- modes ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reach", [Reach(silent=True), Reach(district="Karnal")], ids=str)
async def test_a_list_that_may_not_leave_is_taken_apart_and_each_part_is_held(engine: sa.Engine, reach: Reach) -> None:
    async with desk_storm(engine) as storm:
        storm.post("Hisar", 40)
        with writing(engine) as conn:
            crowds.gather_news(conn, storm.telegram, storm.now, EVERYBODY)
        storm.delivery = storm.deliverer(reach=reach)
        await all_out(storm)
        assert storm.standing() == []
        assert len(rows_of(storm, DeliveryState.HELD, template="notice")) == 40


# -- failures ------------------------------------------------------------------------------------------------------------


async def test_a_sender_that_dies_while_it_gathers_has_changed_nothing(engine: sa.Engine) -> None:
    async with desk_storm(engine) as storm:
        storm.post("Hisar", 40)
        before = [(row.id, row.state) for row in rows_of(storm)]

        def dying(*told: Any, **how: Any) -> int:
            crowds.gather_news(*told, **how)
            raise RuntimeError("killed")

        with pytest.raises(RuntimeError):
            await storm.deliverer(gather=dying).send_due()
        assert [(row.id, row.state) for row in rows_of(storm)] == before
        with reading(engine) as conn:
            assert conn.scalar(sa.select(sa.func.count()).where(buttons.c.cycle.startswith(LIST_STEP))) == 0


async def test_gathering_twice_makes_one_list_of_each_part(engine: sa.Engine) -> None:
    async with desk_storm(engine) as storm:
        storm.post("Hisar", 45)
        with writing(engine) as conn:
            made = [crowds.gather_news(conn, storm.telegram, storm.now, EVERYBODY) for _ in range(2)]
        assert made == [3, 0]
        parts = rows_of(storm, DeliveryState.SUPERSEDED, template="notice")
        lists = {row.id: row for row in rows_of(storm, template=crowds.TEMPLATE)}
        assert len(parts) == 45
        for part in parts:
            told = lists[part.gathered_into or 0].outgoing
            assert told is not None
            assert storm.number_of(part.ticket_id) in told.text


async def test_the_lists_follow_a_group_that_becomes_a_supergroup(engine: sa.Engine) -> None:
    async with desk_storm(engine, supergroup=False) as storm:
        storm.link(storm.stage.kavita, "Nodal Hisar")
        storm.post("Hisar", 40)
        with writing(engine) as conn:
            crowds.gather_news(conn, storm.telegram, storm.now, EVERYBODY)
        storm.group = storm.stage.telegram.migrate(storm.group)
        await all_out(storm)
        assert len(storm.told()) == 40
        one = lists_in(storm)[0]
        storm.stage.telegram.press(storm.stage.kavita, storm.group, one["id"], NUMBER.findall(one["text"])[0])
        await storm.hear()
        await storm.second()
        assert "pani nahi" in storm.standing()[-1]["text"]


async def test_two_desks_of_one_forum_read_their_own_lists(engine: sa.Engine) -> None:
    async with desk_storm(engine, forum_topics=("Hisar", "Karnal")) as storm:
        topics = storm.stage.telegram.topics(storm.group)
        storm.seat("phed-hisar", storm.group, topics["Hisar"])
        storm.seat("phed-karnal", storm.group, topics["Karnal"])
        storm.post("Hisar", 20)
        storm.post("Karnal", 20)
        await all_out(storm)
        for district, topic in topics.items():
            other = "Karnal" if district == "Hisar" else "Hisar"
            shown = [one for one in lists_in(storm) if one["topic"] == topic]
            assert len(shown) == 1
            assert district in shown[0]["text"]
            assert other not in shown[0]["text"]


# -- order and pace ------------------------------------------------------------------------------------------------------


async def test_what_stands_before_an_answer_goes_with_it(engine: sa.Engine) -> None:
    """Order holds for each ticket; an officer's answer does not wait for a quiet minute because of that."""
    async with desk_storm(engine) as storm:
        storm.link(storm.stage.kavita, "Nodal Hisar")
        storm.post("Hisar", 12)
        last = storm.number_of(rows_of(storm, template="notice")[-1].ticket_id)
        storm.stage.telegram.write(storm.stage.kavita, storm.group, f"/ticket {last}")
        await storm.hear()
        await storm.second()
        assert [last in one["text"] for one in storm.standing()].count(True) == 2
        assert len(storm.standing()) <= 5


async def test_a_new_owner_of_the_lane_keeps_the_pace_of_the_old_one(engine: sa.Engine) -> None:
    async with desk_storm(engine) as storm:
        storm.post("Hisar", 25)
        for _ in range(40):
            await storm.second()
            await storm.delivery.release()
            storm.delivery = storm.deliverer()
        await all_out(storm)
        assert len(storm.standing()) == 25
        assert storm.refused() == 0


async def test_the_lane_says_when_a_resting_chat_wakes(engine: sa.Engine) -> None:
    async with desk_storm(engine) as storm:
        storm.post("Hisar", 10)
        while await storm.delivery.send_due():
            pass
        due = storm.delivery.next_due()
        assert due is not None
        assert timedelta(0) < due - storm.now <= GROUPS[1].length
        storm.post("Karnal", 1)  # another chat is awake
        assert storm.delivery.next_due() == storm.now


def test_quiet_messages_leave_room_for_urgent_ones() -> None:
    pace, at = Pace(PacePolicy()), NOW
    quiet = urgent = 0
    for second in range(60):
        at = NOW + timedelta(seconds=second)
        while "-1" not in pace.rests(at).quiet:
            pace.note("-1", at)
            quiet += 1
    while "-1" not in pace.rests(at).everything:
        pace.note("-1", at)
        urgent += 1
    assert quiet == GROUPS[0].quiet
    assert urgent >= 2  # at once; the rest of the five as the seconds pass


def test_a_person_reads_as_fast_as_a_chat_takes() -> None:
    pace = Pace(PacePolicy())
    sent = 0
    for second in range(60):
        while "77" not in pace.rests(NOW + timedelta(seconds=second)).quiet:
            pace.note("77", NOW + timedelta(seconds=second))
            sent += 1
    assert sent > GROUPS[0].quiet


def test_a_clock_that_was_set_back_lets_no_chat_rest() -> None:
    pace = Pace(PacePolicy())
    for _ in range(20):
        pace.note("-1", NOW)
    assert pace.rests(NOW)
    assert not pace.rests(NOW - timedelta(hours=1))


def test_a_chat_that_asked_for_time_gets_it() -> None:
    pace = Pace(PacePolicy())
    pace.slow_down("-1", NOW + timedelta(seconds=30))
    assert pace.rests(NOW).everything == {"-1"}
    assert pace.rests(NOW).until == NOW + timedelta(seconds=30)
    assert not pace.rests(NOW + timedelta(seconds=30))


def test_the_size_of_a_crowd_is_what_a_group_takes_in_two_minutes() -> None:
    assert 2 * GROUPS[0].quiet == crowds.MOST_WAITING
