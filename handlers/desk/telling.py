"""Answering the officer who just pressed or wrote: a toast, a reply, a refusal; and in which chair they sit.

Owns these small answers, so that every part of the desk refuses in the same words. It reads the directory and decides
nothing about a ticket.
"""

from __future__ import annotations

from handlers.case import Case
from handlers.desk.snapshot import Snapshot
from handlers.desk.steps import Origin, Outcome, Step
from handlers.effects import Decision, How, Tell
from handlers.facts import Facts
from handlers.heard import OfficerBy
from handlers.routing import may_act
from store.inbound import DeskUpdate
from store.people import Officer
from store.vocabulary import Role


def tell_officer(
    origin: Origin, template: str, facts: Facts, how: How, result: str, case: Case | None = None
) -> Outcome:
    """One answer and nothing else; the ticket stays as it is."""
    tell = Tell(template=template, facts=facts, how=how)
    return Outcome(result, (Step(origin, case, Decision(case=case, effects=(tell,), result=result)),))


def toast_code(origin: Origin, why: str, case: Case | None = None) -> Outcome:
    """The words of this code over the officer's screen, after a press."""
    return tell_officer(origin, "toast", Facts(why=why), How.TOAST, f"refused:{why}", case)


def refuse(origin: Origin, why: str, case: Case | None = None) -> Outcome:
    """The words of this code under the officer's message."""
    return tell_officer(origin, "refusal", Facts(why=why), How.REPLY, f"refused:{why}", case)


def chair_of(snapshot: Snapshot, update: DeskUpdate, case: Case) -> OfficerBy | None:
    """The chair in which this person may act on the ticket, the lowest first; None when there is none."""
    if update.author is None:
        return None
    directory = snapshot.ground.directory
    posts = sorted(directory.posts_of(update.author.id), key=lambda post: post.level)
    officer = directory.officer(update.author.id)
    for post in posts:
        if officer is not None and may_act(case, post, directory):
            return OfficerBy(officer_id=officer.id, name=officer.name, post=post.code, role=post.role)
    return None


def stranger_code(snapshot: Snapshot, update: DeskUpdate) -> str:
    """Why this person may do nothing: nobody we can check, not linked, or not their ticket."""
    if update.anonymous or update.author is None:
        return "anonymous"
    return "not_your_ticket" if snapshot.ground.directory.officer(update.author.id) else "not_linked"


def cmo_clerk(snapshot: Snapshot, update: DeskUpdate) -> Officer | str:
    """Whoever asks, if they sit at the CMO desk; else the code of the refusal."""
    directory = snapshot.ground.directory
    officer = directory.officer(update.author.id) if update.author and not update.anonymous else None
    if update.anonymous or update.author is None:
        return "anonymous"
    if officer is None:
        return "not_linked"
    of_desk = any(post.role is Role.CMO_DESK for post in directory.posts_of(update.author.id))
    return officer if of_desk else "for_cmo_desk"
