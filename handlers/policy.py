"""The office's rules as one frozen value: windows, limits of how much we speak, where the ladder ends.

Pure. Values come from settings; the defaults are those of the office's design.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum

from handlers.reach import EVERYBODY, Reach


class FollowUps(StrEnum):
    """What X permits us to post under a citizen's post without a fresh word from them."""

    PERMITTED = "permitted"
    ASKED = "asked"
    NEVER = "never"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Windows are durations of the office clock."""

    prefix: str = "HRY"
    details_after: timedelta = timedelta(hours=24)  # no answer to our question: to the desk with what is known
    satisfaction_reminder_after: timedelta = timedelta(hours=48)
    satisfaction_close_after: timedelta = timedelta(hours=168)
    question_cap: timedelta = timedelta(hours=72)  # how long an officer's question stops the clock
    reopen_within: timedelta = timedelta(days=30)
    undo_withdrawal_within: timedelta = timedelta(days=7)
    thread_join: timedelta = timedelta(seconds=180)
    confirm_emergency_after: timedelta = timedelta(minutes=10)
    undo_within: timedelta = timedelta(seconds=60)  # an act can be taken back; its public words wait so long
    night_from: int = 22  # hours of the office's day in which nothing unasked and not urgent is posted
    night_to: int = 7
    x_follow_ups: FollowUps = FollowUps.PERMITTED
    max_unasked_per_ticket: int = 6
    any_state: bool = False
    flood_per_hour: int = 20  # posts of one account within an hour; what is beyond waits for a person
    photo_far_km: float = 25.0  # farther from the complaint's place than this an officer is shown a doubt
    remind_at: tuple[int, ...] = (50, 90)  # per cent of the time limit
    top_level: int = 3
    repeat_overlap: float = 0.6  # share of common content keys that makes two posts one matter
    reach: Reach = EVERYBODY  # whom we speak to while the office goes live step by step
    holidays: frozenset[date] = field(default_factory=frozenset)
