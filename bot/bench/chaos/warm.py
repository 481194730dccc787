"""Loaded once by the fork server, so that a process that was killed is back in a few hundredths of a second.

Owns loading what every process of the storm needs: the libraries, the office's tables and the learned weights.
"""

from __future__ import annotations

import bot.bench.chaos.worker
import bot.platforms.facebook
import bot.platforms.telegram
import bot.platforms.x
import bot.web  # noqa: F401
from handlers.readiness import read_tables

read_tables()
