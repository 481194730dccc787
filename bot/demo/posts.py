"""Posts to play: JSON lines of texts with labels, ours or anybody's.

Owns reading such a file. Fields: id, text; optional platform (x or facebook), lang, kind, category, district.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec

from handlers.learning.corpus import shipped_text
from store.vocabulary import Platform


class PostsFault(ValueError):
    """The file of posts cannot be used; the sentence names the line."""


class _Line(msgspec.Struct):
    id: str
    text: str
    platform: str = "x"
    lang: str | None = None
    kind: str | None = None
    category: str | None = None
    district: str | None = None


@dataclass(frozen=True, slots=True)
class DemoPost:
    """One post to play. Labels, where given, are what its writer would answer when asked."""

    id: str
    number: int  # of its line: names its writer
    text: str
    platform: Platform
    kind: str | None
    category: str | None
    district: str | None


def shipped_posts() -> list[DemoPost]:
    """The posts that ship with SMGT: written for this project; people and incidents are invented, places are real."""
    return _parse(shipped_text("posts/first"), "first.jsonl")


def read_posts(path: Path) -> list[DemoPost]:
    """Posts of a JSON-lines file. Raises PostsFault naming the line."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PostsFault(f"{path} cannot be read as UTF-8 text: {error}.") from error
    return _parse(text, path.name)


def _parse(text: str, name: str) -> list[DemoPost]:
    posts, seen = [], set()
    for number, raw in enumerate(text.splitlines(), 1):
        if not raw.strip():
            continue
        try:
            line = msgspec.json.decode(raw, type=_Line)
        except msgspec.MsgspecError as error:
            raise PostsFault(
                f"{name}, line {number}: {error}; each line is an object with at least id and text."
            ) from error
        if line.platform not in ("x", "facebook"):
            raise PostsFault(f"{name}, line {number}: platform is x or facebook, not {line.platform!r}.")
        if line.id in seen:
            raise PostsFault(f"{name}, line {number}: the id {line.id!r} stands twice.")
        seen.add(line.id)
        posts.append(
            DemoPost(line.id, number, line.text, Platform(line.platform), line.kind, line.category, line.district)
        )
    if not posts:
        raise PostsFault(f"{name} holds no posts; each line is an object with at least id and text.")
    return posts
