"""The pace of chats: how much each takes, so that a platform need not ask us to slow down, and an answer finds room.

Owns the rule and its memory; all times are of the office clock. Quiet messages stop short of what a chat takes, and the
rest is kept for urgent ones: a cry for help, an answer to an officer who has just pressed. It must not know a text.
"""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final


@dataclass(frozen=True, slots=True)
class Window:
    """In any `seconds` at most `most` messages to one chat, `quiet` of them quiet ones."""

    seconds: int
    most: int
    quiet: int

    @property
    def length(self) -> timedelta:
        return timedelta(seconds=self.seconds)


# Telegram's 20 a minute to a group and one a second to a chat (short bursts are taken); a second more, since it counts
# when a request arrives and we when it starts.
GROUPS: Final = (Window(61, 20, 15), Window(6, 5, 3))
PERSONS: Final = (Window(6, 5, 3),)


@dataclass(frozen=True, slots=True)
class PacePolicy:
    """The windows of a group and of a person's own chat."""

    groups: tuple[Window, ...] = GROUPS
    persons: tuple[Window, ...] = PERSONS


def pace_of(per_minute: int) -> PacePolicy:
    """So many messages a minute to a group, a quarter of them kept for urgent ones; 0 lifts every limit."""
    if not per_minute:
        return PacePolicy((), ())
    return PacePolicy(groups=(Window(61, per_minute, max(1, per_minute - -(-per_minute // 4))), *GROUPS[1:]))


@dataclass(frozen=True, slots=True)
class Rests:
    """The chats that take nothing now, and those that take only what is urgent."""

    everything: frozenset[str] = frozenset()
    quiet: frozenset[str] = frozenset()
    until: datetime | None = None  # when the first of them takes something again

    def __bool__(self) -> bool:
        return bool(self.everything or self.quiet)


@dataclass(slots=True)
class _Chat:
    begun: deque[datetime] = field(default_factory=deque)
    slowed_until: datetime | None = None


class Pace:
    """What lately went to each chat of one channel. Safe between threads."""

    def __init__(self, policy: PacePolicy) -> None:
        self._policy = policy
        windows = (*policy.groups, *policy.persons)
        self._longest = max((one.length for one in windows), default=timedelta(0))
        self._chats: dict[str, _Chat] = defaultdict(_Chat)
        self._lock = threading.Lock()

    def remember(self, begun: Iterable[tuple[str, datetime]]) -> None:
        """What an earlier owner of the lane sent: chats and moments, oldest first."""
        with self._lock:
            self._chats.clear()
            for chat, at in begun:
                self._chats[chat].begun.append(at)

    def note(self, chat: str, now: datetime) -> None:
        """A message to this chat begins."""
        with self._lock:
            self._chats[chat].begun.append(now)

    def slow_down(self, chat: str, until: datetime) -> None:
        """The platform takes nothing for this chat until then."""
        with self._lock:
            self._chats[chat].slowed_until = until

    def rests(self, now: datetime) -> Rests:
        """Which chats rest now. A clock that was set back lets none rest."""
        everything: set[str] = set()
        quiet: set[str] = set()
        moments: list[datetime] = []
        with self._lock:
            for name, chat in list(self._chats.items()):
                self._forget(name, chat, now)
                until_any, until_quiet = self._until(name, chat, now)
                if until_any is not None:
                    everything.add(name)
                    moments.append(until_any)
                if until_quiet is not None:
                    quiet.add(name)
                    moments.append(until_quiet)
        return Rests(frozenset(everything), frozenset(quiet), min(moments, default=None))

    def _forget(self, name: str, chat: _Chat, now: datetime) -> None:
        while chat.begun and not timedelta(0) <= now - chat.begun[0] < self._longest:
            chat.begun.popleft()
        if chat.slowed_until is not None and not now < chat.slowed_until <= now + timedelta(hours=1):
            chat.slowed_until = None
        if not chat.begun and chat.slowed_until is None:
            del self._chats[name]

    def _until(self, name: str, chat: _Chat, now: datetime) -> tuple[datetime | None, datetime | None]:
        """Until when the chat takes nothing at all, and until when nothing quiet; None where it does now."""
        windows = self._policy.groups if name.startswith("-") else self._policy.persons
        slowed = [chat.slowed_until] if chat.slowed_until is not None else []
        any_at = slowed + [at for one in windows if (at := _frees(chat.begun, one, one.most, now)) is not None]
        quiet_at = any_at + [at for one in windows if (at := _frees(chat.begun, one, one.quiet, now)) is not None]
        return max(any_at, default=None), max(quiet_at, default=None)


def _frees(begun: deque[datetime], window: Window, most: int, now: datetime) -> datetime | None:
    """When one more may begin, if not now."""
    recent = [at for at in begun if now - at < window.length]
    return recent[len(recent) - most] + window.length if len(recent) >= most else None
