"""The processes of the storm: started by a fork server that has everything loaded, killed at any moment, started again.

Owns processes and kills. It must not know what the processes do. A kill is SIGKILL: no handler runs, nothing is said.
"""

from __future__ import annotations

import mmap
import multiprocessing
import os
import random
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Final, Protocol

from bot.bench.chaos.worker import NAMES, SLOT, Order, work
from bot.clocks import machine_seconds

REST: Final = 0.25  # real seconds that a process lives at least
PATIENCE: Final = 4.0  # then a boundary that nobody passes, or a request that nobody makes, is given up for now
START_SECONDS: Final = 8.0  # a process that finds its database restarting ends within them, with a sentence
STOP_SECONDS: Final = 10.0


class FleetBroken(Exception):
    """A process ended by itself; the message says where its last words are."""


class _Context(Protocol):
    def Process(self, *, target: Callable[[Order], None], args: tuple[Order]) -> BaseProcess: ...  # noqa: N802


@dataclass(slots=True)
class _Ship:
    order: Order
    process: BaseProcess
    since: float


@dataclass(slots=True)
class _Plan:
    """The next kill: at once, while a request is under way, or at a boundary."""

    how: str
    since: float
    worker: int
    boundary: str = ""


class Fleet:
    """Workers that are kept alive between kills. `kills` counts by manner, `boundaries` by where a worker died.

    `dies_at`: kill at these boundaries only.
    """

    def __init__(self, orders: list[Order], slots: Path, *, seed: int, dies_at: tuple[str, ...] = ()) -> None:
        slots.write_bytes(bytes(SLOT.size * len(orders)))
        with slots.open("r+b") as file:
            self._memory = mmap.mmap(file.fileno(), 0)
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["bot.bench.chaos.warm"])
        self._context: _Context = context
        self._chance = random.Random(seed)
        self._dies_at = dies_at
        self._manners = self._order_of_manners()
        self._names = self._order_of_names()
        self._plan: _Plan | None = None
        self.kills: Counter[str] = Counter()
        self.boundaries: Counter[str] = Counter()
        self.mid_request = 0
        self.orders = orders
        self._ships = [self._launch(order) for order in orders]

    @property
    def killed(self) -> int:
        """How many kills there were."""
        return sum(self.kills.values())

    def tick(self, wanted: int) -> None:
        """Bring the kills nearer to `wanted` and start again what died. Raises FleetBroken."""
        now = machine_seconds()
        if self._plan is not None:
            self._carry_out(self._plan, now)
        elif self.killed < wanted:
            self._plan = self._next_plan(now)
        self._raise_the_dead()

    def calm(self) -> None:
        """No kill any more; whoever is dead is started once again. Raises FleetBroken."""
        self._forget_plan()
        for ship in self._ships:
            ship.process.join(0.2)  # one that is just dying at a boundary
        self._raise_the_dead()

    def stop(self) -> float:
        """End all as an operator would; the seconds that the slowest took. Raises FleetBroken after ten."""
        begun = machine_seconds()
        for ship in self._ships:
            ship.process.terminate()
        for ship in self._ships:
            ship.process.join(max(0.1, STOP_SECONDS + 1 - (machine_seconds() - begun)))
        took = machine_seconds() - begun
        late = [ship for ship in self._ships if ship.process.exitcode != 0]
        self.scuttle()
        if late:
            told = ", ".join(f"{ship.order.log} ({ship.process.exitcode})" for ship in late)
            raise FleetBroken(f"Processes did not stop cleanly within {STOP_SECONDS:g} seconds; read {told}.")
        return took

    def scuttle(self) -> None:
        """Kill whatever still runs."""
        for ship in self._ships:
            if ship.process.is_alive():
                ship.process.kill()
            ship.process.join()

    # -- kills -----------------------------------------------------------------------------------------------------

    def _next_plan(self, now: float) -> _Plan:
        how = next(self._manners)
        worker = self._chance.randrange(len(self._ships))
        plan = _Plan(how, now, worker, next(self._names) if how == "boundary" else "")
        if plan.boundary:
            for each in range(len(self._ships)):
                self._write(each, NAMES.index(plan.boundary) + 1, self._chance.choice((0, 0, 0, 1, 3)))
        return plan

    def _carry_out(self, plan: _Plan, now: float) -> None:
        dead = [each for each, ship in enumerate(self._ships) if ship.process.exitcode == -signal.SIGKILL]
        if dead:  # at a boundary they die by themselves; several may have come there at once
            for each in dead:
                self._count(each, plan)
            self._forget_plan()
        elif plan.how == "boundary":
            if now - plan.since > PATIENCE:
                self._forget_plan()
        elif plan.how == "request":
            busy = [each for each in range(len(self._ships)) if self._under_way(each) and self._rested(each, now)]
            if busy or now - plan.since > PATIENCE:
                self._kill(self._chance.choice(busy) if busy else plan.worker, plan)
        elif self._rested(plan.worker, now):
            self._kill(plan.worker, plan)

    def _kill(self, worker: int, plan: _Plan) -> None:
        process = self._ships[worker].process
        if process.pid is not None:
            os.kill(process.pid, signal.SIGKILL)
        process.join()
        self._count(worker, plan)
        self._forget_plan()

    def _count(self, worker: int, plan: _Plan) -> None:
        self.kills[plan.how] += 1
        self.mid_request += self._under_way(worker) > 0
        if plan.boundary:
            self.boundaries[plan.boundary] += 1

    def _forget_plan(self) -> None:
        self._plan = None
        for each in range(len(self._ships)):
            self._write(each, 0, 0)

    def _rested(self, worker: int, now: float) -> bool:
        return now - self._ships[worker].since >= REST

    def _order_of_manners(self) -> Iterator[str]:
        while True:
            manners = ["boundary"] if self._dies_at else ["boundary", "request", "request", "moment"]
            self._chance.shuffle(manners)
            yield from manners

    def _order_of_names(self) -> Iterator[str]:
        """Every boundary before any comes again."""
        while True:
            names = list(self._dies_at or NAMES)
            self._chance.shuffle(names)
            yield from names

    # -- processes -------------------------------------------------------------------------------------------------

    def _launch(self, order: Order) -> _Ship:
        process = self._context.Process(target=work, args=(order,))
        process.start()
        return _Ship(order, process, machine_seconds())

    def _raise_the_dead(self) -> None:
        for each, ship in enumerate(self._ships):
            code = ship.process.exitcode
            if code is None:
                continue
            no_database = code == 1 and machine_seconds() - ship.since < START_SECONDS  # a supervisor starts it again
            if code != -signal.SIGKILL and not no_database:
                raise FleetBroken(f"A process of the storm ended by itself with {code}; read {ship.order.log}.")
            under_way, die_at, passes = self._read(each)
            SLOT.pack_into(self._memory, each * SLOT.size, 0, die_at, passes)
            del under_way
            self._ships[each] = self._launch(ship.order)

    # -- the shared memory -----------------------------------------------------------------------------------------

    def _read(self, worker: int) -> tuple[int, int, int]:
        under_way, die_at, passes = SLOT.unpack_from(self._memory, worker * SLOT.size)
        return under_way, die_at, passes

    def _under_way(self, worker: int) -> int:
        return self._read(worker)[0]

    def _write(self, worker: int, die_at: int, passes: int) -> None:
        SLOT.pack_into(self._memory, worker * SLOT.size, self._under_way(worker), die_at, passes)
