"""What every platform adapter promises, and the errors it may raise.

Owns the protocol and the error tree. It must not know any platform, the database or the conversation.

    PlatformError              something did not go as asked
    ├── NotSent                definitely not done; try again at `retry_at` or after `retry_after` seconds
    │   ├── RateLimited        the platform says slow down
    │   ├── Unreachable        no connection was made
    │   └── ChatMoved          the chat has a new id: store it and send there
    ├── Refused                definitely not done and never will be; `code` says why
    │   ├── ReplyRefused       this citizen cannot be answered there (blocked, deleted, did not mention us)
    │   └── BadMessage         our own fault: too long, malformed
    ├── CredentialsRefused     the account's token is dead: the lane stops and an alarm is raised
    └── OutcomeUnknown         it may have been done: read back, never resend blind
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from store.inbound import DeskUpdate, Inbound
from store.outbound import Outgoing
from store.vocabulary import Platform


class PlatformError(Exception):
    """The platform did not do what was asked.

    `code` is short and stable (`x:403`, `facebook:190`); `sentence` is for the operator and holds no secret and
    none of a citizen's words.
    """

    def __init__(
        self,
        code: str,
        sentence: str,
        *,
        retry_at: datetime | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(f"{code}: {sentence}")
        self.code = code
        self.sentence = sentence
        self.retry_at = retry_at
        self.retry_after = retry_after


class NotSent(PlatformError):
    """Definitely not done; may be tried again."""


class RateLimited(NotSent):
    """The platform asked us to slow down."""


class Unreachable(NotSent):
    """No connection was made, so nothing was sent."""


class ChatMoved(NotSent):
    """The Telegram group became a supergroup: `new_chat_id` replaces the stored one, then the message may go."""

    def __init__(self, code: str, sentence: str, *, new_chat_id: str) -> None:
        super().__init__(code, sentence, retry_after=0.0)
        self.new_chat_id = new_chat_id


class Refused(PlatformError):
    """Definitely not done, and trying again will not help."""


class ReplyRefused(Refused):
    """The citizen cannot be answered there: blocked us, deleted the post, or never mentioned us."""


class BadMessage(Refused):
    """The platform says our message itself is wrong."""


class CredentialsRefused(PlatformError):
    """The account's token was refused; nothing will work until a person renews it."""


class OutcomeUnknown(PlatformError):
    """The request may have taken effect; only reading back can tell."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the platform says we are."""

    account_id: str
    handle: str
    name: str


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch of time that could not be read back."""

    since: datetime
    until: datetime
    why: str


@dataclass(frozen=True, slots=True)
class Batch:
    """What one read brought. The inbox stores `events` first; `cursors` move in the same transaction.

    A reader that needs several pages sends its pages with empty `cursors` and moves them with the last one.
    """

    events: tuple[Inbound | DeskUpdate, ...] = ()
    cursors: Mapping[str, str] = field(default_factory=dict)
    gap: Gap | None = None


@dataclass(frozen=True, slots=True)
class Watched:
    """A thread in which we await a citizen's answer, so it is read even when nobody mentions us."""

    thread_id: str
    last_activity_at: datetime
    message_ids: tuple[str, ...] = ()  # citizens' posts of open tickets, looked up for deletes


@dataclass(frozen=True, slots=True)
class Watch:
    """The threads to sweep at this read; the adapter keeps within its own budget, oldest sweep first."""

    now: datetime
    threads: tuple[Watched, ...] = ()


@dataclass(frozen=True, slots=True)
class ReadBack:
    """What a read-back found: outbox row id -> platform id; and how far back the read reached."""

    found: Mapping[int, str]
    reaches_back_to: datetime


@dataclass(frozen=True, slots=True)
class Unknown:
    """A row whose outcome is unknown: its frozen message and when its sending began."""

    row_id: int
    outgoing: Outgoing
    sending_at: datetime
    taken_ids: frozenset[str] = frozenset()  # platform ids that already satisfy another row


class Port(Protocol):
    """One official account of ours on one platform. Every method is bounded in time by the caller's deadline."""

    platform: Platform
    channel: str

    async def identify(self) -> Identity:
        """Ask the platform who we are. Raises CredentialsRefused, NotSent or OutcomeUnknown."""

    def read(self, cursors: Mapping[str, str], watch: Watch) -> AsyncIterator[Batch]:
        """Read what is new since `cursors`, oldest batch first; ends when caught up. Raises PlatformError."""

    async def send(self, outgoing: Outgoing) -> str:
        """Do it and return the platform's id of the result ("" where it has none). Raises PlatformError."""

    async def read_back(self, unknown: Sequence[Unknown]) -> ReadBack:
        """Look for messages whose outcome is unknown. A platform without read-back finds nothing and reaches nowhere."""

    async def fetch(self, ref: str) -> bytes:
        """The bytes of an attachment by its ref. Raises PlatformError."""

    async def close(self) -> None:
        """Release connections."""
