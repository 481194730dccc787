"""A citizen who does not accept that a ticket was not taken up: heard once, decided by another person, then ended kindly.

Pure. Owns what counts as an objection, who may decide it and what is answered. Taking the ticket up again is done as
every reopening is.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime

from handlers.case import Case
from handlers.effects import Act, Audience, Decision, Effect, Notify, Press, Record, Say
from handlers.facts import Facts
from handlers.heard import CitizenWrote, ObjectionRefused
from handlers.refusing import ActRefused
from handlers.replies import status_facts
from handlers.understanding.meaning import Verdict
from store.people import Directory, Officer
from store.vocabulary import Kind, Role, Status


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Words of which a message that accepts the decision is made, and those that turn thanks into dissent.
ACCEPTS = _words(
    "ok okay k theek thik hai h hain accha achha acha ji haan han yes noted got it fine thanks thank you sir madam no "
    "problem bahut very much so for the reply answer understood samajh samjha gaya gayi aapka dhanyavaad dhanyawad "
    "shukriya ठीक है अच्छा जी हाँ हां धन्यवाद शुक्रिया आभार बहुत आपका समझ समझा गया गई ਠੀਕ ਹੈ ਜੀ ਹਾਂ ਧੰਨਵਾਦ ਸ਼ੁਕਰੀਆ"
)
TURNS = _words(
    "but however not disagree object wrong unfair par lekin magar nahi nahin galat पर लेकिन मगर नहीं गलत ग़लत ਪਰ ਨਹੀਂ ਗਲਤ"
)
WORD = re.compile(r"[^\W\d_][\w\u0900-\u097f\u0a00-\u0a7f]*")
MENTION = re.compile(r"@\w+")
PRESSES = ((Press(act=Act.REOPEN), Press(act=Act.UPHOLD)),)


def is_open(case: Case) -> bool:
    """Does an objection wait for its decision?"""
    return case.status is Status.REJECTED and case.objected_at is not None and case.objection_settled_at is None


def clerks(directory: Directory) -> dict[int, Officer]:
    """The linked people of the CMO desk, by id."""
    posts = (post for post in directory.posts.values() if post.role is Role.CMO_DESK)
    return {one.id: one for post in posts for one in post.holders if one.telegram_user_id}


def accepts(heard: CitizenWrote, *, is_thanks: bool) -> bool:
    """Are these words thanks or a bare "all right", with no dissent beside it?"""
    words = WORD.findall(MENTION.sub("", heard.text).casefold())
    if not ACCEPTS.issuperset(words):
        turned = heard.answer.wants.unresolved or not TURNS.isdisjoint(words)
        return is_thanks and not turned
    return "?" not in heard.text and not heard.has_media


def hear_objection(case: Case, heard: CitizenWrote, now: datetime, directory: Directory) -> Decision:
    """Decide words about a ticket that was not taken up and that are no thanks."""
    if _only_asks(heard):
        say = Say(template="status", facts=status_facts(case, now), step="answer")
        return Decision(case=case, effects=(Record(kind="heard"), say), result="answered:status")
    if case.objection_settled_at is not None:
        say = Say(template="objection_final", step="answer")
        return Decision(case=case, effects=(Record(kind="objected_again"), say), result="answered:objection_final")
    first = case.objected_at is None
    objected = replace(case, objected_at=case.objected_at or now, paused_at=case.paused_at or now)
    notice = objection_notice(objected, directory, f"objection:{heard.message_id}", heard.understanding.masked or None)
    record = Record(kind="objected" if first else "objection_added")
    say = Say(template="objection_received", step="answer")
    return Decision(case=objected, effects=(record, notice, say), result="answered:objection")


def objection_notice(case: Case, directory: Directory, step: str, words: str | None = None) -> Notify:
    """Show the CMO desk the objection: who may not decide it, and whether anybody else can."""
    known = clerks(directory)
    alone = case.rejected_by is not None and not known.keys() - {case.rejected_by}
    rejecter = known.get(case.rejected_by or 0)
    facts = Facts(why="alone" if alone else "objection", words=words, officer=rejecter.name if rejecter else None)
    return Notify(audience=Audience.CMO, template="objection_notice", facts=facts, step=step, presses=PRESSES)


def _only_asks(heard: CitizenWrote) -> bool:
    """A bare question how it stands, or a wish to end it, is no dissent."""
    wants, kind = heard.answer.wants, heard.understanding.kind
    dissents = wants.unresolved or wants.reopen or heard.answer.verdict is Verdict.UNSATISFIED
    told = kind in (Kind.GRIEVANCE, Kind.EMERGENCY)
    return (wants.status or wants.withdraw) and not (dissents or told)


def check_may_settle(case: Case, officer_id: int) -> None:
    """Raise ActRefused if the one who decides is the one who rejected."""
    if is_open(case) and officer_id == case.rejected_by:
        raise ActRefused("another_decides")


def refuse_objection(case: Case, act: ObjectionRefused, now: datetime) -> Decision:
    """Another person has read it all and the decision stays; the citizen is told so."""
    if not is_open(case):
        raise ActRefused("objection_decided")
    check_may_settle(case, act.by.officer_id)
    settled = replace(case, objection_settled_at=now, paused_at=None)
    effects: tuple[Effect, ...] = (
        Record(kind="objection_refused"),
        Say(template="objection_refused", step=f"objection_refused:{int(now.timestamp())}", unasked=True),
    )
    return Decision(case=settled, effects=effects, result="upheld")
