"""The directory as frozen shapes: desks, posts, who holds them, who covers what.

Owns shapes and plain look-ups; no SQL, no clock, no rule of routing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from store.vocabulary import Language, Role

WHOLE_STATE = "*"
RUNGS: Mapping[Role, int] = {  # the roles that can stand on a ladder, and at which level
    Role.NODAL_OFFICER: 0,
    Role.DISTRICT_HEAD: 1,
    Role.DISTRICT_NODAL: 1,
    Role.DEPARTMENT_HEAD: 2,
}
USUAL_LADDER: tuple[Role, ...] = tuple(RUNGS)


@dataclass(frozen=True, slots=True)
class Desk:
    """A Telegram group or forum topic. `chat_id` is None until the group is bound."""

    code: str
    title: str
    language: Language
    chat_id: str | None = None
    topic_id: str | None = None
    lost: bool = False

    @property
    def reachable(self) -> bool:
        return self.chat_id is not None and not self.lost


@dataclass(frozen=True, slots=True)
class Officer:
    """A person who holds posts. `telegram_user_id` is None until the invite link was used; it is the private chat too."""

    id: int
    name: str
    telegram_user_id: str | None = None


@dataclass(frozen=True, slots=True)
class Standstill:
    """All offices of a district (or `WHOLE_STATE`), or of one department there, have time until `until_at`."""

    id: int
    district: str
    department: str | None
    reason: str
    from_at: datetime
    until_at: datetime


@dataclass(frozen=True, slots=True)
class Leave:
    """An officer, or else whoever holds a post, is away until `to_at`; a substitute may act for them meanwhile."""

    id: int
    from_at: datetime
    to_at: datetime
    officer: Officer | None = None
    post: str | None = None
    substitute: Officer | None = None


@dataclass(frozen=True, slots=True)
class Post:
    """A chair, not a person. `districts` may be {"*"}: the whole state. Level 0 nodal officer .. 3 the CMO."""

    code: str
    title: str
    role: Role
    department: str | None
    level: int
    desk: str | None
    districts: frozenset[str] = frozenset({WHOLE_STATE})
    holders: tuple[Officer, ...] = ()
    away: frozenset[int] = frozenset()
    substitutes: tuple[Officer, ...] = ()

    @property
    def acting(self) -> tuple[Officer, ...]:
        """Who sits here today and is given work: the holders who are not away, and who stands in for the others."""
        return (*(holder for holder in self.holders if holder.id not in self.away), *self.substitutes)

    @property
    def people(self) -> tuple[Officer, ...]:
        """Who may act from here: on leave an officer is given no work, but loses no right."""
        return (*self.holders, *self.substitutes)

    @property
    def is_of_cmo(self) -> bool:
        return self.role in (Role.CMO_DESK, Role.CMO_VIEWER)

    def covers(self, district: str | None) -> bool:
        return WHOLE_STATE in self.districts or (district is not None and district in self.districts)


@dataclass(frozen=True, slots=True)
class Directory:
    """Everything needed to find the right chair and the right chat, as of one moment."""

    posts: Mapping[str, Post] = field(default_factory=dict)
    desks: Mapping[str, Desk] = field(default_factory=dict)
    leaves: tuple[Leave, ...] = ()
    ladders: Mapping[str, tuple[Role, ...]] = field(default_factory=dict)

    def ladder(self, department: str | None) -> tuple[Role, ...]:
        """Who is asked, one after the other, in this department; the CMO desk stands above every ladder."""
        return self.ladders.get(department or "", USUAL_LADDER)

    def levels(self, department: str | None) -> list[int]:
        """The levels of that ladder, the lowest first."""
        return sorted({RUNGS[role] for role in self.ladder(department)})

    def posts_of(self, telegram_user_id: str) -> Iterator[Post]:
        """The posts this Telegram user holds now, or stands in at."""
        for post in self.posts.values():
            if any(one.telegram_user_id == telegram_user_id for one in post.people):
                yield post

    def officer(self, telegram_user_id: str) -> Officer | None:
        """The officer behind a Telegram user, if linked."""
        for post in self.posts.values():
            for one in post.people:
                if one.telegram_user_id == telegram_user_id:
                    return one
        return None

    def cmo_desk(self) -> Desk | None:
        """The desk of the CMO's own clerks, where everything goes that finds no other place."""
        for post in self.posts.values():
            if post.role is Role.CMO_DESK and post.desk is not None and post.desk in self.desks:
                return self.desks[post.desk]
        return None
