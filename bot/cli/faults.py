"""The one place that turns faults of users, settings, files and platforms into a sentence and an exit code.

Owns which exceptions are somebody's fault outside the program. Anything else is ours and keeps its traceback. It is
imported only once something failed.
"""

from __future__ import annotations

import sys

from bot.cli.ending import Failed
from bot.clocks import ClockUnavailable
from bot.office_calendar import HolidaysFileFault
from bot.platforms.port import PlatformError
from bot.roles import RolesRefused
from bot.settings import SettingsError
from handlers.digest.demand import UnknownScope
from handlers.digest.editions import DayNotBegun
from handlers.understanding.tables import BadTable
from store.channels import ChannelMismatch
from store.csv_lines import DirectoryFaults
from store.db import DatabaseUnusable
from store.directory import DirectoryRefused
from store.lanes import AlreadyRunning
from store.standstills import StandstillRefused

SAID_ALREADY = (  # their message is written for the operator, one sentence a line
    SettingsError,
    DatabaseUnusable,
    DirectoryFaults,
    DirectoryRefused,
    ChannelMismatch,
    AlreadyRunning,
    ClockUnavailable,
    HolidaysFileFault,
    DayNotBegun,
    UnknownScope,
    BadTable,
    RolesRefused,
    StandstillRefused,
)


_LATE = {"bot.demo.posts": "PostsFault", "bot.sandbox.server": "PortTaken", "handlers.learning.corpus": "BadLabel"}
"""The same, in modules too heavy to import for asking: who raised it has imported them."""


def told(error: Exception) -> Failed | None:
    """The fault as its sentence, or None if it is the program's own."""
    late = tuple(getattr(sys.modules[module], name) for module, name in _LATE.items() if module in sys.modules)
    if isinstance(error, (*SAID_ALREADY, *late)):
        return Failed(str(error))
    if isinstance(error, PlatformError):
        return Failed(f"{error.sentence} ({error.code})")
    if isinstance(error, OSError) and error.filename and error.strerror:
        return Failed(f"{error.filename}: {error.strerror}; check the path and its rights.")
    return None
