"""What people said complaints are about: labels that teach the understanding.

Owns the SQL around labels. It must not know what is learned from them. The words stand in the transcript alone, so a
label whose post was deleted or whose writer was forgotten has none and is left out; so is that of a sensitive ticket.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from store.tables import labels, tickets, transcript
from store.vocabulary import Sensitivity


def add(conn: sa.Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Keep labels; keys are the columns' names."""
    if rows:
        conn.execute(labels.insert(), list(rows))


def with_words(conn: sa.Connection) -> list[Mapping[str, Any]]:
    """Every label with the first post of its ticket (`text`, `language`, `category`, `district`, `department`, `told_by`).

    Oldest first. The words are the citizen's own: mask them before they leave.
    """
    newest = (
        sa.select(transcript.c.ticket_id, sa.func.max(transcript.c.version).label("version"))
        .join(
            tickets, (tickets.c.id == transcript.c.ticket_id) & (tickets.c.first_message_id == transcript.c.message_id)
        )
        .where(transcript.c.speaker == "citizen")
        .group_by(transcript.c.ticket_id)
        .subquery()
    )
    query = (
        sa.select(
            labels.c.told_by,
            labels.c.category,
            labels.c.district,
            labels.c.department,
            transcript.c.text,
            tickets.c.language,
        )
        .join(tickets, tickets.c.id == labels.c.ticket_id)
        .join(newest, newest.c.ticket_id == tickets.c.id)
        .join(
            transcript,
            (transcript.c.ticket_id == tickets.c.id)
            & (transcript.c.message_id == tickets.c.first_message_id)
            & (transcript.c.version == newest.c.version)
            & (transcript.c.speaker == "citizen"),
        )
        .where(transcript.c.text.is_not(None), tickets.c.sensitivity != Sensitivity.SENSITIVE)
        .order_by(labels.c.id)
    )
    return [dict(row) for row in conn.execute(query).mappings()]
