"""What becomes of an outbox row that goes: sending, sent, to be tried again, unknown, set aside.

Owns the moves between delivery states and the record of attempts. Every move names the states it may start
from, so that a sender that lost its lane changes nothing. It must not know a platform or the network.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from store import inbox
from store.alarms import raise_alarm
from store.dialects import is_one_of
from store.inbound import Undeliverable
from store.outbound import Outgoing
from store.outbox import NewRow, OutboxRow, add, cancel, cancel_followers, followed, outbox_row, record, row_by_id
from store.payloads import outgoing_to_json
from store.readiness import ENDED_UNSENT, OPEN, UNSENT
from store.tables import attempts, channels, lanes, outbox
from store.vocabulary import DeliveryState, OutgoingAct, Platform

logger = logging.getLogger(__name__)

DUPLICATE_SENT_ID: Final = "duplicate_sent_id"
SENT_TWICE: Final = "sent_twice"
OWNER_GONE: Final = "owner_gone"
FOUND: Final = "found"  # the request was known as one of unknown outcome: this is not another one
_POINTS_AT: Final = (OutgoingAct.EDIT, OutgoingAct.DELETE)
_WITHOUT_AN_ID: Final = (OutgoingAct.EDIT, OutgoingAct.DELETE, OutgoingAct.ANSWER_PRESS)


@dataclass(frozen=True, slots=True)
class Failure:
    """Why something was not done: a short stable code and a sentence for the operator, without secrets."""

    code: str
    sentence: str = ""


def mark_sending(
    conn: sa.Connection, row_id: int, epoch: int, now: datetime, after_id: str | None = None
) -> OutboxRow | None:
    """Take a row for sending and freeze it; None if it may not go now.

    Only the newest holder of the lane can take a row. Ids that were only known once the followed message was
    sent are filled in here. `after_id`: a message of ours that stands on the platform already.
    """
    found = conn.execute(sa.select(outbox).where(outbox.c.id == row_id).with_for_update()).one_or_none()
    if found is None or found.state not in UNSENT or not _is_ripe(found, now):
        return None
    row = outbox_row(found)
    outgoing = _resolved(conn, row)
    if outgoing is None:
        cancel(conn, row.id, "no_words" if row.outgoing is None else "follows_unsent", now)
        return None
    newest = sa.select(lanes.c.epoch).where(lanes.c.channel_id == row.channel_id).scalar_subquery()
    taken = (
        outbox.update()
        .where(outbox.c.id == row_id, outbox.c.state.in_(UNSENT), newest == epoch)
        .values(
            state=DeliveryState.SENDING,
            epoch=epoch,
            sending_at=now,
            after_id=after_id,
            attempts=outbox.c.attempts + 1,
            payload=outgoing_to_json(outgoing),
        )
    )
    return row_by_id(conn, row_id) if conn.execute(taken).rowcount else None


def _is_ripe(row: sa.Row[Any], now: datetime) -> bool:
    """As store.outbox.is_ripe, for a row in hand."""
    return bool(row.next_attempt_at <= now or (row.attempts == 0 and row.next_attempt_at <= row.created_at))


def put_back(conn: sa.Connection, row_id: int, epoch: int) -> bool:
    """Undo `mark_sending` for a request that was certainly not started."""
    undone = {"state": DeliveryState.PENDING, "attempts": outbox.c.attempts - 1}
    return _move(conn, row_id, (DeliveryState.SENDING,), undone, epoch)


def mark_sent(conn: sa.Connection, row_id: int, sent_id: str, now: datetime) -> bool:
    """The platform has the message under `sent_id` ("" where there is none).

    The platform's word stands whatever the row's state has become meanwhile. False if another row holds the
    id already: then this row is parked with that error, because two rows cannot be one message.
    """
    row = row_by_id(conn, row_id)
    if row is None:
        raise LookupError(f"There is no outbox row {row_id}.")
    acts_on_another = row.outgoing is not None and row.outgoing.act in _WITHOUT_AN_ID
    kept_id = None if acts_on_another or not sent_id else sent_id[:128]
    if row.state is DeliveryState.SENT:
        return _sent_again(conn, row, kept_id, now)
    holder = _holder(conn, row.channel_id, kept_id)
    if holder is not None and holder != row_id:
        sentence = f"the platform gave the id of outbox row {holder} again; look at both messages there"
        _set_aside(conn, row, Failure(DUPLICATE_SENT_ID, sentence), now)
        return False
    conn.execute(
        outbox.update()
        .where(outbox.c.id == row_id)
        .values(state=DeliveryState.SENT, sent_at=now, sent_id=kept_id, error_code=None, error=None)
    )
    _tried(conn, row_id, DeliveryState.SENT, FOUND if row.state is DeliveryState.UNKNOWN else None, now)
    return True


def mark_retry(
    conn: sa.Connection,
    row_id: int,
    failure: Failure,
    now: datetime,
    *,
    epoch: int,
    next_attempt_at: datetime,
    state: DeliveryState = DeliveryState.RETRY,
    is_counted: bool = True,
) -> bool:
    """Certainly not sent: try again later. True if the row was being sent or unknown under this epoch.

    `state` PENDING says that nothing was wrong with the message, e.g. the account's token was refused; so does
    `is_counted` False (the platform could not be reached, or asked us to slow down): the try does not count.
    """
    starts = (DeliveryState.SENDING, DeliveryState.UNKNOWN)
    later = _told(state, failure) | {"next_attempt_at": next_attempt_at}
    if not is_counted:
        later["attempts"] = outbox.c.attempts - 1
    moved = _move(conn, row_id, starts, later, epoch)
    if moved:
        _tried(conn, row_id, DeliveryState.RETRY, failure.code, now)
    return moved


def mark_unknown(conn: sa.Connection, row_id: int, failure: Failure, now: datetime, *, epoch: int) -> bool:
    """It may have been sent: only reading back can tell. True if the row was being sent under this epoch."""
    unknown = _told(DeliveryState.UNKNOWN, failure)
    moved = _move(conn, row_id, (DeliveryState.SENDING,), unknown, epoch)
    if moved:
        _tried(conn, row_id, DeliveryState.UNKNOWN, failure.code, now)
    return moved


def mark_repeat(conn: sa.Connection, row_id: int, outgoing: Outgoing, now: datetime) -> bool:
    """Let a row of unknown outcome go once more, marked as a repeat; True if its outcome was unknown."""
    moved = (
        outbox.update()
        .where(
            outbox.c.id == row_id,
            outbox.c.state == DeliveryState.UNKNOWN,
        )
        .values(
            state=DeliveryState.RETRY,
            marked_repeat=True,
            next_attempt_at=now,
            payload=outgoing_to_json(outgoing),
        )
    )
    return conn.execute(moved).rowcount > 0


def park(
    conn: sa.Connection,
    row_id: int,
    failure: Failure,
    now: datetime,
    *,
    refused: bool = False,
    epoch: int | None = None,
) -> bool:
    """Set a row aside for a person and cancel what follows it; later rows of its destination go on.

    `refused`: the platform will never take it. On a citizens' platform that is heard like any other event,
    so an Undeliverable is put into the inbox in the same transaction. True if the row was not ended yet (and,
    if `epoch` is given, was last taken for sending under it).
    """
    row = row_by_id(conn, row_id)
    if row is None or not _set_aside(conn, row, failure, now, epoch):
        return False
    platform = conn.execute(sa.select(channels.c.platform).where(channels.c.id == row.channel_id)).scalar_one()
    if refused and platform != Platform.TELEGRAM:
        inbox.put(conn, row.channel_id, [_undeliverable(row, failure.code, now)], {}, now)
    return True


def hold_back(conn: sa.Connection, account_id: int, now: datetime, *, sparing: Collection[str]) -> None:
    """Cancel what still waits for an account that asked us to stop, but for what is urgent.

    News that nobody asked for is heard as refused, so that a question in it waits for no answer.
    """
    waiting = sa.select(outbox).where(
        outbox.c.account_id == account_id,
        outbox.c.state.in_(UNSENT),
        outbox.c.urgent.is_(sa.false()),
        outbox.c.template.not_in(sorted(sparing)),
    )
    for row in conn.execute(waiting.order_by(outbox.c.id)).all():
        if cancel(conn, row.id, "stopped", now) and not row.step_id.startswith("answer:"):
            inbox.put(conn, row.channel_id, [_undeliverable(row, "stopped", now)], {}, now)


def _undeliverable(row: sa.Row[Any] | OutboxRow, code: str, now: datetime) -> Undeliverable:
    return Undeliverable(
        key=f"refused:{row.id}",
        occurred_at=now,
        outbox_id=row.id,
        ticket_id=row.ticket_id,
        code=code,
        template=row.template,
    )


def drop(conn: sa.Connection, row_id: int, failure: Failure, now: datetime, *, epoch: int) -> bool:
    """End a best-effort row (the answer to a button press) that failed; nobody need look at it."""
    starts = (DeliveryState.SENDING, DeliveryState.UNKNOWN)
    moved = _move(conn, row_id, starts, _told(DeliveryState.CANCELLED, failure), epoch)
    if moved:
        _tried(conn, row_id, DeliveryState.CANCELLED, failure.code, now)
    return moved


def has_orphans(conn: sa.Connection, channel_id: int, epoch: int) -> bool:
    """Whether `orphans` would find any."""
    return conn.execute(sa.select(outbox.c.id).where(_left_half_way(channel_id, epoch)).limit(1)).first() is not None


def orphans(conn: sa.Connection, channel_id: int, epoch: int, now: datetime) -> list[int]:
    """Rows left `sending` by an owner that is gone, now unknown; returns their ids.

    `epoch` is the caller's own: call it while nothing of this lane is being sent.
    """
    left = (
        outbox.update()
        .where(_left_half_way(channel_id, epoch))
        .values(state=DeliveryState.UNKNOWN, error_code=OWNER_GONE, error="the sender stopped half-way")
        .returning(outbox.c.id)
    )
    ids = list(conn.scalars(left))
    for row_id in ids:
        _tried(conn, row_id, DeliveryState.UNKNOWN, OWNER_GONE, now)
    return ids


def _left_half_way(channel_id: int, epoch: int) -> sa.ColumnElement[bool]:
    return sa.and_(
        outbox.c.channel_id == channel_id,
        is_one_of(outbox.c.state, *OPEN),
        outbox.c.state == DeliveryState.SENDING,
        outbox.c.epoch <= epoch,
    )


def postpone_chat(conn: sa.Connection, channel_id: int, chat_id: str, until: datetime) -> int:
    """Let every unsent row of one chat wait; they become rows to try again, so order holds. Returns how many."""
    waiting = (
        outbox.update()
        .where(
            outbox.c.channel_id == channel_id,
            is_one_of(outbox.c.state, *OPEN),
            outbox.c.state.in_(UNSENT),
            outbox.c.next_attempt_at < until,
            sa.or_(
                outbox.c.destination == chat_id,
                outbox.c.destination.startswith(f"{chat_id}:", autoescape=True),
            ),
        )
        .values(state=DeliveryState.RETRY, next_attempt_at=until)
    )
    return conn.execute(waiting).rowcount


def _resolved(conn: sa.Connection, row: OutboxRow) -> Outgoing | None:
    """The final message, pointing at the one it follows; None if it can never be sent."""
    outgoing = row.outgoing
    if outgoing is None or row.follows_step is None:
        return outgoing
    first = followed(conn, row)
    if first is None or first.state in ENDED_UNSENT:
        return None
    if _stands_elsewhere(first, outgoing):
        return _in_the_new_chat(conn, row, outgoing)
    target = _message_of(first)
    if outgoing.act in _POINTS_AT:
        message_id = outgoing.message_id or target
        return replace(outgoing, message_id=message_id) if message_id else None
    if outgoing.act in (OutgoingAct.MESSAGE, OutgoingAct.REPLY) and outgoing.reply_to_id is None:
        return replace(outgoing, reply_to_id=target)
    return outgoing


def _stands_elsewhere(first: OutboxRow, outgoing: Outgoing) -> bool:
    """Did the group become a supergroup since? Its messages stay behind, and their numbers mean others in the new one."""
    chat, colon, _ = (first.sent_id or "").rpartition(":")
    return bool(colon) and chat != outgoing.thread_id


def _in_the_new_chat(conn: sa.Connection, row: OutboxRow, outgoing: Outgoing) -> Outgoing | None:
    """An edit of what was left behind is posted once in the new chat, and edited there from then on."""
    if outgoing.act is OutgoingAct.DELETE:
        return None
    if outgoing.act is not OutgoingAct.EDIT:
        return outgoing
    anew = sa.select(outbox.c.sent_id).where(
        outbox.c.follows_step == row.follows_step,
        outbox.c.sent_id.startswith(f"{outgoing.thread_id}:", autoescape=True),
    )
    there = conn.execute(anew.order_by(outbox.c.id.desc()).limit(1)).scalar()
    if there is not None:
        return replace(outgoing, message_id=str(there).rpartition(":")[2])
    return replace(outgoing, act=OutgoingAct.MESSAGE, message_id=None)


def _message_of(row: OutboxRow) -> str | None:
    """The platform's id of a sent row's message; Telegram's are kept as `<chat>:<message>`."""
    if row.sent_id is not None:
        return row.sent_id.rpartition(":")[2]
    if row.outgoing is not None and row.outgoing.act is OutgoingAct.EDIT:
        return row.outgoing.message_id
    return None


