"""Facebook's webhooks: signature, challenge, reading, repeats, and deliveries that are broken or forged."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from rig_facebook import APP_SECRET, START, FacebookRig, facebook_rig
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from bot.platforms.facebook_webhook import (
    LARGEST_DELIVERY,
    MalformedWebhook,
    NeedsFetch,
    challenge_answer,
    parse_webhook,
    verify_signature,
)
from bot.sandbox.facebook_webhooks import signature
from bot.sandbox.wire import LoopbackServer
from bot.sandbox.world import Fault, FaultKind
from store.inbound import Inbound, Unreadable
from store.vocabulary import InboundVerb, Platform

PAGE = "1001"
AT = int(START.timestamp())


@pytest.fixture
async def rig() -> AsyncIterator[FacebookRig]:
    async with facebook_rig() as ready:
        yield ready


def delivery(*changes: dict[str, Any], page: str = PAGE) -> bytes:
    entry = {"id": page, "time": AT, "changes": list(changes)}
    return json.dumps({"object": "page", "entry": [entry]}).encode()


def comment(**more: Any) -> dict[str, Any]:
    value = {
        "item": "comment", "verb": "add", "post_id": f"{PAGE}_5", "comment_id": "5_6", "parent_id": f"{PAGE}_5",
        "created_time": AT, "message": "no water", "from": {"id": "77", "name": "Ram"},
    }  # fmt: skip
    return {"field": "feed", "value": {**value, **more}}


# is it Facebook's?


def test_only_the_apps_secret_over_the_very_body_is_accepted() -> None:
    body = delivery(comment())
    header = signature(body, APP_SECRET)
    assert verify_signature(body, header, APP_SECRET)
    assert not verify_signature(body + b" ", header, APP_SECRET)
    assert not verify_signature(body, signature(body, "another"), APP_SECRET)
    for forged in (None, "", "sha256=", "sha256=é", "sha1=" + "0" * 40, "sha256=" + "0" * 64):
        assert not verify_signature(body, forged, APP_SECRET)


def test_the_challenge_is_echoed_for_the_right_token_only() -> None:
    asked = {"hub.mode": "subscribe", "hub.verify_token": "verify", "hub.challenge": "1158201444"}
    assert challenge_answer(asked, "verify") == "1158201444"
    assert challenge_answer(asked, "other") is None
    assert challenge_answer({**asked, "hub.mode": "unsubscribe"}, "verify") is None
    assert challenge_answer({**asked, "hub.verify_token": ""}, "") is None
    assert challenge_answer({}, "verify") is None


# what does it tell?


def test_a_comment_under_our_post() -> None:
    (heard,) = parse_webhook(delivery(comment()), PAGE)
    assert isinstance(heard, Inbound)
    assert (heard.key, heard.verb) == (f"posted:5_6:{AT}", InboundVerb.POSTED)
    assert (heard.thread_id, heard.reply_to_id, heard.text) == (f"{PAGE}_5", f"{PAGE}_5", "no water")
    assert (heard.implicit, heard.mentions_us, heard.reply_to_us, heard.by_us) == (True, False, True, False)
    assert heard.occurred_at == START


def test_our_own_echo_is_ours() -> None:
    (heard,) = parse_webhook(delivery(comment(**{"from": {"id": PAGE, "name": "CMO"}})), PAGE)
    assert isinstance(heard, Inbound)
    assert (heard.by_us, heard.implicit) == (True, False)


def test_a_hidden_writer_is_nobody() -> None:
    (heard,) = parse_webhook(delivery(comment(**{"from": None})), PAGE)
    assert isinstance(heard, Inbound)
    assert heard.author is None


def test_a_reply_to_a_comment_of_ours_is_known_by_its_id() -> None:
    raw = delivery(comment(parent_id="5_4"))
    (heard,) = parse_webhook(raw, PAGE, is_ours={"5_4"}.__contains__)
    (unknown,) = parse_webhook(raw, PAGE)
    assert isinstance(heard, Inbound)
    assert isinstance(unknown, Inbound)
    assert (heard.reply_to_us, unknown.reply_to_us) == (True, False)


def test_edits_have_a_key_for_each_wording_and_deletes_one() -> None:
    def key(**more: Any) -> str:
        (heard,) = parse_webhook(delivery(comment(**more)), PAGE)
        assert isinstance(heard, Inbound)
        return heard.key

    first, second = key(verb="edited", message="a"), key(verb="edited", message="b")
    assert first != second
    assert first.startswith(f"edited:5_6:{AT}:")
    assert key(verb="edited", message="a") == first
    assert key(verb="remove", message=None, created_time=None) == "deleted:5_6:0"


def test_a_mention_needs_fetching() -> None:
    value = {"item": "comment", "verb": "add", "post_id": "9_5", "comment_id": "5_6"}
    post = {"item": "post", "verb": "add", "post_id": "9_5"}
    raw = delivery({"field": "mention", "value": value}, {"field": "mention", "value": post})
    assert parse_webhook(raw, PAGE) == [NeedsFetch("5_6", "9_5"), NeedsFetch("9_5", "9_5")]


def test_photos_and_videos_come_along() -> None:
    photo = {"item": "photo", "verb": "add", "post_id": f"{PAGE}_5", "created_time": AT, "link": "https://a/x.jpg"}
    video = {**photo, "item": "video", "link": "https://a/x.mp4"}
    album = {**photo, "item": "status", "photos": ["https://a/1.jpg", "https://a/2.jpg"]}
    raw = delivery(*({"field": "feed", "value": value} for value in (photo, video, album)))
    kinds = [
        [one.kind for one in heard.attachments] for heard in parse_webhook(raw, PAGE) if isinstance(heard, Inbound)
    ]
    assert kinds == [["photo"], ["video"], ["photo", "photo"]]


def test_likes_hidings_and_other_pages_are_left_out() -> None:
    like = {"field": "feed", "value": {"item": "reaction", "verb": "add", "post_id": f"{PAGE}_5"}}
    message = {"field": "ratings", "value": {"item": "rating", "verb": "add"}}
    assert parse_webhook(delivery(like, message, comment(verb="hide")), PAGE) == []
    assert parse_webhook(delivery(comment(), page="42"), PAGE) == []


def test_words_no_database_keeps_are_cleaned() -> None:
    (heard,) = parse_webhook(delivery(comment(message="a\x00b\ud800c")), PAGE)
    assert isinstance(heard, Inbound)
    assert heard.text == "ab?c"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xff\xfe",
        b"null",
        b"[]",
        b'{"object":"user"}',
        b'{"object":"page"}',
        b"[" * 200_000,
    ],
    ids=range(7),
)
def test_what_cannot_be_read_is_refused_in_a_sentence_without_its_words(raw: bytes) -> None:
    with pytest.raises(MalformedWebhook) as trouble:
        parse_webhook(raw, PAGE)
    assert str(trouble.value).endswith(".")


@pytest.mark.parametrize(
    "broken",
    [
        7,
        {"field": "feed"},
        comment(comment_id=None),
        comment(comment_id={"a": 1}),
        comment(post_id=7),
        comment(created_time="yesterday"),
        comment(created_time=None),
        comment(created_time=10**30),
        comment(created_time=True),
    ],
    ids=range(9),
)
def test_a_change_that_cannot_be_read_is_kept_apart_and_takes_no_other_with_it(broken: Any) -> None:
    whole = delivery(comment(comment_id="5_8"), broken, comment(comment_id="5_9"))
    before, odd, after = parse_webhook(whole, PAGE)
    assert isinstance(before, Inbound)
    assert isinstance(after, Inbound)
    assert (before.message_id, after.message_id) == ("5_8", "5_9")
    assert isinstance(odd, Unreadable)
    assert "no water" not in odd.key + odd.why
    assert parse_webhook(whole, PAGE)[1] == odd, "a repeated delivery is the same row"


def test_an_entry_that_cannot_be_read_takes_no_other_with_it() -> None:
    told = json.loads(delivery(comment()))
    told["entry"] += [7, {"id": PAGE, "changes": 7}]
    heard, *odd = parse_webhook(json.dumps(told).encode(), PAGE)
    assert isinstance(heard, Inbound)
    assert len({one.key for one in odd if isinstance(one, Unreadable)}) == 2


def test_an_oversized_delivery_is_refused_unread() -> None:
    with pytest.raises(MalformedWebhook, match=str(LARGEST_DELIVERY)):
        parse_webhook(b" " * (LARGEST_DELIVERY + 1), PAGE)


@pytest.mark.parametrize(
    "odd",
    [{"message": 7}, {"from": 7}, {"from": {"id": None}}, {"photo": 7}, {"photos": [None, 3]}, {"parent_id": []}],
)
def test_odd_fields_do_no_harm(odd: dict[str, Any]) -> None:
    (heard,) = parse_webhook(delivery(comment(**odd)), PAGE)
    assert isinstance(heard, Inbound)


# how it arrives


@dataclass
class Subscriber:
    """A webhook route as SMGT's own would be: verify, then parse, then keep."""

    rig: FacebookRig
    fail: int = 0
    heard: list[Inbound | NeedsFetch] = field(default_factory=list)
    refused: int = 0

    async def answer(self, request: Request) -> Response:
        if request.method == "GET":
            challenge = challenge_answer(request.query_params, "verify")
            return Response(status_code=403) if challenge is None else PlainTextResponse(challenge)
        body = await request.body()
        if not verify_signature(body, request.headers.get("X-Hub-Signature-256"), APP_SECRET):
            self.refused += 1
            return Response(status_code=403)
        if self.fail:
            self.fail -= 1
            return Response(status_code=503)
        self.heard += self.rig.port.hear(body)
        return Response(status_code=200)


