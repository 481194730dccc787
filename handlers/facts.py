"""The facts a template may use: codes, numbers and times, never finished sentences.

Owns the shape only. Names of categories, departments, districts and dates are put into a language by render.py.
Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from store.people import Standstill
from store.vocabulary import Disposal, Language, Platform, Sensitivity, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedTicket:
    """A line of a list. `hours_left` is negative when late, None while nobody counts (paused, or not with an office)."""

    number: str
    status: Status
    category: str | None = None  # code
    district: str | None = None  # English name
    locality: str | None = None
    opened_at: datetime
    hours_left: float | None = None
    paused: bool = False
    urgent: bool = False
    reopen_count: int = 0
    others: int = 0  # how many more of the list report the same; one line stands for all
    news: str = ""  # in a list of gathered news: the code of its heading


@dataclass(frozen=True, slots=True)
class PhotoDoubt:
    """What does not fit in a report's photo: when it was taken, if before the complaint; about how far from which place."""

    taken_before: datetime | None
    away_km: int | None
    locality: str | None = None
    district: str | None = None  # English name


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewedPost:
    """A post that a clerk looks at because nobody decided it, or a machine passed it over."""

    written_at: datetime
    words: str | None = None  # masked; None: there are none
    kind: str = ""  # code: what it was taken for
    withheld: bool = False  # there are words, but not for this chat


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Everything a message may say. A template that prints a fact that is None fails: nothing half said is sent."""

    number: str | None = None
    closed_number: str | None = None  # the ticket just closed, when one message closes one and opens another
    previous_number: str | None = None  # the older ticket this one is linked to
    numbers: tuple[str, ...] = ()  # several of the citizen's tickets, to choose from
    typed_number: str | None = None  # a number as the citizen typed it
    note: int | None = None  # running number of a message that got no ticket: keeps two texts apart
    ask: str | None = None  # "district", "category" or "district+category"
    has_media: bool = False  # the matter is in a photo, voice note or video
    reworded: bool = False
    category: str | None = None  # code
    category_choices: tuple[str, ...] = ()  # codes, in the order of their numbers 1, 2, 3
    district: str | None = None  # English name
    district_choices: tuple[str, ...] = ()
    locality: str | None = None
    department: str | None = None  # code, or that of one of its offices
    status: Status | None = None
    due_at: datetime | None = None
    late: bool = False
    opened_at: datetime | None = None
    disposed_at: datetime | None = None
    closed_at: datetime | None = None
    said_at: datetime | None = None  # the moment of this message: keeps a repeated text apart from its twin
    officer_words: str | None = None  # the action-taken report, already masked
    disposal: Disposal | None = None  # what the office's answer says; None: done
    question: str | None = None  # the officer's question, already masked
    may_object: bool = False  # the citizen may still say that they do not accept it
    again: bool = False  # the ticket moved before: its moment keeps this text apart from the last one
    need_reason: bool = False  # the citizen said no without saying what is left
    reason: str | None = None  # code of a listed reason
    helplines: tuple[str, ...] = ()  # codes of referrals.csv, 112 ("emergency") first
    referral: str | None = None  # code of referrals.csv; None with `outside` set: another state
    outside: str | None = None  # the other state's name
    pii_seen: bool = False  # the post carried a phone, Aadhaar or account number
    tell_how_to_follow: bool = False  # later news only on asking: say how to ask
    undo_days: int | None = None
    days: int | None = None  # of more time that an office asks for
    planned_until: datetime | None = None
    standstill_until: datetime | None = None  # the offices of its district have time till then
    help_due_at: datetime | None = None
    from_post: str | None = None  # title of the post that was asked to help
    answer_words: str | None = None  # a colleague's, masked
    marked_to: str | None = None  # title of the field officer's post
    helping: tuple[str, ...] = ()  # titles of the posts that were asked to help
    earlier: tuple[ListedTicket, ...] = ()  # tickets of the same writer on the same matter there, the newest first
    words_withheld: bool = False  # there are words, but not for this chat
    handle: str | None = None  # the citizen's, for an officer alone
    notes: tuple[str, ...] = ()  # of colleagues, masked, the newest last
    others: int = 0  # how many others reported the same
    readers: int = 0  # how many people will read an answer, where more than one
    skipped: int = 0  # tickets of the same incident that an act could not be done to
    lead_number: str | None = None  # the ticket whose notice speaks for this one
    photo_on_record: bool = False
    photo_doubts: tuple[PhotoDoubt, ...] = ()  # for the officer and whoever agrees, never for the citizen
    photo_needed: bool = False  # work of this kind must be shown
    # for officers and the CMO desk
    words: str | None = None  # the citizen's words, masked
    quoted: str | None = None  # another author's post, masked, as evidence
    citizen: str | None = None  # name shown to officers; None when hidden or withheld
    platform: Platform | None = None
    for_whom: str | None = None  # self, family, neighbour, deceased, group
    other_matters: tuple[str, ...] = ()  # codes of categories told beside the main one
    portal_numbers: tuple[str, ...] = ()  # of complaints made elsewhere, the portal's name before each
    keep_name_hidden: bool = False
    sensitivity: Sensitivity | None = None
    urgent: bool = False
    level: int = 0
    passed_over: tuple[str, ...] = ()  # titles of posts that should have been rung, where nobody can act today
    supervisor: str | None = None  # title of the next officer up, named in the notice
    post: str | None = None  # title of the post that owns the ticket
    officer: str | None = None  # name of the person who acted
    reopen_count: int = 0
    disposal_count: int = 0
    percent: int | None = None  # of the time limit that has passed
    hours_left: float | None = None  # negative when late
    citizen_reads: str | None = None  # exactly what the citizen will read, for the preview
    cut: bool = False  # the officer's words were cut to fit
    why: str | None = None  # code: why a thing reached this desk
    claimed_by: str | None = None  # name of the clerk who is working on it
    claimed_until_at: datetime | None = None
    additions: tuple[str, ...] = ()  # later words of the citizen, masked
    language: Language | None = None  # the citizen's
    mapping: tuple[tuple[str, str], ...] = ()  # labelled extra lines, labels are codes
    listed: tuple[ListedTicket, ...] = ()  # one page of a list
    listed_before: int = 0  # lines of the pages before it
    total: int = 0  # lines of all its pages
    late_count: int = 0  # of all of them
    hidden_count: int = 0  # lines that this chat may not read
    counts: tuple[tuple[str, int], ...] = ()  # figures by code
    standstills: tuple[Standstill, ...] = ()  # those in force
    reviewed: tuple[ReviewedPost, ...] = ()  # one page of posts that wait for a clerk's eyes
    since_at: datetime | None = None  # from when on they wait
