"""The house stands as it was drawn: imports, purity, two clocks, the schedule's jobs, templates, what is shipped."""

from __future__ import annotations

import ast
import asyncio
import importlib
import inspect
import logging
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import click
import pathspec
import pytest
import sqlalchemy as sa
from importlinter.cli import lint_imports

from bot.app import Office
from bot.cli import COMMANDS
from bot.clocks import SteppedClock
from bot.schedule import Schedule, build_schedule
from bot.settings import load_settings
from bot.waking import Wakes
from handlers.desk.batch import Desk
from store.vocabulary import Language

ROOT = Path(__file__).parent.parent
PACKAGES = ("bot", "handlers", "store", "templates")

NOT_PURE = {"alarms", "gate", "render"}  # these write rows, the last opens templates
FROM_STORE = {"store.vocabulary", "store.people"}  # enums and frozen shapes
FROM_OUTSIDE = {"rapidfuzz", "stdnum"}  # arithmetic on words and digits
FROM_PYTHON = {
    *(
        "array",
        "collections",
        "dataclasses",
        "datetime",
        "difflib",
        "enum",
        "functools",
        "hashlib",
        "itertools",
        "json",
        "math",
        "operator",
        "re",
        "types",
    ),
    *("typing", "unicodedata", "zlib", "zoneinfo", "__future__"),
}
TABLES = "handlers.understanding.tables"  # where the package's own data is read, once
READS_DATA = {"pathlib", "csv", "io", "importlib"}


def _name(file: Path) -> str:
    return ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def _modules(*folders: str) -> list[Path]:
    return sorted(file for folder in folders for file in (ROOT / folder).rglob("*.py"))


