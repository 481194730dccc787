"""What a message on Telegram says when it goes once more, because nobody can tell whether the first copy arrived.

Owns those words. It must not know when a message is repeated; that is bot/reading_back.py's to say.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import sqlalchemy as sa

from handlers.desk.addresses import language_of_chat
from handlers.facts import Facts
from handlers.length import CAPTION_LIMIT, TELEGRAM_LIMIT
from handlers.render import render
from store.directory import load_directory
from store.outbound import Outgoing


def say_again(conn: sa.Connection, outgoing: Outgoing, now: datetime) -> Outgoing:
    """The message without a sound, under a line that it may stand there already, if there is room for it."""
    line = render(language_of_chat(outgoing.thread_id, load_directory(conn, now)), "officer", "repeat", Facts())
    text = f"{line}\n\n{outgoing.text}"
    shows = outgoing.photo is not None or bool(outgoing.photos)
    fits = len(text) <= (CAPTION_LIMIT if shows else TELEGRAM_LIMIT)
    return replace(outgoing, text=text if fits else outgoing.text, silent=True)
