"""A ticket shown to an officer who asks for it by its number or presses it in a list; and the help.

Owns who is shown a ticket and with which buttons. What an officer does to it is in officers.py.
"""

from __future__ import annotations

from handlers.case import Case
from handlers.desk.notices import notice_presses
from handlers.desk.snapshot import Snapshot, numbers_in
from handlers.desk.steps import Origin, Outcome, Step
from handlers.desk.telling import chair_of, refuse, stranger_code, tell_officer, toast_code
from handlers.desk.together import card_presses
from handlers.desk.triage import claim_by_command
from handlers.effects import Decision, Effect, How, Tell
from handlers.facts import Facts
from handlers.routing import may_see
from store.inbound import DeskUpdate
from store.vocabulary import Sensitivity


def command(snapshot: Snapshot, origin: Origin, update: DeskUpdate) -> Outcome:
    """Answer a command that is about one ticket or none."""
    name = update.text.split(maxsplit=1)[0].split("@")[0].lower()
    match name:
        case "/help" | "/start":
            return tell_officer(origin, "help", Facts(), How.REPLY, "answered:help")
        case "/ticket":
            return _card(snapshot, origin, update)
        case "/claim":
            return claim_by_command(snapshot, origin, update)
    return Outcome("ignored:command")


def _card(snapshot: Snapshot, origin: Origin, update: DeskUpdate) -> Outcome:
    """A ticket shown to somebody who may see it; the refusal does not reveal whether it exists."""
    by_number = snapshot.numbered_cases()
    numbers = numbers_in(update.text, snapshot.ground.policy.prefix)
    case = by_number.get(numbers[0]) if numbers else None
    directory = snapshot.ground.directory
    posts = list(directory.posts_of(update.author.id)) if update.author and not update.anonymous else []
    if not posts:
        return refuse(origin, stranger_code(snapshot, update))
    if case is None or not any(may_see(case, post, directory) for post in posts):
        return refuse(origin, "number_unknown")
    if case.sensitivity is not Sensitivity.NORMAL and update.chat_kind != "private":
        return refuse(origin, "not_here")
    return _carded(snapshot, origin, update, case)


def shown(snapshot: Snapshot, origin: Origin, update: DeskUpdate, case: Case) -> Outcome:
    """A ticket of a list, for whoever may see it now: a list outlives what it was made of."""
    directory = snapshot.ground.directory
    posts = list(directory.posts_of(update.author.id)) if update.author and not update.anonymous else []
    if not any(may_see(case, post, directory) for post in posts):
        return toast_code(origin, stranger_code(snapshot, update))
    if case.sensitivity is not Sensitivity.NORMAL and update.chat_kind != "private":
        return toast_code(origin, "not_here")
    toast = Tell(template="toast", facts=Facts(why="shown"), how=How.TOAST)
    return _carded(snapshot, origin, update, case, toast)


def _carded(snapshot: Snapshot, origin: Origin, update: DeskUpdate, case: Case, *more: Effect) -> Outcome:
    """The ticket as it stands, with the buttons of its notice for whoever may press them."""
    may_act = chair_of(snapshot, update, case) is not None
    presses = (*notice_presses(case), *card_presses(snapshot, case)) if may_act else ()
    card = Tell(template="ticket_card", how=How.REPLY, step="ticket_card", presses=presses)
    decision = Decision(case=case, effects=(card, *more), result="answered:card")
    return Outcome("answered:card", (Step(origin, case, decision),))
