"""After a database was put back: what people have heard already is not said again, nor is a second number given.

Between the backup and its restore SMGT went on answering. Those posts are read again and decided again; our own posts of
that time are in the snapshot, as the platforms show them. Here both are brought together: an answer that stands under the
post is taken over with the very number it published. What does not fit together is a person's matter.

Reads the snapshot and notes in it what was used; it writes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta

from handlers.case import Case
from handlers.desk.discretion import discreet
from handlers.desk.snapshot import Snapshot
from handlers.desk.steps import Outcome, Step
from handlers.effects import Effect, Record, SaidBefore, Say
from store.rewinding import FoundWords
from store.vocabulary import Platform

SAID_SINCE = "said_since_backup"
ANSWERED_SINCE = "answered_since_backup"
DOUBTFUL_FOR = timedelta(days=7)  # how long words that nothing explains hold back what time would say


class _DoesNotFit(Exception):
    """Our post under this one names another complaint than what is decided now."""


def without_said(snapshot: Snapshot, outcome: Outcome) -> Outcome:
    """The outcome with every answer taken over that our account gave since the backup; or set aside for a person."""
    if not snapshot.found.words or not outcome.steps:
        return outcome
    given, used = dict(snapshot.found.given), set(snapshot.found.used)
    try:
        steps = tuple(_without_said(snapshot, step) for step in outcome.steps)
    except _DoesNotFit as error:
        snapshot.found.given = given
        snapshot.found.used = used | {words.id for step in outcome.steps for words in _under(snapshot, step)}
        snapshot.undo(outcome.steps)
        return Outcome(ANSWERED_SINCE, joins=outcome.joins, aside=str(error))
    for step in steps:
        _explain(snapshot, step)
    return replace(outcome, steps=steps)


def without_doubtful(snapshot: Snapshot, step: Step) -> Step:
    """What time makes of a ticket, without words to a citizen who was told something that nothing here explains."""
    case = step.decision.case
    if case is None or not any(isinstance(effect, Say) for effect in step.decision.effects):
        return step
    recent = snapshot.now - DOUBTFUL_FOR
    if not any(case.number in words.numbers and words.written_at >= recent for words in _unused(snapshot)):
        return step
    snapshot.found.withheld.add(case.id)
    effects = tuple(_withheld(effect) if isinstance(effect, Say) else effect for effect in step.decision.effects)
    return replace(step, decision=replace(step.decision, effects=effects))


def _withheld(say: Say) -> Record:
    return Record(kind="withheld", codes=(("template", say.template), ("why", SAID_SINCE)))


def _without_said(snapshot: Snapshot, step: Step) -> Step:
    effects: list[Effect] = []
    for effect in step.decision.effects:
        words = _said(snapshot, step, effect) if isinstance(effect, Say) else None
        if words is None or not isinstance(effect, Say):
            effects.append(effect)
        else:
            snapshot.found.used.add(words.id)
            effects.append(SaidBefore(say=effect, message_id=words.message_id))
    return replace(step, decision=replace(step.decision, effects=tuple(effects)))


def _said(snapshot: Snapshot, step: Step, say: Say) -> FoundWords | None:
    """Our post that says this already; raises _DoesNotFit if one stands there that says something else."""
    case = step.decision.case
    if discreet(say, case) is None:
        return None
    standing = list(_standing(snapshot, step, say))
    if case is None:
        return standing[0] if standing else None
    number = snapshot.found.given.get(case.id, case.number)
    for words in standing:
        if number and number in words.numbers:
            return words
        if not number and (published := _unknown_number(snapshot, words)):
            snapshot.found.given[case.id] = published
            return words
    others = sorted({number for words in standing for number in words.numbers})
    if others:
        raise _DoesNotFit(
            f"it was answered after the backup was taken, as {', '.join(others)}, and reads otherwise now"
        )
    return None


def _unknown_number(snapshot: Snapshot, words: FoundWords) -> str | None:
    taken = {*snapshot.found.numbers_here, *snapshot.found.given.values()}
    return next((number for number in words.numbers if number not in taken), None)


def _standing(snapshot: Snapshot, step: Step, say: Say) -> Iterator[FoundWords]:
    """Our unexplained posts under the one that this answers, not older than what is answered; oldest first."""
    channel_id, parents = _target(step, say)
    heard = step.origin.post or step.origin.update
    for words in _unused(snapshot):
        in_time = heard is None or words.written_at >= heard.occurred_at
        if in_time and words.channel_id == channel_id and words.reply_to_id in parents:
            yield words


def _target(step: Step, say: Say) -> tuple[int | None, set[str | None]]:
    """The channel of a reply, and under which posts the platform may show it."""
    case, post = step.decision.case, step.origin.post
    elsewhere = case is not None and post is not None and step.origin.channel_id != case.channel_id
    channel_id: int | None
    if case is not None and not (elsewhere and say.step == "answer"):
        channel_id, answered = case.channel_id, say.reply_to or case.reply_to_id
    else:
        channel_id, answered = step.origin.channel_id, post.message_id if post else ""
    parents: set[str | None] = {answered}
    if post is not None and post.message_id == answered and post.platform is Platform.FACEBOOK:
        # Facebook hangs a reply to a reply under the same top comment; the post itself is above all of them.
        parents |= {above for above in (post.reply_to_id,) if above not in (None, post.thread_id)}
    return channel_id, parents


def _under(snapshot: Snapshot, step: Step) -> Sequence[FoundWords]:
    says = (effect for effect in step.decision.effects if isinstance(effect, Say))
    return [words for say in says for words in _standing(snapshot, step, say)]


def _unused(snapshot: Snapshot) -> Iterator[FoundWords]:
    return (words for words in snapshot.found.words if words.id not in snapshot.found.used)


def _explain(snapshot: Snapshot, step: Step) -> None:
    """An officer acts on the ticket as it is now: what was said before that holds nothing back any more."""
    update, case = step.origin.update, step.decision.case
    if update is None or step.origin.by is None or case is None or not _moved(step.before, case):
        return
    for words in list(_unused(snapshot)):
        if case.number in words.numbers and words.written_at < update.occurred_at:
            snapshot.found.used.add(words.id)


def _moved(before: Case | None, after: Case) -> bool:
    return before is not None and before != after
