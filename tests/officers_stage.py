"""A water department in two districts, its head, a police head and the CMO, on Telegram, at the level of the desk.

Updates go into the inbox and are decided; what is queued for the outbox is what the bot would answer.
"""

from __future__ import annotations

import itertools
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from handlers.desk.batch import Desk
from handlers.policy import Policy
from handlers.understanding.taxonomy import taxonomy
from store import channels, inbox
from store.db import reading, writing
from store.directory import load_directory
from store.directory_csv import import_desks, import_posts
from store.inbound import Attachment, Author, DeskUpdate, Inbound
from store.invites import create_invite, redeem_invite
from store.outbound import Outgoing
from store.payloads import outgoing_from_json
from store.tables import outbox, tickets
from store.vocabulary import DeskVerb, InboundVerb, InboxState, Platform

NOW = datetime(2026, 11, 23, 5, tzinfo=UTC)  # a Monday, half past ten
HISAR, KARNAL, CMO, PWD = "-1001", "-1002", "-1003", "-1004"
DESKS = f"""desk,title,language,chat_id,topic_id
phed-hisar,Water Hisar,en,{HISAR},
phed-karnal,Water Karnal,en,{KARNAL},
cmo,CMO,en,{CMO},
pwd-hisar,Roads Hisar,en,{PWD},
"""
POSTS = """post,title,role,department,level,districts,desk,officer
phed-hisar,JE Hisar,nodal_officer,phed,0,Hisar,phed-hisar,Nodal Hisar
phed-field,JE Ward 5,field_officer,phed,0,Hisar,,Field Hisar
phed-karnal,JE Karnal,nodal_officer,phed,0,Karnal,phed-karnal,Nodal Karnal
pwd-hisar,XEN Roads,nodal_officer,pwd,0,Hisar,pwd-hisar,Nodal PWD
phed-head,Chief Engineer,department_head,phed,2,*,,Head
police-head,ADGP,department_head,police,2,*,,Police Head
cmo-desk,CMO Desk,cmo_desk,,3,*,cmo,Clerk
cmo-viewer,OSD,cmo_viewer,,3,*,cmo,Viewer
"""
MAGISTRATE = "hisar-cm,City Magistrate Hisar,district_nodal,,1,Hisar,,Magistrate\n"
NUMBER = re.compile(r"HRY26-\d{6}-\d")


