"""`smgt shadow` and what `check`, `run` and `outbox` say of the mode: counts, masked words, posts beside answers."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result
from run_rig import Run, environment
from shadow_rig import Play, playing

from bot.cli import main
from bot.sandbox.server import Sandbox, build, standard_accounts
from store.numbers import format_number
from store.vocabulary import DeliveryState, Platform

HELD = DeliveryState.HELD
PHONE = "9812345678"
COMPLAINT = f"Hisar me 3 din se pani nahi aa raha, mera number {PHONE}"
SENSITIVE = "Panchkula me ladke roz ladkiyo ko chhedte hai"
SPAM = "Earn Rs 5000 daily from home, no investment, DM now"

Smgt = Callable[..., Result]


@pytest.fixture
async def held(sqlite_engine: sa.Engine, tmp_path: Path) -> dict[str, str]:
    """The settings of an office that has heard three posts in the shadow."""
    (tmp_path / "stage").mkdir()
    async with playing(tmp_path / "stage", sqlite_engine, "shadow") as play:
        await play.say("@hisar_one", COMPLAINT)
        await play.say("@pkl_two", SENSITIVE, platform=Platform.FACEBOOK)
        await play.say("@spam_three", SPAM)
        await play.stage.pass_time(timedelta(hours=1))
    return {"SMGT_DATABASE_URL": sqlite_engine.url.render_as_string(hide_password=False), "SMGT_MODE": "shadow"}


def smgt(*arguments: str, **given: str) -> Result:
    """Runs a command in this process, with no other settings than these."""
    others = dict.fromkeys((name for name in os.environ if name.startswith("SMGT_")), None)
    result = CliRunner(env={**others, **given}).invoke(main, arguments, prog_name="smgt")
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def as_json(*arguments: str, **given: str) -> Any:
    return json.loads(smgt(*arguments, "--json", **given).stdout)


def refused(*arguments: str, **given: str) -> str:
    result = smgt(*arguments, **given)
    assert result.exit_code in (1, 2), result.output
    return result.stderr


async def test_counts_by_platform_and_template(held: dict[str, str]) -> None:
    shown = smgt("shadow", **held)
    assert shown.stdout.startswith("Mode shadow: nothing is sent to anybody")
    assert re.search(r"^x +received_routed +shadow +1$", shown.stdout, re.MULTILINE)
    assert max(map(len, shown.stdout.splitlines())) <= 80
    counted = as_json("shadow", **held)
    assert (counted["mode"], counted["tickets_in_shadow"]) == ("shadow", 2)
    listed = as_json("outbox", "list", "--state", "held", **held)
    assert sum(one["many"] for one in counted["held"]) == listed["counts"]["held"] == len(listed["messages"])


async def test_the_words_are_masked_and_a_sensitive_matter_is_left_out(held: dict[str, str]) -> None:
    listed = as_json("shadow", "list", **held)
    reply = next(one for one in listed if one["template"] == "received_routed")
    assert reply["ticket"] in reply["text"]
    assert (reply["why"], reply["platform"], reply["to"][:2]) == ("shadow", "x", "x:")
    for command in ("list", "beside"):
        for shown in (smgt("shadow", command, **held).stdout, json.dumps(as_json("shadow", command, **held))):
            assert PHONE not in shown
            assert "ladkiyo" not in shown
            assert "Traceback" not in shown
        assert max(map(len, smgt("shadow", command, **held).stdout.splitlines())) <= 80
    assert PHONE in smgt("shadow", "beside", "--words", "--json", **held).stdout
    assert as_json("shadow", "list", "--why", "other_district", **held) == []
    number = reply["ticket"].lower().replace("-", " ")
    assert {one["ticket"] for one in as_json("shadow", "list", "--ticket", number, **held)} == {reply["ticket"]}


async def test_posts_stand_beside_their_answers(held: dict[str, str]) -> None:
    pairs = as_json("shadow", "beside", **held)
    assert [pair["answer"]["state"] for pair in pairs] == ["held", "held"]
    assert pairs[0]["ticket"]["district"] == "Hisar"
    assert pairs[0]["ticket"]["number"] in pairs[0]["answer"]["text"]
    assert pairs[1]["ticket"] is None, "of a sensitive matter not even the place"
    (spam,) = as_json("shadow", "beside", "--every", "--after", str(pairs[1]["post"]), **held)
    assert spam["answer"] is None
    assert f"no answer: {spam['result']}" in smgt("shadow", "beside", "--every", **held).stdout


async def test_a_person_lets_a_message_or_a_ticket_out(held: dict[str, str]) -> None:
    reply = next(one for one in as_json("shadow", "list", **held) if one["template"] == "received_routed")
    number, row = reply["ticket"], str(reply["id"])
    assert "SMGT_MODE is shadow" in refused("outbox", "retry", row, **held)
    assert "SMGT_MODE is shadow" in refused("shadow", "release", "--all", **held)
    live = {**held, "SMGT_MODE": "all"}
    assert f"smgt shadow list --ticket {number}" in smgt("outbox", "retry", row, **live).stdout
    assert "--all" in refused("shadow", "release", **live)
    assert "There is no ticket" in refused("shadow", "release", format_number("HRY", 26, 99), **live)
    assert smgt("shadow", "release", number, **live).stdout.startswith("1 tickets speak from now on; 1 held messages")
    assert "not in the shadow" in refused("shadow", "release", number, **live)
    assert as_json("shadow", **live)["tickets_in_shadow"] == 1
    assert smgt("shadow", "release", "--all", **live).stdout.startswith("1 tickets speak")


async def test_check_says_the_mode_and_what_is_held(held: dict[str, str]) -> None:
    lines = smgt("check", "--offline", **held).stdout.splitlines()
    assert any(line.startswith("ok     mode: shadow: nothing is sent to anybody") for line in lines)
    assert any(re.match(r"ok     held: \d+, 2 tickets live in the shadow", line) for line in lines)
    wrong = smgt("check", **{**held, "SMGT_MODE": "district:Hissar"})
    assert wrong.exit_code == 1
    fault = "SMGT_MODE: 'district:Hissar' will not do: there is no district Hissar; write Hisar."
    assert wrong.stdout.splitlines() == [f"to do  settings: {fault}"]


async def test_a_change_of_what_was_never_said_does_not_go(sqlite_engine: sa.Engine, tmp_path: Path) -> None:
    async with playing(tmp_path, sqlite_engine, "shadow") as play:
        post = await play.say("@hisar_one", COMPLAINT)
        await play.stage.pass_time(timedelta(days=9))
        edit = _edit(play, play.case(post).id)
    given = {"SMGT_DATABASE_URL": sqlite_engine.url.render_as_string(hide_password=False), "SMGT_MODE": "all"}
    assert "let that one go first" in refused("outbox", "retry", str(edit), **given)
    assert [one["id"] for one in as_json("outbox", "list", "--state", "held", **given)["messages"]].count(edit) == 1


def _edit(play: Play, ticket: int) -> int:
    return next(row.id for row in play.rows(HELD, ticket=ticket) if row.follows_step is not None)


def test_a_run_says_its_mode_at_the_start(tmp_path: Path, migrated_sqlite_file: Path) -> None:
    (tmp_path / "smgt.db").write_bytes(migrated_sqlite_file.read_bytes())
    sandbox: Sandbox = build()
    with sandbox.serve():
        standard_accounts(sandbox)
        given = {**environment(sandbox, tmp_path), "SMGT_MODE": "district:hisar"}
        with Run(given, tmp_path) as run:
            run.wait_for("the mode", lambda: "Mode district:Hisar: only what belongs to complaints" in run.said())
