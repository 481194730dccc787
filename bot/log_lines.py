"""What a running process writes on stderr.

Owns the form of a log line, that no secret is in it, and which libraries are kept quiet.
"""

from __future__ import annotations

import logging
import sys
from typing import Final

from bot.platforms.http import redact
from bot.seldom import Seldom

QUIET: Final = (
    "alembic",
    "httpcore",
    "httpx",
    "oauthlib",
    "requests_oauthlib",
    "telegram",
    "tweepy",
    "urllib3",
)
"""Libraries that log every step or every address they ask; only their warnings are let through."""
TICKER: Final = "apscheduler"  # warns whenever a job is still at it: the next tick looks again, so nobody need know


def begin_logging(level: str) -> None:
    """Lines of at least this weight on stderr, without secrets."""
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(Seldom())
    handler.setFormatter(_Redacted("%(asctime)s %(levelname)-7s %(name)s: %(message)s"))
    logging.basicConfig(level=level.upper(), handlers=[handler])
    for noisy in QUIET:
        logging.getLogger(noisy).setLevel(logging.WARNING)
    logging.getLogger(TICKER).setLevel(logging.ERROR)


class _Redacted(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))
