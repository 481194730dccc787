"""What a batch of inbox rows needs to know, read in a few queries and kept current while the batch is decided.

Owns the loading and the in-memory picture; a later row of the batch sees what an earlier one decided. It decides
nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from handlers.case import Case
from handlers.desk.rows import case_of
from handlers.desk.steps import Step
from handlers.desk.ties import Gathering, Ties
from handlers.effects import Act
from handlers.ground import Ground
from handlers.policy import Policy
from handlers.understanding import understand
from handlers.understanding.meaning import Understanding
from store import accounts, channels, first_accounts, pictures, recognising, rewinding, standstills, tickets
from store.accounts import Account
from store.channels import Channel
from store.directory import load_directory
from store.inbound import DeskUpdate, Inbound, Undeliverable
from store.inbox import COMPLAINT, InboxRow
from store.rewinding import FoundWords
from store.tables import buttons, drafts, outbox
from store.vocabulary import Platform

ABOUT_DRAFTS = frozenset({Act.CONFIRM, Act.CANCEL, Act.NOT_DONE, Act.SAYS})
OLD_TICKETS = timedelta(days=400)  # how far back an account's ended tickets are looked at, to link a late return


@dataclass(frozen=True, slots=True)
class Ours:
    """A message of ours that somebody answered: which ticket, and what it said."""

    ticket_id: int | None
    template: str
    step_id: str


@dataclass(slots=True)
class FoundSince:
    """Words of ours found on the platforms after the database was put back, in the threads of this batch."""

    words: list[FoundWords] = field(default_factory=list)  # not taken over yet, oldest first
    numbers_here: set[str] = field(default_factory=set)  # those of their numbers that stand on a ticket
    given: dict[int, str] = field(default_factory=dict)  # the number that a new ticket was given in the lost time
    used: set[int] = field(default_factory=set)
    withheld: set[int] = field(default_factory=set)  # tickets to which time would have said more


@dataclass(slots=True)
class Snapshot:
    """The picture a batch is decided on."""

    now: datetime
    ground: Ground
    channels: Mapping[int, Channel]
    accounts: dict[tuple[Platform, str], Account] = field(default_factory=dict)
    accounts_by_id: dict[int, Account] = field(default_factory=dict)
    person_first: set[int] = field(default_factory=set)  # accounts whom a person answers first
    cases: dict[int, Case] = field(default_factory=dict)
    echoes: set[int] = field(default_factory=set)  # inbox rows that are our own words, sent by SMGT
    understood: dict[int, Understanding] = field(default_factory=dict)  # by inbox row id
    ours: dict[tuple[Platform, str], Ours] = field(default_factory=dict)  # by the platform's message id
    heard: dict[tuple[Platform, str], Mapping[str, Any]] = field(default_factory=dict)  # transcript rows by message id
    # words of an account in a thread that became no ticket, oldest first
    untaken: dict[tuple[Platform, str, int | None], list[str]] = field(default_factory=dict)
    buttons: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    drafts: dict[int, Mapping[str, Any]] = field(default_factory=dict)
    albums: set[tuple[int, str]] = field(default_factory=set)  # of which a picture was heard: ticket, album
    pictures: list[Mapping[str, Any]] = field(default_factory=list)  # officers', that drafts or updates here name
    found: FoundSince = field(default_factory=FoundSince)
    ties: Ties | None = None  # None: nothing is linked (no tables at hand)
    _by_account: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    _by_thread: dict[tuple[Platform, str], list[int]] = field(default_factory=lambda: defaultdict(list))
    _by_number: dict[str, int] = field(default_factory=dict)
    _provisional: int = 0

    def keep(self, case: Case) -> None:
        """Take a case in, new or changed."""
        if case.id not in self.cases:
            if case.account_id is not None:
                self._by_account[case.account_id].append(case.id)
            self._by_thread[(case.platform, case.thread_id)].append(case.id)
        if case.number:
            self._by_number[case.number] = case.id
        self.cases[case.id] = case

    def gathering_of(self, case: Case) -> Gathering | None:
        """The incident of this ticket, if it has one that was read."""
        if self.ties is None or case.incident_id is None:
            return None
        return self.ties.gatherings.get(case.incident_id)

    def undo(self, steps: Sequence[Step]) -> None:
        """Forget what these steps made of their cases."""
        for step in reversed(steps):
            case = step.decision.case
            if case is not None and step.before is not None:
                self.cases[case.id] = step.before
            elif case is not None and case.is_new and self.cases.pop(case.id, None) is not None:
                self._by_thread[(case.platform, case.thread_id)].remove(case.id)
                if case.account_id is not None:
                    self._by_account[case.account_id].remove(case.id)

    def next_id(self) -> int:
        """A provisional id for a ticket opened in this batch."""
        self._provisional -= 1
        return self._provisional

    def own_cases(self, account_id: int | None) -> list[Case]:
        """The account's cases, newest first."""
        ids = self._by_account.get(account_id, []) if account_id is not None else []
        return sorted((self.cases[number] for number in ids), key=lambda case: (case.opened_at, -case.id), reverse=True)

    def thread_cases(self, platform: Platform, thread_id: str) -> list[Case]:
        """The thread's cases, oldest first."""
        found = (self.cases[number] for number in self._by_thread.get((platform, thread_id), []))
        return sorted(found, key=lambda case: (case.opened_at, abs(case.id)))

    def numbered_cases(self) -> dict[str, Case]:
        """Cases by ticket number."""
        return {number: self.cases[ticket_id] for number, ticket_id in self._by_number.items()}

    def channel_of(self, platform: Platform) -> Channel | None:
        """The first of our accounts on a platform."""
        return next((channel for channel in self.channels.values() if channel.platform is platform), None)


