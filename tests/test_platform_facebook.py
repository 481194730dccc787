"""The Facebook port, through the real facebook-sdk over HTTP, against the emulated Facebook."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import traceback
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from rig_facebook import APP_SECRET, TOKEN, FacebookRig, facebook_rig, reply

from bot.platforms.facebook import FacebookCredentials
from bot.platforms.facebook_graph import Usage, usage_of
from bot.platforms.facebook_reader import ReadingPlan
from bot.platforms.facebook_webhook import NeedsFetch
from bot.platforms.port import (
    CLOCK_MARGIN,
    BadMessage,
    CredentialsRefused,
    OutcomeUnknown,
    PlatformError,
    RateLimited,
    Refused,
    ReplyRefused,
    Unknown,
    Unreachable,
    Watch,
    Watched,
)
from bot.sandbox.world import Fault, FaultKind
from store.inbound import Inbound
from store.outbound import Outgoing, OutgoingPhoto
from store.vocabulary import InboundVerb, OutgoingAct, Platform


@pytest.fixture
async def rig() -> AsyncIterator[FacebookRig]:
    async with facebook_rig() as ready:
        yield ready


def broken(rig: FacebookRig, operation: str, kind: FaultKind, **more: float) -> None:
    rig.world.faults.add(Fault(Platform.FACEBOOK, operation, kind, **more))  # type: ignore[arg-type]


# who we are


async def test_the_page_says_who_we_are(rig: FacebookRig) -> None:
    us = await rig.port.identify()
    assert (us.account_id, us.handle, us.name) == (rig.page_id, "cmohry", "CMO Haryana")


async def test_a_token_of_another_page_is_refused(rig: FacebookRig) -> None:
    other = rig.new_port(credentials=FacebookCredentials("42", TOKEN, "1", APP_SECRET))
    with pytest.raises(CredentialsRefused):
        await other.identify()
    await other.close()


# what is read


async def test_a_tagged_post_is_read_and_answered(rig: FacebookRig) -> None:
    post_id = rig.facebook.tag_post("sunita", "Sector 5 mein paani bhara hai", hide_author=False)

    (heard,) = await rig.read()

    assert (heard.message_id, heard.thread_id, heard.text) == (post_id, post_id, "Sector 5 mein paani bhara hai")
    assert heard.key == f"posted:{post_id}:{int(rig.world.clock.now().timestamp())}"
    assert heard.author is not None
    assert (heard.author.name, heard.by_us, heard.mentions_us, heard.implicit) == ("sunita", False, True, False)
    sent_id = await rig.port.send(reply(post_id, "Aapki shikayat darj hai: HRY26-000001-3"))
    (comment,) = rig.facebook.comments_of(post_id)
    assert (comment["id"], comment["by_page"]) == (sent_id, True)


async def test_a_hidden_author_is_nobody(rig: FacebookRig) -> None:
    rig.facebook.tag_post("sunita", "no light", hide_author=True)
    (heard,) = await rig.read()
    assert heard.author is None
    assert not heard.by_us


async def test_our_own_reply_and_a_persons_are_both_heard_as_ours(rig: FacebookRig) -> None:
    post_id = rig.facebook.tag_post("sunita", "no light")
    sent_id = await rig.port.send(reply(post_id, "Ticket HRY26-000001-3"))
    by_hand = rig.facebook.human_comment(post_id, "We called you, Sunita ji")
    heard = {one.message_id: one for one in await rig.read(watch={post_id: ()})}
    assert heard[sent_id].by_us
    assert heard[by_hand].by_us
    assert heard[by_hand].text == "We called you, Sunita ji"
    assert not heard[by_hand].implicit


async def test_a_post_of_ours_is_heard_and_its_comments_are_implicit_mentions(rig: FacebookRig) -> None:
    post_id = rig.facebook.page_post("Khelo Haryana begins")
    plain = rig.facebook.comment("ram", post_id, "hamare gaon mein paani nahi")
    naming = rig.facebook.comment("sita", post_id, "CMO Haryana please look", mention_page=True)
    heard = {one.message_id: one for one in await rig.read()}
    assert heard[post_id].by_us
    assert (heard[plain].implicit, heard[plain].mentions_us) == (True, False)
    assert (heard[naming].implicit, heard[naming].mentions_us) == (False, True)
    assert heard[plain].reply_to_us
    assert (heard[plain].thread_id, heard[plain].reply_to_id) == (post_id, post_id)


async def test_a_reply_deep_in_a_thread_names_its_parent(rig: FacebookRig) -> None:
    post_id = rig.facebook.tag_post("sunita", "no light")
    ours = await rig.port.send(reply(post_id, "Which district, please?"))
    answer = rig.facebook.comment("sunita", ours, "Hisar")
    stranger = rig.facebook.comment("ram", answer, "here too")
    heard = {one.message_id: one for one in await rig.read(watch={post_id: ()})}
    assert (heard[answer].reply_to_id, heard[answer].reply_to_us) == (ours, True)
    assert heard[stranger].reply_to_id == ours, "Facebook hangs it under the same top comment"
    assert heard[answer].thread_id == heard[stranger].thread_id == post_id
    assert not heard[answer].implicit


async def test_comments_under_a_citizens_post_are_read_only_when_watched(rig: FacebookRig) -> None:
    post_id = rig.facebook.tag_post("sunita", "no light")
    comment_id = rig.facebook.comment("sunita", post_id, "Hisar")
    assert {one.message_id for one in await rig.read()} == {post_id}
    assert {one.message_id for one in await rig.read(watch={post_id: ()})} == {comment_id}


async def test_photos_albums_and_videos_come_as_attachments(rig: FacebookRig) -> None:
    album = rig.facebook.tag_post("ram", "", photos=["a.jpg", "b.jpg"])
    video = rig.facebook.tag_post("ram", "", video=True)
    single = rig.facebook.tag_post("ram", "", photos=["https://scontent.fbcdn.net/a.jpg"])
    own = rig.facebook.page_post("news")
    comment = rig.facebook.comment("ram", own, "", photos=["c.jpg"])
    heard = {one.message_id: one for one in await rig.read()}
    assert [one.kind for one in heard[album].attachments] == ["photo", "photo"]
    assert heard[album].text == ""
    assert [one.kind for one in heard[video].attachments] == ["video"]
    assert [one.url for one in heard[single].attachments] == ["https://scontent.fbcdn.net/a.jpg"]
    assert [one.kind for one in heard[comment].attachments] == ["photo"]
    photo = heard[album].attachments[0]
    assert photo.ref is not None
    assert photo.url is not None
    assert await rig.port.fetch(photo.ref) == await rig.port.fetch(photo.url)


async def test_a_share_brings_the_other_post_as_evidence(rig: FacebookRig) -> None:
    shared = rig.facebook.tag_post("ram", "Road broken near Narnaul", tagged=False)
    rig.facebook.tag_post("sita", "CMO please see", shares=shared)
    (heard,) = await rig.read()
    assert heard.text == "CMO please see"
    assert heard.quoted is not None
    assert (heard.quoted.id, heard.quoted.text) == (shared, "Road broken near Narnaul")
    assert heard.attachments == ()


async def test_an_edit_is_heard_once_and_the_first_words_before(rig: FacebookRig) -> None:
    cursors: dict[str, str] = {}
    post_id = rig.facebook.tag_post("sunita", "no light")
    (first,) = await rig.read(cursors)
    rig.facebook.edit(post_id, "no light in Hansi")
    (edit,) = await rig.read(cursors)
    assert (first.verb, edit.verb) == (InboundVerb.POSTED, InboundVerb.EDITED)
    assert (edit.message_id, edit.text) == (post_id, "no light in Hansi")
    assert edit.key != first.key
    assert await rig.read(cursors) == []


async def test_an_old_message_is_looked_up_daily_for_edits_and_deletes(rig: FacebookRig) -> None:
    cursors: dict[str, str] = {}
    post_id = rig.facebook.tag_post("sunita", "no light")
    comment_id = rig.facebook.comment("sunita", post_id, "Hisar")
    watch = {post_id: (post_id, comment_id)}
    await rig.read(cursors, watch=watch)
    rig.world.clock.advance(timedelta(hours=10))
    rig.facebook.tag_post("ram", "a later post moves the overlap on")
    await rig.read(cursors, watch=watch)
    rig.world.clock.advance(timedelta(hours=10))
    rig.facebook.edit(post_id, "no light, no water")
    rig.facebook.delete(comment_id)
    assert await rig.read(cursors, watch=watch) == [], "looked up less than a day ago"
    rig.world.clock.advance(timedelta(hours=5))
    heard = {one.verb: one for one in await rig.read(cursors, watch=watch)}
    assert heard[InboundVerb.EDITED].text == "no light, no water"
    assert heard[InboundVerb.DELETED].key == f"deleted:{comment_id}:0"
    assert heard[InboundVerb.DELETED].thread_id == post_id
    rig.world.clock.advance(timedelta(days=2))
    assert await rig.read(cursors, watch=watch) == []


async def test_a_deleted_post_is_noticed_when_its_thread_is_swept(rig: FacebookRig) -> None:
    cursors: dict[str, str] = {}
    post_id = rig.facebook.tag_post("sunita", "no light")
    await rig.read(cursors, watch={post_id: (post_id,)})
    rig.facebook.delete(post_id)
    rig.world.clock.advance(timedelta(minutes=3))
    (heard,) = await rig.read(cursors, watch={post_id: (post_id,)})
    assert (heard.verb, heard.message_id) == (InboundVerb.DELETED, post_id)


async def test_when_every_message_is_gone_nothing_is_taken_for_deleted(
    rig: FacebookRig, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    ids = tuple(rig.facebook.tag_post("ram", f"matter {n}") for n in range(6))
    rig.facebook.block("ram")
    assert await rig.read(watch={one: (one,) for one in ids}) == []
    assert "loss of our sight" in caplog.text


async def test_nothing_is_told_twice_or_lost_over_overlapping_reads(rig: FacebookRig) -> None:
    cursors: dict[str, str] = {}
    told: list[Inbound] = []
    posted = []
    for n in range(8):
        posted.append(rig.facebook.tag_post("ram", f"matter {n}"))
        if n % 3 == 0:
            broken(rig, "tagged", FaultKind.STALE_READ, count=2)
        if n % 3 == 1:
            broken(rig, "tagged", FaultKind.DUPLICATE)
        if n % 3 == 2:
            broken(rig, "tagged", FaultKind.SHUFFLE)
        told += await rig.read(cursors)
        rig.world.clock.advance(timedelta(minutes=1))
    told += await rig.read(cursors)
    assert sorted(one.message_id for one in told) == sorted(posted)


async def test_a_new_process_hears_again_under_the_same_keys(rig: FacebookRig) -> None:
    cursors: dict[str, str] = {}
    rig.facebook.tag_post("ram", "a matter")
    before = await rig.read(cursors)
    rig.port = rig.new_port()
    assert [one.key for one in await rig.read(cursors)] == [one.key for one in before]
    await rig.port.close()


async def test_many_posts_come_oldest_first_and_the_cursor_moves_last(rig: FacebookRig) -> None:
    posted = []
    for n in range(230):
        posted.append(rig.facebook.tag_post("ram", f"matter {n}"))
        rig.world.clock.advance(timedelta(seconds=10))
    batches = [batch async for batch in rig.port.read({}, Watch(rig.world.clock.now())) if not batch.is_empty]
    heard = [one.message_id for batch in batches for one in batch.events if isinstance(one, Inbound)]
    assert heard == posted
    assert ["tagged" in batch.cursors for batch in batches[:3]] == [False, False, True]


async def test_a_reader_that_was_dropped_before_its_batch_was_kept_tells_it_again(rig: FacebookRig) -> None:
    rig.facebook.tag_post("ram", "a matter")
    reading = rig.port.read({}, Watch(rig.world.clock.now()))
    while (first := await anext(reading)).is_empty:
        pass
    assert len(first.events) == 1
    del reading
    assert len(await rig.read()) == 1


async def test_a_listing_longer_than_the_plan_leaves_a_named_gap(rig: FacebookRig) -> None:
    for n in range(150):
        rig.facebook.tag_post("ram", f"matter {n}")
        rig.world.clock.advance(timedelta(seconds=10))
    port = rig.new_port(plan=ReadingPlan(post_pages=1))
    batches = [batch async for batch in port.read({}, Watch(rig.world.clock.now()))]
    gaps = [batch.gap for batch in batches if batch.gap]
    assert len(gaps) == 1
    assert gaps[0].until == rig.world.clock.now() - timedelta(seconds=1000)
    await port.close()


async def test_more_comments_than_the_plan_leave_a_named_gap(rig: FacebookRig) -> None:
    post_id = rig.facebook.page_post("a famous post")
    for n in range(150):
        rig.world.clock.advance(timedelta(minutes=10))
        rig.facebook.comment("ram", post_id, f"comment {n}")
    now = rig.world.clock.now()
    port = rig.new_port(plan=ReadingPlan(thread_pages=1))
    batches = [batch async for batch in port.read({}, Watch(now))]
    (gap,) = [batch.gap for batch in batches if batch.gap]
    assert (gap.since, gap.until) == (now - timedelta(days=1), now - timedelta(minutes=990))
    await port.close()


async def test_a_tag_added_to_an_older_post_is_heard(rig: FacebookRig) -> None:
    cursors: dict[str, str] = {}
    post_id = rig.facebook.tag_post("ram", "a matter", tagged=False)
    rig.world.clock.advance(timedelta(days=3))
    rig.facebook.tag_post("sita", "another")
    assert len(await rig.read(cursors)) == 1
    rig.world.clock.advance(timedelta(hours=3))
    rig.facebook.tag_later(post_id)
    (heard,) = await rig.read(cursors)
    assert heard.message_id == post_id
    assert heard.key.endswith(str(int(heard.occurred_at.timestamp())))


async def test_a_listing_that_repeats_its_cursor_ends(rig: FacebookRig) -> None:
    rig.facebook.repeat_cursor = True
    rig.facebook.tag_post("ram", "a matter")
    assert len(await rig.read()) == 1


async def test_threads_are_swept_by_age_and_within_the_budget(rig: FacebookRig) -> None:
    threads = [rig.facebook.tag_post("ram", f"matter {n}") for n in range(3)]
    start = rig.world.clock.now()
    rig.port = rig.new_port(plan=ReadingPlan(threads=2))

    async def swept(ages: dict[str, timedelta]) -> set[str]:
        now = rig.world.clock.now()
        for thread_id in threads:
            rig.facebook.comment("ram", thread_id, f"{thread_id} at {now}")
        watch = Watch(now, tuple(Watched(one, now - age) for one, age in ages.items()))
        heard = [event async for batch in rig.port.read({}, watch) for event in batch.events]
        return {one.thread_id for one in heard if isinstance(one, Inbound) and one.message_id != one.thread_id}

    young = dict.fromkeys(threads, timedelta(0))
    assert await swept(young) == set(threads[:2])
    rig.world.clock.advance(timedelta(seconds=60))
    assert await swept(young) == {threads[2]}, "the first two were read a minute ago"
    rig.world.clock.advance(timedelta(minutes=3))
    old = {threads[0]: timedelta(hours=2), threads[1]: timedelta(days=3), threads[2]: timedelta(0)}
    assert await swept(old) == {threads[2]}
    rig.world.clock.advance(timedelta(minutes=13))
    assert threads[0] in await swept({threads[0]: timedelta(hours=2), threads[1]: timedelta(days=3)})
    assert rig.world.clock.now() > start
    await rig.port.close()


async def test_a_nearly_spent_allowance_stops_the_sweeping_but_not_the_tagged_posts() -> None:
    async with facebook_rig(limit_scale=4 / 4800) as rig:
        post_id = rig.facebook.tag_post("ram", "a matter")
        rig.facebook.comment("ram", post_id, "Hisar")
        for _ in range(2):
            await rig.port.identify()
        assert {one.message_id for one in await rig.read(watch={post_id: (post_id,)})} == {post_id}
        assert rig.port.usage.percent == 100


async def test_comments_made_while_we_were_away_are_read(rig: FacebookRig) -> None:
    cursors: dict[str, str] = {}
    await rig.read(cursors)
    rig.world.clock.advance(timedelta(hours=1))
    post_id = rig.facebook.page_post("News")
    comment_id = rig.facebook.comment("ram", post_id, "no water in Barwala")
    rig.world.clock.advance(timedelta(days=3))
    rig.port = rig.new_port()
    assert {one.message_id for one in await rig.read(cursors)} == {post_id, comment_id}
    await rig.port.close()


async def test_a_broken_thread_does_not_lose_what_was_read_before_it(rig: FacebookRig) -> None:
    threads = [rig.facebook.tag_post("ram", f"matter {n}") for n in range(2)]
    first = rig.facebook.comment("ram", threads[0], "Hisar")
    rig.facebook.refuse_next("comments", 17, minutes=3)
    cursors: dict[str, str] = {}
    with pytest.raises(RateLimited) as trouble:
        await rig.read(cursors, watch={threads[0]: ()})
    assert trouble.value.retry_after == 180
    assert {one.message_id for one in await rig.read(cursors, watch={threads[0]: ()})} == {first}


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (FaultKind.RATE_LIMITED, RateLimited),
        (FaultKind.REVOKED, CredentialsRefused),
        (FaultKind.ERROR_BEFORE, OutcomeUnknown),
        (FaultKind.ERROR_AFTER, OutcomeUnknown),
        (FaultKind.RESET_BEFORE, OutcomeUnknown),
        (FaultKind.NOT_JSON, OutcomeUnknown),
        (FaultKind.HALF_ANSWER, OutcomeUnknown),
        (FaultKind.PERMANENT, Refused),
    ],
)
async def test_a_failed_read_raises_in_our_words_and_the_next_one_brings_all(
    rig: FacebookRig, kind: FaultKind, expected: type[PlatformError]
) -> None:
    rig.facebook.tag_post("ram", "a matter")
    broken(rig, "tagged", kind)
    with pytest.raises(expected):
        await rig.read()
    assert len(await rig.read()) == 1


# what is sent

SEND_FAULTS: list[tuple[FaultKind, type[PlatformError], int]] = [
    (FaultKind.RATE_LIMITED, RateLimited, 0),
    (FaultKind.ERROR_BEFORE, OutcomeUnknown, 0),
    (FaultKind.ERROR_AFTER, OutcomeUnknown, 1),
    (FaultKind.RESET_BEFORE, OutcomeUnknown, 0),
    (FaultKind.RESET_AFTER, OutcomeUnknown, 1),
    (FaultKind.SLOW, OutcomeUnknown, 1),
    (FaultKind.LATE, OutcomeUnknown, 0),
    (FaultKind.NOT_JSON, OutcomeUnknown, 1),
    (FaultKind.HALF_ANSWER, OutcomeUnknown, 1),
    (FaultKind.REVOKED, CredentialsRefused, 0),
    (FaultKind.PERMANENT, ReplyRefused, 0),
]


@pytest.mark.parametrize(("kind", "expected", "done"), SEND_FAULTS, ids=[kind for kind, _, _ in SEND_FAULTS])
async def test_every_fault_of_a_send_has_its_class(
    rig: FacebookRig, kind: FaultKind, expected: type[PlatformError], done: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    post_id = rig.facebook.tag_post("ram", "a matter")
    port = rig.new_port(timeout=(1, 0.3))
    words = "Your number is HRY26-" + "000001-3"  # in two parts: tracebacks quote this source
    broken(rig, "comment", kind, seconds=1.0)
    with pytest.raises(expected) as trouble:
        await port.send(reply(post_id, words))
    assert type(trouble.value) is expected
    assert len(rig.facebook.comments_of(post_id)) == done
    told = caplog.text + "".join(traceback.format_exception(trouble.value)) + repr(trouble.value.__context__)
    for secret in (TOKEN, APP_SECRET, rig.credentials.proof, words):
        assert secret not in told
    await port.close()


async def test_no_secret_is_logged_when_all_goes_well(rig: FacebookRig, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    post_id = rig.facebook.tag_post("ram", "a matter")
    await rig.read(watch={post_id: (post_id,)})
    await rig.port.send(reply(post_id, "hello"))
    assert "access_token=***" in caplog.text, "the requests were logged, so redaction was put to the test"
    assert TOKEN not in caplog.text
    assert rig.credentials.proof not in caplog.text
    assert TOKEN not in repr(rig.credentials)


CODES: list[tuple[int, int | None, int, type[PlatformError]]] = [
    (4, None, 400, RateLimited),
    (17, None, 400, RateLimited),
    (32, None, 403, RateLimited),
    (613, None, 400, RateLimited),
    (80001, None, 400, RateLimited),
    (368, None, 400, RateLimited),
    (190, 463, 400, CredentialsRefused),
    (102, None, 400, CredentialsRefused),
    (10, None, 403, Refused),
    (200, None, 403, ReplyRefused),
    (299, None, 403, ReplyRefused),
    (100, 33, 400, ReplyRefused),
    (100, None, 400, BadMessage),
    (506, 1455006, 400, OutcomeUnknown),
    (1, None, 400, OutcomeUnknown),
    (2, None, 500, OutcomeUnknown),
    (4, None, 503, OutcomeUnknown),
    (31337, None, 400, Refused),
]


@pytest.mark.parametrize(("code", "subcode", "status", "expected"), CODES)
async def test_every_code_has_its_class(
    rig: FacebookRig, code: int, subcode: int | None, status: int, expected: type[PlatformError]
) -> None:
    post_id = rig.facebook.tag_post("ram", "a matter")
    rig.facebook.refuse_next("comment", code, subcode=subcode, status=status)
    with pytest.raises(expected) as trouble:
        await rig.port.send(reply(post_id, "hello"))
    assert type(trouble.value) is expected
    assert trouble.value.code.startswith("facebook:")
    assert rig.facebook.comments_of(post_id) == []


@pytest.mark.parametrize(
    ("code", "minutes", "seconds"),
    [(80001, 12, 720), (80001, None, 900), (17, -5, 900), (613, None, 300), (368, None, 21600), (4, 99999, 86400)],
)
async def test_how_long_to_wait(rig: FacebookRig, code: int, minutes: int | None, seconds: float) -> None:
    post_id = rig.facebook.tag_post("ram", "a matter")
    rig.facebook.refuse_next("comment", code, minutes=minutes)
    with pytest.raises(RateLimited) as trouble:
        await rig.port.send(reply(post_id, "hello"))
    assert trouble.value.retry_after == seconds


@pytest.mark.parametrize("told", ["not json", "[]", '{"1": [{"call_count": "x"}]}', '{"1": 7}', ""])
def test_usage_headers_that_cannot_be_read_tell_nothing(told: str) -> None:
    assert usage_of({"X-Business-Use-Case-Usage": told}) == Usage(0, 0)


async def test_a_wrong_app_secret_is_a_matter_of_credentials(rig: FacebookRig) -> None:
    port = rig.new_port(credentials=FacebookCredentials(rig.page_id, TOKEN, "1", "wrong"))
    with pytest.raises(CredentialsRefused) as trouble:
        await port.identify()
    assert "secret" in trouble.value.sentence
    await port.close()


async def test_nobody_listening_means_nothing_was_sent(rig: FacebookRig) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = rig.new_port(graph_url=f"http://127.0.0.1:{held.getsockname()[1]}/facebook")
        with pytest.raises(Unreachable):
            await port.send(reply("1_2", "hello"))
        await port.close()


@pytest.mark.parametrize("act", [OutgoingAct.MESSAGE, OutgoingAct.EDIT, OutgoingAct.ANSWER_PRESS])
async def test_what_a_page_cannot_do_is_refused_before_sending(rig: FacebookRig, act: OutgoingAct) -> None:
    with pytest.raises(BadMessage):
        await rig.port.send(Outgoing(act=act, text="x", thread_id="1_2"))


async def test_a_reply_that_is_too_long_is_refused_before_sending(rig: FacebookRig) -> None:
    with pytest.raises(BadMessage):
        await rig.port.send(reply("1_2", "x" * 8001))


async def test_a_photo_goes_out_with_the_reply(rig: FacebookRig) -> None:
    post_id = rig.facebook.tag_post("ram", "a matter")
    port = rig.new_port(load_photo={7: b"\xff\xd8 a photo"}.__getitem__)
    outgoing = reply(post_id, "The road was mended.", photo=OutgoingPhoto(media_id=7))
    sent_id = await port.send(outgoing)
    (comment,) = rig.facebook.comments_of(post_id)
    assert comment["text"] == "The road was mended."
    assert await port.fetch(comment["pictures"][0]["id"]) == b"\xff\xd8 a photo"
    assert sent_id == comment["id"]
    with pytest.raises(BadMessage):
        await rig.port.send(outgoing)
    await port.close()


async def test_a_private_reply_reaches_the_writer_once(rig: FacebookRig) -> None:
    comment_id = rig.facebook.comment("ram", rig.facebook.page_post("news"), "my matter")
    assert await rig.port.private_reply(comment_id, "Your code is 4711")
    assert [(one.comment_id, one.text) for one in rig.facebook.private_replies] == [(comment_id, "Your code is 4711")]
    with pytest.raises(ReplyRefused):
        await rig.port.private_reply(comment_id, "Again")


# reading back


def unknown(rig: FacebookRig, row_id: int, outgoing: Outgoing, taken: tuple[str, ...] = ()) -> Unknown:
    return Unknown(row_id, outgoing, rig.world.clock.now(), frozenset(taken))


async def test_a_reply_that_was_made_after_all_is_found(rig: FacebookRig) -> None:
    post_id = rig.facebook.tag_post("ram", "a matter")
    outgoing = reply(post_id, "Number HRY26-000001-3 &amp; more: \u0915\u093c")
    row = unknown(rig, 7, outgoing)
    broken(rig, "comment", FaultKind.ERROR_AFTER)
    with pytest.raises(OutcomeUnknown):
        await rig.port.send(outgoing)
    rig.facebook.comment("ram", post_id, "thank you")
    back = await rig.port.read_back([row])
    (made,) = [one["id"] for one in rig.facebook.comments_of(post_id) if one["by_page"]]
    assert back.found == {7: made}
    assert back.reaches_back_to <= row.sending_at


async def test_a_reply_that_was_not_made_is_not_found(rig: FacebookRig) -> None:
    post_id = rig.facebook.tag_post("ram", "a matter")
    outgoing = reply(post_id, "Number HRY26-000001-3")
    rig.facebook.comment("ram", post_id, "Number HRY26-000001-3")
    rig.facebook.human_comment(post_id, "Number HRY26-000001-3, please")
    back = await rig.port.read_back([unknown(rig, 7, outgoing)])
    assert back.found == {}
    assert back.reaches_back_to <= rig.world.clock.now()


async def test_one_comment_never_satisfies_two_rows(rig: FacebookRig) -> None:
    rig.facebook.refuse_duplicates = False
    post_id = rig.facebook.tag_post("ram", "a matter")
    outgoing = reply(post_id, "the same words")
    rows = [unknown(rig, 1, outgoing), unknown(rig, 2, outgoing)]
    first = await rig.port.send(outgoing)
    assert (await rig.port.read_back(rows)).found == {1: first}
    second = await rig.port.send(outgoing)
    assert (await rig.port.read_back(rows)).found == {1: first, 2: second}
    assert (await rig.port.read_back([unknown(rig, 2, outgoing, taken=(first,))])).found == {2: second}
    assert (await rig.port.read_back([unknown(rig, 3, outgoing, taken=(first, second))])).found == {}


async def test_a_reply_to_a_reply_is_found_under_the_top_comment(rig: FacebookRig) -> None:
    post_id = rig.facebook.tag_post("ram", "a matter")
    top = rig.facebook.comment("sita", post_id, "me too")
    deep = rig.facebook.comment("ram", top, "in Hansi")
    outgoing = reply(post_id, "Noted", to=deep)
    sent_id = await rig.port.send(outgoing)
    assert (await rig.port.read_back([unknown(rig, 1, outgoing)])).found == {1: sent_id}
    elsewhere = unknown(rig, 2, reply(post_id, "Noted", to=post_id))
    assert (await rig.port.read_back([elsewhere])).found == {}, "the same words under another parent"


async def test_older_comments_with_the_same_words_do_not_count(rig: FacebookRig) -> None:
    post_id = rig.facebook.tag_post("ram", "a matter")
    await rig.port.send(reply(post_id, "Noted"))
    rig.world.clock.advance(CLOCK_MARGIN + timedelta(hours=1))
    assert (await rig.port.read_back([unknown(rig, 1, reply(post_id, "Noted"))])).found == {}


async def test_a_read_back_says_how_far_it_reached(rig: FacebookRig) -> None:
    post_id = rig.facebook.page_post("a famous post")
    row = unknown(rig, 1, reply(post_id, "Noted"))
    rig.world.clock.advance(timedelta(minutes=1))
    for n in range(1001):
        rig.facebook.comment("ram", post_id, f"comment {n}")
    back = await rig.port.read_back([row])
    assert back.found == {}
    assert back.reaches_back_to > row.sending_at


async def test_a_read_back_of_an_older_and_a_newer_row_reaches_back_to_the_older(rig: FacebookRig) -> None:
    older = unknown(rig, 1, reply(rig.facebook.tag_post("ram", "a matter"), "Noted"))
    rig.world.clock.advance(timedelta(hours=5))
    newer = unknown(rig, 2, reply(rig.facebook.tag_post("ram", "another"), "Noted too"))
    back = await rig.port.read_back([older, newer])
    assert back.found == {}
    assert back.reaches_back_to <= older.sending_at - CLOCK_MARGIN


async def test_a_read_back_under_a_deleted_post_finds_nothing_and_reaches(rig: FacebookRig) -> None:
    post_id = rig.facebook.tag_post("ram", "a matter")
    row = unknown(rig, 1, reply(post_id, "Noted"))
    rig.facebook.delete(post_id)
    back = await rig.port.read_back([row])
    assert back.found == {}
    assert back.reaches_back_to <= row.sending_at


async def test_a_read_back_that_fails_says_so(rig: FacebookRig) -> None:
    post_id = rig.facebook.tag_post("ram", "a matter")
    broken(rig, "comments", FaultKind.ERROR_BEFORE)
    with pytest.raises(OutcomeUnknown):
        await rig.port.read_back([unknown(rig, 1, reply(post_id, "Noted"))])


async def test_in_a_storm_of_faults_every_reply_is_made_exactly_once(rig: FacebookRig) -> None:
    kinds = [FaultKind.ERROR_AFTER, FaultKind.RESET_AFTER, FaultKind.NOT_JSON, FaultKind.HALF_ANSWER]
    kinds += [FaultKind.LATE, FaultKind.ERROR_BEFORE, FaultKind.RESET_BEFORE, FaultKind.RATE_LIMITED]
    for kind in kinds:
        fault = Fault(Platform.FACEBOOK, "comment", kind, times=None, rate=0.08, seconds=0.02)
        rig.world.faults.add(fault)
    posts = [rig.facebook.tag_post("ram", f"matter {n}") for n in range(40)]
    unknowns = 0
    for n, post_id in enumerate(posts):
        row = unknown(rig, n, reply(post_id, f"Your number is {n}"))
        for _ in range(20):
            try:
                await rig.port.send(row.outgoing)
            except RateLimited:
                continue
            except OutcomeUnknown:
                unknowns += 1
                await asyncio.sleep(0.05)  # longer than the platform is late
                if not (await rig.port.read_back([row])).found:
                    continue
            break
    assert unknowns > 5
    assert [len(rig.facebook.comments_of(post_id)) for post_id in posts] == [1] * len(posts)


# photos and mentions


async def test_a_photo_elsewhere_is_not_fetched(rig: FacebookRig) -> None:
    for address in ("https://example.org/a.jpg", "http://169.254.169.254/latest", "https://fbcdn.net.example.org/a"):
        with pytest.raises(Refused):
            await rig.port.fetch(address)


async def test_a_huge_photo_is_refused(rig: FacebookRig) -> None:
    post_id = rig.facebook.tag_post("ram", "", photos=["big.jpg"])
    picture_id = rig.facebook.stories[post_id].pictures[0].id
    rig.facebook.photo_bytes[picture_id] = b"x" * (5 * 1024 * 1024 + 1)
    with pytest.raises(Refused, match="more than"):
        await rig.port.fetch(picture_id)


async def test_a_mention_under_anothers_post_is_filled_with_what_it_points_at(rig: FacebookRig) -> None:
    post_id = rig.facebook.tag_post("ram", "Sewer open in Rohtak", tagged=False, photos=["a.jpg"], hide_author=False)
    comment_id = rig.facebook.comment("sita", post_id, "CMO Haryana please see", mention_page=True)
    heard = await rig.port.fill(NeedsFetch(comment_id, post_id))
    assert heard is not None
    assert heard.author is not None
    assert (heard.author.name, heard.mentions_us, heard.reply_to_us) == ("sita", True, False)
    assert heard.quoted is not None
    assert (heard.quoted.id, heard.quoted.text) == (post_id, "Sewer open in Rohtak")
    assert len(heard.quoted.attachments) == 1


async def test_a_mention_under_ones_own_post_points_at_nothing(rig: FacebookRig) -> None:
    post_id = rig.facebook.tag_post("sita", "Sewer open", tagged=False, hide_author=False)
    comment_id = rig.facebook.comment("sita", post_id, "CMO Haryana please see", mention_page=True)
    heard = await rig.port.fill(NeedsFetch(comment_id, post_id))
    assert heard is not None
    assert heard.quoted is None


async def test_a_mention_that_is_gone_fills_with_nothing(rig: FacebookRig) -> None:
    post_id = rig.facebook.tag_post("ram", "a matter")
    rig.facebook.delete(post_id)
    assert await rig.port.fill(NeedsFetch(post_id, post_id)) is None


async def test_the_same_event_has_the_same_key_from_reading_and_from_a_webhook(rig: FacebookRig) -> None:
    rig.facebook.subscribe("http://127.0.0.1:9/unused")
    await rig.port.identify()
    cursors: dict[str, str] = {}
    post_id = rig.facebook.page_post("News")
    comment_id = rig.facebook.comment("ram", post_id, "CMO Haryana no water", photos=["a.jpg"], mention_page=True)
    rig.facebook.tag_post("sita", "no light")
    read = {one.key: one for one in await rig.read(cursors, watch={post_id: (comment_id,)})}
    rig.facebook.edit(comment_id, "CMO Haryana no water, no light")
    read |= {one.key: one for one in await rig.read(cursors)}
    rig.facebook.delete(comment_id)
    rig.world.clock.advance(timedelta(days=2))
    read |= {one.key: one for one in await rig.read(cursors, watch={post_id: (comment_id,)})}

    told: dict[str, Inbound] = {}
    for change in rig.facebook.webhooks.waiting():
        for event in rig.port.hear(rig.facebook.webhooks.body_of(change)):
            if isinstance(event, NeedsFetch) and event.is_comment:
                continue  # the comment is gone by now; its feed change told the words
            whole = await rig.port.fill(event) if isinstance(event, NeedsFetch) else event
            assert whole is not None
            told[whole.key] = whole
    assert set(told) == set(read)
    assert len(told) == 5
    for key, event in told.items():
        same = read[key]
        for name in ("verb", "message_id", "thread_id", "author", "by_us", "text", "reply_to_id", "reply_to_us"):
            assert getattr(event, name) == getattr(same, name), (key, name)
        for name in ("mentions_us", "implicit"):
            assert getattr(event, name) == getattr(same, name), (key, name)
        assert len(event.attachments) == len(same.attachments)


def test_times_are_read_in_utc() -> None:
    from bot.platforms.facebook_events import UnreadableObject, graph_time

    moment = datetime(2026, 11, 24, 4, 30, tzinfo=UTC)
    assert graph_time("2026-11-24T10:00:00+0530", "1") == graph_time(int(moment.timestamp()), "1") == moment
    for bad in (None, "", "yesterday", True, 10**20, [1]):
        with pytest.raises(UnreadableObject):
            graph_time(bad, "1")


def test_the_outgoing_secret_is_not_in_a_dump(rig: FacebookRig) -> None:
    assert TOKEN not in json.dumps(rig.facebook.dump())