class Office:
    """The water department in two districts, its head, a police head and the CMO, all linked."""

    def __init__(self, engine: sa.Engine, more_posts: str = "", more_desks: str = "") -> None:
        self.engine, self.now, self.ids = engine, NOW, itertools.count(1)
        self.desk = Desk(engine, lambda: self.now, Policy())
        self.next_author = ""  # who complains next, where it must be somebody known
        known = taxonomy()
        self.users: dict[str, str] = {}
        with writing(engine) as conn:
            self.x = channels.register(conn, "cmohry", Platform.X, "900", "cmohry").id
            self.telegram = channels.register(conn, "desk", Platform.TELEGRAM, "7", "smgt_bot").id
            import_desks(conn, DESKS + more_desks, now=NOW)
            import_posts(
                conn,
                POSTS + more_posts,
                now=NOW,
                known_departments=known.departments,
                known_districts=known.districts,
            )
            for post in load_directory(conn, NOW).posts.values():
                for officer in post.holders:
                    self.users[officer.name] = str(5000 + officer.id)
                    token = create_invite(conn, officer.id, NOW, timedelta(days=1))
                    redeem_invite(conn, token, self.users[officer.name], NOW)

    def complain(self, district: str, many: int = 1, words: str = "me 3 din se pani nahi aa raha") -> None:
        for _ in range(many):
            serial = next(self.ids)
            author = Author(self.next_author or f"c{serial}", f"u{serial}", "A citizen")
            event = Inbound(
                key=f"10{serial:06}:0", verb=InboundVerb.POSTED, platform=Platform.X, message_id=f"10{serial:06}",
                thread_id=f"10{serial:06}", occurred_at=self.now, author=author,
                text=f"{district} {words}, gali {serial}", mentions_us=True,
            )  # fmt: skip
            self._put(self.x, event)
        self.decide()

    def say(self, author: str, text: str, *, thread_id: str | None = None) -> None:
        """The author of the only complaint (or of that in `thread_id`) answers under it."""
        if thread_id is None:
            with reading(self.engine) as conn:
                thread_id = conn.execute(sa.select(tickets.c.thread_id)).scalar_one()
        serial = next(self.ids)
        event = Inbound(
            key=f"10{serial:06}:0", verb=InboundVerb.POSTED, platform=Platform.X, message_id=f"10{serial:06}",
            thread_id=thread_id, occurred_at=self.now, author=Author(author, "u", "A citizen"), text=text,
            reply_to_id=thread_id, mentions_us=True,
        )  # fmt: skip
        self._put(self.x, event)
        self.decide()

    def write(self, who: str | None, chat: str, text: str) -> list[Outgoing]:
        """What the bot answers to words in a chat (`private` is the writer's own)."""
        return self._answers(self._update(who, chat, DeskVerb.WROTE, text=text, message_id=str(next(self.ids))))

    def reply(
        self, who: str, chat: str, to: Outgoing, text: str, *,
        photo: bool = False, sent: Attachment | None = None, album: str | None = None,
    ) -> list[Outgoing]:  # fmt: skip
        """What the bot answers to a reply under one of its messages, which is taken for delivered first."""
        message = self._delivered(to) or self._deliver(to)
        attachment = sent or (Attachment("photo", ref=f"photo-{next(self.ids)}") if photo else None)
        update = self._update(
            who, chat, DeskVerb.WROTE, text=text, message_id=str(next(self.ids)), reply_to_id=message,
            attachments=(attachment,) if attachment else (), album_id=album,
        )  # fmt: skip
        return self._answers(update)

    def _delivered(self, message: Outgoing) -> str | None:
        with reading(self.engine) as conn:
            rows = conn.execute(sa.select(outbox.c.sent_id, outbox.c.payload).where(outbox.c.sent_id.is_not(None)))
            return next((row.sent_id.split(":")[1] for row in rows if outgoing_from_json(row.payload) == message), None)

    def notice(self) -> Outgoing:
        """The newest notice of a ticket."""
        with reading(self.engine) as conn:
            query = sa.select(outbox.c.payload).where(outbox.c.template == "notice").order_by(outbox.c.id.desc())
            return outgoing_from_json(conn.scalars(query.limit(1)).one())

    def _deliver(self, message: Outgoing) -> str:
        number = str(next(self.ids))
        with writing(self.engine) as conn:
            rows = conn.execute(sa.select(outbox.c.id, outbox.c.payload).order_by(outbox.c.id.desc())).all()
            row = next(row for row in rows if outgoing_from_json(row.payload) == message)
            sent = {"state": "sent", "sent_id": f"{message.thread_id}:{number}", "sent_at": self.now}
            conn.execute(outbox.update().where(outbox.c.id == row.id).values(**sent))
        return number

    def press(self, who: str, chat: str, token: str) -> list[Outgoing]:
        """What the bot answers to a press."""
        return self._answers(
            self._update(who, chat, DeskVerb.PRESSED, press_id=f"p{next(self.ids)}", press_data=token, message_id="9")
        )

    def _update(self, who: str | None, chat: str, verb: DeskVerb, **more: Any) -> DeskUpdate:
        user = self.users.get(who or "", "4999")
        return DeskUpdate(
            key=f"7:{next(self.ids)}", verb=verb, occurred_at=self.now, chat_id=user if chat == "private" else chat,
            chat_kind="private" if chat == "private" else "supergroup", author=Author(user, "", who or "Nobody"), **more,
        )  # fmt: skip

    def _answers(self, update: DeskUpdate) -> list[Outgoing]:
        with reading(self.engine) as conn:
            before = conn.scalar(sa.select(sa.func.max(outbox.c.id))) or 0
        self._put(self.telegram, update)
        self.decide()
        with reading(self.engine) as conn:
            rows = conn.scalars(sa.select(outbox.c.payload).where(outbox.c.id > before).order_by(outbox.c.id))
            return [outgoing_from_json(payload) for payload in rows]

    def _put(self, channel: int, event: Inbound | DeskUpdate) -> None:
        with writing(self.engine) as conn:
            inbox.put(conn, channel, [event], {}, self.now)

    def decide(self) -> None:
        while self.desk.decide_batch():
            pass
        with reading(self.engine) as conn:
            assert inbox.count_by_state(conn).get(InboxState.PARKED, 0) == 0


def numbers(answers: list[Outgoing]) -> list[str]:
    """The tickets that the first answer lists."""
    return NUMBER.findall(answers[0].text)


def labels(answer: Outgoing) -> list[str]:
    return [button.text for line in answer.buttons for button in line]


def token(answer: Outgoing, label: str) -> str:
    return next(button.token for line in answer.buttons for button in line if button.text == label)
