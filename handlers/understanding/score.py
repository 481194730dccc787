"""Accuracy tables over labelled posts and answers.

Owns the counting. It must not read files or print. Pure: records in, figures out. A record is a mapping
with `text` and labels as in the shipped development sets: posts `lang, kind, category, also_ok, district,
pii`; answers `asked, expect`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from handlers.understanding.answer import read_answer
from handlers.understanding.meaning import Asked, Understanding
from handlers.understanding.post import understand
from handlers.understanding.taxonomy import base_of
from store.vocabulary import Kind

Record = Mapping[str, Any]
ASKED = "(asked)"  # in the place of a category that was asked for
CONFIDENCES = (0.0, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)


@dataclass(frozen=True, slots=True)
class Share:
    """`hits` out of `of`."""

    hits: int
    of: int

    @property
    def value(self) -> float | None:
        """The share, 0..1; None where nothing was counted."""
        return self.hits / self.of if self.of else None

    def __str__(self) -> str:
        return f"{self.value:.3f} ({self.hits} of {self.of})" if self.value is not None else "none counted"


@dataclass(frozen=True, slots=True)
class Coverage:
    """If categories were taken from this confidence on: the share that would not be asked, and how many of it right."""

    confidence: float
    taken: Share
    right: Share


def _recalls(pairs: Counter[tuple[str, str]]) -> dict[str, Share]:
    of: Counter[str] = Counter()
    for (label, _), many in pairs.items():
        of[label] += many
    return {label: Share(pairs[label, label], of[label]) for label in sorted(of)}


@dataclass(slots=True)
class Scores:
    """Figures by name; kinds and categories as (label, read) counts; figures by language; coverage against accuracy."""

    shares: dict[str, Share] = field(default_factory=dict)
    kinds: Counter[tuple[str, str]] = field(default_factory=Counter)
    categories: Counter[tuple[str, str]] = field(default_factory=Counter)
    by_language: dict[str, Share] = field(default_factory=dict)
    coverage: list[Coverage] = field(default_factory=list)

    def by_kind(self) -> dict[str, Share]:
        """Share of each labelled kind that was read so."""
        return _recalls(self.kinds)

    def by_category(self) -> dict[str, Share]:
        """Share of each labelled category that was taken rightly, without a question."""
        return _recalls(self.categories)

    def rows(self) -> list[tuple[str, str]]:
        """Name and figure of every share, for a table."""
        return [
            *((name, str(share)) for name, share in self.shares.items()),
            *((f"category, {tag}", str(share)) for tag, share in self.by_language.items()),
        ]


def _base(code: str | None) -> str | None:
    return base_of(code) if code else None


def _allowed(record: Record) -> set[str | None]:
    return {_base(code) for code in (record["category"], *record.get("also_ok", ()))}


def _kind_shares(read: list[tuple[Record, Understanding]], scores: Scores) -> None:
    for record, seen in read:
        scores.kinds[record["kind"], seen.kind.value] += 1
    pairs = scores.kinds
    for kind in (Kind.GRIEVANCE, Kind.EMERGENCY):
        right = pairs[kind.value, kind.value]
        labelled = sum(count for (label, _), count in pairs.items() if label == kind.value)
        told = sum(count for (_, got), count in pairs.items() if got == kind.value)
        scores.shares[f"{kind.value} recall"] = Share(right, labelled)
        scores.shares[f"{kind.value} precision"] = Share(right, told)
    scores.shares["kind"] = Share(sum(n for (label, got), n in pairs.items() if label == got), len(read))


def _category_shares(read: list[tuple[Record, Understanding]], scores: Scores) -> None:
    complaints = [(r, u) for r, u in read if r["kind"] in ("grievance", "emergency") and r.get("category")]
    answered = [(r, u) for r, u in complaints if u.category]
    right = [(r, u) for r, u in answered if _base(u.category) in _allowed(r)]
    offered = [
        (r, u)
        for r, u in complaints
        if {_base(code) for code in (u.category, *u.category_choices) if code} & _allowed(r)
    ]
    scores.shares["category right of all"] = Share(len(right), len(complaints))
    scores.shares["category right where not asked"] = Share(len(right), len(answered))
    scores.shares["category asked"] = Share(len(complaints) - len(answered), len(complaints))
    scores.shares["category right or among the offers"] = Share(len(offered), len(complaints))
    for record, seen in complaints:
        got = _base(seen.category)
        label = got if got in _allowed(record) else _base(record["category"])
        scores.categories[str(label), got or ASKED] += 1
    for tag in sorted({record["lang"] for record, _ in complaints}):
        of = sum(record["lang"] == tag for record, _ in complaints)
        scores.by_language[tag] = Share(sum(record["lang"] == tag for record, _ in right), of)


def _coverage(read: list[tuple[Record, Understanding]]) -> Iterator[Coverage]:
    complaints = [(r, u) for r, u in read if r["kind"] in ("grievance", "emergency") and r.get("category")]
    first = [(r, u.confidence, u.category or next(iter(u.category_choices), None)) for r, u in complaints]
    for confidence in CONFIDENCES:
        taken = [(r, code) for r, sure, code in first if code and sure >= confidence]
        right = sum(_base(code) in _allowed(r) for r, code in taken)
        yield Coverage(confidence, Share(len(taken), len(first)), Share(right, len(taken)))


def _district_shares(read: list[tuple[Record, Understanding]], scores: Scores) -> None:
    local = [(r, u) for r, u in read if r["kind"] not in ("spam", "out_of_scope")]
    named = [(r, u) for r, u in local if r["district"]]
    answered = [(r, u) for r, u in local if u.district]
    scores.shares["district right where answered"] = Share(
        sum(u.district == r["district"] for r, u in answered), len(answered)
    )
    scores.shares["district found"] = Share(sum(u.district == r["district"] for r, u in named), len(named))
    nameless = [(r, u) for r, u in local if not r["district"]]
    scores.shares["district for a text that settles none"] = Share(
        sum(bool(u.district) for _, u in nameless), len(nameless)
    )


def _pii_shares(read: list[tuple[Record, Understanding]], scores: Scores) -> None:
    pieces = [(piece, u) for r, u in read for piece in r.get("pii", ())]
    caught = sum(piece not in seen.masked for piece, seen in pieces)
    scores.shares["personal data masked"] = Share(caught, len(pieces))
    clean = [u for r, u in read if not r.get("pii")]
    scores.shares["clean texts masked anywhere"] = Share(sum(bool(u.pii) for u in clean), len(clean))


def score_posts(records: Iterable[Record], *, any_state: bool = False) -> Scores:
    """Scores of `understand` over labelled posts. An also_ok code and a finer code count as right."""
    read = [(record, understand(record["text"], any_state=any_state)) for record in records]
    scores = Scores()
    scores.shares["language"] = Share(sum(u.language.value == r["lang"] for r, u in read), len(read))
    _kind_shares(read, scores)
    _category_shares(read, scores)
    scores.coverage = list(_coverage(read))
    _district_shares(read, scores)
    _pii_shares(read, scores)
    return scores


def score_answers(records: Iterable[Record]) -> Scores:
    """Scores of `read_answer` over labelled answers, per question and slot."""
    scores = Scores()
    hits: Counter[str] = Counter()
    of: Counter[str] = Counter()
    wrongly_closed = unhappy = 0
    for record in records:
        said = read_answer(record["text"], asked=Asked(record["asked"]))
        got: dict[str, str | None] = {
            "district": said.district,
            "category": _base(said.category),
            "verdict": said.verdict.value if said.verdict else None,
        }
        expected = record["expect"]
        for slot in got.keys() & expected.keys():
            name = f"{slot}, asked {record['asked']}"
            right = {expected[slot]}
            if slot == "category":
                right = {_base(code) for code in (expected[slot], *expected.get("also_ok", ()))}
            of[name] += 1
            hits[name] += got[slot] in right
            if slot == "verdict" and expected[slot] != "satisfied":
                unhappy += 1
                wrongly_closed += got[slot] == "satisfied"
    scores.shares.update({name: Share(hits[name], count) for name, count in sorted(of.items())})
    scores.shares["not satisfied read as satisfied"] = Share(wrongly_closed, unhappy)
    return scores