def load(conn: sa.Connection, rows: Sequence[InboxRow], now: datetime, policy: Policy) -> Snapshot:
    """Read everything the batch needs."""
    snapshot = empty(conn, now, policy)
    posts = [(row, row.heard) for row in rows if isinstance(row.heard, Inbound)]
    updates = [row.heard for row in rows if isinstance(row.heard, DeskUpdate)]
    people = {(post.platform, post.author.id): post.author for _, post in posts if post.author and not post.by_us}
    snapshot.accounts = accounts.know(conn, ((key[0], author) for key, author in people.items()), now)
    snapshot.accounts_by_id = {account.id: account for account in snapshot.accounts.values()}
    first = first_accounts.recognised(conn, people.keys(), people)
    snapshot.person_first = {snapshot.accounts[key].id for key in first if key in snapshot.accounts}
    handles = tuple(channel.handle for channel in snapshot.channels.values() if channel.handle)
    for row, post in posts:
        account = snapshot.accounts.get((post.platform, post.author.id)) if post.author else None
        snapshot.understood[row.id] = understand(
            post.text,
            language_hint=account.language if account else None,
            handles=handles,
            any_state=policy.any_state,
            has_media=bool(post.attachments),
            thorough=True,
            is_complaint=row.result == COMPLAINT,
        )
    _load_our_messages(conn, snapshot, posts, updates)
    snapshot.echoes = {row.id for row, post in posts if post.by_us and _is_ours(conn, row, post)}
    _load_heard(conn, snapshot, posts)
    _load_buttons(conn, snapshot, updates)
    _load_cases(conn, snapshot, rows, posts, updates)
    _load_drafts(conn, snapshot)
    _load_pictures(conn, snapshot, updates)
    _load_found(conn, snapshot, (post.thread_id for _, post in posts))
    return snapshot


def _is_ours(conn: sa.Connection, row: InboxRow, post: Inbound) -> bool:
    sent = recognising.is_ours(conn, row.channel_id, post.message_id, post.text)
    return sent or rewinding.is_numbered(conn, row.channel_id, post.message_id)


def empty(conn: sa.Connection, now: datetime, policy: Policy) -> Snapshot:
    """The directory and the channels, no tickets yet."""
    ground = Ground(policy=policy, directory=load_directory(conn, now), standstills=standstills.in_force(conn, now))
    known = {channel.id: channel for channel in channels.all_channels(conn)}
    return Snapshot(now=now, ground=ground, channels=known, ties=Ties(conn))


