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
from bot.digest.page import PageFailed
from bot.settings_mail import MailServer
from handlers.digest.papers import UNMADE, Parcel, SheetUnreadable, queue_papers, sheet_of
from handlers.digest.sheet import Sheet
from handlers.reach import EVERYBODY, Reach
from store import papers
from store.alarms import clear_alarm, restate_alarm
from store.db import reading, writing
from store.papers import Due, NewPaper

logger = logging.getLogger(__name__)

MOST_TRIES: Final = 5
WAITS_FOR_PAPERS: Final = 2  # tries after which the e-mail goes without those that could not be made
FIRST_WAIT: Final = timedelta(minutes=2)  # then twice as long each time: half an hour in all
UNMAILED: Final = "digest_mail_refused"


def make_due(
    engine: sa.Engine, now: Callable[[], datetime], reach: Reach, server: MailServer | None = None
) -> int:  # fmt: skip
    """Make the files of one edition that waits for them; returns how many messages were queued. Blocks for seconds.

    With a mail `server` an edition that also goes by e-mail is handed over to it, where SMGT speaks to everybody.
    """
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
    mailed, faults, refused = _mailed(due, sheet, made, server if reach == EVERYBODY else None)
    with writing(engine) as conn:
        if not _note(conn, due, (*made.faults, *faults), now(), mailed=mailed):
            return 0
        if refused:
            restate_alarm(conn, UNMAILED, due.step_id, " ".join(refused), now())
        return queue_papers(conn, due, sheet, parcels_of(made), now(), reach)


def _mailed(
    due: Due, sheet: Sheet, made: Forms, server: MailServer | None
) -> tuple[bool, tuple[str, ...], tuple[str, ...]]:
    """Whether the edition need not be mailed any more, why it was not, and who did not get it although others did."""
    if not due.by_mail or server is None:
        return True, (), ()
    if made.faults and due.tries < WAITS_FOR_PAPERS:
        return False, (), ()
    from bot.digest.mail import MailFailed, mail_of, send_mail

    try:
        return True, (), send_mail(mail_of(sheet, made, server), server)
    except (MailFailed, PageFailed) as fault:
        return False, (str(fault),), ()


def parcels_of(made: Forms) -> list[Parcel]:
    """What goes in which message: the pictures as an album, then each paper by itself."""
    parcels = [Parcel("charts", tuple(map(_paper, made.of_type(PNG))), is_album=True)]
    parcels += [Parcel("pdf", (_paper(one),)) for one in made.of_type(PDF)]
    parcels += [Parcel("xlsx", (_paper(one),)) for one in made.of_type(XLSX)]
    return [parcel for parcel in parcels if parcel.files]


def _paper(form: Form) -> NewPaper:
    return NewPaper(form.name, form.media_type, form.content)


def _note(
    conn: sa.Connection,
    due: Due,
    faults: tuple[str, ...],
    now: datetime,
    *,
    mailed: bool = False,
    is_final: bool = False,
) -> bool:
    """Write down how it went; False if another process did so meanwhile."""
    told = " ".join(faults)
    is_over = not faults or is_final or due.tries + 1 >= MOST_TRIES
    next_try_at = None if is_over else now + FIRST_WAIT * 2**due.tries
    if not papers.tried(conn, due, next_try_at=next_try_at, error=told or None, mailed=mailed):
        return False
    if faults:
        logger.error("Papers of %s: %s", due.step_id, told, extra={"action": "digest.unmade"})
        restate_alarm(conn, UNMADE, due.step_id, told, now)
    else:
        clear_alarm(conn, UNMADE, due.step_id, now)
    return True
