"""What the rows of a batch become, in their order: a later row sees what an earlier one decided.

Reads the snapshot and keeps it current; it writes nothing, so it may run without any database. Owns which part of the
desk decides which kind of row. It must not know transactions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

from handlers.conversation import decide
from handlers.desk.citizens import decide_post, parts_of
from handlers.desk.gathering import gathered
from handlers.desk.officers import decide_update
from handlers.desk.said_before import without_doubtful, without_said
from handlers.desk.snapshot import Snapshot
from handlers.desk.steps import Origin, Outcome, Step
from handlers.desk.stopped import hushed
from handlers.heard import SayRefused, Silence
from store.inbound import DeskUpdate, Inbound, Undeliverable
from store.inbox import InboxRow

StoreMatter = Callable[[InboxRow, DeskUpdate], Outcome | None]
"""Takes up an update that changes the directory; None when it is not one."""


def outcomes_of(
    snapshot: Snapshot, rows: Sequence[InboxRow], store_matter: StoreMatter
) -> list[tuple[InboxRow, Outcome]]:
    """Decide the rows one by one; rows that were part of another, or wait behind one, are left out."""
    outcomes: list[tuple[InboxRow, Outcome]] = []
    joined: set[int] = set()
    waiting: set[str] = set()
    for at, row in enumerate(rows):
        if row.id in joined or row.actor_key in waiting:
            continue
        outcome = _outcome(snapshot, rows, at, store_matter)
        outcome = replace(outcome, steps=tuple(hushed(snapshot, _at_home(snapshot, step)) for step in outcome.steps))
        outcome = without_said(snapshot, outcome)
        joined |= set(outcome.joins)
        if outcome.wait_until is not None:
            waiting.add(row.actor_key)
        _remember(snapshot, outcome)
        outcomes.append((row, outcome))
    return _gathered(snapshot, outcomes)


def _gathered(snapshot: Snapshot, outcomes: Sequence[tuple[InboxRow, Outcome]]) -> list[tuple[InboxRow, Outcome]]:
    """The same outcomes with tickets of one incident linked; what its notices need comes with the last of them."""
    steps = iter(gathered(snapshot, [step for _, outcome in outcomes for step in outcome.steps]))
    linked = [(row, replace(outcome, steps=tuple(islice(steps, len(outcome.steps))))) for row, outcome in outcomes]
    if left := tuple(steps):
        row, last = linked[-1]
        linked[-1] = (row, replace(last, steps=(*last.steps, *left)))
    return linked


def _outcome(snapshot: Snapshot, rows: Sequence[InboxRow], at: int, store_matter: StoreMatter) -> Outcome:
    row = rows[at]
    match row.heard:
        case Inbound() as post:
            return decide_post(snapshot, row, post, parts_of(rows, at, snapshot.ground.policy.thread_join))
        case DeskUpdate() as update:
            return store_matter(row, update) or decide_update(snapshot, row, update)
        case Undeliverable() as refused:
            return _refused(snapshot, row, refused)


def _at_home(snapshot: Snapshot, step: Step) -> Step:
    """A word on another channel is answered there; later news still goes where the complaint was made."""
    case, before, post = step.decision.case, step.before, step.origin.post
    if case is None or before is None or post is None or step.origin.channel_id == case.channel_id:
        return step
    home = replace(case, reply_to_id=before.reply_to_id, mentioned_ids=before.mentioned_ids)
    snapshot.keep(home)
    return replace(step, decision=replace(step.decision, case=home))


def woken(snapshot: Snapshot, ticket_id: int) -> Step:
    """What time passing makes of a ticket."""
    case = snapshot.cases[ticket_id]
    decision = decide(case, Silence(), snapshot.now, snapshot.ground)
    if decision.case is not None:
        snapshot.keep(decision.case)
    origin = Origin(key=f"wake:{snapshot.now.isoformat()}", actor="clock")
    step = hushed(snapshot, Step(origin, None if decision.case is None else case, decision))
    return without_doubtful(snapshot, step)


def _refused(snapshot: Snapshot, row: InboxRow, refused: Undeliverable) -> Outcome:
    """The platform will not carry a message of ours: the ticket hears of it."""
    case = snapshot.cases.get(refused.ticket_id or 0)
    if case is None:
        return Outcome("ignored:undeliverable")
    decision = decide(case, SayRefused(template=refused.template, code=refused.code), snapshot.now, snapshot.ground)
    if decision.case is not None:
        snapshot.keep(decision.case)
    return Outcome(
        decision.result, (Step(Origin(key=f"in:{row.id}", actor="office", inbox_id=row.id), case, decision),)
    )


def _remember(snapshot: Snapshot, outcome: Outcome) -> None:
    """Later rows of the batch know the messages that earlier ones brought."""
    for step in outcome.steps:
        case = step.decision.case or step.before
        for words in step.words:
            if words.speaker == "quoted":
                continue  # its author may yet write to us
            known: dict[str, Any] = {
                "message_id": words.message_id,
                "ticket_id": case.id if case else None,
                "account_id": step.origin.account_id,
                "version": words.version,
                "speaker": words.speaker,
            }
            snapshot.heard[(words.platform, words.message_id)] = known
