"""What a person sees of the demo: a timeline, a progress bar, a closing table.

rich on a terminal, plain lines elsewhere; 80 columns. Owns looks only.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from bot.demo.stage import Stage
from bot.demo.truth import Tally
from handlers.time_limits import OFFICE_ZONE
from handlers.understanding.taxonomy import taxonomy
from store.db import reading
from store.payloads import outgoing_from_json
from store.tables import channels, events, outbox, tickets, transcript
from store.vocabulary import Language, Platform

if TYPE_CHECKING:
    from bot.demo.day import Played

SHOWN_EVENTS = {
    "opened": "ticket opened",
    "assigned": "sent to",
    "accepted": "accepted by",
    "forwarded": "forwarded to",
    "disposed": "answered by",
    "closed": "closed",
    "reopened": "REOPENED, same number, back to",
    "escalated": "late: a senior officer is told at",
    "to_triage": "to the CMO desk",
    "withdrawn": "withdrawn",
    "danger_told": "EMERGENCY",
}
WIDTH = 80
Line = tuple[datetime, int, str]  # when, its place within that moment, the line


class Show:
    """Prints what happens. `quiet` prints nothing (for --json)."""

    def __init__(self, *, quiet: bool = False) -> None:
        self.console = Console(quiet=quiet, highlight=False, soft_wrap=False)
        self.live = self.console.is_terminal and not quiet
        self._seen_event = 0
        self._seen_words = 0
        self._seen_message = 0
        self._progress: Progress | None = None
        self._task: TaskID | None = None

    @contextmanager
    def progress(self, total: int, what: str) -> Iterator[None]:
        """A bar over `total` things; plain output prints nothing of it."""
        if not self.live:
            yield
            return
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=self.console, transient=True) as self._progress:
            self._task = self._progress.add_task(what, total=total)
            yield
        self._progress = None

    def step(self) -> None:
        """One thing of the bar is done."""
        if self._progress is not None and self._task is not None:
            self._progress.advance(self._task)

    def say(self, text: str = "") -> None:
        """A line of its own."""
        self.console.print(text)

    def follow(self, stage: Stage, *, sample: int) -> None:
        """Print what has happened since the last look: every `sample`-th ticket's story, line by line."""
        with reading(stage.office.engine) as conn:
            lines = [*self._words(conn, sample), *self._events(conn, sample), *self._messages(conn, sample)]
        for _, _, line in sorted(lines, key=lambda one: one[:2]):
            self.console.print(_cut(line), markup=False)

    def _words(self, conn: sa.Connection, sample: int) -> Iterator[Line]:
        query = (
            sa.select(
                transcript.c.id, transcript.c.occurred_at, transcript.c.text, transcript.c.platform, tickets.c.number
            )
            .join(tickets, tickets.c.id == transcript.c.ticket_id)
            .where(transcript.c.id > self._seen_words, transcript.c.speaker == "citizen")
            .order_by(transcript.c.id)
        )
        for row in conn.execute(query):
            self._seen_words = row.id
            if _serial(row.number) % sample == 0 and row.text:
                yield row.occurred_at, 0, f"{_clock(row.occurred_at)} {_where(row.platform)} citizen: {row.text}"

    def _events(self, conn: sa.Connection, sample: int) -> Iterator[Line]:
        query = (
            sa.select(
                events.c.id, events.c.at, events.c.kind, tickets.c.number, tickets.c.department, tickets.c.district
            )
            .join(tickets, tickets.c.id == events.c.ticket_id)
            .where(events.c.id > self._seen_event)
            .order_by(events.c.id)
        )
        for row in conn.execute(query):
            self._seen_event = row.id
            if row.kind in SHOWN_EVENTS and _serial(row.number) % sample == 0:
                what = f"{SHOWN_EVENTS[row.kind]}{_office(row.kind, row.department, row.district)}"
                yield row.at, 0 if row.kind == "opened" else 1, f"{_clock(row.at)}    {row.number} {what}"

    def _messages(self, conn: sa.Connection, sample: int) -> Iterator[Line]:
        query = (
            sa.select(outbox.c.id, outbox.c.sent_at, outbox.c.payload, tickets.c.number, channels.c.platform)
            .join(tickets, tickets.c.id == outbox.c.ticket_id)
            .join(channels, channels.c.id == outbox.c.channel_id)
            .where(outbox.c.id > self._seen_message, channels.c.platform != Platform.TELEGRAM.value)
            .where(outbox.c.sent_at.is_not(None), outbox.c.payload.is_not(None))
            .order_by(outbox.c.id)
        )
        for row in conn.execute(query):
            self._seen_message = max(self._seen_message, row.id)
            if _serial(row.number) % sample == 0:
                text = outgoing_from_json(row.payload).text
                yield row.sent_at, 2, f"{_clock(row.sent_at)} {_where(row.platform)} office: {text}"

    def close(self, tallies: Sequence[Tally], stories: Played | None, digests: Sequence[Path], folder: Path) -> None:
        """The closing table and where things lie."""
        table = self._table("What came of it")
        for label, value in self._rows(tallies):
            table.add_row(label, value)
        if stories is not None:
            passed = stories.stories - min(stories.stories, len(stories.failures))
            table.add_row("Stories that went as told", f"{passed} of {stories.stories}")
        self.console.print(table)
        departments: Counter[str] = Counter()
        for tally in tallies:
            departments.update(dict(tally.by_department))
        offices = self._table("Tickets by department")
        for code, count in departments.most_common(12):
            offices.add_row(taxonomy().departments[code].short(Language.EN), str(count))
        self.console.print(offices)
        for path in digests:
            self.console.print(f"Digest: {path}", markup=False)
        self.console.print(f"Database and transcripts: {folder}", markup=False)

    def _table(self, title: str) -> Table:
        table = Table(title=title, width=min(WIDTH, self.console.width), show_header=False)
        table.add_column(ratio=3)
        table.add_column(justify="right", ratio=1)
        return table

    def _rows(self, tallies: Sequence[Tally]) -> Iterator[tuple[str, str]]:
        seconds = next((tally.median_reply_seconds for tally in tallies), None)
        labels = {
            "posts": "Posts read",
            "complaints": "Complaints among them",
            "tickets": "Tickets",
            "replies": "Replies on X and Facebook",
            "disposed": "Disposed by officers",
            "satisfied": "Citizens satisfied",
            "reopened": "Reopened under the same number",
            "escalated": "Escalated to the next level",
            "lost": "Posts lost",
            "doubled": "Replies or tickets doubled",
        }
        for name, label in labels.items():
            yield label, str(sum(getattr(tally, name) for tally in tallies))
        yield "Median time to the first reply (office clock)", "-" if seconds is None else f"{seconds:.0f} s"


def _clock(moment: datetime) -> str:
    return moment.astimezone(OFFICE_ZONE).strftime("%a %H:%M")


def _where(platform: str) -> str:
    return "X " if platform == Platform.X.value else "FB"


def _cut(line: str) -> str:
    """One line of the terminal."""
    line = " ".join(line.split("\n"))
    return line if len(line) <= WIDTH else line[: WIDTH - 1].rstrip() + "…"


def _serial(number: str) -> int:
    return int(number.split("-")[1])


def _office(kind: str, department: str | None, district: str | None) -> str:
    if kind in ("opened", "closed", "withdrawn", "to_triage", "danger_told") or department is None:
        return ""
    name = taxonomy().departments[department].short(Language.EN)
    return f" {name}{', ' + district if district else ''}"
