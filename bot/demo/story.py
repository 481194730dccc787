"""The player of stories: acts them out on a stage, step by step, and checks what must be true after each.

Owns the acting; the format is in script.py, the checks are in checks.py, what people do by hand is in people.py.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from bot.demo.checks import Checks, Mark, UnknownExpectation
from bot.demo.hands import Hands
from bot.demo.people import CannotAct, Citizens
from bot.demo.script import OFFICERS, WRITERS, Story, StoryFault, StoryStep, parse_story, read_story
from bot.demo.stage import START, Stage, stage
from handlers.case import Case
from handlers.time_limits import OFFICE_ZONE
from store.db import reading, writing
from store.directory import load_directory
from store.leave import begin_leave
from store.people import Directory
from store.tables import holdings, inbox, outbox
from store.vocabulary import Platform

__all__ = [
    "Player",
    "Story",
    "StoryBroken",
    "StoryFault",
    "StoryStep",
    "parse_story",
    "read_story",
    "stage_for",
]

UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400, "week": 604800}
AFTER_WORDS = timedelta(minutes=4)  # longer than the parts of one complaint are waited for
PATIENCE, LONG_PATIENCE = timedelta(hours=2), timedelta(hours=26)  # deletes are looked for once a day
PHOTO = "heap.jpg"
CHANGES = frozenset({"edit", "delete", "blocks", "shows"})


class StoryBroken(AssertionError):
    """A story did not go as told; the sentence names the step and what was found."""


@asynccontextmanager
async def stage_for(story: Story, folder: Path) -> AsyncIterator[Stage]:
    """A stage set as the story's heads say."""
    async with stage(folder, start=story.start or START, settings=story.settings) as ready:
        if story.vacant:
            ready.directory = _vacated(ready, story.vacant)
        if story.away:
            ready.directory = _away(ready, story.away)
        yield ready


def _vacated(ready: Stage, posts: tuple[str, ...]) -> Directory:
    """The directory once nobody holds these posts any more."""
    with writing(ready.office.engine) as conn:
        conn.execute(sa.delete(holdings).where(holdings.c.post.in_(posts)))
        return load_directory(conn, ready.now)


def _away(ready: Stage, chairs: tuple[tuple[str, str], ...]) -> Directory:
    """The directory once these chairs are on leave for a month."""
    today = ready.now.astimezone(OFFICE_ZONE).date()
    with writing(ready.office.engine) as conn:
        for post, other in chairs:
            begin_leave(conn, post, today, today + timedelta(days=30), ready.now, substitute=other or None)
        return load_directory(conn, ready.now)


