"""Somebody else's Graph API client (PyPI: python-facebook-api) against the emulated Facebook.

It knows nothing of SMGT's adapter or facebook-sdk, so the emulator does not only agree with ourselves.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from rig_facebook import APP_SECRET, TOKEN, FacebookRig, facebook_rig

from bot.sandbox.world import Fault, FaultKind
from store.vocabulary import Platform

pyfacebook = pytest.importorskip("pyfacebook", reason="the outside client is installed by the extra 'dev' only")

FIELDS = "id,message,created_time,from,tagged_time"


@pytest.fixture
async def rig() -> AsyncIterator[FacebookRig]:
    async with facebook_rig() as ready:
        yield ready


def client(rig: FacebookRig, token: str = TOKEN, secret: str | None = APP_SECRET) -> pyfacebook.GraphAPI:
    return pyfacebook.GraphAPI(
        app_id="1", app_secret=secret, access_token=token, base_url=rig.graph_url + "/", version="v24.0", timeout=2
    )


def test_it_reads_the_page_a_post_and_its_hidden_author(rig: FacebookRig) -> None:
    graph = client(rig)
    hidden = rig.facebook.tag_post("ram", "no water", photos=["a.jpg", "b.jpg"])
    shown = rig.facebook.tag_post("sita", "no light", hide_author=False)
    assert graph.get_object("me", fields="id,name,username") == {
        "id": rig.page_id,
        "name": "CMO Haryana",
        "username": "cmohry",
    }
    post = graph.get_object(hidden, fields=f"{FIELDS},attachments{{media,subattachments}},message_tags,permalink_url")
    assert (post["message"], "from" in post) == ("no water", False)
    assert len(post["attachments"]["data"][0]["subattachments"]["data"]) == 2
    assert graph.get_object(shown, fields="from")["from"]["name"] == "sita"
    assert set(graph.get_objects(f"{hidden},{shown}", fields="message")) == {hidden, shown}


@pytest.mark.parametrize("count", [None, 3])
def test_it_pages_through_tagged_posts_by_the_addresses_it_is_given(rig: FacebookRig, count: int | None) -> None:
    posts = []
    for number in range(7):
        rig.world.clock.advance(timedelta(minutes=1))
        posts.append(rig.facebook.tag_post("ram", f"complaint {number}", hide_author=False))
    read = client(rig).get_full_connections(rig.page_id, "tagged", count=count, limit=2, fields=FIELDS)["data"]
    assert [one["id"] for one in read] == posts[::-1][:count]
    assert all(one["tagged_time"] and one["from"]["name"] == "ram" for one in read), "every page keeps the fields"


def test_a_page_in_the_middle_names_both_its_neighbours(rig: FacebookRig) -> None:
    post_id, graph = rig.facebook.page_post("An announcement"), client(rig)
    written = [rig.facebook.comment("ram", post_id, f"comment {number}") for number in range(5)]
    page = graph.get_connection(post_id, "comments", limit=2, filter="stream", fields="id")
    assert "previous" not in page["paging"]
    middle = graph._parse_response(graph._request(page["paging"]["next"]))
    assert [one["id"] for one in middle["data"]] == written[2:4]
    back = graph._parse_response(graph._request(middle["paging"]["previous"]))
    assert [one["id"] for one in back["data"]] == written[:2]
    last = graph._parse_response(graph._request(middle["paging"]["next"]))
    assert "next" not in last["paging"]


def test_it_comments_answers_a_comment_sends_a_photo_and_deletes(rig: FacebookRig) -> None:
    post_id, graph = rig.facebook.tag_post("ram", "no water"), client(rig)
    made = graph.post_object(post_id, "comments", data={"message": "HRY26-000001-0"})["id"]
    below = graph.post_object(made, "comments", data={"message": "HRY26-000001-0: done?"})["id"]
    pictured = graph.post_object(
        post_id, "comments", data={"message": "see"}, files={"source": ("a.jpg", b"JPEG", "image/jpeg")}
    )["id"]
    assert graph.get_object(below, fields="parent")["parent"]["id"] == made
    address = graph.get_object(pictured, fields="attachment")["attachment"]["media"]["image"]["src"]
    assert graph._parse_response(graph._request(address, auth_need=False))["data"] == b"JPEG"
    assert graph.delete_object(pictured) == {"success": True}
    assert [one["id"] for one in rig.facebook.comments_of(post_id)] == [made, below]


def test_it_debugs_tokens_with_the_apps_own(rig: FacebookRig) -> None:
    graph = client(rig)
    url = rig.graph_url + "/v24.0/oauth/access_token"
    app = pyfacebook.GraphAPI(
        app_id="1",
        app_secret=APP_SECRET,
        application_only_auth=True,
        base_url=rig.graph_url + "/",
        access_token_url=url,
        timeout=2,
    )
    told = graph.debug_token(TOKEN, app.access_token)["data"]
    assert (told["is_valid"], told["app_id"], told["profile_id"], told["expires_at"]) == (True, "1", rig.page_id, 0)
    assert "pages_manage_engagement" in told["scopes"]
    unknown = graph.debug_token("another", app.access_token)["data"]
    assert (unknown["is_valid"], unknown["error"]["code"]) == (False, 190)
    with pytest.raises(pyfacebook.FacebookError) as trouble:
        graph.debug_token(TOKEN, "nobody")
    assert trouble.value.code == 190
    for app_id, secret, code in (("1", "wrong", 1), ("2", APP_SECRET, 101)):
        with pytest.raises(pyfacebook.FacebookError) as trouble:
            app.get_app_token(app_id, secret)
        assert trouble.value.code == code


def test_every_refusal_is_an_error_it_understands(rig: FacebookRig) -> None:
    post_id, graph = rig.facebook.tag_post("ram", "no water"), client(rig)
    gone = rig.facebook.tag_post("ram", "gone")
    rig.facebook.delete(gone)
    graph.post_object(post_id, "comments", data={"message": "said"})
    rig.facebook.refuse_next("object", 4)
    refused = [
        (4, lambda: graph.get_object(post_id)),
        (190, lambda: client(rig, "another").get_object("me")),
        (100, lambda: client(rig, secret=None).get_object("me")),
        (100, lambda: client(rig, secret="wrong").get_object("me")),
        (100, lambda: graph.get_object(gone)),
        (100, lambda: graph.post_object(gone, "comments", data={"message": "hello"})),
        (100, lambda: graph.post_object(post_id, "comments", data={"message": ""})),
        (506, lambda: graph.post_object(post_id, "comments", data={"message": "said"})),
        (200, lambda: graph.delete_object(post_id)),
        (2500, lambda: graph.get_connection(post_id, "nothing")),
        (100, lambda: graph.get_connection(post_id, "comments", after="?")),
    ]
    for code, ask in refused:
        with pytest.raises(pyfacebook.FacebookError) as trouble:
            ask()
        assert trouble.value.code == code, trouble.value
        assert trouble.value.message
        assert trouble.value.fbtrace_id


def test_faults_and_limits_reach_it_as_from_facebook(rig: FacebookRig) -> None:
    graph = client(rig)
    for kind, code in ((FaultKind.ERROR_BEFORE, 2), (FaultKind.REVOKED, 190), (FaultKind.RATE_LIMITED, 80001)):
        rig.world.faults.add(Fault(Platform.FACEBOOK, "me", kind))
        with pytest.raises(pyfacebook.FacebookError) as trouble:
            graph.get_object("me")
        assert trouble.value.code == code
    assert graph.rate_limit.get_limit(rig.page_id, "pages").estimated_time_to_regain_access >= 1


async def test_the_share_of_calls_spent_is_told_in_headers_it_reads() -> None:
    async with facebook_rig(limit_scale=4 / 4800) as rig:
        graph = client(rig)
        for _ in range(2):
            graph.get_object("me")
        assert graph.rate_limit.get_limit().call_count == 50
        assert graph.rate_limit.get_limit(rig.page_id, "pages").call_count == 50
