"""The promises about tickets, each a named function that yields a sentence for whatever breaks it.

Owns what must hold for tickets at every moment, whatever happens in whatever order; promises about messages stand in
simulate_speech_rules.py. It must not know how the office keeps them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache

from bot.bench.simulate_office import Happened
from bot.bench.simulate_past import Past, changes
from bot.bench.simulate_words import Meant
from handlers.conversation import next_wake
from handlers.effects import Audience, Notify, Record, SettleSatisfaction
from handlers.lifecycle import ENDED, MOVES
from handlers.routing import cmo_post, is_held, may_act
from handlers.understanding.number import find_numbers
from store.vocabulary import Awaiting, InboundVerb, Outcome, Register, Status

Rule = Callable[[Past, Happened], Iterator[str]]

COMPLAINTS = frozenset({Meant.COMPLAINT, Meant.SENSITIVE, Meant.DANGER, Meant.GRIEF})
SAYS_IT_IS_DONE = frozenset({Meant.YES, Meant.DONE, Meant.DONE_BUT, Meant.THANKS})
COUNTS = ("turn", "reopen_count", "disposal_count", "forward_count", "unasked_count", "misses", "escalation_level")
RISING = ("turn", "reopen_count", "disposal_count", "forward_count", "unasked_count")
CODE = re.compile(r"[\w .:|+/#%-]{0,400}")


def everything_can_be_decided(past: Past, happened: Happened) -> Iterator[str]:
    """No event and no passing of time may be too much for the office: what is parked is not answered."""
    yield from happened.failed


def the_number_never_changes(past: Past, happened: Happened) -> Iterator[str]:
    """A ticket's number is well formed, its own alone, and stays whatever becomes of the ticket."""
    for case in past.office.cases.values():
        if past.numbers.get(case.id, case.number) != case.number:
            yield f"{past.numbers[case.id]} became {case.number}"
        if not _is_well_formed(case.number):
            yield f"{case.number} is not well formed"
    numbers = [case.number for case in past.office.cases.values()]
    if len(set(numbers)) != len(numbers):
        yield f"two tickets share a number among {numbers}"


@lru_cache(maxsize=1000)
def _is_well_formed(number: str) -> bool:
    return list(find_numbers(number)[0]) == [number]


def one_complaint_has_one_ticket(past: Past, happened: Happened) -> Iterator[str]:
    """However often and through however many accounts a post is heard, it opens one ticket at most."""
    firsts = [(case.platform, case.first_message_id) for case in past.office.cases.values()]
    for first in {one for one in firsts if firsts.count(one) > 1}:
        yield f"the post {first[1]} opened {firsts.count(first)} tickets"


def only_an_end_has_an_outcome(past: Past, happened: Happened) -> Iterator[str]:
    """Closed tickets, and only they, say how it ended; ended tickets, and only they, say when."""
    for case in past.office.cases.values():
        if (case.status is Status.CLOSED) != (case.outcome is not None):
            yield f"{case.number} is {case.status} with the outcome {case.outcome}"
        if case.ended != (case.ended_at is not None):
            yield f"{case.number} is {case.status}, ended at {case.ended_at}"
        if case.outcome is Outcome.NOT_SATISFIED:
            yield f"{case.number} was closed against the citizen"


def satisfied_only_by_the_citizens_yes(past: Past, happened: Happened) -> Iterator[str]:
    """Nobody but the one who complained can say that it is done, and only in words that mean it."""
    for step, before, after in changes(happened):
        if after.outcome is not Outcome.SATISFIED or before.outcome is Outcome.SATISFIED:
            continue
        if not past.is_complainants(step):
            yield f"{after.number} was closed as satisfied by {step.origin.actor}"
        elif past.meant(step) not in SAYS_IT_IS_DONE:
            yield f"{after.number} was closed as satisfied by {past.meant(step)}: {step.origin.post}"


def a_no_goes_back_to_the_same_office(past: Past, happened: Happened) -> Iterator[str]:
    """Not satisfied: the same number, the same department and chair, one reopening more, a new turn."""
    for step, before, after in changes(happened):
        asked = before.status is Status.DISPOSED and before.awaiting is Awaiting.SATISFACTION
        if not asked or not past.is_complainants(step) or past.meant(step) is not Meant.NO:
            continue
        if step.origin.post is not None and step.origin.post.verb is not InboundVerb.POSTED:
            continue
        if after.status is not Status.ASSIGNED or after.reopen_count != before.reopen_count + 1:
            yield f"{after.number} did not reopen at a no: {before.status} to {after.status}"
        elif (after.department, after.owner_post) != (before.department, before.owner_post):
            yield f"{after.number} went from {before.owner_post} to {after.owner_post} at a no"
        elif after.turn != before.turn + 1:
            yield f"{after.number} reopened without a new turn"