def _sent_again(conn: sa.Connection, row: OutboxRow, sent_id: str | None, now: datetime) -> bool:
    if sent_id is None or sent_id == row.sent_id:
        return True
    if row.marked_repeat and row.outgoing is not None:
        _take_back(conn, row, row.outgoing.thread_id, sent_id, now)
        return False
    sentence = f"Outbox row {row.id} was posted as {row.sent_id} and again as {sent_id}; delete one by hand."
    raise_alarm(conn, SENT_TWICE, f"outbox:{row.id}", sentence, now)
    logger.error(sentence, extra={"action": "outbox.sent_twice"})
    return False


def _take_back(conn: sa.Connection, row: OutboxRow, thread_id: str, twin_id: str, now: datetime) -> None:
    """The twin of a repeat has shown itself after all: it is deleted."""
    gone = NewRow(
        channel_id=row.channel_id,
        step_id=f"twin:{twin_id}",
        recipient=row.recipient,
        destination=row.destination,
        template=row.template,
        outgoing=Outgoing(act=OutgoingAct.DELETE, thread_id=thread_id, message_id=twin_id),
        ticket_id=row.ticket_id,
        account_id=row.account_id,
    )
    add(conn, [gone], now)


def _holder(conn: sa.Connection, channel_id: int, sent_id: str | None) -> int | None:
    if sent_id is None:
        return None
    held = sa.select(outbox.c.id).where(outbox.c.channel_id == channel_id, outbox.c.sent_id == sent_id)
    return conn.execute(held).scalar_one_or_none()


