"""What every step of the forty stories must be understood as, so that the story can go as told."""

from __future__ import annotations

from pathlib import Path

import pytest

from handlers.understanding import read_answer, taxonomy, understand
from handlers.understanding.meaning import Answer, Asked, Understanding

_TABLE = Path(__file__).parent / "understanding" / "stories.tsv"


def _steps() -> list[tuple[str, str, str, str, str]]:
    rows = []
    for line in _TABLE.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            story, asked, category, text, expected = line.split("\t")
            rows.append((story, asked, category, text, expected))
    return rows


def _base(code: str | None) -> str:
    return taxonomy().categories[code].base if code else "-"


def _facts(read: Understanding | Answer) -> dict[str, str]:
    facts = {
        "base": _base(read.category),
        "district": read.district or "-",
        "district_choices": "|".join(sorted(read.district_choices)),
        "outside": read.outside or "-",
    }
    if isinstance(read, Answer):
        facts["verdict"] = read.verdict.value if read.verdict else "-"
        facts["rest_base"] = _base(read.rest_category)
        return facts
    return facts | {
        "kind": read.kind.value,
        "ask": read.ask.value,
        "language": read.language.value,
        "referral": read.referral or "-",
        "register": read.register.value,
        "hidden": "yes" if read.keep_name_hidden else "no",
        "rural": {True: "yes", False: "no", None: "-"}[read.rural],
        "pii": str(len(read.pii)),
    }


@pytest.mark.parametrize(("story", "asked", "category", "text", "expected"), _steps(), ids=lambda value: value[:40])
def test_a_step_is_understood(story: str, asked: str, category: str, text: str, expected: str) -> None:
    read: Understanding | Answer
    if asked == "-":
        read = understand(text, handles=("cmohry",))
    else:
        read = read_answer(text, asked=Asked(asked), category=None if category == "-" else category)
    facts = _facts(read)
    for pair in expected.split(";"):
        name, value = pair.split("=")
        if name == "wants":
            assert isinstance(read, Answer)
            assert getattr(read.wants, value), (story, read)
        else:
            assert facts[name] == value, (story, name, read.reasons)


def test_every_story_has_a_step() -> None:
    assert {story for story, *_ in _steps()} == {f"c{number:02d}" for number in range(1, 41)}


def test_the_same_complaint_twice_has_the_same_keys() -> None:
    first = understand("narnaul purani mandi me 5 din me ek baar pani @cmohry @dcnarnaul")
    again = understand("narnaul purani mandi me 5 din me ek baar pani !!! @cmohry koi sun raha hai?")
    common = first.keys & again.keys
    assert len(common) / max(len(first.keys), len(again.keys)) >= 0.6
