"""The command line: help that teaches, exit codes, and one clear sentence for every bad input."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result
from run_rig import COMPLAINT, POSTS, START, begin, ended, environment, fill_directory, on_x

from bot.app import Office, open_store
from bot.cli import COMMANDS, main
from bot.digest import fonts
from bot.sandbox.server import Sandbox, build
from bot.settings import load_settings, settings_table
from handlers.learning.corpus import shipped_text
from store import sending
from store.alarms import raise_alarm
from store.db import open_engine, writing
from store.numbers import format_number
from store.tables import channels, gaps, outbox, tickets
from store.vocabulary import DeliveryState

Smgt = Callable[..., Result]
DESKS = "desk,title,language,chat_id,topic_id\ncmo,CMO,en,-100111,\nphed,PHED,en,,\n"


@pytest.fixture
def folder(tmp_path: Path, migrated_sqlite_file: Path) -> Path:
    """A folder with a migrated database."""
    shutil.copyfile(migrated_sqlite_file, tmp_path / "smgt.db")
    return tmp_path


@pytest.fixture
def smgt(folder: Path) -> Smgt:
    """Runs a command in this process on the folder's database."""

    def call(*arguments: str, given: str | bytes | None = None, **more: str) -> Result:
        environ = {"SMGT_DATABASE_URL": f"sqlite:///{folder / 'smgt.db'}", **more}
        result = CliRunner(env=environ).invoke(main, arguments, input=given, prog_name="smgt")
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return call


@pytest.fixture
def directory(smgt: Smgt, folder: Path) -> Path:
    """The folder, after the desks and officers were imported."""
    (folder / "desks.csv").write_text(DESKS, encoding="utf-8")
    (folder / "officers.csv").write_text(POSTS, encoding="utf-8")
    assert smgt("desks", "import", str(folder / "desks.csv")).exit_code == 0
    assert smgt("officers", "import", str(folder / "officers.csv")).exit_code == 0
    return folder


def _refused(result: Result, code: int = 1) -> str:
    """What a command that ended badly said; never a traceback, nothing on stdout."""
    assert result.exit_code == code, result.output
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    return str(result.stderr)


# -- help --------------------------------------------------------------------------------------------------------------


def _commands() -> Iterator[list[str]]:
    for name in COMMANDS:
        yield [name]
        command = main.get_command(click.Context(main), name)  # type: ignore[attr-defined]
        if isinstance(command, click.Group):
            yield from ([name, inner] for inner in command.list_commands(click.Context(command)))


@pytest.mark.parametrize("names", list(_commands()), ids=" ".join)
def test_every_command_explains_itself(names: list[str]) -> None:
    result = CliRunner().invoke(main, [*names, "--help"], prog_name="smgt")
    assert result.exit_code == 0
    assert result.stdout.startswith("Usage: smgt ")
    assert len(names) > 1 or "Examples:" in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 100


def test_the_first_help_is_quick_and_imports_no_command() -> None:
    code = "import sys; from bot.cli import main; main(['--help'], standalone_mode=False); print(len(sys.modules))"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603
    assert "sandbox" in shown.stdout
    assert int(shown.stdout.splitlines()[-1]) < 250


def test_wrong_usage_is_two(smgt: Smgt) -> None:
    assert "No such command 'nothing'" in _refused(smgt("nothing"), 2)
    assert "--port" in _refused(smgt("sandbox", "--port", "ninety"), 2)
    assert "does not exist" in _refused(smgt("officers", "import", "nowhere.csv"), 2)
    assert "Name an officer or a post" in _refused(smgt("officers", "invite"), 2)


# -- settings ----------------------------------------------------------------------------------------------------------


