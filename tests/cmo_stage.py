"""The officers' stage seen from the CMO desk: time passes, notices are delivered and pressed, a second clerk comes."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa
from officers_stage import CMO, DESKS, HISAR, KARNAL, NOW, POSTS, labels, numbers, token
from officers_stage import Office as OfficersOffice

from handlers.understanding.taxonomy import taxonomy
from store.db import reading, writing
from store.directory import load_directory
from store.directory_csv import import_posts
from store.invites import create_invite, redeem_invite
from store.outbound import Outgoing
from store.payloads import outgoing_from_json
from store.tables import outbox
from store.vocabulary import DeskVerb

__all__ = ["CMO", "DESKS", "HISAR", "KARNAL", "NOW", "Office", "labels", "numbers", "second_clerk", "token"]


class Office(OfficersOffice):
    """The same office, with what only the CMO desk needs."""

    def pass_time(self, by: timedelta) -> None:
        """Let time do what it does to tickets."""
        self.now += by
        while self.desk.hear_time():
            pass

    def newest(self, template: str) -> Outgoing:
        """The newest message of a template, as it was queued first."""
        with reading(self.engine) as conn:
            query = sa.select(outbox.c.payload).where(outbox.c.template == template).order_by(outbox.c.id.desc())
            return outgoing_from_json(conn.scalars(query.limit(1)).one())

    def deliver(self, message: Outgoing) -> str:
        """Take a message for delivered; the number of it in its chat."""
        return self._deliver(message)

    def press_under(self, who: str, chat: str, token: str, message_id: str) -> list[Outgoing]:
        """What the bot answers to a press under one message."""
        press = {"press_id": f"p{next(self.ids)}", "press_data": token, "message_id": message_id}
        return self._answers(self._update(who, chat, DeskVerb.PRESSED, **press))


def second_clerk(office: Office) -> None:
    """Another person at the CMO desk, linked."""
    known = taxonomy()
    more = POSTS + "cmo-desk-2,CMO Desk 2,cmo_desk,,3,*,cmo,Second\n"
    with writing(office.engine) as conn:
        import_posts(conn, more, now=office.now, known_departments=known.departments, known_districts=known.districts)
        for post in load_directory(conn, office.now).posts.values():
            for officer in post.holders:
                if officer.name == "Second":
                    office.users["Second"] = str(5000 + officer.id)
                    token = create_invite(conn, officer.id, office.now, timedelta(days=1))
                    redeem_invite(conn, token, office.users["Second"], office.now)
