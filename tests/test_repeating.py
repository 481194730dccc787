"""A message that goes once more on Telegram says so, in its desk's language, and is known by either copy."""

from __future__ import annotations

from dataclasses import replace

import pytest
import sqlalchemy as sa
from stage_delivery import NOW, PATIENT, stand
from telegram_stage import telegram_stage

from bot.delivery import Delivery
from bot.sandbox.world import FaultKind
from handlers.desk.repeating import say_again
from handlers.length import CAPTION_LIMIT, TELEGRAM_LIMIT
from store.db import reading, writing
from store.directory_csv import import_desks
from store.outbound import Outgoing, OutgoingPhoto
from store.payloads import words_mark
from store.recognising import by_words_in_chat
from store.vocabulary import DeliveryState, OutgoingAct

NOTICE = Outgoing(act=OutgoingAct.MESSAGE, text="<b>HRY26-000001-4</b>: new for the office", thread_id="-5")


@pytest.mark.parametrize(("language", "says"), [("en", "Sent again"), ("hi", "दोबारा"), ("pa", "ਦੁਬਾਰਾ")])
def test_it_says_so_in_the_language_of_the_desk(engine: sa.Engine, language: str, says: str) -> None:
    with writing(engine) as conn:
        import_desks(conn, f"desk,title,language,chat_id,topic_id\nphed,PHED,{language},-5,\n", now=NOW)
        again = say_again(conn, NOTICE, NOW)
    assert says in again.text
    assert again.text.endswith(NOTICE.text)
    assert again.silent


def test_what_has_no_room_for_a_line_goes_silently_as_it_is(engine: sa.Engine) -> None:
    full = replace(NOTICE, text="x" * TELEGRAM_LIMIT)
    photo = replace(NOTICE, text="x" * CAPTION_LIMIT, photo=OutgoingPhoto(media_id=1))
    with reading(engine) as conn:
        for one in (full, photo):
            assert say_again(conn, one, NOW) == replace(one, silent=True)


async def test_an_officer_may_answer_either_copy(sqlite_engine: sa.Engine) -> None:
    async with telegram_stage() as stage:
        made = stand(sqlite_engine, stage.world.clock, stage.port, policy=PATIENT)
        made.delivery = Delivery(sqlite_engine, made.clock, made.channel, stage.port, PATIENT, machine=made.machine)
        row_id = made.add(
            "notice", stage.message("<b>HRY26-1</b>: reply to this"), f"{stage.desk}:1", recipient=str(stage.desk)
        )
        stage.fails("sendMessage", FaultKind.ERROR_AFTER)
        await made.settle()
        assert made.state(row_id) is DeliveryState.SENT
        first, again = (one["text"] for one in stage.telegram.messages(stage.desk) if one["from_bot"])
        assert first == "HRY26-1: reply to this"
        assert again != first
        assert again.endswith(first)
        with reading(sqlite_engine) as conn:
            for copy in (first, again):
                row = by_words_in_chat(conn, str(stage.desk), words_mark(copy))
                assert row is not None
                assert row.id == row_id
        await made.delivery.release()
