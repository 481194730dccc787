"""The demo's desks and officers as groups and people of the emulated Telegram, and as CSV files to import.

Owns the three files it writes: desks.csv (with the chat of each desk), officers.csv, and people.csv, which says who is
which Telegram user, for the control API.
"""

from __future__ import annotations

import csv
from importlib.resources import files
from io import StringIO
from pathlib import Path

from bot.sandbox.server import Sandbox
from store.vocabulary import Role


def make_directory(sandbox: Sandbox, folder: Path) -> None:
    """Make the groups and people, and write the files into `folder`."""
    data = files("bot.demo").joinpath("data")
    officers = data.joinpath("officers.csv").read_text(encoding="utf-8")
    desks = list(csv.DictReader(StringIO(data.joinpath("desks.csv").read_text(encoding="utf-8"))))
    users: dict[str, int] = {}
    members: dict[str, list[int]] = {}
    everywhere: list[int] = []
    for post in csv.DictReader(StringIO(officers)):
        for name in filter(None, (part.strip() for part in post["officer"].split("|"))):
            users[name] = sandbox.telegram.add_user(name)
            of_cmo = post["role"] in (Role.CMO_DESK, Role.CMO_VIEWER)
            (everywhere if of_cmo else members.setdefault(post["desk"], [])).append(users[name])
    for desk in desks:
        group = sorted({*members.get(desk["desk"], ()), *everywhere})
        desk["chat_id"] = str(sandbox.telegram.add_group(desk["title"], members=group))
    folder.mkdir(parents=True, exist_ok=True)
    folder.joinpath("officers.csv").write_text(officers, encoding="utf-8")
    _write(folder / "desks.csv", list(desks[0]), [list(desk.values()) for desk in desks])
    _write(
        folder / "people.csv",
        ["officer", "telegram_user_id"],
        [[name, str(user)] for name, user in users.items()],
    )


def _write(file: Path, columns: list[str], rows: list[list[str]]) -> None:
    with file.open("w", encoding="utf-8", newline="") as target:
        writer = csv.writer(target, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)
