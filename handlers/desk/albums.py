"""The citizen's photos under the ticket's notice: which are shown in which chat, each once.

Owns when an album is queued and who may see one. It fetches nothing; that is bot/photos.py's. A picture that comes later
(the citizen added it, or its host was slow) goes out as another album.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

import sqlalchemy as sa

from handlers.case import Case
from handlers.desk.addresses import is_group, language_of_chat
from handlers.desk.notices import in_groups
from handlers.desk.rows import case_of
from handlers.facts import Facts
from handlers.gate import queue
from handlers.reach import Reach
from handlers.render import render
from store import pictures, tickets
from store.outbound import MOST_IN_ALBUM, Outgoing, OutgoingPhoto
from store.outbox import NewRow, words_of
from store.people import Directory
from store.readiness import ENDED_UNSENT
from store.tables import outbox
from store.vocabulary import InGroups, OutgoingAct, Sensitivity

TEMPLATE: Final = "photos"
TICKETS_IN_A_ROUND: Final = 50


def may_show(case: Case, chat_id: str) -> bool:
    """May the citizen's pictures stand in this chat now? The one place that says so.

    Asked when pictures have come, and again whenever the notice changes: a no may become a yes once it was accepted.
    """
    if case.sensitivity is Sensitivity.SENSITIVE:
        return False
    return in_groups(case) is InGroups.FULL or not is_group(chat_id)


def queue_albums(conn: sa.Connection, now: datetime, directory: Directory, reach: Reach) -> int:
    """Queue albums of pictures that are here and were not shown where their ticket is; returns how many."""
    waiting = pictures.to_show(conn, TICKETS_IN_A_ROUND)
    queued = 0
    for row in tickets.by_ids(conn, waiting):
        case = case_of(row)
        notice = _notice(conn, case) if case.with_office else None
        if notice is None or not may_show(case, notice["recipient"]):  # until its notice is written or changes
            pictures.mark_shown(conn, waiting[case.id], pictures.NOWHERE)
            continue
        rows = _albums(case, notice, waiting[case.id], directory)
        queued += len(queue(conn, reach, rows, now))
        pictures.mark_shown(conn, waiting[case.id], notice["recipient"])
    return queued


def _notice(conn: sa.Connection, case: Case) -> Mapping[str, str] | None:
    """The notice of the ticket's present turn, unless it will never stand anywhere."""
    found = sa.select(outbox).where(outbox.c.step_id == f"{case.id}:notice:{case.turn}")
    row = conn.execute(found.order_by(outbox.c.id.desc()).limit(1)).mappings().one_or_none()
    if row is None or row["state"] in [state for state in ENDED_UNSENT if state != "held"]:
        return None
    return dict(row)


def _albums(case: Case, notice: Mapping[str, str], ids: Sequence[int], directory: Directory) -> list[NewRow]:
    chat_id = notice["recipient"]
    first = words_of(int(notice["id"]), notice["payload"])
    text = render(language_of_chat(chat_id, directory), "officer", TEMPLATE, Facts(number=case.number))
    parts = [ids[at : at + MOST_IN_ALBUM] for at in range(0, len(ids), MOST_IN_ALBUM)]
    return [
        NewRow(
            channel_id=int(notice["channel_id"]),
            step_id=f"{case.id}:photos:{case.turn}:{part[0]}",
            recipient=chat_id,
            destination=f"{chat_id}:{case.id}",
            template=TEMPLATE,
            outgoing=Outgoing(
                act=OutgoingAct.MESSAGE,
                text=text,
                thread_id=chat_id,
                topic_id=first.topic_id if first is not None else None,
                silent=True,
                photos=tuple(OutgoingPhoto(media_id=one) for one in part),
            ),
            ticket_id=case.id,
            follows_step=notice["step_id"],
        )
        for part in parts
    ]