def test_all_wrong_settings_are_told_at_once(smgt: Smgt) -> None:
    told = _refused(
        smgt(
            "run",
            SMGT_CHANNELS="x:cmohry",
            SMGT_WEB_PORT="many",
            SMGT_SATISFACTION_REMINDER_HOURS="200",
            SMGT_COLOUR="red",
        )
    ).splitlines()
    assert all(line.startswith("smgt: ") for line in told)
    for part in (
        "SMGT_CMOHRY_BEARER_TOKEN is missing",
        "SMGT_WEB_PORT",
        "SMGT_SATISFACTION_CLOSE_HOURS",
        "SMGT_COLOUR",
    ):
        assert any(part in line for line in told), part


def test_a_run_says_what_is_missing(smgt: Smgt) -> None:
    assert _refused(smgt("run")).splitlines() == [
        "smgt: SMGT_CHANNELS names no account on X or Facebook to read; write e.g. x:cmohry.",
        "smgt: SMGT_CHANNELS names no Telegram bot for the officers; write e.g. telegram:desk.",
    ]


def test_real_hosts_need_a_yes(smgt: Smgt, sandbox: Sandbox, folder: Path) -> None:
    given = environment(sandbox, folder)
    del given["SMGT_CLOCK_URL"]
    told = _refused(smgt("run", **{**given, "SMGT_X_API_URL": "https://api.x.com"}))
    assert told == "smgt: SMGT_LIVE=yes is needed to send to the real hosts of SMGT_X_API_URL.\n"


def test_the_settings_table_is_the_settings(smgt: Smgt) -> None:
    lines = smgt("check", "--settings-table").stdout.splitlines()
    assert lines[:2] == ["| setting | default | meaning |", "|---|---|---|"]
    assert [line.split("|")[1].strip() for line in lines[2:]] == [f"`{name}`" for name, _, _ in settings_table()]


# -- database ----------------------------------------------------------------------------------------------------------


def test_a_database_is_made_and_looked_at(smgt: Smgt, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'new.db'}"
    assert "There is no database" in _refused(smgt("db", "state", SMGT_DATABASE_URL=url))
    assert "There is no database" in _refused(smgt("ticket", "list", SMGT_DATABASE_URL=url))
    assert not (tmp_path / "new.db").exists()
    assert smgt("db", "migrate", SMGT_DATABASE_URL=url).exit_code == 0
    state = json.loads(smgt("db", "state", "--json", SMGT_DATABASE_URL=url).stdout)
    assert state["state"] == "current"
    assert state["database"] == state["program"]
    assert "up to date already" in smgt("db", "migrate", SMGT_DATABASE_URL=url).stdout


@pytest.mark.parametrize("command", [("ticket", "list"), ("db", "migrate"), ("officers", "list"), ("digest",)])
def test_a_newer_database_is_refused(smgt: Smgt, folder: Path, command: tuple[str, ...]) -> None:
    engine = open_engine(f"sqlite:///{folder / 'smgt.db'}")
    with engine.begin() as conn:
        conn.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    engine.dispose()
    told = _refused(smgt(*command))
    assert "is at version 9999, newer than this SMGT" in told
    assert len(told.splitlines()) == 1


def test_what_is_no_database_is_refused(smgt: Smgt, tmp_path: Path) -> None:
    (tmp_path / "words.db").write_text("These are words and no database at all, but many of them. " * 40)
    assert "is not a SQLite database" in _refused(
        smgt("outbox", "list", SMGT_DATABASE_URL=f"sqlite:///{tmp_path}/words.db")
    )
    assert "SMGT does not keep data in 'mysql'" in _refused(smgt("outbox", "list", SMGT_DATABASE_URL="mysql://h/d"))


# -- directory ---------------------------------------------------------------------------------------------------------


def test_an_unknown_department_is_named_by_line_and_nothing_is_imported(smgt: Smgt, directory: Path) -> None:
    wrong = (
        POSTS
        + "x-nodal,X,nodal_officer,railways,0,*,phed,Somebody\ny-nodal,Y,nodal_officer,phed,7,Atlantis,phed,Else\n"
    )
    (directory / "wrong.csv").write_text(wrong, encoding="utf-8")
    told = _refused(smgt("officers", "import", str(directory / "wrong.csv"))).splitlines()
    assert any("wrong.csv line 4" in line and "railways" in line for line in told)
    assert sum("line 5" in line for line in told) == 2
    posts = json.loads(smgt("officers", "list", "--json").stdout)
    assert [post["post"] for post in posts] == ["cmo-desk", "phed-nodal"]


