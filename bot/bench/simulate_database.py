"""An office on a SQLite file: the real desk, inbox, outbox and delivery states, under the simulation's clock.

What the network would do is said by the world, message by message; everything else is the product. It plays the same
seeds as the office in memory. Owns the making of the file and the reading of what happened. It must not know what is
checked.
"""

from __future__ import annotations

import random
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import sqlalchemy as sa

from bot.bench.simulate_office import (
    BEGIN,
    CHANNELS,
    LATER,
    Clock,
    Fate,
    Happened,
    Message,
    Office,
    full_directory,
    with_chair,
)
from bot.bench.simulate_world import chairs_of, policy_of
from handlers.case import Case
from handlers.desk.batch import Desk
from handlers.desk.rows import case_of
from handlers.desk.snapshot import Snapshot
from handlers.desk.steps import Outcome, Step
from handlers.policy import Policy
from store import accounts, inbox, outbox, sending, tickets
from store import tables as t
from store.accounts import Account
from store.db import migrate, open_engine, reading, writing
from store.inbound import Heard
from store.inbox import InboxRow
from store.outbox import OutboxRow
from store.people import Directory
from store.sending import Failure
from store.vocabulary import InboxState, OutgoingAct, Platform

MEMORY = Path("/dev/shm")  # noqa: S108 - a file system in memory, where there is one
EPOCH = 1
FAILED = Failure("simulated", "the platform was told to fail")
WITHOUT_AN_ID = (OutgoingAct.EDIT, OutgoingAct.ANSWER_PRESS, OutgoingAct.DELETE)


def on_sqlite(chance: random.Random, clock: Clock) -> Office:
    """An office on a SQLite file of its own."""
    return DatabaseOffice(policy_of(chance), clock, chairs_of(chance))


class _WatchedDesk(Desk):
    """The desk, with what it decided kept for the rules."""

    def __init__(self, engine: sa.Engine, clock: Clock, policy: Policy) -> None:
        super().__init__(engine, clock, policy)
        self.happened = Happened()

    def _outcomes(
        self, conn: sa.Connection, snapshot: Snapshot, rows: Sequence[InboxRow]
    ) -> list[tuple[InboxRow, Outcome]]:
        outcomes = super()._outcomes(conn, snapshot, rows)
        self.happened.steps = [step for _, outcome in outcomes for step in outcome.steps]
        self.happened.results = [outcome.result for _, outcome in outcomes if outcome.wait_until is None]
        return outcomes

    def _woken(self, snapshot: Snapshot, ticket_ids: Sequence[int]) -> list[Step]:
        self.happened.steps = super()._woken(snapshot, ticket_ids)
        return self.happened.steps


