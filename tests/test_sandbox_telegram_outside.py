"""Somebody else's strict Telegram client agrees with the emulator, so that we do not only agree with ourselves."""

from __future__ import annotations

from datetime import timedelta

import pytest
from telegram_stage import BUTTONS, TOKEN, TelegramStage, telegram_stage

aiogram = pytest.importorskip("aiogram", reason="the outside client is installed by the extra 'dev' only")

from aiogram.client.session.aiohttp import AiohttpSession  # noqa: E402
from aiogram.client.telegram import TelegramAPIServer  # noqa: E402
from aiogram.exceptions import (  # noqa: E402
    TelegramBadRequest,
    TelegramConflictError,
    TelegramForbiddenError,
    TelegramMigrateToChat,
    TelegramRetryAfter,
    TelegramUnauthorizedError,
)
from aiogram.types import (  # noqa: E402
    BufferedInputFile,
    ForceReply,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InputMediaPhoto,
)


async def test_aiogram_reads_every_update_and_every_answer() -> None:
    async with telegram_stage(limit_scale=10.0, forum_topics=("Roads",)) as stage:
        people = stage.telegram
        for status in ("administrator", "restricted", "kicked", "administrator"):
            people.set_membership(stage.desk, status)
        sent = await stage.port.send(stage.message("HRY26-000001-4", buttons=BUTTONS))
        people.press(stage.kavita, stage.desk, int(sent.rpartition(":")[2]), "Accept")
        people.write(stage.kavita, stage.desk, "in a topic", topic="Roads")
        people.write(stage.kavita, stage.desk, "anonymous", anonymous=True)
        people.voice(stage.kavita, stage.desk)
        people.sticker(stage.kavita, stage.desk)
        people.album(stage.kavita, stage.desk, [b"1", b"2"], "two photos")
        people.edit(stage.kavita, stage.desk, people.write(stage.kavita, stage.desk, "x"), "y")
        people.start(stage.ramesh, "join")
        people.migrate(people.add_group("Old", members=[stage.kavita], supergroup=False))
        waiting = len(people.bots[stage.bot].updates)

        server = TelegramAPIServer(
            base=stage.api_url + "/bot{token}/{method}", file=stage.api_url + "/file/bot{token}/{path}"
        )
        async with aiogram.Bot(TOKEN, session=AiohttpSession(api=server)) as bot:
            kinds = [update.event_type for update in await bot.get_updates()]
            assert len(kinds) == waiting
            assert set(kinds) == {"my_chat_member", "callback_query", "message", "edited_message"}

            keyboard = InlineKeyboardMarkup(inline_keyboard=[[InlineKeyboardButton(text="Accept", callback_data="a")]])
            message = await bot.send_message(stage.desk, "<b>x</b>", parse_mode="HTML", reply_markup=keyboard)
            assert [entity.type for entity in message.entities or ()] == ["bold"]
            await bot.edit_message_text("y", chat_id=stage.desk, message_id=message.message_id)
            album = await bot.send_media_group(
                stage.desk, [InputMediaPhoto(media=BufferedInputFile(b"%d" % turn, "a.jpg")) for turn in (1, 2)]
            )
            file = await bot.get_file((album[1].photo or [])[-1].file_id)
            downloaded = await bot.download_file(file.file_path or "")
            assert downloaded is not None
            assert downloaded.read() == b"2"
            assert (await bot.get_chat(stage.desk)).is_forum
            assert len(await bot.get_chat_administrators(stage.desk)) == 1
            with pytest.raises(TelegramBadRequest, match="can't parse entities"):
                await bot.send_message(stage.desk, "<b>x", parse_mode="HTML")
            with pytest.raises(TelegramForbiddenError):
                await bot.send_message(stage.kavita, "x")
            for turn in range(45):  # fifty in five seconds, of which five are used
                await bot.send_message(stage.desk, str(turn))
            with pytest.raises(TelegramRetryAfter):
                await bot.send_message(stage.desk, "one too many")
            stage.world.clock.advance(timedelta(minutes=1))
            await bot.delete_message(stage.desk, message.message_id)


def outside(stage: TelegramStage, token: str = TOKEN) -> aiogram.Bot:
    """aiogram, told where the emulated Telegram lives."""
    server = TelegramAPIServer(
        base=stage.api_url + "/bot{token}/{method}", file=stage.api_url + "/file/bot{token}/{path}"
    )
    return aiogram.Bot(token, session=AiohttpSession(api=server))


