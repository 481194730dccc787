"""`smgt calls`: who is to be called, what a call found, and that the next digest tells it."""

from __future__ import annotations

import json
import os
from datetime import date, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result
from digest_history import insert_stage

from bot.cli import main
from handlers.digest.demand import telling
from handlers.digest.period import Period, office_day
from handlers.digest.scope import STATE
from handlers.digest.sheet import table_of
from handlers.digest.sheets import sheet_of
from handlers.digest.telling import Span
from store.db import reading, writing
from store.tables import checks, conversations, satisfaction, tickets
from store.vocabulary import Language

DAY = date(2026, 11, 23)
AT = Period(DAY).start + timedelta(hours=9)


@pytest.fixture
def asked(sqlite_engine: sa.Engine) -> sa.Engine:
    """Two hundred citizens who said done, and one of whom nothing is settled."""
    with writing(sqlite_engine) as conn:
        insert_stage(conn)
        for number in range(1, 202):
            row = {
                "id": number, "number": f"HRY26-{number:06}-0", "platform": "x", "channel_id": 1, "account_id": 1,
                "thread_id": "t", "first_message_id": "m", "language": "hi", "status": "closed", "department": "ulb",
                "district": "Hisar", "category": "garbage", "opened_at": AT, "ended_at": AT, "outcome": "satisfied",
            }  # fmt: skip
            conn.execute(tickets.insert().values(**row))
            conn.execute(conversations.insert().values(ticket_id=number, reply_to_id="m", last_heard_at=AT))
            said = {"answered_at": AT, "outcome": "satisfied"} if number < 201 else {}
            conn.execute(satisfaction.insert().values(ticket_id=number, cycle=1, disposed_at=AT, **said))
    return sqlite_engine


def smgt(engine: sa.Engine, *arguments: str) -> Result:
    others = dict.fromkeys((name for name in os.environ if name.startswith("SMGT_")), None)
    settings = {"SMGT_DATABASE_URL": engine.url.render_as_string(hide_password=False)}
    result = CliRunner(env={**others, **settings}).invoke(main, arguments, prog_name="smgt")
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def listed(engine: sa.Engine) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(smgt(engine, "calls", "list", "--on", DAY.isoformat(), "--json").stdout)
    return found


def test_a_call_is_listed_recorded_and_told(asked: sa.Engine) -> None:
    calls = listed(asked)
    assert 0 < len(calls) < 40
    number = calls[0]["number"]
    shown = smgt(asked, "calls", "list", "--on", DAY.isoformat())
    assert number in shown.stdout
    assert smgt(asked, "calls", "record", number.lower(), "disagrees").stdout == f"{number}, answer 1: disagrees.\n"
    assert listed(asked)[0]["result"] == "disagrees"
    with reading(asked) as conn:
        of_answers = telling(conn, Span.DAY, DAY, STATE, AT + timedelta(days=2))
        at = conn.execute(sa.select(checks.c.at)).scalar_one()
        of_call = telling(conn, Span.DAY, office_day(at), STATE, at + timedelta(seconds=1))
    table = table_of(sheet_of(of_answers, Language.EN), "check_calls")
    assert table is not None
    assert [row[0] for row in table.rows] == [one["number"] for one in calls]
    assert table.rows[0][-1] == "disagrees"
    assert of_call.checks.results == {"satisfied:disagrees": 1}
    assert any("1 said it is not done" in line for line in sheet_of(of_call, Language.EN).story)


def test_what_cannot_be_recorded_is_told(asked: sa.Engine) -> None:
    for arguments, told in (
        (("HRY26-999999-0", "agrees"), "There is no ticket HRY26-999999-0"),
        (("HRY26-000201-0", "agrees"), "No answer about HRY26-000201-0 is settled yet"),
        (("HRY26-000001-0", "agrees", "--answer", "2"), "has no settled answer number 2"),
    ):
        result = smgt(asked, "calls", "record", *arguments)
        assert result.exit_code == 1
        assert told in result.stderr
    assert smgt(asked, "calls", "record", "HRY26-000001-0", "perhaps").exit_code == 2
    assert smgt(asked, "calls", "list", "--on", "2026-01-01").stdout == "Nobody is to be called about that time.\n"
