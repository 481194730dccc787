"""The rules of the emulated X, met by unmodified tweepy over real HTTP."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import timedelta

import pytest
import requests
import tweepy
from x_rig import HANDLE, KEYS, START, XRig, ready_x

from bot.sandbox.world import FaultKind

FIELDS = "attachments,author_id,conversation_id,created_at,entities,in_reply_to_user_id,note_tweet,referenced_tweets"


@pytest.fixture
def rig() -> Iterator[XRig]:
    with ready_x() as made:
        yield made


def reply(rig: XRig, post_id: str, text: str, **more: object) -> str:
    answer = rig.sdk().create_tweet(text=text, in_reply_to_tweet_id=post_id, **more)
    return str(answer["data"]["id"])


def refused(rig: XRig, post_id: str, text: str) -> str:
    with pytest.raises(tweepy.Forbidden) as caught:
        reply(rig, post_id, text)
    return str(caught.value.api_messages[0])


def test_mentions_come_newest_first_in_pages(rig: XRig) -> None:
    ids = [rig.x.post("sunita_k", f"@{HANDLE} complaint {number}") for number in range(12)]
    assert ids == sorted(ids, key=int)
    first = rig.sdk().get_users_mentions(rig.me, max_results=5)
    assert [post["id"] for post in first["data"]] == ids[:-6:-1]
    assert set(first["data"][0]) == {"id", "text", "edit_history_tweet_ids"}
    second = rig.sdk().get_users_mentions(rig.me, max_results=5, pagination_token=first["meta"]["next_token"])
    third = rig.sdk().get_users_mentions(rig.me, max_results=5, pagination_token=second["meta"]["next_token"])
    assert [post["id"] for post in third["data"]] == ids[1::-1]
    assert "next_token" not in third["meta"]
    later = rig.sdk().get_users_mentions(rig.me, max_results=5, since_id=ids[-2])
    assert [post["id"] for post in later["data"]] == ids[-1:]
    assert "data" not in rig.sdk().get_users_mentions(rig.me, max_results=5, since_id=ids[-1])
    earlier = rig.sdk().get_users_mentions(rig.me, max_results=5, until_id=ids[1])
    assert [post["id"] for post in earlier["data"]] == ids[:1]


@pytest.mark.parametrize("size", [4, 101])
def test_a_page_has_5_to_100_mentions(rig: XRig, size: int) -> None:
    with pytest.raises(tweepy.BadRequest, match="max_results"):
        rig.sdk().get_users_mentions(rig.me, max_results=size)


def test_only_the_newest_800_mentions_can_be_read() -> None:
    with ready_x(limit_scale=None) as rig:
        for number in range(810):
            rig.x.post("sunita_k", f"@{HANDLE} complaint {number}")
        client = rig.sdk()
        pages = list(tweepy.Paginator(client.get_users_mentions, rig.me, max_results=100))
    assert sum(len(page["data"]) for page in pages) == 800


def test_times_follow_the_office_clock(rig: XRig) -> None:
    rig.x.post("sunita_k", f"@{HANDLE} one")
    rig.later(days=2)
    second = rig.x.post("sunita_k", f"@{HANDLE} two")
    answer = rig.sdk().get_users_mentions(rig.me, start_time=START + timedelta(hours=1), tweet_fields="created_at")
    assert [(post["id"], post["created_at"]) for post in answer["data"]] == [(second, "2026-11-26T09:00:00.000Z")]


def test_signatures_are_really_verified(rig: XRig) -> None:
    assert rig.sdk().get_me()["data"] == {"id": rig.me, "name": rig.x.accounts[rig.me].name, "username": HANDLE}
    for name in ("consumer_key", "consumer_secret", "access_token", "access_secret"):
        with pytest.raises(tweepy.Unauthorized):
            rig.sdk(**{name: "wrong"}).get_me()
    with pytest.raises(tweepy.Unauthorized):
        rig.sdk(bearer="wrong").get_users_mentions(rig.me)
    signed = rig.sdk().search_recent_tweets(f"@{HANDLE} (पानी OR bijli)", user_auth=True)
    assert signed["meta"]["result_count"] == 0


def test_posting_takes_no_app_token(rig: XRig) -> None:
    with pytest.raises(tweepy.Forbidden, match="Application-Only is forbidden"):
        rig.sdk().create_tweet(text="hello", user_auth=False)


def test_a_reply_names_the_thread_but_for_the_excluded(rig: XRig) -> None:
    other = rig.x.add_user("dc_hisar")
    post_id = rig.x.post("sunita_k", f"@{HANDLE} @dc_hisar no light")
    assert rig.x.posts[reply(rig, post_id, "Number 1")].text == "@sunita_k @dc_hisar Number 1"
    alone = reply(rig, post_id, "Number 2", exclude_reply_user_ids=[other, rig.x.posts[post_id].author.id])
    assert rig.x.posts[alone].text == "@sunita_k Number 2"
    answer = rig.x.post("sunita_k", "Hisar", in_reply_to=alone)
    assert rig.x.posts[answer].text == f"@{HANDLE} Hisar"
    hidden = rig.x.post("sunita_k", "Hisar", in_reply_to=alone, hide_mention=True)
    assert rig.x.posts[hidden].text == "Hisar"
    assert [post.id for post in rig.x.thread_of(alone)][-2:] == [answer, hidden]


def test_280_weighted_characters(rig: XRig) -> None:
    post_id = rig.x.post("sunita_k", f"@{HANDLE} help")
    assert "too long" in refused(rig, post_id, "₹" * 141)
    assert reply(rig, post_id, "प" * 280)


def test_the_same_text_only_once_in_seven_days(rig: XRig) -> None:
    first, second = (rig.x.post(name, f"@{HANDLE} help") for name in ("sunita_k", "ramesh_hsr"))
    reply(rig, first, "We have it.")
    assert refused(rig, second, "We have it.") == "You are not allowed to create a Tweet with duplicate content."
    rig.later(days=8)
    assert reply(rig, second, "We have it.")
    rig.x.refuse_duplicates = False
    assert reply(rig, first, "We have it.")


def test_replies_only_to_those_who_mentioned_or_quoted_us(rig: XRig) -> None:
    stranger = rig.x.post("sunita_k", "no light in Hisar")
    said = refused(rig, stranger, "Number 1")
    assert said == "You can only reply to or quote posts where you are mentioned or are the author."
    own = rig.x.human_post(HANDLE, "Good morning Haryana")
    quoting = rig.x.post("sunita_k", "and the light?", quote_of=own)
    assert reply(rig, quoting, "Number 2")
    assert reply(rig, own, "Number 3")
    rig.x.reply_needs_mention = False
    assert reply(rig, stranger, "Number 4")


def test_no_reply_to_the_deleted_and_the_blocking(rig: XRig) -> None:
    gone, blocked = (rig.x.post(name, f"@{HANDLE} help") for name in ("sunita_k", "ramesh_hsr"))
    rig.x.delete(gone)
    rig.x.block("ramesh_hsr", HANDLE)
    for post_id in (gone, blocked, "12345"):
        assert "deleted or not visible" in refused(rig, post_id, "Number 1")


def test_a_lookup_tells_what_is_gone(rig: XRig) -> None:
    stays, goes = (rig.x.post("sunita_k", f"@{HANDLE} {word}") for word in ("one", "two"))
    rig.x.delete(goes)
    answer = rig.sdk().get_tweets([stays, goes, "77"])
    assert [post["id"] for post in answer["data"]] == [stays]
    assert [error["resource_id"] for error in answer["errors"]] == [goes, "77"]


def test_an_edit_has_a_new_id_and_the_old_history(rig: XRig) -> None:
    first = rig.x.post("sunita_k", f"@{HANDLE} no watr")
    second = rig.x.edit(first, f"@{HANDLE} no water")
    (post,) = rig.sdk().get_users_mentions(rig.me)["data"]
    assert (post["id"], post["edit_history_tweet_ids"], post["text"]) == (
        second, [first, second], f"@{HANDLE} no water",
    )  # fmt: skip
    (old,) = rig.sdk().get_tweets([first])["data"]
    assert old["text"] == f"@{HANDLE} no watr"


def test_long_posts_are_shortened_and_carry_a_note(rig: XRig) -> None:
    long = "पानी " * 80 + f"<now> @{HANDLE}"
    rig.x.post("sunita_k", long)
    (post,) = rig.sdk().get_users_mentions(rig.me, tweet_fields=FIELDS)["data"]
    assert post["text"].endswith("…")
    assert len(post["text"]) < 280
    assert "entities" not in post
    assert post["note_tweet"]["text"] == long.replace("<now>", "&lt;now&gt;")
    assert post["note_tweet"]["entities"]["mentions"][0]["id"] == rig.me


def test_expansions_bring_authors_media_and_parents(rig: XRig) -> None:
    parent = rig.x.post("sunita_k", "pothole", photos=["pothole"])
    rig.x.post("ramesh_hsr", f"@{HANDLE} please see", in_reply_to=parent, video=True)
    answer = rig.sdk().get_users_mentions(
        rig.me, tweet_fields=FIELDS, media_fields="url,variants",
        expansions="author_id,attachments.media_keys,referenced_tweets.id,referenced_tweets.id.author_id",
    )  # fmt: skip
    assert {user["username"] for user in answer["includes"]["users"]} == {"sunita_k", "ramesh_hsr"}
    assert [post["id"] for post in answer["includes"]["tweets"]] == [parent]
    assert [media["type"] for media in answer["includes"]["media"]] == ["video"]
    (post,) = answer["data"]
    assert post["conversation_id"] == parent
    link = post["entities"]["urls"][0]
    assert post["text"][link["start"] : link["end"]] == link["url"]


def test_search_reaches_seven_days_and_reads_operators(rig: XRig) -> None:
    old = rig.x.post("sunita_k", f"@{HANDLE} old")
    rig.later(days=8)
    root = rig.x.post("sunita_k", "no light")
    child = rig.x.post("ramesh_hsr", "me too", in_reply_to=root)
    tagged = rig.x.post("ramesh_hsr", f"@{HANDLE} garbage")

    def found(query: str) -> list[str]:
        return [post["id"] for post in rig.sdk().search_recent_tweets(query).get("data", [])]

    assert found(f"conversation_id:{root}") == [child, root]
    assert found(f"conversation_id:{root} OR conversation_id:{tagged}") == [tagged, child, root]
    assert found(f"conversation_id:{old}") == []
    assert found(f"(@{HANDLE} OR from:sunita_k) -is:reply") == [tagged, root]
    for bad in ("(garbage", "near:Hisar", "x" * 513, "garbage OR"):
        with pytest.raises(tweepy.BadRequest):
            found(bad)
    with pytest.raises(tweepy.BadRequest, match="7 days"):
        rig.sdk().search_recent_tweets("garbage", start_time=START)
    with pytest.raises(tweepy.BadRequest, match="10 seconds"):
        rig.sdk().search_recent_tweets("garbage", end_time=rig.world.clock.now())


def test_limits_count_down_and_end_with_the_window(rig: XRig) -> None:
    posts = [rig.x.post("sunita_k", f"@{HANDLE} {number}") for number in range(101)]
    for number, post_id in enumerate(posts[:100]):
        reply(rig, post_id, f"Number {number}")
    with pytest.raises(tweepy.TooManyRequests) as caught:
        reply(rig, posts[100], "Number 100")
    assert caught.value.reset_time == int((START + timedelta(minutes=15)).timestamp())
    assert caught.value.response.headers["x-rate-limit-limit"] == "100"
    assert caught.value.response.headers["x-rate-limit-remaining"] == "0"
    rig.later(minutes=15)
    assert reply(rig, posts[100], "Number 100")


def test_limits_can_be_scaled() -> None:
    with ready_x(limit_scale=0.01) as rig:
        post_id = rig.x.post("sunita_k", f"@{HANDLE} help")
        reply(rig, post_id, "Number 1")
        with pytest.raises(tweepy.TooManyRequests):
            reply(rig, post_id, "Number 2")


def test_a_late_effect_shows_after_the_error(rig: XRig) -> None:
    post_id = rig.x.post("sunita_k", f"@{HANDLE} help")
    rig.fault("create", FaultKind.LATE, seconds=0.1)
    with pytest.raises(tweepy.TwitterServerError):
        reply(rig, post_id, "Number 1")
    assert rig.x.posts_by(HANDLE) == []
    end = time.monotonic() + 5
    while not rig.x.posts_by(HANDLE) and time.monotonic() < end:
        time.sleep(0.01)
    assert [post.text for post in rig.x.posts_by(HANDLE)] == ["@sunita_k Number 1"]


def test_faults_of_reading(rig: XRig) -> None:
    ids = [rig.x.post("sunita_k", f"@{HANDLE} {number}") for number in range(6)]
    client = rig.sdk()

    def read() -> list[str]:
        return [post["id"] for post in client.get_users_mentions(rig.me).get("data", [])]

    rig.fault("mentions", FaultKind.STALE_READ, count=2)
    assert read() == ids[3::-1]
    rig.fault("mentions", FaultKind.DUPLICATE)
    assert sorted(read()) == sorted(ids + ids)
    rig.fault("mentions", FaultKind.SHUFFLE)
    assert sorted(read()) == ids
    rig.fault("mentions", FaultKind.REVOKED, channel="somebody else")
    assert read() == ids[::-1]


def test_people_at_the_sandbox_get_a_clear_sentence(rig: XRig) -> None:
    for wrong in (
        lambda: rig.x.add_user("राम"),
        lambda: rig.x.post("sunita_k", "a", in_reply_to="5"),
        lambda: rig.x.post("sunita_k", "a", quote_of="5"),
        lambda: rig.x.post("sunita_k", "a", repost_of="5"),
        lambda: rig.x.edit("5", "a"),
        lambda: rig.x.delete("5"),
        lambda: rig.x.thread_of("5"),
        lambda: rig.x.block("nobody", HANDLE),
        lambda: rig.x.human_post("nobody", "a"),
    ):
        with pytest.raises(ValueError, match=r"sandbox|handle"):
            wrong()
    assert rig.x.dump()["posts"] == []


def test_photos_are_served_and_everything_can_be_read_back(rig: XRig) -> None:
    post_id = rig.x.post("sunita_k", f"@{HANDLE}", photos=["pothole"])
    (media,) = rig.x.posts[post_id].media
    answer = requests.get(f"{rig.api_url}/media/{media.key}", timeout=5)
    assert answer.content.startswith(b"\x89PNG")
    rig.x.delete(post_id)
    dump = json.loads(json.dumps(rig.x.dump()))
    assert dump["posts"][0]["deleted"] is True
    assert all(secret not in json.dumps(dump) for secret in KEYS.values())


@pytest.mark.parametrize(
    "body", [b"", b"not json", b"[]", b"{}", b'{"text": " "}', b'{"text": 5}', b'{"text": "a", "reply": "b"}']
)
def test_a_malformed_post_is_refused_with_400(rig: XRig, body: bytes) -> None:
    client = rig.sdk()
    auth = tweepy.OAuth1UserHandler(*(KEYS[name] for name in list(KEYS)[1:])).apply_auth()
    headers = {"Content-Type": "application/json"}
    answer = client.session.request("POST", f"{rig.api_url}/2/tweets", data=body, auth=auth, headers=headers)
    assert answer.status_code == 400
    assert rig.x.posts_by(HANDLE) == []