@pytest.fixture
async def subscriber(rig: FacebookRig) -> AsyncIterator[Subscriber]:
    ready = Subscriber(rig)
    route = Route("/hook", ready.answer, methods=["GET", "POST"])
    with LoopbackServer(Starlette(routes=[route])) as server:
        rig.facebook.subscribe(server.url + "/hook")
        yield ready


async def test_changes_arrive_signed_and_mentions_are_filled(rig: FacebookRig, subscriber: Subscriber) -> None:
    assert await rig.facebook.webhooks.verify(rig.page_id)
    own = rig.facebook.page_post("News")
    rig.facebook.comment("ram", own, "no water")
    tagged = rig.facebook.tag_post("sita", "no light", hide_author=True)
    rig.facebook.comment("sita", tagged, "in Hisar")
    assert await rig.facebook.deliver_webhooks() == 3
    assert [type(one) for one in subscriber.heard] == [Inbound, Inbound, NeedsFetch]
    assert subscriber.heard[2] == NeedsFetch(tagged, tagged)
    assert await rig.facebook.deliver_webhooks() == 0


async def test_foreign_threads_tell_by_webhook_only_when_switched_on() -> None:
    async with facebook_rig(webhooks_for_foreign_threads=True) as rig:
        rig.facebook.subscribe("http://127.0.0.1:9/unused")
        rig.facebook.comment("sita", rig.facebook.tag_post("sita", "no light", tagged=False), "in Hisar")
        assert [change.value["item"] for change in rig.facebook.webhooks.waiting()] == ["comment"]


