"""The notes of a sheet: what burns, what our own calls found, first replies, channels and holes, how it was counted.

Owns which of them there are and in which order. It counts nothing and holds no words.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from handlers.digest.fairness import LEAST_ANSWERED
from handlers.digest.shapes import Counts, Trouble
from handlers.digest.sheet import Burning, Matter, Note
from handlers.digest.telling import Telling, Whose
from handlers.render import DigestWords
from store.vocabulary import CheckResult, Outcome

NAMED: Final = 5  # departments in one line
CHECKED: Final = (Outcome.SATISFIED, Outcome.NO_ANSWER)


def burning_of(told: Telling, words: DigestWords) -> Burning:
    """Surges with their newest complaints, growing incidents, what came back twice, emergencies."""
    return Burning(title=words.say("word", "burning"), matters=tuple(_burning(told, words)))


def _burning(told: Telling, words: DigestWords) -> Iterator[Matter]:
    for surge in told.burning.surges:
        quotes = tuple(words.say("complaint", one) for one in surge.newest)
        yield Matter(line=words.say("surge", surge), quotes=quotes)
    for incident in told.burning.incidents:
        yield Matter(line=words.say("incident", incident))
    if told.reopened_twice:
        yield Matter(line=words.say("reopened_twice", told.reopened_twice))
    if told.urgent:
        yield Matter(line=words.say("emergencies", told.urgent))


def called_of(told: Telling, words: DigestWords) -> Iterator[str]:
    """What our own calls found, a line for each outcome that was checked."""
    for outcome in CHECKED:
        agrees, disagrees, not_reached = (
            told.checks.results.get(f"{outcome}:{result}", 0)
            for result in (CheckResult.AGREES, CheckResult.DISAGREES, CheckResult.NOT_REACHED)
        )
        if agrees or disagrees or not_reached:
            yield words.say("called", outcome.value, agrees, disagrees, not_reached)


def notes_of(told: Telling, words: DigestWords) -> Iterable[Note]:
    yield Note(title=words.say("word", "speed"), lines=tuple(_speed(told, words)))
    yield Note(title=words.say("word", "health"), lines=tuple(_health(told, words)))
    yield Note(title=words.say("word", "method"), lines=(words.say("method", LEAST_ANSWERED, told.span.value),))


def _speed(told: Telling, words: DigestWords) -> Iterable[str]:
    if told.half_replied is not None or told.unreplied:
        yield words.say("replied", told.half_replied, told.most_replied, told.unreplied)


def _health(told: Telling, words: DigestWords) -> Iterator[str]:
    """What is wrong first; how the channels work only for those who answer for them."""
    wrong = [*_wrong(told, words), *_empty_chairs(told, words)]
    yield from wrong or [words.say("all_well")]
    if told.trouble is not None and told.whose is Whose.CMO:
        for one in told.trouble.channels:
            if one.read or one.posted or one.waiting_minutes is not None:
                yield words.say("channel", one)


def _wrong(told: Telling, words: DigestWords) -> Iterator[str]:
    trouble = told.trouble
    if trouble is not None:
        yield from (words.say("stopped", channel) for channel in trouble.stopped_channels)
        yield from (words.say("gap", one.channel, one.since_at, one.until_at) for one in trouble.gaps)
    if told.without_owner:
        yield words.say("without_owner", told.without_owner)
    if trouble is not None and told.whose is Whose.CMO:
        yield from _to_repair(trouble, words)
    if told.odd_rows:
        yield words.say("odd_rows", told.odd_rows)


def _to_repair(trouble: Trouble, words: DigestWords) -> Iterator[str]:
    if trouble.older_gaps:
        yield words.say("older_gaps", trouble.older_gaps)
    set_aside = trouble.parked_inbox + trouble.parked_outbox
    if set_aside or trouble.unknown_outbox:
        yield words.say("set_aside", trouble.parked_inbox, trouble.parked_outbox, trouble.unknown_outbox)
    for code in BUDGETS:
        if many := trouble.alarms.get(code, 0):
            yield words.say("budget", code, many)
    if many := trouble.alarms.get(NOT_ADDING_UP, 0):
        yield words.say("days_not_adding_up", many)


BUDGETS: Final = (
    "budget_spent",
    "budget_low",
    "reads_spent",
    "reads_low",
)  # alarms' codes, the worse before the milder
NOT_ADDING_UP: Final = "day_not_adding_up"


def _empty_chairs(told: Telling, words: DigestWords) -> Iterator[str]:
    holes = told.holes
    if holes.met:
        yield words.say("holes_met", sum(holes.met.values()), _named(holes.met, words))
    if holes.unreached:
        yield words.say("unreached", sum(holes.unreached.values()), _named(holes.unreached, words))
    if holes.nobody_above:
        yield words.say("nobody_above", sum(holes.nobody_above.values()), _named(holes.nobody_above, words))


def _named(counts: Counts, words: DigestWords) -> list[tuple[str, int]]:
    """The largest, those without a department left out."""
    return [(words.name("department", code), many) for code, many in counts.items() if code][:NAMED]
