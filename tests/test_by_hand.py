"""What a person settles by hand, on both databases: parked events, and gaps that somebody has looked at."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result

from bot.cli import main
from handlers.desk.batch import Desk
from handlers.digest.figures import figures as counted_figures
from handlers.policy import Policy
from store import channels, gaps, inbox
from store.db import reading, writing
from store.inbound import Author, Inbound
from store.tables import counters, events, tickets
from store.tables import inbox as inbox_table
from store.vocabulary import InboundVerb, Platform

Smgt = Callable[..., Result]
NOW = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
WORDS = "Hisar me 3 din se pani nahi aa raha, ward 5"


@pytest.fixture
def smgt(engine: sa.Engine) -> Smgt:
    """Runs a command in this process on the test's database."""

    def call(*arguments: str) -> Result:
        environ = {"SMGT_DATABASE_URL": engine.url.render_as_string(hide_password=False)}
        result = CliRunner(env=environ).invoke(main, arguments, prog_name="smgt")
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return call


def hear(engine: sa.Engine, number: int) -> None:
    """A citizen's complaint is kept and the desk decides what it can."""
    with writing(engine) as conn:
        channel = channels.register(conn, "cmohry", Platform.X, "900", "cmohry")
        event = Inbound(
            key=f"{number}:0",
            verb=InboundVerb.POSTED,
            platform=Platform.X,
            message_id=str(number),
            thread_id=str(number),
            occurred_at=NOW,
            author=Author(str(number), "citizen", "A citizen"),
            text=WORDS,
            mentions_us=True,
        )
        inbox.put(conn, channel.id, [event], {}, NOW)
    decide(engine)


def decide(engine: sa.Engine) -> None:
    desk = Desk(engine, lambda: NOW, Policy())
    while desk.decide_batch():
        pass


@pytest.fixture
def parked(engine: sa.Engine) -> int:
    """One complaint has its ticket; another's number was given before, because the counter was set back."""
    hear(engine, 1)
    with writing(engine) as conn:
        conn.execute(counters.update().values(value=0))
    hear(engine, 2)
    with reading(engine) as conn:
        row = conn.execute(sa.select(inbox_table).where(inbox_table.c.state == "parked")).one()
    return int(row.id)


def test_a_parked_event_is_listed_without_its_words(smgt: Smgt, parked: int) -> None:
    shown = smgt("inbox", "list")
    assert shown.exit_code == 0
    assert "done 1, parked 1" in shown.stdout
    assert "IntegrityError" in shown.stdout
    assert "pani" not in shown.stdout
    assert max(map(len, shown.stdout.splitlines())) <= 80
    (row,) = json.loads(smgt("inbox", "list", "--json").stdout)["events"]
    assert (row["id"], row["channel"], row["event_key"], row["readable"]) == (parked, "cmohry", "2:0", True)
    assert "pani" not in json.dumps(row)
    assert len(json.loads(smgt("inbox", "list", "--state", "done", "--json").stdout)["events"]) == 1
    assert "see `smgt inbox list`" in smgt("check", "--offline").stdout


def test_a_parked_event_gets_its_ticket_once_the_cause_is_mended(smgt: Smgt, engine: sa.Engine, parked: int) -> None:
    with writing(engine) as conn:
        conn.execute(counters.update().values(value=1))
    assert smgt("inbox", "retry", str(parked)).exit_code == 0
    refused = smgt("inbox", "retry", str(parked))
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert f"Event {parked} is pending" in refused.stderr
    decide(engine)
    with reading(engine) as conn:
        assert conn.execute(sa.select(sa.func.count()).select_from(tickets)).scalar_one() == 2
        kinds = list(conn.scalars(sa.select(events.c.kind).where(events.c.inbox_id == parked)))
    assert kinds[:2] == ["inbox_retried_by_hand", "opened"]
    assert "done 2" in smgt("inbox", "list").stdout


def test_a_dropped_event_counts_as_ignored(smgt: Smgt, engine: sa.Engine, parked: int) -> None:
    wrong = smgt("inbox", "drop", str(parked), "--why", "I told her")
    assert (wrong.exit_code, wrong.stdout) == (2, "")
    assert smgt("inbox", "drop", str(parked), "--why", "answered_by_hand").exit_code == 0
    assert f"Event {parked} is done" in smgt("inbox", "drop", str(parked), "--why", "again").stderr
    assert "There is no event 999" in smgt("inbox", "drop", "999", "--why", "again").stderr
    with reading(engine) as conn:
        told = conn.execute(sa.select(events.c.codes).where(events.c.kind == "inbox_dropped_by_hand")).scalar_one()
        figures = counted_figures(conn, NOW - timedelta(hours=1), NOW + timedelta(hours=1), now=NOW)
    assert json.loads(told) == {"why": "answered_by_hand"}
    assert dict(figures.received.ignored) == {"dropped": 1}
    assert (figures.received.parked, figures.trouble.parked_inbox) == (0, 0)


def test_an_event_that_cannot_be_read_can_only_be_dropped(smgt: Smgt, engine: sa.Engine, parked: int) -> None:
    with writing(engine) as conn:
        conn.execute(inbox_table.update().where(inbox_table.c.id == parked).values(payload=None))
    told = smgt("inbox", "retry", str(parked))
    assert told.exit_code == 1
    assert "no words that can be read" in told.stderr
    assert smgt("inbox", "drop", str(parked), "--why", "answered_by_hand").exit_code == 0


def test_a_gap_is_named_until_somebody_has_looked(smgt: Smgt, engine: sa.Engine) -> None:
    begin = NOW - timedelta(days=9)
    with writing(engine) as conn:
        channel = channels.register(conn, "cmohry", Platform.X)
        for day in range(7):
            since = begin + timedelta(days=day)
            assert gaps.note(conn, channel.id, since, since + timedelta(hours=2), "X searches only seven days back.")
        assert not gaps.note(conn, channel.id, begin, begin + timedelta(hours=2), "told again")
    lines = [line for line in smgt("check", "--offline").stdout.splitlines() if " gaps: " in line]
    assert len(lines) == 6  # five named, the others counted
    assert "then `smgt gaps settle 7 --why looked_by_hand`" in lines[4]
    assert "2 older ones" in lines[5]
    shown = smgt("gaps", "list")
    assert len(shown.stdout.splitlines()) == 8
    for number in range(1, 7):
        assert smgt("gaps", "settle", str(number), "--why", "looked_by_hand").exit_code == 0
    with reading(engine) as conn:
        trouble = counted_figures(conn, begin, begin + timedelta(days=8), now=NOW).trouble
        assert [gap.since_at for gap in trouble.gaps] == [begin + timedelta(days=6)]
        assert counted_figures(conn, NOW, NOW + timedelta(days=1), now=NOW).trouble.older_gaps == 1
    assert "small letters" in smgt("gaps", "settle", "7", "--why", "I looked").stderr
    assert "was dealt with on" in smgt("gaps", "settle", "6", "--why", "again").stderr
    assert "There is no gap 99" in smgt("gaps", "settle", "99", "--why", "again").stderr
    assert smgt("gaps", "settle", "7", "--why", "nothing_missed").exit_code == 0
    assert "No gap is open." in smgt("gaps", "list").stdout
    assert [one["settled_why"] for one in json.loads(smgt("gaps", "list", "--all", "--json").stdout)] == [
        *["looked_by_hand"] * 6,
        "nothing_missed",
    ]
    (line,) = [line for line in smgt("check", "--offline").stdout.splitlines() if " gaps: " in line]
    assert line.startswith("ok ")
