"""SMGT_MODE on emulated platforms: in the shadow no request that writes, in one district only its own, and no leak after."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import sqlalchemy as sa
from shadow_rig import playing

from bot.demo.posts import shipped_posts
from store import held, inbox
from store.db import reading, writing
from store.tables import tickets
from store.vocabulary import DeliveryState, InboxState, Platform, Status

DAY = timedelta(hours=25)
HISAR = "Hisar me 3 din se pani nahi aa raha, ward 5"
KARNAL = "Karnal sector 6 me sadak par gaddhe hain, koi nahi sunta"
NOWHERE = "hamare yahan 3 din se pani nahi aa raha"
HELD, SENT = DeliveryState.HELD, DeliveryState.SENT


async def test_a_day_in_the_shadow_writes_nothing_anywhere(engine: sa.Engine, tmp_path: Path) -> None:
    async with playing(tmp_path, engine, "shadow") as play:
        for post in shipped_posts()[:12]:
            play.citizens.post(post.platform, f"c_{post.number}", f"C {post.number}", post.text)
        await play.stage.hear(Platform.X)
        await play.stage.hear(Platform.FACEBOOK)
        _, clerk = play.officers.clerk()
        play.stage.sandbox.telegram.start(int(clerk.telegram_user_id or 0))
        await play.stage.hear(Platform.TELEGRAM)
        await play.stage.pass_time(DAY)
        with reading(engine) as conn:
            heard = inbox.count_by_state(conn)
            late = conn.execute(sa.select(sa.func.max(tickets.c.reminded_percent))).scalar()
        rows, whys = play.rows(), play.whys()
    assert play.wire.written == []
    assert play.wire.read
    assert (heard[InboxState.PENDING], heard[InboxState.PARKED]) == (0, 0)
    assert late, "time limits run in the records"
    assert {row.state for row in rows} == {HELD}
    assert {"daily", "notice", "received_routed", "reminder"} <= {row.template for row in rows}
    assert whys == {"shadow"}


async def test_what_waits_when_the_shadow_falls_is_held_and_never_comes_out(engine: sa.Engine, tmp_path: Path) -> None:
    async with playing(tmp_path, engine, "all") as play:
        post = await play.say("@hisar_one", HISAR)
        case = play.case(post)
        _, officer = play.officers.owner(case)
        play.stage.sandbox.telegram.press(
            int(officer.telegram_user_id or 0), play.officers.notice(case).chat, play.officers.notice(case).message,
            play.accept_label(case),
        )  # fmt: skip
        await play.stage.account(Platform.TELEGRAM).intake.read_once()
        play.stage.office.decide()
        waiting = play.templates(DeliveryState.PENDING)
        play.wire.take()
        await play.restart("shadow")
        assert waiting
        assert play.wire.take() == []
        assert play.case(post).status is Status.ACCEPTED
        await play.say("@hisar_one", "kab tak hoga?", to=post)
        await play.stage.pass_time(DAY)
        assert play.wire.take() == []
        since = play.stage.now
        await play.restart("all")
        await play.stage.pass_time(timedelta(days=4))
        assert play.sent_since(since) == ["daily"] * 4
        assert len(play.wire.take()) == 4
        assert play.whys(case.id) == {"shadow", "in_shadow"}


async def test_a_ticket_of_the_shadow_speaks_only_when_a_person_says_so(engine: sa.Engine, tmp_path: Path) -> None:
    async with playing(tmp_path, engine, "shadow") as play:
        post = await play.say("@hisar_two", HISAR)
        case = play.case(post)
        first = next(row for row in play.rows(HELD, ticket=case.id) if row.template == "received_routed")
        assert await play.retry(first.id) == []  # a wish does not lift the shadow itself
        await play.restart("all")
        await play.say("@hisar_two", "bhai kuch hua?", to=post)
        assert play.wire.take() == []
        assert await play.retry(first.id) == ["POST tweets"]
        await play.say("@hisar_two", "aur kab tak?", to=post)
        assert play.wire.take() == []
        with writing(engine) as conn:
            assert held.release(conn, [case.id], play.stage.now) > 1
        await play.say("@hisar_two", "status?", to=post)
        assert play.wire.take() == ["POST tweets"]
        fresh = await play.say("@hisar_new", HISAR)
        assert set(play.templates(SENT, ticket=play.case(fresh).id)) == {"received_routed", "notice"}


async def test_one_district_hears_and_nobody_else(engine: sa.Engine, tmp_path: Path) -> None:
    async with playing(tmp_path, engine, "district:Hisar") as play:
        since = play.stage.now
        hisar = play.case(await play.say("@one", HISAR))
        karnal = play.case(await play.say("@two", KARNAL))
        nowhere = play.case(await play.say("@three", NOWHERE))
        facebook = play.case(await play.say("@four", HISAR, platform=Platform.FACEBOOK), Platform.FACEBOOK)
        await play.say("@five", "HRY26-000001-5 kya hua?")
        _, clerk = play.officers.clerk()
        play.stage.sandbox.telegram.start(int(clerk.telegram_user_id or 0))
        await play.stage.hear(Platform.TELEGRAM)
        answered = play.sent_since(since, ticket=None)
        _, officer = play.officers.owner(hisar)
        assert await play.officers.press(hisar, officer, "accept")
        await play.stage.pass_time(timedelta(days=4))
        assert set(play.tried()) == {hisar.id, facebook.id, None}
        assert len(play.wire.take()) == len(play.tried())
        assert play.sent_since(since, ticket=None) == answered, "no digest of a state that hears nothing"
        assert answered, "whoever writes to the bot is answered"
        assert play.whys(karnal.id) == {"other_district"}
        assert play.whys(nowhere.id) == {"district_unknown"}
        assert {row.template for row in play.rows(HELD) if row.ticket_id is None} >= {"number_wrong", "daily"}
        await play.restart("all")
        play.wire.take()
        await play.say("@two", "kuch nahi hua abhi tak", to=karnal.first_message_id)
        await play.say("@three", "Hisar", to=nowhere.first_message_id)
        assert play.wire.take() == []


async def test_a_complaint_that_turns_out_to_be_of_the_district_begins_to_speak(
    engine: sa.Engine, tmp_path: Path
) -> None:
    async with playing(tmp_path, engine, "district:Hisar") as play:
        mine, other = await play.say("@one", NOWHERE), await play.say("@two", NOWHERE)
        assert play.wire.take() == []
        await play.say("@one", "Hisar", to=mine)
        await play.say("@two", "Karnal", to=other)
        assert sorted(play.wire.take()) == ["POST sendMessage", "POST tweets"]
        told = play.rows(SENT, ticket=play.case(mine).id)
        assert sorted(row.template for row in told) == ["notice", "routed"]
        assert all(row.outgoing is not None and play.case(mine).number in row.outgoing.text for row in told)
        await play.restart("all")
        play.wire.take()
        await play.say("@one", "status?", to=mine)
        assert play.wire.take() == ["POST tweets"]


async def test_a_person_may_ask_one_citizen_for_the_district(engine: sa.Engine, tmp_path: Path) -> None:
    async with playing(tmp_path, engine, "district:Hisar") as play:
        post = await play.say("@one", NOWHERE)
        (asked,) = play.rows(HELD, ticket=play.case(post).id)
        assert (asked.template, asked.error_code) == ("received_ask", "district_unknown")
        assert await play.retry(asked.id) == ["POST tweets"]
        await play.say("@one", "hisar", to=post)
        assert sorted(play.wire.take()) == ["POST sendMessage", "POST tweets"]
