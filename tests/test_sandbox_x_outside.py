"""X's own SDK against the emulated X, so that the emulator does not only agree with SMGT's adapter."""

from __future__ import annotations

import pytest
from x_rig import HANDLE, KEYS, ready_x

xdk = pytest.importorskip("xdk", reason="X's own SDK (PyPI: xdk) is not installed")


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
