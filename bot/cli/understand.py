"""`smgt understand`: JSON lines in, JSON lines out; and accuracy tables over labelled lines.

Owns reading lines, telling the bad ones by number, and the fields that are written. The reading of texts itself is in
handlers/understanding, the counting in its score.py.
"""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, Final

import click

from bot.cli.opening import settings
from bot.clocks import machine_seconds
from handlers.understanding.answer import read_answer
from handlers.understanding.meaning import Asked
from handlers.understanding.post import understand
from store.vocabulary import Language

LONGEST_LINE: Final = 1_000_000  # bytes; X's longest post has 25,000 characters, Facebook's 63,206
LONGEST_TEXT: Final = 100_000  # characters
_LANGUAGES: Final = {language.value: language for language in Language}
_POST_LABELS: Final = ("lang", "kind", "category", "district")
_CONFUSIONS: Final = 15


class BadLine(Exception):
    """A line that cannot be used; the message is one clause, without the line's words."""


_PARTS: Final = {"train": "bot.cli.understand_train", "labels": "bot.cli.understand_labels"}


class _ReadsUnlessTold(click.Command):
    """Reads lines, unless the first word is one of its parts."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        if args and args[0] in _PARTS:
            part: click.Command = importlib.import_module(_PARTS[args[0]]).command
            return part.make_context(f"{info_name} {args[0]}", args[1:], parent, **extra)
        return super().make_context(info_name, args, parent, **extra)


@click.command(
    "understand",
    cls=_ReadsUnlessTold,
    epilog="""\b
Examples:
  echo '{"id": "1", "text": "Hisar me 3 din se light nahi"}' | smgt understand
  smgt understand posts.jsonl > understood.jsonl
  echo '{"id": "2", "text": "haan ji ho gaya", "asked": "satisfaction"}' | smgt understand -
  smgt understand --score posts.jsonl
  smgt understand labels > labels.jsonl          what people said complaints are about
  smgt understand train --labels labels.jsonl    learn anew, see its own --help

