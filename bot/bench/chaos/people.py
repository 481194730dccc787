"""The people of the storm: citizens who complain and answer, officers who press and report, thousands side by side.

Owns what they say and when they go on: only by what the platforms show them, never by the database. Whoever waits for
an answer that does not come waits for ever, and that is counted as lost.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from itertools import islice
from typing import Any, Final, TypeVar

from bot.clocks import machine_seconds
from bot.sandbox.server import X_HANDLE, Sandbox
from bot.sandbox.telegram_state import Message
from handlers.facts import Facts
from handlers.render import render
from store.payloads import shown_on_telegram
from store.vocabulary import Language, Platform

Kept = TypeVar("Kept")

NUMBER: Final = re.compile(r"HRY\d\d-\d{6}-\d")
DISTRICTS: Final = (
    "Ambala",
    "Bhiwani",
    "Fatehabad",
    "Hisar",
    "Jind",
    "Kaithal",
    "Karnal",
    "Panipat",
    "Rewari",
    "Rohtak",
    "Sirsa",
    "Sonipat",
    "Jhajjar",
    "Kurukshetra",
    "Mahendragarh",
    "Nuh",
    "Palwal",
    "Yamunanagar",
)
PATIENCE: Final = (
    20.0  # real seconds until an officer who pressed and was asked nothing presses again; then twice as long
)
REPORT: Final = "Team went there and repaired the line"
YES: Final = "haan ji ho gaya, dhanyawad"
NO: Final = "nahi hua, koi aaya hi nahi, pani band hai"


class Act(Enum):
    """What a conversation waits for or does next."""

    HEAR = "a reply of the office"
    SAY = "the citizen says something"
    ACCEPT = "the officer accepts"
    REPORT = "the officer reports it as done"


class Report(Enum):
    """How far a report has come: the button, the words, the confirmation."""

    PRESS = "press"
    WRITE = "write"
    CONFIRM = "confirm"


Step = tuple[Act, str]

# What happens in a conversation, step by step, and how often out of a hundred.
SCRIPTS: Final[dict[str, tuple[int, tuple[Step, ...]]]] = {
    "answered": (30, ((Act.HEAR, ""),)),
    "asked": (20, ((Act.HEAR, ""), (Act.SAY, "{district}"), (Act.HEAR, ""))),
    "solved": (
        30,
        ((Act.HEAR, ""), (Act.ACCEPT, ""), (Act.REPORT, ""), (Act.HEAR, ""), (Act.SAY, YES), (Act.HEAR, "")),
    ),
    "again": (
        20,
        (
            (Act.HEAR, ""),
            (Act.REPORT, ""),
            (Act.HEAR, ""),
            (Act.SAY, NO),
            (Act.HEAR, ""),
            (Act.REPORT, ""),
            (Act.HEAR, ""),
            (Act.SAY, YES),
            (Act.HEAR, ""),
        ),
    ),
}


@dataclass(slots=True)
class Talk:
    """One citizen, one complaint, and how far the two have come."""

    index: int
    platform: Platform
    script: str
    district: str
    post_id: str = ""
    number: str = ""
    at: int = 0
    heard: int = 0  # replies of ours that the script has used up
    ours: list[str] = field(default_factory=list)  # our replies in the thread, oldest first
    report: Report = Report.PRESS
    last_used: int = 0  # the newest message on Telegram that the officer has acted on
    pressed_at: float = 0.0
    patience: float = PATIENCE

    @property
    def steps(self) -> tuple[Step, ...]:
        return SCRIPTS[self.script][1]

    @property
    def is_over(self) -> bool:
        return self.at >= len(self.steps)

    @property
    def waits_for(self) -> str:
        """What it waits for, for people who read the report."""
        return "nothing" if self.is_over else f"step {self.at + 1} of {self.script}: {self.steps[self.at][0].value}"


@dataclass(frozen=True, slots=True)
class Desk:
    """A group on Telegram and the officer who works there."""

    chat: int
    officer: int


@dataclass(slots=True)
class Mail:
    """The newest messages about a ticket on Telegram."""

    desk: Desk
    notice: int = 0
    prompt: int = 0
    preview: int = 0


class People:
    """Everybody outside SMGT. `tick` lets each do what can be done now."""

    def __init__(self, sandbox: Sandbox, desks: dict[str, Desk], posts: int, *, seed: int, at_once: int) -> None:
        self._sandbox = sandbox
        self._desks = desks
        self._at_once = at_once
        chance = random.Random(seed)
        names, weights = list(SCRIPTS), [SCRIPTS[name][0] for name in SCRIPTS]
        self.talks = [
            Talk(
                index,
                Platform.X if chance.random() < 0.6 else Platform.FACEBOOK,
                chance.choices(names, weights)[0],
                chance.choice(tuple(desks)),
            )
            for index in range(posts)
        ]
        self._unposted = iter(self.talks)
        self._open: dict[int, Talk] = {}
        self._by_post: dict[str, Talk] = {}
        self._by_number: dict[str, Talk] = {}
        self._mail: dict[str, Mail] = {}
        self._seen = {"x": 0, "facebook": 0} | {str(desk.chat): 0 for desk in desks.values()}
        prompt = render(Language.EN, "officer", "prompt_atr", Facts(number="#"))
        self._asks = shown_on_telegram(prompt).partition("#")[2].strip()
        self._labels = {
            why: render(Language.EN, "officer", "button", Facts(why=why)) for why in ("accept", "dispose", "confirm")
        }
        self._steps = sum(len(talk.steps) + 1 for talk in self.talks)
        self._done = 0

    @property
    def progress(self) -> float:
        """How much of everything that is to happen has happened, 0 to 1."""
        return self._done / max(1, self._steps)

    @property
    def are_done(self) -> bool:
        """Whether every conversation has come to its end."""
        return self._done >= self._steps

    def unfinished(self) -> list[Talk]:
        """Conversations that have begun and not ended."""
        return [talk for talk in self.talks if not talk.is_over]

    def seen_by_officer(self, talk: Talk) -> str:
        """What the officer of a conversation has before them, for people who read the report."""
        mail = self._mail_of(talk)
        shown = self._sandbox.telegram.groups[mail.desk.chat].messages.get(mail.notice)
        if shown is None:
            return "no notice is known"
        return f"notice {mail.notice} with {sorted(_labels_of(shown))}"

    def tick(self) -> None:
        """Read what is new everywhere; then everybody who can go on does."""
        with self._sandbox.world.lock:
            for talk in self._touched():
                self._go_on(talk)
            while len(self._open) < self._at_once and (fresh := next(self._unposted, None)) is not None:
                self._post(fresh)

    # -- what is new -----------------------------------------------------------------------------------------------

    def _touched(self) -> Iterator[Talk]:
        touched = {talk.index: talk for talk in (*self._heard_on_x(), *self._heard_on_facebook())}
        for desk in self._desks.values():
            touched |= {talk.index: talk for talk in self._read_in(desk)}
        yield from (touched | self._waiting_for_buttons()).values()

    def _waiting_for_buttons(self) -> dict[int, Talk]:
        """Officers look at their chats again and again: a notice gets its buttons by an edit, which is no news here."""
        wanted = (Act.ACCEPT, Act.REPORT)
        return {
            talk.index: talk
            for talk in self._open.values()
            if talk.steps[talk.at][0] in wanted and talk.report is not Report.CONFIRM
        }

    def _heard_on_x(self) -> Iterator[Talk]:
        world = self._sandbox.x
        account = world.account(X_HANDLE)
        ids = world.by_author.get(account.id, []) if account else []
        for post_id in ids[self._seen["x"] :]:
            post = world.posts[post_id]
            yield from self._hear(post.conversation_id, post_id, post.text)
        self._seen["x"] = len(ids)

    def _heard_on_facebook(self) -> Iterator[Talk]:
        world = self._sandbox.facebook
        for story in _newest(world.stories, self._seen["facebook"]):
            if story.author_id in world.pages:
                yield from self._hear(story.post_id, story.id, story.text)
        self._seen["facebook"] = len(world.stories)

    def _hear(self, thread: str, reply_id: str, text: str) -> Iterator[Talk]:
        talk = self._by_post.get(thread)
        if talk is None:
            return
        talk.ours.append(reply_id)
        found = NUMBER.search(text)
        if found and not talk.number:
            talk.number = found.group()
            self._by_number[talk.number] = talk
        yield talk

    def _read_in(self, desk: Desk) -> Iterator[Talk]:
        messages = self._sandbox.telegram.groups[desk.chat].messages
        for message in _newest(messages, self._seen[str(desk.chat)]):
            found = NUMBER.search(message.text)
            if found is None or message.sender.id == desk.officer:
                continue
            if found.group() in _labels_of(message):
                self._open_all(desk, message)
                continue
            self._sort(self._mail.setdefault(found.group(), Mail(desk)), message)
            talk = self._by_number.get(found.group())
            if talk is not None:
                yield talk
        self._seen[str(desk.chat)] = len(messages)

    def _open_all(self, desk: Desk, message: Message) -> None:
        """A list: whoever has no notice of a ticket presses its number, and reads the card."""
        for number in _labels_of(message):
            if not self._mail.setdefault(number, Mail(desk)).notice:
                self._sandbox.telegram.press(desk.officer, desk.chat, message.id, number)

    def _sort(self, mail: Mail, message: Message) -> None:
        labels = _labels_of(message)
        if self._labels["dispose"] in labels:
            mail.notice = message.id
        elif self._labels["confirm"] in labels:
            mail.preview = message.id
        elif message.text.endswith(self._asks):
            mail.prompt = message.id

    # -- what they do ----------------------------------------------------------------------------------------------

    def _post(self, talk: Talk) -> None:
        who = f"citizen_{talk.index}"
        where = "hamare yahan" if talk.script == "asked" else f"{talk.district} me"
        words = f"{where} {talk.index % 9 + 2} din se pani nahi aa raha, gali {talk.index + 1}"
        if talk.platform is Platform.X:
            talk.post_id = self._sandbox.x.post(who, f"@{X_HANDLE} {words}")
        else:
            self._sandbox.facebook.add_user(who, f"Citizen {talk.index}")
            talk.post_id = self._sandbox.facebook.tag_post(who, words, hide_author=False)
        self._by_post[talk.post_id] = talk
        self._open[talk.index] = talk
        self._done += 1

    def _go_on(self, talk: Talk) -> None:
        while not talk.is_over and self._does(talk, *talk.steps[talk.at]):
            talk.at += 1
            self._done += 1
        if talk.is_over:
            self._open.pop(talk.index, None)

    def _does(self, talk: Talk, act: Act, words: str) -> bool:
        """Do the step if it can be done now; False while it waits."""
        match act:
            case Act.HEAR:
                heard = len(talk.ours) > talk.heard
                talk.heard += heard
                return heard
            case Act.SAY:
                self._say(talk, words.format(district=talk.district))
                return True
            case Act.ACCEPT:
                return self._press(talk, "accept", self._mail_of(talk).notice)
            case Act.REPORT:
                return self._report(talk)

    def _say(self, talk: Talk, words: str) -> None:
        who = f"citizen_{talk.index}"
        if talk.platform is Platform.X:
            self._sandbox.x.post(who, words, in_reply_to=talk.ours[-1])
        else:
            self._sandbox.facebook.comment(who, talk.ours[-1], words)

    def _report(self, talk: Talk) -> bool:
        """Button, words, confirmation: each waits for the message it answers. True once it is confirmed."""
        mail = self._mail_of(talk)
        if talk.report is Report.PRESS and self._press(talk, "dispose", mail.notice):
            talk.report, talk.last_used = Report.WRITE, max(mail.prompt, mail.preview)
            talk.pressed_at = machine_seconds()
        if talk.report is Report.WRITE and mail.prompt > talk.last_used:
            words = f"{REPORT}, gali {talk.index + 1}, round {talk.at}"
            self._sandbox.telegram.write(mail.desk.officer, mail.desk.chat, words, reply_to=mail.prompt)
            talk.report, talk.last_used = Report.CONFIRM, mail.prompt
        if talk.report is Report.CONFIRM and mail.preview > talk.last_used:
            talk.report, talk.last_used = Report.PRESS, mail.preview
            return self._press(talk, "confirm", mail.preview)
        if talk.report is Report.WRITE and machine_seconds() - talk.pressed_at > talk.patience:
            talk.report = Report.PRESS  # it was an old copy of the notice: look for a newer one
            talk.patience *= 2.0  # whoever is impatient with a slow office makes it slower
        return False

    def _press(self, talk: Talk, why: str, message: int) -> bool:
        mail = self._mail_of(talk)
        shown = self._sandbox.telegram.groups[mail.desk.chat].messages.get(message)
        if shown is None or shown.is_deleted or self._labels[why] not in _labels_of(shown):
            return False  # it did not come yet, or its buttons are those of the turn before
        self._sandbox.telegram.press(mail.desk.officer, mail.desk.chat, message, self._labels[why])
        return True

    def _mail_of(self, talk: Talk) -> Mail:
        return self._mail.setdefault(talk.number, Mail(self._desks[talk.district]))


def _newest(kept: dict[Any, Kept], seen: int) -> list[Kept]:
    """What came after the first `seen` entries, without walking through those."""
    return list(islice(reversed(kept.values()), len(kept) - seen))[::-1]


def _labels_of(message: Message) -> set[str]:
    return {button["text"] for row in message.markup.get("inline_keyboard", []) for button in row}
