"""A desk in a storm: complaints are decided as ever, and what is said of them goes to an emulated Telegram by the clock.

The emulator keeps Telegram's own limits: 20 messages a minute to a group, five within five seconds. Its clock is the
office's and is moved by hand, second by second, so that half an hour of a desk takes seconds here.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from officers_stage import CMO, HISAR, Office
from telegram_stage import TelegramStage, telegram_stage

from bot.delivery import Delivery, DeliveryPolicy
from store import channels, inbox, outbox
from store.db import reading, writing
from store.directory import bind_desk, move_chat
from store.outbound import Outgoing
from store.outbox import OutboxRow
from store.tables import attempts, desks, officers, tickets
from store.vocabulary import DeliveryState, OutgoingAct, Sensitivity

SECOND = timedelta(seconds=1)
NUMBER = re.compile(r"HRY26-\d{6}-\d")


class Storm(Office):
    """The office of officers_stage; its water desk in Hisar is the emulator's group."""

    def __init__(self, engine: sa.Engine, stage: TelegramStage, cmo: int) -> None:
        super().__init__(engine)
        self.stage, self.group, self.cmo = stage, stage.desk, cmo
        self.now = stage.world.clock.now()
        with writing(engine) as conn:
            move_chat(conn, HISAR, str(stage.desk))
            move_chat(conn, CMO, str(cmo))
        self.made: list[Delivery] = []
        self.delivery = self.deliverer()
        self._offset: str | None = None

    def deliverer(self, **more: Any) -> Delivery:
        """A sender of the bot's channel; only one at a time has the lane."""
        with reading(self.engine) as conn:
            channel = next(one for one in channels.all_channels(conn) if one.id == self.telegram)
        policy = DeliveryPolicy(standby=0.0, tick=0.05, seed=1)
        made = Delivery(self.engine, self.stage.world.clock, channel, self.stage.port, policy, **more)
        self.made.append(made)
        return made

    def link(self, user: int, name: str) -> None:
        """An officer of the directory is this person of the emulator."""
        with writing(self.engine) as conn:
            conn.execute(sa.update(officers).where(officers.c.name == name).values(telegram_user_id=str(user)))
        self.users[name] = str(user)
        self.stage.telegram.open_chat(user)

    def seat(self, desk: str, chat: int, topic: int | None = None) -> None:
        """A desk sits in this chat or topic from now on."""
        with writing(self.engine) as conn:
            conn.execute(sa.update(desks).where(desks.c.code == desk).values(chat_id=None))
            bind_desk(conn, desk, str(chat), str(topic) if topic else None)

    def forget_updates(self) -> None:
        """What Telegram had to tell the bot is lost."""
        self.stage.telegram.bots[self.stage.bot].updates.clear()

    def open_topic(self, name: str) -> None:
        """A person opens a closed topic again; Telegram tells a bot of it, if at all, without a message of ours."""
        topics = self.stage.telegram.groups[self.group].topics
        topics[self.stage.telegram.topics(self.group)[name]].is_closed = False

    def make_sensitive(self, at: int) -> str:
        """A ticket turns out to be sensitive; returns its number."""
        with writing(self.engine) as conn:
            row = conn.execute(sa.select(tickets.c.id, tickets.c.number).order_by(tickets.c.id)).all()[at]
            hidden = sa.update(tickets).where(tickets.c.id == row.id)
            conn.execute(hidden.values(sensitivity=Sensitivity.SENSITIVE))
        return str(row.number)

    def number_of(self, ticket_id: int | None) -> str:
        with reading(self.engine) as conn:
            return str(conn.scalar(sa.select(tickets.c.number).where(tickets.c.id == ticket_id)))

    def accept_privately(self, number: str) -> None:
        """The officer opens the ticket in a private chat and accepts it there."""
        card = self.write("Nodal Hisar", "private", f"/ticket {number}")[0]
        token = next(one.token for line in card.buttons for one in line if one.text == "Accept")
        self.press("Nodal Hisar", "private", token)

    def edit_of(self, row: OutboxRow) -> Outgoing:
        """An edit of this row's message."""
        return Outgoing(act=OutgoingAct.EDIT, text="changed", thread_id=row.thread)

    async def second(self) -> None:
        """Decide, send and let one second pass."""
        self.decide()
        while await self.delivery.send_due():
            pass
        self.wait_until(self.now + SECOND)

    async def until(self, done: Callable[[], bool], most: timedelta = timedelta(hours=2)) -> timedelta:
        """Let time pass, from one moment at which something is due to the next, until that is so; returns how much."""
        began = self.now
        while not done():
            assert self.now - began < most, "it never happened"
            await self.second()
            due = self.delivery.next_due()
            if due is not None and due > self.now:
                self.wait_until(due)
        return self.now - began

    def wait_until(self, moment: datetime) -> None:
        """The clock goes on to that moment."""
        self.stage.world.clock.advance_to(moment)
        self.now = moment

    def post(self, district: str, many: int = 1, words: str = "me 3 din se pani nahi aa raha") -> None:
        """Complaints that come in together."""
        self.complain(district, many, words)

    async def hear(self) -> None:
        """Take what happened in the groups into the inbox and decide it."""
        for batch in await self.stage.batches(self._offset):
            self._offset = batch.cursors.get("offset", self._offset)
            with writing(self.engine) as conn:
                inbox.put(conn, self.telegram, batch.events, {}, self.now)
        self.decide()

    def standing(self, chat: int | None = None) -> list[dict[str, Any]]:
        """The bot's messages in a group, as everybody there sees them."""
        shown = self.stage.telegram.messages(chat or self.group)
        return [one for one in shown if one["from_bot"]]

    def told(self, chat: int | None = None) -> set[str]:
        """The numbers that a group was told."""
        return {number for one in self.standing(chat) for number in NUMBER.findall(one["text"])}

    def waiting(self) -> int:
        with reading(self.engine) as conn:
            counts = outbox.count_by_state(conn, self.telegram)
        return counts[DeliveryState.PENDING] + counts[DeliveryState.RETRY]

    def refused(self) -> int:
        """How often Telegram asked to slow down."""
        with reading(self.engine) as conn:
            slowed = sa.select(sa.func.count()).where(attempts.c.error_code == "telegram:429")
            return int(conn.execute(slowed).scalar_one())

    def when(self, chat: int, words: str) -> datetime:
        """When the first message with these words came into a group."""
        return min(datetime.fromisoformat(one["sent_at"]) for one in self.standing(chat) if words in one["text"])


@asynccontextmanager
async def desk_storm(engine: sa.Engine, **more: Any) -> AsyncIterator[Storm]:
    """The office and its emulated groups."""
    async with telegram_stage(**more) as stage:
        cmo = stage.telegram.add_group("CMO", members=[stage.kavita], supergroup=True)
        stage.telegram.bots[stage.bot].updates.clear()
        storm = Storm(engine, stage, cmo)
        try:
            yield storm
        finally:
            for delivery in storm.made:
                await delivery.release()
