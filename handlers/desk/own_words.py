"""Words that a clerk of the CMO desk writes to a citizen under the ticket's number, as they stand.

Owns what such words need and their public message. When grief is answered in this way is decided in officers.py.
"""

from __future__ import annotations

from typing import Final

from handlers.case import Case
from handlers.desk.snapshot import Snapshot
from handlers.desk.steps import Origin, Outcome, Step
from handlers.desk.telling import refuse
from handlers.effects import Decision, How, Record, Say, Tell
from handlers.facts import Facts
from handlers.heard import OfficerBy
from handlers.render import RenderError, fits_whole
from handlers.speaking import may_speak_unasked, speak_within_limits
from handlers.understanding import mask
from store.inbound import DeskUpdate
from store.vocabulary import Role

SAY: Final = "/say"


def is_own_words(text: str) -> bool:
    """Does a reply say by itself that it is for the citizen?"""
    return text.split(maxsplit=1)[:1] == [SAY]


def said_by_hand(snapshot: Snapshot, origin: Origin, update: DeskUpdate, case: Case, by: OfficerBy) -> Outcome:
    """A reply that begins with /say: for the CMO desk alone, while the ticket is open."""
    words = mask(update.text.strip().removeprefix(SAY).strip())
    if by.role is not Role.CMO_DESK:
        return refuse(origin, "for_cmo_desk", case)
    if case.ended:
        return refuse(origin, "closed_ticket", case)
    return say_to_citizen(snapshot, origin, update, case, words) if words else refuse(origin, "empty_text", case)


def say_to_citizen(snapshot: Snapshot, origin: Origin, update: DeskUpdate, case: Case, words: str) -> Outcome:
    """These words in public, where another message may be written unasked and they fit into one."""
    if not may_speak_unasked(case, snapshot.ground.policy):
        return refuse(origin, "not_askable", case)
    try:
        whole = fits_whole(case.language, "desk_words", Facts(number=case.number, officer_words=words))
    except RenderError:
        whole = False
    if not whole:
        return refuse(origin, "text_too_long", case)
    say = Say(
        template="desk_words",
        facts=Facts(officer_words=words),
        step=f"desk_words:{update.chat_id}:{update.message_id}",  # Telegram numbers messages chat by chat
        unasked=True,
        urgent=True,
    )
    told = Tell(template="refusal", facts=Facts(why="words_sent"), how=How.REPLY)
    decision = Decision(case=case, effects=(Record(kind="desk_wrote"), say, told), result="desk_wrote")
    decision = speak_within_limits(decision, snapshot.now, snapshot.ground.policy)
    if decision.case is not None:
        snapshot.keep(decision.case)
    return Outcome("desk_wrote", (Step(origin, case, decision),))
