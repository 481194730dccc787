"""Somebody else's strict Telegram client agrees with the emulator, so that we do not only agree with ourselves."""

from __future__ import annotations

from datetime import timedelta

import pytest
from telegram_stage import BUTTONS, TOKEN, telegram_stage

aiogram = pytest.importorskip("aiogram", reason="the outside client is installed by the extra 'dev' only")

from aiogram.client.session.aiohttp import AiohttpSession  # noqa: E402
from aiogram.client.telegram import TelegramAPIServer  # noqa: E402
from aiogram.exceptions import TelegramBadRequest, TelegramForbiddenError, TelegramRetryAfter  # noqa: E402
from aiogram.types import (  # noqa: E402
    BufferedInputFile,
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