@dataclass(slots=True)
class Player:
    """Plays one story on a stage and checks every expectation."""

    stage: Stage
    story: Story
    posts: list[str] = field(default_factory=list)  # the citizens' posts, in order
    speakers: list[str] = field(default_factory=list)  # who wrote each
    roots: list[str] = field(default_factory=list)  # first posts of threads
    others: list[str] = field(default_factory=list)  # posts of passers-by and of our own account
    numbers: dict[int, str] = field(default_factory=dict)

    async def play(self) -> None:
        """Play it to its end. Raises StoryBroken at the first thing that is not as told."""
        checks = self.checks()
        for step in self.story.steps:
            mark = checks.mark()
            try:
                checks.toast = await self._act(step, checks)
            except CannotAct as error:
                raise self._broken(step, str(error)) from error
            self._check(step, checks, mark)

    def checks(self) -> Checks:
        """The eyes on this story."""
        account = self.stage.account
        return Checks(
            engine=self.stage.office.engine,
            platform=self.story.platform,
            channel_id=account(self.story.platform).channel.id,
            desk_channel_id=account(Platform.TELEGRAM).channel.id,
            roots=self.roots,
            handle_of=self._author_id,
        )

    def cases(self) -> list[Case]:
        """The tickets of this story, in the order they were opened."""
        return self.checks().cases()

    def _broken(self, step: StoryStep, why: str) -> StoryBroken:
        return StoryBroken(
            f"{self.story.source or self.story.name}, line {step.line} ({step.who}> {step.text[:60]}): {why}"
        )

    def _check(self, step: StoryStep, checks: Checks, mark: Mark) -> None:
        """Numbers never change and nothing was parked; then what the story expects."""
        for case in checks.cases():
            if self.numbers.setdefault(case.id, case.number) != case.number:
                raise self._broken(step, f"the number changed from {self.numbers[case.id]} to {case.number}.")
        if (fault := checks.parked()) is not None:
            raise self._broken(step, f"an inbox row was parked: {fault}")
        for expectation in step.expects:
            try:
                found = checks.found(expectation, lambda which: self._case(step, which), mark)
            except UnknownExpectation as error:
                raise self._broken(step, f"{error}.") from error
            if found is not None:
                raise self._broken(step, f"expected `{expectation}`, found {found}.")

    def _case(self, step: StoryStep, which: int | None = None) -> Case:
        found = self.cases()
        at = which or self._ticket_note(step) or len(found)
        if not 1 <= at <= len(found):
            raise self._broken(step, f"the story has {len(found)} tickets, not {at}.")
        return found[at - 1]

    def _ticket_note(self, step: StoryStep) -> int | None:
        return next((int(note[1:]) for note in step.notes if re.fullmatch(r"#\d+", note)), None)

    # -- acts ------------------------------------------------------------------------------------------------------------

    async def _act(self, step: StoryStep, checks: Checks) -> str:
        """Act one step out; returns the toast an officer saw, if any."""
        if step.who == "clock":
            await self.stage.pass_time(self._duration(step))
        elif step.who in OFFICERS:
            return await self._officer(step)
        elif step.who in WRITERS:
            await (self._change(step) if CHANGES & set(step.notes) else self._write(step, checks))
        elif step.who == "office":
            await self._office(step)
        else:
            self._elsewhere(step)
        return ""

    def _duration(self, step: StoryStep) -> timedelta:
        match = re.fullmatch(r"\s*(\d+)\s+(second|minute|hour|day|week)s?\s*", step.text)
        if match is None:
            raise self._broken(step, "say a time as `3 days` or `10 minutes`.")
        return timedelta(seconds=int(match[1]) * UNITS[match[2]])

    # -- citizens ----------------------------------------------------------------------------------------------------------

    async def _write(self, step: StoryStep, checks: Checks) -> None:
        post = self._posted(step, self._text(step))
        self.posts.append(post)
        self.speakers.append(step.who)
        checks.heard = post
        if "gone" in step.notes:
            await self._read_and_lose(post)
        else:
            may_stay_unheard = "silent" in step.notes
            heard = await self._heard(post, patience=AFTER_WORDS if may_stay_unheard else PATIENCE)
            if not heard and not may_stay_unheard:
                raise self._broken(step, "the post was never heard.")
        if "fast" not in step.notes:
            await self.stage.pass_time(AFTER_WORDS)

    def _text(self, step: StoryStep) -> str:
        found = self.cases() if "{" in step.text else []
        text = step.text
        for at, case in enumerate(found, 1):
            text = text.replace(f"{{#{at}}}", case.number)
        if found and "{slip}" in text:
            number = found[0].number
            text = text.replace("{slip}", f"{number[:-1]}{(int(number[-1]) + 1) % 10}")
        return text

    def _posted(self, step: StoryStep, text: str) -> str:
        platform, notes = self.story.platform, set(step.notes)
        who, name = self.story.person(step.who)
        citizens = Citizens(self.stage)
        options: dict[str, Any] = {}
        if "photo" in notes:
            options["photos"] = (PHOTO,)
        for kind in ("video", "voice"):
            if kind in notes:
                options[kind] = True
        if "quote" in notes or "repost" in notes:
            verb = "quote" if "quote" in notes else "repost"
            post = citizens.share(platform, who, name, text, verb, self.others[-1])
        elif "under" in notes:
            self.roots.append(self.others[-1])
            return citizens.reply(platform, who, name, text, self.others[-1], **options)
        elif "new" in notes or not self.posts:
            post = citizens.post(platform, who, name, text, hidden="hidden" in notes, **options)
        else:
            return citizens.reply(platform, who, name, text, self._target(step), **options)
        self.roots.append(post)
        return post

    def _target(self, step: StoryStep) -> str:
        """What a reply goes under: our latest words to the citizen, or the writer's (or citizen's) own post."""
        if "root" in step.notes:
            return self.roots[-1]
        if "own" not in step.notes and step.who == "citizen" and (ours := self._our_last(step)):
            return ours
        if step.who == "citizen" or "own" in step.notes:
            mine = [post for post, who in zip(self.posts, self.speakers, strict=True) if who == step.who]
            return mine[-1] if mine else self.posts[-1]
        return self.posts[-1]

    def _our_last(self, step: StoryStep) -> str | None:
        channel = self.stage.account(self.story.platform).channel.id
        query = (
            sa.select(outbox.c.sent_id)
            .where(outbox.c.channel_id == channel, outbox.c.sent_id.is_not(None))
            .where(outbox.c.recipient == f"{self.story.platform}:{self._author_id('citizen')}")
            .order_by(outbox.c.id.desc())
        )
        if self._ticket_note(step) is not None:
            query = query.where(outbox.c.ticket_id == self._case(step).id)
        with reading(self.stage.office.engine) as conn:
            return conn.execute(query.limit(1)).scalar()

    def _author_id(self, who: str) -> str:
        handle, name = self.story.person(who)
        if self.story.platform is Platform.X:
            return self.stage.sandbox.x.add_user(handle)
        return self.stage.sandbox.facebook.add_user(handle, name)

    async def _heard(self, post: str, *, events: int = 1, patience: timedelta = PATIENCE) -> bool:
        """Let minutes pass until we were told `events` times of this post."""
        return await self.stage.hear(
            self.story.platform, until=lambda: self._events_of(post) >= events, patience=patience
        )

    def _events_of(self, post: str) -> int:
        query = sa.select(sa.func.count()).where(inbox.c.event_key.contains(post, autoescape=True))
        with reading(self.stage.office.engine) as conn:
            return int(conn.execute(query).scalar_one())

    async def _read_and_lose(self, post: str) -> None:
        """The post is read, then deleted before our answer goes out."""
        intake = self.stage.account(self.story.platform).intake
        while not await intake.read_once():
            self.stage.sandbox.world.clock.advance(timedelta(minutes=1))
        Citizens(self.stage).world(self.story.platform).delete(post)
        await self.stage.office.settle()

    async def _change(self, step: StoryStep) -> None:
        """The writer edits or deletes their last post, blocks us, or becomes visible."""
        platform, notes = self.story.platform, step.notes
        mine = [post for post, speaker in zip(self.posts, self.speakers, strict=True) if speaker == step.who]
        citizens = Citizens(self.stage)
        if "blocks" in notes:
            citizens.block(platform, self.story.person(step.who)[0])
            return
        if "edit" in notes:
            citizens.world(platform).edit(mine[-1], step.text)
        elif "delete" in notes:
            citizens.world(platform).delete(mine[-1])
        else:
            self.stage.sandbox.facebook.reveal(mine[0])
            await self.stage.hear(platform, until=self._is_bound, patience=PATIENCE)
            return
        known = self._events_of(mine[-1])
        if not await self._heard(mine[-1], events=known + 1, patience=LONG_PATIENCE):
            raise self._broken(step, "the change was never heard.")

    def _is_bound(self) -> bool:
        return all(not case.hidden_author for case in self.cases())

    def _elsewhere(self, step: StoryStep) -> None:
        """Somebody's post that does not tag us, or a post of our own account."""
        citizens = Citizens(self.stage)
        if step.who == "minister":
            self.others.append(citizens.our_post(self.story.platform, step.text))
        else:
            who, name = self.story.person("passer")
            self.others.append(citizens.post(self.story.platform, who, name, step.text, untagged=True))

    async def _office(self, step: StoryStep) -> None:
        """A person writes with our own account under the citizen's last post."""
        post = Citizens(self.stage).our_post(self.story.platform, step.text, under=self.posts[-1])
        if not await self._heard(post):
            raise self._broken(step, "the words of our own account were never heard.")

    # -- officers -----------------------------------------------------------------------------------------------------------

    async def _officer(self, step: StoryStep) -> str:
        act, _, text = step.text.partition(":")
        word, _, argument = act.strip().partition(" ")
        text, case, officers = text.strip(), self._case(step), Hands(self.stage)
        if step.who in ("field", "helper"):
            return await self._sent(step, officers, case, word, text)
        if step.who == "desk":
            officer = officers.clerk()[1]
        else:
            chairs = {
                "officer": officers.owner,
                "senior": officers.senior,
                "outsider": officers.outsider,
                "viewer": officers.viewer,
            }
            officer = chairs[step.who](case)[1]
        match word:
            case _ if "old" in step.notes:
                return await officers.press_old(case, officer, word)
            case "accept":
                return await officers.press(case, officer, "accept")
            case "dispose":
                return await officers.dispose(case, officer, text, photo="photo" in step.notes)
            case "ask":
                return await officers.ask(case, officer, text)
            case "plan" | "note" | "details":
                return await officers.more(case, officer, word, text)
            case "send":
                return await officers.send(case, officer)
            case "time":
                return await officers.ask_time(case, officer, text)
            case "grant" | "deny":
                return await officers.settle_time(case, officer, word == "grant")
            case "say" if step.who == "desk":
                return await officers.place(case, f"/say {text}")
            case "pass":
                return await officers.pass_on(case, officer)
            case "help":
                return await officers.ask_help(case, officer, argument, text)
            case "remark" if step.who == "viewer":
                return await officers.remark(case, text)
            case "answer":
                return await officers.answer_remark(case, officer, text)
            case "pause" if step.who == "desk":
                return await officers.pause(text if not argument else f"{argument}: {text}")
            case "resume" if step.who == "desk":
                return await officers.resume(argument)
            case "undo":
                return await officers.press(case, officer, "undo")
            case "forward":
                return await officers.forward(case, officer, argument)
            case "return":
                return await officers.give_back(case, officer, text)
            case "write":
                return await officers.write(case, officer, text)
            case "place" if step.who == "desk":
                return await officers.place(case, text or argument)
            case "reject" if step.who == "desk":
                return await officers.reject(case, argument)
            case "reopen" if step.who == "desk":
                return await officers.reopen(case)
            case "uphold" if step.who == "desk":
                return await officers.settle(case, officers.second_clerk(case), "uphold")
            case "yield" if step.who == "desk":
                return await officers.settle(case, officers.second_clerk(case), "reopen")
        raise self._broken(
            step,
            "an officer can: accept, dispose: TEXT, ask: TEXT, plan: DAY AND REASON, note: TEXT, details: REASON, undo, send, "
            "time: DAYS AND REASON, grant, deny, pass, help DEPARTMENT: QUESTION, forward DEPARTMENT, return: TEXT, write: "
            "TEXT, answer: TEXT (a remark); a viewer remark: TEXT; the desk besides: place: WORDS, say: WORDS, reject REASON, "
            "reopen, pause DISTRICT until DAY: REASON, resume DISTRICT, and another clerk: uphold, yield.",
        )

    async def _sent(self, step: StoryStep, officers: Hands, case: Case, word: str, text: str) -> str:
        """What those do who were sent or asked."""
        if step.who == "field" and word == "report":
            await officers.field_reports(case, text, photo="photo" in step.notes)
            return ""
        if step.who == "helper" and word == "answer":
            return await officers.helper_answers(case, text)
        raise self._broken(step, "a field officer can `report: TEXT`, a helper `answer: TEXT`.")


async def play_file(path: Path, folder: Path) -> None:
    """Play one story file on a stage of its own. Raises StoryFault or StoryBroken."""
    story = await asyncio.to_thread(read_story, path)
    async with stage_for(story, folder) as ready:
        await Player(ready, story).play()
