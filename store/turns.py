"""Turns: one at a time, in the order of asking.

A lock of the standard library wakes anybody; here whoever waits longest comes first. It must not know a database.
"""

from __future__ import annotations

import threading
from collections import deque


class Turns:
    """A lock for threads that is handed to the one who has waited longest. Not to be taken twice by one thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken = False
        self._waiting: deque[threading.Event] = deque()

    def take(self, seconds: float) -> bool:
        """Wait for one's turn; False if it did not come in time."""
        with self._lock:
            if not self._taken:
                self._taken = True
                return True
            mine = threading.Event()
            self._waiting.append(mine)
        if mine.wait(seconds):
            return True
        with self._lock:
            if mine.is_set():  # it came while we gave up
                return True
            self._waiting.remove(mine)
            return False

    def give_back(self) -> None:
        """Hand it to the next."""
        with self._lock:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._taken = False