def _set_aside(conn: sa.Connection, row: OutboxRow, failure: Failure, now: datetime, epoch: int | None = None) -> bool:
    unended = (*UNSENT, DeliveryState.SENDING, DeliveryState.UNKNOWN)
    if not _move(conn, row.id, unended, _told(DeliveryState.PARKED, failure), epoch):
        return False
    _tried(conn, row.id, DeliveryState.PARKED, failure.code, now)
    record(conn, row.id, "message_parked", failure.code[:64], now)
    cancel_followers(conn, row.id, now)
    return True


def _move(
    conn: sa.Connection,
    row_id: int,
    starts: Sequence[DeliveryState],
    values: Mapping[str, Any],
    epoch: int | None = None,
) -> bool:
    """Change a row only if it is in one of `starts` and, where given, was last taken under `epoch`."""
    moved = outbox.update().where(outbox.c.id == row_id, outbox.c.state.in_(starts))
    if epoch is not None:
        moved = moved.where(outbox.c.epoch == epoch)
    return conn.execute(moved.values(**values)).rowcount > 0


def _told(state: DeliveryState, failure: Failure) -> dict[str, Any]:
    return {"state": state, "error_code": failure.code[:64], "error": failure.sentence[:512]}


def _tried(conn: sa.Connection, row_id: int, result: DeliveryState, code: str | None, now: datetime) -> None:
    conn.execute(
        attempts.insert().values(outbox_id=row_id, at=now, result=result, error_code=code[:64] if code else None)
    )
