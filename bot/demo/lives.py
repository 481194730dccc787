"""How people behave in the demo: citizens who post, answer, wait and judge; officers who work, some slowly, some not.

Owns the behaviour, drawn from a seeded chance. Moments are on five-minute marks, as if people looked at their phones
now and then; it must not know how SMGT decides.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import sqlalchemy as sa

from bot.demo.people import CannotAct, Citizens, Officers
from bot.demo.posts import DemoPost
from bot.demo.stage import Stage
from handlers.case import Case
from handlers.desk.rows import case_of
from handlers.understanding.taxonomy import taxonomy
from store import tickets
from store.db import reading
from store.tables import outbox
from store.vocabulary import Awaiting, Language, Platform, Status

MARK = timedelta(minutes=5)
DISTRICTS_OF_WRITERS = ("Hisar", "Rohtak", "Karnal", "Sirsa", "Jind", "Gurugram", "Ambala", "Panipat")
REPORTS = {
    Language.EN: ("Team visited, work completed today.", "Repaired and checked on site.", "Done; supply restored."),
    Language.HI: ("टीम ने मौके पर जाकर काम पूरा किया।", "मरम्मत कर दी गई है।", "आज काम पूरा हुआ, जाँच भी की।"),
}
YES = {
    Language.EN: "Yes, it is done. Thank you.",
    Language.HI: "हाँ जी, काम हो गया, धन्यवाद",
    Language.HI_LATN: "haan ji ho gaya, dhanyawad",
    Language.PA: "ਹਾਂ ਜੀ, ਕੰਮ ਹੋ ਗਿਆ, ਧੰਨਵਾਦ",
}
NO = {
    Language.EN: "No, nobody came. It is still the same.",
    Language.HI: "नहीं, कोई नहीं आया, वही हाल है",
    Language.HI_LATN: "nahi hua, koi aaya hi nahi",
    Language.PA: "ਨਹੀਂ ਜੀ, ਕੁਝ ਨਹੀਂ ਹੋਇਆ",
}


@dataclass(slots=True)
class Life:
    """One citizen and one post, from posting to the end of it (or of the demo)."""

    stage: Stage
    post: DemoPost
    chance: random.Random
    served: bool  # an officer works on it within the demo
    until: datetime  # when the demo ends
    told: Callable[[str], None]
    post_id: str = ""
    turns: int = 0
    reopened_once: bool = field(default=False)

    async def live(self) -> None:
        """Post it, then answer, wait and judge until it is over."""
        platform = self.post.platform
        who = f"citizen_{self.post.number}"
        citizens = Citizens(self.stage)
        self.post_id = citizens.post(platform, who, f"Citizen {self.post.number}", self.post.text)
        await self._until_read()
        self.told("posted")
        for _ in range(12):
            case = self._case()
            if case is None or case.ended or case.status is Status.TRIAGE:
                return
            if not await self._turn(case, citizens, who):
                return

    def _case(self) -> Case | None:
        with reading(self.stage.office.engine) as conn:
            rows = tickets.in_threads(conn, [(self.post.platform, self.post_id)])
        return case_of(rows[0]) if rows else None

    async def _turn(self, case: Case, citizens: Citizens, who: str) -> bool:
        """One thing that happens next; False when nothing more will."""
        match case.awaiting:
            case Awaiting.DETAILS:
                if self.chance.random() < 0.08:
                    return False  # this citizen never answers
                return await self._wait(1, 12) and await self._say(citizens, who, self._details(case))
            case Awaiting.SATISFACTION:
                return await self._judge(case, citizens, who)
            case Awaiting.OFFICER_QUESTION:
                return await self._wait(2, 24) and await self._say(
                    citizens, who, _in(case.language, "near the main gate", "मुख्य गेट के पास", "main gate ke paas")
                )
        if not self.served or not case.with_office:
            return False
        return await self._officer(case)

    def _details(self, case: Case) -> str:
        """The answer to what was asked, in the writer's own script."""
        known = taxonomy()
        district = self.post.district or self.chance.choice(DISTRICTS_OF_WRITERS)
        parts = []
        if case.district is None:
            parts.append(known.districts[district].name(case.language))
        if case.category is None:
            code = self.post.category if self.post.category in known.categories else "garbage"
            parts.append(known.categories[code or "garbage"].name(case.language))
        return ", ".join(parts)

    async def _judge(self, case: Case, citizens: Citizens, who: str) -> bool:
        if self.chance.random() < 0.2 or not self._asked(case):
            return False  # silence
        if not await self._wait(3, 60):
            return False
        satisfied = self.reopened_once or self.chance.random() < 0.75
        self.reopened_once = self.reopened_once or not satisfied
        return await self._say(citizens, who, (YES if satisfied else NO)[case.language])

    def _asked(self, case: Case) -> bool:
        query = sa.select(outbox.c.id).where(
            outbox.c.ticket_id == case.id, outbox.c.template == "result", outbox.c.sent_at.is_not(None)
        )
        with reading(self.stage.office.engine) as conn:
            return conn.execute(query.limit(1)).first() is not None

    async def _say(self, citizens: Citizens, who: str, text: str) -> bool:
        platform = self.post.platform
        citizens.reply(platform, who, f"Citizen {self.post.number}", text, self._our_last() or self.post_id)
        await self._until_read()
        return True

    async def _until_read(self) -> None:
        """What was written is read at the next poll."""
        settings, platform = self.stage.office.settings, self.post.platform
        seconds = settings.x_poll_seconds if platform is Platform.X else settings.facebook_poll_seconds
        await self.stage.pass_time(timedelta(seconds=seconds))
        await self.stage.hear(platform)

    def _our_last(self) -> str | None:
        destination = f"{self.post.platform.value}:thread:{self.post_id}"
        query = sa.select(outbox.c.sent_id).where(outbox.c.destination == destination, outbox.c.sent_id.is_not(None))
        with reading(self.stage.office.engine) as conn:
            return conn.execute(query.order_by(outbox.c.id.desc()).limit(1)).scalar()

    async def _officer(self, case: Case) -> bool:
        officers = Officers(self.stage)
        if not await self._wait(2, 40):
            return False
        try:
            _, officer = officers.owner(case)
            if self.chance.random() < 0.5:
                await officers.press(case, officer, "accept")
                if not await self._wait(4, 80):
                    return False
            words = self.chance.choice(REPORTS[Language.EN if case.language is Language.EN else Language.HI])
            kind = taxonomy().categories.get(case.category or "")
            shows = kind is not None and kind.photo == "required"
            await officers.dispose(officers.case(case.id), officer, words, photo=shows)
        except (CannotAct, ValueError):
            return (
                False  # the message has not come through yet, or the ticket moved on: the officer looks no more today
            )
        return True

    async def _wait(self, least: int, most: int) -> bool:
        """Some five-minute marks of office time, none between nine at night and eight; False when the demo ends before."""
        moment = self.stage.now + MARK * self.chance.randint(least, most)
        local = moment + timedelta(hours=5, minutes=30)
        if local.hour >= 21 or local.hour < 8:
            morning = local.replace(hour=8, minute=0, second=0) + timedelta(days=1 if local.hour >= 21 else 0)
            moment += morning - local + MARK * self.chance.randint(0, 24)
        seconds = MARK.total_seconds()
        rounded = -(-moment.timestamp() // seconds) * seconds
        if rounded > self.until.timestamp():
            return False
        await self.stage.pass_time(timedelta(seconds=rounded - self.stage.now.timestamp()))
        return True


def _in(language: Language, en: str, hi: str, latin: str) -> str:
    return {Language.EN: en, Language.HI: hi}.get(language, latin)