def test_import_export_and_dry_run(smgt: Smgt, directory: Path) -> None:
    again = smgt("officers", "import", str(directory / "officers.csv"), "--json")
    assert json.loads(again.stdout) == {
        "dry_run": False,
        "added": [],
        "changed": {},
        "removed": [],
        "unchanged": 2,
        "new": {},
        "gone": {},
    }
    fewer = "\n".join(POSTS.splitlines()[:2]) + "\n"
    (directory / "fewer.csv").write_text(fewer, encoding="utf-8")
    would = smgt("officers", "import", str(directory / "fewer.csv"), "--dry-run")
    assert "post phed-nodal would be removed: title: " in would.stdout
    assert would.stdout.endswith(
        "0 added, 0 changed, 1 removed, 1 unchanged. Nothing was changed: this was a dry run.\n"
    )
    exported = smgt("officers", "export").stdout
    assert exported.splitlines()[0] == POSTS.splitlines()[0]
    assert len(exported.splitlines()) == 3
    assert smgt("desks", "export").stdout.splitlines()[1] == "cmo,CMO,en,-100111,"


def test_ladders_are_imported_and_shown_with_names_leave_and_holes(smgt: Smgt, directory: Path) -> None:
    shown = smgt("officers", "ladder", "phed", "--district", "Hisar").stdout
    assert shown.startswith(
        "phed in Hisar: nodal_officer > district_head > district_nodal > department_head > cmo_desk"
    )
    assert "no district_head here" in shown
    (directory / "ladders.csv").write_text("department,ladder\nphed,nodal_officer|department_head\n", encoding="utf-8")
    would = smgt("ladders", "import", str(directory / "ladders.csv"), "--dry-run").stdout
    assert would.startswith("ladder phed would be added: ladder: nodal_officer|department_head\n")
    assert json.loads(smgt("ladders", "list", "--json").stdout) == {}
    assert smgt("ladders", "import", str(directory / "ladders.csv")).exit_code == 0
    assert "phed        nodal_officer > department_head\n" in smgt("ladders").stdout
    assert smgt("ladders", "export").stdout == "department,ladder\nphed,nodal_officer|department_head\n"
    last = (datetime.now(UTC) + timedelta(days=3)).date().isoformat()
    assert "Nobody stands in" in smgt("officers", "leave", "phed-nodal", "--until", last).stdout
    shown = smgt("officers", "ladder", "phed", "--district", "Hisar").stdout
    assert "no district_head here" not in shown
    assert "away" in shown
    assert "nobody stands in" in shown
    assert json.loads(smgt("officers", "leave", "--json").stdout)[0]["who"] == "phed-nodal"
    assert smgt("officers", "ladder", "phed").stdout.startswith("district")
    assert "phed-nodal is back." in smgt("officers", "back", "phed-nodal").stdout
    assert "is not away" in _refused(smgt("officers", "back", "phed-nodal"))
    assert "There is no department 'nowhere'" in _refused(smgt("officers", "ladder", "nowhere"))
    assert "a leave has an end" in _refused(smgt("officers", "leave", "phed-nodal"), 2)


def test_a_check_shows_a_few_of_a_kind_and_every_one_when_asked(smgt: Smgt, directory: Path) -> None:
    rows = "".join(f"spare-{at},Spare,hi,,\n" for at in range(9))
    (directory / "desks.csv").write_text(DESKS + rows, encoding="utf-8")
    assert smgt("desks", "import", str(directory / "desks.csv")).exit_code == 0
    few, every = smgt("check", "--offline").stdout, smgt("check", "--offline", "--all").stdout
    assert "more like this; `smgt check --all` names every one" in few
    assert "desk spare-8 has no chat; /bind spare-8 in its group" not in few
    assert "desk spare-8 has no chat; /bind spare-8 in its group" in every
    assert "more like this" not in every
    told = json.loads(smgt("check", "--offline", "--json").stdout)["findings"]
    assert sum(one["code"] == "desk_unbound" for one in told) >= 9


