"""What understanding a text yields: frozen results with confidences and the reasons that decided.

Owns the shapes only. Pure: no rule, no data, no I/O.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from store.vocabulary import Kind, Language, Register


class Asked(StrEnum):
    """What our last question was about."""

    NOTHING = "nothing"
    DISTRICT = "district"
    CATEGORY = "category"
    BOTH = "district+category"
    SATISFACTION = "satisfaction"
    REOPEN_REASON = "reopen_reason"
    OFFICER_QUESTION = "officer_question"


class Verdict(StrEnum):
    """What an answer says about a disposal. Only SATISFIED may close a ticket."""

    SATISFIED = "satisfied"
    UNSATISFIED = "unsatisfied"
    UNCLEAR = "unclear"
    STATUS_QUERY = "status_query"
    NEW_COMPLAINT = "new_complaint"


@dataclass(frozen=True, slots=True)
class PersonalData:
    """A piece of personal data: `kind` (phone, aadhaar, family_id, account, email) and where it stands."""

    kind: str
    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Understanding:
    """What one post says. Where `category` or `district` is None, the matching choices may offer up to three."""

    language: Language
    kind: Kind
    confidence: float  # of the category, 0..1
    category: str | None = None
    category_choices: tuple[str, ...] = ()
    district: str | None = None
    district_choices: tuple[str, ...] = ()  # filled when torn between at most three
    district_confidence: float = 0.0  # of the first district, 0..1, taken or not
    locality: str | None = None  # the place words as written, for the officer
    rural: bool | None = None
    outside: str | None = None  # the other state named, when none of Haryana's places is
    register: Register = Register.NORMAL
    self_harm: bool = False
    referral: str | None = None  # code of referrals.csv (body to ask, or emergency helpline beside 112)
    pii: tuple[PersonalData, ...] = ()
    masked: str = ""  # the text with personal data and swear words dotted
    numbers: tuple[str, ...] = ()  # our ticket numbers named in the text, canonical
    bad_numbers: tuple[str, ...] = ()  # look like ours, wrong check digit
    portal_numbers: tuple[tuple[str, str], ...] = ()  # (portal, number) of complaints made elsewhere
    other_matters: tuple[str, ...] = ()  # categories told besides the main one; only when read thoroughly
    agency: str | None = None  # body named as in charge: mcg, hsvp, pwd ... (data/signs.tsv)
    for_whom: str | None = None  # self, family, neighbour, deceased, group; None where it is not plain
    keep_name_hidden: bool = False  # "my name must not come out"
    has_matter: bool = False  # the text itself names something (category or place), not only "please see"
    keys: frozenset[str] = frozenset()  # content word keys, for comparing two posts
    ask: Asked = Asked.NOTHING  # NOTHING, DISTRICT, CATEGORY or BOTH
    reasons: tuple[str, ...] = ()  # the spans and rules that decided, for people


@dataclass(frozen=True, slots=True, kw_only=True)
class Wants:
    """What a citizen's message asks of us besides its matter."""

    stop: bool = False
    start: bool = False
    withdraw: bool = False
    status: bool = False
    thanks: bool = False
    resolved: bool = False  # says, unasked, that the trouble is over
    unresolved: bool = False  # says, unasked, that it is not solved, or that our answer is false
    reopen: bool = False
    correction: bool = False  # "not Hisar, it is Hansi"
    me_too: bool = False  # "same here"
    dont_know: bool = False
    threatened: bool = False  # says somebody threatens them


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a message says in answer to our question; slots are filled from any message, over-answering included."""

    district: str | None = None
    district_choices: tuple[str, ...] = ()
    locality: str | None = None
    outside: str | None = None
    category: str | None = None
    category_choices: tuple[str, ...] = ()
    verdict: Verdict | None = None
    wants: Wants = Wants()
    rest: str = ""  # the clause about another matter ("... but now the street light is out")
    rest_category: str | None = None
    reasons: tuple[str, ...] = ()
