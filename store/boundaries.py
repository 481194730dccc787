"""The named boundaries of the pipeline: every place where it matters whether a process died just before or just after.

Owns the names, what each means, and one hook. Nothing happens at a boundary unless a hook was installed: the proof
kills, stops or breaks the pipeline there. It must not know who listens or why.

"Written" means that the transaction holds the rows and is not yet committed; whatever dies there is rolled back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

Hook = Callable[[str], None]

BOUNDARIES: Final[Mapping[str, str]] = MappingProxyType(
    {
        # reading a channel: bot/intake.py
        "intake.asking": "the platform is about to be asked for a batch",
        "intake.answered": "a batch is in hand, nothing of it is kept",
        "intake.written": "its events and cursors are written",
        "intake.committed": "they are committed; the next batch is not asked for yet",
        # webhooks: bot/web.py, bot/app.py
        "webhook.heard": "a delivery is genuine and understood, nothing of it is kept",
        "webhook.written": "its events are written",
        "webhook.committed": "they are committed; the platform has no 200 yet",
        # deciding: handlers/desk/batch.py
        "desk.claimed": "inbox rows are claimed and locked, nothing is decided",
        "desk.decided": "they are decided, nothing is written",
        "desk.written": "tickets, events, transcript and outbox rows are written, the inbox rows still wait",
        "desk.marked": "the inbox rows are marked as done in the same transaction",
        "desk.committed": "all of it is committed",
        "time.claimed": "tickets whose time came are loaded, nothing is decided",
        "time.written": "what time made of them is written",
        "time.committed": "it is committed",
        "digest.written": "the digest's outbox rows are written",
        "digest.committed": "they are committed",
        "morning.written": "the desks' morning lists are written",
        "morning.committed": "they are committed",
        "alarms.written": "outbox rows that tell of alarms are written",
        "alarms.committed": "they are committed",
        # the right to send: store/lanes.py
        "lane.locked": "a channel's lock is held, the epoch is the old one",
        "lane.written": "the new epoch is written",
        "lane.committed": "the new epoch is committed",
        # sending: bot/delivery.py
        "delivery.orphans_written": "rows of a dead owner are written as unknown",
        "delivery.due": "rows that may go are known (dead owners' rows are committed as unknown)",
        "delivery.sending_written": "rows are written as `sending`, text frozen",
        "delivery.sending_committed": "they are committed; no request has started",
        "delivery.requesting": "one row's request is about to start",
        "delivery.answered": "one row's request has ended, by an answer or a fault; nothing of it is kept",
        "delivery.sent_written": "rows are written as sent, with the platform's ids",
        "delivery.sent_committed": "they are committed",
        "delivery.failed_written": "what became of a row that was not sent (retry, unknown, parked) is written",
        "delivery.failed_committed": "it is committed",
        "delivery.put_back_written": "rows whose request would start too late are written as pending again",
        "delivery.put_back_committed": "they are committed",
        # unknown outcomes: bot/delivery.py
        "readback.asking": "the platform is about to be asked what became of unknown rows",
        "readback.answered": "it has answered, nothing is settled",
        "readback.settled": "what was found and not found is written",
        "readback.committed": "it is committed",
        "repeat.written": "messages that go once more, marked as repeats, are written (Telegram cannot be read back)",
        "repeat.committed": "they are committed",
    }
)

_hooks: list[Hook] = []


def passing(name: str) -> None:
    """Say that the boundary of this name is being passed; whatever the hook raises goes through the caller."""
    if _hooks:
        _hooks[-1](name)


def install(hook: Hook | None) -> None:
    """Let `hook` hear of every boundary passed in this process, from whichever thread; None takes it away."""
    _hooks[:] = [hook] if hook is not None else []
