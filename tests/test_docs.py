"""The README tells the truth about settings, and the locks hold no address."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bot.settings import settings_table

ROOT = Path(__file__).parent.parent


def test_the_readme_shows_every_setting_as_it_is() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = readme.partition("<!-- settings")[2].partition("<!-- end of settings -->")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in shown.splitlines() if "SMGT_" in line]
    wanted = [[f"`{name}`", f"`{default}`" if default else "", meaning] for name, default, meaning in settings_table()]
    assert rows == wanted, "run `python -m bot.settings` and put its table into README.md"


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock", "requirements-build.lock"])
def test_a_lock_has_a_hash_for_everything_and_no_address(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    assert "://" not in text
    assert not re.search(r"^--(?!hash)", text, re.MULTILINE)
    pinned = re.split(r"\n(?=\S)", text.strip())
    assert pinned
    for each in pinned:
        assert re.match(r"[A-Za-z0-9._-]+(\[[a-z,]+\])?==\S+", each), each
        assert "--hash=sha256:" in each, each


def test_the_locks_hold_what_the_project_asks_for() -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    asked = {
        name.lower() + version for name, version in re.findall(r'^    "([\w-]+)(?:\[\w+\])?(==[^"]+)"', project, re.M)
    }
    locked = (ROOT / "requirements-dev.lock").read_text(encoding="utf-8").lower()
    found = {name + version for name, version in re.findall(r"^([\w.-]+)(?:\[\w+\])?(==[^\s;]+)", locked, re.M)}
    assert asked <= found, "run `sh .ci/lock`"
