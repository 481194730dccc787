"""A clerk of the CMO desk at a ticket that waits to be placed: claiming it, opening keys, and keeping the notice true.

Owns who is let at such a ticket and how its notice shows that. What placing, forwarding and rejecting do is decided
elsewhere. It reads the snapshot and writes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from handlers.case import Case
from handlers.claiming import claimed, keeps_out
from handlers.desk.notices import name_of
from handlers.desk.snapshot import Snapshot, numbers_in, pressed_under
from handlers.desk.steps import Origin, Outcome, Step
from handlers.desk.telling import chair_of, refuse, stranger_code, tell_officer, toast_code
from handlers.effects import Act, Decision, Effect, How, Record, Tell
from handlers.facts import Facts
from handlers.heard import OfficerBy
from handlers.triage import REASONS, ROOT, Keyboard, keyboard
from store.inbound import DeskUpdate
from store.vocabulary import Platform, Role, Sensitivity, Status

Decide = Callable[[Snapshot, Origin, Case, OfficerBy, Act, str], Outcome]

NOTICE: Final = "triage_notice"
PLACING: Final = frozenset(
    {Act.CLAIM, Act.OPEN_KEYS, Act.SET_CATEGORY, Act.SET_DISTRICT, Act.FORWARD, Act.FORWARD_TO}
    | {Act.REJECT, Act.REJECT_FOR}
)
ONLY_AT_TRIAGE: Final = frozenset({Act.CLAIM, Act.OPEN_KEYS})
WHY: Final = re.compile(r":(?:triage:\d+:([a-z_]+)|(no_officer):\d+)(?::|$)")  # in the step of a notice
NO_REASON: Final = "waiting"  # a notice that only says again that the ticket waits


def is_triage(case: Case, by: OfficerBy, act: Act) -> bool:
    """Does this press belong to the placing of a ticket that waits for the CMO desk?"""
    if by.role is not Role.CMO_DESK or act not in PLACING:
        return False
    return case.status is Status.TRIAGE or act in ONLY_AT_TRIAGE


def pressed_at_triage(
    snapshot: Snapshot, origin: Origin, case: Case, by: OfficerBy, act: Act, argument: str, decide: Decide
) -> Outcome:
    """Decide a press under a ticket that waits to be placed; whoever presses has it for five minutes."""
    if case.status is not Status.TRIAGE:
        return toast_code(origin, "closed_ticket" if case.ended else "nothing_to_claim", case)
    if (taken := _taken(snapshot, origin, case, by)) is not None:
        return taken
    step = _pressed_notice(snapshot, origin)
    if act is Act.CLAIM:
        return _claimed(snapshot, origin, case, by, step)
    if act is Act.OPEN_KEYS:
        return _opened(snapshot, origin, case, by, argument, step)
    if act is Act.REJECT and step is not None:
        return _opened(snapshot, origin, case, by, REASONS, step)
    return _kept(snapshot, decide(snapshot, origin, case, by, act, argument), by, step)


def placed_by_words(
    snapshot: Snapshot, origin: Origin, case: Case, by: OfficerBy, place: Callable[[], Outcome]
) -> Outcome:
    """Place by a reply in words, unless another clerk is working on it."""
    taken = _taken(snapshot, origin, case, by)
    return taken if taken is not None else _kept(snapshot, place(), by, None)


def claim_by_command(snapshot: Snapshot, origin: Origin, update: DeskUpdate) -> Outcome:
    """/claim NUMBER, or /claim as a reply to anything we wrote of the ticket."""
    case = _meant(snapshot, update)
    by = chair_of(snapshot, update, case) if case is not None and not update.anonymous else None
    if by is None and (update.anonymous or not _is_clerk(snapshot, update)):
        return refuse(origin, stranger_code(snapshot, update))
    if case is None or by is None:
        return refuse(origin, "number_unknown")
    if case.status is not Status.TRIAGE:
        return refuse(origin, "nothing_to_claim", case)
    origin = replace(origin, by=by)
    taken = _taken(snapshot, origin, case, by)
    return taken if taken is not None else _claimed(snapshot, origin, case, by, None)


def _meant(snapshot: Snapshot, update: DeskUpdate) -> Case | None:
    numbers = numbers_in(update.text, snapshot.ground.policy.prefix)
    if numbers:
        return snapshot.numbered_cases().get(numbers[0])
    ours = snapshot.ours.get((Platform.TELEGRAM, f"{update.chat_id}:{update.reply_to_id}"))
    return snapshot.cases.get(ours.ticket_id) if ours is not None and ours.ticket_id is not None else None


def _is_clerk(snapshot: Snapshot, update: DeskUpdate) -> bool:
    posts = snapshot.ground.directory.posts_of(update.author.id) if update.author else ()
    return any(post.role is Role.CMO_DESK for post in posts)


def _taken(snapshot: Snapshot, origin: Origin, case: Case, by: OfficerBy) -> Outcome | None:
    """The answer to a second clerk: who has it, and until when; None when nobody else has it."""
    if not keeps_out(case, by.officer_id, snapshot.now):
        return None
    facts = Facts(
        why="taken",
        claimed_by=name_of(case.claimed_by or 0, snapshot.ground.directory),
        claimed_until_at=case.claimed_until_at,
    )
    return tell_officer(origin, "claimed", facts, _how(origin), "refused:taken", case)


def _how(origin: Origin) -> How:
    return How.TOAST if origin.update is not None and origin.update.press_id else How.REPLY


def _claimed(snapshot: Snapshot, origin: Origin, case: Case, by: OfficerBy, step: str | None) -> Outcome:
    mine = claimed(case, by.officer_id, snapshot.now)
    told = Tell(template="claimed", facts=Facts(why="yours"), how=_how(origin))
    effects: tuple[Effect, ...] = (Record(kind="claimed"), told, *_shown(mine, step, keyboard(ROOT, mine)))
    snapshot.keep(mine)
    decision = Decision(case=mine, effects=effects, result="claimed")
    return Outcome("claimed", (Step(origin, case, decision),))


def _opened(snapshot: Snapshot, origin: Origin, case: Case, by: OfficerBy, which: str, step: str | None) -> Outcome:
    """Other keys: in the notice's place where it is known, else in a message of their own."""
    mine = claimed(case, by.officer_id, snapshot.now)
    keys = keyboard(which, mine)
    shown = _shown(mine, step, keys) or (Tell(template="choose_keys", how=How.REPLY, step="keys", presses=keys),)
    toast = Tell(template="toast", facts=Facts(why="choose"), how=How.TOAST)
    snapshot.keep(mine)
    decision = Decision(case=mine, effects=(*shown, toast), result="asked")
    return Outcome("asked:keys", (Step(origin, case, decision),))


