"""The Telegram adapter with the real python-telegram-bot against the emulated Telegram."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from telegram.error import BadRequest, NetworkError, TelegramError, TimedOut
from telegram_stage import BUTTONS, START, TOKEN, TelegramStage, telegram_stage

from bot.clocks import WallClock
from bot.platforms.port import (
    BadMessage,
    ChatClosed,
    ChatMoved,
    CredentialsRefused,
    OutcomeUnknown,
    PlatformError,
    RateLimited,
    Refused,
    ReplyRefused,
    Unknown,
    Unreachable,
    Watch,
)
from bot.platforms.telegram import TelegramPort
from bot.platforms.telegram_errors import platform_error
from bot.platforms.telegram_updates import parse_update, verify_secret
from bot.sandbox.world import FaultKind
from store.outbound import Button, OutgoingPhoto
from store.payloads import words_mark
from store.vocabulary import DeskVerb, OutgoingAct


@pytest.fixture
async def stage() -> AsyncIterator[TelegramStage]:
    async with telegram_stage() as ready:
        yield ready


def number(sent: str) -> int:
    return int(sent.rpartition(":")[2])


FIELDS = (
    "message_id", "chat", "id", "type", "title", "from", "sender_chat", "date", "edit_date", "text", "caption",
    "photo", "voice", "sticker", "document", "file_id", "file_size", "width", "reply_to_message", "message",
    "message_thread_id", "is_topic_message", "data", "new_chat_member", "status", "migrate_to_chat_id",
)  # fmt: skip


# Sending


async def test_a_message_with_buttons_is_pressed_and_the_press_is_read(stage: TelegramStage) -> None:
    question = stage.telegram.write(stage.ramesh, stage.desk, "/next")
    (asked,) = await stage.batches()
    sent = await stage.port.send(
        stage.message("<b>HRY26-000001-4</b> waterlogging", buttons=BUTTONS, reply_to_id=str(question))
    )
    assert sent.rpartition(":")[0] == str(stage.desk)
    press = stage.telegram.press(stage.kavita, stage.desk, number(sent), "Accept")

    (update,) = await stage.heard(asked.cursors["offset"])
    assert update.reply_to_id is None
    assert (update.verb, update.press_id, update.press_data) == (DeskVerb.PRESSED, press, "t:1:accept")
    assert (update.chat_id, update.message_id) == (str(stage.desk), str(number(sent)))
    assert update.key.startswith(f"{stage.bot}:")
    assert update.occurred_at == START
    assert update.author is not None
    assert (update.author.id, update.author.name) == (str(stage.kavita), "Kavita Devi")

    answer = stage.message("Accepted by you.", act=OutgoingAct.ANSWER_PRESS, press_id=press)
    assert await stage.port.send(answer) == ""
    assert stage.telegram.answers(press) == "Accepted by you."


async def test_identify_names_the_bot(stage: TelegramStage) -> None:
    identity = await stage.port.identify()
    assert (identity.account_id, identity.handle) == (str(stage.bot), "smgt_haryana_bot")


async def test_html_reply_silence_and_forced_reply_reach_the_chat(stage: TelegramStage) -> None:
    question = stage.telegram.write(stage.ramesh, stage.desk, "Which road?")
    await stage.port.send(stage.message("<i>a &lt; b</i>", reply_to_id=str(question), silent=True, force_reply=True))
    shown = stage.telegram.messages(stage.desk)[-1]
    assert (shown["text"], shown["reply_to"], shown["silent"]) == ("a < b", question, True)
    assert shown["force_reply"]
    assert shown["entities"] == [{"type": "italic", "offset": 0, "length": 5}]


async def test_an_answer_to_a_deleted_message_is_still_sent(stage: TelegramStage) -> None:
    await stage.port.send(stage.message("The question is gone", reply_to_id="424242"))
    assert stage.telegram.messages(stage.desk)[-1]["reply_to"] is None


async def test_an_edit_changes_words_and_buttons_and_its_repeat_is_success(stage: TelegramStage) -> None:
    sent = await stage.port.send(stage.message("Assigned", buttons=BUTTONS))
    edit = stage.message("Accepted", act=OutgoingAct.EDIT, message_id=sent)
    assert await stage.port.send(edit) == sent
    assert await stage.port.send(edit) == sent
    shown = stage.telegram.messages(stage.desk)[-1]
    assert (shown["text"], shown["buttons"], shown["edited"]) == ("Accepted", [], True)


async def test_an_edit_without_words_changes_the_buttons_only(stage: TelegramStage) -> None:
    sent = await stage.port.send(stage.message("Assigned", buttons=BUTTONS))
    await stage.port.send(
        stage.message("", act=OutgoingAct.EDIT, message_id=str(number(sent)), buttons=((Button("Undo", "u"),),))
    )
    shown = stage.telegram.messages(stage.desk)[-1]
    assert (shown["text"], shown["buttons"][0][0]["token"]) == ("Assigned", "u")


async def test_an_edit_of_a_photo_changes_its_caption() -> None:
    async with telegram_stage(load_photo=lambda media_id: b"\xff\xd8 photo %d" % media_id) as stage:
        sent = await stage.port.send(stage.message("Before", photo=OutgoingPhoto(media_id=7)))
        await stage.port.send(stage.message("After", act=OutgoingAct.EDIT, message_id=sent))
        shown = stage.telegram.messages(stage.desk)[-1]
        assert shown["text"] == "After"
        assert await stage.port.fetch(shown["photo"]) == b"\xff\xd8 photo 7"

        again = stage.message("The same photo", photo=OutgoingPhoto(ref=shown["photo"]), buttons=BUTTONS)
        await stage.port.send(again)
        repeated = stage.telegram.messages(stage.desk)[-1]
        assert await stage.port.fetch(repeated["photo"]) == b"\xff\xd8 photo 7"
        assert repeated["buttons"][0][0]["text"] == "Accept"


async def test_a_photo_that_cannot_be_loaded_is_our_own_fault(stage: TelegramStage) -> None:
    with pytest.raises(BadMessage):
        await stage.port.send(stage.message(photo=OutgoingPhoto(media_id=7)))


async def test_a_twin_is_deleted_and_deleting_it_again_is_success(stage: TelegramStage) -> None:
    sent = await stage.port.send(stage.message())
    delete = stage.message("", act=OutgoingAct.DELETE, message_id=sent)
    assert await stage.port.send(delete) == sent
    assert await stage.port.send(delete) == sent
    assert stage.telegram.messages(stage.desk)[-1]["deleted"]


async def test_a_press_too_old_to_answer_is_success(stage: TelegramStage) -> None:
    sent = await stage.port.send(stage.message(buttons=BUTTONS))
    press = stage.telegram.press(stage.kavita, stage.desk, number(sent), "t:1:forward")
    stage.world.clock.advance(timedelta(seconds=16))
    await stage.port.send(stage.message("Too late", act=OutgoingAct.ANSWER_PRESS, press_id=press))
    assert stage.telegram.answers(press) is None


async def test_a_topic_is_kept_general_is_left_out_and_a_lost_topic_falls_back() -> None:
    async with telegram_stage(forum_topics=("Roads", "Water")) as stage:
        roads = stage.telegram.topics(stage.desk)["Roads"]
        await stage.port.send(stage.message("one", topic_id=str(roads)))
        stage.fails("sendMessage", FaultKind.SLOW, times=None)  # counts the requests
        await stage.port.send(stage.message("two", topic_id="1"))
        assert len(stage.world.faults.hits) == 1
        stage.telegram.delete_topic(stage.desk, "Roads")
        await stage.port.send(stage.message("three", topic_id=str(roads)))
        shown = stage.telegram.messages(stage.desk)[-3:]
        assert [(one["text"], one["topic"]) for one in shown] == [
            ("one", roads),
            ("two", None),
            ("three", None),
        ]

        stage.telegram.close_topic(stage.desk, "Water")
        with pytest.raises(Refused) as refused:
            await stage.port.send(stage.message(topic_id=str(stage.telegram.topics(stage.desk)["Water"])))
        assert refused.value.code == "telegram:topic_closed"


# Refusals and faults


async def test_a_moved_group_tells_the_new_id_and_takes_the_message_there() -> None:
    async with telegram_stage(supergroup=False) as stage:
        new = stage.telegram.migrate(stage.desk)
        with pytest.raises(ChatMoved) as moved:
            await stage.port.send(stage.message())
        assert moved.value.new_chat_id == str(new)
        assert (await stage.port.send(stage.message(thread_id=moved.value.new_chat_id))).startswith(str(new))

        updates = [update for update in await stage.heard() if update.verb is DeskVerb.MOVED]
        assert [(one.chat_id, one.moved_to_chat_id, one.migrated_from_chat_id) for one in updates] == [
            (str(stage.desk), str(new), None),
            (str(new), None, str(stage.desk)),
        ]


async def test_a_bot_thrown_out_is_refused_and_hears_of_it(stage: TelegramStage) -> None:
    stage.telegram.remove_bot(stage.desk)
    with pytest.raises(Refused) as refused:
        await stage.port.send(stage.message())
    assert refused.value.code == "telegram:kicked"
    (update,) = await stage.heard()
    assert (update.verb, update.membership, update.chat_kind) == (DeskVerb.MEMBERSHIP, "kicked", "supergroup")


async def test_lost_rights_are_refused_with_their_own_code(stage: TelegramStage) -> None:
    stage.telegram.set_membership(stage.desk, "restricted")
    with pytest.raises(Refused) as refused:
        await stage.port.send(stage.message())
    assert refused.value.code == "telegram:no_rights"


async def test_a_person_who_never_started_or_blocked_the_bot_cannot_be_written_to(
    stage: TelegramStage,
) -> None:
    private = stage.message(thread_id=str(stage.ramesh))
    with pytest.raises(ReplyRefused) as never:
        await stage.port.send(private)
    assert never.value.code == "telegram:never_started"
    stage.telegram.start(stage.ramesh, "join-123")
    await stage.port.send(private)
    stage.telegram.remove_bot(stage.ramesh)
    with pytest.raises(ReplyRefused) as blocked:
        await stage.port.send(private)
    assert blocked.value.code == "telegram:blocked"


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"text": "x" * 4097}, "telegram:too_long"),
        ({"text": "<b>unclosed"}, "telegram:bad_html"),
        ({"text": "   "}, "telegram:empty"),
        ({"buttons": ((Button("Accept", "t" * 65),),)}, "telegram:bad_buttons"),
        ({"thread_id": "the desk"}, "telegram:no_chat"),
        ({"topic_id": "roads"}, "telegram:no_topic"),
        ({"act": OutgoingAct.EDIT, "message_id": None}, "telegram:no_message"),
        ({"act": OutgoingAct.DELETE, "message_id": "5:x"}, "telegram:no_message"),
        ({"act": OutgoingAct.ANSWER_PRESS, "press_id": "1", "text": "x" * 201}, "telegram:too_long"),
        ({"buttons": ((Button("Map", url="not a link"),),)}, "telegram:bad_buttons"),
    ],
)
async def test_a_message_telegram_calls_wrong_is_our_fault(
    stage: TelegramStage, wrong: dict[str, Any], code: str
) -> None:
    with pytest.raises(BadMessage) as refused:
        await stage.port.send(stage.message(**wrong))
    assert refused.value.code == code


async def test_an_edit_of_a_lost_message_is_refused(stage: TelegramStage) -> None:
    with pytest.raises(Refused) as refused:
        await stage.port.send(stage.message(act=OutgoingAct.EDIT, message_id="99"))
    assert refused.value.code == "telegram:message_gone"
    with pytest.raises(Refused) as unknown:
        await stage.port.send(stage.message(thread_id="-1009999"))
    assert unknown.value.code == "telegram:chat_not_found"


UNKNOWN_AFTER = (
    FaultKind.ERROR_AFTER, FaultKind.RESET_AFTER, FaultKind.SLOW, FaultKind.NOT_JSON, FaultKind.HALF_ANSWER,
)  # fmt: skip
MEANING = {
    FaultKind.RATE_LIMITED: RateLimited,
    FaultKind.ERROR_BEFORE: OutcomeUnknown,
    FaultKind.RESET_BEFORE: OutcomeUnknown,
    FaultKind.LATE: OutcomeUnknown,
    FaultKind.REVOKED: CredentialsRefused,
    FaultKind.PERMANENT: ChatClosed,
} | dict.fromkeys(UNKNOWN_AFTER, OutcomeUnknown)


@pytest.mark.parametrize("kind", list(MEANING))
@pytest.mark.parametrize("act", [OutgoingAct.MESSAGE, OutgoingAct.EDIT, OutgoingAct.ANSWER_PRESS])
async def test_every_fault_has_its_meaning(act: OutgoingAct, kind: FaultKind) -> None:
    async with telegram_stage(timeout=0.4) as stage:
        sent = await stage.port.send(stage.message("Assigned", buttons=BUTTONS))
        press = stage.telegram.press(stage.kavita, stage.desk, number(sent), "Accept")
        operation = {"message": "sendMessage", "edit": "editMessageText"}.get(act, "answerCallbackQuery")
        stage.fails(operation, kind, seconds=0.0 if kind is FaultKind.LATE else 1.0)
        before = stage.telegram.dump()

        with pytest.raises(PlatformError) as failed:
            await stage.port.send(stage.message("Accepted", act=act, message_id=sent, press_id=press))

        assert type(failed.value) is MEANING[kind]
        assert stage.world.faults.hits == [(stage.port.platform, operation, kind)]
        if kind is FaultKind.RATE_LIMITED:
            assert failed.value.retry_after == 1.0
        changed = stage.telegram.dump() != before or stage.telegram.answers(press) is not None
        if kind is not FaultKind.LATE:
            assert changed is (kind in UNKNOWN_AFTER)
        assert TOKEN.partition(":")[2] not in str(failed.value)


async def test_nobody_listening_means_nothing_was_sent(stage: TelegramStage) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = TelegramPort("tg", TOKEN, api_url=f"http://127.0.0.1:{free.getsockname()[1]}", clock=stage.world.clock)
        with pytest.raises(Unreachable):
            await port.send(stage.message())
        await port.close()


@pytest.mark.parametrize(
    ("cause", "meaning"),
    [
        (httpx.ConnectTimeout("c"), Unreachable),
        (httpx.PoolTimeout("p"), Unreachable),
        (httpx.ReadTimeout("r"), OutcomeUnknown),
        (httpx.WriteTimeout("w"), OutcomeUnknown),
        (httpx.ReadError("r"), OutcomeUnknown),
        (httpx.RemoteProtocolError("p"), OutcomeUnknown),
    ],
)
def test_what_broke_the_connection_decides(cause: Exception, meaning: type[PlatformError]) -> None:
    error = TimedOut() if isinstance(cause, httpx.TimeoutException) else NetworkError("httpx")
    error.__cause__ = cause
    assert type(platform_error(error)) is meaning


def test_an_error_quotes_nobody() -> None:
    refused = platform_error(BadRequest('Bad Request: something about "गली में पानी" is odd'))
    assert isinstance(refused, Refused)
    assert "पानी" not in str(refused)
    assert type(platform_error(TelegramError("Invalid server response"))) is OutcomeUnknown


async def test_the_group_limit_is_told_with_its_wait(stage: TelegramStage) -> None:
    for turn in range(20):
        await stage.port.send(stage.message(f"notice {turn}"))
        stage.world.clock.advance(timedelta(seconds=1))
    with pytest.raises(RateLimited) as limited:
        await stage.port.send(stage.message("notice 21"))
    assert limited.value.retry_after == 40.0


# Reading


async def test_updates_are_confirmed_only_after_the_commit(stage: TelegramStage) -> None:
    stage.telegram.write(stage.kavita, stage.desk, "first")
    stage.telegram.write(stage.kavita, stage.desk, "second")
    (lost,) = await stage.batches()  # the reader dies here, before its commit

    (batch,) = await stage.batches()
    assert batch.events == lost.events
    assert len(stage.telegram.bots[stage.bot].updates) == 2
    assert [one.events for one in await stage.batches(batch.cursors["offset"]) if one.events] == []
    assert stage.telegram.bots[stage.bot].updates == []


async def test_a_second_page_is_asked_for_only_after_the_first_was_taken(stage: TelegramStage) -> None:
    for turn in range(150):
        stage.telegram.write(stage.kavita, stage.desk, f"note {turn}")
    waiting, sizes = [], []
    async for batch in stage.port.read({}, Watch(now=START)):
        waiting.append(len(stage.telegram.bots[stage.bot].updates))
        sizes.append(len(batch.events))
    assert (sizes, waiting) == ([100, 50], [150, 50])


@pytest.mark.parametrize("kind", [FaultKind.SHUFFLE, FaultKind.DUPLICATE, FaultKind.STALE_READ])
async def test_a_disordered_read_loses_nothing(stage: TelegramStage, kind: FaultKind) -> None:
    words = ["one", "two", "three"]
    for word in words:
        stage.telegram.write(stage.kavita, stage.desk, word)
    stage.fails("getUpdates", kind)
    (first,) = await stage.batches()
    rest = await stage.heard(first.cursors["offset"])
    assert [event.text for event in (*first.events, *rest)] == words  # type: ignore[union-attr]


@pytest.mark.parametrize("kind", [FaultKind.ERROR_AFTER, FaultKind.RESET_AFTER, FaultKind.HALF_ANSWER])
async def test_a_read_whose_answer_is_lost_is_read_again(stage: TelegramStage, kind: FaultKind) -> None:
    stage.telegram.write(stage.kavita, stage.desk, "keep me")
    stage.fails("getUpdates", kind)
    with pytest.raises(PlatformError):
        await stage.heard()
    assert [update.text for update in await stage.heard()] == ["keep me"]


async def test_a_read_waits_for_news_as_long_as_it_was_told() -> None:
    async with telegram_stage(poll_seconds=20, timeout=0.3) as stage:
        reading = asyncio.create_task(stage.heard())
        await asyncio.sleep(0.5)
        assert not reading.done()
        stage.telegram.write(stage.kavita, stage.desk, "news")
        async with asyncio.timeout(2):
            (update,) = await reading
        assert update.text == "news"


async def test_a_dead_token_stops_the_reading(stage: TelegramStage) -> None:
    stage.fails("getUpdates", FaultKind.REVOKED)
    with pytest.raises(CredentialsRefused):
        await stage.heard()
    stage.fails("getMe", FaultKind.REVOKED)
    with pytest.raises(CredentialsRefused):
        await stage.port.identify()


async def test_a_cancelled_send_leaves_the_port_usable(stage: TelegramStage) -> None:
    stage.fails("sendMessage", FaultKind.SLOW, seconds=1.0)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await stage.port.send(stage.message("cut off by our own deadline"))
    await asyncio.gather(*(stage.port.send(stage.message(f"notice {turn}")) for turn in range(4)))
    assert len(stage.telegram.messages(stage.desk)) == 5


async def test_a_closed_port_opens_again_when_used(stage: TelegramStage) -> None:
    await stage.port.identify()
    await stage.port.close()
    assert (await stage.port.identify()).account_id == str(stage.bot)


async def test_an_album_arrives_as_messages_of_one_album(stage: TelegramStage) -> None:
    stage.telegram.album(stage.kavita, stage.desk, [b"one", b"second photo"], "Work done, ward 4")
    first, second = await stage.heard()
    assert first.album_id is not None
    assert first.album_id == second.album_id
    assert (first.text, second.text) == ("Work done, ward 4", "")
    ref = second.attachments[0].ref
    assert ref is not None
    assert await stage.port.fetch(ref) == b"second photo"


async def test_voice_sticker_photo_and_edit_are_heard_as_what_they_are(stage: TelegramStage) -> None:
    stage.telegram.voice(stage.kavita, stage.desk)
    stage.telegram.sticker(stage.kavita, stage.desk)
    photo = stage.telegram.write(stage.kavita, stage.desk, "before", photo=b"jpeg")
    stage.world.clock.advance(timedelta(minutes=2))
    stage.telegram.edit(stage.kavita, stage.desk, photo, "after")
    voice, sticker, posted, edited = await stage.heard()
    assert [update.attachments[0].kind for update in (voice, sticker, posted)] == [
        "voice",
        "sticker",
        "photo",
    ]
    assert (edited.verb, edited.text, edited.message_id) == (DeskVerb.EDITED, "after", str(photo))
    assert edited.occurred_at == START + timedelta(minutes=2)


async def test_an_anonymous_admin_is_nobody_we_could_check(stage: TelegramStage) -> None:
    stage.telegram.write(stage.kavita, stage.desk, "/dispose HRY26-000001-4", anonymous=True)
    (update,) = await stage.heard()
    assert update.anonymous
    assert update.text == "/dispose HRY26-000001-4"
    assert update.author is not None
    assert update.author.id == str(stage.desk)


async def test_in_a_topic_only_a_real_reply_is_a_reply() -> None:
    async with telegram_stage(forum_topics=("Roads",)) as stage:
        roads = stage.telegram.topics(stage.desk)["Roads"]
        sent = await stage.port.send(stage.message("Assigned", topic_id=str(roads)))
        stage.telegram.write(stage.kavita, stage.desk, "hello all", topic="Roads")
        stage.telegram.write(stage.kavita, stage.desk, "on it", topic=roads, reply_to=number(sent))
        plain, reply = await stage.heard()
        assert (plain.topic_id, plain.reply_to_id) == (str(roads), None)
        assert (reply.topic_id, reply.reply_to_id) == (str(roads), str(number(sent)))


async def test_a_private_start_keeps_its_payload(stage: TelegramStage) -> None:
    stage.telegram.start(stage.ramesh, "join-8f3a")
    (update,) = await stage.heard()
    assert (update.chat_kind, update.chat_id) == ("private", str(stage.ramesh))
    assert update.text == "/start join-8f3a"


async def test_updates_the_library_does_not_know_or_cannot_parse_are_kept(stage: TelegramStage) -> None:
    stage.telegram.tell_raw("thought_transfer", {"chat": {"id": stage.desk, "type": "supergroup"}, "date": 1})
    stage.telegram.tell_raw("message", {"message_id": 5, "chat": {"id": stage.desk}, "text": "odd"})
    stage.telegram.tell_raw("callback_query", {"id": "77", "data": None})
    stage.telegram.write(stage.kavita, stage.desk, "and a plain one")
    unknown, odd, press, plain = await stage.heard()
    assert (unknown.verb, unknown.chat_id) == (DeskVerb.OTHER, str(stage.desk))
    assert (odd.text, odd.occurred_at, odd.author) == ("odd", START, None)
    assert (press.verb, press.press_id, press.press_data, press.chat_id) == (DeskVerb.PRESSED, "77", None, "")
    assert plain.text == "and a plain one"


@pytest.mark.parametrize(
    "raw",
    [
        {"update_id": 1},
        {"update_id": 1, "message": None},
        {"update_id": 1, "message": []},
        {"update_id": 1, "message": {"chat": 7, "photo": "x", "from": [], "date": "later"}},
        {"update_id": 1, "message": {"chat": {"id": 7}, "new_chat_members": [{"id": 3}], "date": -5}},
        {"update_id": 1, "my_chat_member": {"new_chat_member": 3}},
        {"update_id": 1, "poll": {"id": "9"}},
    ],
)
def test_no_shape_of_update_raises(raw: dict[str, Any]) -> None:
    update = parse_update(raw, 42, START)
    assert update.key == "42:1"
    assert update.verb in (DeskVerb.OTHER, DeskVerb.MEMBERSHIP)
    assert update.occurred_at == START


JSON_VALUE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=6),
    max_leaves=25,
)


@given(st.sampled_from(["message", "edited_message", "callback_query", "my_chat_member", "x"]), JSON_VALUE)
def test_no_json_at_all_raises(kind: str, content: Any) -> None:
    assert parse_update({"update_id": 1, kind: content}, 42, START).key == "42:1"


def test_a_thread_of_replies_is_no_topic() -> None:
    message = {"message_id": 9, "chat": {"id": -100, "type": "supergroup"}, "text": "x", "message_thread_id": 4}
    assert parse_update({"update_id": 1, "message": message}, 42, START).topic_id is None
    message["is_topic_message"] = True
    assert parse_update({"update_id": 1, "message": message}, 42, START).topic_id == "4"


def test_what_has_no_update_id_is_no_update() -> None:
    with pytest.raises(ValueError, match="update_id"):
        parse_update({"message": {}}, 42, START)


def test_the_webhook_secret_is_compared_whole() -> None:
    assert verify_secret("s3cret", "s3cret")
    assert not verify_secret("s3cre", "s3cret")
    assert not verify_secret(None, "s3cret")
    assert not verify_secret("", "")
    assert not verify_secret("ü", "s3cret")


async def test_two_pollers_of_one_bot_are_told_so(stage: TelegramStage) -> None:
    await stage.port.identify()
    webhook = f"{stage.api_url}/bot{TOKEN}/setWebhook"
    async with httpx.AsyncClient(trust_env=False) as other:
        await other.post(webhook, json={"url": "http://127.0.0.1:9/hook"})
    with pytest.raises(Unreachable, match="webhook") as conflict:
        await stage.heard()
    assert conflict.value.code == "telegram:409"


async def test_nothing_is_read_back(stage: TelegramStage) -> None:
    sent = stage.message("perhaps")
    await stage.port.send(sent)
    stage.world.clock.advance(timedelta(minutes=5))
    back = await stage.port.read_back([Unknown(row_id=1, outgoing=sent, sending_at=START)])
    assert back.found == {}
    assert back.reaches_back_to > START


async def test_a_file_too_big_gone_or_cut_is_refused_clearly(stage: TelegramStage) -> None:
    stage.telegram.write(stage.kavita, stage.desk, "", photo=b"x" * (5 * 1024 * 1024 + 1))
    stage.telegram.write(stage.kavita, stage.desk, "", photo=b"small")
    big, small = [update.attachments[0].ref or "" for update in await stage.heard()]
    with pytest.raises(Refused, match="5 MB"):
        await stage.port.fetch(big)
    with pytest.raises(Refused) as gone:
        await stage.port.fetch("nothing")
    assert gone.value.code == "telegram:file_gone"
    stage.fails("file", FaultKind.PERMANENT)
    with pytest.raises(Refused) as expired:
        await stage.port.fetch(small)
    assert expired.value.code == "telegram:file_gone"
    stage.fails("file", FaultKind.NOT_JSON)
    with pytest.raises(PlatformError, match="incomplete"):
        await stage.port.fetch(small)
    stage.fails("file", FaultKind.HALF_ANSWER)
    with pytest.raises(OutcomeUnknown):
        await stage.port.fetch(small)


async def test_no_log_line_holds_the_token_or_anybodys_words(
    stage: TelegramStage, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    stage.telegram.write(stage.kavita, stage.desk, "गली नंबर 4")
    stage.telegram.tell_raw("message", {"text": "गली नंबर 5"})
    assert len(await stage.heard()) == 2
    stage.fails("sendMessage", FaultKind.NOT_JSON)
    with pytest.raises(OutcomeUnknown):
        await stage.port.send(stage.message("गली नंबर 6"))
    everything = "\n".join(record.getMessage() for record in caplog.records)
    assert TOKEN.partition(":")[2] not in everything
    assert "गली" not in everything


def test_a_token_without_its_bot_id_is_not_taken_and_not_repeated() -> None:
    with pytest.raises(ValueError, match="BotFather") as refused:
        TelegramPort("tg", "sesame", api_url="http://127.0.0.1:1", clock=WallClock())
    assert "sesame" not in str(refused.value)


def test_an_answer_carries_the_mark_of_the_bots_words_not_the_words() -> None:
    asked = {"message_id": 3, "text": "HRY26-000001-4: reply\n to this", "from": {"id": 42, "is_bot": True}}
    message = {"message_id": 5, "chat": {"id": -7, "type": "group"}, "text": "done", "reply_to_message": asked}
    assert parse_update({"update_id": 1, "message": message}, 42, START).reply_to_words == words_mark(
        "HRY26-000001-4: reply to this"
    )
    by_another_bot = {**message, "reply_to_message": {**asked, "from": {"id": 43, "is_bot": True}}}
    assert parse_update({"update_id": 1, "message": by_another_bot}, 42, START).reply_to_words == ""
    by_a_person = {**message, "reply_to_message": {**asked, "from": {"id": 9, "is_bot": False}}}
    assert parse_update({"update_id": 1, "message": by_a_person}, 42, START).reply_to_words == ""
