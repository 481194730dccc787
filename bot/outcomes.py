"""What becomes of a message whose request failed: tried again, set aside, read back, or its channel stopped.

Owns the answer to each error of the port and its counts. It must not send anything or know a platform's SDK.
"""

from __future__ import annotations

import logging
import random
from collections import Counter
from datetime import datetime, timedelta

import sqlalchemy as sa

from bot.circuit import Circuit
from bot.clocks import OfficeClock
from bot.delivery_policy import LONGEST_TOLD, DeliveryPolicy, is_unbelievable
from bot.platforms.port import (
    BadMessage,
    ChatClosed,
    ChatMoved,
    CredentialsRefused,
    NotSent,
    OutcomeUnknown,
    PhotoGone,
    PlatformError,
    RateLimited,
    Refused,
    Unreachable,
)
from store import channels, closed_chats, sending
from store.alarms import clear_alarm, raise_alarm
from store.boundaries import passing
from store.channels import Channel
from store.db import writing
from store.directory import move_chat
from store.outbound import Outgoing
from store.outbox import OutboxRow
from store.sending import Failure
from store.vocabulary import DeliveryState, OutgoingAct, Platform

logger = logging.getLogger(__name__)

REPEATABLE = (OutgoingAct.EDIT, OutgoingAct.DELETE)  # doing it twice is doing it once


PLATFORM_DOWN = "platform_down"
CHANNEL_WAITS = "channel_waits"
CLOSED = {
    "telegram:kicked": closed_chats.REMOVED,
    "telegram:no_rights": closed_chats.NO_RIGHTS,
    "telegram:topic_closed": closed_chats.TOPIC_CLOSED,
    "telegram:chat_gone": closed_chats.CHAT_GONE,
    "telegram:chat_not_found": closed_chats.CHAT_GONE,
}
ASK_CHAT_AGAIN = timedelta(minutes=5)
LONG_WAIT = timedelta(minutes=30)  # from here on a person is told that a platform made us wait


