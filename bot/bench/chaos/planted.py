"""Bugs planted on purpose, to see that the checker catches each: what a queue gets wrong when it is built in a hurry.

Owns the bugs. Each is switched on in a process of the storm alone, by taking a part of SMGT out and putting a wrong
one in; nothing outside the storm imports this module.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from bot import delivery, delivery_policy, intake, outcomes, reading_back
from bot.platforms import facebook, x
from bot.platforms.port import NotSent, OutcomeUnknown, PlatformError, RateLimited, ReadBack, Refused, Unknown
from handlers.desk import batch
from store import boundaries, inbox, lanes, outbox, recognising, sending
from store.db import writing as transaction
from store.inbox import Decided
from store.tables import outbox as outbox_table
from store.vocabulary import DeliveryState, Platform


@dataclass(frozen=True, slots=True)
class Bug:
    """A wrong way to do it. `caught_by`: the counts of the verdict that must name it; `dies_at`: where kills show it;
    `workers`: how many processes it takes.
    """

    says: str
    plant: Callable[[], None]
    caught_by: tuple[str, ...]
    dies_at: tuple[str, ...] = ()
    workers: int = 1


def plant(name: str) -> None:
    """Put the bug of this name into this process. Raises KeyError."""
    BUGS[name].plant()


# -- hearing and deciding ----------------------------------------------------------------------------------------------


def _cursor_before_store() -> None:
    def keep(self: Any, found: Any) -> int:
        now = self._clock.now()
        with transaction(self._engine) as conn:
            inbox.put(conn, self.channel.id, (), found.cursors, now)
        if found.events and self.channel.platform is Platform.TELEGRAM:  # X and Facebook are looked through again
            boundaries.passing("intake.written")
        with transaction(self._engine) as conn:
            return inbox.put(conn, self.channel.id, found.events, {}, now)

    _replace(intake.Intake, "_keep", keep)


def _done_before_decided() -> None:
    def decide_batch(self: Any, limit: int = 50) -> int:
        now = self._now()
        with transaction(self._engine) as conn:
            rows = inbox.claim(conn, limit, now)
            inbox.mark_done(conn, [Decided(row.id, "ticketed") for row in rows], now)
        if rows:
            boundaries.passing("desk.claimed")
            with transaction(self._engine) as conn:
                self._decide_rows(conn, rows, now)
        return len(rows)

    _replace(batch.Desk, "decide_batch", decide_batch)


def _messages_apart() -> None:
    """What is to be said is written in a transaction of its own, after the ticket's."""
    held: list[tuple[Sequence[Any], datetime]] = []
    add, decide_batch = outbox.add, batch.Desk.decide_batch

    def put_off(_conn: sa.Connection, rows: Sequence[Any], now: datetime) -> list[int]:
        held.append((rows, now))
        return []

    def decide(self: Any, limit: int = 50) -> int:
        done = decide_batch(self, limit)
        if held:
            boundaries.passing("desk.committed")
        with transaction(self._engine) as conn:
            for rows, now in held:
                add(conn, rows, now)
        held.clear()
        return done

    _replace(outbox, "add", put_off)
    _replace(batch.Desk, "decide_batch", decide)


def _cycle_missing() -> None:
    add = outbox._add

    def without_cycle(conn: sa.Connection, row: Any, now: datetime) -> int | None:
        return add(conn, replace(row, step_id=re.sub(r":result:\d+$", ":result", row.step_id)), now)

    _replace(outbox, "_add", without_cycle)


# -- sending -------------------------------------------------------------------------------------------------------------


def _quiet_too_short() -> None:
    _replace(delivery_policy.DeliveryPolicy, "quiet", property(lambda _self: 0.0))


def _blind_retry() -> None:
    failed = outcomes.Outcomes.failed

    def as_not_sent(self: Any, row: Any, error: PlatformError) -> bool:
        wrong = NotSent(error.code, error.sentence) if isinstance(error, OutcomeUnknown) else error
        return failed(self, row, wrong)

    _replace(outcomes.Outcomes, "failed", as_not_sent)


def _unknown_as_sent() -> None:
    asked = delivery.Delivery._asked

    async def optimistic(self: Any, question: Any) -> Any:
        outcome = await asked(self, question)
        return "" if isinstance(outcome, OutcomeUnknown) else outcome

    _replace(delivery.Delivery, "_asked", optimistic)


def _limit_gives_up() -> None:
    failed = outcomes.Outcomes.failed

    def as_refused(self: Any, row: Any, error: PlatformError) -> bool:
        return failed(self, row, Refused(error.code, error.sentence) if isinstance(error, RateLimited) else error)

    _replace(outcomes.Outcomes, "failed", as_refused)


def _sending_not_committed() -> None:
    """The request starts while the row still says that it waits."""

    def take(self: Any, row_ids: list[int]) -> list[Any]:
        with transaction(self._engine) as conn:
            for row_id in row_ids:
                sending.mark_sending(conn, row_id, self._lane.epoch, self._clock.now())
            rows = [row for row_id in row_ids if (row := outbox.row_by_id(conn, row_id)) is not None]
            conn.rollback()
        return [row for row in rows if row.state is DeliveryState.SENDING]

    _replace(delivery.Delivery, "_take", take)


def _orphans_go_again() -> None:
    def blind(conn: sa.Connection, channel_id: int, epoch: int, now: datetime) -> list[int]:
        left = (
            outbox_table.update()
            .where(
                outbox_table.c.channel_id == channel_id,
                outbox_table.c.state == DeliveryState.SENDING,
                outbox_table.c.epoch <= epoch,
            )
            .values(state=DeliveryState.RETRY, next_attempt_at=now)
            .returning(outbox_table.c.id)
        )
        return list(conn.scalars(left))

    _replace(sending, "orphans", blind)


