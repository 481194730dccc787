"""What officers are told of a report's photo: that it was taken before the complaint, or far from its place.

Owns the comparison's two ends: the pictures of a draft, and the preview that shows the doubt, edited if it stands already.
A doubt is for the officer and for whoever agrees; it never reaches the citizen and stops nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa

from handlers.case import Case
from handlers.desk.addresses import language_of_chat
from handlers.desk.rows import case_of
from handlers.facts import Facts, PhotoDoubt
from handlers.gate import queue
from handlers.photo_doubts import Seen, doubts
from handlers.reach import Reach
from handlers.render import render
from handlers.understanding.coordinates import whereabouts
from store import pictures, tickets
from store.directory import load_directory
from store.outbox import NewRow, OutboxRow, outbox_row
from store.tables import buttons, drafts, outbox
from store.vocabulary import OutgoingAct

SHOWN_BY: Final = ("preview", "approval_notice")  # messages that tell of a draft before it is sent
LONGEST_LOOK: Final = timedelta(minutes=2)  # then a report goes without


def doubts_about(case: Case, shown: Iterable[Mapping[str, Any]], far_km: float) -> tuple[PhotoDoubt, ...]:
    """What does not fit in these pictures (rows of `media`), each doubt once."""
    where = whereabouts(case.district, case.locality)
    found = (doubts(seen_in(one), case.opened_at, where.points, far_km) for one in shown)
    told = (PhotoDoubt(one.taken_before, one.away_km, where.locality, where.district) for one in found if one)
    return tuple(dict.fromkeys(told))


def seen_in(row: Mapping[str, Any]) -> Seen:
    """What a stored picture's file told."""
    latitude, longitude = row["latitude"], row["longitude"]
    known = latitude is not None and longitude is not None
    return Seen(row["taken_at"], (latitude, longitude) if known else None)


def of_draft(rows: Iterable[Mapping[str, Any]], draft: Mapping[str, Any], ticket_id: int) -> list[Mapping[str, Any]]:
    """The pictures that go with a draft: the one beside its words, and the rest of that album."""
    return [
        row
        for row in rows
        if row["ticket_id"] == ticket_id
        and draft["photo_ref"] is not None
        and (row["ref"] == draft["photo_ref"] or (draft["album_id"] and row["album_id"] == draft["album_id"]))
    ]


def is_lost(shown: Sequence[Mapping[str, Any]]) -> bool:
    """Is none of the pictures to be had?"""
    return bool(shown) and all(row["error"] is not None for row in shown)


def is_being_looked_at(shown: Iterable[Mapping[str, Any]], drafted_at: datetime | None, now: datetime) -> bool:
    """Is a picture not here yet whose file may tell something? Telegram takes that out of photos, not out of files."""
    if drafted_at is None or now - drafted_at > LONGEST_LOOK:
        return False
    return any(row["kind"] == "document" and row["content_here"] is False and row["error"] is None for row in shown)


# -- once a picture is here ------------------------------------------------------------------------------------------------


def examined(conn: sa.Connection, picture_id: int, now: datetime, far_km: float, reach: Reach) -> None:
    """An officer's picture has come, or never will: write down what it tells, and show a doubt under what is not sent yet."""
    picture = pictures.row_of(conn, picture_id)
    found = tickets.by_ids(conn, [picture["ticket_id"]]) if picture["ticket_id"] is not None else ()
    if not found:
        return
    case = case_of(found[0])
    if picture["error"] is not None:  # its history entry is written where it was given up
        _show(conn, case, picture, now, far_km, reach)
        return
    doubt = doubts_about(case, [picture], far_km)
    codes = {"media": str(picture_id), **_codes(seen_in(picture), doubt)}
    event = {"ticket_id": case.id, "kind": "photo_examined", "at": now, "actor": "office", "codes": codes}
    tickets.add_events(conn, [event])
    if doubt:
        _show(conn, case, picture, now, far_km, reach)


def _codes(seen: Seen, told: Sequence[PhotoDoubt]) -> dict[str, str]:
    early = any(one.taken_before is not None for one in told)
    away = next((one.away_km for one in told if one.away_km is not None), None)
    return {
        "time": "untold" if seen.taken_at is None else "before" if early else "fits",
        "place": "untold" if seen.place is None else "fits" if away is None else f"{away}km",
    }


def _show(
    conn: sa.Connection, case: Case, picture: Mapping[str, Any], now: datetime, far_km: float, reach: Reach
) -> None:
    waiting = sa.select(drafts).where(drafts.c.ticket_id == case.id, drafts.c.used_at.is_(None))
    directory = load_directory(conn, now)
    for draft in conn.execute(waiting).mappings():
        shown = of_draft(pictures.of_ticket(conn, case.id), dict(draft), case.id)
        if all(row["id"] != picture["id"] for row in shown):
            continue
        why = "photo_unreadable" if any(row["error"] is not None for row in shown) else None
        told = Facts(number=case.number, photo_doubts=doubts_about(case, shown, far_km), why=why)
        for message in _messages_about(conn, case, draft["id"]):
            line = render(language_of_chat(message.recipient, directory), "officer", "photo_doubts", told)
            queue(conn, reach, [_with_line(message, line, picture["id"])], now)


def _messages_about(conn: sa.Connection, case: Case, draft_id: int) -> list[OutboxRow]:
    """What shows the draft and stands, or will stand, in a chat; known by its buttons."""
    mine = sa.or_(buttons.c.argument == str(draft_id), buttons.c.argument.startswith(f"{draft_id}|"))
    tokens = set(conn.scalars(sa.select(buttons.c.token).where(buttons.c.ticket_id == case.id, mine)))
    shown = sa.select(outbox).where(outbox.c.ticket_id == case.id, outbox.c.template.in_(SHOWN_BY))
    rows = (outbox_row(row) for row in conn.execute(shown.order_by(outbox.c.id)))
    return [
        row
        for row in rows
        if row.outgoing is not None
        and row.outgoing.act is OutgoingAct.MESSAGE
        and any(button.token in tokens for line in row.outgoing.buttons for button in line)
    ]


def _with_line(message: OutboxRow, line: str, picture_id: int) -> NewRow:
    outgoing = message.outgoing
    if outgoing is None:
        raise ValueError("A message whose words are gone cannot be edited.")
    edit = replace(
        outgoing, act=OutgoingAct.EDIT, text=f"{outgoing.text}\n\n{line}", reply_to_id=None, force_reply=False
    )
    return NewRow(
        channel_id=message.channel_id,
        step_id=f"{message.step_id}:photo:{picture_id}",
        recipient=message.recipient,
        destination=message.destination,
        template=message.template,
        outgoing=edit,
        ticket_id=message.ticket_id,
        follows_step=message.step_id,
        supersede_key=message.step_id,
        urgent=True,
    )
