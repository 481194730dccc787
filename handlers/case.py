"""One ticket and the talk about it, as the frozen value that the deciding core works on.

Pure. `id` is negative until the ticket is written; its number is given then and never changes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from handlers.lifecycle import ENDED, WITH_OFFICE
from handlers.understanding.meaning import Asked
from store.vocabulary import (
    Awaiting,
    Disposal,
    ErrandKind,
    Language,
    Outcome,
    Platform,
    Register,
    Sensitivity,
    Status,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """Somebody beside the owner who was sent or asked. `due_at` None: under the ticket's own clock."""

    kind: ErrandKind
    post: str
    asked_by: str  # the post that gave it
    asked_at: datetime
    due_at: datetime | None = None
    reminded_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Everything `decide` needs to know of a ticket. Survives a JSON round trip."""

    id: int
    number: str = ""
    platform: Platform
    channel_id: int
    account_id: int | None
    thread_id: str
    first_message_id: str
    language: Language
    status: Status
    category: str | None = None
    district: str | None = None
    locality: str | None = None
    rural: bool | None = None
    agency: str | None = None  # body that the citizen named as in charge
    for_whom: str | None = None  # self, family, neighbour, deceased, group; None where not told
    other_matters: tuple[str, ...] = ()  # categories told beside the main one
    portal_numbers: tuple[str, ...] = ()  # of complaints made elsewhere, the portal's name before each
    department: str | None = None
    owner_post: str | None = None
    register: Register = Register.NORMAL
    sensitivity: Sensitivity = Sensitivity.NORMAL
    urgent: bool = False
    hidden_author: bool = False
    keep_name_hidden: bool = False
    person_first: bool = False  # a person places it; the clock runs from the first post all the same
    linked_to: int | None = None
    incident_id: int | None = None  # of the outage that others report too
    stands_apart: bool = False  # somebody said that it is not the others' matter
    opened_at: datetime
    assigned_at: datetime | None = None
    accepted_at: datetime | None = None
    disposed_at: datetime | None = None
    ended_at: datetime | None = None
    rejected_by: int | None = None  # the officer who did not take it up; None where no person did
    objected_at: datetime | None = None  # the citizen may do that once
    objection_settled_at: datetime | None = None
    outcome: Outcome | None = None
    due_at: datetime | None = None
    paused_at: datetime | None = None
    confirm_asked_at: datetime | None = None
    disposal: Disposal | None = None  # what the office's latest answer says
    last_owner_words: str | None = None
    reminded_percent: int = 0
    escalation_level: int = 0
    reopen_count: int = 0
    disposal_count: int = 0
    forward_count: int = 0
    turn: int = 0
    claimed_by: int | None = None  # the officer of the CMO desk who is working on it, until `claimed_until_at`
    claimed_until_at: datetime | None = None
    errands: tuple[Errand, ...] = ()  # open ones, the oldest first
    planned_until_at: datetime | None = None  # the clock stands till then
    standstill_until_at: datetime | None = None  # the offices of its district have time till then
    planned_turn: int = 0  # the turn in which it was last planned
    # the talk
    awaiting: Awaiting = Awaiting.NOTHING
    asked: Asked = Asked.NOTHING
    awaiting_since_at: datetime | None = None
    reply_to_id: str
    category_choices: tuple[str, ...] = ()
    district_choices: tuple[str, ...] = ()
    keys: frozenset[str] = frozenset()
    mentioned_ids: tuple[str, ...] = ()
    unasked_count: int = 0
    misses: int = 0
    reminded: bool = False
    interim_told: bool = False
    last_heard_at: datetime | None = None

    @property
    def ended(self) -> bool:
        return self.status in ENDED

    @property
    def with_office(self) -> bool:
        return self.status in WITH_OFFICE

    @property
    def errand_posts(self) -> frozenset[str]:
        """The chairs that were sent or asked to help."""
        return frozenset(errand.post for errand in self.errands)

    @property
    def is_new(self) -> bool:
        return self.id < 0
