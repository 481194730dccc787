"""The schedule: a ticker in memory on the one process that leads.

Owns who leads and what is looked at how often. Its jobs only look for due rows and may run any number of times: none
of them carries anything that a restart would lose.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterator, Mapping
from typing import Any, Final

import sqlalchemy as sa
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from bot.app import Office
from bot.clocks import ClockUnavailable
from bot.resting import rest
from bot.seldom import SELDOM
from bot.settings_mail import mail_server
from bot.waking import Wakes
from handlers.alarms import queue_alarms
from store import papers
from store.boundaries import passing
from store.conflicts import is_conflict
from store.db import DatabaseUnusable, reading, writing
from store.directory import load_directory
from store.faults import fault_sentence
from store.lanes import take_leadership

logger = logging.getLogger(__name__)

TIME_SECONDS: Final = 1.0  # what time has made due is noticed this late at most
PHOTO_SECONDS: Final = 5.0
ALARM_SECONDS: Final = 5.0
PAPER_SECONDS: Final = 5.0
LEAD_SECONDS: Final = 2.0  # between two tries to lead, and between two looks whether we still do
OUTSIDE_FAULTS: Final = (sa.exc.DBAPIError, DatabaseUnusable, ClockUnavailable)
JOB_OPTIONS: Final[Mapping[str, Any]] = {"misfire_grace_time": None, "coalesce": True, "max_instances": 1}


class Schedule:
    """The jobs of one process, run while it leads."""

    def __init__(self, office: Office, wakes: Wakes) -> None:
        self._office = office
        self._wakes = wakes

    async def lead(self, stop: asyncio.Event) -> None:
        """Run the jobs while this process leads; stand by while another does."""
        while not stop.is_set():
            leadership = await asyncio.to_thread(take_leadership, self._office.engine)
            if leadership is None:
                await rest(LEAD_SECONDS, stop)
                continue
            scheduler = build_schedule(self)
            scheduler.start()
            try:
                while not stop.is_set() and await asyncio.to_thread(leadership.still_mine):
                    await rest(LEAD_SECONDS, stop)
            finally:
                scheduler.shutdown(wait=False)
                await asyncio.to_thread(leadership.release)

    async def look_at_time(self) -> None:
        """Job: decide what time has made due, the digest too."""
        with _told("time"):
            if await asyncio.to_thread(self._office.hear_time):
                self._wakes.wake_senders()

    async def look_for_photos(self) -> None:
        """Job: fetch photos that are not here yet, and show officers those that are."""
        with _told("photos"):
            await self._office.fetch_pictures()
            if await asyncio.to_thread(self._office.queue_albums):
                self._wakes.wake_senders()

    async def look_for_papers(self) -> None:
        """Job: make the pictures and papers of an edition that has gone out."""
        with _told("papers"):
            if await asyncio.to_thread(self._make_papers):
                self._wakes.wake_senders()

    async def look_for_alarms(self) -> None:
        """Job: tell the CMO desk what it was not told yet."""
        with _told("alarms"):
            if await asyncio.to_thread(self._queue_alarms):
                self._wakes.wake_senders()

    def _make_papers(self) -> int:
        office = self._office
        with reading(office.engine) as conn:
            if papers.due(conn, office.clock.now()) is None:
                return 0
        from bot.digest.making import make_due  # its libraries are loaded by those alone that have something to make

        return make_due(office.engine, office.clock.now, office.policy.reach, mail_server(office.settings))

    def _queue_alarms(self) -> int:
        now = self._office.clock.now()
        with reading(self._office.engine) as conn:
            directory = load_directory(conn, now)
        with writing(self._office.engine) as conn:
            queued = queue_alarms(conn, now, directory, self._office.policy.reach)
            passing("alarms.written")
        passing("alarms.committed")
        return queued


def build_schedule(schedule: Schedule) -> AsyncIOScheduler:
    """The ticker with its jobs."""
    scheduler = AsyncIOScheduler(timezone="UTC", job_defaults=dict(JOB_OPTIONS))
    for job, seconds in (
        (schedule.look_at_time, TIME_SECONDS),
        (schedule.look_for_photos, PHOTO_SECONDS),
        (schedule.look_for_papers, PAPER_SECONDS),
        (schedule.look_for_alarms, ALARM_SECONDS),
    ):
        scheduler.add_job(job, "interval", seconds=seconds, id=job.__name__)
    return scheduler


@contextlib.contextmanager
def _told(job: str) -> Iterator[None]:
    """A job that cannot look now looks again at the next tick."""
    try:
        yield
    except asyncio.CancelledError:  # the ticker ends; what is under way in a thread ends by itself
        logger.info("%s was left to the next leader", job, extra={"action": "run.left"})
    except OUTSIDE_FAULTS as error:
        if not is_conflict(error):
            logger.error("%s waits: %s", job, fault_of(error), extra={"action": "run.wait", **SELDOM})


def fault_of(error: Exception) -> str:
    """One of OUTSIDE_FAULTS as a sentence for the operator."""
    return fault_sentence(error) if isinstance(error, (sa.exc.DBAPIError, DatabaseUnusable)) else str(error)
