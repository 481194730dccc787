"""The demo on anybody's posts: odd ids, both platforms, another state; and posts files that cannot be used."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bot.demo.day import DemoOptions, run_demo
from bot.demo.posts import PostsFault, read_posts, shipped_posts

POSTS = """\
{"id": "blr-1/ä", "text": "Burning of garbage in Harlur every night, please act"}
{"id": "2", "text": "हिसार सेक्टर 14 में तीन दिन से बिजली नहीं", "platform": "facebook", "category": "power_outage"}
{"id": "3", "text": "Good morning to all", "platform": "x"}
"""


def test_anybodys_posts_are_each_answered_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "posts.jsonl").write_text(POSTS, encoding="utf-8")
    options = DemoOptions(posts=tmp_path / "posts.jsonl", any_state=True, keep=tmp_path / "kept", as_json=True)
    assert run_demo(options) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["posts"] >= 3
    assert (told["complaints"], told["tickets"], told["lost"], told["doubled"]) == (2, 2, 0, 0)
    assert told["stories"] == {"passed": 0, "failed": 0}
    assert len(list((tmp_path / "kept" / "transcripts").glob("HRY26-*.txt"))) == 2
    assert sorted(file.name for file in (tmp_path / "kept").glob("digest-*")) != []


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"id": "1"}', "line 1"),
        ('{"id": "1", "text": "a"}\n{"id": "1", "text": "b"}', "line 2: the id '1' stands twice"),
        ('{"id": "1", "text": "a", "platform": "orkut"}', "line 1: platform is x or facebook"),
        ("", "holds no posts"),
        ("not json", "line 1"),
    ],
)
def test_a_posts_file_that_cannot_be_used_is_told_by_line(tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "posts.jsonl"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(PostsFault, match=told):
        read_posts(file)


def test_the_shipped_posts_can_be_read() -> None:
    assert len(shipped_posts()) == 720