class Outcomes:
    """Writes down what became of one channel's requests.

    `circuit` is open while the platform seems to be down. All its times are of the office clock.
    """

    def __init__(
        self,
        engine: sa.Engine,
        clock: OfficeClock,
        channel: Channel,
        policy: DeliveryPolicy,
        chance: random.Random,
    ) -> None:
        self.counts: Counter[str] = Counter()
        self.circuit = Circuit(policy.circuit, chance)
        self._paused_until: datetime | None = None
        self._may_be_told = True  # an alarm of an earlier owner may still be open
        self._engine = engine
        self._clock = clock
        self._channel = channel
        self._policy = policy
        self._chance = chance

    @property
    def rests_until(self) -> datetime | None:
        """Until when nothing is asked of the platform: it told us to slow down, or it is down."""
        moments = [at for at in (self._paused_until, self.circuit.rests_until) if at is not None]
        return max(moments, default=None)

    def is_paused(self, now: datetime) -> bool:
        """Whether nothing may be asked now. A clock that was set back must not make this last."""
        if self._paused_until is not None and not now < self._paused_until <= now + 2 * LONGEST_TOLD:
            self._paused_until = None
        return self._paused_until is not None or self.circuit.is_resting(now)

    def answered(self) -> None:
        """The platform answers again."""
        with writing(self._engine) as conn:
            self.note_answer(conn, self._clock.now())

    def note_answer(self, conn: sa.Connection, now: datetime) -> None:
        """The platform answered and did not ask us to slow down; alarms that it does not are over."""
        self._close(conn, now)
        if self._may_be_told:
            clear_alarm(conn, CHANNEL_WAITS, self._channel.name, now)
            self._may_be_told = False

    def _close(self, conn: sa.Connection, now: datetime) -> None:
        if self.circuit.answered():
            self.log(logging.WARNING, PLATFORM_DOWN, "The platform answers again")
        if self._may_be_told:
            clear_alarm(conn, PLATFORM_DOWN, self._channel.name, now)

    def probe_failed(self, error: PlatformError) -> bool:
        """What the harmless question to a platform that was down brought; True if messages may go now."""
        with writing(self._engine) as conn:
            now = self._clock.now()
            if isinstance(error, CredentialsRefused):
                self.stop_channel(conn, error, now)
                return False
            if isinstance(error, RateLimited):
                self._pause(conn, error, self._policy.next_attempt(now, 1, error, self._chance), now)
                return False
            return not self._note_fault(conn, error, now)

    def failed(self, row: OutboxRow, error: PlatformError) -> bool:
        """A request raised this; False if the lane should stop for now."""
        self.log(logging.WARNING, error.code, f"Outbox row {row.id} was not sent: {error.sentence}")
        with writing(self._engine) as conn:
            now = self._clock.now()
            down = self._note_fault(conn, error, now)
            go_on = self._write_down(conn, row, error, now) and not down
            passing("delivery.failed_written")
        passing("delivery.failed_committed")
        return go_on

    def _write_down(self, conn: sa.Connection, row: OutboxRow, error: PlatformError, now: datetime) -> bool:
        failure = Failure(error.code, error.sentence)
        epoch, act = epoch_of(row), act_of(row)
        if isinstance(error, CredentialsRefused):
            sending.mark_retry(
                conn, row.id, failure, now, epoch=epoch, next_attempt_at=now, state=DeliveryState.PENDING
            )
            self.stop_channel(conn, error, now)
            return False
        if act is OutgoingAct.ANSWER_PRESS:  # it matters for seconds only
            sending.drop(conn, row.id, failure, now, epoch=epoch)
            self.counts["dropped"] += 1
            return True
        match error:
            case ChatMoved() if row.attempts < self._policy.max_attempts and row.outgoing is not None:
                move_chat(conn, row.outgoing.thread_id, error.new_chat_id)
                sending.mark_retry(conn, row.id, failure, now, epoch=epoch, next_attempt_at=now)
                self.counts["chats_moved"] += 1
            case NotSent():
                return self._try_again(conn, row, error, now)
            case PhotoGone():  # its post was deleted meanwhile: there is nothing to look at
                sending.drop(conn, row.id, failure, now, epoch=epoch)
                self.counts["dropped"] += 1
            case ChatClosed() if row.outgoing is not None and self._waits_for_its_chat(conn, row.outgoing, error, now):
                at = now + ASK_CHAT_AGAIN
                sending.mark_retry(conn, row.id, failure, now, epoch=epoch, next_attempt_at=at, is_counted=False)
                if CLOSED[error.code] != closed_chats.TOPIC_CLOSED:
                    sending.postpone_chat(conn, self._channel.id, row.outgoing.thread_id, at)
                self.counts["chats_closed"] += 1
            case Refused():
                self.set_aside(conn, row, failure, now, refused=True)
                unseen_notice = self._channel.platform is Platform.TELEGRAM and act is OutgoingAct.MESSAGE
                if isinstance(error, BadMessage) or unseen_notice:
                    self.alarm(conn, row, "message_refused", failure, now)
            case _ if act in REPEATABLE:
                return self._try_again(conn, row, error, now)
            case _:
                sending.mark_unknown(conn, row.id, failure, now, epoch=epoch)
                self.counts["unknown"] += 1
        return True

    def _waits_for_its_chat(self, conn: sa.Connection, outgoing: Outgoing, error: PlatformError, now: datetime) -> bool:
        """A desk's chat takes nothing: its messages wait, one asks again now and then, and people are told what to do."""
        alarm = CLOSED.get(error.code)
        if alarm is None:
            return False
        return bool(closed_chats.close_chat(conn, alarm, outgoing.thread_id, outgoing.topic_id, now))

    def reached(self, conn: sa.Connection, row: OutboxRow, now: datetime) -> None:
        """A message went; if its chat was closed when it was tried before, it is open again."""
        if row.error_code in CLOSED and row.outgoing is not None:
            closed_chats.open_chat(conn, row.outgoing.thread_id, row.outgoing.topic_id, now)

    def _try_again(self, conn: sa.Connection, row: OutboxRow, error: PlatformError, now: datetime) -> bool:
        """Later, or never if it was tried often enough; what slowed it down slows its chat or channel too."""
        failure = Failure(error.code, error.sentence)
        at = self._policy.next_attempt(now, row.attempts, error, self._chance)
        if is_unbelievable(now, error):
            self.log(logging.WARNING, error.code, "The platform named a wait nobody can mean; ours is taken instead")
        if not isinstance(error, RateLimited | Unreachable):
            self.retry_or_park(conn, row, failure, now, at)
            return True
        sending.mark_retry(conn, row.id, failure, now, epoch=epoch_of(row), next_attempt_at=at, is_counted=False)
        self.counts["retried"] += 1
        if isinstance(error, RateLimited):
            if self._channel.platform is Platform.TELEGRAM and row.outgoing is not None:
                sending.postpone_chat(conn, self._channel.id, row.outgoing.thread_id, at)
                return True
            self._pause(conn, error, at, now)
            return False
        return True

    def _pause(self, conn: sa.Connection, error: RateLimited, until: datetime, now: datetime) -> None:
        self._paused_until = until
        if until - now < LONG_WAIT:
            return
        name = self._channel.name
        told = f"{name} sends nothing until {until:%Y-%m-%d %H:%M} UTC, as its platform asked: {error.sentence}"
        if raise_alarm(conn, CHANNEL_WAITS, name, f"{told} ({error.code})", now):
            self.log(logging.ERROR, error.code, f"Nothing is sent until {until:%H:%M} UTC")
        self._may_be_told = True

    def _note_fault(self, conn: sa.Connection, error: PlatformError, now: datetime) -> bool:
        """Tell the circuit what an error says about the platform itself; True if it is open now."""
        if isinstance(error, RateLimited):
            self._close(conn, now)
            return False
        if not isinstance(error, Unreachable | OutcomeUnknown):
            self.note_answer(conn, now)
            return False
        if self.circuit.fault(now, certain=isinstance(error, Unreachable)):
            self.log(logging.WARNING, error.code, "The platform seems to be down; it is probed until it answers")
        since = self.circuit.open_since
        if since is not None and self.circuit.is_to_be_told(now):
            name = self._channel.name
            told = f"the platform of {name} has been down since {since:%Y-%m-%d %H:%M} UTC ({error.code})"
            sentence = f"{told}: {error.sentence} Messages wait; they go by themselves once it answers."
            raise_alarm(conn, PLATFORM_DOWN, name, sentence, now)
            self._may_be_told = True
        return since is not None

    def retry_or_park(self, conn: sa.Connection, row: OutboxRow, failure: Failure, now: datetime, at: datetime) -> None:
        """Certainly not sent: again at that time, or a person's matter if it was tried often enough."""
        if row.attempts < self._policy.max_attempts:
            sending.mark_retry(conn, row.id, failure, now, epoch=epoch_of(row), next_attempt_at=at)
            self.counts["retried"] += 1
            return
        self.set_aside(conn, row, failure, now)
        self.alarm(conn, row, "message_given_up", failure, now)

    def set_aside(
        self, conn: sa.Connection, row: OutboxRow, failure: Failure, now: datetime, *, refused: bool = False
    ) -> None:
        """A person's matter, unless another owner has taken the row meanwhile."""
        sending.park(conn, row.id, failure, now, refused=refused, epoch=epoch_of(row))
        self.counts["parked"] += 1

    def stop_channel(self, conn: sa.Connection, error: CredentialsRefused, now: datetime) -> None:
        """Nothing is sent or read on the channel until a person renews its credentials."""
        if channels.stop(conn, self._channel.id, f"{error.code}: {error.sentence}", now):
            self.counts["stopped"] += 1
            self.log(logging.ERROR, error.code, "The channel is stopped until its credentials are renewed")

    def alarm(self, conn: sa.Connection, row: OutboxRow, code: str, failure: Failure, now: datetime) -> None:
        """Tell the operator about one message, once."""
        about = f"Message {row.id} ({row.template}) on {self._channel.name}"
        raise_alarm(conn, code, f"outbox:{row.id}", f"{about}: {failure.code}: {failure.sentence}", now)

    def log(self, level: int, code: str, sentence: str, **more: object) -> None:
        """One line for the operator, with the channel and the code."""
        extra = {"action": "delivery", "channel": self._channel.name, "code": code, **more}
        logger.log(level, "%s: %s (%s)", self._channel.name, sentence, code, extra=extra)


def epoch_of(row: OutboxRow) -> int:
    """The epoch under which a row was last taken; the table demands one of rows being sent or unknown."""
    return row.epoch or 0


def act_of(row: OutboxRow) -> OutgoingAct | None:
    """What the row asks the platform to do; None once its words are gone."""
    return row.outgoing.act if row.outgoing is not None else None