class DatabaseOffice:
    """One office, whole."""

    def __init__(self, policy: Policy, clock: Clock, empty_chairs: Sequence[str] = ()) -> None:
        self.policy, self.clock = policy, clock
        self._folder = tempfile.TemporaryDirectory(prefix="smgt-", dir=MEMORY if MEMORY.is_dir() else None)
        file = Path(self._folder.name) / "smgt.db"
        shutil.copyfile(_template(), file)
        self._engine = open_engine(f"sqlite:///{file}")
        self._desk = _WatchedDesk(self._engine, clock, policy)
        self.directory: Directory = full_directory()
        for code in empty_chairs:
            self.chair(code, held=False)
        self._cases: dict[int, Case] | None = None
        self._messages: dict[int, Message] = {}
        self._stale = False
        self._telegram_ids = 0
        self._public_ids = 0

    def close(self) -> None:
        self._engine.dispose()
        self._folder.cleanup()

    # -- what stands there -------------------------------------------------------------------------------------------------

    @property
    def cases(self) -> dict[int, Case]:
        if self._cases is None:
            with reading(self._engine) as conn:
                found = tickets.by_ids(conn, conn.scalars(sa.select(t.tickets.c.id)))
            self._cases = {row["id"]: case_of(row) for row in found}
        return self._cases

    @property
    def messages(self) -> list[Message]:
        if self._stale:
            with reading(self._engine) as conn:
                rows = outbox.list_rows(conn, limit=1_000_000)
            self._messages = {row.id: _message(row) for row in rows}
            self._stale = False
        return list(self._messages.values())

    def account(self, platform: Platform, author_id: str) -> Account | None:
        with reading(self._engine) as conn:
            known = sa.select(t.accounts.c.id).where(
                t.accounts.c.platform == platform, t.accounts.c.author_id == author_id
            )
            number = conn.scalar(known)
            return accounts.by_ids(conn, [number]).get(number) if number is not None else None

    def account_by_id(self, account_id: int) -> Account | None:
        with reading(self._engine) as conn:
            return accounts.by_ids(conn, [account_id]).get(account_id)

    def button(self, token: str) -> tuple[int, str] | None:
        with reading(self._engine) as conn:
            wanted = sa.select(t.buttons.c.ticket_id, t.buttons.c.cycle).where(t.buttons.c.token == token)
            found = conn.execute(wanted).one_or_none()
        return (found.ticket_id, found.cycle) if found is not None else None

    def words_of(self, ticket_id: int) -> list[str]:
        with reading(self._engine) as conn:
            kept = tickets.words_of(conn, [ticket_id])
        return [row["text"] for row in kept if row["speaker"] != "officer" and row["text"]]

    def ticket_of(self, platform: Platform, message_id: str) -> int | None:
        with reading(self._engine) as conn:
            found = tickets.messages_known(conn, platform, [message_id])
        return next((row["ticket_id"] for row in found if row["ticket_id"] is not None), None)

    def chair(self, post: str, *, held: bool) -> None:
        self.directory = with_chair(self.directory, post, held=held)
        left = None if held else BEGIN  # long enough ago that no small step back of the clock finds them there
        with writing(self._engine) as conn:
            conn.execute(t.holdings.update().where(t.holdings.c.post == post).values(to_at=left))

    # -- what it does ------------------------------------------------------------------------------------------------------

    def put(self, channel_id: int, events: Sequence[Heard]) -> None:
        with writing(self._engine) as conn:
            inbox.put(conn, channel_id, events, {}, self.clock.now)

    def waiting(self) -> int:
        pending = sa.select(t.inbox.c.actor_key, t.inbox.c.not_before_at).where(t.inbox.c.state == InboxState.PENDING)
        behind: set[str] = set()
        found = 0
        with reading(self._engine) as conn:
            for row in conn.execute(pending.order_by(t.inbox.c.id)):
                if row.not_before_at is not None and row.not_before_at > self.clock.now:
                    behind.add(row.actor_key)
                found += row.actor_key not in behind
        return found

    def decide(self, limit: int) -> Happened:
        return self._watched(lambda: self._desk.decide_batch(limit))

    def hear_time(self) -> Happened:
        return self._watched(self._desk.hear_time)

    def _watched(self, act: Callable[[], int]) -> Happened:
        self._desk.happened = happened = Happened()
        last, parked = max(self._messages, default=0), self._desk.parked
        act()
        self._cases, self._stale = None, True
        if self._desk.parked > parked:
            happened.failed.append("a row was parked; see the log")
        happened.steps = [self._final(step) for step in happened.steps]
        happened.queued = [message for message in self.messages if message.id > last]
        return happened

    def _final(self, step: Step) -> Step:
        """The step with the ids and numbers that were given when it was written."""
        opened = {(case.platform, case.first_message_id): case for case in self.cases.values()}

        def final(case: Case | None) -> Case | None:
            if case is None or not case.is_new:
                return case
            written = opened[(case.platform, case.first_message_id)]
            return replace(case, id=written.id, number=written.number)

        return replace(step, before=final(step.before), decision=replace(step.decision, case=final(step.decision.case)))

    def deliver(self, fate: Callable[[Message], Fate], limit: int) -> Happened:
        happened = Happened()
        for channel_id in CHANNELS:
            with writing(self._engine) as conn:
                due = outbox.due(conn, channel_id, self.clock.now, limit)
            for row in due:
                self._try(row.id, fate, happened)
        self._stale = True
        return happened

    def _try(self, row_id: int, fate: Callable[[Message], Fate], happened: Happened) -> None:
        with writing(self._engine) as conn:
            row = sending.mark_sending(conn, row_id, EPOCH, self.clock.now)
        if row is None:
            return
        message, now = _message(row), self.clock.now
        with writing(self._engine) as conn:
            match fate(message):
                case Fate.TAKEN:
                    sending.mark_sent(conn, row_id, self._sent_id(message), now)
                case Fate.LOST:
                    sending.mark_unknown(conn, row_id, FAILED, now, epoch=EPOCH)
                    sending.mark_sent(conn, row_id, self._sent_id(message), now)
                case Fate.REFUSED:
                    sending.park(conn, row_id, Failure("x:403"), now, refused=True, epoch=EPOCH)
                case Fate.LATER | Fate.GONE as found:
                    if found is Fate.GONE:
                        sending.mark_unknown(conn, row_id, FAILED, now, epoch=EPOCH)
                    sending.mark_retry(conn, row_id, FAILED, now, epoch=EPOCH, next_attempt_at=now + LATER)
            after = outbox.row_by_id(conn, row_id)
        if after is not None and after.sent_at is not None:
            happened.delivered.append(_message(after))

    def _sent_id(self, message: Message) -> str:
        if message.outgoing.act in WITHOUT_AN_ID:
            return ""
        if not message.is_public:
            self._telegram_ids += 1
            return f"{message.outgoing.thread_id}:{self._telegram_ids}"
        self._public_ids += 1
        return f"our{self._public_ids}"


