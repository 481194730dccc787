"""The labelled texts that ship with SMGT, and those of an operator, as typed rows.

Owns the reading and checking of handlers/learning/data and of files of labels. It must not know how anything is learned.
All texts were written for this project by several hands, each without sight of the understanding's tables; people,
incidents and numbers are invented, places are real. `frozen/` is never trained on.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from handlers.understanding.taxonomy import taxonomy
from store.vocabulary import Kind

FIRST = "first"  # the hand that also wrote the first lexicon
PHRASE = 0.5  # weight of a short phrase beside a post
EVERY_KIND = {kind.value for kind in Kind}
ANSWERS = ("answers/first", "answers/second", "answers/third", "answers/replies", "answers/verdicts")
GATHERED = "gathered"  # the hand of labels from an office
LABELS = ("category", "district", "department")
WHOM = ("self", "family", "neighbour", "deceased", "group")
GRAVES = ("none", "self_harm", "death", "assault", "threat")


class BadLabel(ValueError):
    """A labelled line cannot be used; the message names file and line and says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """A text and what people say of it. None: nobody has judged this."""

    hand: str  # who wrote it: evaluation leaves one hand out at a time
    text: str
    language: str | None = None
    kind: str | None = None
    category: str | None = None
    also_right: frozenset[str] = frozenset()
    district: str | None = None
    place_judged: bool = False  # whether `district` None means that the text settles none
    personal: tuple[str, ...] = ()
    grave: str | None = None
    whom: str | None = None
    department: str | None = None  # to which an officer forwarded it, where nobody named a category
    weight: float = 1.0


def _data() -> Traversable:
    return files("handlers.learning").joinpath("data")


def _lines(file: Traversable | Path) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        if line.strip() and not line.startswith("#"):
            yield number, line


def records(name: str) -> list[dict[str, Any]]:
    """The JSON lines of a shipped set, by its path without ending: `frozen/month`, `answers/second`."""
    return [json.loads(line) for _, line in _lines(_data().joinpath(f"{name}.jsonl"))]


def shipped_text(name: str) -> str:
    """A shipped set as it stands in its file."""
    return _data().joinpath(f"{name}.jsonl").read_text(encoding="utf-8")


def hands() -> list[str]:
    """Names of the hands that wrote posts, in alphabetical order."""
    return sorted(file.name.removesuffix(".jsonl") for file in _data().joinpath("posts").iterdir())


def _known(codes: Iterable[str], where: str) -> frozenset[str]:
    codes = frozenset(codes)
    if unknown := codes - taxonomy().categories.keys():
        raise BadLabel(f"{where}: {min(unknown)!r} is no category; use a code of categories.csv.")
    return codes


def _post(record: Mapping[str, Any], hand: str, where: str) -> Labelled:
    for name in ("text", "kind"):
        if not isinstance(record.get(name), str):
            raise BadLabel(f"{where}: {name} is missing; a labelled post has text, lang, kind, category, district.")
    if record["kind"] not in EVERY_KIND:
        raise BadLabel(f"{where}: {record['kind']!r} is no kind of post.")
    if record.get("district") is not None and record["district"] not in taxonomy().districts:
        raise BadLabel(f"{where}: {record['district']!r} is no district; use its English name in districts.csv.")
    category = record.get("category")
    if category is not None:
        _known([category], where)
    return Labelled(
        hand=hand,
        text=record["text"],
        language=record.get("lang"),
        kind=record["kind"],
        category=category,
        also_right=_known(record.get("also_ok") or (), where),
        district=record.get("district"),
        place_judged=hand not in PLACES_NOT_JUDGED,
        personal=tuple(record.get("pii") or ()),
        grave=record.get("grave"),
        whom=record.get("for_whom") if record.get("for_whom") in WHOM else None,
    )


PLACES_NOT_JUDGED = frozenset(
    {"kinds-2", "personal", "names"}
)  # their writers left districts out that the text settles


def posts(hand: str) -> list[Labelled]:
    """The posts of one hand."""
    path = f"posts/{hand}.jsonl"
    return [_post(json.loads(line), hand, f"{path}, line {number}") for number, line in _lines(_data().joinpath(path))]


def situations() -> list[Labelled]:
    """Short complaints and phrases that cover every situation of every category."""
    found = []
    for number, line in _lines(_data().joinpath("situations.tsv")):
        code, language, shape, text, also = [*line.split("\t"), ""][:5]
        where = f"situations.tsv, line {number}"
        found.append(
            Labelled(
                hand="situations",
                text=text,
                language=language,
                kind=Kind.GRIEVANCE.value if shape == "post" else None,
                category=next(iter(_known([code], where))),
                also_right=_known(filter(None, also.split("|")), where),
                weight=1.0 if shape == "post" else PHRASE,
            )
        )
    return found


