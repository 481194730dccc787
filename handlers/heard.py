"""What the core may hear: a citizen's words already understood, an officer's act, time passing, a refusal.

Pure shapes. Time comes through the same door as a message.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from handlers.understanding.meaning import Answer, Understanding
from store.vocabulary import Disposal, Role


class Speaker(StrEnum):
    """Who writes, seen from the ticket."""

    COMPLAINANT = "complainant"
    UNPROVEN = "unproven"  # under a post whose author the platform hides: may be the complainant
    STRANGER = "stranger"


@dataclass(frozen=True, slots=True, kw_only=True)
class CitizenWrote:
    """A citizen's message about a ticket, or the one that opens it."""

    speaker: Speaker
    message_id: str
    text: str
    understanding: Understanding
    answer: Answer
    occurred_at: datetime
    names_us: bool = True  # answering it is allowed by the platform
    has_media: bool = False
    quoted: str | None = None
    joined: bool = False  # a part of a thread that is one complaint


@dataclass(frozen=True, slots=True, kw_only=True)
class OfficerBy:
    """Who acts and in which chair."""

    officer_id: int
    name: str
    post: str
    role: Role


@dataclass(frozen=True, slots=True, kw_only=True)
class OfficerAccepted:
    by: OfficerBy


@dataclass(frozen=True, slots=True, kw_only=True)
class OfficerAsked:
    by: OfficerBy
    question: str  # masked


@dataclass(frozen=True, slots=True, kw_only=True)
class OfficerForwarded:
    by: OfficerBy
    department: str | None  # None: to the CMO desk
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OfficerDisposed:
    by: OfficerBy
    words: str  # masked
    has_photo: bool = False
    disposal: Disposal = Disposal.DONE


@dataclass(frozen=True, slots=True, kw_only=True)
class OfficerRejected:
    by: OfficerBy
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskPlaced:
    """The CMO desk says what it is about or where it is."""

    by: OfficerBy
    category: str | None = None
    district: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskReopened:
    """The CMO desk reopens on a word it checked itself."""

    by: OfficerBy


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectionRefused:
    """Another person of the CMO desk has read the objection, and the ticket is not taken up."""

    by: OfficerBy


@dataclass(frozen=True, slots=True)
class Silence:
    """Time has passed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SayRefused:
    """The platform refused a message to the citizen for good."""

    template: str
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PostDeleted:
    """The citizen deleted a post."""

    message_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HumanSpoke:
    """A person used our own account in this thread."""

    message_id: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OfficerAskedTime:
    """The office wants so many more days, for a reason (masked)."""

    by: OfficerBy
    days: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SeniorSettledTime:
    """The next officer up grants or refuses it. `asked_at`: the limit as it was when it was asked for."""

    by: OfficerBy
    days: int
    asked_at: str
    granted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OfficerPlanned:
    """The work is planned until a day (the moment at which offices open then), for a reason (masked)."""

    by: OfficerBy
    until: datetime
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OfficerBroughtBack:
    """A planned ticket is to be worked on now. `until`: the plan that was meant, empty for whichever stands."""

    by: OfficerBy
    until: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OfficerMarked:
    """A field officer is sent: the code of their post."""

    by: OfficerBy
    post: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OfficerAskedHelp:
    """Another department's office is asked something (masked)."""

    by: OfficerBy
    department: str
    question: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HelperAnswered:
    """A helping office answers the owner (masked)."""

    by: OfficerBy
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OfficerNoted:
    """A word for colleagues; it stands in the transcript."""

    by: OfficerBy


OfficerActed = (
    OfficerAccepted
    | OfficerAsked
    | OfficerForwarded
    | OfficerDisposed
    | OfficerRejected
    | DeskPlaced
    | DeskReopened
    | ObjectionRefused
    | OfficerAskedTime
    | SeniorSettledTime
    | OfficerPlanned
    | OfficerBroughtBack
    | OfficerMarked
    | OfficerAskedHelp
    | HelperAnswered
    | OfficerNoted
)
Heard = CitizenWrote | OfficerActed | Silence | SayRefused | PostDeleted | HumanSpoke