def _two_owners() -> None:
    class Everybodys:
        def still_mine(self) -> bool:
            return True

        def release(self) -> None:
            return

    def claimless(conn: sa.Connection, row_id: int, epoch: int, now: datetime, _after_id: str | None = None) -> Any:
        row = outbox.row_by_id(conn, row_id)
        taken = outbox_table.update().where(outbox_table.c.id == row_id)
        conn.execute(taken.values(state=DeliveryState.SENDING, epoch=epoch, sending_at=now))
        return row if row is None else replace(row, state=DeliveryState.SENDING, epoch=epoch, sending_at=now)

    _replace(lanes, "_take", lambda _engine, _key, _file_name: Everybodys())
    _replace(sending, "mark_sending", claimless)


def _order_ignored() -> None:
    _replace(outbox, "_held", lambda _at: sa.false())


def _repeat_unmarked() -> None:
    def plain(conn: sa.Connection, row_id: int, _outgoing: Any, now: datetime) -> bool:
        again = outbox_table.update().where(outbox_table.c.id == row_id, outbox_table.c.state == DeliveryState.UNKNOWN)
        return conn.execute(again.values(state=DeliveryState.RETRY, next_attempt_at=now)).rowcount > 0

    _replace(sending, "mark_repeat", plain)


# -- reading back --------------------------------------------------------------------------------------------------------


def _words_anew() -> None:
    """The text is rendered again when it is looked for, a moment later than when it was sent."""
    wanted = reading_back.ReadingBack._wanted

    def anew(self: Any, rows: Any) -> list[Unknown]:
        return [
            replace(one, outgoing=replace(one.outgoing, text=f"{one.outgoing.text} ({self._clock.now():%H:%M})"))
            for one in wanted(self, rows)
        ]

    _replace(reading_back.ReadingBack, "_wanted", anew)


def _found_by_number() -> None:
    """A reply with the ticket's number is taken for the one that is looked for."""
    numbered = re.compile(r"HRY\d\d-\d{6}-\d")

    def by_number(text: str) -> str:
        found = numbered.search(text)
        return found.group() if found else text

    _replace(facebook, "normal_text", by_number)
    _replace(x, "comparable", by_number)
    _replace(recognising, "taken_ids", lambda *_: frozenset())


def _reads_too_little() -> None:
    """Read-back believes that it saw everything, although it saw every second post."""
    ask_back = reading_back.ReadingBack._ask_back

    async def half(self: Any, rows: Any) -> ReadBack | None:
        answer: ReadBack | None = await ask_back(self, rows)
        if answer is None:
            return None
        return replace(answer, found={row: sent_id for row, sent_id in answer.found.items() if row % 2})

    _replace(reading_back.ReadingBack, "_ask_back", half)


def _never_settled() -> None:
    """What was not found is left as it is."""
    settle = reading_back.ReadingBack._settle

    def found_only(self: Any, rows: Any, _ripe: Any, answer: Any) -> int:
        settled: int = settle(self, rows, set(), answer)
        return settled

    _replace(reading_back.ReadingBack, "_settle", found_only)


LOST: Final = ("lost",)
DOUBLED: Final = ("doubled_tickets", "doubled_replies", "doubled_notices")

BUGS: Final[dict[str, Bug]] = {
    "cursor-before-store": Bug(
        "the cursor moves before the events are kept", _cursor_before_store, LOST, ("intake.written",)
    ),
    "done-before-decided": Bug(
        "an event is marked as done before it is decided", _done_before_decided, LOST, ("desk.claimed",)
    ),
    "messages-apart": Bug(
        "messages are written after the ticket's transaction", _messages_apart, LOST, ("desk.committed",)
    ),
    "cycle-missing": Bug("the step id does not say which round it is", _cycle_missing, ("unfinished",)),
    "quiet-too-short": Bug("an unknown outcome is read back at once", _quiet_too_short, DOUBLED),
    "blind-retry": Bug("a 5xx or a timeout is simply tried again", _blind_retry, DOUBLED),
    "unknown-as-sent": Bug("a timeout is taken for sent", _unknown_as_sent, LOST),
    "limit-gives-up": Bug("a 429 is taken for a refusal", _limit_gives_up, LOST),
    "sending-not-committed": Bug(
        "the request starts before `sending` is committed", _sending_not_committed, DOUBLED, ("delivery.answered",)
    ),
    "orphans-go-again": Bug(
        "what a dead process was sending is sent again",
        _orphans_go_again,
        DOUBLED,
        ("delivery.answered", "delivery.sent_written"),
    ),
    "two-owners": Bug("two processes own one lane", _two_owners, DOUBLED, workers=2),
    "order-ignored": Bug("a later message does not wait for an earlier one", _order_ignored, ("out_of_order",)),
    "repeat-unmarked": Bug("a Telegram repeat does not say that it is one", _repeat_unmarked, ("doubled_notices",)),
    "words-anew": Bug("the text is rendered again when it is looked for", _words_anew, DOUBLED),
    "found-by-number": Bug("a reply is known by its number, not by its text", _found_by_number, LOST),
    "reads-too-little": Bug("reading back believes to have seen all", _reads_too_little, DOUBLED),
    "never-settled": Bug("an unknown outcome that is not found stays unknown", _never_settled, ("unknown_left",)),
}
"""Every bug by its name on the command line."""


def _replace(owner: Any, name: str, wrong: Any) -> None:
    if not hasattr(owner, name):
        raise AttributeError(
            f"There is no {name} in {owner!r} to plant a bug in; the storm must be brought up to date."
        )
    setattr(owner, name, wrong)
