"""What the simulation needs of an office, and the shapes in which it tells what happened.

Two offices keep this promise: one in memory (simulate_memory.py), for thousands of seeds, and one on a real database
(simulate_database.py). Owns the shapes, and the directory both begin with. It must not know what is checked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cache
from typing import Protocol

from handlers.case import Case
from handlers.desk.steps import Step
from handlers.policy import Policy
from store.accounts import Account
from store.channels import Channel
from store.inbound import Heard
from store.outbound import Outgoing
from store.people import Desk, Directory, Officer, Post
from store.vocabulary import DeliveryState, Language, Platform, Role

BEGIN = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)  # a Monday, half past nine in Haryana
DISTRICTS = ("Hisar", "Panchkula", "Rohtak")
DEPARTMENTS = ("ulb", "phed", "pwd", "power", "police", "revenue", "health", "social")
PRIVATE = frozenset({"police"})  # their heads have no group: what is sensitive reaches them alone
LATER = timedelta(minutes=1)  # when a message is tried again
X, X_SECOND, FACEBOOK, TELEGRAM = 1, 2, 3, 4
CHANNELS: Mapping[int, tuple[str, Platform, str]] = {
    X: ("cmohry", Platform.X, "900"),
    X_SECOND: ("cmo2", Platform.X, "901"),
    FACEBOOK: ("cmo", Platform.FACEBOOK, "800"),
    TELEGRAM: ("desk", Platform.TELEGRAM, "700"),
}


class Clock:
    """The office clock: moved by the world alone, forwards and, once in a while, a little back."""

    def __init__(self) -> None:
        self.now = BEGIN

    def __call__(self) -> datetime:
        return self.now

    def move(self, by: timedelta) -> None:
        self.now += by


class Fate(StrEnum):
    """What a platform makes of a message."""

    TAKEN = "taken"
    REFUSED = "refused for good"
    LATER = "not now"
    LOST = "unknown, then found"
    GONE = "unknown, then not there"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """An outbox row as it stands."""

    id: int
    channel_id: int
    step_id: str
    recipient: str
    destination: str
    template: str
    outgoing: Outgoing
    ticket_id: int | None
    account_id: int | None
    urgent: bool
    created_at: datetime
    state: DeliveryState = DeliveryState.PENDING
    sent_at: datetime | None = None
    sent_id: str | None = None

    @property
    def is_public(self) -> bool:
        return CHANNELS[self.channel_id][1] is not Platform.TELEGRAM


@dataclass(slots=True)
class Happened:
    """What one turn of the office did, for the rules to look at."""

    steps: list[Step] = field(default_factory=list)
    results: list[str] = field(default_factory=list)  # how each inbox row ended
    queued: list[Message] = field(default_factory=list)
    swallowed: list[tuple[str, str, str]] = field(default_factory=list)  # step, words that stand, words that were lost
    delivered: list[Message] = field(default_factory=list)  # as they were taken by the platform
    failed: list[str] = field(default_factory=list)  # what could not be decided, and why


class Office(Protocol):
    """An office whose whole work is done when the world says so."""

    policy: Policy
    clock: Clock

    @property
    def directory(self) -> Directory: ...

    @property
    def cases(self) -> Mapping[int, Case]:
        """Every ticket as it stands."""

    @property
    def messages(self) -> Sequence[Message]:
        """Every outbox row as it stands, in the order of their ids."""

    def account(self, platform: Platform, author_id: str) -> Account | None: ...

    def account_by_id(self, account_id: int) -> Account | None: ...

    def button(self, token: str) -> tuple[int, str] | None:
        """The ticket and the turn that a button belongs to."""

    def words_of(self, ticket_id: int) -> Sequence[str]:
        """The citizens' words that are kept of a ticket."""

    def ticket_of(self, platform: Platform, message_id: str) -> int | None:
        """The ticket that a citizen's post is kept on."""

    def chair(self, post: str, *, held: bool) -> None:
        """Somebody takes a chair, or leaves it empty."""

    def put(self, channel_id: int, events: Sequence[Heard]) -> None:
        """Events arrive."""

    def waiting(self) -> int:
        """How many inbox rows could be decided now."""

    def decide(self, limit: int) -> Happened:
        """Decide one batch."""

    def hear_time(self) -> Happened:
        """Let time be heard once."""

    def deliver(self, fate: Callable[[Message], Fate], limit: int) -> Happened:
        """Send what may go."""

    def close(self) -> None:
        """Let everything go."""


def channel_of(channel_id: int) -> Channel:
    """One of our accounts."""
    name, platform, account_id = CHANNELS[channel_id]
    return Channel(channel_id, name, platform, account_id, name)


@cache
def full_directory() -> Directory:
    """The departments of our lines with a nodal officer per district, a divisional head and a head; a group each.

    The others have no officer at all: what belongs to them is the CMO desk's.
    """
    posts: dict[str, Post] = {}
    desks = {"cmo": Desk("cmo", "CMO", Language.HI, "-1")}

    def seat(code: str, role: Role, department: str | None, level: int, districts: Sequence[str]) -> None:
        number = len(posts) + 1
        holder = Officer(number, f"Officer {number}", str(5000 + number))
        desk = department or "cmo"
        alone = role is Role.DEPARTMENT_HEAD and department in PRIVATE
        posts[code] = Post(
            code, f"Post {code}", role, department, level, None if alone else desk, frozenset(districts), (holder,)
        )

    for at, department in enumerate(DEPARTMENTS):
        language = (Language.HI, Language.EN)[at % 2]
        desks[department] = Desk(department, f"Desk {department}", language, f"-{100 + at}")
        for district in DISTRICTS:
            seat(f"{department}-nodal-{district.lower()}", Role.NODAL_OFFICER, department, 0, [district])
        seat(f"{department}-division", Role.DISTRICT_HEAD, department, 1, DISTRICTS)
        seat(f"{department}-head", Role.DEPARTMENT_HEAD, department, 2, ["*"])
    seat("cmo-desk", Role.CMO_DESK, None, 3, ["*"])
    seat("cmo-viewer", Role.CMO_VIEWER, None, 3, ["*"])
    return Directory(posts, desks)


def with_chair(directory: Directory, code: str, *, held: bool) -> Directory:
    """The directory with this chair held by its officer, or empty."""
    post = full_directory().posts[code]
    return replace(directory, posts={**directory.posts, code: post if held else replace(post, holders=())})