def what_is_unclear_moves_nothing(past: Past, happened: Happened) -> Iterator[str]:
    """An unclear answer neither closes nor reopens."""
    for step, before, after in changes(happened):
        if past.meant(step) is Meant.UNCLEAR and before.status is Status.DISPOSED is not after.status:
            yield f"{after.number} became {after.status} at {step.origin.post}"


def a_withdrawal_is_heard(past: Past, happened: Happened) -> Iterator[str]:
    """Who takes an open complaint back is not told that they were threatened, nor asked again."""
    for step, before, after in changes(happened):
        if past.meant(step) is not Meant.WITHDRAWS or before.ended or not past.is_complainants(step):
            continue
        post = step.origin.post
        posted = post is not None and post.verb is InboundVerb.POSTED and post.thread_id == before.thread_id
        if posted and after.status is not Status.WITHDRAWN:
            yield f"{after.number} is {after.status} after {step.origin.post}"


def silence_closes_nothing_as_satisfied(past: Past, happened: Happened) -> Iterator[str]:
    """Time may close a ticket as not answered; grief it never closes."""
    for step, before, after in changes(happened):
        if step.origin.actor != "clock":
            continue
        if after.outcome not in (before.outcome, Outcome.NO_ANSWER, Outcome.NOT_ASKABLE):
            yield f"{after.number} got the outcome {after.outcome} by silence"
        if before.register is Register.GRAVE and after.ended and not before.ended:
            yield f"{after.number}, told in grief, was closed by silence"


def a_ticket_moves_only_as_allowed(past: Past, happened: Happened) -> Iterator[str]:
    """Every move is in the lifecycle's table and stands in the history."""
    for step, before, after in changes(happened):
        if before.status is after.status:
            continue
        if after.status not in MOVES[before.status]:
            yield f"{after.number} went from {before.status} to {after.status}"
        if not any(isinstance(effect, Record) for effect in step.decision.effects):
            yield f"{after.number} went from {before.status} to {after.status} without a line in its history"


def the_history_holds_codes_only(past: Past, happened: Happened) -> Iterator[str]:
    """Events hold codes and ids, never words of a person."""
    for step in happened.steps:
        for effect in step.decision.effects:
            if isinstance(effect, Record):
                for name, value in effect.codes:
                    if not CODE.fullmatch(value):
                        yield f"the event {effect.kind} holds {name}={value!r}"


def an_open_ticket_is_never_forgotten(past: Past, happened: Happened) -> Iterator[str]:
    """What is open has a time at which it will be looked at again, or stands at the top of the ladder."""
    policy = past.office.policy
    for case in past.office.cases.values():
        if case.ended or next_wake(case, policy) is not None:
            continue
        if not (case.with_office and case.escalation_level >= policy.top_level and case.reminded_percent >= 100):
            yield f"{case.number} is {case.status}, awaits {case.awaiting}, and nothing will wake it"


def an_open_ticket_waits_for_somebody_who_exists(past: Past, happened: Happened) -> Iterator[str]:
    """A ticket given to an office names a chair that exists, or is the CMO desk's."""
    directory = past.office.directory
    for _, before, after in changes(happened):
        if not after.with_office or after.turn == before.turn:
            continue
        owner = directory.posts.get(after.owner_post or "")
        again = after.owner_post == before.owner_post  # reopened: the same chair, and the next one up watches
        chief = cmo_post(directory)
        if owner is not None and not is_held(owner) and not again and owner != chief:
            yield f"{after.number} was given to the empty chair {owner.code}"
        if after.owner_post is not None and owner is None:
            yield f"{after.number} was given to {after.owner_post}, which does not exist"


def counts_are_never_negative(past: Past, happened: Happened) -> Iterator[str]:
    """No count or limit falls below zero; a limit is over after it began."""
    for case in past.office.cases.values():
        for name in COUNTS:
            if getattr(case, name) < 0:
                yield f"{case.number} has {name} {getattr(case, name)}"
        if case.escalation_level > past.office.policy.top_level:
            yield f"{case.number} was raised above the top of the ladder"
        if case.with_office and (case.due_at is None or case.assigned_at is None or case.due_at <= case.assigned_at):
            yield f"{case.number} is with an office from {case.assigned_at} until {case.due_at}"
        if case.paused_at is not None and (case.ended or case.status is Status.DISPOSED):
            yield f"{case.number} is {case.status} and its clock stands still"


def counters_only_rise(past: Past, happened: Happened) -> Iterator[str]:
    """Turns, reopenings, disposals and forwards are counted up, one at a time."""
    for step, before, after in changes(happened):
        for name in RISING:
            was, now = getattr(before, name), getattr(after, name)
            if not was <= now <= was + (2 if name == "unasked_count" else 1):
                yield f"{after.number}: {name} went from {was} to {now} ({step.decision.result})"


