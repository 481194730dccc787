"""The promises about messages, each a named function that yields a sentence for whatever breaks it.

Owns what must hold for everything that is said, in public and to officers. It must not know how the office keeps it.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from datetime import timedelta

from bot.bench.simulate_office import CHANNELS, Happened, Message
from bot.bench.simulate_past import Past, is_unasked
from bot.bench.simulate_rules import Rule
from handlers.case import Case
from handlers.desk.addresses import is_group
from handlers.length import X_LIMIT, weighted_length
from handlers.policy import FollowUps
from handlers.understanding.taxonomy import taxonomy
from store.vocabulary import Language, OutgoingAct, Platform, Sensitivity

WEEK = timedelta(days=7)
NUMBER = re.compile(r"HRY\d{2}-\d{6,}-\d")
PHONE = re.compile(r"(?:\d[\s-]?){8,}")
LINK = re.compile(r"https?://|www\.|\b\w+\.(?:com|in|org|gov|net)\b", re.IGNORECASE)
MENTION = re.compile(r"(?<!\w)@\w+")
SHINGLE = 4  # words in a row that give a text away
AFTER_STOP = frozenset({"stopped", "started"})
ONCE_IS_ENOUGH = re.compile(r":edit:in:|:edit:wake:|:not_askable:|:question:")


def every_step_is_said_once(past: Past, happened: Happened) -> Iterator[str]:
    """A step goes once to one recipient."""
    for message in happened.queued:
        if (message.step_id, message.recipient) in past.steps_said:
            yield f"{message.step_id} was said again to {message.recipient}"


def nothing_is_swallowed(past: Past, happened: Happened) -> Iterator[str]:
    """No message is lost because another one carries its step id: each cycle is a step of its own."""
    for step_id, standing, lost in happened.swallowed:
        once = ONCE_IS_ENOUGH.search(step_id) is not None
        if not once or (standing != lost and ":question:" not in step_id):
            yield f"{step_id} was said before, so this was lost: {lost}"


def no_public_text_twice_in_a_week(past: Past, happened: Happened) -> Iterator[str]:
    """No two texts that an account of ours posts within seven days are equal."""
    for message in happened.delivered:
        if not message.is_public:
            continue
        before = past.said.get((message.channel_id, message.outgoing.text))
        if before is not None and past.world.clock.now - before < WEEK:
            yield f"{message.template} was posted at {before} and again: {message.outgoing.text}"


def public_text_is_safe(past: Past, happened: Happened) -> Iterator[str]:
    """What we post holds no telephone number, no link, at most one mention, and fits."""
    for message in _public(happened):
        text = NUMBER.sub("", message.outgoing.text)
        if PHONE.search(text):
            yield f"{message.template} holds a number: {text}"
        if LINK.search(text):
            yield f"{message.template} holds a link: {text}"
        if len(MENTION.findall(text)) > 1 or "@officer" in text:
            yield f"{message.template} mentions others: {text}"
        if CHANNELS[message.channel_id][1] is Platform.X and weighted_length(message.outgoing.text) > X_LIMIT:
            yield f"{message.template} is too long for X: {text}"


def we_speak_unasked_within_the_limit(past: Past, happened: Happened) -> Iterator[str]:
    """No ticket gets more unasked replies than the office allows, and none where X's rule forbids them."""
    policy = past.office.policy
    counted = past.unasked.copy()
    for message in happened.queued:
        if not is_unasked(message) or message.ticket_id is None:
            continue
        counted[message.ticket_id] += 1
        if counted[message.ticket_id] > policy.max_unasked_per_ticket:
            yield f"{message.template} is unasked reply {counted[message.ticket_id]} to ticket {message.ticket_id}"
        if CHANNELS[message.channel_id][1] is Platform.X and policy.x_follow_ups is not FollowUps.PERMITTED:
            yield f"{message.template} was queued for X, where nothing may be said unasked"


def a_post_is_answered_once(past: Past, happened: Happened) -> Iterator[str]:
    """One post of a citizen gets one public answer at most."""
    said = {step_id for step_id, _ in past.steps_said}
    for message in _public(happened):
        if message.step_id.startswith("answer:") and message.step_id in said:
            yield f"{message.step_id} was answered twice"


