"""The emulated Telegram keeps Telegram's rules towards the unmodified python-telegram-bot and plain HTTP."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from telegram import (
    Bot,
    ChatMemberAdministrator,
    ForceReply,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InputMediaPhoto,
    ReplyParameters,
)
from telegram.error import BadRequest, Conflict, Forbidden, InvalidToken, NetworkError, RetryAfter
from telegram.request import HTTPXRequest
from telegram_stage import TOKEN, TelegramStage, telegram_stage

from bot.sandbox.telegram_rules import BotApiError, parse_html
from bot.sandbox.wire import LoopbackServer
from bot.sandbox.world import FaultKind

os.environ.setdefault("PTB_TIMEDELTA", "1")


@pytest.fixture
async def stage() -> AsyncIterator[TelegramStage]:
    async with telegram_stage() as ready:
        yield ready


def plain_bot(stage: TelegramStage, token: str = TOKEN) -> Bot:
    def request() -> HTTPXRequest:
        return HTTPXRequest(httpx_kwargs={"trust_env": False, "verify": False})

    return Bot(
        token,
        base_url=f"{stage.api_url}/bot",
        base_file_url=f"{stage.api_url}/file/bot",
        request=request(),
        get_updates_request=request(),
    )


@pytest.fixture
async def bot(stage: TelegramStage) -> AsyncIterator[Bot]:
    async with plain_bot(stage) as ready:
        yield ready


# Tokens and bodies


async def test_a_wrong_token_is_unauthorized_and_a_wrong_method_is_not_found(stage: TelegramStage) -> None:
    with pytest.raises(InvalidToken):
        async with plain_bot(stage, "7000000001:wrong"):
            pass
    async with httpx.AsyncClient(trust_env=False) as client:
        assert (await client.get(f"{stage.api_url}/bot{TOKEN}/flyToTheMoon")).status_code == 404


async def test_query_form_multipart_and_json_say_the_same(stage: TelegramStage) -> None:
    url = f"{stage.api_url}/bot{TOKEN}/sendMessage"
    keyboard = {"inline_keyboard": [[{"text": "Accept", "callback_data": "a"}]]}
    flat = {"chat_id": str(stage.desk), "text": "same", "reply_markup": json.dumps(keyboard)}
    async with httpx.AsyncClient(trust_env=False) as client:
        answers = [
            await client.get(url, params=flat),
            await client.post(url, data=flat),
            await client.post(url, data=flat, files={"spare": b"x"}),
            await client.post(url, json={"chat_id": stage.desk, "text": "same", "reply_markup": keyboard}),
        ]
        broken = await client.post(url, data={**flat, "reply_markup": "{"})
        no_number = await client.post(url, data={**flat, "chat_id": "desk"})
        no_json = await client.post(url, content=b"[", headers={"content-type": "application/json"})
    results = [answer.json()["result"] for answer in answers]
    assert [(one["text"], one["reply_markup"]) for one in results] == [("same", keyboard)] * 4
    assert [broken.status_code, no_number.status_code, no_json.status_code] == [400, 400, 400]


# Sending


async def test_an_album_is_several_messages_of_one_group(stage: TelegramStage, bot: Bot) -> None:
    sent = await bot.send_media_group(
        stage.desk, [InputMediaPhoto(b"one", caption="<b>ward 4</b>", parse_mode="HTML"), InputMediaPhoto(b"two")]
    )
    assert len({message.media_group_id for message in sent}) == 1
    assert [message.caption for message in sent] == ["ward 4", None]
    file = await bot.get_file(sent[1].photo[-1].file_id)
    assert bytes(await file.download_as_bytearray()) == b"two"


async def test_a_document_is_kept_and_served(stage: TelegramStage, bot: Bot) -> None:
    sent = await bot.send_document(stage.desk, b"%PDF digest", caption="Digest")
    assert sent.document is not None
    file = await bot.get_file(sent.document.file_id)
    assert bytes(await file.download_as_bytearray()) == b"%PDF digest"


@pytest.mark.parametrize(
    ("text", "length_told"),
    [("क" * 4096, 4096), ("<b>" + "x" * 4096 + "</b>", 4096), ("&lt;" * 4096, 4096)],
)
async def test_length_counts_after_entities_are_read(
    stage: TelegramStage, bot: Bot, text: str, length_told: int
) -> None:
    sent = await bot.send_message(stage.desk, text, parse_mode="HTML")
    assert len(sent.text or "") == length_told
    with pytest.raises(BadRequest, match="too long"):
        await bot.send_message(stage.desk, text + "y", parse_mode="HTML")


async def test_a_caption_takes_1024_characters(stage: TelegramStage, bot: Bot) -> None:
    await bot.send_photo(stage.desk, b"jpeg", caption="x" * 1024)
    with pytest.raises(BadRequest, match="caption is too long"):
        await bot.send_photo(stage.desk, b"jpeg", caption="x" * 1025)
    with pytest.raises(BadRequest, match="file identifier"):
        await bot.send_photo(stage.desk, "AgACno-such-file")


@pytest.mark.parametrize(("data", "fits"), [("x" * 64, True), ("क" * 21, True), ("x" * 65, False), ("क" * 22, False)])
async def test_callback_data_is_counted_in_bytes(stage: TelegramStage, bot: Bot, data: str, fits: bool) -> None:
    keyboard = InlineKeyboardMarkup([[InlineKeyboardButton("Accept", callback_data=data)]])
    if fits:
        await bot.send_message(stage.desk, "x", reply_markup=keyboard)
    else:
        with pytest.raises(BadRequest, match="Button_data_invalid"):
            await bot.send_message(stage.desk, "x", reply_markup=keyboard)


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("<b>open", 'Can\'t find end tag corresponding to start tag "b"'),
        ("a <foo>b</foo>", 'Unsupported start tag "foo" at byte offset 2'),
        ("क < ख", 'Unsupported start tag "" at byte offset 4'),
        ("x</b>", "Unexpected end tag at byte offset 1"),
        ("<b><i>x</b></i>", 'Unmatched end tag at byte offset 7, expected "</i>", found "</b>"'),
        ("<span>x</span>", 'Tag "span" must have class "tg-spoiler" at byte offset 0'),
    ],
)
def test_html_that_telegram_refuses(source: str, why: str) -> None:
    with pytest.raises(BotApiError) as refused:
        parse_html(source)
    assert refused.value.description == f"Bad Request: can't parse entities: {why}"


def test_entities_are_counted_in_utf16_units() -> None:
    text, entities = parse_html(
        '🚧 <b>सड़क <i>टूटी</i></b> &amp; &copy; <a href="https://a.example/?x=1&amp;y=2">map</a>'
    )
    assert text == "🚧 सड़क टूटी & &copy; map"
    assert [(one["type"], one["offset"], one["length"]) for one in entities] == [
        ("bold", 3, len("सड़क टूटी")),
        ("italic", 3 + len("सड़क "), len("टूटी")),
        ("text_link", 3 + len("सड़क टूटी & &copy; "), 3),
    ]
    assert entities[2]["url"] == "https://a.example/?x=1&y=2"


async def test_replies_need_their_message_unless_said_otherwise(stage: TelegramStage, bot: Bot) -> None:
    with pytest.raises(BadRequest, match="replied not found"):
        await bot.send_message(stage.desk, "x", reply_parameters=ReplyParameters(777))
    sent = await bot.send_message(
        stage.desk, "x", reply_parameters=ReplyParameters(777, allow_sending_without_reply=True)
    )
    assert sent.reply_to_message is None
    forced = await bot.send_message(stage.desk, "Why?", reply_markup=ForceReply())
    assert stage.telegram.messages(stage.desk)[-1]["force_reply"]
    stage.telegram.write(stage.kavita, stage.desk, "Because", reply_to=forced.message_id)
    (update,) = await bot.get_updates()
    assert update.message is not None
    assert update.message.reply_to_message is not None
    assert update.message.reply_to_message.message_id == forced.message_id


# Editing, deleting, answering


async def test_edits_keep_telegrams_rules(stage: TelegramStage, bot: Bot) -> None:
    sent = await bot.send_message(stage.desk, "Assigned")
    theirs = stage.telegram.write(stage.kavita, stage.desk, "mine")
    with pytest.raises(BadRequest, match="not modified"):
        await bot.edit_message_text("Assigned", stage.desk, sent.message_id)
    with pytest.raises(BadRequest, match="to edit not found"):
        await bot.edit_message_text("Accepted", stage.desk, 4711)
    with pytest.raises(BadRequest, match="can't be edited"):
        await bot.edit_message_text("Accepted", stage.desk, theirs)
    with pytest.raises(BadRequest, match="no caption"):
        await bot.edit_message_caption(stage.desk, sent.message_id, caption="Accepted")
    photo = await bot.send_photo(stage.desk, b"jpeg", caption="Before")
    with pytest.raises(BadRequest, match="no text in the message"):
        await bot.edit_message_text("After", stage.desk, photo.message_id)
    edited = await bot.edit_message_caption(stage.desk, photo.message_id, caption="After")
    assert not isinstance(edited, bool)
    assert (edited.caption, edited.edit_date) == ("After", stage.world.clock.now())


async def test_own_messages_are_deleted_for_two_days_and_others_by_admins(stage: TelegramStage, bot: Bot) -> None:
    sent = await bot.send_message(stage.desk, "twin")
    old = await bot.send_message(stage.desk, "old")
    theirs = stage.telegram.write(stage.kavita, stage.desk, "phone number")
    assert await bot.delete_message(stage.desk, sent.message_id)
    with pytest.raises(BadRequest, match="delete not found"):
        await bot.delete_message(stage.desk, sent.message_id)
    with pytest.raises(BadRequest, match="can't be deleted"):
        await bot.delete_message(stage.desk, theirs)
    stage.telegram.set_membership(stage.desk, "administrator")
    assert await bot.delete_message(stage.desk, theirs)
    stage.world.clock.advance(timedelta(hours=49))
    with pytest.raises(BadRequest, match="can't be deleted"):
        await bot.delete_message(stage.desk, old.message_id)


async def test_a_press_is_answered_in_time_and_in_200_characters(stage: TelegramStage, bot: Bot) -> None:
    keyboard = InlineKeyboardMarkup([[InlineKeyboardButton("Accept", callback_data="a")]])
    sent = await bot.send_message(stage.desk, "x", reply_markup=keyboard)
    press = stage.telegram.press(stage.kavita, stage.desk, sent.message_id, "Accept")
    (update,) = await bot.get_updates()
    assert update.callback_query is not None
    assert (update.callback_query.data, update.callback_query.from_user.id) == ("a", stage.kavita)
    with pytest.raises(BadRequest):
        await bot.answer_callback_query(press, "x" * 201)
    assert stage.telegram.answers(press) is None
    await bot.answer_callback_query(press, "x" * 200, show_alert=True)
    assert stage.telegram.answers(press) == "x" * 200
    assert stage.telegram.presses[press].is_alert
    late = stage.telegram.press(stage.kavita, stage.desk, sent.message_id, "a")
    stage.world.clock.advance(timedelta(seconds=16))
    with pytest.raises(BadRequest, match="Query is too old"):
        await bot.answer_callback_query(late)
    with pytest.raises(ValueError, match="no button 'Dispose' to press; it has: 'Accept'"):
        stage.telegram.press(stage.kavita, stage.desk, sent.message_id, "Dispose")


# Places


async def test_chats_tell_where_the_bot_may_write(stage: TelegramStage, bot: Bot) -> None:
    with pytest.raises(BadRequest, match="Chat not found"):
        await bot.send_message(-1001, "x")
    with pytest.raises(Forbidden, match="initiate"):
        await bot.send_message(stage.kavita, "x")
    stage.telegram.write(stage.kavita, stage.bot, "hello")
    await bot.send_message(stage.kavita, "hello back")
    assert [one["text"] for one in stage.telegram.messages(stage.kavita)] == ["hello", "hello back"]
    stage.telegram.remove_bot(stage.kavita)
    with pytest.raises(Forbidden, match="blocked by the user"):
        await bot.send_message(stage.kavita, "still there?")
    stage.telegram.remove_bot(stage.desk)
    with pytest.raises(Forbidden, match="kicked from the supergroup chat"):
        await bot.send_message(stage.desk, "x")


async def test_topics_are_found_closed_or_gone() -> None:
    async with telegram_stage(forum_topics=("Roads",)) as stage, plain_bot(stage) as bot:
        roads = stage.telegram.topics(stage.desk)["Roads"]
        assert roads != 1
        assert (await bot.send_message(stage.desk, "x", message_thread_id=roads)).message_thread_id == roads
        for thread in (1, 4711):
            with pytest.raises(BadRequest, match="thread not found"):
                await bot.send_message(stage.desk, "x", message_thread_id=thread)
        stage.telegram.close_topic(stage.desk, "Roads")
        with pytest.raises(BadRequest, match="Topic_closed"):
            await bot.send_message(stage.desk, "x", message_thread_id=roads)
        with pytest.raises(ValueError, match="no topic 'Water'"):
            stage.telegram.close_topic(stage.desk, "Water")


async def test_who_is_who_in_a_chat(stage: TelegramStage, bot: Bot) -> None:
    stage.telegram.set_membership(stage.desk, "administrator")
    stranger = stage.telegram.add_user("Stranger")
    assert (await bot.get_chat(stage.desk)).title == "PWD Hisar"
    assert (await bot.get_chat_member(stage.desk, stage.kavita)).status == "member"
    assert (await bot.get_chat_member(stage.desk, stranger)).status == "left"
    (admin,) = await bot.get_chat_administrators(stage.desk)
    assert isinstance(admin, ChatMemberAdministrator)
    assert admin.user.id == stage.bot
    (update,) = await bot.get_updates()
    assert update.my_chat_member is not None
    assert update.my_chat_member.new_chat_member.status == "administrator"


async def test_privacy_mode_hides_small_talk() -> None:
    async with telegram_stage(privacy_mode=True) as stage, plain_bot(stage) as bot:
        assert bot.can_read_all_group_messages is False
        sent = await bot.send_message(stage.desk, "HRY26-000001-4")
        stage.telegram.write(stage.kavita, stage.desk, "lunch?")
        stage.telegram.write(stage.kavita, stage.desk, "/status@another_bot")
        heard = [
            stage.telegram.write(stage.kavita, stage.desk, "/status"),
            stage.telegram.write(stage.kavita, stage.desk, "/status@smgt_haryana_bot HRY26-000001-4"),
            stage.telegram.write(stage.kavita, stage.desk, "🙏 ask @SMGT_Haryana_bot please"),
            stage.telegram.write(stage.kavita, stage.desk, "done", reply_to=sent.message_id),
        ]
        stage.telegram.set_membership(stage.desk, "administrator")
        heard.append(stage.telegram.write(stage.kavita, stage.desk, "now you hear lunch"))
        updates = await bot.get_updates(allowed_updates=["message"])
        assert [one.message.message_id for one in updates if one.message] == heard


async def test_a_group_moves_once_and_points_to_its_new_place() -> None:
    async with telegram_stage(supergroup=False) as stage, plain_bot(stage) as bot:
        new = stage.telegram.migrate(stage.desk)
        old_side, new_side = await bot.get_updates()
        assert old_side.message is not None
        assert new_side.message is not None
        assert old_side.message.migrate_to_chat_id == new
        assert new_side.message.migrate_from_chat_id == stage.desk
        with pytest.raises(ValueError, match="not a basic group"):
            stage.telegram.migrate(stage.desk)
        with pytest.raises(ValueError, match="moved"):
            stage.telegram.write(stage.kavita, stage.desk, "anybody here?")


# Limits


async def test_a_group_takes_twenty_a_minute_edits_and_album_photos_included(stage: TelegramStage, bot: Bot) -> None:
    sent = await bot.send_message(stage.desk, "0")
    for turn in range(17):
        stage.world.clock.advance(timedelta(seconds=2))
        await bot.edit_message_text(f"edit {turn}", stage.desk, sent.message_id)
    stage.world.clock.advance(timedelta(seconds=1))
    with pytest.raises(RetryAfter) as limited:
        await bot.send_media_group(stage.desk, [InputMediaPhoto(b"x")] * 3)
    assert limited.value.retry_after == timedelta(seconds=25)
    await bot.send_media_group(stage.desk, [InputMediaPhoto(b"x")] * 2)
    stage.world.clock.advance(timedelta(seconds=25))
    await bot.send_message(stage.desk, "again")


async def test_a_chat_takes_a_short_burst_only(stage: TelegramStage, bot: Bot) -> None:
    for turn in range(5):
        await bot.send_message(stage.desk, str(turn))
    with pytest.raises(RetryAfter):
        await bot.send_message(stage.desk, "5")


async def test_all_chats_together_take_thirty_a_second(stage: TelegramStage, bot: Bot) -> None:
    groups = [stage.telegram.add_group(f"Desk {turn}") for turn in range(31)]
    for group in groups[:30]:
        await bot.send_message(group, "x")
    with pytest.raises(RetryAfter):
        await bot.send_message(groups[30], "x")
    stage.world.clock.advance(timedelta(seconds=1))
    await bot.send_message(groups[30], "x")


async def test_limits_can_be_lifted() -> None:
    async with telegram_stage(limit_scale=None) as stage, plain_bot(stage) as bot:
        for turn in range(40):
            await bot.send_message(stage.desk, str(turn))


# Updates


async def test_an_offset_confirms_and_a_negative_one_keeps_the_last(stage: TelegramStage, bot: Bot) -> None:
    for turn in range(4):
        stage.telegram.write(stage.kavita, stage.desk, str(turn))
    first = await bot.get_updates(limit=2)
    again = await bot.get_updates(limit=2)
    assert [one.update_id for one in first] == [one.update_id for one in again]
    rest = await bot.get_updates(offset=first[-1].update_id + 1)
    assert [one.message.text for one in rest if one.message] == ["2", "3"]
    (last,) = await bot.get_updates(offset=-1)
    assert last.update_id == rest[-1].update_id
    ahead = await bot.get_updates(offset=last.update_id + 1000)
    assert [one.update_id for one in ahead] == [last.update_id]


async def test_updates_are_kept_for_a_day(stage: TelegramStage, bot: Bot) -> None:
    stage.telegram.write(stage.kavita, stage.desk, "yesterday")
    stage.world.clock.advance(timedelta(hours=23))
    stage.telegram.write(stage.kavita, stage.desk, "today")
    assert len(await bot.get_updates()) == 2
    stage.world.clock.advance(timedelta(hours=1))
    assert len(await bot.get_updates()) == 1


async def test_a_long_poll_ends_with_the_news(stage: TelegramStage, bot: Bot) -> None:
    waiting = asyncio.create_task(bot.get_updates(timeout=20))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    stage.telegram.write(stage.kavita, stage.desk, "news")
    assert len(await asyncio.wait_for(waiting, 2)) == 1


async def test_the_older_of_two_pollers_is_thrown_out(stage: TelegramStage, bot: Bot) -> None:
    async with plain_bot(stage) as other:
        older = asyncio.create_task(bot.get_updates(timeout=20))
        await asyncio.sleep(0.05)
        assert await other.get_updates(timeout=0) == ()
        with pytest.raises(Conflict, match="terminated by other getUpdates"):
            await older


async def test_only_the_kinds_asked_for_are_kept(stage: TelegramStage, bot: Bot) -> None:
    await bot.get_updates(allowed_updates=["callback_query"])
    stage.telegram.write(stage.kavita, stage.desk, "not asked for")
    assert await bot.get_updates() == ()
    await bot.get_updates(allowed_updates=["message"])
    stage.telegram.write(stage.kavita, stage.desk, "asked for")
    assert len(await bot.get_updates()) == 1


async def test_a_webhook_gets_updates_with_the_secret_until_it_takes_them(stage: TelegramStage, bot: Bot) -> None:
    taken: list[tuple[str | None, dict[str, Any]]] = []
    answers = [500, 200, 200, 200, 200, 200]

    async def hook(request: Request) -> Response:
        taken.append((request.headers.get("X-Telegram-Bot-Api-Secret-Token"), await request.json()))
        return Response(status_code=answers[len(taken) - 1])

    with LoopbackServer(Starlette(routes=[Route("/hook", hook, methods=["POST"])])) as ours:
        with pytest.raises(BadRequest, match="https"):
            await bot.set_webhook("http://smgt.example/hook")
        await bot.set_webhook(f"{ours.url}/hook", secret_token="s3cret")
        with pytest.raises(Conflict, match="webhook is active"):
            await bot.get_updates()
        stage.telegram.write(stage.kavita, stage.desk, "one")
        stage.telegram.write(stage.kavita, stage.desk, "two")
        assert await stage.telegram.deliver_webhooks() == 0
        info = await bot.get_webhook_info()
        assert info.pending_update_count == 2
        assert "500" in (info.last_error_message or "")
        assert await stage.telegram.deliver_webhooks() == 2
        stage.telegram.write(stage.kavita, stage.desk, "three")
        stage.fails("webhook", FaultKind.DUPLICATE)
        assert await stage.telegram.deliver_webhooks() == 2
    assert [(secret, update["message"]["text"]) for secret, update in taken] == [
        ("s3cret", word) for word in ("one", "one", "two", "three", "three")
    ]
    stage.telegram.write(stage.kavita, stage.desk, "four")
    assert await stage.telegram.deliver_webhooks() == 0  # nobody listens any more
    assert await bot.delete_webhook()
    assert len(await bot.get_updates()) == 1


# Faults and looks


async def test_a_late_effect_comes_after_its_error(stage: TelegramStage, bot: Bot) -> None:
    stage.fails("sendMessage", FaultKind.LATE, seconds=0.1)
    with pytest.raises(NetworkError):
        await bot.send_message(stage.desk, "late")
    assert stage.telegram.messages(stage.desk) == []
    async with asyncio.timeout(2):
        while not stage.telegram.messages(stage.desk):
            await asyncio.sleep(0.02)
    assert stage.telegram.messages(stage.desk)[0]["text"] == "late"


async def test_a_fault_may_hit_one_bot_only(stage: TelegramStage, bot: Bot) -> None:
    stage.telegram.add_bot("7000000002:BBsandbox", "smgt_other_bot")
    stage.telegram.set_membership(stage.desk, "member", bot=7000000002)
    stage.fails("*", FaultKind.REVOKED, times=None, channel="7000000002")
    with pytest.raises(InvalidToken):
        async with plain_bot(stage, "7000000002:BBsandbox"):
            pass
    await bot.send_message(stage.desk, "well")


async def test_the_dump_is_json(stage: TelegramStage, bot: Bot) -> None:
    stage.telegram.start(stage.kavita, "join")
    await bot.send_message(stage.desk, "<b>x</b>", parse_mode="HTML")
    dump = json.loads(json.dumps(stage.telegram.dump()))
    assert [chat["type"] for chat in dump["chats"]] == ["supergroup", "private"]
    assert [user["first_name"] for user in dump["users"]] == ["Kavita Devi", "Ramesh"]
    assert dump["chats"][0]["messages"][0]["from_bot"]


def test_people_are_added_once_and_nonsense_is_named() -> None:
    async def play() -> None:
        async with telegram_stage() as stage:
            assert stage.telegram.add_user("Kavita Devi", "kavita") == stage.kavita
            assert stage.telegram.add_user("Mohan") == stage.telegram.add_user("Mohan")
            for wrong, why in (
                (lambda: stage.telegram.write(1, stage.desk, "x"), "no Telegram user 1"),
                (lambda: stage.telegram.write(stage.kavita, -5, "x"), "no Telegram chat -5"),
                (lambda: stage.telegram.edit(stage.ramesh, stage.desk, 99, "x"), "no message 99"),
                (lambda: stage.telegram.add_bot("secret", "b"), "looks like 7000000001:letters"),
                (lambda: stage.telegram.answers("5"), "no button press 5"),
            ):
                with pytest.raises(ValueError, match=why):
                    wrong()

    asyncio.run(play())
