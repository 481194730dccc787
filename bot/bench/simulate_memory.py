"""An office in memory: the product's own deciding and wording over lists, without any database.

Inbox, outbox and tables are lists and mappings that keep the promises of store/ in a few lines each; what is decided,
when, and in which words is handlers/ itself. Owns these lists. It must not know what is checked. The office on a real
database (simulate_database.py) plays the same seeds, so that the two can be held against each other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from bot.bench.simulate_office import (
    CHANNELS,
    LATER,
    TELEGRAM,
    Clock,
    Fate,
    Happened,
    Message,
    channel_of,
    full_directory,
    with_chair,
)
from handlers.case import Case
from handlers.conversation import next_wake
from handlers.desk.deciding import outcomes_of, woken
from handlers.desk.papers import NEVER_SAID, SAID_LATELY, Papers, thread
from handlers.desk.rows import case_of, row_of
from handlers.desk.snapshot import Ours, Snapshot
from handlers.desk.speech import Speech
from handlers.desk.steps import Draft, Step
from handlers.desk.stopped import ABOUT_SILENCE
from handlers.effects import Stop, Withdraw
from handlers.ground import Ground
from handlers.policy import Policy
from handlers.understanding import understand
from store.accounts import Account
from store.inbound import Heard, Inbound, Undeliverable
from store.inbox import InboxRow, actor_key
from store.numbers import format_number, office_year
from store.outbox import NewRow
from store.people import Directory
from store.tickets import Earlier
from store.vocabulary import DeliveryState, OutgoingAct, Platform

SHORTEST_SLEEP = timedelta(seconds=1)
OPEN = (DeliveryState.PENDING, DeliveryState.RETRY)


@dataclass(slots=True)
class _Row:
    """An outbox row with what only delivery needs."""

    message: Message
    follows: str | None
    supersede_key: str | None
    next_attempt_at: datetime

    def is_ripe(self, now: datetime) -> bool:
        """As in store/outbox.py: what was to go at once goes at once, even if the clock was set back since."""
        at_once = self.message.state is DeliveryState.PENDING and self.next_attempt_at <= self.message.created_at
        return at_once or self.next_attempt_at <= now


class MemoryOffice:
    """One office, whole."""

    def __init__(self, policy: Policy, clock: Clock, empty_chairs: Sequence[str] = ()) -> None:
        self.policy, self.clock = policy, clock
        self.directory: Directory = full_directory()
        for code in empty_chairs:
            self.chair(code, held=False)
        self.cases: dict[int, Case] = {}
        self.wakes: dict[int, datetime | None] = {}
        self.rows: dict[int, _Row] = {}
        self._unsent: dict[int, _Row] = {}
        self.by_step: dict[tuple[str, str], int] = {}
        self._inbox: list[InboxRow] = []
        self._keys: set[tuple[int, str]] = set()
        self._heard_rows = 0
        self._accounts: dict[tuple[Platform, str], Account] = {}
        self._by_id: dict[int, Account] = {}
        self._ours: dict[tuple[Platform, str], Ours] = {}
        self.transcript: list[dict[str, Any]] = []
        self.buttons: dict[str, Mapping[str, Any]] = {}
        self.drafts: dict[int, Mapping[str, Any]] = {}
        self.photos = 0
        self._serials: dict[int, int] = {}
        self._telegram_ids = 0
        self._public_ids = 0

    @property
    def messages(self) -> list[Message]:
        return [row.message for row in self.rows.values()]

    def account(self, platform: Platform, author_id: str) -> Account | None:
        return self._accounts.get((platform, author_id))

    def account_by_id(self, account_id: int) -> Account | None:
        return self._by_id.get(account_id)

    def button(self, token: str) -> tuple[int, str] | None:
        found = self.buttons.get(token)
        return (found["ticket_id"], found["cycle"]) if found is not None else None

    def words_of(self, ticket_id: int) -> list[str]:
        kept = [one for one in self.transcript if one["ticket_id"] == ticket_id and one["speaker"] != "officer"]
        return [one["text"] for one in kept if one["text"]]

    def ticket_of(self, platform: Platform, message_id: str) -> int | None:
        for one in self.transcript:
            mine = one["speaker"] in ("citizen", "stranger") and one["platform"] is platform
            if mine and one["message_id"] == message_id and one["ticket_id"] is not None:
                return int(one["ticket_id"])
        return None

    def chair(self, post: str, *, held: bool) -> None:
        self.directory = with_chair(self.directory, post, held=held)

    def close(self) -> None:
        pass

    # -- inbox -----------------------------------------------------------------------------------------------------------

    def put(self, channel_id: int, events: Sequence[Heard]) -> None:
        for event in events:
            if (channel_id, event.key) in self._keys:
                continue
            self._keys.add((channel_id, event.key))
            self._heard_rows += 1
            self._inbox.append(
                InboxRow(
                    id=self._heard_rows,
                    channel_id=channel_id,
                    event_key=event.key,
                    actor_key=actor_key(event),
                    heard=event,
                    occurred_at=event.occurred_at,
                    received_at=self.clock.now,
                    not_before_at=None,
                    attempts=0,
                )
            )

    def _claimable(self, limit: int) -> list[InboxRow]:
        behind: set[str] = set()
        found: list[InboxRow] = []
        for row in self._inbox:
            if row.not_before_at is not None and row.not_before_at > self.clock.now:
                behind.add(row.actor_key)
            elif row.actor_key not in behind:
                found.append(row)
        return found[:limit]

    def waiting(self) -> int:
        return len(self._claimable(len(self._inbox)))

    # -- deciding ----------------------------------------------------------------------------------------------------------

    def decide(self, limit: int) -> Happened:
        happened = Happened()
        rows = self._claimable(limit)
        try:
            self._decide(rows, happened)
        except Exception as error:  # noqa: BLE001 - told as a broken promise: the real desk would park the row
            happened.failed.append(f"{type(error).__name__}: {error}")
            self._done([row.id for row in rows])
        return happened

    def _decide(self, rows: Sequence[InboxRow], happened: Happened) -> None:
        if not rows:
            return
        snapshot = self._picture(rows)
        outcomes = outcomes_of(snapshot, rows, lambda _row, _update: None)
        self._write([step for _, outcome in outcomes for step in outcome.steps], snapshot, happened)
        for row, outcome in outcomes:
            if outcome.wait_until is not None:
                at = self._inbox.index(row)
                self._inbox[at] = replace(row, not_before_at=outcome.wait_until)
                continue
            happened.results.append(outcome.result)
            self._done([row.id, *outcome.joins])

    def _done(self, ids: Sequence[int]) -> None:
        gone = set(ids)
        self._inbox = [row for row in self._inbox if row.id not in gone]

    def _picture(self, rows: Sequence[InboxRow]) -> Snapshot:
        snapshot = self._empty()
        handles = tuple(CHANNELS[number][0] for number in CHANNELS)
        for row in rows:
            if not isinstance(row.heard, Inbound):
                continue
            post = row.heard
            account = self._know(post) if post.author is not None and not post.by_us else None
            snapshot.understood[row.id] = understand(
                post.text,
                language_hint=account.language if account else None,
                handles=handles,
                any_state=self.policy.any_state,
                has_media=bool(post.attachments),
                thorough=True,
            )
            if post.by_us and (post.platform, post.message_id) in self._ours:
                snapshot.echoes.add(row.id)
        snapshot.accounts = dict(self._accounts)
        snapshot.accounts_by_id = dict(self._by_id)
        snapshot.ours = self._ours
        snapshot.buttons = dict(self.buttons)
        snapshot.drafts = dict(self.drafts)
        for words in self.transcript:
            known = snapshot.heard.get((words["platform"], words["message_id"]))
            if words["speaker"] != "quoted" and (known is None or known["version"] <= words["version"]):
                snapshot.heard[(words["platform"], words["message_id"])] = words
            mine = words["speaker"] == "citizen" and words["account_id"] is not None
            if words["ticket_id"] is None and words["text"] and mine:
                key = (words["platform"], words["thread_id"], words["account_id"])
                snapshot.untaken.setdefault(key, []).append(words["text"])
        return snapshot

    def _empty(self) -> Snapshot:
        ground = Ground(policy=self.policy, directory=self.directory)
        snapshot = Snapshot(now=self.clock.now, ground=ground, channels={one: channel_of(one) for one in CHANNELS})
        snapshot.accounts_by_id = dict(self._by_id)
        for case in self.cases.values():
            snapshot.keep(case)
        return snapshot

    def _know(self, post: Inbound) -> Account | None:
        if post.author is None:
            return None
        key = (post.platform, post.author.id)
        if key not in self._accounts:
            account = Account(
                len(self._accounts) + 1,
                post.platform,
                post.author.id,
                post.author.handle,
                post.author.name,
                None,
                False,
            )
            self._keep_account(account)
        return self._accounts[key]

    def _keep_account(self, account: Account) -> None:
        self._accounts[(account.platform, account.author_id)] = account
        self._by_id[account.id] = account

    def hear_time(self) -> Happened:
        happened = Happened()
        moments = sorted((at, number) for number, at in self.wakes.items() if at is not None and at <= self.clock.now)
        due = [number for _, number in moments]
        if not due:
            return happened
        snapshot = self._empty()
        try:
            steps = [woken(snapshot, number) for number in due]
        except Exception as error:  # noqa: BLE001 - told as a broken promise: the real desk would raise an alarm
            happened.failed.append(f"{type(error).__name__}: {error}")
            self.wakes.update(dict.fromkeys(due))
            return happened
        self._write(steps, snapshot, happened)
        for number in due:
            wake = next_wake(self.cases[number], self.policy)
            self.wakes[number] = max(wake, self.clock.now + SHORTEST_SLEEP) if wake else None
        return happened

    # -- writing -----------------------------------------------------------------------------------------------------------

    def _write(self, steps: Sequence[Step], snapshot: Snapshot, happened: Happened) -> None:
        numbering = _Numbering(snapshot)
        for step in steps:
            case = step.decision.case
            if case is not None and case.is_new and case.id not in numbering.ids:
                year = office_year(self.clock.now)
                serial = self._serials[year] = self._serials.get(year, 0) + 1
                numbering.give(case.id, year * 10_000_000 + serial, format_number(self.policy.prefix, year, serial))
        for step in steps:
            if step.decision.case is not None:
                self._keep_case(numbering.numbered(step.decision.case))
        drafts = {id(step): self._keep_draft(step, numbering) for step in steps if step.draft is not None}
        for step in steps:
            self._keep_words(step, numbering)
            self._keep_people(step)
            if step.used_draft is not None:
                self.drafts[step.used_draft] = {**self.drafts[step.used_draft], "used_at": self.clock.now}
        happened.steps = [numbering.final(step) for step in steps]
        Speech(_PapersInMemory(self, happened), snapshot, numbering.numbered, drafts).say_all(steps)

    def _keep_case(self, case: Case) -> None:
        wake = next_wake(case, self.policy)
        self.cases[case.id] = case_of(row_of(case, wake))  # as the tables would give it back
        self.wakes[case.id] = wake

    def _keep_draft(self, step: Step, numbering: _Numbering) -> int:
        draft = step.draft or Draft(0, "", None)
        case = step.decision.case
        number = len(self.drafts) + 1
        self.drafts[number] = {
            "id": number,
            "ticket_id": numbering.final_id(case.id) if case else None,
            "officer_id": draft.officer_id,
            "text": draft.text,
            "photo_ref": draft.photo_ref,
            "album_id": draft.album_id,
            "post": draft.post,
            "disposal": draft.disposal,
            "created_at": self.clock.now,
            "used_at": None,
        }
        return number

    def _keep_words(self, step: Step, numbering: _Numbering) -> None:
        case = step.decision.case or step.before
        for words in step.words:
            self.transcript.append(
                {
                    "ticket_id": numbering.final_id(case.id) if case else None,
                    "account_id": step.origin.account_id if words.speaker in ("citizen", "stranger") else None,
                    "platform": words.platform,
                    "speaker": words.speaker,
                    "message_id": words.message_id,
                    "version": words.version,
                    "thread_id": words.thread_id,
                    "text": words.text,
                    "attachments": words.attachments,
                }
            )

    def _keep_people(self, step: Step) -> None:
        account = self._by_id.get(step.origin.account_id or 0)
        for effect in step.decision.effects:
            if isinstance(effect, Stop) and account is not None:
                account = replace(account, silent=effect.silent)
                self._keep_account(account)
            elif isinstance(effect, Withdraw):
                for words in self.transcript:
                    if words["message_id"] == effect.message_id:
                        words["text"] = None
        case = step.decision.case
        if case is not None and case.is_new and account is not None:
            self._keep_account(replace(account, language=case.language))

    # -- outbox ------------------------------------------------------------------------------------------------------------

    def queue(self, new: NewRow, happened: Happened) -> None:
        """Take a message in, as store/outbox.py does: a step is said once to one recipient."""
        standing = self.by_step.get((new.step_id, new.recipient))
        if standing is not None:
            said = self.rows[standing].message.outgoing.text
            happened.swallowed.append((new.step_id, said, new.outgoing.text))
            return
        number = len(self.rows) + 1
        message = Message(
            id=number,
            channel_id=new.channel_id,
            step_id=new.step_id,
            recipient=new.recipient,
            destination=new.destination,
            template=new.template,
            outgoing=new.outgoing,
            ticket_id=new.ticket_id,
            account_id=new.account_id,
            urgent=new.urgent,
            created_at=self.clock.now,
        )
        self.by_step[(new.step_id, new.recipient)] = number
        for row in self.open_rows() if new.supersede_key is not None else ():
            if row.supersede_key == new.supersede_key and row.message.recipient == new.recipient:
                row.message = replace(row.message, state=DeliveryState.SUPERSEDED)
        row = _Row(message, new.follows_step, new.supersede_key, new.not_before or self.clock.now)
        self.rows[number] = self._unsent[number] = row
        happened.queued.append(message)

    def open_rows(self) -> list[_Row]:
        """The rows that may still go."""
        self._unsent = {number: row for number, row in self._unsent.items() if row.message.state in OPEN}
        return list(self._unsent.values())

    def deliver(self, fate: Callable[[Message], Fate], limit: int) -> Happened:
        happened = Happened()
        rows = sorted(self.open_rows(), key=lambda row: (not row.message.urgent, row.message.id))
        for channel_id in CHANNELS:
            due = [row for row in rows if row.message.channel_id == channel_id and self._may_go(row)]
            for row in due[:limit]:
                self._try(row, fate, happened)
        return happened

    def _may_go(self, row: _Row) -> bool:
        return row.message.state in OPEN and row.is_ripe(self.clock.now) and not self._is_held(row)

    def _is_held(self, row: _Row) -> bool:
        """An earlier row of its destination must go first, or the message it follows has not gone yet."""
        one = row.message
        for other in self._unsent.values():
            before = other.message
            if before.id >= one.id or before.state not in OPEN:
                continue
            if before.step_id == row.follows and before.recipient == one.recipient:
                return True
            waits = before.state is DeliveryState.RETRY or other.is_ripe(self.clock.now)
            if before.channel_id == one.channel_id and before.destination == one.destination and waits:
                return True
        return False

    def _try(self, row: _Row, fate: Callable[[Message], Fate], happened: Happened) -> None:
        first = self._followed(row)
        if row.follows is not None and (first is None or first.state is not DeliveryState.SENT):
            row.message = replace(row.message, state=DeliveryState.CANCELLED)
            return
        if first is not None and row.message.outgoing.act is OutgoingAct.EDIT:
            target = first.outgoing.message_id or (first.sent_id or "").rpartition(":")[2]
            row.message = replace(row.message, outgoing=replace(row.message.outgoing, message_id=target))
        match fate(row.message):
            case Fate.TAKEN | Fate.LOST:
                sent_id, now = self._sent_id(row.message), self.clock.now
                row.message = replace(row.message, state=DeliveryState.SENT, sent_id=sent_id, sent_at=now)
                happened.delivered.append(row.message)
                if row.message.sent_id is not None:
                    key = (CHANNELS[row.message.channel_id][1], row.message.sent_id)
                    self._ours[key] = Ours(row.message.ticket_id, row.message.template, row.message.step_id)
            case Fate.REFUSED:
                row.message = replace(row.message, state=DeliveryState.PARKED)
                if row.message.is_public:
                    self.refuse(row.message, "x:403")
            case Fate.LATER | Fate.GONE:
                row.message = replace(row.message, state=DeliveryState.RETRY)
                row.next_attempt_at = self.clock.now + LATER

    def refuse(self, message: Message, code: str) -> None:
        """The ticket hears that a message will not be carried."""
        told = Undeliverable(
            key=f"refused:{message.id}",
            occurred_at=self.clock.now,
            outbox_id=message.id,
            ticket_id=message.ticket_id,
            code=code,
            template=message.template,
        )
        self.put(message.channel_id, [told])

    def _followed(self, row: _Row) -> Message | None:
        if row.follows is None:
            return None
        found = self.by_step.get((row.follows, row.message.recipient))
        if found is None:
            return None
        first = self.rows[found]
        if first.message.state is not DeliveryState.SUPERSEDED:
            return first.message
        newer = [one.message for one in self.rows.values() if one.supersede_key == first.supersede_key]
        return newer[-1] if newer else first.message

    def _sent_id(self, message: Message) -> str | None:
        if message.outgoing.act in (OutgoingAct.EDIT, OutgoingAct.ANSWER_PRESS, OutgoingAct.DELETE):
            return None
        if message.channel_id == TELEGRAM:
            self._telegram_ids += 1
            return f"{message.outgoing.thread_id}:{self._telegram_ids}"
        self._public_ids += 1
        return f"our{self._public_ids}"


class _Numbering:
    """Final ids and numbers of the tickets opened in one batch."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.ids: dict[int, int] = {}
        self._snapshot = snapshot

    def give(self, provisional: int, ticket_id: int, number: str) -> None:
        self.ids[provisional] = ticket_id
        self._snapshot.cases[provisional] = replace(self._snapshot.cases[provisional], number=number)

    def final_id(self, ticket_id: int | None) -> int | None:
        return self.ids.get(ticket_id, ticket_id) if ticket_id is not None else None

    def numbered(self, case: Case) -> Case:
        linked = self.final_id(case.linked_to)
        if case.id not in self.ids:
            return replace(case, linked_to=linked)
        number = self._snapshot.cases[case.id].number
        return replace(case, id=self.ids[case.id], number=number, linked_to=linked)

    def final(self, step: Step) -> Step:
        decided = step.decision.case
        after = self.numbered(decided) if decided is not None else None
        before = self.numbered(step.before) if step.before is not None else None
        return replace(step, before=before, decision=replace(step.decision, case=after))


