"""Quiet news of a crowded chat, told together: a list of tickets with a line and a button for each.

Owns what may be told together, when, and in which words; store/gathering.py moves the rows. Nothing urgent, nothing with
buttons of its own but a notice, nothing sensitive is ever in a list. A ticket that was only told in one has no notice to
edit: pressing its number posts its card, which from then on is its notice.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from handlers.desk.addresses import language_of_chat
from handlers.desk.buttons import Buttons
from handlers.desk.lists import line_of, presses_of_tickets
from handlers.desk.papers import Papers
from handlers.facts import Facts
from handlers.gate import LIST_STEP, hold_back
from handlers.length import TELEGRAM_LIMIT
from handlers.reach import EVERYBODY, Reach
from handlers.render import render
from store import gathering
from store.directory import load_directory
from store.lists import Listed, listed_by_id
from store.outbound import Outgoing
from store.outbox import NewRow, OutboxRow
from store.vocabulary import Language, OutgoingAct, Sensitivity

TEMPLATE: Final = "gathered"
MOST_WAITING: Final = 30  # quiet messages that a group takes in two minutes (bot/pace.py): beyond, they are gathered
LINES: Final = 20  # of one list: two screens of a small phone
KINDS: Final = {
    "notice": "new",
    "reopened_notice": "reopened",
    "addition_notice": "added",
    "answer_notice": "answered",
    "reminder": "remind",
    "withdrawn_notice": "withdrawn",
}
"""Template of a part -> its heading in a list, in the order in which they stand there."""
_TO_THE_OWNER: Final = frozenset({"addition_notice", "answer_notice"})  # to others they say why they are told

_Place = tuple[str, str | None]
_Line = tuple[str, Listed]


def gather_news(
    conn: sa.Connection, channel_id: int, now: datetime, reach: Reach, *, look_for_crowds: bool = True
) -> int:
    """Tell together what waits quietly in crowded chats, in the caller's writing transaction; returns how many lists.

    Only where everybody is spoken to: in the shadow and in one district each message passes the gate alone. Lists that
    must not be sent as they are fall apart, whether or not new ones are looked for.
    """
    gathering.take_apart(conn, gathering.no_longer_fit(conn, channel_id, TEMPLATE))
    if reach != EVERYBODY or not look_for_crowds:
        return 0
    chats = gathering.crowded_chats(conn, channel_id, KINDS, MOST_WAITING)
    return sum(_gather_chat(conn, channel_id, chat, now, reach) for chat in chats)


def _gather_chat(conn: sa.Connection, channel_id: int, chat: str, now: datetime, reach: Reach) -> int:
    waiting = [row for row in gathering.quiet_rows(conn, channel_id, chat, KINDS) if _is_plain(row)]
    going = set(hold_back(conn, reach, [row.id for row in waiting], now))
    tickets = listed_by_id(conn, {row.ticket_id for row in waiting if row.ticket_id is not None})
    places: dict[_Place, list[OutboxRow]] = defaultdict(list)
    for row in waiting:
        ticket = tickets.get(row.ticket_id or 0)
        if row.id in going and ticket is not None and _may_be_listed(ticket) and row.outgoing is not None:
            places[row.thread, row.outgoing.topic_id].append(row)
    if sum(len(rows) for rows in places.values()) <= MOST_WAITING:
        return 0
    language = language_of_chat(chat, load_directory(conn, now))
    made = 0
    for rows in places.values():
        for some in _in_lists(rows, tickets):
            made += _tell(conn, channel_id, some, tickets, language, now)
    return made


def _is_plain(row: OutboxRow) -> bool:
    """Is it a message whose every word the ticket's card shows too?"""
    if row.outgoing is None or row.outgoing.act is not OutgoingAct.MESSAGE:
        return False
    if row.template in _TO_THE_OWNER and not row.step_id.endswith(":owner"):
        return False
    return row.template == "notice" or not row.outgoing.buttons


def _may_be_listed(ticket: Listed) -> bool:
    return ticket.sensitivity is Sensitivity.NORMAL and not ticket.urgent


def _in_lists(rows: Sequence[OutboxRow], tickets: dict[int, Listed]) -> list[list[OutboxRow]]:
    """All news of one ticket in one list, what is due first in the first of them."""
    of_ticket: dict[int, list[OutboxRow]] = defaultdict(list)
    for row in rows:
        of_ticket[row.ticket_id or 0].append(row)
    order = sorted(of_ticket, key=lambda number: _place_of(_kind(of_ticket[number]), tickets[number]))
    some = [order[at : at + LINES] for at in range(0, len(order), LINES)]
    return [[row for number in numbers for row in of_ticket[number]] for numbers in some]


def _kind(rows: Sequence[OutboxRow]) -> str:
    """A ticket with several news stands under the first heading that fits."""
    found = {KINDS[row.template] for row in rows}
    return next(kind for kind in KINDS.values() if kind in found)


def _place_of(kind: str, ticket: Listed) -> tuple[int, datetime, int]:
    return (list(KINDS.values()).index(kind), ticket.due_at or ticket.opened_at, ticket.id)


def _tell(
    conn: sa.Connection,
    channel_id: int,
    rows: Sequence[OutboxRow],
    tickets: dict[int, Listed],
    language: Language,
    now: datetime,
) -> int:
    """Queue one list in the place of these rows, or two shorter ones where it would be too long."""
    of_ticket: dict[int, list[OutboxRow]] = defaultdict(list)
    for row in rows:
        of_ticket[row.ticket_id or 0].append(row)
    lines = [(_kind(of_ticket[number]), tickets[number]) for number in of_ticket]
    text = render(language, "officer", TEMPLATE, _facts(lines, now))
    if len(text) > TELEGRAM_LIMIT and len(lines) > 1:
        half = set(list(of_ticket)[: len(lines) // 2])
        parts = ([row for row in rows if (row.ticket_id in half) is first] for first in (True, False))
        return sum(_tell(conn, channel_id, part, tickets, language, now) for part in parts)
    message, new_buttons = _message(channel_id, rows, text, [ticket for _, ticket in lines], language, now)
    (list_id,) = Papers(conn, EVERYBODY, now).keep([message], new_buttons)
    gathering.put_into(conn, list_id, rows)
    return 1


def _facts(lines: Sequence[_Line], now: datetime) -> Facts:
    return Facts(listed=tuple(replace(line_of(ticket, now), news=kind) for kind, ticket in lines), total=len(lines))


def _message(
    channel_id: int, rows: Sequence[OutboxRow], text: str, tickets: Sequence[Listed], language: Language, now: datetime
) -> tuple[NewRow, list[dict[str, Any]]]:
    """A row that can be made once only: its step is made of its parts, each of which is told once."""
    chat, outgoing = rows[0].thread, rows[0].outgoing
    step_id = f"{LIST_STEP}{min(row.id for row in rows)}:{_digest(row.step_id for row in rows)}"
    buttons = Buttons(now)
    row = NewRow(
        channel_id=channel_id,
        step_id=step_id,
        recipient=rows[0].recipient,
        destination=f"{chat}:gathered",
        template=TEMPLATE,
        outgoing=Outgoing(
            act=OutgoingAct.MESSAGE,
            text=text,
            thread_id=chat,
            topic_id=outgoing.topic_id if outgoing is not None else None,
            buttons=buttons.listed(step_id, presses_of_tickets(tickets), language),
            silent=all(row.outgoing is not None and row.outgoing.silent for row in rows),
        ),
        not_before=min(row.next_attempt_at for row in rows),
    )
    return row, buttons.new


def _digest(steps: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(sorted(steps)).encode()).hexdigest()[:12]