def _load_our_messages(
    conn: sa.Connection,
    snapshot: Snapshot,
    posts: Sequence[tuple[InboxRow, Inbound]],
    updates: Sequence[DeskUpdate],
) -> None:
    wanted = {post.reply_to_id for _, post in posts if post.reply_to_id}
    wanted |= {post.message_id for _, post in posts if post.by_us}
    wanted |= {_answered(update) for update in updates if update.reply_to_id}
    wanted |= {pressed_under(update) for update in updates if update.press_id}
    _know_by_id(conn, snapshot, wanted)
    strange = {update.key: update for update in updates if _answers_unknown_words(snapshot, update)}
    for update in strange.values():
        _know_a_twin(conn, snapshot, update)
    # Between the two questions the platform's answer may have been written down: then only its id tells.
    left = (update for update in strange.values() if _answers_unknown_words(snapshot, update))
    _know_by_id(conn, snapshot, {_answered(update) for update in left})
    for update in updates:
        if update.reply_to_id and (Platform.TELEGRAM, _answered(update)) not in snapshot.ours:
            _know_album(conn, snapshot, update.chat_id, update.reply_to_id, _answered(update))


def _know_by_id(conn: sa.Connection, snapshot: Snapshot, wanted: Collection[str]) -> None:
    if not wanted:
        return
    query = sa.select(
        outbox.c.channel_id, outbox.c.sent_id, outbox.c.ticket_id, outbox.c.template, outbox.c.step_id
    ).where(outbox.c.sent_id.in_(sorted(wanted)))
    for row in conn.execute(query):
        platform = snapshot.channels[row.channel_id].platform
        snapshot.ours[(platform, row.sent_id)] = Ours(row.ticket_id, row.template, row.step_id)


def _answered(update: DeskUpdate) -> str:
    return f"{update.chat_id}:{update.reply_to_id}"


def pressed_under(update: DeskUpdate) -> str:
    """Our message whose button was pressed, by the platform's id."""
    return f"{update.chat_id}:{update.message_id}"


def _answers_unknown_words(snapshot: Snapshot, update: DeskUpdate) -> bool:
    return bool(update.reply_to_words) and (Platform.TELEGRAM, _answered(update)) not in snapshot.ours


def _know_a_twin(conn: sa.Connection, snapshot: Snapshot, update: DeskUpdate) -> None:
    """Telegram may have taken a message without saying so: an answer to that copy answers the message."""
    row = recognising.by_words_in_chat(conn, update.chat_id, update.reply_to_words)
    if row is not None:
        snapshot.ours[(Platform.TELEGRAM, _answered(update))] = Ours(row.ticket_id, row.template, row.step_id)


def _know_album(conn: sa.Connection, snapshot: Snapshot, chat_id: str, message_id: str, answered: str) -> None:
    row = recognising.by_place_in_album(conn, chat_id, message_id)
    if row is not None:
        snapshot.ours[(Platform.TELEGRAM, answered)] = Ours(row.ticket_id, row.template, row.step_id)


def _load_heard(conn: sa.Connection, snapshot: Snapshot, posts: Sequence[tuple[InboxRow, Inbound]]) -> None:
    by_platform: dict[Platform, set[str]] = defaultdict(set)
    for _, post in posts:
        by_platform[post.platform] |= {post.message_id} | ({post.reply_to_id} if post.reply_to_id else set())
        by_platform[post.platform] |= {post.quoted.id} if post.quoted else set()
    for platform, ids in by_platform.items():
        for row in tickets.messages_known(conn, platform, ids):
            snapshot.heard[(platform, row["message_id"])] = row
    for row in tickets.untaken_words(conn, {(post.platform, post.thread_id) for _, post in posts}):
        key = (Platform(row["platform"]), row["thread_id"], row["account_id"])
        snapshot.untaken.setdefault(key, []).append(row["text"])


def _load_buttons(conn: sa.Connection, snapshot: Snapshot, updates: Sequence[DeskUpdate]) -> None:
    tokens = sorted({update.press_data for update in updates if update.press_data})
    if not tokens:
        return
    for row in conn.execute(sa.select(buttons).where(buttons.c.token.in_(tokens))).mappings():
        snapshot.buttons[row["token"]] = dict(row)


def draft_of(argument: str) -> int:
    """The draft that a button is about; what else it says comes after a bar."""
    return int(argument.partition("|")[0])


def _load_drafts(conn: sa.Connection, snapshot: Snapshot) -> None:
    """Read while their tickets are held: another press may have used one."""
    ids = sorted({draft_of(row["argument"]) for row in snapshot.buttons.values() if row["act"] in ABOUT_DRAFTS})
    if ids:
        for row in conn.execute(sa.select(drafts).where(drafts.c.id.in_(ids))).mappings():
            snapshot.drafts[row["id"]] = dict(row)


