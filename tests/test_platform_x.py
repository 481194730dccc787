"""The X adapter: real tweepy over real HTTP against the emulated X."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from store.vocabulary import InboundVerb
from x_rig import XRig, ready_x


@pytest.fixture
def rig() -> Iterator[XRig]:
    with ready_x() as made:
        yield made


async def test_a_mention_is_heard_and_answered(rig: XRig) -> None:
    post_id = rig.x.post("ramesh_hsr", "@cmohry_demo no water in Hisar for three days & nights")
    (event,) = await rig.heard()
    assert (event.message_id, event.verb, event.mentions_us) == (post_id, InboundVerb.POSTED, True)
    assert event.text == "@cmohry_demo no water in Hisar for three days & nights"
    assert event.author is not None
    assert event.author.handle == "ramesh_hsr"
    sent = await rig.port.send(rig.answer(post_id))
    (reply,) = rig.x.posts_by("cmohry_demo")
    assert (reply.id, reply.parent_id) == (sent, post_id)
    assert reply.text == "@ramesh_hsr Your complaint has the number HRY26-000001-4."
