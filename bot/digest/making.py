"""Making the pictures and papers of an edition that has gone out, and queueing them behind its message.

Owns how often it is tried. No transaction is open while they are made. What could not be made is tried again, the others
go at once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa

from bot.digest.forms import PDF, PNG, XLSX, Form, Forms, forms_of
from handlers.digest.papers import Parcel, SheetUnreadable, queue_papers, sheet_of
from handlers.reach import Reach
from store import papers
from store.alarms import clear_alarm, restate_alarm
from store.db import reading, writing
from store.papers import Due, NewPaper

logger = logging.getLogger(__name__)

MOST_TRIES: Final = 5
FIRST_WAIT: Final = timedelta(minutes=2)  # then twice as long each time: half an hour in all
UNMADE: Final = "digest_paper_unmade"


def make_due(engine: sa.Engine, now: Callable[[], datetime], reach: Reach) -> int:
    """Make the files of one edition that waits for them; returns how many messages were queued. Blocks for seconds."""
    with reading(engine) as conn:
        due = papers.due(conn, now())
    if due is None:
        return 0
    try:
        sheet = sheet_of(due)
    except SheetUnreadable as fault:
        with writing(engine) as conn:
            _note(conn, due, (str(fault),), now(), is_final=True)
        return 0
    made = forms_of(sheet)
    with writing(engine) as conn:
        if not _note(conn, due, made.faults, now()):
            return 0
        return queue_papers(conn, due, sheet, parcels_of(made), now(), reach)


def parcels_of(made: Forms) -> list[Parcel]:
    """What goes in which message: the pictures as an album, then each paper by itself."""
    parcels = [Parcel("charts", tuple(map(_paper, made.of_type(PNG))), is_album=True)]
    parcels += [Parcel("pdf", (_paper(one),)) for one in made.of_type(PDF)]
    parcels += [Parcel("xlsx", (_paper(one),)) for one in made.of_type(XLSX)]
    return [parcel for parcel in parcels if parcel.files]


def _paper(form: Form) -> NewPaper:
    return NewPaper(form.name, form.media_type, form.content)


def _note(conn: sa.Connection, due: Due, faults: tuple[str, ...], now: datetime, *, is_final: bool = False) -> bool:
    """Write down how it went; False if another process did so meanwhile."""
    told = " ".join(faults)
    is_over = not faults or is_final or due.tries + 1 >= MOST_TRIES
    next_try_at = None if is_over else now + FIRST_WAIT * 2**due.tries
    if not papers.tried(conn, due.step_id, due.tries, next_try_at=next_try_at, error=told or None):
        return False
    if faults:
        logger.error("Papers of %s: %s", due.step_id, told, extra={"action": "digest.unmade"})
        restate_alarm(conn, UNMADE, due.step_id, told, now)
    else:
        clear_alarm(conn, UNMADE, due.step_id, now)
    return True
