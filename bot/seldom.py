"""Log lines that come again and again while something outside is broken: told at once, then once a minute.

Owns the filter; who marks a line with `SELDOM` wants it. It must not know what is broken.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from typing import Any, Final

from bot.clocks import machine_seconds

SELDOM: Final[Mapping[str, Any]] = {"seldom": True}  # goes into the `extra` of a log line
EVERY_SECONDS: Final = 60.0
MOST_KNOWN: Final = 1_000


class Seldom(logging.Filter):
    """Holds back a marked line that was told less than a minute ago, word for word."""

    def __init__(self, machine: Callable[[], float] = machine_seconds) -> None:
        super().__init__()
        self._machine = machine
        self._told: dict[tuple[str, str], float] = {}
        self._guard = threading.Lock()

    def filter(self, record: logging.LogRecord) -> bool:
        if not getattr(record, "seldom", False):
            return True
        now, words = self._machine(), (record.name, record.getMessage())
        with self._guard:
            if now - self._told.get(words, -EVERY_SECONDS) < EVERY_SECONDS:
                return False
            if len(self._told) >= MOST_KNOWN:
                self._told.clear()
            self._told[words] = now
        return True
