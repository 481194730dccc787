"""`smgt run` as a real process: it answers, survives refused accounts, and stops without losing anything."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa
from run_rig import (
    COMPLAINT,
    POTHOLES,
    START,
    Run,
    begin,
    ended,
    environment,
    fill_directory,
    on_facebook,
    on_x,
    query,
    replies_on_x,
    texts_in,
)

from bot.sandbox.server import Sandbox, build
from bot.sandbox.world import Fault, FaultKind
from store.channels import register
from store.db import open_engine, writing
from store.tables import channels, outbox
from store.vocabulary import DeliveryState, Platform


@pytest.fixture
def folder(tmp_path: Path, migrated_sqlite_file: Path) -> Path:
    """A folder with a migrated database."""
    shutil.copyfile(migrated_sqlite_file, tmp_path / "smgt.db")
    return tmp_path


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with build(start=START, limit_scale=None).serve(pace=1.0) as served:
        yield served


def test_a_complaint_is_answered_through_two_real_processes(folder: Path) -> None:
    served = begin(
        *("sandbox", "--port", "0", "--env-file", "sandbox.env", "--with-directory", "directory", "--json"),
        given={},
        folder=folder,
        out=subprocess.PIPE,
        err=subprocess.DEVNULL,
    )
    try:
        assert served.stdout is not None
        for line in iter(served.stdout.readline, b"}\n"):
            assert line, "the sandbox ended"
        lines = (folder / "sandbox.env").read_text(encoding="utf-8").splitlines()
        given = {name: value.strip("'") for name, _, value in (line.partition("=") for line in lines)}
        given |= {"SMGT_X_POLL_SECONDS": "1", "SMGT_DATABASE_URL": f"sqlite:///{folder / 'smgt.db'}"}
        control = given["SMGT_CLOCK_URL"].removesuffix("/clock") + "/control"
        assert (folder / "sandbox.env").stat().st_mode & 0o077 == 0
        assert (folder / "directory" / "people.csv").is_file()
        with Run(given, folder) as run:
            post = httpx.post(f"{control}/x/post", json={"handle": "asha", "text": COMPLAINT}).json()["id"]

            def reply() -> str | None:
                thread = httpx.get(f"{control}/thread/x/{post}").json()["posts"]
                return next((one["text"] for one in thread if one["id"] != post), None)

            assert "HRY26-000001-" in run.wait_for("the reply", reply)
            assert run.stop() < 10
            assert "sandbox-access-token" not in run.said()
    finally:
        served.send_signal(signal.SIGTERM)
        served.communicate(timeout=20)
        assert served.returncode == 0


def test_one_run_at_a_time_and_a_clean_stop(folder: Path, sandbox: Sandbox) -> None:
    given = environment(sandbox, folder)
    chats = fill_directory(sandbox, given["SMGT_DATABASE_URL"])
    with Run(given, folder) as run:
        post = on_x(sandbox, "asha", COMPLAINT)
        run.wait_for("the reply", lambda: replies_on_x(sandbox, post))
        run.wait_for(
            "the notice",
            lambda: any(
                "HRY26-000001-" in text for text in texts_in(sandbox, chats["cmo"]) + texts_in(sandbox, chats["phed"])
            ),
        )
        code, _, second = ended("run", given=given, folder=folder)
        assert code == 1
        assert second.splitlines()[-1].startswith("smgt: Another smgt already runs on the database ")
        assert "Traceback" not in second
        assert run.stop(signal.SIGTERM) < 10
        assert "Traceback" not in run.said()
    with Run(given, folder) as again:  # locks and lanes were given back
        later = on_x(sandbox, "ravi", POTHOLES)
        again.wait_for("the reply", lambda: replies_on_x(sandbox, later))
        assert len(replies_on_x(sandbox, post)) == 1
        again.stop()


def test_a_revoked_token_stops_its_lane_only_and_is_told(folder: Path, sandbox: Sandbox) -> None:
    given = environment(sandbox, folder)
    chats = fill_directory(sandbox, given["SMGT_DATABASE_URL"])
    stopped = sa.select(channels.c.name).where(channels.c.stopped_at.is_not(None))
    with Run(given, folder) as run:
        first = on_x(sandbox, "asha", COMPLAINT)
        run.wait_for("the reply", lambda: replies_on_x(sandbox, first))
        sandbox.world.faults.add(Fault(Platform.X, "*", FaultKind.REVOKED, times=None))
        run.wait_for("the stop", lambda: query(given["SMGT_DATABASE_URL"], stopped))
        run.wait_for("the alarm", lambda: any("Channel in trouble" in text for text in texts_in(sandbox, chats["cmo"])))
        story = on_facebook(sandbox)
        run.wait_for("the answer on Facebook", lambda: sandbox.facebook.comments_of(story))
        missed = on_x(sandbox, "ravi", POTHOLES)
        assert [row.name for row in query(given["SMGT_DATABASE_URL"], stopped)] == ["cmohry"]
        run.stop()
    with Run(given, folder) as refused:  # the token is still dead: the rest begins all the same
        refused.wait_for("the word", lambda: "cmohry stays stopped" in refused.said())
        refused.stop()
    sandbox.world.faults.clear()
    with Run(given, folder) as renewed:
        renewed.wait_for("the reply to what was missed", lambda: replies_on_x(sandbox, missed))
        assert query(given["SMGT_DATABASE_URL"], stopped) == []
        renewed.stop()


def test_a_platform_that_is_down_at_the_start_stops_nobody_else(folder: Path, sandbox: Sandbox) -> None:
    given = environment(sandbox, folder)
    fill_directory(sandbox, given["SMGT_DATABASE_URL"])
    sandbox.world.faults.add(Fault(Platform.FACEBOOK, "me", FaultKind.ERROR_BEFORE, times=None))
    story = on_facebook(sandbox)
    with Run(given, folder) as run:
        post = on_x(sandbox, "asha", COMPLAINT)
        run.wait_for("the reply on X", lambda: replies_on_x(sandbox, post))
        run.wait_for("the word", lambda: "cmo cannot begin yet" in run.said())
        sandbox.world.faults.clear()
        run.wait_for("the answer on Facebook", lambda: sandbox.facebook.comments_of(story))
        run.stop()


def test_a_platform_that_never_answers_does_not_hold_up_the_stop(folder: Path, sandbox: Sandbox) -> None:
    given = environment(sandbox, folder)
    fill_directory(sandbox, given["SMGT_DATABASE_URL"])
    sandbox.world.faults.add(Fault(Platform.X, "create", FaultKind.SLOW, seconds=18))
    unsettled = sa.select(outbox.c.id).where(outbox.c.state.in_((DeliveryState.SENDING, DeliveryState.UNKNOWN)))
    with Run(given, folder) as run:
        post = on_x(sandbox, "asha", COMPLAINT)
        run.wait_for("the effect without the answer", lambda: replies_on_x(sandbox, post))
        assert run.stop() < 10
    assert query(given["SMGT_DATABASE_URL"], unsettled)
    quicker = given | {"SMGT_SEND_DEADLINE_SECONDS": "1", "SMGT_SEND_START_SECONDS": "1"}
    with Run(quicker, folder) as again:
        again.wait_for("the settling", lambda: not query(given["SMGT_DATABASE_URL"], unsettled))
        again.stop()
    assert len(replies_on_x(sandbox, post)) == 1


def test_webhooks_are_taken_and_a_port_in_use_is_told(folder: Path, sandbox: Sandbox) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        given = environment(sandbox, folder, SMGT_WEBHOOKS="yes", SMGT_WEB_PORT=port)
        code, _, refused = ended("run", given=given, folder=folder)
    assert code == 1
    told = f"smgt: The web server cannot listen on 127.0.0.1:{port} (Address already in use);"
    assert refused.splitlines()[-1].startswith(told)
    fill_directory(sandbox, given["SMGT_DATABASE_URL"])
    slow_polls = given | {"SMGT_FACEBOOK_POLL_SECONDS": "3600"}
    with Run(slow_polls, folder) as run:
        run.wait_for("the accounts", lambda: run.identified() >= 3)
        assert httpx.get(f"http://127.0.0.1:{port}/readyz").json()["ready"] is True
        sandbox.facebook.subscribe(f"http://127.0.0.1:{port}/webhooks/facebook/cmo")
        story = on_facebook(sandbox)
        run.wait_for("the answer on Facebook", lambda: sandbox.facebook.comments_of(story))
        assert run.stop() < 10


def test_an_office_whose_sandbox_goes_away_waits_and_stops_clean(folder: Path, sandbox: Sandbox) -> None:
    given = environment(sandbox, folder)
    with Run(given, folder) as run:
        run.wait_for("the accounts", lambda: run.identified() >= 3)
        sandbox.stop()
        run.wait_for("the word", lambda: "The sandbox's clock" in run.said())
        assert run.stop() < 10
        assert "Traceback" not in run.said()


def test_credentials_of_another_account_end_the_run_with_a_sentence(folder: Path, sandbox: Sandbox) -> None:
    given = environment(sandbox, folder)
    engine = open_engine(given["SMGT_DATABASE_URL"])
    with writing(engine) as conn:
        register(conn, "cmohry", Platform.X, account_id="999", handle="somebody")
    engine.dispose()
    code, _, told = ended("run", given=given, folder=folder)
    assert code == 1
    assert told.splitlines()[-1].startswith("smgt: The channel 'cmohry' belongs to account 999, but its credentials")
    assert "Traceback" not in told


@pytest.mark.postgres
def test_two_runs_on_postgresql_share_the_work_and_one_takes_over(
    tmp_path: Path, sandbox: Sandbox, make_postgres_database: Callable[[], str]
) -> None:
    url = make_postgres_database()
    given = environment(sandbox, tmp_path, SMGT_DATABASE_URL=url)
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    with Run(given, tmp_path / "a") as first:
        first.wait_for("the accounts", lambda: first.identified() >= 3)
        fill_directory(sandbox, url)
        with Run(given, tmp_path / "b") as second:
            second.wait_for("the accounts", lambda: second.identified() >= 3)
            post = on_x(sandbox, "asha", COMPLAINT)
            first.wait_for("the reply", lambda: replies_on_x(sandbox, post))
            first.process.kill()
            later = on_x(sandbox, "ravi", POTHOLES)
            second.wait_for("the reply by the one that is left", lambda: replies_on_x(sandbox, later))
            assert (len(replies_on_x(sandbox, post)), len(replies_on_x(sandbox, later))) == (1, 1)
            assert "Traceback" not in second.said() + first.said()
            second.stop()
