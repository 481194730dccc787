"""`smgt run` as a real process against a sandbox in the test: settings, a small directory, and waiting.

Owns starting, stopping and killing only the processes it started.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import sqlalchemy as sa

from bot.sandbox.server import Sandbox, standard_accounts
from handlers.understanding.taxonomy import taxonomy
from store.db import open_engine, writing
from store.directory_csv import import_desks, import_posts

START = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)  # half past nine on a working day in Haryana
QUICK = {
    "SMGT_X_POLL_SECONDS": "1",
    "SMGT_FACEBOOK_POLL_SECONDS": "1",
    "SMGT_TELEGRAM_POLL_SECONDS": "1",
    "SMGT_SEND_START_SECONDS": "2",
    "SMGT_SEND_DEADLINE_SECONDS": "20",
    "SMGT_PLATFORM_LATENESS_SECONDS": "0",
}
POSTS = """post,title,role,department,level,districts,desk,officer
cmo-desk,CMO Desk,cmo_desk,,3,*,cmo,Clerk
phed-nodal,Nodal Officer PHED,nodal_officer,phed,0,*,phed,Officer
"""
COMPLAINT = "@cmohry Hisar me 3 din se pani nahi aa raha, ward 5"
POTHOLES = "@cmohry Karnal me sadak par gaddhe, koi nahi sunta"


def begin(
    *arguments: str, given: Mapping[str, str], folder: Path, out: IO[bytes] | int, err: IO[bytes] | int
) -> subprocess.Popen[bytes]:
    """`smgt` as a real process that knows no settings but the given ones."""
    line = [sys.executable, "-c", "from bot.cli import main; main()", *arguments]
    return subprocess.Popen(line, cwd=folder, env={**_plain(), **given}, stdout=out, stderr=err)  # noqa: S603


def ended(*arguments: str, given: Mapping[str, str], folder: Path) -> tuple[int, str, str]:
    """The exit code, stdout and stderr of `smgt` as a real process."""
    process = begin(*arguments, given=given, folder=folder, out=subprocess.PIPE, err=subprocess.PIPE)
    out, err = process.communicate(timeout=60)
    return process.returncode, out.decode(), err.decode()


@dataclass
class Run:
    """One `smgt run`; use it in a `with`."""

    environment: Mapping[str, str]
    folder: Path
    arguments: tuple[str, ...] = ()
    process: subprocess.Popen[bytes] = field(init=False)

    def __enter__(self) -> Run:
        with self.log.open("ab") as log:
            self.process = begin("run", *self.arguments, given=self.environment, folder=self.folder, out=log, err=log)
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.kill()

    @property
    def log(self) -> Path:
        return self.folder / "run.log"

    def kill(self) -> None:
        """End it where it stands, without a word."""
        self.process.kill()
        self.process.wait()

    def said(self) -> str:
        """Everything on its stderr so far."""
        return self.log.read_text(encoding="utf-8") if self.log.exists() else ""

    def identified(self) -> int:
        """How many accounts it has found itself to be."""
        return len(re.findall(r"bot\.running: \S+ is \S+$", self.said(), re.MULTILINE))

    def wait_for(self, what: str, found: Callable[[], Any], seconds: float = 120.0) -> Any:
        """The first truth that `found` gives; fails with the process's words when there is none in time."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if answer := found():
                return answer
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        raise AssertionError(f"{what} did not come; smgt run said:\n{self.said()}")

    def stop(self, how: int = signal.SIGINT) -> float:
        """Tell it to stop; the seconds it took. Fails unless it ends well."""
        begun = time.monotonic()
        self.process.send_signal(how)
        code = self.process.wait(20)
        assert code == 0, f"it ended with {code}:\n{self.said()}"
        return time.monotonic() - begun


def environment(sandbox: Sandbox, folder: Path, **more: str) -> dict[str, str]:
    """What `smgt run` needs to talk to a served sandbox, quick enough for tests."""
    return {
        **standard_accounts(sandbox),
        **sandbox.urls,
        **QUICK,
        "SMGT_DATABASE_URL": f"sqlite:///{folder / 'smgt.db'}",
        **more,
    }


def fill_directory(sandbox: Sandbox, engine_url: str) -> dict[str, int]:
    """Two desks as groups of the sandbox's Telegram and in a migrated database; their chats by code."""
    chats = {code: sandbox.telegram.add_group(code.upper()) for code in ("cmo", "phed")}
    desks = "desk,title,language,chat_id,topic_id\n" + "".join(
        f"{code},{code.upper()},en,{chat},\n" for code, chat in chats.items()
    )
    known = taxonomy()
    engine = open_engine(engine_url)
    with writing(engine) as conn:
        import_desks(conn, desks, now=START)
        import_posts(conn, POSTS, now=START, known_departments=known.departments, known_districts=known.districts)
    engine.dispose()
    return chats


def on_x(sandbox: Sandbox, handle: str, text: str) -> str:
    """A citizen's post on X; its id."""
    sandbox.x.add_user(handle, handle.title())
    return sandbox.x.post(handle, text)


def on_facebook(sandbox: Sandbox) -> str:
    """A citizen's tagged post on Facebook; its id."""
    sandbox.facebook.add_user("mohan", "Mohan")
    return sandbox.facebook.tag_post("mohan", "Karnal me 3 din se bijli nahi hai", hide_author=False)


def replies_on_x(sandbox: Sandbox, post_id: str) -> list[str]:
    """The texts that our account wrote under a post."""
    return [str(one["text"]) for one in sandbox.x.dump()["posts"] if one["in_reply_to"] == post_id]


def texts_in(sandbox: Sandbox, chat: int) -> list[str]:
    """What stands in a Telegram group."""
    return [str(one.get("text") or "") for one in sandbox.telegram.messages(chat)]


def query(url: str, statement: sa.Select[Any]) -> list[Any]:
    """Rows of the database that a process beside us uses."""
    engine = open_engine(url)
    try:
        with engine.connect() as conn:
            return list(conn.execute(statement))
    finally:
        engine.dispose()


def _plain() -> dict[str, str]:
    """This process's environment without settings of SMGT."""
    return {name: value for name, value in os.environ.items() if not name.startswith("SMGT_")}
