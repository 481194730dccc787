"""A stage whose every request is seen on the wire, and an office that starts again in another mode.

Owns telling a request that writes from one that reads, by the platforms' own words.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import sqlalchemy as sa
from starlette.types import ASGIApp, Receive, Scope, Send

from bot.app import Office, open_store
from bot.demo.people import Citizens, Officers
from bot.demo.stage import HASTE, Stage, stage
from bot.settings import load_settings
from handlers.case import Case
from handlers.desk.addresses import language_of_chat
from handlers.desk.rows import case_of
from handlers.facts import Facts
from handlers.render import render
from store import outbox, tickets
from store.db import reading, writing
from store.outbox import OutboxRow
from store.outbox_by_hand import retry_by_hand
from store.tables import attempts
from store.tables import outbox as outbox_table
from store.vocabulary import DeliveryState, Platform

PARTS = timedelta(minutes=4)  # longer than the parts of one complaint are waited for
READS = ("getMe", "getUpdates", "getFile", "getWebhookInfo")  # Telegram is asked everything by POST


@dataclass
class Wire:
    """Counts what reaches the emulated platforms, before they answer it."""

    inner: ASGIApp
    written: list[str] = field(default_factory=list)
    read: int = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            self._note(scope["method"], scope["path"])
        await self.inner(scope, receive, send)

    def take(self) -> list[str]:
        """What was written since the last look."""
        found, self.written = self.written, []
        return found

    def _note(self, method: str, path: str) -> None:
        last = path.rpartition("/")[2]
        if method == "GET" or (path.startswith("/telegram/") and last in READS):
            self.read += 1
        else:
            self.written.append(f"{method} {last}")


@dataclass
class Play:
    """A stage, its wire, and short words for what the tests do."""

    stage: Stage
    wire: Wire

    @property
    def citizens(self) -> Citizens:
        return Citizens(self.stage)

    @property
    def officers(self) -> Officers:
        return Officers(self.stage)

    async def restart(self, mode: str) -> None:
        """Stop `smgt run`, set SMGT_MODE, start it again."""
        await self.stage.office.close()
        loaded = load_settings({**self.stage.urls, "SMGT_MODE": mode})
        self.stage.office = Office(open_store(loaded), self.stage.sandbox.world.clock, loaded, delivery_policy=HASTE)
        await self.stage.office.connect()
        await self.stage.office.settle()

    async def say(self, who: str, text: str, *, to: str | None = None, platform: Platform = Platform.X) -> str:
        """A citizen posts or replies; it is heard and decided. Returns the post's id."""
        of = self.citizens
        post = of.reply(platform, who, who, text, to) if to else of.post(platform, who, who, text)
        await self.stage.hear(platform)
        await self.stage.pass_time(PARTS)
        return post

    def case(self, post: str, platform: Platform = Platform.X) -> Case:
        """The ticket of the thread that a post began."""
        with reading(self.stage.office.engine) as conn:
            (row,) = tickets.in_threads(conn, [(platform, post)])
        return case_of(row)

    def rows(self, *states: DeliveryState, ticket: int | None = None) -> list[OutboxRow]:
        """The outbox's rows in these states (all, if none is named)."""
        with reading(self.stage.office.engine) as conn:
            return outbox.list_rows(conn, states=states or None, ticket_id=ticket, limit=10_000)

    def sent_since(self, since: datetime, **of: int | None) -> list[str]:
        """The templates of what was sent after a moment; of one ticket, or of none, if `ticket` is given."""
        return [
            row.template
            for row in self.rows(DeliveryState.SENT)
            if row.sent_at is not None and row.sent_at > since and row.ticket_id == of.get("ticket", row.ticket_id)
        ]

    def tried(self) -> list[int | None]:
        """The ticket of every request that was made to send something."""
        wanted = sa.select(outbox_table.c.ticket_id).join(attempts, attempts.c.outbox_id == outbox_table.c.id)
        with reading(self.stage.office.engine) as conn:
            return list(conn.scalars(wanted))

    async def retry(self, row_id: int) -> list[str]:
        """`smgt outbox retry` of one message; what was written thereupon."""
        with writing(self.stage.office.engine) as conn:
            assert retry_by_hand(conn, row_id, self.stage.now)
        await self.stage.office.settle()
        return self.wire.take()

    def accept_label(self, case: Case) -> str:
        """The words on the button that accepts a ticket, in the language of its office's chat."""
        language = language_of_chat(str(self.officers.notice(case).chat), self.stage.directory)
        return render(language, "officer", "button", Facts(why="accept"))

    def templates(self, *states: DeliveryState, ticket: int | None = None) -> list[str]:
        return [row.template for row in self.rows(*states, ticket=ticket)]

    def whys(self, ticket: int | None = None) -> set[str | None]:
        return {row.error_code for row in self.rows(DeliveryState.HELD, ticket=ticket)}


@asynccontextmanager
async def playing(folder: Path, engine: sa.Engine, mode: str) -> AsyncIterator[Play]:
    """An office in this mode on the emulated platforms, with the engine's database."""
    url = engine.url.render_as_string(hide_password=False)
    async with stage(folder, database_url=url, settings={"SMGT_MODE": mode}) as ready:
        app = ready.sandbox.app
        assert app.middleware_stack is not None, "the sandbox has answered before"
        wire = app.middleware_stack = Wire(app.middleware_stack)
        try:
            yield Play(ready, wire)
        finally:
            await ready.office.close()
