"""Stories: readable files that say who does what and what must come of it, and the player that checks them.

    story: c02 district missing            a title, then who and where
    platform: x
    citizen: @meera_bhw / मीरा

    citizen> @cmohry सात महीने से ...       somebody speaks or acts
      = asks district; category pension     what must be true then, parts separated by ";"
    officer> dispose: Reading revised.
    clock> 3 days

Speakers: citizen, stranger, stranger2 (reply in the thread); officer, senior, outsider, desk (act on Telegram); clock;
office (a person using our own account). Notes in [brackets] after the speaker: new, own, photo, video, hidden, silent,
edit, delete, #2 (which ticket of the story is meant).

Owns the format and the checks; the acts themselves are in people.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from bot.demo.people import CannotAct, Citizens, Officers
from bot.demo.stage import Stage
from handlers.case import Case
from handlers.desk.rows import case_of
from handlers.understanding.taxonomy import taxonomy
from store import tickets
from store.db import reading
from store.payloads import outgoing_from_json
from store.tables import inbox, outbox
from store.tables import tickets as tickets_table
from store.vocabulary import InboxState, Platform

HEADS = ("story", "platform", "citizen", "stranger", "stranger2", "start", "settings")
SPEAKERS = ("citizen", "stranger", "stranger2", "officer", "senior", "outsider", "desk", "clock", "office")
LINE = re.compile(r"^(?P<who>[a-z0-9]+)(?:\s*\[(?P<notes>[^\]]*)\])?>\s?(?P<text>.*)$")
UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400, "week": 604800}


class StoryFault(ValueError):
    """A story file cannot be read; the sentence names file and line."""


class StoryBroken(AssertionError):
    """A story did not go as told; the sentence names the step and what was found."""


@dataclass(frozen=True, slots=True)
class StoryStep:
    """One act and what must be true after it."""

    line: int
    who: str
    text: str
    notes: tuple[str, ...] = ()
    expects: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Story:
    """One story file."""

    name: str
    platform: Platform
    citizen: tuple[str, str]  # handle, name
    steps: tuple[StoryStep, ...]
    strangers: dict[str, tuple[str, str]] = field(default_factory=dict)
    source: str = ""


def read_story(path: Path) -> Story:
    """Read one story file. Raises StoryFault naming the line."""
    return parse_story(path.read_text(encoding="utf-8"), path.name)


def parse_story(text: str, source: str) -> Story:
    """The story in a text. Raises StoryFault naming the line."""
    heads: dict[str, str] = {}
    steps: list[StoryStep] = []
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        if line.startswith("="):
            if not steps:
                raise StoryFault(f"{source}, line {number}: an expectation needs a step before it.")
            parts = tuple(part.strip() for part in line[1:].split(";") if part.strip())
            last = steps[-1]
            steps[-1] = StoryStep(last.line, last.who, last.text, last.notes, last.expects + parts)
        elif (match := LINE.match(line)) and match["who"] in SPEAKERS:
            notes = tuple(note.strip() for note in (match["notes"] or "").split(",") if note.strip())
            steps.append(StoryStep(number, match["who"], match["text"], notes))
        elif ":" in line and line.split(":", 1)[0] in HEADS and not steps:
            key, value = line.split(":", 1)
            heads[key] = value.strip()
        else:
            raise StoryFault(
                f"{source}, line {number}: neither a head, a step (`citizen> ...`) nor an expectation (`= ...`)."
            )
    for head in ("story", "platform", "citizen"):
        if head not in heads:
            raise StoryFault(f"{source}: the head `{head}:` is missing.")
    if heads["platform"] not in ("x", "facebook"):
        raise StoryFault(f"{source}: platform is x or facebook, not {heads['platform']!r}.")
    strangers = {who: _person(heads.get(who, f"{who}_passing / {who.title()}")) for who in ("stranger", "stranger2")}
    return Story(
        heads["story"], Platform(heads["platform"]), _person(heads["citizen"]), tuple(steps), strangers, source
    )


def _person(text: str) -> tuple[str, str]:
    handle, _, name = text.partition("/")
    return handle.strip().lstrip("@"), name.strip() or handle.strip().lstrip("@")


@dataclass(slots=True)
class Player:
    """Plays one story on a stage and checks every expectation."""

    stage: Stage
    story: Story
    posts: list[str] = field(default_factory=list)  # the citizens' posts, in order
    speakers: list[str] = field(default_factory=list)  # who wrote each
    roots: list[str] = field(default_factory=list)  # first posts of threads
    numbers: dict[int, str] = field(default_factory=dict)
    toast: str = ""

    async def play(self) -> None:
        """Play it to its end. Raises StoryBroken at the first thing that is not as told."""
        for step in self.story.steps:
            mark = self._last_outbox()
            try:
                await self._act(step)
            except CannotAct as error:
                raise self._broken(step, str(error)) from error
            self._check_always(step, mark)
            for expectation in step.expects:
                self._check(step, expectation, mark)

    def _broken(self, step: StoryStep, why: str) -> StoryBroken:
        return StoryBroken(
            f"{self.story.source or self.story.name}, line {step.line} ({step.who}> {step.text[:60]}): {why}"
        )

    # -- acts ------------------------------------------------------------------------------------------------------------

    async def _act(self, step: StoryStep) -> None:
        match step.who:
            case "clock":
                await self.stage.pass_time(
                    _duration(step.text, self._broken(step, "say a time as `3 days` or `10 minutes`."))
                )
            case "officer" | "senior" | "outsider" | "desk":
                await self._officer(step)
            case "office":
                await self._office(step)
            case _:
                await self._citizen(step)

    async def _citizen(self, step: StoryStep) -> None:
        platform, notes = self.story.platform, step.notes
        who, name = self.story.citizen if step.who == "citizen" else self.story.strangers[step.who]
        citizens = Citizens(self.stage)
        if "edit" in notes or "delete" in notes:
            await self._change(step, who)
            return
        options: dict[str, Any] = {}
        if "photo" in notes:
            options["photos"] = ("https://pbs.twimg.com/media/heap.jpg",)
        if "video" in notes:
            options["video"] = True
        before = self._inbox_rows()
        if "new" in notes or not self.posts:
            post = citizens.post(platform, who, name, step.text, hidden="hidden" in notes, **options)
            self.roots.append(post)
        else:
            post = citizens.reply(platform, who, name, step.text, self._target(step), **options)
        self.posts.append(post)
        self.speakers.append(step.who)
        await self.stage.hear(platform)
        if self._inbox_rows() == before and "silent" not in notes:
            raise self._broken(step, "the post was never heard.")
        if "fast" not in notes:
            await self.stage.pass_time(timedelta(minutes=4))

    def _target(self, step: StoryStep) -> str:
        """What a reply goes under: our latest words in the thread, or the writer's (or citizen's) own post."""
        if "own" not in step.notes and step.who == "citizen" and (ours := self._our_last()):
            return ours
        if step.who == "citizen":
            mine = [post for post, who in zip(self.posts, self.speakers, strict=True) if who == "citizen"]
            return mine[-1] if mine else self.posts[-1]
        return self.roots[-1] if "root" in step.notes else self.posts[-1]

    def _our_last(self) -> str | None:
        account = self.stage.account(self.story.platform)
        query = (
            sa.select(outbox.c.sent_id)
            .where(outbox.c.channel_id == account.channel.id, outbox.c.sent_id.is_not(None))
            .where(outbox.c.recipient == f"{self.story.platform}:{self._author_id()}")
            .order_by(outbox.c.id.desc())
        )
        chosen = self._ticket_notes(self.story.steps)
        with reading(self.stage.office.engine) as conn:
            if chosen is not None:
                query = query.where(outbox.c.ticket_id == chosen)
            return conn.execute(query.limit(1)).scalar()

    def _ticket_notes(self, steps: Sequence[StoryStep]) -> int | None:
        return None

    def _author_id(self) -> str:
        handle = self.story.citizen[0]
        if self.story.platform is Platform.X:
            return self.stage.sandbox.x.add_user(handle)
        return self.stage.sandbox.facebook.add_user(handle, self.story.citizen[1])

    async def _change(self, step: StoryStep, who: str) -> None:
        mine = [post for post, speaker in zip(self.posts, self.speakers, strict=True) if speaker == step.who]
        world = self.stage.sandbox.x if self.story.platform is Platform.X else self.stage.sandbox.facebook
        if "edit" in step.notes:
            world.edit(mine[-1], step.text)
            await self.stage.hear(self.story.platform)
        else:
            world.delete(mine[-1])
            await self.stage.hear(self.story.platform, patience=timedelta(hours=26))

    async def _office(self, step: StoryStep) -> None:
        """A person writes with our own account under the citizen's last post."""
        if self.story.platform is Platform.X:
            self.stage.sandbox.x.human_post("cmohry", step.text, self.posts[-1])
        else:
            self.stage.sandbox.facebook.human_comment(self.posts[-1], step.text)
        await self.stage.hear(self.story.platform)

    async def _officer(self, step: StoryStep) -> None:
        act, _, text = step.text.partition(":")
        act, text = act.strip(), text.strip()
        word, _, argument = act.partition(" ")
        officers, case = Officers(self.stage), self._case(step)
        if step.who == "desk":
            await self._desk(step, word, argument, text, officers, case)
            return
        _, officer = {"officer": officers.owner, "senior": officers.senior, "outsider": officers.outsider}[step.who](
            case
        )
        match word:
            case "accept":
                self.toast = await officers.press(case, officer, "accept")
            case "dispose":
                self.toast = await officers.dispose(case, officer, text, photo="photo" in step.notes)
            case "ask":
                self.toast = await officers.ask(case, officer, text)
            case "forward":
                self.toast = await officers.forward(case, officer, argument)
            case _:
                raise self._broken(step, "an officer can: accept, dispose: TEXT, ask: TEXT, forward DEPARTMENT.")

    async def _desk(self, step: StoryStep, word: str, argument: str, text: str, officers: Officers, case: Case) -> None:
        match word:
            case "place":
                await officers.place(case, text or argument)
            case "reject":
                self.toast = await officers.reject(case, argument)
            case _:
                raise self._broken(step, "the desk can: place: WORDS, reject REASON.")

    # -- what is there -----------------------------------------------------------------------------------------------------------

    def _last_outbox(self) -> int:
        with reading(self.stage.office.engine) as conn:
            return int(conn.execute(sa.select(sa.func.coalesce(sa.func.max(outbox.c.id), 0))).scalar_one())

    def _inbox_rows(self) -> int:
        with reading(self.stage.office.engine) as conn:
            return int(conn.execute(sa.select(sa.func.count()).select_from(inbox)).scalar_one())

    def cases(self) -> list[Case]:
        """The tickets of this story's threads, in the order they were opened."""
        threads = [self._thread_of(root) for root in self.roots]
        with reading(self.stage.office.engine) as conn:
            rows = tickets.in_threads(conn, [(self.story.platform, thread) for thread in threads])
        return [case_of(row) for row in rows if row["platform"] == self.story.platform]

    def _thread_of(self, root: str) -> str:
        return root

    def _case(self, step: StoryStep) -> Case:
        found = self.cases()
        which = next((int(note[1:]) for note in step.notes if re.fullmatch(r"#\d+", note)), len(found))
        if not 1 <= which <= len(found):
            raise self._broken(step, f"the story has {len(found)} tickets, not {which}.")
        return found[which - 1]

    def _said(self, mark: int) -> Iterator[tuple[str, str, str]]:
        """(template, text, state) of public words queued since `mark` in this story's threads."""
        channel = self.stage.account(self.story.platform).channel.id
        query = sa.select(outbox).where(outbox.c.id > mark, outbox.c.channel_id == channel).order_by(outbox.c.id)
        threads = {self._thread_of(root) for root in self.roots}
        with reading(self.stage.office.engine) as conn:
            for row in conn.execute(query):
                outgoing = outgoing_from_json(row.payload)
                if outgoing.thread_id in threads:
                    yield row.template, outgoing.text, row.state

    def _told(self, mark: int) -> list[tuple[str, str]]:
        """(template, text) of officers' messages since `mark` about this story's tickets."""
        ids = [case.id for case in self.cases()]
        channel = self.stage.account(Platform.TELEGRAM).channel.id
        query = sa.select(outbox).where(outbox.c.id > mark, outbox.c.channel_id == channel, outbox.c.ticket_id.in_(ids))
        with reading(self.stage.office.engine) as conn:
            return [(row.template, outgoing_from_json(row.payload).text) for row in conn.execute(query)]

    # -- checks ----------------------------------------------------------------------------------------------------------------

    def _check_always(self, step: StoryStep, mark: int) -> None:
        """Numbers never change, nothing was parked, and every public word stands on the platform."""
        for case in self.cases():
            if self.numbers.setdefault(case.id, case.number) != case.number:
                raise self._broken(step, f"the number changed from {self.numbers[case.id]} to {case.number}.")
        with reading(self.stage.office.engine) as conn:
            parked = conn.execute(
                sa.select(inbox.c.error).where(inbox.c.state == InboxState.PARKED.value).limit(1)
            ).scalar()
        if parked:
            raise self._broken(step, f"an inbox row was parked: {parked}")

    def _check(self, step: StoryStep, expectation: str, mark: int) -> None:
        word, _, value = expectation.partition(" ")
        value = value.strip()
        step_of, name = step, word
        if re.fullmatch(r"#\d+", word):
            step_of = StoryStep(step.line, step.who, step.text, (word,))
            name, _, value = value.partition(" ")
        found = self._found(step_of, name, value, mark)
        if found is not None:
            raise self._broken(step, f"expected `{expectation}`, found {found}.")

    def _found(self, step: StoryStep, name: str, value: str, mark: int) -> str | None:
        """None when it is as expected, else what was found."""
        match name:
            case "said":
                said = [template for template, _, _ in self._said(mark)]
                ok = not said if value == "nothing" else value in said
                return None if ok else f"said {said or 'nothing'}"
            case "says" | "hides":
                texts = [text for _, text, _ in self._said(mark)]
                seen = any(value.lower() in text.lower() for text in texts)
                return None if seen is (name == "says") else f"the words {texts}"
            case "told":
                told = [template for template, _ in self._told(mark)]
                ok = not told if value == "nothing" else value in told
                return None if ok else f"told {told or 'nothing'}"
            case "tickets":
                count = len(self.cases())
                return None if count == int(value) else f"{count} tickets"
            case "toast":
                return None if value.lower() in self.toast.lower() else f"the toast {self.toast!r}"
            case "asks":
                return _compare(self._case(step).asked.value, value)
            case "result":
                return _compare_last(self._last_result(), value)
        return self._fact(step, name, value)

    def _fact(self, step: StoryStep, name: str, value: str) -> str | None:
        """A fact of the ticket."""
        case = self._case(step)
        match name:
            case "category":
                codes = taxonomy().categories
                alternatives = value.split("|")
                base = codes[case.category].base if case.category in codes else "none"
                return (
                    None
                    if base in alternatives or (case.category or "none") in alternatives
                    else case.category or "none"
                )
            case "district" | "department" | "outcome":
                return _compare(str(getattr(case, name) or "none"), value)
            case "status":
                return None if case.status.value in value.split("|") else case.status.value
            case "sensitivity" | "awaiting" | "language" | "register":
                return _compare(str(getattr(case, name)), value)
            case "reopened":
                return _compare(str(case.reopen_count), value)
            case "level":
                return _compare(str(case.escalation_level), value)
            case "urgent" | "hidden_author" | "keep_name_hidden":
                return _compare("yes" if getattr(case, name) else "no", value)
            case "linked":
                return _compare("yes" if case.linked_to else "no", value)
        raise self._broken(step, f"unknown expectation {name!r}.")

    def _last_result(self) -> str:
        with reading(self.stage.office.engine) as conn:
            query = sa.select(inbox.c.result).where(inbox.c.state == InboxState.DONE.value).order_by(inbox.c.id.desc())
            return str(conn.execute(query.limit(1)).scalar())


def _compare(found: str, expected: str) -> str | None:
    return None if found in expected.split("|") else found


def _compare_last(found: str, expected: str) -> str | None:
    return None if any(found.startswith(one) for one in expected.split("|")) else found


def _duration(text: str, fault: StoryBroken) -> timedelta:
    match = re.fullmatch(r"\s*(\d+)\s+(second|minute|hour|day|week)s?\s*", text)
    if match is None:
        raise fault
    return timedelta(seconds=int(match[1]) * UNITS[match[2]])


def ticket_count(stage: Stage) -> int:
    """How many tickets the stage's office has."""
    with reading(stage.office.engine) as conn:
        return int(conn.execute(sa.select(sa.func.count()).select_from(tickets_table)).scalar_one())
