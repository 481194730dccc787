"""Comparing a day's inbox rows with what their decisions left, channel by channel.

Pure: records in, counts and ids out.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from handlers.reconciling.parts import ANSWERED, IGNORED, PARTS, TICKETED, part_of
from handlers.reconciling.records import CITIZENS, Answer, HeardRow, OpenedTicket, Records
from handlers.reconciling.shapes import ChannelDay, Left, Mismatch
from store.channels import Channel
from store.vocabulary import InboxState

Odd = tuple[str, str, int, int]  # code, table, channel id, row id


def compare(records: Records, start: datetime, end: datetime, now: datetime, waits: timedelta) -> list[ChannelDay]:
    """Every channel's day. What is not decided within `waits` counts as a mismatch."""
    answers: dict[int, list[Answer]] = defaultdict(list)
    for one in records.answers:
        answers[one.inbox_id].append(one)
    odd = [
        *_of_rows(records, answers, now, waits),
        *_of_tickets(records, answers, start, end),
        *_of_nothing(records),
    ]
    return [_channel(records, channel, answers, odd) for channel in records.channels]


def _of_rows(
    records: Records, answers: Mapping[int, Sequence[Answer]], now: datetime, waits: timedelta
) -> Iterator[Odd]:
    platforms = {one.id: one.platform for one in records.channels}
    for row in records.rows:
        if row.state == InboxState.PENDING and now - row.due_at > waits:
            yield "waiting", "inbox", row.channel_id, row.id
        if row.state != InboxState.DONE or platforms[row.channel_id] not in CITIZENS:
            continue
        if _head(row) == TICKETED and not _opened(records, row):
            yield "no_ticket", "inbox", row.channel_id, row.id
        is_answered = _head(row) == ANSWERED
        if is_answered and row.id not in answers and (row.ticket_id, row.id) not in records.withheld:
            yield "no_answer", "inbox", row.channel_id, row.id
        if row.message_id is None or not (is_answered or row.ticket_id is not None):
            continue
        if (platforms[row.channel_id], row.message_id) not in records.known_words:
            yield "no_words", "inbox", row.channel_id, row.id


def _head(row: HeardRow) -> str:
    return row.result.partition(":")[0]


def _opened(records: Records, row: HeardRow) -> bool:
    ticket = records.tickets.get(row.ticket_id or 0)
    return ticket is not None and row.id in ticket.opened_by


def _of_tickets(
    records: Records, answers: Mapping[int, Sequence[Answer]], start: datetime, end: datetime
) -> Iterator[Odd]:
    for ticket in records.tickets.values():
        if not start <= ticket.opened_at < end:
            continue
        if not any(_says_so(records.openers.get(one), ticket) for one in ticket.opened_by):
            yield "ticket_of_no_post", "tickets", ticket.channel_id, ticket.id
        if ticket.twins:
            yield "two_tickets", "tickets", ticket.channel_id, ticket.id
        replies = first_replies(ticket, answers)
        if not replies and not _is_withheld(records, ticket):
            yield "no_first_reply", "tickets", ticket.channel_id, ticket.id
        if len(replies) > 1:
            yield "two_first_replies", "tickets", ticket.channel_id, ticket.id


def _says_so(row: HeardRow | None, ticket: OpenedTicket) -> bool:
    return row is not None and row.state == InboxState.DONE and _head(row) == TICKETED and row.ticket_id == ticket.id


def first_replies(ticket: OpenedTicket, answers: Mapping[int, Sequence[Answer]]) -> list[Answer]:
    """What was said to the post that opened the ticket."""
    return [one for opener in ticket.opened_by for one in answers.get(opener, ()) if one.ticket_id == ticket.id]


def _is_withheld(records: Records, ticket: OpenedTicket) -> bool:
    return any((ticket.id, opener) in records.withheld for opener in ticket.opened_by)


def _of_nothing(records: Records) -> Iterator[Odd]:
    """Rows whose cause is gone."""
    for one in records.answers:
        row = records.answered_rows.get(one.inbox_id)
        if row is None or row.state != InboxState.DONE:
            yield "answer_to_nothing", "outbox", one.channel_id, one.id
    for said in records.spoken_unheard:
        ticket = records.tickets.get(said.ticket_id or 0)
        first = next((one.id for one in records.channels if one.platform is said.platform), None)
        channel_id = ticket.channel_id if ticket else first
        if channel_id is not None:
            yield "words_of_no_post", "transcript", channel_id, said.id


def _channel(
    records: Records, channel: Channel, answers: Mapping[int, Sequence[Answer]], odd: Iterable[Odd]
) -> ChannelDay:
    rows = [row for row in records.rows if row.channel_id == channel.id]
    parts = dict.fromkeys(PARTS, 0)
    reasons: Counter[str] = Counter()
    for row in rows:
        part, code = part_of(row.state, row.result, has_ticket=row.ticket_id is not None)
        parts[part] += 1
        if part == IGNORED:
            reasons[code] += 1
    named: dict[tuple[str, str], set[int]] = defaultdict(set)
    for code, table, channel_id, row_id in odd:
        if channel_id == channel.id:
            named[(code, table)].add(row_id)
    return ChannelDay(
        channel=channel.name,
        platform=channel.platform,
        parts=parts,
        reasons=dict(sorted(reasons.items(), key=lambda one: (-one[1], one[0]))),
        left=_left(records, {row.id for row in rows}, answers),
        mismatches=tuple(
            Mismatch(code=code, table=table, ids=tuple(sorted(ids))) for (code, table), ids in sorted(named.items())
        ),
    )


def _left(records: Records, row_ids: set[int], answers: Mapping[int, Sequence[Answer]]) -> Left:
    opened = [one for one in records.tickets.values() if row_ids & set(one.opened_by)]
    replies = Counter(reply.state for ticket in opened for reply in first_replies(ticket, answers))
    without_ticket = Counter(one.state for at in row_ids for one in answers.get(at, ()) if one.ticket_id is None)
    return Left(
        tickets=len(opened),
        replies=dict(sorted(replies.items())),
        withheld=sum(1 for ticket in opened if not first_replies(ticket, answers) and _is_withheld(records, ticket)),
        answers=dict(sorted(without_ticket.items())),
        unanswered=sum(1 for ticket_id, at in records.withheld if ticket_id is None and at in row_ids),
    )
