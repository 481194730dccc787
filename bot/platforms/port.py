"""What every platform adapter promises, and the errors it may raise.

Owns the protocol and the error tree. It must not know any platform, the database or the conversation.

    PlatformError              something did not go as asked
    ├── NotSent                definitely not done; try again at `retry_at` or after `retry_after` seconds
    │   ├── RateLimited        the platform says slow down
    │   ├── Unreachable        no connection was made
    │   └── ChatMoved          the chat has a new id: store it and send there
    ├── Refused                definitely not done and never will be; `code` says why
    │   ├── ChatClosed         nothing goes to this chat until somebody changes that there
    │   ├── ReplyRefused       this citizen cannot be answered there (blocked, deleted, did not mention us)
    │   ├── BadMessage         our own fault: too long, malformed
    │   └── PhotoGone          a stored photo is not there any more
    ├── CredentialsRefused     the account's token is dead: the lane stops and an alarm is raised
    └── OutcomeUnknown         it may have been done: read back, never resend blind
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Protocol, runtime_checkable

from store.inbound import DeskUpdate, Inbound, Unreadable
from store.outbound import Outgoing
from store.vocabulary import Platform

CLOCK_MARGIN: Final = timedelta(hours=3)
"""How much a platform's clock may differ from ours, or ours have been set right since: a read-back looks this much further
back."""

in_time: ContextVar[Callable[[], bool]] = ContextVar("in_time", default=lambda: True)
"""Whether a request may still start. A message's request that waited too long for a free thread must not start any
more: by then another owner may be reading back what became of it."""


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


class ChatClosed(Refused):
    """The officers' chat takes nothing from us: removed, without rights, closed, gone. Once mended it does again."""


class ReplyRefused(Refused):
    """The citizen cannot be answered there: blocked us, deleted the post, or never mentioned us."""


class BadMessage(Refused):
    """The platform says our message itself is wrong."""


class PhotoGone(Refused):
    """A photo of ours that is no longer there, or never came: what stands beside it may go without."""


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

    A reader that needs several pages sends its pages with empty `cursors` and moves them with the last one. The
    caller's deadline holds for each batch, so a reader that must ask often before it has something to tell sends
    empty batches on the way.
    """

    events: tuple[Inbound | DeskUpdate, ...] = ()
    cursors: Mapping[str, str] = field(default_factory=dict)
    gap: Gap | None = None
    unreadable: tuple[Unreadable, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether it only says that the reader is still at work."""
        return not (self.events or self.cursors or self.gap or self.unreadable)


@dataclass(frozen=True, slots=True)
class Watched:
    """A thread in which we await a citizen's answer, so it is read even when nobody mentions us."""

    thread_id: str
    last_activity_at: datetime
    message_ids: tuple[str, ...] = ()  # citizens' posts of open tickets, looked up for deletes


@dataclass(frozen=True, slots=True)
class Watch:
    """The threads to sweep at this read; the adapter keeps within its own budget, oldest sweep first.

    `is_sparing`: the budget of reads is spent. What people address to us is read on, the rest is left out.
    """

    now: datetime
    threads: tuple[Watched, ...] = ()
    is_sparing: bool = False


@dataclass(frozen=True, slots=True)
class ReadBack:
    """What a read-back found: outbox row id -> platform id; and how far back the read reached.

    `certain`: rows whose message would have been shown if it stood, though the read went back less far than our clock
    would ask for.
    """

    found: Mapping[int, str]
    reaches_back_to: datetime
    certain: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Unknown:
    """A row whose outcome is unknown: its frozen message and when its sending began."""

    row_id: int
    outgoing: Outgoing
    sending_at: datetime
    taken_ids: frozenset[str] = frozenset()  # platform ids that already satisfy another row
    after_id: str | None = None  # a message of ours that stood on the platform before its sending began


@dataclass(frozen=True, slots=True)
class OwnWords:
    """One post or comment that stands in our account's name."""

    message_id: str
    thread_id: str
    reply_to_id: str | None
    text: str
    written_at: datetime


@dataclass(frozen=True, slots=True)
class Said:
    """What our account has said since some moment, oldest first; and how far back the reading reached."""

    words: tuple[OwnWords, ...]
    reaches_back_to: datetime


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

    async def said_since(self, moment: datetime, threads: Collection[str]) -> Said:
        """What our account said since then in these threads; with none named, wherever the account itself tells it.

        X tells all in the timeline and nothing by threads, Facebook what stands under our own posts. A platform without
        read-back tells nothing and reaches nowhere. Raises PlatformError.
        """

    async def fetch(self, ref: str) -> bytes:
        """The bytes of an attachment by its ref. Raises PlatformError."""

    async def close(self) -> None:
        """Release connections."""


@runtime_checkable
class LooksBack(Protocol):
    """An adapter whose platform still shows what was posted before; `read` from such cursors reads it once more."""

    def cursors_at(self, moment: datetime) -> Mapping[str, str]:
        """Where reading stood if everything up to `moment` had been read."""