def kinds() -> list[Labelled]:
    """Posts of every kind, emergencies and what only sounds like one above all."""
    found = []
    for number, line in _lines(_data().joinpath("kinds.tsv")):
        kind, language, text, grave = line.split("\t")
        if kind not in EVERY_KIND:
            raise BadLabel(f"kinds.tsv, line {number}: {kind!r} is no kind of post.")
        judged = grave if grave in GRAVES else None
        found.append(Labelled(hand="kinds", text=text, language=language, kind=kind, grave=judged))
    return found


def lessons() -> list[Labelled]:
    """Short and plain cases, kept by the developers."""
    found = []
    for number, line in _lines(_data().joinpath("lessons.tsv")):
        kind, code, language, text = line.split("\t")
        where = f"lessons.tsv, line {number}"
        if kind not in EVERY_KIND:
            raise BadLabel(f"{where}: {kind!r} is no kind of post.")
        category = None if code == "-" else next(iter(_known([code], where)))
        grave = "none" if category is None and kind == Kind.GRIEVANCE else None  # a plea, or a place
        found.append(Labelled(hand="lessons", text=text, language=language, kind=kind, category=category, grave=grave))
    return found


def small_talk() -> list[Labelled]:
    """Answers that name no matter: places, yes and no, thanks, questions about the state of things."""
    found = []
    for name in ANSWERS:
        for record in records(name):
            expected = record["expect"]
            verdict = expected.get("verdict")
            if verdict in ("satisfied", "unclear", "status_query") or (
                verdict is None and expected.get("category", "") is None
            ):
                found.append(Labelled(hand=name, text=record["text"], language=record["lang"]))
    return found


def answered_places() -> list[Labelled]:
    """Short answers that name a district: by their kind part of a complaint."""
    return [
        Labelled(hand=name, text=record["text"], kind=Kind.GRIEVANCE.value, weight=PHRASE)
        for name in ANSWERS
        for record in records(name)
        if record["expect"].get("district") and "district" in record["asked"]
    ]


def answered_categories() -> list[Labelled]:
    """Short answers that name a category."""
    found = []
    for name in ANSWERS:
        for record in records(name):
            category = record["expect"].get("category")
            if category:
                also = frozenset(record["expect"].get("also_ok") or ())
                found.append(
                    Labelled(hand=name, text=record["text"], category=category, also_right=also, weight=PHRASE)
                )
    return found


def everything() -> list[Labelled]:
    """All that may be trained on."""
    written = [post for hand in hands() for post in posts(hand)]
    return [*written, *situations(), *kinds(), *lessons(), *small_talk(), *answered_categories()]


def labels_of_file(path: Path) -> list[Labelled]:
    """Labels that an office has gathered (`smgt understand labels`): JSON lines of text and what people said of it.

    Raises:
        BadLabel: the first line that cannot be used.
    """
    try:
        lines = list(_lines(path))
    except (OSError, UnicodeDecodeError) as error:
        raise BadLabel(f"{path} cannot be read as UTF-8 text: {error}.") from error
    return [_label(line, f"{path.name}, line {number}") for number, line in lines]


def _label(line: str, where: str) -> Labelled:
    try:
        record = json.loads(line)
    except ValueError:
        raise BadLabel(f"{where}: it is not JSON; `smgt understand labels` writes such lines.") from None
    told = {name: record.get(name) for name in LABELS} if isinstance(record, dict) else {}
    if not told or not isinstance(record.get("text"), str) or not any(told.values()):
        raise BadLabel(f"{where}: it needs text and one of {', '.join(LABELS)}.")
    known = taxonomy()
    tables = (known.categories, known.districts, known.departments)
    for (name, code), table in zip(told.items(), tables, strict=True):
        if code and code not in table:
            raise BadLabel(f"{where}: {code!r} is no {name} that we know.")
    return Labelled(
        hand=GATHERED,
        text=record["text"],
        kind=Kind.GRIEVANCE.value,
        category=told["category"] or None,
        district=told["district"] or None,
        place_judged=bool(told["district"]),
        department=told["department"] or None,
    )


@dataclass(frozen=True, slots=True)
class Judged:
    """An answer about a disposal, and what it says."""

    hand: str
    text: str
    verdict: str


def verdicts() -> list[Judged]:
    """Answers about a disposal by several hands."""
    found = [
        Judged(name, record["text"], record["expect"]["verdict"])
        for name in ANSWERS
        for record in records(name)
        if record["asked"] == "satisfaction"
    ]
    for number, line in _lines(_data().joinpath("verdicts.tsv")):
        cells = line.split("\t")
        if len(cells) != 4:
            raise BadLabel(f"verdicts.tsv, line {number}: {len(cells)} cells instead of 4; part them by tabs.")
        found.append(Judged(cells[0], cells[3], cells[1]))
    return found