def a_stale_button_does_nothing(past: Past, happened: Happened) -> Iterator[str]:
    """A button of an earlier turn changes no ticket."""
    for step, before, after in changes(happened):
        update = step.origin.update
        if update is None or update.press_data is None:
            continue
        button = past.office.button(update.press_data)
        if button is not None and button[1] != str(before.turn) and after != before:
            yield f"{after.number}: a button of turn {button[1]} acted in turn {before.turn}"


def only_those_in_charge_act(past: Past, happened: Happened) -> Iterator[str]:
    """An officer changes only what their chair may act on; membership of a group is no authority."""
    directory = past.office.directory
    for step, before, after in changes(happened):
        if step.origin.update is None or after == before:
            continue
        user = step.origin.update.author.id if step.origin.update.author else ""
        if not any(may_act(before, post, directory) for post in directory.posts_of(user)):
            yield f"{after.number} was changed by {user}, who may not act on it ({step.decision.result})"


def strangers_change_nothing(past: Past, happened: Happened) -> Iterator[str]:
    """Somebody else in the thread never closes, rates, reopens or changes a ticket."""
    for step, before, after in changes(happened):
        post = step.origin.post
        if post is None or post.by_us or past.is_complainants(step) or before.hidden_author:
            continue
        if after != before:
            yield f"{after.number} was changed by a stranger ({step.decision.result}): {post.text}"


def unproven_words_have_no_power(past: Past, happened: Happened) -> Iterator[str]:
    """Under a hidden author's post nobody closes, withdraws, rates or reopens by comment."""
    for step, before, after in changes(happened):
        if step.origin.post is None or not before.hidden_author or not after.hidden_author:
            continue
        ended = after.status in ENDED and after.status is not before.status
        if ended or after.reopen_count != before.reopen_count:
            yield f"{after.number} became {after.status} by words nobody can prove"


def every_disposal_gets_one_outcome(past: Past, happened: Happened) -> Iterator[str]:
    """A disposal that is left has its outcome; one that has an outcome keeps it, but for a late yes after silence."""
    for step, before, after in changes(happened):
        settled = [one for one in step.decision.effects if isinstance(one, SettleSatisfaction)]
        for one in settled:
            had = past.outcomes.get((after.id, one.cycle))
            late_yes = had is Outcome.NO_ANSWER and one.outcome is Outcome.SATISFIED
            if had is not None and not late_yes:
                yield f"{after.number}: disposal {one.cycle} was {had} and became {one.outcome}"
        if before.status is Status.DISPOSED and after.status is not Status.DISPOSED and not settled:
            yield f"{after.number}: disposal {before.disposal_count} was left as {after.status} without an outcome"


def danger_rings_the_cmo_desk(past: Past, happened: Happened) -> Iterator[str]:
    """Whatever becomes urgent is told to the CMO desk at once."""
    for step in happened.steps:
        after, before = step.decision.case, step.before
        if after is None or not after.urgent or (before is not None and before.urgent):
            continue
        rung = [
            effect
            for effect in step.decision.effects
            if isinstance(effect, Notify) and effect.urgent and effect.audience is Audience.CMO
        ]
        if not rung:
            yield f"{after.number} became urgent and the CMO desk was not rung"


def every_complaint_is_on_a_ticket(past: Past, happened: Happened) -> Iterator[str]:
    """At the end of a life: each complaint that reached us is kept on a ticket."""
    for message_id, written in past.world.written.items():
        post, quoted = written.post, written.post.quoted
        points = written.meant is Meant.POINTS and quoted is not None
        if not written.is_root or not (points or written.meant in COMPLAINTS) or message_id in past.deleted:
            continue
        on_ticket = past.office.ticket_of(post.platform, message_id)
        if on_ticket is None and quoted is not None:
            on_ticket = past.office.ticket_of(post.platform, quoted.id)  # its author's matter, not this writer's
        if on_ticket is None:
            yield f"the complaint {message_id} is on no ticket: {post.text!r}"


TICKET_RULES: tuple[Rule, ...] = (
    everything_can_be_decided,
    the_number_never_changes,
    one_complaint_has_one_ticket,
    only_an_end_has_an_outcome,
    satisfied_only_by_the_citizens_yes,
    a_no_goes_back_to_the_same_office,
    what_is_unclear_moves_nothing,
    a_withdrawal_is_heard,
    silence_closes_nothing_as_satisfied,
    a_ticket_moves_only_as_allowed,
    the_history_holds_codes_only,
    an_open_ticket_is_never_forgotten,
    an_open_ticket_waits_for_somebody_who_exists,
    counts_are_never_negative,
    counters_only_rise,
    a_stale_button_does_nothing,
    only_those_in_charge_act,
    strangers_change_nothing,
    unproven_words_have_no_power,
    every_disposal_gets_one_outcome,
    danger_rings_the_cmo_desk,
)
AT_THE_END: tuple[Rule, ...] = (every_complaint_is_on_a_ticket,)
