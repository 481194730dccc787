"""Lives of the office, thousands of them, each drawn from one seed and looked at after every step.

The real deciding and wording under a clock and a chance of their own: a seed that breaks a promise breaks it again
whenever it is played. Owns playing one life and many, and what is counted. It must not know a rule.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from multiprocessing import get_context, parent_process
from typing import Final

from bot.bench.simulate_memory import MemoryOffice
from bot.bench.simulate_office import Clock, Happened, Office
from bot.bench.simulate_past import Broken, Past
from bot.bench.simulate_rules import AT_THE_END, TICKET_RULES
from bot.bench.simulate_speech_rules import SPEECH_AT_THE_END, SPEECH_RULES
from bot.bench.simulate_world import World, chairs_of, policy_of
from bot.clocks import machine_seconds
from handlers.readiness import read_tables

RULES: Final = (*TICKET_RULES, *SPEECH_RULES)
RULES_AT_THE_END: Final = (*AT_THE_END, *SPEECH_AT_THE_END)
STEPS: Final = 40
READINGS_KEPT: Final = 200_000
MOST_BROKEN: Final = 20  # told of one life


@dataclass(slots=True)
class Report:
    """What was played and what came of it."""

    seeds: int = 0
    steps: int = 0
    tickets: int = 0
    messages: int = 0
    seconds: float = 0.0
    kinds: Counter[str] = field(default_factory=Counter)
    broken: list[Broken] = field(default_factory=list)

    def add(self, other: Report) -> None:
        """Count another part."""
        self.seeds += other.seeds
        self.steps += other.steps
        self.tickets += other.tickets
        self.messages += other.messages
        self.kinds += other.kinds
        self.broken += other.broken


Rules = Sequence[Callable[[Past, Happened], Iterable[str]]]
OfficeOf = Callable[[random.Random, Clock], Office]


def in_memory(chance: random.Random, clock: Clock) -> Office:
    """An office without a database."""
    return MemoryOffice(policy_of(chance), clock, chairs_of(chance))


Teller = Callable[[int, Happened], None]


def live(seed: int, steps: int = STEPS, office_of: OfficeOf = in_memory, tell: Teller | None = None) -> Report:
    """Play one life; `tell` hears of everything that happens."""
    chance, clock = random.Random(seed), Clock()
    office = office_of(chance, clock)
    try:
        return _lived(World(seed, office, chance, clock), steps, tell or _quiet)
    finally:
        office.close()


def _quiet(_at: int, _happened: Happened) -> None:
    pass


def _lived(world: World, steps: int, tell: Teller) -> Report:
    past, report = Past(world), Report(seeds=1)
    for at in range(steps):
        for happened in world.step():
            tell(at, happened)
            _look(past, happened, at, report)
        if report.broken:
            break  # what follows from a broken promise says nothing
        report.steps += 1
    else:
        for happened in world.finish():
            tell(steps, happened)
            _look(past, happened, steps, report)
        if not report.broken:
            report.broken += _broken(past, Happened(), steps, RULES_AT_THE_END)
    report.tickets, report.messages = len(world.office.cases), len(world.office.messages)
    report.kinds += world.kinds
    return report


def _look(past: Past, happened: Happened, at: int, report: Report) -> None:
    if len(report.broken) < MOST_BROKEN:
        report.broken += _broken(past, happened, at, RULES)
    past.remember(happened)
    report.kinds.update(f"result: {result}" for result in happened.results)
    report.kinds.update(f"says: {message.template}" for message in happened.queued)


def _broken(
    past: Past, happened: Happened, at: int, rules: Sequence[Callable[[Past, Happened], Iterable[str]]]
) -> list[Broken]:
    return [Broken(rule.__name__, sentence, past.world.seed, at) for rule in rules for sentence in rule(past, happened)]


def live_many(
    seeds: Iterable[int], steps: int = STEPS, office_of: OfficeOf = in_memory, tell: Teller | None = None
) -> Report:
    """Play many lives in this process."""
    report, begun = Report(), machine_seconds()
    read_tables()
    with readings_kept():
        for seed in seeds:
            if (parent := parent_process()) is not None and not parent.is_alive():
                os._exit(1)  # nobody hears of these lives any more, and the pool would wait for ever
            report.add(live(seed, steps, office_of, tell))
    report.seconds = machine_seconds() - begun
    return report


def live_everywhere(
    first: int, count: int, steps: int, told: Callable[[int], None], office_of: OfficeOf = in_memory, part: int = 50
) -> Report:
    """Play `count` lives from the seed `first` on, on every processor; `told` hears how many more are done."""
    report, begun = Report(), machine_seconds()
    parts = [range(at, min(at + part, first + count)) for at in range(first, first + count, part)]
    with ProcessPoolExecutor(max_workers=os.cpu_count(), mp_context=get_context("spawn")) as pool:
        playing = [pool.submit(live_many, one, steps, office_of) for one in parts]
        for done in as_completed(playing):
            report.add(done.result())
            told(done.result().seeds)
    report.broken.sort(key=lambda one: one.seed)
    report.seconds = machine_seconds() - begun
    return report


@contextmanager
def readings_kept() -> Iterator[None]:
    """Read the same words once: the understanding is pure, and the people of the simulation repeat themselves."""
    from bot.bench import simulate_memory
    from handlers.desk import notices, officers, snapshot, words

    modules = {
        "read_answer": (words, officers),
        "understand": (words, snapshot, simulate_memory),
        "mask": (notices, officers),
    }
    real = {name: getattr(found[0], name) for name, found in modules.items()}
    try:
        for name, found in modules.items():
            kept = lru_cache(maxsize=READINGS_KEPT)(real[name])
            for module in found:
                setattr(module, name, kept)
        yield
    finally:
        for name, found in modules.items():
            for module in found:
                setattr(module, name, real[name])