async def test_aiogram_presses_answers_and_edits_buttons() -> None:
    async with telegram_stage() as stage, outside(stage) as bot:
        row = [InlineKeyboardButton(text=words, callback_data=f"t:{words}") for words in ("Accept", "Forward")]
        sent = await bot.send_message(
            stage.desk, "HRY26-000001-4", reply_markup=InlineKeyboardMarkup(inline_keyboard=[row])
        )
        assert sent.reply_markup is not None
        assert [button.callback_data for button in sent.reply_markup.inline_keyboard[0]] == ["t:Accept", "t:Forward"]
        stage.telegram.press(stage.kavita, stage.desk, sent.message_id, "Accept")
        (pressed,) = await bot.get_updates(timeout=0)
        query = pressed.callback_query
        assert query is not None
        assert query.message is not None
        assert (query.data, query.from_user.id, query.message.message_id) == ("t:Accept", stage.kavita, sent.message_id)
        assert await bot.answer_callback_query(query.id, text="Taken up", show_alert=False)
        kept = InlineKeyboardMarkup(inline_keyboard=[row[1:]])
        edited = await bot.edit_message_reply_markup(chat_id=stage.desk, message_id=sent.message_id, reply_markup=kept)
        assert not isinstance(edited, bool)
        assert edited.edit_date is not None
        with pytest.raises(TelegramBadRequest, match="message is not modified"):
            await bot.edit_message_reply_markup(chat_id=stage.desk, message_id=sent.message_id, reply_markup=kept)
        long = InlineKeyboardMarkup(inline_keyboard=[[InlineKeyboardButton(text="x", callback_data="x" * 65)]])
        with pytest.raises(TelegramBadRequest, match="BUTTON_DATA_INVALID"):
            await bot.send_message(stage.desk, "x", reply_markup=long)
        stage.world.clock.advance(timedelta(hours=1))
        with pytest.raises(TelegramBadRequest, match="query is too old"):
            await bot.answer_callback_query(query.id)
        assert await bot.get_updates(offset=pressed.update_id + 1, timeout=0) == []


async def test_aiogram_asks_for_a_reply_and_hears_it_in_its_topic() -> None:
    async with telegram_stage(forum_topics=("Roads",)) as stage, outside(stage) as bot:
        stage.telegram.write(stage.kavita, stage.desk, "first", topic="Roads")
        (first,) = await bot.get_updates(timeout=0)
        assert first.message is not None
        topic = first.message.message_thread_id
        assert first.message.is_topic_message
        asked = await bot.send_message(stage.desk, "Which lane?", message_thread_id=topic, reply_markup=ForceReply())
        assert (asked.message_thread_id, asked.is_topic_message) == (topic, True)
        stage.telegram.write(stage.kavita, stage.desk, "lane 4", reply_to=asked.message_id)
        (heard,) = await bot.get_updates(offset=first.update_id + 1, timeout=0)
        assert heard.message is not None
        assert heard.message.reply_to_message is not None
        assert (heard.message.reply_to_message.message_id, heard.message.text) == (asked.message_id, "lane 4")
        with pytest.raises(TelegramBadRequest, match="thread not found"):
            await bot.send_message(stage.desk, "x", message_thread_id=999)


async def test_aiogram_follows_a_group_that_moved() -> None:
    async with telegram_stage(supergroup=False) as stage, outside(stage) as bot:
        new_id = stage.telegram.migrate(stage.desk)
        moved, came = await bot.get_updates(timeout=0)
        assert moved.message is not None
        assert came.message is not None
        assert (moved.message.migrate_to_chat_id, came.message.migrate_from_chat_id) == (new_id, stage.desk)
        with pytest.raises(TelegramMigrateToChat) as trouble:
            await bot.send_message(stage.desk, "x")
        assert trouble.value.migrate_to_chat_id == new_id
        assert (await bot.send_message(new_id, "x")).chat.id == new_id


async def test_aiogram_sets_a_webhook_that_excludes_polling() -> None:
    async with telegram_stage() as stage, outside(stage) as bot:
        assert (await bot.get_me()).username == "smgt_haryana_bot"
        assert await bot.set_webhook("https://smgt.example/webhooks/telegram/tg", secret_token="secret")
        stage.telegram.write(stage.kavita, stage.desk, "hello")
        info = await bot.get_webhook_info()
        assert (info.url, info.pending_update_count) == ("https://smgt.example/webhooks/telegram/tg", 1)
        with pytest.raises(TelegramConflictError):
            await bot.get_updates(timeout=0)
        assert await bot.delete_webhook()
        assert (await bot.get_webhook_info()).url == ""
        assert len(await bot.get_updates(timeout=0)) == 1
    async with telegram_stage() as stage, outside(stage, "7000000001:another") as nobody:
        with pytest.raises(TelegramUnauthorizedError):
            await nobody.get_me()


async def test_aiogram_is_told_how_long_a_full_group_waits() -> None:
    async with telegram_stage() as stage, outside(stage) as bot:
        waits = []
        for turn in range(20):
            try:
                await bot.send_message(stage.desk, str(turn))
            except TelegramRetryAfter as told:  # a short burst is let through, then five in five seconds
                waits.append(told.retry_after)
                stage.world.clock.advance(timedelta(seconds=told.retry_after))
                await bot.send_message(stage.desk, str(turn))
        assert waits
        assert max(waits) <= 5
        with pytest.raises(TelegramRetryAfter) as trouble:
            await bot.send_message(stage.desk, "the twenty-first of this minute")
        assert 5 < trouble.value.retry_after <= 60
        stage.world.clock.advance(timedelta(seconds=trouble.value.retry_after))
        assert await bot.send_message(stage.desk, "now")