def _load_pictures(conn: sa.Connection, snapshot: Snapshot, updates: Sequence[DeskUpdate]) -> None:
    album_ids = {update.album_id for update in updates if update.album_id}
    snapshot.albums = pictures.albums(conn, album_ids)
    refs = {one.ref for update in updates for one in update.attachments if one.ref}
    refs |= {row["photo_ref"] for row in snapshot.drafts.values() if row["photo_ref"]}
    album_ids |= {row["album_id"] for row in snapshot.drafts.values() if row["album_id"]}
    snapshot.pictures = pictures.of_reports(conn, refs, album_ids)


def _load_cases(
    conn: sa.Connection,
    snapshot: Snapshot,
    rows: Sequence[InboxRow],
    posts: Sequence[tuple[InboxRow, Inbound]],
    updates: Sequence[DeskUpdate],
) -> None:
    ids = {ours.ticket_id for ours in snapshot.ours.values() if ours.ticket_id is not None}
    ids |= {row["ticket_id"] for row in snapshot.heard.values() if row["ticket_id"] is not None}
    ids |= {row["ticket_id"] for row in snapshot.buttons.values() if row["ticket_id"] is not None}
    ids |= {row.heard.ticket_id for row in rows if isinstance(row.heard, Undeliverable) and row.heard.ticket_id}
    numbers = {number for understood in snapshot.understood.values() for number in understood.numbers}
    numbers |= {number for update in updates for number in numbers_in(update.text, snapshot.ground.policy.prefix)}
    since = snapshot.now - OLD_TICKETS
    found = [
        *tickets.by_ids(conn, ids),
        *tickets.of_accounts(conn, snapshot.accounts_by_id, since=since),
        *tickets.in_threads(conn, {(post.platform, post.thread_id) for _, post in posts}),
        *tickets.by_numbers(conn, numbers),
    ]
    found += _told_of_together(snapshot, found, updates)
    if tickets.lock(conn, (row["id"] for row in found)):
        found = tickets.by_ids(conn, (row["id"] for row in found))  # as another worker may just have left them
    for row in found:
        snapshot.keep(case_of(row))
    _know_more_accounts(conn, snapshot)


def _told_of_together(
    snapshot: Snapshot, found: Sequence[tickets.TicketRow], updates: Sequence[DeskUpdate]
) -> list[tickets.TicketRow]:
    """The other tickets for which an officer may act at once: those of an incident whose notice they answer."""
    of = {row["incident_id"] for row in found if row["incident_id"] is not None}
    if snapshot.ties is None or not of:
        return []
    snapshot.ties.lock(of)
    if not updates:
        return []
    snapshot.ties.know(of)
    known = {row["id"] for row in found}
    led = (one for one in snapshot.ties.gatherings.values() if one.lead in known)
    return snapshot.ties.tickets({other for one in led for other in one.speaks_for(one.lead or 0)} - known)


def take_in(conn: sa.Connection, snapshot: Snapshot, rows: Iterable[tickets.TicketRow]) -> None:
    """Add tickets found otherwise (time has passed for them)."""
    for row in rows:
        snapshot.keep(case_of(row))
    _know_more_accounts(conn, snapshot)
    _load_found(conn, snapshot, ())


def _load_found(conn: sa.Connection, snapshot: Snapshot, threads: Iterable[str]) -> None:
    wanted = {*threads, *(case.thread_id for case in snapshot.cases.values())}
    snapshot.found.words = rewinding.found_in(conn, wanted)
    numbers = {number for words in snapshot.found.words for number in words.numbers}
    snapshot.found.numbers_here = {str(row["number"]) for row in tickets.by_numbers(conn, numbers)}


def _know_more_accounts(conn: sa.Connection, snapshot: Snapshot) -> None:
    wanted = {case.account_id for case in snapshot.cases.values() if case.account_id is not None}
    for account in accounts.by_ids(conn, wanted - snapshot.accounts_by_id.keys()).values():
        snapshot.accounts_by_id[account.id] = account


def numbers_in(text: str, prefix: str) -> tuple[str, ...]:
    """The ticket numbers an officer's words name."""
    from handlers.understanding.number import find_numbers

    return tuple(find_numbers(text, prefix=prefix)[0]) if text else ()
