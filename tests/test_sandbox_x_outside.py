"""X's own SDK against the emulated X, so that the emulator does not only agree with SMGT's adapter."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests
from x_rig import HANDLE, KEYS, XRig, ready_x

xdk = pytest.importorskip("xdk", reason="X's own SDK (PyPI: xdk) is not installed")


def reader(rig: XRig, bearer: str = KEYS["bearer"]) -> xdk.Client:
    """The SDK with the app's token, as reading wants it."""
    return xdk.Client(base_url=rig.api_url, bearer_token=bearer)


def writer(rig: XRig, **changed: str) -> xdk.Client:
    """The SDK with the account's own keys, as posting wants them."""
    from xdk.oauth1_auth import OAuth1

    keys = {**KEYS, **changed}
    signed = OAuth1(
        keys["consumer_key"], keys["consumer_secret"], "http://127.0.0.1/", keys["access_token"], keys["access_secret"]
    )
    return xdk.Client(base_url=rig.api_url, auth=signed)


def reply_to(post_id: str, text: str) -> Any:
    from xdk.posts.models import CreateRequest

    return CreateRequest(text=text, reply={"in_reply_to_tweet_id": post_id})


def refused(ask: Callable[[], Any]) -> tuple[int, str, Any]:
    """Status and words of a refusal, and its headers."""
    with pytest.raises(requests.HTTPError) as trouble:
        ask()
    answer = trouble.value.response
    return answer.status_code, answer.text, answer.headers


def test_its_timeline_pages_through_our_own_posts_and_shows_photos() -> None:
    with ready_x() as rig:
        ours = []
        for number in range(7):
            rig.later(minutes=1)
            asked = rig.x.post("mohan_d", f"@{HANDLE} no water {number}", photos=["tap"] if number == 0 else ())
            ours.append(writer(rig).posts.create(reply_to(asked, f"Number {number}")).data.id)
        pages = list(reader(rig).users.get_posts(rig.me, max_results=5, post_fields=["created_at", "conversation_id"]))
        assert [len(page.data) for page in pages] == [5, 2]
        assert [post.id for page in pages for post in page.data] == ours[::-1]
        assert pages[0].meta.newest_id == ours[-1]
        first = pages[-1].data[-1].created_at
        later = list(reader(rig).users.get_posts(rig.me, max_results=100, start_time=first, since_id=ours[0]))
        assert [post.id for page in later for post in page.data] == ours[:0:-1]
        (seen,) = reader(rig).users.get_mentions(
            rig.me,
            max_results=100,
            post_fields=["attachments"],
            expansions=["attachments.media_keys"],
            media_fields=["url", "type"],
        )
        (photo,) = seen.includes.media
        assert (photo.type, requests.get(photo.url, timeout=2).status_code) == ("photo", 200)
        assert reader(rig).users.get_by_username("mohan_d").data.username == "mohan_d"


def test_it_deletes_what_is_its_own_and_nothing_else() -> None:
    with ready_x() as rig:
        asked = rig.x.post("mohan_d", f"@{HANDLE} no water")
        made = writer(rig).posts.create(reply_to(asked, "Number 1")).data.id
        assert writer(rig).posts.delete(made).data.deleted
        assert not writer(rig).posts.delete(made).data.deleted
        assert refused(lambda: writer(rig).posts.delete(asked))[0] == 403
        assert reader(rig).posts.get_by_ids([made, asked]).errors[0].resource_id == made


def test_every_refusal_has_the_status_and_the_words_of_x() -> None:
    with ready_x() as rig:
        asked = rig.x.post("mohan_d", f"@{HANDLE} no water")
        stranger = rig.x.post("geeta", "nobody is mentioned here")
        gone = rig.x.post("ravi", f"@{HANDLE} please")
        rig.x.delete(gone)
        writer(rig).posts.create(reply_to(asked, "Number 1"))
        told = [
            (403, "duplicate", lambda: writer(rig).posts.create(reply_to(asked, "Number 1"))),
            (403, "mentioned", lambda: writer(rig).posts.create(reply_to(stranger, "Number 2"))),
            (403, "deleted", lambda: writer(rig).posts.create(reply_to(gone, "Number 3"))),
            (403, "too long", lambda: writer(rig).posts.create(reply_to(asked, "अ" * 281))),
            (400, "max_results", lambda: list(reader(rig).users.get_mentions(rig.me, max_results=4))),
            (400, "last 7 days", lambda: list(reader(rig).posts.search_recent("x", start_time="2026-11-01T00:00:00Z"))),
            (401, "Unauthorized", lambda: list(reader(rig, "another").users.get_mentions(rig.me))),
            (401, "Unauthorized", lambda: writer(rig, access_secret="wrong").users.get_me()),
        ]
        for status, words, ask in told:
            found, text, _ = refused(ask)
            assert found == status, text
            assert words in text, text


def test_limits_are_told_in_headers_and_kept() -> None:
    with ready_x(limit_scale=3 / 300) as rig:
        for _ in range(3):
            list(reader(rig).users.get_mentions(rig.me, max_results=5))
        status, _, headers = refused(lambda: list(reader(rig).users.get_mentions(rig.me, max_results=5)))
        assert (status, headers["x-rate-limit-limit"], headers["x-rate-limit-remaining"]) == (429, "3", "0")
        wait = int(headers["x-rate-limit-reset"]) - rig.world.clock.now().timestamp()
        assert 0 < wait <= 900
        rig.later(seconds=wait + 1)
        assert list(reader(rig).users.get_mentions(rig.me, max_results=5))


def test_xs_own_sdk_reads_searches_and_replies() -> None:
    from xdk.oauth1_auth import OAuth1
    from xdk.posts.models import CreateRequest

    with ready_x() as rig:
        root = rig.x.post("sunita_k", "sewer overflows", photos=["sewer"])
        tagged = [rig.x.post("mohan_d", f"@{HANDLE} please see {n}", in_reply_to=root) for n in range(7)]
        app = xdk.Client(base_url=rig.api_url, bearer_token=KEYS["bearer"])
        pages = list(
            app.users.get_mentions(
                rig.me,
                max_results=5,
                post_fields=["created_at", "conversation_id", "referenced_posts", "entities"],
                expansions=["author_id", "attachments.media_keys", "referenced_posts"],
            )
        )
        assert [post.id for page in pages for post in page.data] == tagged[::-1]
        assert pages[0].data[0].conversation_id == root
        assert pages[0].data[0].edit_history_post_ids == [tagged[-1]]
        assert [user.username for user in pages[0].includes.users] == ["mohan_d"]
        (found,) = app.posts.search_recent(f"conversation_id:{root}", max_results=10)
        assert len(found.data) == 8
        looked = app.posts.get_by_ids([root, "77"])
        assert [looked.data[0].id, looked.errors[0].resource_id] == [root, "77"]
        keys = [KEYS[name] for name in ("consumer_key", "consumer_secret")]
        signed = OAuth1(*keys, "http://127.0.0.1/", KEYS["access_token"], KEYS["access_secret"])
        user = xdk.Client(base_url=rig.api_url, auth=signed)
        assert user.users.get_me().data.id == rig.me
        made = user.posts.create(CreateRequest(text="Number 1", reply={"in_reply_to_tweet_id": tagged[0]}))
        assert [post.id for post in rig.x.posts_by(HANDLE)] == [made.data.id]
