"""Every check constraint of the tables bites: a right row is taken, the same row with one thing wrong is not."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import IntegrityError

from store.columns import UtcTime
from store.db import writing
from store.tables import metadata

NOON = datetime(2026, 11, 24, 6, 30, tzinfo=UTC)

RIGHT: dict[str, dict[str, Any]] = {
    "tickets": {"account_id": 1},
    "posts": {"department": "power"},
    "labels": {"category": "sewer"},
    "leaves": {"post": "a"},
    "remarks": {"post": "a", "department": "power"},
}
"""What a right row needs beyond its required columns."""

WRONG: dict[str, dict[str, Any]] = {
    "ck_inbox_decided_rows_say_how": {"state": "done"},
    "ck_tickets_with_an_office_and_a_due_time": {"status": "assigned", "department": "power"},
    "ck_tickets_disposed_has_a_time": {"status": "disposed", "department": "power", "due_at": NOON},
    "ck_tickets_ended_has_a_time": {"status": "rejected"},
    "ck_tickets_closed_has_an_outcome": {"status": "closed", "ended_at": NOON},
    "ck_tickets_never_closed_against_the_citizen": {
        "status": "closed",
        "ended_at": NOON,
        "outcome": "not_satisfied",
    },
    "ck_tickets_somebody_complains": {"account_id": None},
    "ck_tickets_reopened_only_after_an_end": {"reopen_count": 2},
    "ck_conversations_waiting_has_a_start": {"awaiting": "details"},
    "ck_satisfaction_an_outcome_has_a_time": {"outcome": "satisfied"},
    "ck_outbox_sent_has_a_time": {"state": "sent"},
    "ck_outbox_sending_has_an_owner": {"state": "sending", "sending_at": NOON},
    "ck_posts_level_on_the_ladder": {"level": 4},
    "ck_posts_a_department_or_the_cmo": {"role": "cmo_desk"},
    "ck_inbox_state_known": {"state": "nonsense", "decided_at": NOON, "result": "ignored"},
    "ck_satisfaction_outcome_known": {"outcome": "nonsense", "answered_at": NOON},
    "ck_tickets_outcome_known": {"status": "closed", "ended_at": NOON, "outcome": "nonsense"},
    "ck_labels_a_label_tells_something": {"category": None},
    "ck_standstills_ends_after_it_begins": {"from_at": NOON},
    "ck_standstills_ended_after_it_began": {"ended_at": NOON},
    "ck_leaves_a_person_or_a_post": {"officer_id": 1},
    "ck_leaves_ends_after_it_begins": {"to_at": NOON - timedelta(seconds=1)},
    "ck_remarks_a_ticket_or_an_office": {"post": None, "department": None},
    "ck_remarks_an_office_has_a_department": {"department": None},
    "ck_remarks_due_after_it_was_made": {"due_at": NOON - timedelta(seconds=1)},
    "ck_remarks_answered_after_it_was_made": {"answered_at": NOON - timedelta(seconds=1)},
    "ck_holdings_ends_after_it_begins": {"to_at": NOON - timedelta(seconds=1)},
}
"""One wrong change for each check; unknown words and negative counts are made up by themselves."""


def _checks() -> dict[str, sa.Table]:
    names = postgresql.dialect().identifier_preparer  # type: ignore[no-untyped-call]
    found: dict[str, sa.Table] = {}
    for table in metadata.tables.values():
        for constraint in [*table.constraints, *(c for column in table.columns for c in column.constraints)]:
            if isinstance(constraint, sa.CheckConstraint):
                found[str(names.format_constraint(constraint))] = table
    return found


CHECKS = _checks()


def _wrong(name: str, table: sa.Table) -> dict[str, Any] | None:
    if name in WRONG:
        return WRONG[name]
    column = name.removeprefix(f"ck_{table.name}_")
    if column.endswith("_known"):
        return {column.removesuffix("_known"): "nonsense"}
    if column.endswith("_not_negative"):
        return {column.removesuffix("_not_negative"): -1}
    return None


def _right(conn: sa.Connection, table: sa.Table) -> dict[str, Any]:
    """A row of the table with everything it needs; the rows it refers to are made."""
    row = dict(RIGHT.get(table.name, {}))
    for column in table.columns:
        if column.foreign_keys and (not column.nullable or column.name in row):
            row[column.name] = _parent(conn, next(iter(column.foreign_keys)).column)
        elif not column.nullable and column.server_default is None and column.name not in row:
            row[column.name] = _value(table, column)
    return row


def _parent(conn: sa.Connection, target: sa.Column[Any]) -> object:
    table = target.table
    assert isinstance(table, sa.Table)
    existing = conn.execute(sa.select(target)).scalars().first()
    if existing is not None:
        return existing
    return conn.execute(sa.insert(table).values(_right(conn, table)).returning(target)).scalar_one()


def _value(table: sa.Table, column: sa.Column[Any]) -> object:
    if isinstance(column.type, UtcTime):
        return NOON
    if isinstance(column.type, sa.Integer):
        return 1
    for constraint in [*table.constraints, *column.constraints]:
        allowed = re.match(rf"{column.name} IN \('([^']+)'", str(getattr(constraint, "sqltext", "")))
        if allowed:
            return allowed[1]
    return "a"


def test_every_check_has_a_row_that_breaks_it() -> None:
    assert WRONG.keys() <= CHECKS.keys(), "a check was renamed or dropped"
    unproved = sorted(name for name, table in CHECKS.items() if _wrong(name, table) is None)
    assert unproved == [], "give each of these a wrong row in WRONG"


@pytest.mark.parametrize("name", sorted(CHECKS))
def test_the_check_bites(engine: sa.Engine, name: str) -> None:
    table = CHECKS[name]
    wrong = _wrong(name, table)
    assert wrong is not None
    with writing(engine) as conn:
        row = _right(conn, table)
        with conn.begin_nested() as trial:
            conn.execute(sa.insert(table).values(row))
            trial.rollback()
        with pytest.raises(IntegrityError, match=name), conn.begin_nested():
            conn.execute(sa.insert(table).values({**row, **wrong}))
