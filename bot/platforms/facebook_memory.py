"""What this process heard on a Page lately: to tell news from what is read again, and edits from news.

Owns nothing that a restart may not lose: the inbox keeps each event once, by its key.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Iterable
from typing import Any

from bot.platforms.facebook_events import as_edit
from store.inbound import Inbound


class Memory:
    """What this process heard lately: event keys, and a digest of each message's words to notice edits."""

    def __init__(self, size: int = 50_000) -> None:
        self._size = size
        self._keys: OrderedDict[str, None] = OrderedDict()
        self._words: OrderedDict[str, bytes] = OrderedDict()

    def news(self, events: Iterable[Inbound]) -> list[Inbound]:
        """What of it is new or has changed, oldest first, each once."""
        fresh: dict[str, Inbound] = {}
        for event in events:
            edited = event.key in self._keys and self.differs(event.message_id, event.text)
            heard = as_edit(event) if edited else event
            if heard.key not in self._keys:
                fresh.setdefault(heard.key, heard)
        return sorted(fresh.values(), key=lambda one: one.occurred_at)

    def keep(self, events: Iterable[Inbound]) -> None:
        """These have been taken over by the caller."""
        for event in events:
            self._put(self._keys, event.key, None)
            self._put(self._words, event.message_id, _digest(event.text))

    def differs(self, message_id: str, text: str) -> bool:
        """Whether a message is known with other words."""
        known = self._words.get(message_id)
        return known is not None and known != _digest(text)

    def _put(self, table: OrderedDict[str, Any], key: str, value: Any) -> None:
        table[key] = value
        table.move_to_end(key)
        if len(table) > self._size:
            table.popitem(last=False)


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=8).digest()
