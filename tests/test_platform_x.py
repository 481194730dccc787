"""The X adapter, reading and answering: real tweepy over real HTTP against the emulated X."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
import requests
from x_rig import HANDLE, KEYS, XRig, ready_x, ready_x_port

from bot.platforms.port import Watched
from bot.platforms.x_client import FIELDS, in_sdk_names
from bot.platforms.x_posts import Included, comparable, inbound_of, whole_text
from bot.sandbox.world import FaultKind
from store.inbound import Inbound
from store.vocabulary import InboundVerb


@pytest.fixture
def rig() -> Iterator[XRig]:
    with ready_x() as made:
        yield made


async def one(rig: XRig, post_id: str) -> Inbound:
    """The event of that post in a fresh read."""
    (event,) = [event for event in await rig.heard() if event.message_id == rig.x.posts[post_id].history[0]]
    return event


async def test_a_mention_is_heard_and_answered(rig: XRig) -> None:
    post_id = rig.x.post("ramesh_hsr", f"@{HANDLE} no water in Hisar for 3 days & <nights>")
    (event,) = await rig.heard()
    assert event.key == f"{post_id}:0"
    assert (event.message_id, event.thread_id, event.verb) == (post_id, post_id, InboundVerb.POSTED)
    assert (event.mentions_us, event.implicit, event.by_us, event.is_repost) == (True, False, False, False)
    assert event.text == f"@{HANDLE} no water in Hisar for 3 days & <nights>"
    assert event.author is not None
    assert (event.author.handle, event.occurred_at) == ("ramesh_hsr", rig.world.clock.now())
    sent = await rig.port.send(rig.answer(post_id))
    (reply,) = rig.x.posts_by(HANDLE)
    assert (reply.id, reply.parent_id) == (sent, post_id)
    assert reply.text == "@ramesh_hsr Your complaint has the number HRY26-000001-4."


async def test_identity(rig: XRig) -> None:
    us = await rig.port.identify()
    assert (us.account_id, us.handle) == (rig.me, HANDLE)


async def test_our_own_and_our_peoples_posts_are_by_us(rig: XRig) -> None:
    post_id = rig.x.post("ramesh_hsr", f"@{HANDLE} no water")
    by_smgt = await rig.port.send(rig.answer(post_id))
    by_person = rig.x.human_post(HANDLE, "We are looking into it.", in_reply_to=post_id)
    events = {event.message_id: event for event in await rig.heard()}
    assert events[by_smgt].by_us
    assert events[by_person].by_us
    assert (events[by_person].text, events[by_person].reply_to_id) == ("We are looking into it.", post_id)
    assert not events[by_person].implicit
    assert not events[post_id].by_us


async def test_a_repost_is_nobodys_own_words(rig: XRig) -> None:
    post_id = rig.x.post("ramesh_hsr", f"@{HANDLE} no water")
    event = await one(rig, rig.x.post("sunita_k", "", repost_of=post_id))
    assert (event.is_repost, event.mentions_us, event.implicit) == (True, False, False)


async def test_a_quote_brings_the_quoted_post_as_evidence(rig: XRig) -> None:
    seen = rig.x.post("ramesh_hsr", "Sewer overflows in Rohtak", photos=["sewer"])
    event = await one(rig, rig.x.post("sunita_k", f"@{HANDLE} please see", quote_of=seen))
    assert event.text == f"@{HANDLE} please see"
    assert event.mentions_us
    assert event.quoted is not None
    assert (event.quoted.id, event.quoted.text) == (seen, "Sewer overflows in Rohtak")
    assert event.quoted.author_id == rig.x.posts[seen].author.id
    assert [photo.kind for photo in event.quoted.attachments] == ["photo"]


async def test_please_see_under_anothers_post(rig: XRig) -> None:
    seen = rig.x.post("ramesh_hsr", "Sewer overflows in Rohtak")
    event = await one(rig, rig.x.post("sunita_k", f"@{HANDLE} please see", in_reply_to=seen))
    assert rig.x.posts[event.message_id].text.startswith("@ramesh_hsr @")
    assert (event.text, event.mentions_us, event.implicit) == ("please see", True, False)
    assert event.quoted is not None
    assert event.quoted.text == "Sewer overflows in Rohtak"
    assert event.mentioned_ids == (rig.x.posts[seen].author.id,)


async def test_a_name_at_the_head_is_typed_when_the_thread_does_not_have_it(rig: XRig) -> None:
    root = rig.x.post("ramesh_hsr", "Sewer overflows in Rohtak")
    tagged = rig.x.post("sunita_k", f"@{HANDLE} please see", in_reply_to=root)
    below = rig.x.post("mohan_d", "same in my street", in_reply_to=tagged)
    event = await one(rig, below)
    assert (event.mentions_us, event.implicit) == (False, True)
    assert event.text == "same in my street"
    typed = await one(rig, rig.x.post("mohan_d", f"same here @{HANDLE}", in_reply_to=tagged))
    assert (typed.mentions_us, typed.implicit) == (True, False)


async def test_a_name_at_the_head_counts_when_the_parent_is_gone(rig: XRig) -> None:
    root = rig.x.post("ramesh_hsr", "Sewer overflows in Rohtak")
    tagged = rig.x.post("sunita_k", f"@{HANDLE} please see", in_reply_to=root)
    rig.x.delete(root)
    event = await one(rig, tagged)
    assert (event.mentions_us, event.quoted, event.reply_to_id) == (True, None, root)


async def test_an_implicit_mention_under_our_own_post(rig: XRig) -> None:
    own = rig.x.human_post(HANDLE, "Good morning Haryana")
    event = await one(rig, rig.x.post("sunita_k", "and the light in Jind?", in_reply_to=own))
    assert (event.implicit, event.mentions_us, event.reply_to_us) == (True, False, True)
    assert (event.text, event.quoted, event.reply_to_id) == ("and the light in Jind?", None, own)


async def test_the_answer_to_our_question(rig: XRig) -> None:
    post_id = rig.x.post("ramesh_hsr", f"@{HANDLE} @dc_hisar no water")
    sent = await rig.port.send(rig.answer(post_id))
    event = await one(rig, rig.x.post("ramesh_hsr", "Hansi, Hisar", in_reply_to=sent))
    assert (event.text, event.reply_to_id, event.reply_to_us, event.thread_id) == (
        "Hansi, Hisar", sent, True, post_id,
    )  # fmt: skip


async def test_a_reply_deep_in_a_thread_keeps_thread_and_parent(rig: XRig) -> None:
    root = rig.x.post("ramesh_hsr", f"@{HANDLE} no water")
    parent = root
    for name in ("sunita_k", "mohan_d", "geeta_s", "ramesh_hsr"):
        last, parent = parent, rig.x.post(name, f"word of {name}", in_reply_to=parent)
    event = await one(rig, parent)
    assert (event.thread_id, event.reply_to_id, event.text) == (root, last, "word of ramesh_hsr")
    handles = {rig.x.accounts[account].handle for account in event.mentioned_ids}
    assert handles == {"sunita_k", "mohan_d", "geeta_s"}


async def test_a_thread_of_three_parts(rig: XRig) -> None:
    first = rig.x.post("ramesh_hsr", f"@{HANDLE} 1/3 no water")
    second = rig.x.post("ramesh_hsr", "2/3 since Monday", in_reply_to=first)
    third = rig.x.post("ramesh_hsr", "3/3 in Hansi", in_reply_to=second, hide_mention=True)
    watched = Watched(first, rig.world.clock.now())
    events = {event.message_id: event for event in await rig.heard({}, watched)}
    assert [events[part].text for part in (second, third)] == ["2/3 since Monday", "3/3 in Hansi"]
    assert {events[part].thread_id for part in (first, second, third)} == {first}
    assert (events[second].implicit, events[second].quoted) == (True, None)
    assert (events[third].implicit, events[third].mentions_us) == (False, False)


async def test_an_edit_is_a_later_version_of_the_same_message(rig: XRig) -> None:
    cursors: dict[str, str] = {}
    first = rig.x.post("ramesh_hsr", f"@{HANDLE} no watr")
    await rig.heard(cursors)
    rig.later(minutes=3)
    rig.x.edit(first, f"@{HANDLE} no water")
    (event,) = await rig.heard(cursors)
    assert (event.key, event.verb, event.message_id) == (f"{first}:1", InboundVerb.EDITED, first)
    assert event.text == f"@{HANDLE} no water"
    reply = await rig.port.send(rig.answer(first))
    assert rig.x.posts[reply].parent_id == first


@pytest.mark.parametrize(("photos", "video", "voice", "kinds"), [
    (["pothole"], False, False, ["photo"]),
    (["a", "b"], False, False, ["photo", "photo"]),
    ([], True, False, ["video"]),
    ([], False, True, ["video"]),
])  # fmt: skip
async def test_posts_without_words(rig: XRig, photos: list[str], video: bool, voice: bool, kinds: list[str]) -> None:
    event = await one(rig, rig.x.post("sunita_k", f"@{HANDLE}", photos=photos, video=video, voice=voice))
    assert event.text == f"@{HANDLE}"
    assert [one.kind for one in event.attachments] == kinds
    assert all(one.url and one.ref for one in event.attachments)


async def test_a_photo_is_fetched_from_its_own_host_only(rig: XRig) -> None:
    event = await one(rig, rig.x.post("sunita_k", f"@{HANDLE}", photos=["pothole"]))
    url = event.attachments[0].url
    assert url is not None
    assert (await rig.port.fetch(url)).startswith(b"\x89PNG")


async def test_xs_new_field_names_mean_the_same(rig: XRig) -> None:
    seen = rig.x.post("ramesh_hsr", "Sewer overflows in Rohtak")
    first = rig.x.post("sunita_k", f"@{HANDLE} plese see", in_reply_to=seen)
    rig.x.edit(first, "पानी नहीं " * 40 + f"please see @{HANDLE}")
    old = await one(rig, first)
    new_names = {
        "post.fields": FIELDS["tweet_fields"].replace("tweet_ids", "post_ids").replace("note_tweet", "note_post")
        .replace("referenced_tweets", "referenced_posts"),
        "expansions": "author_id,referenced_posts",
    }  # fmt: skip
    answer = requests.get(
        f"{rig.api_url}/2/users/{rig.me}/mentions",
        params=new_names,
        headers={"Authorization": f"Bearer {KEYS['bearer']}"},
        timeout=5,
    ).json()
    assert {"note_post", "referenced_posts", "edit_history_post_ids"} < set(answer["data"][0])
    answer = in_sdk_names(answer)
    new = inbound_of(answer["data"][0], Included.of(answer), await rig.port.identify())
    assert new == old
    assert (new.key, new.quoted is not None) == (f"{first}:1", True)


async def test_links_that_x_adds_are_not_the_writers_words() -> None:
    entities = {
        "urls": [
            {"url": "https://t.co/a", "expanded_url": "https://x.com/i/status/5"},
            {"url": "https://t.co/b", "expanded_url": "https://tribune.example/jind"},
            {"url": "https://t.co/c", "expanded_url": "https://x.com/a/status/9/photo/1", "media_key": "3_1"},
        ]
    }
    text = "see https://t.co/b &amp; act https://t.co/a https://t.co/c"
    quoting = {"id": "9", "text": text, "entities": entities, "referenced_tweets": [{"type": "quoted", "id": "5"}]}
    assert whole_text(quoting) == "see https://tribune.example/jind & act"
    plain = {"id": "9", "text": text, "entities": entities}
    assert whole_text(plain) == "see https://tribune.example/jind & act https://x.com/i/status/5"


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("Number 1 & more", "@a @b_1 Number 1 &amp; more"),
        ("ढ़ाणी", "@a ढ\u093cाणी"),
        ("one\ntwo  three ", "one two three"),
        ("@a Number 1", "Number 1"),
    ],
)
def test_texts_that_are_the_same_for_read_back(ours: str, theirs: str) -> None:
    assert comparable(ours) == comparable(theirs)


@pytest.mark.parametrize(("ours", "theirs"), [("Number 1", "Number 2"), ("Number 1", "Number 1."), ("क", "कि")])
def test_texts_that_are_not_the_same_for_read_back(ours: str, theirs: str) -> None:
    assert comparable(ours) != comparable(theirs)


async def test_long_posts_come_whole(rig: XRig) -> None:
    long = "पानी नहीं " * 60 + f"R&D colony @{HANDLE}"
    event = await one(rig, rig.x.post("sunita_k", long))
    assert (event.text, event.mentions_us) == (long, True)


async def test_a_post_that_tags_others_too(rig: XRig) -> None:
    other = rig.x.add_user("dc_hisar")
    event = await one(rig, rig.x.post("sunita_k", f"@{HANDLE} @dc_hisar no light"))
    assert event.mentioned_ids == (other,)
    sent = await rig.port.send(rig.answer(event.message_id))
    assert "@dc_hisar" in rig.x.posts[sent].text


async def test_events_come_oldest_first_and_cursors_move_last(rig: XRig) -> None:
    ids = []
    for number in range(205):
        ids.append(rig.x.post("sunita_k", f"@{HANDLE} {number}"))
        rig.later(seconds=1)
    rig.fault("mentions", FaultKind.SHUFFLE, times=None)
    batches = await rig.batches()
    mentions = [batch for batch in batches if batch.events]
    assert [event.message_id for batch in mentions for event in batch.events] == ids
    assert [set(batch.cursors) for batch in mentions] == [set(), set(), {"mentions"}]


async def test_a_late_indexed_post_is_still_read(rig: XRig) -> None:
    cursors: dict[str, str] = {}
    rig.x.post("sunita_k", f"@{HANDLE} first")
    rig.later(minutes=2)
    late = rig.x.post("ramesh_hsr", f"@{HANDLE} second")
    rig.later(minutes=2)
    rig.fault("mentions", FaultKind.STALE_READ, count=1)
    assert late not in {event.message_id for event in await rig.heard(cursors)}
    rig.x.post("mohan_d", f"@{HANDLE} third")
    events = await rig.heard(cursors)
    assert late in {event.message_id for event in events}
    rig.later(hours=1)
    rig.x.post("mohan_d", f"@{HANDLE} fourth")
    await rig.heard(cursors)
    assert [event.text for event in await rig.heard(cursors)] == [f"@{HANDLE} fourth"]


async def test_quiet_reads_leave_the_window_where_it_is(rig: XRig) -> None:
    cursors: dict[str, str] = {}
    await rig.heard(cursors)
    before = dict(cursors)
    rig.later(hours=3)
    await rig.heard(cursors)
    assert cursors == before


async def test_more_than_800_mentions_are_read_by_search() -> None:
    with ready_x(limit_scale=None) as rig:
        for number in range(900):
            rig.x.post("sunita_k", f"@{HANDLE} {number}")
            rig.later(seconds=30)
        batches = await rig.batches()
    keys = {event.key for batch in batches for event in batch.events}
    assert len(keys) == 900
    assert [batch.gap for batch in batches if batch.gap] == []


async def test_what_is_out_of_reach_is_told_as_a_gap() -> None:
    with ready_x(limit_scale=None) as rig:
        cursors: dict[str, str] = {}
        rig.x.post("sunita_k", f"@{HANDLE} before")
        await rig.heard(cursors)
        seen = rig.world.clock.now()
        rig.later(hours=1)
        rig.x.post("sunita_k", f"@{HANDLE} lost for good")
        rig.later(days=9)
        for number in range(810):
            rig.x.post("sunita_k", f"@{HANDLE} {number}")
        rig.later(minutes=1)
        batches = await rig.batches(cursors)
        (gap,) = [batch.gap for batch in batches if batch.gap]
        assert gap.since == seen - timedelta(minutes=10)
        assert rig.world.clock.now() - timedelta(days=7) < gap.until < rig.world.clock.now() - timedelta(days=6)
    assert len({event.key for batch in batches for event in batch.events}) == 810


async def test_the_sweep_hears_answers_without_our_name(rig: XRig) -> None:
    roots = [rig.x.post("sunita_k", f"@{HANDLE} {number}") for number in range(40)]
    hidden = [rig.x.post("sunita_k", "Hisar", in_reply_to=root, hide_mention=True) for root in roots]
    threads = [Watched(root, rig.world.clock.now()) for root in roots]
    with ready_x_port(rig, sweep_queries=1) as small:
        cursors: dict[str, str] = {}
        rounds = []
        for _ in range(4):
            heard = {event.message_id for event in await small.heard(cursors, *threads)}
            rounds.append(heard & set(hidden))
    assert all(len(heard) <= 13 for heard in rounds)
    assert set().union(*rounds) == set(hidden)


async def test_deletes_are_noticed_once_a_day_within_the_budget(rig: XRig) -> None:
    posts = [rig.x.post("sunita_k", f"@{HANDLE} {number}") for number in range(120)]
    thread = Watched(posts[0], rig.world.clock.now(), tuple(posts))
    cursors: dict[str, str] = {}

    async def gone() -> list[str]:
        return [event.key for event in await rig.heard(cursors, thread) if event.verb is InboundVerb.DELETED]

    rig.x.delete(posts[5])
    rig.x.delete(posts[110])
    assert await gone() == [f"{posts[5]}:deleted"]
    assert await gone() == [f"{posts[110]}:deleted"]
    rig.x.delete(posts[7])
    assert await gone() == []
    rig.later(seconds=1)
    young = rig.x.post("sunita_k", f"@{HANDLE} later")
    thread = Watched(posts[0], rig.world.clock.now(), (*posts, young))
    rig.x.delete(young)
    assert await gone() == []
    rig.later(hours=25)
    assert f"{posts[7]}:deleted" in await gone()
    assert f"{young}:deleted" in await gone()
