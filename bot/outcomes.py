"""What becomes of a message whose request failed: tried again, set aside, read back, or its channel stopped.

Owns the answer to each error of the port and its counts. It must not send anything or know a platform's SDK.
"""

from __future__ import annotations

import logging
import random
from collections import Counter
from datetime import datetime, timedelta

import sqlalchemy as sa

from bot.clocks import OfficeClock
from bot.delivery_policy import DeliveryPolicy
from bot.platforms.port import (
    BadMessage,
    ChatMoved,
    CredentialsRefused,
    NotSent,
    PlatformError,
    RateLimited,
    Refused,
    Unreachable,
)
from store import channels, sending
from store.alarms import raise_alarm
from store.channels import Channel
from store.db import writing
from store.directory import move_chat
from store.outbox import OutboxRow
from store.sending import Failure
from store.vocabulary import DeliveryState, OutgoingAct, Platform

logger = logging.getLogger(__name__)

REPEATABLE = (OutgoingAct.EDIT, OutgoingAct.DELETE)  # doing it twice is doing it once


class Outcomes:
    """Writes down what became of one channel's requests.

    `paused_until` (office clock): the whole channel was told to slow down, or cannot be reached.
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
        self.paused_until: datetime | None = None
        self._engine = engine
        self._clock = clock
        self._channel = channel
        self._policy = policy
        self._chance = chance

    def failed(self, row: OutboxRow, error: PlatformError) -> bool:
        """A request raised this; False if the lane should stop for now."""
        self.log(logging.WARNING, error.code, f"Outbox row {row.id} was not sent: {error.sentence}")
        with writing(self._engine) as conn:
            return self._write_down(conn, row, error, self._clock.now())

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

    def _try_again(self, conn: sa.Connection, row: OutboxRow, error: PlatformError, now: datetime) -> bool:
        """Later, or never if it was tried often enough; what slowed it down slows its chat or channel too."""
        failure = Failure(error.code, error.sentence)
        at = self._policy.next_attempt(now, row.attempts, error, self._chance)
        self.retry_or_park(conn, row, failure, now, at)
        if isinstance(error, RateLimited):
            if self._channel.platform is Platform.TELEGRAM and row.outgoing is not None:
                sending.postpone_chat(conn, self._channel.id, row.outgoing.thread_id, at)
                return True
            self.paused_until = at
            return False
        if isinstance(error, Unreachable):
            self.paused_until = min(at, now + timedelta(seconds=self._policy.outage_pause))
            return False
        return True

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

    def log(self, level: int, code: str, sentence: str) -> None:
        """One line for the operator, with the channel and the code."""
        extra = {"action": "delivery", "channel": self._channel.name, "code": code}
        logger.log(level, "%s: %s (%s)", self._channel.name, sentence, code, extra=extra)


def epoch_of(row: OutboxRow) -> int:
    """The epoch under which a row was last taken; the table demands one of rows being sent or unknown."""
    return row.epoch or 0


def act_of(row: OutboxRow) -> OutgoingAct | None:
    """What the row asks the platform to do; None once its words are gone."""
    return row.outgoing.act if row.outgoing is not None else None