def test_desks_are_bound(smgt: Smgt, directory: Path) -> None:
    assert smgt("desks", "bind", "phed", "-100222", "--topic", "7").exit_code == 0
    chats = {
        desk["code"]: (desk["chat_id"], desk["topic_id"]) for desk in json.loads(smgt("desks", "list", "--json").stdout)
    }
    assert chats == {"cmo": ("-100111", None), "phed": ("-100222", "7")}
    assert "There is no desk 'nowhere'" in _refused(smgt("desks", "bind", "nowhere", "-100333"))
    assert "already the desk cmo" in _refused(smgt("desks", "bind", "phed", "-100111"))
    assert "is not a number" in _refused(smgt("desks", "bind", "phed", "group"), 2)
    assert "cmo" in smgt("desks").stdout


def test_an_invite_is_a_link_that_works_once(smgt: Smgt, directory: Path, sandbox: Sandbox) -> None:
    given = environment(sandbox, directory)
    del given["SMGT_CLOCK_URL"]  # the officers were imported by the time of day, after the sandbox began
    told = _refused(smgt("officers", "invite", "phed-nodal"))
    assert "SMGT_CHANNELS names no Telegram bot" in told
    link = smgt("officers", "invite", "phed-nodal", **given).stdout.strip()
    assert link.startswith("https://t.me/smgt_sandbox_bot?start=")
    assert smgt("officers", "invite", "officer", **given).stdout.startswith("https://t.me/")
    everybody = json.loads(smgt("officers", "invite", "--all", "--json", **given).stdout)
    done = smgt("officers", "handover", "phed-nodal", "--to", "R. Lal", **given).stdout
    assert done.startswith("phed-nodal: Officer -> R. Lal\n0 open tickets go with the post")
    assert "https://t.me/" in done
    again = smgt("officers", "handover", "phed-nodal", "--to", "r. lal", **given)
    assert "holds the post phed-nodal already" in _refused(again)
    assert sorted(one["officer"] for one in everybody) == ["Clerk", "Officer"]
    assert len({one["link"] for one in everybody} | {link}) == 3
    assert "no post and no officer 'nobody'" in _refused(smgt("officers", "invite", "nobody", **given))


# -- tickets and what is said ------------------------------------------------------------------------------------------


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with build(start=START, limit_scale=None).serve() as served:
        yield served


@pytest.fixture
def worked(sandbox: Sandbox, folder: Path) -> dict[str, str]:
    """Settings of an office that has answered one complaint and holds one message for a person."""
    given = environment(sandbox, folder)
    fill_directory(sandbox, given["SMGT_DATABASE_URL"])
    asyncio.run(_answer_one(sandbox, given))
    return given


async def _answer_one(sandbox: Sandbox, given: dict[str, str]) -> None:
    settings = load_settings(given)
    engine = open_store(settings)
    office = Office(engine, sandbox.world.clock, settings)
    try:
        await office.connect()
        on_x(sandbox, "asha", f"{COMPLAINT}, mera number 9812345678")
        sandbox.world.clock.advance(timedelta(minutes=5))
        await office.pump()
        with writing(engine) as conn:
            first = conn.execute(sa.select(outbox.c.id).order_by(outbox.c.id)).scalars().first() or 0
            conn.execute(outbox.update().where(outbox.c.id == first).values(state=DeliveryState.UNKNOWN))
            sending.park(conn, first, sending.Failure("too_odd", "for a test"), sandbox.world.clock.now())
    finally:
        await office.close()


