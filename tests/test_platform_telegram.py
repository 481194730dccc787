"""The Telegram adapter with the real python-telegram-bot against the emulated Telegram."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from telegram_stage import BUTTONS, TelegramStage, telegram_stage

from store.vocabulary import DeskVerb


@pytest.fixture
async def stage() -> AsyncIterator[TelegramStage]:
    async with telegram_stage() as ready:
        yield ready


async def test_a_message_with_buttons_is_pressed_and_the_press_is_read(stage: TelegramStage) -> None:
    sent = await stage.port.send(stage.message("<b>HRY26-000001-4</b> waterlogging", buttons=BUTTONS))
    chat, _, number = sent.rpartition(":")
    assert chat == str(stage.desk)
    press = stage.telegram.press(stage.kavita, stage.desk, int(number), "Accept")

    (update,) = await stage.heard()
    assert (update.verb, update.press_id, update.press_data) == (DeskVerb.PRESSED, press, "t:1:accept")
    assert update.message_id == number
    assert update.author is not None
    assert update.author.name == "Kavita Devi"
