"""The checker of the storm: each thing that can be lost or doubled is named, and nothing else is."""

from __future__ import annotations

import ast
import json
import sqlite3
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.bench.chaos import verdict
from bot.bench.chaos.planted import BUGS
from bot.bench.chaos.verdict import Complaint, Shown, Truth, Verdict, Written, judge
from store.boundaries import BOUNDARIES

NUMBER = "HRY26-000001-4"
SCHEMA = """
CREATE TABLE channels (id, platform);
CREATE TABLE tickets (id, platform, first_message_id, thread_id, number);
CREATE TABLE inbox (id, channel_id, event_key, state);
CREATE TABLE outbox (id, channel_id, destination, template, state, sent_id, marked_repeat, payload, ticket_id, gathered_into);
INSERT INTO channels VALUES (1, 'x'), (2, 'facebook'), (3, 'telegram');
"""
TRUTH = Truth(
    complaints=(Complaint("x", "100"),),
    written=(Written("x", "100"), Written("telegram", "900000001")),
    shown=(
        Shown("x", "200", "100", f"{NUMBER}: we have it"),
        Shown("x", "201", "100", f"{NUMBER}: is it done?"),
        Shown("telegram", "-5:7", "-5", f"{NUMBER}: assigned"),
    ),
)


class Office:
    """A database as a clean storm leaves it."""

    def __init__(self) -> None:
        self.conn = sqlite3.connect(":memory:")
        self.conn.executescript(SCHEMA)
        self.do("INSERT INTO tickets VALUES (1, 'x', '100', '100', ?)", NUMBER)
        self.do("INSERT INTO inbox VALUES (1, 1, '100:0', 'done'), (2, 3, '7000:900000001', 'done')")
        self.message(1, 1, "x:thread:100", "sent", "200", "reply", f"{NUMBER}: we have it")
        self.message(2, 1, "x:thread:100", "sent", "201", "reply", f"{NUMBER}: is it done?")
        self.message(3, 3, "-5:1", "sent", "-5:7", "message", f"<b>{NUMBER}</b>: assigned")
        self.message(4, 3, "press", "cancelled", None, "answer_press", "Accepted")

    def do(self, sql: str, *values: Any) -> None:
        self.conn.execute(sql, values)

    def message(
        self,
        row: int,
        channel: int,
        destination: str,
        state: str,
        sent_id: str | None,
        act: str,
        text: str,
        marked: int = 0,
    ) -> None:
        payload = json.dumps({"act": act, "text": text})
        values = (row, channel, destination, "template", state, sent_id, marked, payload)
        self.do("INSERT INTO outbox VALUES (?, ?, ?, ?, ?, ?, ?, ?, NULL, NULL)", *values)

    def gathered(self, part: int, into: int, state: str = "superseded") -> None:
        """A message of ticket 1 that was told in the list of row `into`."""
        self.message(part, 3, "-5:1", state, None, "message", f"{NUMBER}: assigned")
        self.do("UPDATE outbox SET ticket_id = 1, gathered_into = ? WHERE id = ?", into, part)

    def judged(self, truth: Truth = TRUTH) -> Verdict:
        return judge(truth, lambda select: self.conn.execute(select).fetchall())


@pytest.fixture
def office() -> Office:
    return Office()


def shown(*more: Shown) -> Truth:
    return replace(TRUTH, shown=(*TRUTH.shown, *more))


def counted(found: Verdict) -> dict[str, int]:
    names = [name for name in Verdict.__dataclass_fields__ if name != "findings"]
    return {name: value for name in names if (value := getattr(found, name))}


def test_a_clean_office_is_clean(office: Office) -> None:
    found = office.judged()
    assert found.is_clean, found.findings
    assert counted(found) == {}


def test_a_complaint_without_a_ticket_is_lost(office: Office) -> None:
    office.do("UPDATE tickets SET first_message_id = '999'")
    assert counted(office.judged()) == {"lost": 1, "doubled_tickets": 1}


def test_two_tickets_for_one_complaint(office: Office) -> None:
    office.do("INSERT INTO tickets VALUES (2, 'x', '100', '100', 'HRY26-000002-2')")
    assert counted(office.judged())["doubled_tickets"] >= 1


@pytest.mark.parametrize("change", ["DELETE FROM inbox WHERE id = 2", "UPDATE inbox SET state = 'parked' WHERE id = 2"])
def test_a_press_that_was_never_heard_is_lost(office: Office, change: str) -> None:
    office.do(change)
    assert counted(office.judged()) == {"lost": 1}