def _imports(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _pure() -> list[Path]:
    core = [file for file in (ROOT / "handlers").glob("*.py") if file.stem not in NOT_PURE]
    return sorted([*core, *(ROOT / "handlers" / "understanding").glob("*.py")])


def _pure_names() -> set[str]:
    return {_name(file) for file in _pure()}


# -- imports -----------------------------------------------------------------------------------------------------------


def test_imports_run_one_way(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(ROOT)
    loggers = [each for each in logging.root.manager.loggerDict.values() if isinstance(each, logging.Logger)]
    silent = {each for each in loggers if each.disabled}
    code = lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True, no_logo=True)
    for each in loggers:  # it silences all loggers, and later tests could find no fault in the log
        each.disabled = each in silent
    assert code == 0, capsys.readouterr().out


@pytest.mark.parametrize("file", _modules("bot", "handlers", "store"), ids=_name)
def test_the_real_thing_knows_no_measurement(file: Path) -> None:
    """Planted bugs and emulated storms stay where they are."""
    if not _name(file).startswith(("bot.bench", "bot.cli.bench")):
        assert not [name for name in _imports(file) if name.startswith("bot.bench")]


@pytest.mark.parametrize("file", _pure(), ids=_name)
def test_the_deciding_core_is_pure(file: Path) -> None:
    allowed = FROM_PYTHON | FROM_OUTSIDE | (READS_DATA if _name(file) == TABLES else set())
    for name in _imports(file):
        top = name.partition(".")[0]
        if top == "handlers":
            known = _pure_names()
            assert name in known or name.rpartition(".")[0] in known, f"{name} is not pure"
        elif top == "store":
            assert name == "store" or any(name == one or name.startswith(f"{one}.") for one in FROM_STORE), name
        else:
            assert top in allowed, f"{name} may do more than think"


def test_only_known_packages_stand_at_the_top() -> None:
    found = {file.parent.name for file in ROOT.glob("*/__init__.py")} - {"tests"}
    assert found == set(PACKAGES)


# -- two clocks --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("file", _modules("handlers", "store"), ids=_name)
def test_handlers_and_store_have_no_clock_of_their_own(file: Path) -> None:
    for name in _imports(file):
        assert name.partition(".")[0] != "time", "the machine clock belongs to bot/clocks.py"
        assert not name.startswith("bot"), name
    assert not list(_asking_the_time(file))


@pytest.mark.parametrize("file", _modules("bot"), ids=_name)
def test_the_time_is_asked_in_one_place(file: Path) -> None:
    if _name(file) == "bot.clocks":
        return
    assert not {"time", "time.monotonic", "time.time"} & set(_imports(file))
    asked = list(_asking_the_time(file))
    assert not asked or _name(file) == "bot.sandbox.world", asked  # a world without a start begins now


def _asking_the_time(file: Path) -> Iterator[str]:
    """Calls like datetime.now() and date.today()."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="datetime" | "date" as what), attr=attr)):
                if attr in ("now", "today", "utcnow"):
                    yield f"{what}.{attr} in line {node.lineno}"
            case _:
                pass


def test_the_desk_is_given_the_time() -> None:
    now = inspect.signature(Desk.__init__).parameters["now"]
    assert now.annotation == "Callable[[], datetime]"


# -- the schedule ------------------------------------------------------------------------------------------------------


def test_every_job_of_the_schedule_may_run_late_once_and_alone(sqlite_engine: sa.Engine) -> None:
    async def jobs() -> list[tuple[str, object, bool, int]]:
        office = Office(sqlite_engine, SteppedClock(datetime(2026, 11, 24, tzinfo=UTC)), load_settings({}))
        scheduler = build_schedule(Schedule(office, Wakes()))
        scheduler.start(paused=True)
        try:
            return [(job.id, job.misfire_grace_time, job.coalesce, job.max_instances) for job in scheduler.get_jobs()]
        finally:
            scheduler.shutdown(wait=False)

    found = asyncio.run(jobs())
    assert {job for job, *_ in found} == {"look_at_time", "look_for_photos", "look_for_papers", "look_for_alarms"}
    assert {options for _, *options in map(list, found) if options != [None, True, 1]} == set()


# -- commands, templates, the wheel ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_command_stands_in_its_module(name: str) -> None:
    command = importlib.import_module(f"bot.cli.{name}").command
    assert isinstance(command, click.Command)
    assert command.name == name
    assert command.help


def test_every_template_is_there_in_every_language() -> None:
    found = {
        language.value: sorted(
            str(file.relative_to(ROOT / "templates" / language.value))
            for file in (ROOT / "templates" / language.value).rglob("*.j2")
        )
        for language in Language
    }
    assert found[Language.EN.value]
    assert {name for name, files in found.items() if files != found[Language.EN.value]} == set()


def test_the_wheel_holds_every_template_and_data_file() -> None:
    """hatchling ships what stands in the packages and git does not ignore: so nothing needed may be ignored."""
    hatch = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["build"]
    wheel = hatch["targets"]["wheel"]
    assert set(wheel) == {"packages"}, "an include or exclude needs this test to be thought over"
    assert set(wheel["packages"]) == set(PACKAGES)
    assert "exclude" not in hatch
    ignored = pathspec.GitIgnoreSpec.from_lines((ROOT / ".gitignore").read_text(encoding="utf-8").splitlines())
    shipped = {
        file.relative_to(ROOT).as_posix()
        for folder in PACKAGES
        for file in (ROOT / folder).rglob("*")
        if file.is_file() and not ignored.match_file(file.relative_to(ROOT).as_posix())
    }
    for part in (
        "templates/hi-Latn/citizen/",
        "handlers/data/categories.csv",
        "handlers/understanding/data/",
    ):
        assert any(name.startswith(part) for name in shipped), part
    for part in ("bot/demo/data/desks.csv", "bot/demo/data/stories/", "store/migrations/versions/"):
        assert any(name.startswith(part) for name in shipped), part
    read = {file.suffix for folder in PACKAGES for file in (ROOT / folder).rglob("*") if file.is_file()}
    assert read - {Path(name).suffix for name in shipped} <= {".pyc"}


@pytest.mark.parametrize("file", _modules("bot", "handlers", "store"), ids=_name)
def test_every_module_says_what_it_owns(file: Path) -> None:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    assert not tree.body or ast.get_docstring(tree), "begin with what the module owns and what it must not know"
