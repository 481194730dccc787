"""What speech reads and writes in the tables, in the caller's transaction.

Owns the SQL around messages that are being made: what was heard and said before, what is queued, what is held back. It
decides nothing and renders nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from handlers.case import Case
from handlers.desk.stopped import ABOUT_SILENCE
from handlers.gate import queue
from handlers.reach import Reach
from store import outbox, pacing, pictures, rewinding, sending, tickets
from store.alarms import raise_alarm
from store.outbox import SHOWN, NewRow
from store.payloads import outgoing_from_json
from store.rewinding import FoundWords
from store.tables import buttons, channels
from store.tables import outbox as outbox_table
from store.vocabulary import DeliveryState, Platform

SAID_LATELY = timedelta(days=7)  # within which a platform takes the same words for a mistake
LATELY = timedelta(days=365)
NEVER_SAID = (DeliveryState.CANCELLED, DeliveryState.SUPERSEDED, DeliveryState.PARKED)


class Papers:
    """The papers of one batch."""

    def __init__(self, conn: sa.Connection, reach: Reach, now: datetime) -> None:
        self._conn = conn
        self._reach = reach
        self._now = now

    def transcripts(self, ticket_ids: Iterable[int]) -> Sequence[Mapping[str, Any]]:
        """What was heard about these tickets, oldest first."""
        return tickets.words_of(self._conn, ticket_ids)

    def earlier(self, account_ids: Iterable[int]) -> Sequence[tickets.Earlier]:
        """The tickets of these writers of the last year, the newest first."""
        return tickets.earlier_of(self._conn, account_ids, self._now - LATELY)

    def standing(self, step_ids: Iterable[str]) -> Iterator[tuple[str, str]]:
        """Which of these steps have a message in the outbox, and for which recipient.

        One that was told in a list has none, until its card was shown.
        """
        wanted = sorted(set(step_ids))
        card = outbox_table.alias("card")
        has_card = sa.exists().where(
            card.c.ticket_id == outbox_table.c.ticket_id,
            card.c.recipient == outbox_table.c.recipient,
            card.c.supersede_key == sa.literal(SHOWN) + outbox_table.c.step_id,
        )
        if wanted:
            found = sa.select(outbox_table.c.step_id, outbox_table.c.recipient)
            stands = sa.or_(outbox_table.c.gathered_into.is_(None), has_card)
            for row in self._conn.execute(found.where(outbox_table.c.step_id.in_(wanted), stands)):
                yield row.step_id, row.recipient

    def said(self, ticket_ids: Iterable[int]) -> Iterator[tuple[int, str]]:
        """What was said in public about these tickets in the last days: ticket and words."""
        wanted = sorted(set(ticket_ids))
        if wanted:
            yield from self._said_lately(outbox_table.c.ticket_id.in_(wanted))

    def said_without_ticket(self, account_id: int | None, destination: str, template: str) -> Iterator[tuple[int, str]]:
        """The same for words to an account or in a thread that are about no one ticket; their ticket is 0."""
        there = outbox_table.c.destination == destination
        heard = there if account_id is None else sa.or_(outbox_table.c.account_id == account_id, there)
        yield from self._said_lately(outbox_table.c.ticket_id.is_(None), heard, outbox_table.c.template == template)

    def _said_lately(self, *about: sa.ColumnElement[bool]) -> Iterator[tuple[int, str]]:
        found = (
            sa.select(outbox_table.c.ticket_id, outbox_table.c.payload)
            .join(channels, channels.c.id == outbox_table.c.channel_id)
            .where(
                *about,
                channels.c.platform != Platform.TELEGRAM,
                sa.or_(outbox_table.c.sent_at.is_(None), outbox_table.c.sent_at > self._now - SAID_LATELY),
                outbox_table.c.state.not_in(NEVER_SAID),
                outbox_table.c.payload.is_not(None),
            )
        )
        for row in self._conn.execute(found):
            yield row.ticket_id or 0, outgoing_from_json(row.payload).text

    def keep(self, messages: Sequence[NewRow], new_buttons: Sequence[Mapping[str, Any]]) -> list[int]:
        """Queue the messages and make their buttons known; returns the ids of the messages that are new."""
        if new_buttons:
            self._conn.execute(buttons.insert(), list(new_buttons))
        return queue(self._conn, self._reach, messages, self._now)

    def hurry(self, channel_id: int, destinations: Iterable[str]) -> None:
        """What waits ahead of urgent words in their order goes with them."""
        pacing.hurry(self._conn, channel_id, set(destinations))

    def take_over(self, said_before: Sequence[tuple[NewRow, FoundWords]]) -> None:
        """Keep as sent what was found on the platform already."""
        for row, words in said_before:
            rewinding.take_over(self._conn, row, words)

    def keep_photo(self, row: Mapping[str, Any]) -> int:
        """Remember an officer's photo; returns its id."""
        return pictures.keep(self._conn, row)

    def show_anew(self, ticket_id: int, chat_id: str) -> None:
        """The ticket's photos belong into this chat now."""
        pictures.show_anew(self._conn, ticket_id, chat_id)

    def note(self, ticket_id: int, inbox_id: int | None, codes: Mapping[str, str]) -> None:
        """An event about words that were not said."""
        event = {"ticket_id": ticket_id, "kind": "withheld", "at": self._now, "actor": "office"}
        tickets.add_events(self._conn, [{**event, "inbox_id": inbox_id, "codes": codes}])

    def withhold(self, case: Case) -> None:
        """A person speaks for us in this thread: automatic words still waiting are held back."""
        waiting = sa.select(outbox_table.c.id).where(
            outbox_table.c.destination == thread(case.platform, case.thread_id),
            outbox_table.c.ticket_id == case.id,
            outbox_table.c.template != "result",  # the officer's answer still reaches the citizen
            outbox_table.c.state == DeliveryState.PENDING,
        )
        for row_id in self._conn.execute(waiting).scalars().all():
            outbox.cancel(self._conn, row_id, "human_spoke", self._now)

    def hush(self, account_id: int) -> None:
        """This account asked us to stop: what still waits to be said to it is not said any more."""
        sending.hold_back(self._conn, account_id, self._now, sparing=ABOUT_SILENCE)

    def tell_no_chat(self) -> None:
        """A notice can go nowhere: the operator must hear of it."""
        sentence = "A notice has no chat to go to: bind the CMO desk (`smgt desks bind`) and set up a Telegram channel."
        raise_alarm(self._conn, "no_cmo_desk", "directory", sentence, self._now)


def thread(platform: Platform, thread_id: str) -> str:
    """Where the public words of a thread go, one after the other."""
    return f"{platform}:thread:{thread_id}"
