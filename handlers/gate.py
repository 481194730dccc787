"""The gate that messages pass twice: when they are queued, and in the transaction that takes them for sending.

Asks the rule of handlers/reach.py about rows of the outbox and writes what it says. Thereby two processes whose modes
differ are as silent as the more silent of them, and nothing written in the shadow waits there for a louder mode.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final

import sqlalchemy as sa

from handlers.reach import EVERYBODY, Leaving, Reach
from store import gathering, held, outbox
from store.held import Waiting
from store.outbox import NewRow
from store.vocabulary import Platform

LIST_STEP: Final = "gathered:"  # what the steps of lists of gathered news begin with (handlers/desk/crowds.py)


def queue(conn: sa.Connection, reach: Reach, rows: Sequence[NewRow], now: datetime) -> list[int]:
    """Add messages to the outbox, held at once where they may not leave; returns the ids of those that are new."""
    new = outbox.add(conn, rows, now)
    hold_back(conn, reach, new, now)
    return new


def hold_back(conn: sa.Connection, reach: Reach, row_ids: Collection[int], now: datetime) -> list[int]:
    """Hold those of the unsent rows that may not leave now; returns the ids of those that may, in order."""
    whys: dict[int, str] = {}
    going: list[Waiting] = []
    apart: list[int] = []  # of a list, each part is asked about alone
    for row in held.waiting(conn, row_ids):
        if row.step_id.startswith(LIST_STEP) and reach != EVERYBODY:
            apart.append(row.id)
            continue
        why = reach.why_held(_leaving(row))
        if why is None:
            going.append(row)
        else:
            whys[row.id] = why.value
    gathering.take_apart(conn, apart)
    held.hold(conn, whys, now)
    speaking = {row.ticket_id for row in going if row.ticket_id is not None and row.held and not row.released}
    if speaking:
        held.release(conn, speaking, now)  # it turned out to be of the district that is live
    return [row.id for row in going]


def _leaving(row: Waiting) -> Leaving:
    return Leaving(
        to_officers=row.platform is Platform.TELEGRAM,
        about_us=row.step_id.startswith("alarm:"),
        answers_officer=row.step_id.startswith("in:"),
        ticket_id=row.ticket_id,
        district=row.district,
        held=row.held,
        live_districts=row.live_districts,
        follows_held=row.follows_held,
        released=row.released,
    )