def _kept(snapshot: Snapshot, outcome: Outcome, by: OfficerBy, step: str | None) -> Outcome:
    """The same outcome with the ticket in this clerk's hands while it still waits, and the pressed notice as it is now."""
    if not outcome.steps or outcome.result.startswith("refused:"):
        return outcome
    last = outcome.steps[-1]
    case = last.decision.case
    if case is None:
        return outcome
    waits = case.status is Status.TRIAGE
    if waits:
        case = claimed(case, by.officer_id, snapshot.now)
        snapshot.keep(case)
    shown = _shown(case, step, keyboard(ROOT, case) if waits else ())
    kept = replace(last, decision=replace(last.decision, case=case, effects=(*last.decision.effects, *shown)))
    return replace(outcome, steps=(*outcome.steps[:-1], kept))


def _pressed_notice(snapshot: Snapshot, origin: Origin) -> str | None:
    """The step of the triage notice whose button was pressed; None for other messages and where it is not known."""
    if origin.update is None or not origin.update.press_id:
        return None
    ours = snapshot.ours.get((Platform.TELEGRAM, pressed_under(origin.update)))
    return ours.step_id if ours is not None and ours.template == NOTICE else None


def _shown(case: Case, step: str | None, keys: Keyboard) -> tuple[Tell, ...]:
    """The pressed notice, edited; the words of a sensitive ticket are not shown anew wherever the press came from."""
    if step is None or (keys and case.sensitivity is Sensitivity.SENSITIVE):
        return ()
    found = WHY.search(step)
    why = next((one for one in found.groups() if one), None) if found else None
    facts = Facts(why="settled" if not keys else why if why != NO_REASON else None)
    return (Tell(template=NOTICE, facts=facts, how=How.EDIT, step="triage", presses=keys, edit_of=step),)