\b
A line in: id, text; optional asked (district, category, district+category, satisfaction):
the text is read as the answer to that question; optional lang: the language of the talk so
far, used only where the words do not tell.
A line out: id, language, kind, category, confidence, choices, district,
district_choices, district_confidence, locality, rural, outside, register, other_matters,
for_whom, agency, portal_numbers, pii, masked, ask, reasons; for an answer id, asked,
district, category, verdict, choices, district_choices, reasons.
To be scored a post has lang, kind, category, district (and pii); an answer asked, expect.
Bad lines are told by number on stderr and skipped; then the exit code is 1.
""",
)
@click.argument("file", type=click.File("rb"), default="-")
@click.option("--any-state", is_flag=True, help="do not tell posts from other states apart")
@click.option("--score", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE",
              help="accuracy tables over labelled posts or answers, instead of reading lines")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="the accuracy tables as one JSON object")
@click.pass_context
def command(ctx: click.Context, /, *, file: BinaryIO, any_state: bool, score: Path | None, as_json: bool) -> None:
    """Say what posts and answers mean: language, kind, category, place, personal data, verdict."""
    settings()  # the office's own tables are read
    bad: list[str] = []
    if score is not None:
        with score.open("rb") as source:
            _score([record for _, record in _records(source, bad)], bad, any_state=any_state, as_json=as_json)
    else:
        _read_all(file, bad, any_state=any_state)
    ctx.exit(1 if bad else 0)


def _read_all(file: BinaryIO, bad: list[str], *, any_state: bool) -> None:
    out = sys.stdout.buffer
    for number, record in _records(file, bad):
        try:
            found = read_record(record, number, any_state=any_state)
        except BadLine as fault:
            _tell(bad, number, str(fault))
            continue
        out.write(json.dumps(found, ensure_ascii=False).encode("utf-8", "replace") + b"\n")
        out.flush()


def read_record(record: Mapping[str, Any], number: int, *, any_state: bool = False) -> dict[str, Any]:
    """What one line means, as the fields to write. Raises BadLine."""
    text, asked = record.get("text"), record.get("asked")
    if not isinstance(text, str):
        raise BadLine("it has no text, or its text is not a string")
    if len(text) > LONGEST_TEXT:
        raise BadLine(f"its text has {len(text):,} characters, more than {LONGEST_TEXT:,}")
    name = record.get("id", number)
    if isinstance(name, bool) or not isinstance(name, (str, int)):
        raise BadLine("its id is neither a string nor a number")
    if asked in (None, "", Asked.NOTHING.value):
        return {"id": name, **_post(text, _hint(record), any_state=any_state)}
    if asked not in {each.value for each in Asked}:
        raise BadLine("asked is none of district, category, district+category, satisfaction")
    return {"id": name, **_answer(text, Asked(asked))}


def _hint(record: Mapping[str, Any]) -> Language | None:
    tag = record.get("lang")
    return _LANGUAGES.get(tag) if isinstance(tag, str) else None


def _post(text: str, hint: Language | None, *, any_state: bool) -> dict[str, Any]:
    seen = understand(text, language_hint=hint, any_state=any_state, thorough=True)
    return {
        "language": seen.language.value,
        "kind": seen.kind.value,
        "category": seen.category,
        "confidence": seen.confidence,
        "choices": list(seen.category_choices),
        "district": seen.district,
        "district_choices": list(seen.district_choices),
        "district_confidence": seen.district_confidence,
        "locality": seen.locality,
        "rural": seen.rural,
        "outside": seen.outside,
        "register": seen.register.value,
        "other_matters": list(seen.other_matters),
        "for_whom": seen.for_whom,
        "agency": seen.agency,
        "portal_numbers": [{"portal": portal, "number": number} for portal, number in seen.portal_numbers],
        "pii": [{"kind": piece.kind, "text": piece.text} for piece in seen.pii],
        "masked": seen.masked,
        "ask": seen.ask.value,
        "reasons": list(seen.reasons),
    }


def _answer(text: str, asked: Asked) -> dict[str, Any]:
    said = read_answer(text, asked=asked)
    return {
        "asked": asked.value,
        "district": said.district,
        "category": said.category,
        "verdict": said.verdict.value if said.verdict else None,
        "choices": list(said.category_choices),
        "district_choices": list(said.district_choices),
        "reasons": list(said.reasons),
    }


def _records(file: BinaryIO, bad: list[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    """The JSON objects of a file with their line numbers; what is none is told and skipped."""
    for number, raw in enumerate(file, start=1):
        try:
            record = _object(raw)
        except BadLine as fault:
            _tell(bad, number, str(fault))
            continue
        if record is not None:
            yield number, record


def _object(raw: bytes) -> dict[str, Any] | None:
    if len(raw) > LONGEST_LINE:
        raise BadLine(f"it has {len(raw):,} bytes, more than {LONGEST_LINE:,}")
    try:
        line = raw.decode("utf-8-sig").strip()
        found = json.loads(line) if line else None
    except UnicodeDecodeError:
        raise BadLine("it is not UTF-8") from None
    except (ValueError, RecursionError):
        raise BadLine("it is not JSON") from None
    if found is not None and not isinstance(found, dict):
        raise BadLine("it is not a JSON object")
    if found is None and line:
        raise BadLine("it is not a JSON object")
    return found


def _tell(bad: list[str], number: int, fault: str) -> None:
    bad.append(fault)
    click.echo(f"smgt: line {number} was skipped: {fault}.", err=True)


# -- accuracy ----------------------------------------------------------------------------------------------------------


def _score(records: list[dict[str, Any]], bad: list[str], *, any_state: bool, as_json: bool) -> None:
    from handlers.understanding.score import Scores, score_answers, score_posts

    answers = [one for one in records if "expect" in one]
    posts = [one for one in records if "expect" not in one]
    good_posts = [one for one in posts if _labelled(one, _POST_LABELS)]
    good_answers = [one for one in answers if _labelled(one, ("asked", "expect"))]
    if missing := len(records) - len(good_posts) - len(good_answers):
        _tell_missing(bad, missing)
    tables: dict[str, Scores] = {}
    if good_posts:
        tables["posts"] = score_posts(good_posts, any_state=any_state)
    if good_answers:
        tables["answers"] = score_answers(good_answers)
    counts = {"posts": len(good_posts), "answers": len(good_answers)}
    took = _milliseconds([post["text"] for post in good_posts])
    if as_json:
        _show_as_json(tables, counts, took)
        return
    for name, scores in tables.items():
        _show(name, counts[name], scores)
    if took:
        click.echo(f"\nReading a post took {took['median']:.2f} ms in the middle, "
                   f"at most {took['of 99 in 100']:.2f} ms for 99 in 100.")  # fmt: skip


def _milliseconds(texts: list[str]) -> dict[str, float]:
    """How long posts take to read once the tables are warm: the middle one, and the slowest of 99 in 100."""
    times = []
    for text in texts:
        begun = machine_seconds()
        understand(text)
        times.append(1000 * (machine_seconds() - begun))
    times.sort()
    return {"median": times[len(times) // 2], "of 99 in 100": times[len(times) * 99 // 100]} if times else {}


def _labelled(record: Mapping[str, Any], labels: tuple[str, ...]) -> bool:
    return isinstance(record.get("text"), str) and all(label in record for label in labels)


def _tell_missing(bad: list[str], missing: int) -> None:
    bad.append("labels")
    click.echo(
        f"smgt: {missing} lines were skipped: a labelled post has text, {', '.join(_POST_LABELS)}; "
        "a labelled answer text, asked, expect.",
        err=True,
    )


def _show(name: str, many: int, scores: Any) -> None:
    from bot.cli.showing import show_rows

    show_rows((f"{many} {name}", "share"), scores.rows())
    for title, shares in (("kind", scores.by_kind()), ("category, right unasked", scores.by_category())):
        if shares:
            click.echo()
            show_rows((title, "share"), [(key, str(share)) for key, share in shares.items()])
    if scores.coverage:
        click.echo()
        rows = [(f"{one.confidence:.2f}", str(one.taken), str(one.right)) for one in scores.coverage]
        show_rows(("taken from confidence", "not asked", "right of these"), rows)
    for title, pairs in (("kind", scores.kinds), ("category", scores.categories)):
        wrong = [(pair, many) for pair, many in pairs.most_common() if pair[0] != pair[1]][:_CONFUSIONS]
        if wrong:
            click.echo()
            show_rows((f"{title}, labelled", "read as", "times"), [(a, b, str(many)) for (a, b), many in wrong])


def _show_as_json(tables: Mapping[str, Any], counts: Mapping[str, int], took: Mapping[str, float]) -> None:
    from bot.cli.showing import show_json

    show_json(
        {
            name: {
                "records": counts[name],
                "shares": {key: _share(one) for key, one in scores.shares.items()},
                "category_by_language": {key: _share(one) for key, one in scores.by_language.items()},
                "by_kind": {key: _share(one) for key, one in scores.by_kind().items()},
                "by_category": {key: _share(one) for key, one in scores.by_category().items()},
                "coverage": [
                    {"confidence": one.confidence, "taken": _share(one.taken), "right": _share(one.right)}
                    for one in scores.coverage
                ],
                "kinds": [[*pair, many] for pair, many in scores.kinds.most_common()],
                "categories": [[*pair, many] for pair, many in scores.categories.most_common()],
            }
            for name, scores in tables.items()
        }
        | ({"milliseconds": dict(took)} if took else {})
    )


def _share(share: Any) -> dict[str, int | float | None]:
    return {"hits": share.hits, "of": share.of, "share": share.value}
