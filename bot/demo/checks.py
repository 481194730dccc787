"""What a story may expect of the office, and how each expectation is read off its database.

An expectation is a word and a value: `said routed`, `status assigned|accepted`, `#2 district Rohtak`, `tickets 1`.
said / says / hides / told / shows / withholds / toast / result / attached look at what this step brought; the rest at
the ticket (the story's newest, or the one named). Owns these checks; it must not know how a story is played.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa

from handlers.case import Case
from handlers.desk.rows import case_of
from handlers.understanding.taxonomy import taxonomy
from store import tickets
from store.db import reading
from store.directory import load_directory
from store.payloads import outgoing_from_json
from store.tables import accounts, inbox, outbox
from store.vocabulary import DeliveryState, InboxState, OutgoingAct, Platform

VALUES = frozenset({"sensitivity", "awaiting", "language", "register"})
FLAGS = frozenset({"urgent", "hidden_author", "keep_name_hidden"})
COUNTS = {"reopened": "reopen_count", "level": "escalation_level", "forwarded": "forward_count"}


class UnknownExpectation(ValueError):
    """A story expects something there is no word for."""


@dataclass(frozen=True, slots=True)
class Mark:
    """The moment before a step: what came later belongs to it."""

    outbox: int
    due: Mapping[int, datetime | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Said:
    """A message of ours, as it was queued."""

    template: str
    text: str
    state: str
    recipient: str
    photo: bool


@dataclass(slots=True)
class Checks:
    """Looks at one story's tickets and messages. `roots` are the first posts of its threads, kept by the player."""

    engine: sa.Engine
    platform: Platform
    channel_id: int
    desk_channel_id: int
    roots: Sequence[str]
    handle_of: Callable[[str], str]
    toast: str = ""  # what the officer of this step was told
    heard: str = ""  # the post of this step

    # -- what is there -------------------------------------------------------------------------------------------------

    def mark(self) -> Mark:
        """Now, before a step."""
        with reading(self.engine) as conn:
            last = int(conn.execute(sa.select(sa.func.coalesce(sa.func.max(outbox.c.id), 0))).scalar_one())
        return Mark(last, {case.id: case.due_at for case in self.cases()})

    def cases(self) -> list[Case]:
        """The tickets of this story's threads, in the order they were opened."""
        with reading(self.engine) as conn:
            rows = tickets.in_threads(conn, [(self.platform, root) for root in dict.fromkeys(self.roots)])
        return sorted((case_of(row) for row in rows), key=lambda case: case.id)

    def said(self, mark: Mark) -> list[Said]:
        """Public words queued since `mark` in this story's threads."""
        return [
            said
            for thread, said in self._queued(mark, outbox.c.channel_id == self.channel_id)
            if thread in self.roots and said.state != DeliveryState.CANCELLED
        ]

    def told(self, mark: Mark) -> list[Said]:
        """Officers' messages since `mark` about this story's tickets; edits of a standing notice are not telling."""
        ids = [case.id for case in self.cases()]
        where = sa.and_(outbox.c.channel_id == self.desk_channel_id, outbox.c.ticket_id.in_(ids))
        return [said for _, said in self._queued(mark, where)]

    def _queued(self, mark: Mark, where: sa.ColumnElement[bool]) -> list[tuple[str, Said]]:
        query = sa.select(outbox).where(outbox.c.id > mark.outbox, where).order_by(outbox.c.id)
        found = []
        with reading(self.engine) as conn:
            for row in conn.execute(query):
                outgoing = outgoing_from_json(row.payload)
                if outgoing.act is not OutgoingAct.EDIT:
                    said = Said(row.template, outgoing.text, row.state, row.recipient, outgoing.photo is not None)
                    found.append((outgoing.thread_id, said))
        return found

    def parked(self) -> str | None:
        """The fault of an inbox row that could not be decided, if there is one."""
        query = sa.select(inbox.c.error).where(inbox.c.state == InboxState.PARKED.value).limit(1)
        with reading(self.engine) as conn:
            return conn.execute(query).scalar()

    # -- what must be ----------------------------------------------------------------------------------------------------

    def found(self, expectation: str, case: Callable[[int | None], Case], mark: Mark) -> str | None:
        """None when it is as expected, else what was found instead. Raises UnknownExpectation."""
        for at, one in enumerate(self.cases() if "{#" in expectation else (), 1):
            expectation = expectation.replace(f"{{#{at}}}", one.number)
        name, _, value = expectation.partition(" ")
        which: int | None = None
        if re.fullmatch(r"#\d+", name):
            which = int(name[1:])
            name, _, value = value.partition(" ")
        value = value.strip()
        look = getattr(self, f"_check_{name.replace('-', '_')}", None)
        if look is not None:
            found: str | None = look(value, mark)
            return found
        return self._fact(case(which), name, value, mark)

    def _check_said(self, value: str, mark: Mark) -> str | None:
        return _templates(self.said(mark), value, "said")

    def _check_told(self, value: str, mark: Mark) -> str | None:
        return _templates(self.told(mark), value, "told")

    def _check_said_once(self, value: str, mark: Mark) -> str | None:
        said = [one.template for one in self.said(mark)]
        return None if said == [value] else f"said {said or 'nothing'}"

    def _check_untold(self, value: str, mark: Mark) -> str | None:
        told = [one.template for one in self.told(mark)]
        return f"told {told}" if value in told else None

    def _check_says(self, value: str, mark: Mark) -> str | None:
        return _words(self.said(mark), value, seen=True)

    def _check_hides(self, value: str, mark: Mark) -> str | None:
        return _words(self.said(mark), value, seen=False)

    def _check_shows(self, value: str, mark: Mark) -> str | None:
        return _words(self.told(mark), value, seen=True)

    def _check_withholds(self, value: str, mark: Mark) -> str | None:
        return _words(self.told(mark), value, seen=False)

    def _check_sent(self, value: str, mark: Mark) -> str | None:
        """Did this message reach the platform, or does it still wait: `sent status`; `waiting result`."""
        return self._in_state(value, mark, DeliveryState.SENT)

    def _check_waiting(self, value: str, mark: Mark) -> str | None:
        return self._in_state(value, mark, DeliveryState.PENDING)

    def _in_state(self, template: str, mark: Mark, state: DeliveryState) -> str | None:
        states = [one.state for one in self.said(mark) if one.template == template]
        return None if state.value in states else f"states {states}"

    def _check_attached(self, value: str, mark: Mark) -> str | None:
        photo = any(one.photo for one in self.said(mark))
        return _compare("yes" if photo else "no", value)

    def _check_told_in(self, value: str, mark: Mark) -> str | None:
        """Where the new notice went: a `group` or a person's `private` chat."""
        chats = [int(one.recipient) for one in self.told(mark) if one.template == "notice"]
        kinds = {"private" if chat > 0 else "group" for chat in chats}
        return None if kinds == {value} else f"chats {kinds or 'none'}"

    def _check_tickets(self, value: str, mark: Mark) -> str | None:
        count = len(self.cases())
        return None if count == int(value) else f"{count} tickets"

    def _check_toast(self, value: str, mark: Mark) -> str | None:
        return None if value.lower() in self.toast.lower() else f"the toast {self.toast!r}"

    def _check_result(self, value: str, mark: Mark) -> str | None:
        query = sa.select(inbox.c.result).where(inbox.c.event_key.contains(self.heard, autoescape=True))
        query = query.order_by(inbox.c.id.desc())
        with reading(self.engine) as conn:
            found = str(conn.execute(query.limit(1)).scalar())
        return None if any(found.startswith(one) for one in value.split("|")) else found

    # -- facts of the ticket -------------------------------------------------------------------------------------------------

    def _fact(self, case: Case, name: str, value: str, mark: Mark) -> str | None:
        if name in VALUES:
            return _compare(str(getattr(case, name)), value)
        if name in FLAGS:
            return _compare("yes" if getattr(case, name) else "no", value)
        if name in COUNTS:
            return _compare(str(getattr(case, COUNTS[name])), value)
        match name:
            case "asks":
                return _compare(case.asked.value, value)
            case "category":
                known = taxonomy().categories.get(case.category or "")
                alternatives = value.split("|")
                fits = known is not None and known.base in alternatives
                return None if fits or (case.category or "none") in alternatives else case.category or "none"
            case "district" | "department" | "outcome" | "owner_post":
                return _compare(str(getattr(case, name) or "none"), value)
            case "status":
                return _compare(case.status.value, value)
            case "linked":
                return _compare("yes" if case.linked_to else "no", value)
            case "due":
                return _due(mark.due.get(case.id), case.due_at, value)
            case "paused":
                return _compare("yes" if case.paused_at else "no", value)
        return self._looked_up(case, name, value)

    def _looked_up(self, case: Case, name: str, value: str) -> str | None:
        with reading(self.engine) as conn:
            match name:
                case "history":
                    kinds = [row["kind"] for row in tickets.events_of(conn, case.id)]
                    return None if value in kinds else f"the history {kinds}"
                case "supporters":
                    return _compare(str(tickets.supporters_of(conn, case.id)), value)
                case "complainant":
                    author = sa.select(accounts.c.author_id).where(accounts.c.id == case.account_id)
                    return _compare(str(conn.execute(author).scalar()), self.handle_of(value))
                case "role":
                    post = load_directory(conn, case.opened_at).posts.get(case.owner_post or "")
                    return _compare(post.role.value if post else "none", value)
        raise UnknownExpectation(f"unknown expectation {name!r}")


def _templates(messages: Sequence[Said], value: str, verb: str) -> str | None:
    found = [one.template for one in messages]
    ok = not found if value == "nothing" else any(one in found for one in value.split("|"))
    return None if ok else f"{verb} {found or 'nothing'}"


def _words(messages: Sequence[Said], value: str, *, seen: bool) -> str | None:
    texts = [one.text for one in messages]
    return None if any(value.lower() in text.lower() for text in texts) is seen else f"the words {texts}"


def _due(before: datetime | None, after: datetime | None, value: str) -> str | None:
    if before is None or after is None:
        return None if value == "none" and after is None else f"due {before} and then {after}"
    change = "same" if after == before else "sooner" if after < before else "later"
    return _compare(change, value)


def _compare(found: str, expected: str) -> str | None:
    return None if found in expected.split("|") else found
