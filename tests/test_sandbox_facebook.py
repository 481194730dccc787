"""The emulated Graph API keeps the platform's rules: tried with the plain facebook-sdk and plain requests."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import facebook
import pytest
import requests
from rig_facebook import APP_SECRET, TOKEN, FacebookRig, facebook_rig

from bot.platforms.http import PlatformSession
from bot.sandbox.world import Fault, FaultKind
from store.vocabulary import Platform

PROOF = hmac.new(APP_SECRET.encode(), TOKEN.encode(), hashlib.sha256).hexdigest()


@pytest.fixture
async def rig() -> AsyncIterator[FacebookRig]:
    async with facebook_rig() as ready:
        yield ready


def sdk(rig: FacebookRig, token: str = TOKEN) -> facebook.GraphAPI:
    """The SDK as it is installed; only its session knows where Facebook lives."""
    session = PlatformSession("https://graph.facebook.com", rig.graph_url, (2, 2))
    return facebook.GraphAPI(access_token=token, session=session)


def code_of(trouble: pytest.ExceptionInfo[facebook.GraphAPIError]) -> tuple[int, int | None]:
    error = trouble.value.result["error"]
    return error["code"], error.get("error_subcode")


def test_every_request_needs_token_and_proof(rig: FacebookRig) -> None:
    with pytest.raises(facebook.GraphAPIError) as trouble:
        sdk(rig, "another-token").get_object("me", appsecret_proof=PROOF)
    assert code_of(trouble) == (190, None)
    with pytest.raises(facebook.GraphAPIError) as trouble:
        sdk(rig).get_object("me")
    assert code_of(trouble) == (100, None)
    with pytest.raises(facebook.GraphAPIError) as trouble:
        sdk(rig).get_object("me", appsecret_proof="0" * 64)
    assert code_of(trouble) == (100, None)
    assert sdk(rig).get_object("me", appsecret_proof=PROOF) == {"id": rig.page_id, "name": "CMO Haryana"}


def test_a_tagged_post_may_hide_its_author(rig: FacebookRig) -> None:
    rig.facebook.tag_post("ram", "hidden")
    rig.facebook.tag_post("ram", "shown", hide_author=False)
    rig.facebook.tag_post("ram", "not for us", tagged=False)
    shown, hidden = sdk(rig).get_connections(
        rig.page_id, "tagged", fields="message,from,created_time", appsecret_proof=PROOF
    )["data"]
    assert shown["from"] == {"id": rig.facebook.add_user("ram", "ram"), "name": "ram"}
    assert "from" not in hidden
    assert shown["from"]["id"] not in hidden["id"]
    assert hidden["created_time"] == "2026-11-24T04:30:00+0000"


def test_only_the_fields_asked_for_are_shown(rig: FacebookRig) -> None:
    post_id = rig.facebook.tag_post("ram", "words", photos=["a.jpg"], hide_author=False)
    graph = sdk(rig)
    assert set(graph.get_object(post_id, appsecret_proof=PROOF)) == {"id", "created_time", "message"}
    nested = "id,attachments{media,subattachments{media}},from.limit(1){id}"
    assert set(graph.get_object(post_id, fields=nested, appsecret_proof=PROOF)) == {"id", "attachments", "from"}


def test_comments_are_listed_by_level_order_and_cursor(rig: FacebookRig) -> None:
    post_id = rig.facebook.page_post("An announcement")
    top = rig.facebook.comment("ram", post_id, "one")
    deep = rig.facebook.comment("sita", top, "two")
    deeper = rig.facebook.comment("ram", deep, "three")
    graph = sdk(rig)

    def listed(**arguments: Any) -> list[str]:
        answer = graph.get_connections(post_id, "comments", appsecret_proof=PROOF, **arguments)
        return [one["id"] for one in answer["data"]]

    assert listed() == [top]
    assert listed(filter="stream") == [top, deep, deeper]
    assert listed(filter="stream", order="reverse_chronological") == [deeper, deep, top]
    shown = graph.get_object(deeper, fields="parent,object", appsecret_proof=PROOF)
    assert shown["parent"]["id"] == top, "replies to replies hang under the top comment"
    first = graph.get_connections(post_id, "comments", filter="stream", limit=2, appsecret_proof=PROOF)
    assert "next" in first["paging"]
    after = first["paging"]["cursors"]["after"]
    assert listed(filter="stream", limit=2, after=after) == [deeper]


def test_many_objects_by_id_leave_out_what_is_gone(rig: FacebookRig) -> None:
    kept, gone = rig.facebook.page_post("kept"), rig.facebook.page_post("gone")
    rig.facebook.delete(gone)
    assert set(sdk(rig).get_objects([kept, gone], appsecret_proof=PROOF)) == {kept}
    with pytest.raises(facebook.GraphAPIError) as trouble:
        sdk(rig).get_object(gone, appsecret_proof=PROOF)
    assert code_of(trouble) == (100, 33)


def test_a_deleted_or_blocking_citizen_cannot_be_answered(rig: FacebookRig) -> None:
    deleted, blocking = rig.facebook.tag_post("ram", "a"), rig.facebook.tag_post("sita", "b")
    rig.facebook.delete(deleted)
    rig.facebook.block("sita")
    for post_id in (deleted, blocking):
        with pytest.raises(facebook.GraphAPIError) as trouble:
            sdk(rig).put_object(post_id, "comments", message="hello", appsecret_proof=PROOF)
        assert code_of(trouble) == (100, 33)
    rig.facebook.unblock("sita")
    assert sdk(rig).put_object(blocking, "comments", message="hello", appsecret_proof=PROOF)["id"]


def test_the_same_words_twice_are_refused_for_a_day(rig: FacebookRig) -> None:
    post_id, graph = rig.facebook.tag_post("ram", "a"), sdk(rig)
    graph.put_object(post_id, "comments", message="Thank you", appsecret_proof=PROOF)
    with pytest.raises(facebook.GraphAPIError) as trouble:
        graph.put_object(post_id, "comments", message="Thank you", appsecret_proof=PROOF)
    assert trouble.value.code == 506
    rig.world.clock.advance(timedelta(hours=25))
    assert graph.put_object(post_id, "comments", message="Thank you", appsecret_proof=PROOF)["id"]
    rig.facebook.refuse_duplicates = False
    assert graph.put_object(post_id, "comments", message="Thank you", appsecret_proof=PROOF)["id"]


@pytest.mark.parametrize("words", ["", "x" * 8001], ids=["empty", "too long"])
def test_a_comment_needs_words_that_fit(rig: FacebookRig, words: str) -> None:
    post_id = rig.facebook.tag_post("ram", "a")
    with pytest.raises(facebook.GraphAPIError) as trouble:
        sdk(rig).put_object(post_id, "comments", message=words, appsecret_proof=PROOF)
    assert code_of(trouble) == (100, None)
    assert rig.facebook.comments_of(post_id) == []


def test_a_photo_comment_is_kept_and_served(rig: FacebookRig) -> None:
    post_id, graph = rig.facebook.tag_post("ram", "a"), sdk(rig)
    made = graph.put_photo(b"JPEG", f"{post_id}/comments", message="see", appsecret_proof=PROOF)
    shown = graph.get_object(made["id"], fields="attachment", appsecret_proof=PROOF)["attachment"]
    assert requests.get(shown["media"]["image"]["src"], timeout=2).content == b"JPEG"


def test_a_comment_is_answered_privately_once_and_within_seven_days(rig: FacebookRig) -> None:
    graph, post_id = sdk(rig), rig.facebook.page_post("news")
    early, late = rig.facebook.comment("ram", post_id, "a"), rig.facebook.comment("sita", post_id, "b")

    def answer(comment_id: str) -> dict[str, Any]:
        recipient, message = json.dumps({"comment_id": comment_id}), json.dumps({"text": "code 1234"})
        sent: dict[str, Any] = graph.put_object(
            rig.page_id, "messages", recipient=recipient, message=message, appsecret_proof=PROOF
        )
        return sent

    assert answer(early)["recipient_id"] == rig.facebook.add_user("ram", "ram")
    with pytest.raises(facebook.GraphAPIError) as trouble:
        answer(early)
    assert trouble.value.code == 10900
    rig.world.clock.advance(timedelta(days=7, minutes=1))
    with pytest.raises(facebook.GraphAPIError) as trouble:
        answer(late)
    assert trouble.value.code == 10901
    assert [one.text for one in rig.facebook.private_replies] == ["code 1234"]


def test_only_our_own_comments_can_be_deleted(rig: FacebookRig) -> None:
    graph, post_id = sdk(rig), rig.facebook.tag_post("ram", "a")
    ours = graph.put_object(post_id, "comments", message="x", appsecret_proof=PROOF)["id"]
    with pytest.raises(facebook.GraphAPIError) as trouble:
        graph.request(f"v3.1/{post_id}", args={"appsecret_proof": PROOF}, method="DELETE")
    assert trouble.value.code == 200
    graph.request(f"v3.1/{ours}", args={"appsecret_proof": PROOF}, method="DELETE")
    assert rig.facebook.comments_of(post_id) == []


async def test_calls_are_counted_and_limited_by_the_hour() -> None:
    async with facebook_rig(limit_scale=3 / 4800) as rig:
        session = PlatformSession("https://graph.facebook.com", rig.graph_url, (2, 2))
        graph = facebook.GraphAPI(access_token=TOKEN, session=session)
        for _ in range(3):
            graph.get_object("me", appsecret_proof=PROOF)
        assert json.loads(session.last_headers["X-App-Usage"])["call_count"] == 100
        rig.world.clock.advance(timedelta(minutes=20))
        with pytest.raises(facebook.GraphAPIError) as trouble:
            graph.get_object("me", appsecret_proof=PROOF)
        assert trouble.value.code == 80001
        (usage,) = json.loads(session.last_headers["X-Business-Use-Case-Usage"])[rig.page_id]
        assert usage["estimated_time_to_regain_access"] == 40
        rig.world.clock.advance(timedelta(minutes=40))
        assert graph.get_object("me", appsecret_proof=PROOF)


def test_an_unknown_path_is_refused(rig: FacebookRig) -> None:
    with pytest.raises(facebook.GraphAPIError) as trouble:
        sdk(rig).get_connections(rig.page_id, "nothing", appsecret_proof=PROOF)
    assert trouble.value.code == 2500


def test_pages_have_tokens_and_mentions_of_their_own(rig: FacebookRig) -> None:
    secret = "another-secret"
    other = rig.facebook.add_page("cmpro", "CM PRO", token="other", app_id="1", app_secret=secret)
    rig.facebook.tag_post("ram", "for the second", page="cmpro")
    proof = hmac.new(secret.encode(), b"other", hashlib.sha256).hexdigest()
    listed = sdk(rig, "other").get_connections(other, "tagged", appsecret_proof=proof)["data"]
    assert [one["message"] for one in listed] == ["for the second"]
    assert sdk(rig).get_connections(rig.page_id, "tagged", appsecret_proof=PROOF)["data"] == []


async def test_a_late_comment_appears_after_its_answer(rig: FacebookRig) -> None:
    post_id = rig.facebook.tag_post("ram", "a")
    rig.world.faults.add(Fault(Platform.FACEBOOK, "comment", FaultKind.LATE, seconds=0.1))
    with pytest.raises(facebook.GraphAPIError):
        sdk(rig).put_object(post_id, "comments", message="late", appsecret_proof=PROOF)
    assert rig.facebook.comments_of(post_id) == []
    await asyncio.sleep(0.4)
    assert [one["text"] for one in rig.facebook.comments_of(post_id)] == ["late"]


def test_everything_is_told_as_json_without_secrets(rig: FacebookRig) -> None:
    post_id = rig.facebook.tag_post("ram", "a", photos=["x.jpg"])
    rig.facebook.human_comment(post_id, "by hand")
    told = json.dumps(rig.facebook.dump())
    assert "by hand" in told
    assert TOKEN not in told
    assert APP_SECRET not in told
    assert [one["text"] for one in rig.facebook.posts_by_page()] == ["by hand"]
