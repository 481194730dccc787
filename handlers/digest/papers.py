"""The pictures and papers of an edition on their way to a chat: asked for with its message, queued once they are made.

Owns the rows of the outbox that carry them, one for each, in the order in which they are read. It must not know how a
paper is made. A sheet is kept as it was when the message was written, so that everything tells the same figures.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import msgspec
import sqlalchemy as sa

from handlers.digest.sheet import Sheet
from handlers.gate import queue
from handlers.reach import Reach
from store import papers
from store.outbound import MOST_IN_ALBUM, Outgoing, OutgoingDocument, OutgoingPhoto
from store.outbox import NewRow
from store.papers import Due, NewPaper
from store.vocabulary import OutgoingAct

TEMPLATE: Final = "digest_papers"
UNMADE: Final = "digest_paper_unmade"  # the alarm
_READ_SHEET: Final = msgspec.json.Decoder(Sheet)


class SheetUnreadable(ValueError):
    """A kept sheet is not what this version of SMGT writes."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """What goes in one message: under `code` (charts, pdf, xlsx), an album of pictures or one document."""

    code: str
    files: tuple[NewPaper, ...]
    is_album: bool = False


def ask_for_papers(
    conn: sa.Connection, message: NewRow, sheet: Sheet, now: datetime, *, by_mail: bool = False
) -> None:  # fmt: skip
    """Let pictures and papers of the sheet follow this message, in the transaction that queues it.

    `by_mail`: the edition also goes to those who get it by e-mail, if there are any.
    """
    wanted = Due(
        step_id=message.step_id,
        channel_id=message.channel_id,
        chat_id=message.outgoing.thread_id,
        topic_id=message.outgoing.topic_id,
        sheet=msgspec.json.encode(sheet).decode(),
        by_mail=by_mail,
    )
    papers.ask_for(conn, wanted, now)


def sheet_of(due: Due) -> Sheet:
    """The sheet as it was kept. Raises SheetUnreadable."""
    try:
        return _READ_SHEET.decode(due.sheet)
    except msgspec.DecodeError as error:
        raise SheetUnreadable(f"The edition {due.step_id} was kept by another version of SMGT ({error}).") from error


def queue_papers(
    conn: sa.Connection, due: Due, sheet: Sheet, parcels: Sequence[Parcel], now: datetime, reach: Reach
) -> int:
    """Keep the files and queue a message for each parcel, those that were queued before left out; returns how many."""
    caption = html.escape(f"{sheet.title}, {sheet.about}", quote=False)
    rows = [_row(conn, due, parcel, caption, now) for parcel in parcels if parcel.files]
    return len(queue(conn, reach, rows, now))


def _row(conn: sa.Connection, due: Due, parcel: Parcel, caption: str, now: datetime) -> NewRow:
    step_id = f"{due.step_id}:{parcel.code}"
    files = parcel.files[:MOST_IN_ALBUM]
    ids = papers.keep(conn, step_id, files, now)
    shown = tuple(OutgoingPhoto(paper_id=one) for one in ids) if parcel.is_album else ()
    return NewRow(
        channel_id=due.channel_id,
        step_id=step_id,
        recipient=due.chat_id,
        destination=f"{due.chat_id}:digest",
        template=TEMPLATE,
        outgoing=Outgoing(
            act=OutgoingAct.MESSAGE,
            text=caption,
            thread_id=due.chat_id,
            topic_id=due.topic_id,
            silent=True,  # the message before it has rung
            photos=shown if len(shown) > 1 else (),
            photo=shown[0] if len(shown) == 1 else None,
            document=None if parcel.is_album else OutgoingDocument(ids[0], files[0].name),
        ),
    )