def test_a_ticket_is_shown_in_any_form_of_its_number(smgt: Smgt, worked: dict[str, str]) -> None:
    number = json.loads(smgt("ticket", "list", "--json", **worked).stdout)[0]["number"]
    shown = smgt("ticket", number, **worked)
    assert shown.exit_code == 0
    assert "9812345678" not in shown.stdout
    assert "Hisar" in shown.stdout
    assert max(len(line) for line in shown.stdout.splitlines() if not line.startswith("  ")) <= 80
    for form in (
        number.lower().replace("-", " "),
        number.replace("-", ""),
        number.removeprefix("HRY"),
        f"no. {number}!",
    ):
        assert json.loads(smgt("ticket", "--json", form, **worked).stdout)["ticket"]["number"] == number, form
    assert max(map(len, smgt("ticket", "list", **worked).stdout.splitlines())) <= 80
    story = json.loads(smgt("ticket", number, "--words", "--json", **worked).stdout)
    assert "9812345678" in story["words"][0]["text"]
    assert story["history"][0]["kind"]
    assert {one["state"] for one in story["messages"]} >= {"parked"}


def test_a_sensitive_matter_is_left_out_unless_asked_for(smgt: Smgt, worked: dict[str, str]) -> None:
    engine = open_engine(worked["SMGT_DATABASE_URL"])
    with writing(engine) as conn:
        conn.execute(tickets.update().values(sensitivity="sensitive"))
        number = conn.execute(sa.select(tickets.c.number)).scalar_one()
    engine.dispose()
    assert "ward 5" not in smgt("ticket", number, **worked).stdout
    assert "ward 5" in smgt("ticket", number, "--words", **worked).stdout


def test_a_wrong_number_is_told(smgt: Smgt, worked: dict[str, str]) -> None:
    unknown = format_number("HRY", 26, 4711)
    assert "has a typing slip" in _refused(smgt("ticket", "HRY26-000001-9", **worked))
    assert f"There is no ticket {unknown};" in _refused(smgt("ticket", unknown, **worked))
    assert "is not a ticket number" in _refused(smgt("ticket", "hello", **worked), 2)


def test_messages_go_again_or_end_by_hand(smgt: Smgt, worked: dict[str, str]) -> None:
    listed = json.loads(smgt("outbox", "list", "--json", **worked).stdout)
    assert [row["state"] for row in listed["messages"]] == ["parked"]
    number = str(listed["messages"][0]["id"])
    assert "too_odd" in smgt("outbox", "list", **worked).stdout
    assert smgt("outbox", "retry", number, **worked).exit_code == 0
    assert f"Message {number} is pending" in _refused(smgt("outbox", "retry", number, **worked))
    assert "small letters" in _refused(smgt("outbox", "drop", number, "--why", "Posted by me", **worked), 2)
    assert smgt("outbox", "drop", number, "--why", "posted_by_hand", **worked).exit_code == 0
    assert "cannot be ended any more" in _refused(smgt("outbox", "drop", number, "--why", "again", **worked))
    assert "There is no message 9999" in _refused(smgt("outbox", "retry", "9999", **worked))


def test_check_says_what_is_to_do(smgt: Smgt, worked: dict[str, str], folder: Path) -> None:
    found = smgt("check", "--json", **worked)
    assert found.exit_code == 1
    report = json.loads(found.stdout)
    assert report["ok"] is False
    well = {one["area"]: one["ok"] for one in report["findings"]}
    areas = ("x:cmohry", "facebook:cmo", "telegram:desk", "database", "gaps")
    assert {area: well[area] for area in areas} == dict.fromkeys(areas, True)
    assert not well["directory"]
    assert not well["outbox"]
    engine = open_engine(worked["SMGT_DATABASE_URL"])
    moment = datetime(2026, 11, 24, tzinfo=UTC)
    with writing(engine) as conn:
        conn.execute(gaps.insert().values(channel_id=1, since_at=moment, until_at=moment, why="outage"))
        conn.execute(channels.update().where(channels.c.id == 1).values(stopped_at=moment, stopped_why="x:401"))
        raise_alarm(conn, "no_cmo_desk", "directory", "There is no CMO desk.", moment)
    engine.dispose()
    lines = smgt("check", "--offline", **worked).stdout.splitlines()
    assert all(line.startswith(("ok     ", "to do  ")) for line in lines)
    for part in ("could not be read back from 2026-11-24 00:00", "is stopped (x:401)", "There is no CMO desk."):
        assert any(line.startswith("to do") and part in line for line in lines), part