class _PapersInMemory(Papers):
    """What the product's wording reads and writes, kept in lists."""

    def __init__(self, office: MemoryOffice, happened: Happened) -> None:
        self._office = office
        self._happened = happened

    def transcripts(self, ticket_ids: Iterable[int]) -> Sequence[Mapping[str, Any]]:
        wanted = set(ticket_ids)
        return [words for words in self._office.transcript if words["ticket_id"] in wanted]

    def earlier(self, account_ids: Iterable[int]) -> Sequence[Earlier]:
        """Memory tells no officer what a writer complained of before."""
        return ()

    def standing(self, step_ids: Iterable[str]) -> Iterator[tuple[str, str]]:
        wanted = set(step_ids)
        return (key for key in self._office.by_step if key[0] in wanted)

    def said(self, ticket_ids: Iterable[int]) -> Iterator[tuple[int, str]]:
        wanted = set(ticket_ids)
        return ((one.ticket_id or 0, one.outgoing.text) for one in self._lately() if one.ticket_id in wanted)

    def said_without_ticket(self, account_id: int | None, destination: str, template: str) -> Iterator[tuple[int, str]]:
        for one in self._lately():
            heard = one.destination == destination or (account_id is not None and one.account_id == account_id)
            if heard and one.ticket_id is None and one.template == template:
                yield 0, one.outgoing.text

    def _lately(self) -> Iterator[Message]:
        since = self._office.clock.now - SAID_LATELY
        for one in self._office.messages:
            if one.is_public and (one.sent_at is None or one.sent_at > since) and one.state not in NEVER_SAID:
                yield one

    def keep(self, messages: Sequence[NewRow], new_buttons: Sequence[Mapping[str, Any]]) -> list[int]:
        for button in new_buttons:
            self._office.buttons[button["token"]] = button
        for message in messages:
            self._office.queue(message, self._happened)
        return []

    def hurry(self, channel_id: int, destinations: Iterable[str]) -> None:
        """In memory everything goes at once: nothing waits ahead of anything."""

    def keep_photo(self, row: Mapping[str, Any]) -> int:
        self._office.photos += 1
        return self._office.photos

    def show_anew(self, ticket_id: int, chat_id: str) -> None:
        """Memory keeps no pictures."""

    def note(self, ticket_id: int, inbox_id: int | None, codes: Mapping[str, str]) -> None:
        """Memory keeps no history; what was withheld shows in what is not queued."""

    def withhold(self, case: Case) -> None:
        destination = thread(case.platform, case.thread_id)
        for row in self._office.open_rows():
            one = row.message
            mine = one.destination == destination and one.ticket_id == case.id and one.template != "result"
            if mine and one.state is DeliveryState.PENDING:
                row.message = replace(one, state=DeliveryState.CANCELLED)

    def hush(self, account_id: int) -> None:
        for row in self._office.open_rows():
            one = row.message
            if one.account_id != account_id or one.urgent or one.template in ABOUT_SILENCE:
                continue
            row.message = replace(one, state=DeliveryState.CANCELLED)
            if not one.step_id.startswith("answer:"):
                self._office.refuse(one, "stopped")

    def tell_no_chat(self) -> None:
        self._happened.swallowed.append(("no chat", "", "a notice with no chat to go to"))
