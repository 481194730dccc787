"""What a rule may look at: what just happened, and everything that happened before.

Owns the memory that rules need and the shape of a broken promise. It must not know a rule.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from bot.bench.simulate_office import Happened, Message, Office
from bot.bench.simulate_words import Meant
from bot.bench.simulate_world import World, Written
from handlers.case import Case
from handlers.desk.steps import Step
from handlers.effects import SettleSatisfaction
from store.vocabulary import Outcome, Sensitivity


@dataclass(frozen=True, slots=True)
class Broken:
    """A promise that was not kept: the seed and step that play it again."""

    rule: str
    sentence: str
    seed: int
    step: int


@dataclass(slots=True)
class Past:
    """Everything seen so far in one life."""

    world: World
    numbers: dict[int, str] = field(default_factory=dict)  # by ticket id
    steps_said: set[tuple[str, str]] = field(default_factory=set)
    said: dict[tuple[int, str], datetime] = field(default_factory=dict)  # by channel and words
    unasked: Counter[int] = field(default_factory=Counter)  # by ticket
    outcomes: dict[tuple[int, int], Outcome | None] = field(default_factory=dict)  # by ticket and cycle
    sensitive: set[int] = field(default_factory=set)  # tickets, before what just happened
    deleted: dict[str, str] = field(default_factory=dict)  # words of deleted posts, by message id

    @property
    def office(self) -> Office:
        return self.world.office

    def meant(self, step: Step) -> Meant | None:
        """What the citizen whose post this is meant by it."""
        written = self.post_of(step)
        return written.meant if written is not None else None

    def post_of(self, step: Step) -> Written | None:
        """The post behind a step, as its writer knows it."""
        post = step.origin.post
        return self.world.written.get(post.message_id) if post is not None else None

    def is_complainants(self, step: Step) -> bool:
        """Does the one whose ticket it is speak here, in a way the platform proves?"""
        before = step.before
        return before is not None and before.account_id is not None and before.account_id == step.origin.account_id

    def remember(self, happened: Happened) -> None:
        """Take in what happened, after every rule has looked."""
        for case in self.office.cases.values():
            self.numbers.setdefault(case.id, case.number)
            if case.sensitivity is Sensitivity.SENSITIVE:
                self.sensitive.add(case.id)
        for message in happened.queued:
            self.steps_said.add((message.step_id, message.recipient))
            if is_unasked(message) and message.ticket_id is not None:
                self.unasked[message.ticket_id] += 1
        for message in happened.delivered:
            if message.is_public:
                self.said[(message.channel_id, message.outgoing.text)] = self.world.clock.now
        for step in happened.steps:
            self._remember_step(step)

    def _remember_step(self, step: Step) -> None:
        if step.decision.result == "words_withdrawn" and (written := self.post_of(step)) is not None:
            self.deleted[written.post.message_id] = written.post.text
        case = step.decision.case
        if case is None:
            return
        for effect in step.decision.effects:
            if isinstance(effect, SettleSatisfaction):
                self.outcomes[(case.id, effect.cycle)] = effect.outcome


def is_unasked(message: Message) -> bool:
    """Is it public, and the answer to no post?"""
    return message.is_public and not message.step_id.startswith("answer:")


def changes(happened: Happened) -> Iterator[tuple[Step, Case, Case]]:
    """Every step that had a ticket before and after."""
    for step in happened.steps:
        if step.before is not None and step.decision.case is not None:
            yield step, step.before, step.decision.case
