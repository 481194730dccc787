"""The words of the field as enums: the one home of every name that is stored or compared.

Owns names only. It must not know tables, text for people, or any rule.
"""

from __future__ import annotations

from enum import StrEnum


class Platform(StrEnum):
    """Where an official account of ours lives."""

    X = "x"
    FACEBOOK = "facebook"
    TELEGRAM = "telegram"


class Language(StrEnum):
    """BCP 47 tags of the languages SMGT speaks; Haryanvi is answered in Hindi."""

    EN = "en"
    HI = "hi"
    HI_LATN = "hi-Latn"
    PA = "pa"


class Status(StrEnum):
    """Where a ticket stands. Late, pending and escalated are computed, never stored here."""

    COLLECTING = "collecting"  # we still ask
    TRIAGE = "triage"  # a person at the CMO desk decides
    ASSIGNED = "assigned"
    ACCEPTED = "accepted"
    DISPOSED = "disposed"  # the officer's end; the citizen has not yet agreed
    CLOSED = "closed"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    MERGED = "merged"


class Teller(StrEnum):
    """Who said what a complaint is about or where it belongs."""

    CITIZEN = "citizen"  # answered our question, or put us right
    OFFICER = "officer"  # forwarded it to another department
    DESK = "desk"  # the CMO desk placed it


class Awaiting(StrEnum):
    """What the conversation waits for from the citizen."""

    NOTHING = "nothing"
    DETAILS = "details"  # district and/or category
    OFFICER_QUESTION = "officer_question"
    SATISFACTION = "satisfaction"
    REOPEN_REASON = "reopen_reason"


class Outcome(StrEnum):
    """How a disposal ended for the citizen. Silence is never satisfaction."""

    SATISFIED = "satisfied"
    NOT_SATISFIED = "not_satisfied"
    NO_ANSWER = "no_answer"
    NOT_ASKABLE = "not_askable"  # the platform refused our question


class Disposal(StrEnum):
    """What an office says with its answer. Only `done` with the citizen's yes counts as solved; a promise is none."""

    DONE = "done"
    NOT_FOUND = "not_found"  # not there on site; a photo shows it
    NOT_ELIGIBLE = "not_eligible"  # the rule is cited
    COURT_ORDER = "court_order"  # the case is named; a senior approves
    POLICY = "policy"  # it needs a new decision or money
    OTHER_BODY = "other_body"  # another body than the state's must do it


class CheckResult(StrEnum):
    """What a call of the CMO desk found of an outcome."""

    AGREES = "agrees"  # the citizen says that it is done
    DISAGREES = "disagrees"
    NOT_REACHED = "not_reached"


class ErrandKind(StrEnum):
    """What somebody beside the owner does for a ticket."""

    MARK = "mark"  # a field officer is sent to it
    HELP = "help"  # another office is asked


class Kind(StrEnum):
    """What a post is."""

    GRIEVANCE = "grievance"
    EMERGENCY = "emergency"
    PRAISE = "praise"
    POLITICAL = "political"
    SPAM = "spam"
    NEWS = "news"
    CHATTER = "chatter"
    STATUS_QUERY = "status_query"
    OUT_OF_SCOPE = "out_of_scope"
    SUGGESTION = "suggestion"
    ABUSE = "abuse"


class Register(StrEnum):
    """The voice of a public reply."""

    NORMAL = "normal"
    GRAVE = "grave"  # a death, an assault, a threat to one's own life: no questions of a form
    SENSITIVE = "sensitive"  # number and safety words only, never category or place


class Sensitivity(StrEnum):
    """How a category is handled (column of the same name in categories.csv)."""

    NORMAL = "normal"
    RESTRICTED = "restricted"  # one level above the office complained of
    SENSITIVE = "sensitive"  # a named senior officer's private chat, never a group


class InGroups(StrEnum):
    """What a group of officers reads of a ticket (column `in_groups` of categories.csv)."""

    FULL = "full"
    SUMMARY = "summary"  # matter and place, no words and no name: who tells of it may be in danger
    NUMBER = "number"


class Role(StrEnum):
    """What the holder of a post may do."""

    FIELD_OFFICER = "field_officer"  # JE, SHO, patwari: is sent to a ticket and reports to its owner, never owns one
    NODAL_OFFICER = "nodal_officer"
    DISTRICT_NODAL = "district_nodal"  # City Magistrate: over the normal tickets of all departments of a district
    DISTRICT_HEAD = "district_head"
    DEPARTMENT_HEAD = "department_head"
    CMO_DESK = "cmo_desk"
    CMO_VIEWER = "cmo_viewer"


class InboundVerb(StrEnum):
    """What happened on a citizens' platform."""

    POSTED = "posted"
    EDITED = "edited"
    DELETED = "deleted"


class DeskVerb(StrEnum):
    """What happened on Telegram."""

    WROTE = "wrote"
    EDITED = "edited"
    PRESSED = "pressed"
    MOVED = "moved"  # a group became a supergroup
    MEMBERSHIP = "membership"  # the bot was added, removed or restricted
    OTHER = "other"  # an update SMGT has no use for; kept and marked ignored


class OutgoingAct(StrEnum):
    """What the sender is asked to do on a platform."""

    REPLY = "reply"  # a public reply under a post or comment
    MESSAGE = "message"  # a Telegram message
    EDIT = "edit"  # new text or buttons for a Telegram message of ours
    ANSWER_PRESS = "answer_press"  # the toast after a button press; best effort
    DELETE = "delete"  # take back a twin of ours


class InboxState(StrEnum):
    """Life of a received event."""

    PENDING = "pending"
    DONE = "done"
    PARKED = "parked"


class DeliveryState(StrEnum):
    """Life of an outgoing message."""

    PENDING = "pending"
    SENDING = "sending"
    SENT = "sent"
    RETRY = "retry"
    UNKNOWN = "unknown"
    PARKED = "parked"
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"
    HELD = "held"  # never sent: the office was not speaking (SMGT_MODE) when it was due


class HoursKind(StrEnum):
    """Whose clock a time limit runs on."""

    CALENDAR = "calendar"
    OFFICE = "office"
