"""Whom SMGT speaks to while an office goes live step by step: nobody, one district, or everybody.

Pure. Owns the rule by which a message is held back; store/held.py keeps what was held, handlers/gate.py
asks this rule. Silence begins with a ticket and stays with it: a citizen who was told nothing of it is not suddenly
spoken to in the middle of it, whatever the mode has become.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

SHADOW: Final = "shadow"
ALL: Final = "all"
DISTRICT: Final = "district"
MODES: Final = "all, shadow, or district: and a district's English name, like district:Hisar"


class Why(StrEnum):
    """Why a message was held; kept as the row's error code."""

    SHADOW = "shadow"  # nothing at all is said
    DISTRICT_UNKNOWN = "district_unknown"  # nobody knows yet where its ticket belongs
    OTHER_DISTRICT = "other_district"
    NO_TICKET = "no_ticket"  # it belongs to nothing of the district that is live
    IN_SHADOW = "in_shadow"  # earlier words of its ticket were held
    FOLLOWS_HELD = "follows_held"  # it changes or answers a message that was held


class UnknownMode(ValueError):
    """A mode that there is not; the message says what it must be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaving:
    """What the rule must know of a message that wants to leave."""

    to_officers: bool  # on Telegram
    about_us: bool = False  # an alarm: SMGT itself, no complaint
    answers_officer: bool = False  # what somebody wrote to the bot, or a button they pressed
    ticket_id: int | None = None
    district: str | None = None  # its ticket's
    held: frozenset[str] = frozenset()  # why other words of its ticket were held and never let out
    live_districts: frozenset[str] = frozenset()  # of the addressee's other tickets that are spoken about
    follows_held: bool = False
    released: bool = False  # a person wants it to go


@dataclass(frozen=True, slots=True)
class Reach:
    """A mode: `all` without a district, else only that district; `silent` is the shadow."""

    district: str | None = None
    silent: bool = False

    def __str__(self) -> str:
        """As the setting writes it."""
        if self.silent:
            return SHADOW
        return ALL if self.district is None else f"{DISTRICT}:{self.district}"

    @property
    def meaning(self) -> str:
        """What the mode means, in a line for the operator."""
        if self.silent:
            return "shadow: nothing is sent to anybody; `smgt shadow` shows what would be said"
        if self.district is not None:
            return f"{self}: only what belongs to complaints of {self.district} is sent; the rest is held"
        return "all: everybody is answered"

    def why_held(self, one: Leaving) -> Why | None:
        """Why this message may not leave; None when it may."""
        if self.silent:
            return Why.SHADOW
        if one.released:
            return None
        if one.ticket_id is None:
            return Why.FOLLOWS_HELD if one.follows_held else self._without_ticket(one)
        if self.district is not None and one.district != self.district:
            return Why.OTHER_DISTRICT if one.district else Why.DISTRICT_UNKNOWN
        if one.held - self._forgiven:
            return Why.IN_SHADOW
        return Why.FOLLOWS_HELD if one.follows_held else None

    @property
    def _forgiven(self) -> frozenset[str]:
        """Where only one district is spoken to, a ticket that turns out to be its own begins to speak there."""
        return frozenset() if self.district is None else frozenset({Why.DISTRICT_UNKNOWN.value})

    def _without_ticket(self, one: Leaving) -> Why | None:
        if self.district is None or one.about_us:
            return None
        if one.to_officers:
            return None if one.answers_officer else Why.NO_TICKET
        return None if self.district in one.live_districts else Why.NO_TICKET


EVERYBODY: Final = Reach()


def reach_of(mode: str, districts: Mapping[str, Sequence[str]]) -> Reach:
    """The reach of a setting's text; `districts` maps English names to other spellings. Raises UnknownMode."""
    text = " ".join(mode.split())
    word, colon, name = (part.strip() for part in text.partition(":"))
    match word.lower(), bool(colon):
        case ("all", False):
            return EVERYBODY
        case ("shadow", False):
            return Reach(silent=True)
        case ("district", True):
            return Reach(district=_district(name, districts))
    raise UnknownMode(f"it must be {MODES}")


def _district(name: str, districts: Mapping[str, Sequence[str]]) -> str:
    wanted = _plain(name)
    for one in districts:
        if _plain(one) == wanted:
            return one
    if not wanted:
        raise UnknownMode(f"it must be {MODES}")
    spelt = {_plain(each): one for one, others in districts.items() for each in (*others, one)}
    near = dict.fromkeys(spelt[each] for each in difflib.get_close_matches(wanted, spelt, n=5, cutoff=0.7))
    raise UnknownMode(f"there is no district {name}; write {' or '.join(near) or ', '.join(districts)}")


def _plain(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())
