"""What a decision wants done, as data. Nothing here sends, writes or knows a template's words.

Pure. `step` names what a message is for; with the ticket's id and the cycle in it, the same message is never queued twice.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from handlers.case import Case
from handlers.facts import Facts
from store.vocabulary import Disposal, Outcome, Teller


class Audience(StrEnum):
    """Whom a notice is for."""

    OWNER = "owner"  # the chat of the post that owns the ticket
    SUPERVISOR = "supervisor"  # the next level up on the ladder
    CMO = "cmo"  # the CMO's own desk
    POST = "post"  # the chair that the notice names


class Act(StrEnum):
    """What an officer's button does."""

    ACCEPT = "accept"
    ASK = "ask"
    DISPOSE = "dispose"
    FORWARD = "forward"
    FORWARD_TO = "forward_to"
    CONFIRM = "confirm"
    CANCEL = "cancel"
    NOT_DONE = "not_done"  # the answer says something else than that it is done
    SAYS = "says"  # what it says
    REJECT = "reject"
    REJECT_FOR = "reject_for"
    REOPEN = "reopen"
    UPHOLD = "uphold"  # the objection is refused
    SET_CATEGORY = "set_category"
    SET_DISTRICT = "set_district"
    MORE_TIME = "more_time"
    GRANT = "grant"
    REFUSE_TIME = "refuse_time"
    CLAIM = "claim"  # "I take this": for five minutes
    OPEN_KEYS = "open_keys"  # other keys under the same notice: groups, districts, reasons
    SPLIT = "split"  # one of those who report this means something else
    SPLIT_OFF = "split_off"  # this one
    MORE = "more"  # what is done more seldom
    MARK = "mark"
    MARK_TO = "mark_to"
    HELP = "help"
    HELP_OF = "help_of"
    PLAN = "plan"
    BRING_BACK = "bring_back"
    NOTE = "note"
    UNDO = "undo"
    DETAILS = "details"
    SHOW = "show"  # a ticket of a list
    PAGE = "page"  # another page of the same list
    STAND_STILL = "stand_still"  # all offices of a district are given time
    CALL_OFF = "call_off"  # and no longer
    LET_DECIDE = "let_decide"  # a post set aside as a flood is decided after all
    END_ALL = "end_all"  # asks once more
    END_ALL_SURE = "end_all_sure"  # the posts of a flood are ended
    FLOOD_OF = "flood_of"  # the flood of another account
    COMPLAINT = "complaint"  # a post passed over in silence is a complaint
    PASSED_PAGE = "passed_page"  # another page of those


OF_REVIEW = frozenset(
    {Act.LET_DECIDE, Act.END_ALL, Act.END_ALL_SURE, Act.FLOOD_OF, Act.COMPLAINT, Act.PASSED_PAGE}
)  # of floods and of what was passed over, by the CMO desk
OF_NO_TICKET = OF_REVIEW | {Act.PAGE, Act.STAND_STILL, Act.CALL_OFF}  # their buttons stand under lists


@dataclass(frozen=True, slots=True, kw_only=True)
class Press:
    """A button to offer. `words` is a code for the button template; `name_of` a code whose name is the label."""

    act: Act
    argument: str = ""
    label: str = ""  # the words on it, where it names something of the directory
    ticket_id: int | None = None  # in a list: the ticket it stands for; else that of the message


@dataclass(frozen=True, slots=True, kw_only=True)
class Say:
    """Tell the citizen, publicly, under `reply_to` (default: their latest post that names us)."""

    template: str
    facts: Facts = field(default_factory=Facts)
    step: str  # "answer" for the one immediate answer to the post being decided
    unasked: bool = False  # not an answer to a post just written
    urgent: bool = False
    reply_to: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SaidBefore:
    """The citizen has heard this already: our post `message_id` stands on the platform, found after a restore."""

    say: Say
    message_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Notify:
    """Tell an office on Telegram."""

    audience: Audience
    template: str
    facts: Facts = field(default_factory=Facts)
    step: str
    urgent: bool = False
    presses: tuple[tuple[Press, ...], ...] = ()
    quiet: bool = False
    post: str | None = None  # the chair, where the audience is one


@dataclass(frozen=True, slots=True)
class Hand:
    """Post the ticket's notice, with buttons, in its owner's chat: a new turn begins.

    `along`: the notice of another ticket of the same incident speaks for it, and none is posted.
    """

    along: bool = False


@dataclass(frozen=True, slots=True)
class RefreshNotice:
    """Edit the ticket's notice so that the chat shows the truth."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """An event of the ticket's history: codes and ids only."""

    kind: str
    codes: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """What people said the ticket is about or where it belongs: kept for learning."""

    told_by: Teller
    category: str | None = None
    district: str | None = None
    department: str | None = None


@dataclass(frozen=True, slots=True)
class Stop:
    """The citizen asked us to be silent, or to speak again."""

    silent: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AskSatisfaction:
    """A satisfaction row begins: one per disposal."""

    cycle: int
    post: str | None = None
    officer_id: int | None = None
    disposal: Disposal = Disposal.DONE


@dataclass(frozen=True, slots=True, kw_only=True)
class SettleSatisfaction:
    """A satisfaction row gets its outcome."""

    cycle: int
    outcome: Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class UnaskSatisfaction:
    """A disposal was taken back before its question was asked."""

    cycle: int


@dataclass(frozen=True, slots=True)
class Withdraw:
    """Destroy our copy of a deleted post's words."""

    message_id: str


class How(StrEnum):
    """How an officer is answered on Telegram."""

    TOAST = "toast"  # after a button press
    REPLY = "reply"  # under the officer's message
    PROMPT = "prompt"  # a message that asks for a reply
    EDIT = "edit"  # in the place of an earlier message of ours


@dataclass(frozen=True, slots=True, kw_only=True)
class Tell:
    """Answer the officer who just pressed or wrote."""

    template: str
    facts: Facts = field(default_factory=Facts)
    how: How
    step: str = "told"
    presses: tuple[tuple[Press, ...], ...] = ()
    private: bool = False  # in the officer's own chat, wherever they pressed
    expires_after: timedelta | None = None  # the message deletes itself
    edit_of: str = ""  # the step whose message is to say this instead


Effect = (
    Say
    | SaidBefore
    | Notify
    | Hand
    | RefreshNotice
    | Record
    | Label
    | Stop
    | AskSatisfaction
    | SettleSatisfaction
    | UnaskSatisfaction
    | Withdraw
    | Tell
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The ticket as it is now, and what is to be done. `case` None: nothing was opened."""

    case: Case | None
    effects: tuple[Effect, ...] = ()
    result: str  # code for the inbox row: ticketed, answered, addition, ignored:..., ...
    rest: str = ""  # the citizen's words about another matter, to be decided as their own
    rest_category: str | None = None