def _message(row: OutboxRow) -> Message:
    if row.outgoing is None:
        raise ValueError(f"Outbox row {row.id} has lost its words.")
    return Message(
        id=row.id,
        channel_id=row.channel_id,
        step_id=row.step_id,
        recipient=row.recipient,
        destination=row.destination,
        template=row.template,
        outgoing=row.outgoing,
        ticket_id=row.ticket_id,
        account_id=row.account_id,
        urgent=row.urgent,
        created_at=row.created_at,
        state=row.state,
        sent_at=row.sent_at,
        sent_id=row.sent_id,
    )


@cache
def _template() -> Path:
    """A migrated file with our channels and the full directory, made once in each process."""
    folder = Path(tempfile.mkdtemp(prefix="smgt-template-"))
    engine = open_engine(f"sqlite:///{folder / 'smgt.db'}")
    migrate(engine)
    with writing(engine) as conn:
        _seat(conn)
    engine.dispose()  # the last connection folds the log into the file
    return folder / "smgt.db"


def _seat(conn: sa.Connection) -> None:
    for number, (name, platform, account_id) in CHANNELS.items():
        row = {"id": number, "name": name, "platform": platform, "account_id": account_id, "handle": name}
        conn.execute(t.channels.insert().values(**row))
        conn.execute(t.lanes.insert().values(channel_id=number, epoch=EPOCH))
    directory = full_directory()
    for desk in directory.desks.values():
        conn.execute(
            t.desks.insert().values(code=desk.code, title=desk.title, language=desk.language, chat_id=desk.chat_id)
        )
    for post in directory.posts.values():
        row = {"code": post.code, "title": post.title, "role": post.role, "department": post.department}
        conn.execute(t.posts.insert().values(**row, level=post.level, desk=post.desk))
        for district in sorted(post.districts):
            conn.execute(t.coverage.insert().values(post=post.code, district=district))
        for officer in post.holders:
            person = {"id": officer.id, "name": officer.name, "telegram_user_id": officer.telegram_user_id}
            conn.execute(t.officers.insert().values(**person, linked_at=BEGIN))
            conn.execute(t.holdings.insert().values(post=post.code, officer_id=officer.id, from_at=BEGIN - LATER))
