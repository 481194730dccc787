"""Transcripts of the demo's tickets as text files: what the citizen said, what the office said, what officers did.

Owns the form of these files; personal text leaves the database here only because everybody in the demo is invented.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import sqlalchemy as sa

from bot.demo.stage import Stage
from handlers.time_limits import OFFICE_ZONE
from store.db import reading
from store.payloads import outgoing_from_json
from store.tables import channels, events, outbox, tickets, transcript
from store.vocabulary import Platform


def write_transcripts(stage: Stage, folder: Path) -> int:
    """One file per ticket, named by its number; returns how many."""
    folder.mkdir(parents=True, exist_ok=True)
    lines: dict[int, list[tuple[str, int, str]]] = {}
    with reading(stage.office.engine) as conn:
        numbers = {row.id: row.number for row in conn.execute(sa.select(tickets.c.id, tickets.c.number))}
        for row in conn.execute(sa.select(transcript).where(transcript.c.ticket_id.is_not(None))):
            words = row.text if row.text is not None else "(words withdrawn)"
            lines.setdefault(row.ticket_id, []).append((_at(row.occurred_at), 0, f"{row.speaker}: {words}"))
        for row in conn.execute(sa.select(events).where(events.c.ticket_id.is_not(None))):
            lines.setdefault(row.ticket_id, []).append((_at(row.at), 1, f"[{row.kind}]"))
        public = (
            sa.select(outbox)
            .join(channels, channels.c.id == outbox.c.channel_id)
            .where(channels.c.platform != Platform.TELEGRAM.value, outbox.c.ticket_id.is_not(None))
        )
        for row in conn.execute(public):
            text = outgoing_from_json(row.payload).text if row.payload else "(erased)"
            lines.setdefault(row.ticket_id, []).append(
                (_at(row.sent_at or row.created_at), 2, f"office ({row.state}): {text}")
            )
    for ticket_id, spoken in lines.items():
        body = "\n".join(f"{at}  {line}" for at, _, line in sorted(spoken))
        (folder / f"{numbers[ticket_id]}.txt").write_text(f"{numbers[ticket_id]}\n\n{body}\n", encoding="utf-8")
    return len(lines)


def _at(moment: datetime) -> str:
    return moment.astimezone(OFFICE_ZONE).strftime("%Y-%m-%d %H:%M:%S")