def nothing_is_said_after_stop(past: Past, happened: Happened) -> Iterator[str]:
    """Who asked us to stop reads nothing more but what a danger to life demands."""
    for message in happened.delivered:
        if not message.is_public or message.urgent or message.template in AFTER_STOP or message.account_id is None:
            continue
        account = past.office.account_by_id(message.account_id)
        if account is not None and account.silent:
            yield f"{message.template} was posted to {account.handle}, who had asked us to stop"


def sensitive_words_reach_no_group(past: Past, happened: Happened) -> Iterator[str]:
    """Of a sensitive ticket a group reads the number at most."""
    for message in happened.queued:
        case = _sensitive(past, message)
        if case is None or message.is_public or not is_group(message.recipient):
            continue
        if case.id not in past.sensitive and _was_open(happened, case):
            continue  # it became sensitive within this batch, and this may have been said before
        if (found := _given_away(past, case, message.outgoing.text)) is not None:
            yield f"{message.template} shows a group {found!r} of {case.number}"


def sensitive_matters_are_not_named_in_public(past: Past, happened: Happened) -> Iterator[str]:
    """The public reply about a sensitive ticket names no office, place or matter."""
    known = taxonomy()
    for message in _public(happened):
        case = _sensitive(past, message)
        if case is None or (case.id not in past.sensitive and _was_open(happened, case)):
            continue
        if message.template == "desk_words":
            continue  # a clerk's own words, shown to nobody before they were written
        named = [known.districts.get(case.district or ""), known.categories.get(case.category or "")]
        for one in named:
            for language in Language:
                if one is not None and one.name(language) in message.outgoing.text:
                    yield f"{message.template} names {one.name(language)}: {message.outgoing.text}"


def standing_notices_hide_what_became_sensitive(past: Past, happened: Happened) -> Iterator[str]:
    """At the end of a life: no notice that stands in a group shows words of a ticket that is sensitive now."""
    for message in past.world.officers.shown.values():
        case = _sensitive(past, message)
        if case is None or message.template != "notice" or not is_group(message.recipient):
            continue
        if (found := _given_away(past, case, message.outgoing.text)) is not None:
            yield f"a notice of {case.number} still shows {found!r} to a group"


def deleted_words_are_never_said_again(past: Past, happened: Happened) -> Iterator[str]:
    """What a citizen deleted is in no message that we make afterwards."""
    for message in happened.queued:
        if message.outgoing.act is OutgoingAct.ANSWER_PRESS or message.ticket_id is None:
            continue
        shown = _plain(message.outgoing.text)
        kept = " | ".join(_plain(text) for text in past.office.words_of(message.ticket_id))
        for text in past.deleted.values():
            if any(one in shown and one not in kept for one in _shingles(text)):
                yield f"{message.template} repeats deleted words: {text!r}"


def _public(happened: Happened) -> Iterator[Message]:
    return (message for message in happened.queued if message.is_public)


def _sensitive(past: Past, message: Message) -> Case | None:
    case = past.office.cases.get(message.ticket_id or 0)
    return case if case is not None and case.sensitivity is Sensitivity.SENSITIVE else None


def _was_open(happened: Happened, case: Case) -> bool:
    cases = [case for step in happened.steps for case in (step.before, step.decision.case) if case is not None]
    return any(one.id == case.id and one.sensitivity is not Sensitivity.SENSITIVE for one in cases)


def _given_away(past: Past, case: Case, text: str) -> str | None:
    shown = _plain(text)
    for words in past.office.words_of(case.id):
        for shingle in _shingles(words):
            if shingle in shown:
                return shingle
    return None


def _plain(text: str) -> str:
    return " ".join(html.unescape(text).casefold().split())


def _shingles(text: str) -> list[str]:
    words = [word for word in _plain(text).split() if not word.startswith("@") and not NUMBER.search(word.upper())]
    return [" ".join(words[at : at + SHINGLE]) for at in range(max(0, len(words) - SHINGLE + 1))]


SPEECH_RULES: tuple[Rule, ...] = (
    every_step_is_said_once,
    nothing_is_swallowed,
    no_public_text_twice_in_a_week,
    public_text_is_safe,
    we_speak_unasked_within_the_limit,
    a_post_is_answered_once,
    nothing_is_said_after_stop,
    sensitive_words_reach_no_group,
    sensitive_matters_are_not_named_in_public,
    deleted_words_are_never_said_again,
)
SPEECH_AT_THE_END: tuple[Rule, ...] = (standing_notices_hide_what_became_sensitive,)
