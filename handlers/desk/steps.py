"""What deciding one inbox row brought: steps to be written, each a decision and where it came from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from handlers.case import Case
from handlers.effects import Decision
from handlers.heard import OfficerBy
from store.inbound import DeskUpdate, Inbound
from store.vocabulary import Disposal, Platform

Actor = Literal["citizen", "stranger", "officer", "clock", "office"]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a step came from: its inbox row, who acted, and what was heard."""

    key: str  # "in:<inbox id>" or "wake:<moment>": makes steps of this origin unique
    actor: Actor
    inbox_id: int | None = None
    channel_id: int | None = None
    account_id: int | None = None
    author_id: str = ""
    post: Inbound | None = None
    update: DeskUpdate | None = None
    by: OfficerBy | None = None


@dataclass(frozen=True, slots=True)
class Words:
    """Words to keep in the transcript."""

    platform: Platform
    speaker: str
    message_id: str
    thread_id: str
    text: str
    occurred_at: datetime
    version: int = 1
    attachments: str = "[]"


@dataclass(frozen=True, slots=True)
class Draft:
    """An action-taken report to be confirmed."""

    officer_id: int
    text: str
    photo_ref: str | None
    disposal: Disposal = Disposal.DONE
    album_id: str | None = None  # the other pictures of that album go with it
    post: str | None = None  # the chair in which it was written


@dataclass(frozen=True, slots=True)
class Picture:
    """An officer's picture, to be fetched."""

    kind: str  # photo | document: Telegram leaves a document as the camera made it
    ref: str
    album_id: str | None = None


@dataclass(frozen=True, slots=True)
class Undo:
    """The act of this step can be taken back by who did it."""

    officer_id: int


@dataclass(frozen=True, slots=True)
class Step:
    """One decision about one ticket (or none), with the case as it was before."""

    origin: Origin
    before: Case | None
    decision: Decision
    words: tuple[Words, ...] = ()
    supporter: int | None = None  # account that said "me too"
    pictures: tuple[Picture, ...] = ()
    draft: Draft | None = None
    used_draft: int | None = None
    undo: Undo | None = None
    binds_account: int | None = None  # a hidden author showed itself
    along: bool = False  # done to a ticket that the inbox row was not about: another of the same incident


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an inbox row ended: a code, or a later moment to look again."""

    result: str
    steps: tuple[Step, ...] = ()
    wait_until: datetime | None = None
    joins: tuple[int, ...] = ()  # other inbox rows that were part of this one
    aside: str = ""  # why a person must decide this row