def test_check_names_every_wrong_setting_and_a_dead_sandbox(smgt: Smgt, sandbox: Sandbox, folder: Path) -> None:
    wrong = smgt("check", SMGT_WEB_PORT="x", SMGT_LOG_LEVEL="loud")
    assert wrong.exit_code == 1
    assert sum(line.startswith("to do  settings") for line in wrong.stdout.splitlines()) == 2
    given = environment(sandbox, folder)
    sandbox.stop()
    dead = smgt("check", **given)
    assert sum(line.startswith("to do") for line in dead.stdout.splitlines()) >= 4
    assert "Traceback" not in dead.output


def test_the_digest_of_a_day(smgt: Smgt, worked: dict[str, str]) -> None:
    one = json.loads(smgt("digest", "--on", "2026-11-24", "--lang", "en", "--json", **worked).stdout)
    assert one["day"] == "2026-11-24"
    assert "<b>" in one["html"]
    assert "<b>" not in one["text"]
    assert smgt("digest", "--lang", "hi", **worked).stdout.strip()
    assert "has not begun" in _refused(smgt("digest", "--on", "2031-01-01", **worked))
    assert "--on" in _refused(smgt("digest", "--on", "yesterday", **worked), 2)


def test_the_digest_in_all_forms(
    smgt: Smgt, worked: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "made" / "forms"
    done = smgt("digest", "--on", "2026-11-24", "--lang", "en", "--out", str(out), **worked)
    assert done.exit_code == 0, done.output
    names = sorted(file.name for file in out.iterdir())
    assert done.stdout.splitlines() == [str(out / name) for name in sorted(names, key=done.stdout.index)]
    assert {name.partition("-cmo-en")[2] for name in names} >= {".pdf", ".xlsx", ".html", ".telegram.html", "-ages.png"}
    week = json.loads(
        smgt("digest", "--period", "week", "--on", "2026-11-24", "--out", str(out), "--json", **worked).stdout
    )
    assert f"{out}/smgt-2026-11-29-week-cmo-hi.pdf" in week["files"]

    # One clear sentence each.
    future = _refused(smgt("digest", "--on", "2031-01-01", "--out", str(tmp_path / "none"), **worked))
    assert future == "smgt: The day 2031-01-01 has not begun; name a day up to 2026-11-24.\n"
    assert not (tmp_path / "none").exists()
    for whose, told in (
        ("department:powre", "did you mean power?"),
        ("x", "write cmo, department:CODE or district:NAME."),
    ):
        assert told in _refused(smgt("digest", "--for", whose, "--out", str(out), **worked), 2)
    (tmp_path / "file").write_text("")
    blocked = _refused(smgt("digest", "--out", str(tmp_path / "file"), **worked))
    assert f"The folder {tmp_path / 'file'} cannot be written (File exists); name another" in blocked
    assert "name a folder with --out" in _refused(smgt("digest", "--period", "month", **worked))

    # What cannot be made is told, the rest stands there.
    monkeypatch.setattr(fonts, "FAMILIES", {"x": ("fontpkg_gone", "fontpkg-gone", "x.ttf")})
    part = smgt("digest", "--on", "2026-11-24", "--out", str(tmp_path / "part"), **worked)
    assert part.exit_code == 1
    assert [line.startswith("smgt: ") for line in part.stderr.splitlines()] == [True, True]
    assert len(part.stdout.splitlines()) == 3


# -- understanding -----------------------------------------------------------------------------------------------------


def test_lines_in_lines_out(smgt: Smgt) -> None:
    lines = [
        {"id": "p", "text": "Hisar me 3 din se light nahi, 9812345678"},
        {"id": 7, "text": "haan ji ho gaya", "asked": "satisfaction"},
    ]
    result = smgt("understand", given="\n".join(map(json.dumps, lines)) + "\n\n")
    assert result.exit_code == 0
    post, answer = map(json.loads, result.stdout.splitlines())
    assert (post["id"], post["district"], post["ask"]) == ("p", "Hisar", "nothing")
    assert post["pii"] == [{"kind": "phone", "text": "9812345678"}]
    assert "9812345678" not in post["masked"]
    assert {"language", "kind", "category", "confidence", "choices", "district_choices", "reasons"} <= set(post)
    assert (answer["id"], answer["verdict"]) == (7, "satisfied")


def test_bad_lines_are_told_by_number_and_skipped(smgt: Smgt) -> None:
    bad = [
        b"no json",
        b'{"id": "a"}',
        b'{"id": "a", "text": 5}',
        b"[1]",
        b'{"id": "a", "text": "\xff"}',
        b"null",
        b"[" * 9999,
    ]
    bad += [
        b'{"id": "a", "text": "b", "asked": "weather"}',
        b'{"id": {}, "text": "b"}',
        b'{"id":"a","text":"%s"}' % (b"x" * 200_000),
    ]
    good = b'{"id": "good", "text": "\\ud800 Hisar"}'
    result = smgt("understand", "-", given=b"\n".join([*bad, good]))
    assert result.exit_code == 1
    assert [json.loads(line)["id"] for line in result.stdout.splitlines()] == ["good"]
    told = result.stderr.splitlines()
    assert [line.split(":")[1].strip() for line in told] == [f"line {at} was skipped" for at in range(1, len(bad) + 1)]


def test_scores_are_tables(smgt: Smgt, tmp_path: Path) -> None:
    (tmp_path / "some.jsonl").write_text("\n".join(shipped_text("posts/first").splitlines()[:40]), encoding="utf-8")
    shown = smgt("understand", "--score", str(tmp_path / "some.jsonl"))
    assert shown.exit_code == 0
    assert shown.stdout.startswith("40 posts")
    tables = json.loads(smgt("understand", "--score", str(tmp_path / "some.jsonl"), "--json").stdout)
    assert tables["posts"]["records"] == 40
    assert 0.5 < tables["posts"]["shares"]["language"]["share"] <= 1.0


# -- real processes ----------------------------------------------------------------------------------------------------


def test_a_port_in_use_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        code, out, told = ended("sandbox", "--port", port, given={}, folder=tmp_path)
    assert (code, out) == (1, "")
    assert told.startswith(f"smgt: Port {port} on this machine is in use")
    assert len(told.splitlines()) == 1


def test_the_sandbox_says_how_to_run_against_it(tmp_path: Path) -> None:
    served = begin("sandbox", "--port", "0", given={}, folder=tmp_path, out=subprocess.PIPE, err=subprocess.PIPE)
    assert served.stdout is not None
    lines = []
    while not lines or "SMGT_CLOCK_URL" not in lines[-1]:
        line = served.stdout.readline().decode()
        assert line, "it ended"
        lines.append(line)
    served.send_signal(2)
    _, told = served.communicate(timeout=20)
    assert served.returncode == 0
    assert b"Traceback" not in told
    given = dict(line.strip().removeprefix("export ").split("=", 1) for line in lines if "export " in line)
    assert load_settings({name: value.strip("'") for name, value in given.items()}).missing_to_run() == ()


def test_a_closed_pipe_is_no_fault(tmp_path: Path) -> None:
    reader = begin("check", "--settings-table", given={}, folder=tmp_path, out=subprocess.PIPE, err=subprocess.PIPE)
    assert reader.stdout is not None
    reader.stdout.close()
    assert reader.stderr is not None
    assert b"Traceback" not in reader.stderr.read()
    reader.stderr.close()
    reader.wait(20)


def test_the_folder_of_secrets_is_private(tmp_path: Path, smgt: Smgt) -> None:
    told = _refused(smgt("sandbox", "--port", "0", "--env-file", str(tmp_path / "nowhere" / "env")))
    assert "No such file or directory" in told
    assert len(told.splitlines()) == 1
