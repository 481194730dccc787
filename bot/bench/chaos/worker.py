"""One process of SMGT in the storm: the real `smgt run`, in haste, with an eye on where it stands.

Owns what a process of the storm does differently: short waits instead of long ones, a page of shared memory in which
it says whether a request of its own is under way and reads where it is to die. Everything else is the product's code.
"""

from __future__ import annotations

import faulthandler
import logging
import mmap
import os
import signal
import struct
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from bot.circuit import CircuitPolicy
from bot.delivery_policy import DeliveryPolicy
from bot.log_lines import begin_logging
from bot.running import run
from bot.settings import load_settings
from store import boundaries

SLOT: Final = struct.Struct("<iii")  # requests under way, boundary to die at (0: none), how often it is passed before
NAMES: Final = tuple(boundaries.BOUNDARIES)


@dataclass(frozen=True, slots=True)
class Haste:
    """How long the storm waits for what, in real seconds; the protocol's own waits, only shorter.

    `lateness` bounds what the emulated platforms may do late: the promise holds for that bound.
    """

    start_within: float = 0.7
    deadline: float = 1.0
    lateness: float = 0.8

    def policy(self) -> DeliveryPolicy:
        """The same as a policy. Waits between tries are office seconds; nothing is given up in the storm."""
        return DeliveryPolicy(
            start_within=self.start_within,
            deadline=self.deadline,
            lateness=self.lateness,
            max_attempts=60,
            first_wait=2.0,
            longest_wait=20.0,
            circuit=CircuitPolicy(first_rest=5.0, longest_rest=20.0),
            read_deadline=10.0,
            longest_read_wait=2.0,
            standby=0.2,
            tick=0.1,
        )


@dataclass(frozen=True, slots=True)
class Order:
    """What a process is started with."""

    worker: int
    environment: Mapping[str, str]
    haste: Haste
    slots: Path
    log: Path
    bug: str | None = None
    driver: int = field(default_factory=os.getpid)  # the process that plays the storm


class Slot:
    """A worker's place in the shared memory."""

    def __init__(self, memory: mmap.mmap, worker: int) -> None:
        self._memory = memory
        self._offset = worker * SLOT.size
        self._guard = threading.Lock()

    def passed(self, name: str) -> None:
        """The hook at every boundary: keep count of requests, and die here if that is the plan."""
        with self._guard:
            under_way, die_at, passes = SLOT.unpack_from(self._memory, self._offset)
            under_way += {"delivery.requesting": 1, "delivery.answered": -1}.get(name, 0)
            ends = die_at > 0 and NAMES[die_at - 1] == name
            if ends and passes > 0:
                passes -= 1
                ends = False
            SLOT.pack_into(self._memory, self._offset, under_way, die_at, passes)
            if ends:
                os.kill(os.getpid(), signal.SIGKILL)


def work(order: Order) -> None:
    """Run until told to stop, killed, or alone."""
    threading.Thread(target=_end_with, args=(os.getppid(), order.driver), name="smgt-orphan", daemon=True).start()
    with order.log.open("ab", buffering=0) as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    faulthandler.enable()
    begin_logging("info")
    logging.getLogger().info("Worker %s begins as process %s", order.worker, os.getpid())
    with order.slots.open("r+b") as file:
        slot = Slot(mmap.mmap(file.fileno(), 0), order.worker)
    boundaries.install(slot.passed)
    if order.bug is not None:
        from bot.bench.chaos.planted import plant

        plant(order.bug)
    run(load_settings(dict(order.environment)), delivery_policy=order.haste.policy())


def _end_with(parent: int, driver: int) -> None:
    """A storm that was broken off leaves no process behind; the fork server may outlive whoever started it."""
    never = threading.Event()
    while os.getppid() == parent and _lives(driver):
        never.wait(1.0)
    os._exit(1)


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True