@pytest.mark.parametrize("text", [f"{NUMBER}: we have it", f"{NUMBER}: we  have it, other words"])
def test_a_reply_that_nobody_stands_for_is_doubled(office: Office, text: str) -> None:
    assert counted(office.judged(shown(Shown("x", "202", "100", text))))["doubled_replies"] >= 1


def test_a_reply_with_another_number_is_told(office: Office) -> None:
    other = Shown("x", "202", "100", "HRY26-000002-2: we have it")
    office.message(9, 1, "x:thread:100", "sent", "202", "reply", other.text)
    assert counted(office.judged(shown(other))) == {"doubled_tickets": 1}


def test_sent_but_standing_nowhere_is_lost(office: Office) -> None:
    office.message(9, 2, "facebook:thread:5", "sent", "5_1", "reply", "thanks")
    assert counted(office.judged()) == {"lost": 1}


@pytest.mark.parametrize(
    ("state", "as_what"),
    [("unknown", "unknown_left"), ("sending", "unknown_left"), ("retry", "unsent_left"), ("pending", "unsent_left"),
     ("parked", "lost"), ("cancelled", "lost")],
)  # fmt: skip
def test_what_was_never_sent_is_told(office: Office, state: str, as_what: str) -> None:
    office.message(9, 1, "x:thread:100", state, None, "reply", "more")
    assert counted(office.judged()) == {as_what: 1}


def test_a_notice_may_stand_twice_if_it_says_so(office: Office) -> None:
    office.message(9, 3, "-5:2", "sent", "-5:9", "message", "<b>HRY26-000002-2</b>: assigned", marked=1)
    first = Shown("telegram", "-5:8", "-5", "HRY26-000002-2: assigned")
    repeat = Shown("telegram", "-5:9", "-5", "HRY26-000002-2: assigned", marked=True)
    assert counted(office.judged(shown(first, repeat))) == {"marked_repeats": 1}
    silent = replace(repeat, marked=False)
    assert counted(office.judged(shown(first, silent))) == {"doubled_notices": 1}


def test_an_overtaken_message_is_told(office: Office) -> None:
    swapped = replace(TRUTH, shown=(TRUTH.shown[1], TRUTH.shown[0], TRUTH.shown[2]))
    assert counted(office.judged(swapped)) == {"out_of_order": 1}


def test_a_refused_twin_counts_as_doubled(office: Office) -> None:
    assert counted(office.judged(replace(TRUTH, refused_twins=2))) == {"doubled_replies": 2}


def test_the_checker_shares_no_code_with_smgt() -> None:
    tree = ast.parse(Path(verdict.__file__).read_text(encoding="utf-8"))
    asked = {
        name.partition(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert asked <= sys.stdlib_module_names, asked


def test_planted_bugs_die_where_something_stands() -> None:
    assert len(BUGS) >= 15
    assert {name for bug in BUGS.values() for name in bug.dies_at} <= set(BOUNDARIES)


# -- lists of gathered news ------------------------------------------------------------------------------------------------


def test_what_a_list_tells_is_neither_lost_nor_doubled(office: Office) -> None:
    office.gathered(5, into=6)
    office.message(6, 3, "-5:gathered", "sent", "-5:8", "message", f"New: {NUMBER} Water supply")
    assert office.judged(shown(Shown("telegram", "-5:8", "-5", f"New: {NUMBER} Water supply"))).is_clean


@pytest.mark.parametrize("text", ["New: HRY26-000002-3", f"{NUMBER} and {NUMBER}", ""])
def test_a_part_that_its_list_does_not_tell_is_lost(office: Office, text: str) -> None:
    office.gathered(5, into=6)
    office.message(6, 3, "-5:gathered", "sent", "-5:8", "message", text)
    assert office.judged(shown(Shown("telegram", "-5:8", "-5", text))).lost == 1


def test_a_part_of_a_list_that_there_is_not_is_lost(office: Office) -> None:
    office.gathered(5, into=99)
    assert office.judged().lost == 1


def test_a_part_that_goes_besides_its_list_is_doubled(office: Office) -> None:
    office.gathered(5, into=6, state="pending")
    office.message(6, 3, "-5:gathered", "sent", "-5:8", "message", f"New: {NUMBER}")
    assert office.judged(shown(Shown("telegram", "-5:8", "-5", f"New: {NUMBER}"))).doubled_notices == 1
