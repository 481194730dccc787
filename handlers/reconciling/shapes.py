"""A day's reconciliation as frozen shapes: counts, codes and ids, never words.

Pure. Each docstring is the definition that a number is defended with.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from handlers.reconciling.parts import PARTS
from store.vocabulary import Platform


@dataclass(frozen=True, slots=True, kw_only=True)
class Mismatch:
    """Rows that do not agree with what they should have left, or have no cause: a code, a table, ids of it.

    no_ticket            inbox    decided as ticketed, but no ticket was opened for it
    no_answer            inbox    decided as answered, but no message stands in the outbox, nor a reason for none
    no_words             inbox    about a ticket or answered, but its words are not in the transcript
    waiting              inbox    not decided for longer than it may take
    no_first_reply       tickets  no first reply in the outbox in any state, nor a reason for none
    two_first_replies    tickets  more than one first reply
    two_tickets          tickets  several of one and the same post
    ticket_of_no_post    tickets  no inbox row says that it opened this ticket
    answer_to_nothing    outbox   answers an inbox row that is not there or is not decided
    words_of_no_post     transcript  words of a post that the inbox does not hold
    """

    code: str
    table: str
    ids: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """What the decisions about the day's rows left in the other tables, counted there.

    `tickets` opened by them; `replies` their first replies by delivery state; `withheld` the tickets with a stated
    reason for no first reply; `answers` messages to posts that were answered without a ticket, by delivery state;
    `unanswered` those with a stated reason for none.
    """

    tickets: int = 0
    replies: Mapping[str, int] = field(default_factory=dict)
    withheld: int = 0
    answers: Mapping[str, int] = field(default_factory=dict)
    unanswered: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelDay:
    """One channel's day: everything that reached the inbox in it, each row in exactly one part.

    `reasons` counts the ignored ones by their reason; `mismatches` is empty when everything adds up.
    """

    channel: str
    platform: Platform
    parts: Mapping[str, int]
    reasons: Mapping[str, int]
    left: Left
    mismatches: tuple[Mismatch, ...]

    @property
    def seen(self) -> int:
        return sum(self.parts[part] for part in PARTS)

    @property
    def adds_up(self) -> bool:
        return not self.mismatches


@dataclass(frozen=True, slots=True, kw_only=True)
class DayCount:
    """All channels' day, as of `now`. Times are aware UTC."""

    start: datetime
    end: datetime
    now: datetime
    channels: tuple[ChannelDay, ...]

    @property
    def adds_up(self) -> bool:
        return all(one.adds_up for one in self.channels)

    @property
    def odd_rows(self) -> int:
        """How many rows do not add up."""
        return sum(len(odd.ids) for one in self.channels for odd in one.mismatches)