async def test_a_refused_delivery_is_repeated_for_36_hours(rig: FacebookRig, subscriber: Subscriber) -> None:
    subscriber.fail = 2
    rig.facebook.page_post("News")
    assert await rig.facebook.deliver_webhooks() == 0
    rig.world.clock.advance(timedelta(hours=30))
    assert await rig.facebook.deliver_webhooks() == 0
    assert await rig.facebook.deliver_webhooks() == 1
    rig.facebook.page_post("More news")
    subscriber.fail = 1
    await rig.facebook.deliver_webhooks()
    rig.world.clock.advance(timedelta(hours=37))
    assert await rig.facebook.deliver_webhooks() == 0
    assert len(subscriber.heard) == 1


async def test_repeated_and_shuffled_deliveries_bring_the_same_keys(rig: FacebookRig, subscriber: Subscriber) -> None:
    own = rig.facebook.page_post("News")
    for n in range(4):
        rig.facebook.comment("ram", own, f"comment {n}")
    rig.world.faults.add(Fault(Platform.FACEBOOK, "webhook", FaultKind.DUPLICATE))
    assert await rig.facebook.deliver_webhooks() == 5
    keys = [one.key for one in subscriber.heard if isinstance(one, Inbound)]
    assert len(keys) == 10
    assert len(set(keys)) == 5
    read = await rig.read()
    assert {one.key for one in read} == set(keys), "a replay is dead by its keys"


async def test_a_wrong_secret_reaches_nobody(rig: FacebookRig, subscriber: Subscriber) -> None:
    rig.facebook.pages[rig.page_id].app_secret = "forged"
    rig.facebook.page_post("News")
    assert await rig.facebook.deliver_webhooks() == 0
    assert (subscriber.refused, subscriber.heard) == (1, [])
