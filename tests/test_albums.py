"""Citizens' photos in the officers' chats, on both databases: the real clients, the emulated platforms, once each."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.demo.people import Citizens, Officers
from bot.demo.stage import Stage, stage
from bot.sandbox.telegram_state import Message
from bot.sandbox.world import Fault, FaultKind
from handlers.case import Case
from handlers.desk.albums import may_show, queue_albums
from handlers.desk.rows import case_of
from store.db import reading, writing
from store.directory import load_directory
from store.inbound import Inbound
from store.tables import events, media, outbox, tickets
from store.tickets import by_ids
from store.vocabulary import InboundVerb, Platform

HOLES = "Model Town Rohtak me sadak par gehre gaddhe hain"
AFTER = timedelta(minutes=2)


@pytest.fixture
async def ready(engine: sa.Engine, tmp_path: Path) -> AsyncIterator[Stage]:
    """The whole office on emulated platforms."""
    async with stage(tmp_path, database_url=engine.url.render_as_string(hide_password=False)) as made:
        yield made


async def complain(ready: Stage, photos: int, *, platform: Platform = Platform.X, words: str = HOLES) -> str:
    post = Citizens(ready).post(platform, "renu_k", "Renu", words, photos=[f"p{at}.jpg" for at in range(photos)])
    await heard(ready, platform)
    return post


async def heard(ready: Stage, platform: Platform = Platform.X) -> None:
    await ready.pass_time(timedelta(minutes=1))
    await ready.hear(platform)
    await ready.pass_time(AFTER)


def the_case(ready: Stage) -> Case:
    with reading(ready.office.engine) as conn:
        (number,) = conn.scalars(sa.select(tickets.c.id)).all()
        return case_of(by_ids(conn, [number])[0])


def pictures(ready: Stage) -> list[Message]:
    """Every picture that stands in a chat of officers."""
    chats = [*ready.sandbox.telegram.groups.values(), *ready.sandbox.telegram.private.values()]
    return [one for chat in chats for one in chat.messages.values() if one.media and one.sender.is_bot]


def column(ready: Stage, what: sa.ColumnElement[object]) -> list[object]:
    with reading(ready.office.engine) as conn:
        return list(conn.scalars(sa.select(what).order_by(media.c.id)))


@pytest.mark.parametrize(("platform", "photos"), [(Platform.X, 4), (Platform.FACEBOOK, 10), (Platform.FACEBOOK, 2)])
async def test_the_photos_stand_as_an_album_under_the_notice(ready: Stage, platform: Platform, photos: int) -> None:
    await complain(ready, photos, platform=platform)
    shown = pictures(ready)
    notice = Officers(ready).notice(the_case(ready))
    assert len(shown) == photos
    assert {one.album_id for one in shown} == {shown[0].album_id}
    assert {one.reply_to.id if one.reply_to else 0 for one in shown} == {notice.message}
    assert {one.is_silent for one in shown} == {True}
    assert the_case(ready).number in shown[0].text
    kept = ready.sandbox.telegram.files[shown[0].media["photo"][-1]["file_id"]][1]
    assert kept.startswith(b"\xff\xd8"), "it was written anew"


async def test_a_single_photo_goes_alone_and_a_later_one_follows(ready: Stage) -> None:
    post = await complain(ready, 1)
    (first,) = pictures(ready)
    assert first.album_id is None
    Citizens(ready).reply(Platform.X, "renu_k", "Renu", "ye dekho, ek aur", post, photos=["later.jpg"])
    await heard(ready)
    assert len(pictures(ready)) == 2
    assert column(ready, media.c.shown_in) == [first.chat.wire()["id"].__str__()] * 2


async def test_the_still_of_a_video_is_shown(ready: Stage) -> None:
    Citizens(ready).post(Platform.X, "renu_k", "Renu", HOLES, video=True)
    await heard(ready)
    assert column(ready, media.c.kind) == ["video"]
    assert len(pictures(ready)) == 1


async def test_a_sensitive_ticket_shows_nothing_and_nothing_is_fetched(ready: Stage) -> None:
    await complain(ready, 2, words="Rohtak me ek ladka roz meri behen ka peecha karta hai, dar lagta hai")
    assert the_case(ready).sensitivity == "sensitive"
    assert column(ready, media.c.id) == []
    assert pictures(ready) == []


async def test_a_ticket_that_became_sensitive_shows_nothing(ready: Stage) -> None:
    await complain(ready, 1)
    case = the_case(ready)
    with writing(ready.office.engine) as conn:
        conn.execute(tickets.update().values(sensitivity="sensitive"))
        conn.execute(media.update().values(shown_in=None))
        assert queue_albums(conn, ready.now, load_directory(conn, ready.now), ready.office.policy.reach) == 0
    assert may_show(case, "-100")
    assert not may_show(the_case(ready), "-100")
    assert not may_show(the_case(ready), "5000")


async def test_a_restricted_ticket_shows_its_photos_to_a_person_but_to_no_group(ready: Stage) -> None:
    await complain(ready, 1, words="Rohtak tehsil me patwari ne intkal ke liye 5000 rupaye rishwat maangi")
    case = the_case(ready)
    assert case.sensitivity == "restricted"
    assert not may_show(case, "-100")
    assert may_show(case, "5000")
    assert [one for one in pictures(ready) if one.chat.person is None] == []


async def test_what_may_not_be_shown_is_looked_at_again_when_the_notice_changes(ready: Stage) -> None:
    await complain(ready, 1)
    with writing(ready.office.engine) as conn:
        conn.execute(media.update().values(shown_in="-"))
    officers, case = Officers(ready), the_case(ready)
    before = len(pictures(ready))
    await officers.press(case, officers.owner(case)[1], "accept")
    await ready.pass_time(AFTER)
    assert column(ready, media.c.shown_in) == [str(officers.notice(case).chat)]
    assert len(pictures(ready)) == before, "the same album is queued once"


async def test_another_office_is_shown_them_too_and_the_same_one_not_twice(ready: Stage) -> None:
    await complain(ready, 2)
    officers = Officers(ready)
    first = the_case(ready)
    await officers.forward(first, officers.owner(first)[1], "ulb")
    await ready.pass_time(AFTER)
    chats = [one.chat.wire()["id"] for one in pictures(ready)]
    assert len(chats) == 4
    assert len(set(chats)) == 2
    case = the_case(ready)
    await officers.dispose(case, officers.owner(case)[1], "Gaddhe bhar diye gaye.", photo=True)
    await ready.pass_time(timedelta(minutes=2))  # in which it could have been taken back
    Citizens(ready).reply(Platform.X, "renu_k", "Renu", "nahi hua, gaddhe waise hi hain", _our_last(ready))
    await heard(ready)
    assert the_case(ready).reopen_count == 1
    assert len(pictures(ready)) == 4


def _our_last(ready: Stage) -> str:
    with reading(ready.office.engine) as conn:
        query = sa.select(outbox.c.sent_id).where(outbox.c.template == "result")
        return str(conn.scalars(query).one())


async def test_an_album_whose_outcome_is_unknown_goes_once_more_and_says_so(ready: Stage) -> None:
    fault = Fault(Platform.TELEGRAM, "sendMediaGroup", FaultKind.RESET_AFTER)
    ready.sandbox.world.faults.add(fault)
    await complain(ready, 2)
    shown = pictures(ready)
    assert len(shown) == 4
    assert sum(the_case(ready).number in one.text for one in shown) == 2
    assert len({one.text for one in shown if one.text}) == 2, "the repeat says that it is one"
    with reading(ready.office.engine) as conn:
        (row,) = conn.execute(sa.select(outbox).where(outbox.c.template == "photos")).all()
    assert (row.state, row.marked_repeat) == ("sent", True)


async def test_queueing_again_queues_nothing(ready: Stage) -> None:
    await complain(ready, 2)
    with writing(ready.office.engine) as conn:
        conn.execute(media.update().values(shown_in=None))
        assert queue_albums(conn, ready.now, load_directory(conn, ready.now), ready.office.policy.reach) == 0


async def test_a_photo_that_cannot_be_had_is_noted_and_the_notice_says_that_there_is_one(ready: Stage) -> None:
    post = Citizens(ready).post(Platform.X, "renu_k", "Renu", HOLES, photos=["https://pbs.twimg.com/media/a.jpg"])
    await heard(ready)
    assert pictures(ready) == []
    assert column(ready, media.c.error) == ["x:photo_host"]
    case = the_case(ready)
    assert case.first_message_id == post
    with reading(ready.office.engine) as conn:
        codes = conn.scalars(sa.select(events.c.codes).where(events.c.kind == "picture_missing")).one()
    assert '"why":"x:photo_host"' in codes
    notice = Officers(ready).notice(case)
    stands = ready.sandbox.telegram.groups[notice.chat].messages[notice.message]
    assert "फ़ोटो" in stands.text


async def test_a_photo_whose_post_is_deleted_goes(ready: Stage) -> None:
    post = await complain(ready, 1)
    gone = Inbound(
        key=f"{post}:deleted", verb=InboundVerb.DELETED, platform=Platform.X, message_id=post, thread_id=post,
        occurred_at=ready.now,
    )  # fmt: skip
    ready.office.keep(ready.account(Platform.X).channel.name, [gone])
    await ready.office.settle()
    assert column(ready, media.c.content) == [None]
    assert column(ready, media.c.error) == ["withdrawn"]


async def test_old_photos_are_let_go_of(ready: Stage) -> None:
    await complain(ready, 1)
    assert column(ready, media.c.content) != [None]
    await ready.pass_time(timedelta(days=ready.office.settings.photo_days, hours=2))
    await complain(ready, 0, words="Hisar sector 14 me bijli nahi hai, ward 3")
    await ready.office.fetch_pictures()
    assert column(ready, media.c.content) == [None]
    assert column(ready, media.c.error) == ["purged"]


async def test_a_reply_to_any_photo_of_an_album_is_a_reply_about_the_ticket(ready: Stage) -> None:
    await complain(ready, 3)
    officers, case = Officers(ready), the_case(ready)
    last = pictures(ready)[-1]
    user = int(officers.owner(case)[1].telegram_user_id or 0)
    ready.sandbox.telegram.write(user, last.chat.id, "Gaddhe bhar diye gaye.", reply_to=last.id)
    await heard(ready, Platform.TELEGRAM)
    assert officers.last_of(case, "preview") is not None
