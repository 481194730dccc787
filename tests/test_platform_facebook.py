"""The Facebook port, through the real facebook-sdk over HTTP, against the emulated Facebook."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from rig_facebook import FacebookRig, facebook_rig, reply


@pytest.fixture
async def rig() -> AsyncIterator[FacebookRig]:
    async with facebook_rig() as ready:
        yield ready


async def test_a_tagged_post_is_read_and_answered(rig: FacebookRig) -> None:
    post_id = rig.facebook.tag_post("sunita", "Sector 5 mein paani bhara hai", hide_author=False)

    (heard,) = await rig.read()

    assert (heard.message_id, heard.thread_id, heard.text) == (
        post_id,
        post_id,
        "Sector 5 mein paani bhara hai",
    )
    assert heard.author is not None
    assert heard.author.name == "sunita"
    assert heard.mentions_us
    sent_id = await rig.port.send(reply(post_id, "Aapki shikayat darj hai: HRY26-000001-3"))
    (comment,) = rig.facebook.comments_of(post_id)
    assert comment["id"] == sent_id
    assert comment["by_page"]
