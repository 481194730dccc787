"""Story files: readable text that says who does what and what must come of it.

    story: c02 district missing            a title, then who and where
    platform: x
    citizen: @meera_bhw / मीरा
    start: 2026-11-23 21:30                office time (India), if not the usual Monday morning
    settings: SMGT_X_FOLLOWUPS=asked       settings of the office, parted by spaces
    vacant: ulb-nodal-hisar                chairs without anybody, parted by spaces
    away: ulb-nodal-jind=ulb-nodal-hisar   chairs on leave, and from which chair somebody stands in, if anybody

    citizen> @cmohry सात महीने से ...       somebody speaks or acts
      = asks district; category pension     what must be true then, parts separated by ";"
    officer> dispose: Reading revised.
    clock> 3 days

Who: citizen, stranger, stranger2 to stranger4 (reply in the thread); passer (a post that does not tag us); minister (a
post of our own account, by hand); office (our own account answers by hand); officer, senior, outsider, viewer, desk (on
Telegram); clock.
Notes in [brackets] after the speaker: new (a post of its own), own (under the writer's own post), under, quote,
repost (the last post of passer or minister), root, photo, video, voice, hidden (author), fast (nothing waits after
it), silent (may stay unheard), gone (deleted before we answer), edit, delete, blocks, shows (the author becomes
visible), old (button of the turn before), #2 (which ticket of the story is meant).
`{#1}` in a text is the number of the first ticket, `{slip}` that number with a typing slip.

Owns the format; playing is in story.py, the checks are in checks.py.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from handlers.time_limits import OFFICE_ZONE
from store.vocabulary import Platform

STRANGERS = ("stranger", "stranger2", "stranger3", "stranger4")
HEADS = ("story", "platform", "citizen", *STRANGERS, "start", "settings", "vacant", "away")
WRITERS = ("citizen", *STRANGERS)
OFFICERS = ("officer", "senior", "outsider", "viewer", "desk", "field", "helper")
SPEAKERS = (*WRITERS, *OFFICERS, "passer", "minister", "office", "clock")
LINE = re.compile(r"^(?P<who>[a-z0-9]+)(?:\s*\[(?P<notes>[^\]]*)\])?>\s?(?P<text>.*)$")


class StoryFault(ValueError):
    """A story file cannot be read; the sentence names file and line."""


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
    """One story file. `start` is None for the stage's own; `settings` are environment names and values."""

    name: str
    platform: Platform
    citizen: tuple[str, str]  # handle, name
    steps: tuple[StoryStep, ...]
    strangers: dict[str, tuple[str, str]] = field(default_factory=dict)
    source: str = ""
    start: datetime | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    vacant: tuple[str, ...] = ()
    away: tuple[tuple[str, str], ...] = ()  # a chair on leave, and the chair of the substitute or ""

    @property
    def plain(self) -> bool:
        """Can it be played on a stage that others share: usual start, settings and officers?"""
        return self.start is None and not self.settings and not self.vacant and not self.away

    def person(self, who: str) -> tuple[str, str]:
        """Handle and name of somebody who writes."""
        return self.citizen if who == "citizen" else self.strangers[who]


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
            steps[-1] = replace(steps[-1], expects=steps[-1].expects + parts)
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
    return _story(heads, tuple(steps), source)


def _story(heads: Mapping[str, str], steps: tuple[StoryStep, ...], source: str) -> Story:
    for head in ("story", "platform", "citizen"):
        if head not in heads:
            raise StoryFault(f"{source}: the head `{head}:` is missing.")
    if heads["platform"] not in ("x", "facebook"):
        raise StoryFault(f"{source}: platform is x or facebook, not {heads['platform']!r}.")
    strangers = {who: _person(heads.get(who, f"{who}_passing / {who.title()}")) for who in STRANGERS}
    strangers["passer"] = ("passer_by_hr", "Passer-by")
    return Story(
        name=heads["story"],
        platform=Platform(heads["platform"]),
        citizen=_person(heads["citizen"]),
        steps=steps,
        strangers=strangers,
        source=source,
        start=_start(heads.get("start"), source),
        settings=dict(pair.split("=", 1) for pair in heads.get("settings", "").split()),
        vacant=tuple(heads.get("vacant", "").split()),
        away=tuple((post, other) for post, _, other in (one.partition("=") for one in heads.get("away", "").split())),
    )


def _start(text: str | None, source: str) -> datetime | None:
    if text is None:
        return None
    try:
        return datetime.strptime(text, "%Y-%m-%d %H:%M").replace(tzinfo=OFFICE_ZONE).astimezone(UTC)
    except ValueError as error:
        raise StoryFault(f"{source}: start is a time like `2026-11-23 21:30`, not {text!r}.") from error


def _person(text: str) -> tuple[str, str]:
    handle, _, name = text.partition("/")
    return handle.strip().lstrip("@"), name.strip() or handle.strip().lstrip("@")
