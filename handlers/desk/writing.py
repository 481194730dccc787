"""Writing what a batch decided: tickets, talk, history and transcript, table by table.

Owns the one place where decisions become rows; what is said to people is in speech.py. It decides nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from handlers.case import Case
from handlers.conversation import next_wake
from handlers.desk.citizens_pictures import pictures_in
from handlers.desk.papers import Papers
from handlers.desk.rows import row_of
from handlers.desk.said_before import SAID_SINCE
from handlers.desk.snapshot import Snapshot
from handlers.desk.speech import Speech
from handlers.desk.steps import Step
from handlers.desk.undoing import row_of as undo_row
from handlers.effects import (
    AskSatisfaction,
    Label,
    Record,
    SettleSatisfaction,
    Stop,
    UnaskSatisfaction,
    Withdraw,
)
from store import accounts, inbox, labels, pictures, rewinding, tickets, undoing
from store.alarms import raise_alarm
from store.numbers import format_number, next_serials, office_year, split_number
from store.tables import drafts
from store.vocabulary import Sensitivity

ID_YEAR = 10_000_000  # a ticket's id is its year and serial: readable, and unique like its number


class Writer:
    """Writes the steps of one batch in the caller's transaction."""

    def __init__(self, conn: sa.Connection, snapshot: Snapshot) -> None:
        self.conn = conn
        self.snapshot = snapshot
        self.now = snapshot.now
        self.ids: dict[int, int] = {}
        self.cases: dict[int, Case] = {}
        self._draft_ids: dict[int, int] = {}

    def write(self, steps: Sequence[Step]) -> None:
        """Write all steps, tickets first."""
        self._number_new(steps)
        self._write_tickets(steps)
        if self.snapshot.ties is not None:
            self.snapshot.ties.settle(self.ids)
        self._write_words(steps)
        self._write_history(steps)
        self._write_labels(steps)
        self._write_satisfaction(steps)
        self._write_people(steps)
        self._write_pictures(steps)
        self._write_drafts(steps)
        self._write_undos(steps)
        papers = Papers(self.conn, self.snapshot.ground.policy.reach, self.now)
        Speech(papers, self.snapshot, self.numbered, self._draft_ids).say_all(steps)
        self._write_found()

    # -- tickets ---------------------------------------------------------------------------------------------------------

    def _number_new(self, steps: Sequence[Step]) -> None:
        new = list(
            dict.fromkeys(step.decision.case.id for step in steps if step.decision.case and step.decision.case.is_new)
        )
        year, prefix = office_year(self.now), self.snapshot.ground.policy.prefix
        published = {one: number for one, number in self.snapshot.found.given.items() if one in new}
        drawn = [one for one in new if one not in published]
        for provisional, serial in zip(drawn, next_serials(self.conn, year, len(drawn)) if drawn else (), strict=True):
            self._give(provisional, year, serial, format_number(prefix, year, serial))
        for provisional, number in published.items():
            self._give(provisional, *split_number(number), number)

    def _give(self, provisional: int, year: int, serial: int, number: str) -> None:
        self.ids[provisional] = year * ID_YEAR + serial
        self.snapshot.cases[provisional] = replace(self.snapshot.cases[provisional], number=number)

    def numbered(self, case: Case) -> Case:
        """The case with its final id, number and link."""
        known = self.ids.get(case.id)
        linked = self.ids.get(case.linked_to, case.linked_to) if case.linked_to is not None else None
        if known is None:
            return replace(case, linked_to=linked)
        return replace(case, id=known, number=self.snapshot.cases[case.id].number, linked_to=linked)

    def final_id(self, ticket_id: int | None) -> int | None:
        """The id a ticket has once written."""
        return self.ids.get(ticket_id, ticket_id) if ticket_id is not None else None

    def _write_tickets(self, steps: Sequence[Step]) -> None:
        opened: dict[int, Case] = {}
        changed: dict[int, Case] = {}
        for step in steps:
            case = step.decision.case
            if case is None:
                continue
            target = opened if case.is_new else changed
            if not case.is_new and case == step.before and case.id not in changed:
                continue
            target[case.id] = case
        policy = self.snapshot.ground.policy
        for group, write in ((opened, tickets.insert), (changed, tickets.update)):
            ready = sorted((self.numbered(case) for case in group.values()), key=lambda case: case.id)
            self.cases |= {case.id: case for case in ready}
            write(self.conn, [row_of(case, next_wake(case, policy)) for case in ready])

    def _write_found(self) -> None:
        """Words found after a restore are used once; where time would have said more, a person looks."""
        found = self.snapshot.found
        rewinding.use(self.conn, found.used, self.now)
        for ticket_id in sorted(found.withheld):
            sentence = (
                f"Ticket {self.snapshot.cases[ticket_id].number}: something was said there after the backup was taken, so "
                "nothing more is said by itself until an officer acts; look at the thread."
            )
            raise_alarm(self.conn, SAID_SINCE, f"ticket:{ticket_id}", sentence, self.now)

    # -- what was heard ----------------------------------------------------------------------------------------------------

    def _write_words(self, steps: Sequence[Step]) -> None:
        rows: list[dict[str, Any]] = []
        for step in steps:
            case = step.decision.case or step.before
            rows += [
                {
                    "ticket_id": self.final_id(case.id) if case else None,
                    "account_id": step.origin.account_id if words.speaker in ("citizen", "stranger") else None,
                    "officer_id": step.origin.by.officer_id if step.origin.by else None,
                    "platform": words.platform,
                    "speaker": words.speaker,
                    "message_id": words.message_id,
                    "version": words.version,
                    "thread_id": words.thread_id,
                    "text": words.text,
                    "attachments": words.attachments,
                    "occurred_at": words.occurred_at,
                }
                for words in step.words
            ]
        tickets.add_words(self.conn, rows)

    def _write_history(self, steps: Sequence[Step]) -> None:
        rows: list[dict[str, Any]] = []
        for step in steps:
            case = step.decision.case or step.before
            rows += [
                {
                    "ticket_id": self.final_id(case.id) if case else None,
                    "kind": effect.kind,
                    "at": self.now,
                    "actor": step.origin.actor,
                    "officer_id": step.origin.by.officer_id if step.origin.by else None,
                    "post": step.origin.by.post if step.origin.by else None,
                    "inbox_id": step.origin.inbox_id,
                    "codes": dict(effect.codes),
                }
                for effect in step.decision.effects
                if isinstance(effect, Record)
            ]
        tickets.add_events(self.conn, rows)

    def _write_labels(self, steps: Sequence[Step]) -> None:
        """Sensitive tickets teach nothing: nobody reads their words for learning."""
        rows = [
            {
                "ticket_id": self.final_id(case.id),
                "told_by": effect.told_by,
                "category": effect.category,
                "district": effect.district,
                "department": effect.department,
                "at": self.now,
            }
            for step in steps
            if (case := step.decision.case) is not None and case.sensitivity is not Sensitivity.SENSITIVE
            for effect in step.decision.effects
            if isinstance(effect, Label)
        ]
        labels.add(self.conn, rows)

    def _write_satisfaction(self, steps: Sequence[Step]) -> None:
        for step in steps:
            case = step.decision.case
            if case is None:
                continue
            ticket_id = self.ids.get(case.id, case.id)
            for effect in step.decision.effects:
                if isinstance(effect, AskSatisfaction):
                    row = {
                        "ticket_id": ticket_id,
                        "cycle": effect.cycle,
                        "post": effect.post,
                        "officer_id": effect.officer_id,
                        "disposal": effect.disposal,
                        "disposed_at": self.now,
                    }
                    tickets.ask_satisfaction(self.conn, [row])
                elif isinstance(effect, UnaskSatisfaction):
                    undoing.unask(self.conn, ticket_id, effect.cycle)
                elif isinstance(effect, SettleSatisfaction):
                    tickets.settle_satisfaction(self.conn, ticket_id, effect.cycle, effect.outcome, self.now)

    def _write_people(self, steps: Sequence[Step]) -> None:
        for step in steps:
            case = step.decision.case or step.before
            if step.supporter is not None and case is not None:
                tickets.add_support(self.conn, self.ids.get(case.id, case.id), step.supporter, self.now)
            for effect in step.decision.effects:
                if isinstance(effect, Stop) and step.origin.account_id is not None:
                    accounts.set_silence(self.conn, step.origin.account_id, effect.silent, self.now)
                    account = self.snapshot.accounts_by_id[step.origin.account_id]
                    self.snapshot.accounts_by_id[account.id] = replace(account, silent=effect.silent)
                elif isinstance(effect, Withdraw) and step.origin.post is not None:
                    post = step.origin.post
                    tickets.withdraw_words(self.conn, post.platform, effect.message_id, self.now)
                    inbox.purge(self.conn, step.origin.channel_id or 0, effect.message_id)
                    pictures.withdraw(self.conn, effect.message_id)
            if step.decision.case is not None and step.decision.case.is_new and step.origin.account_id is not None:
                accounts.set_language(self.conn, step.origin.account_id, step.decision.case.language)

    def _write_pictures(self, steps: Sequence[Step]) -> None:
        """Citizens' pictures, and officers', to be fetched while the preview is read."""
        for step in steps:
            case = step.decision.case or step.before
            ticket_id = self.final_id(case.id) if case else None
            # Nobody is shown the pictures of a sensitive ticket, so they stay where they are.
            if case is not None and ticket_id is not None and case.sensitivity is not Sensitivity.SENSITIVE:
                for words in step.words:
                    for row in pictures_in(words, ticket_id, step.origin.channel_id or case.channel_id):
                        pictures.keep(self.conn, row)
            for picture in step.pictures if case is not None else ():
                row = {
                    "ticket_id": self.final_id(case.id) if case else None,
                    "source": "officer",
                    "kind": picture.kind,
                    "ref": picture.ref,
                    "channel_id": step.origin.channel_id,
                    "album_id": picture.album_id,
                }
                pictures.keep(self.conn, row)

    def _write_drafts(self, steps: Sequence[Step]) -> None:
        for at, step in enumerate(steps):
            if step.draft is not None and step.decision.case is not None:
                row = {
                    "ticket_id": step.decision.case.id,
                    "officer_id": step.draft.officer_id,
                    "text": step.draft.text,
                    "post": step.draft.post,
                    "photo_ref": step.draft.photo_ref,
                    "album_id": step.draft.album_id,
                    "disposal": step.draft.disposal,
                    "created_at": self.now,
                }
                self._draft_ids[at] = self.conn.execute(
                    drafts.insert().values(**row).returning(drafts.c.id)
                ).scalar_one()
                self._draft_ids[id(step)] = self._draft_ids.pop(at)
            if step.used_draft is not None:
                used = drafts.update().where(drafts.c.id == step.used_draft).values(used_at=self.now)
                self.conn.execute(used)

    def _write_undos(self, steps: Sequence[Step]) -> None:
        for step in steps:
            if step.undo is not None and step.decision.case is not None:
                undoing.keep(self.conn, undo_row(step, step.undo, self.numbered(step.decision.case), self.now))
