"""The CMO desk's calls that check an outcome are kept, and digests find a day's rows by their times."""

from __future__ import annotations

import secrets

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

INDEXES = (
    ("ix_satisfaction_disposed", "satisfaction", ["disposed_at"]),
    ("ix_satisfaction_answered", "satisfaction", ["answered_at"]),
    ("ix_tickets_ended", "tickets", ["ended_at"]),
    ("ix_events_kind", "events", ["kind", "at"]),
)
CHECK_KEY = "check_key"


def upgrade() -> None:
    outcomes = "'satisfied', 'not_satisfied', 'no_answer', 'not_askable'"
    op.create_table(
        "checks",
        sa.Column("ticket_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("cycle", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.String(32), nullable=False),
        sa.Column("result", sa.String(32), nullable=False),
        sa.Column("officer_id", sa.Integer(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(f"outcome IN ({outcomes})", name=op.f("ck_checks_outcome_known")),
        sa.CheckConstraint("result IN ('agrees', 'disagrees', 'not_reached')", name=op.f("ck_checks_result_known")),
        sa.ForeignKeyConstraint(
            ["ticket_id", "cycle"],
            ["satisfaction.ticket_id", "satisfaction.cycle"],
            name=op.f("fk_checks_ticket_id_cycle"),
        ),
        sa.ForeignKeyConstraint(["officer_id"], ["officers.id"], name=op.f("fk_checks_officer_id")),
        sa.PrimaryKeyConstraint("ticket_id", "cycle", name=op.f("pk_checks")),
    )
    op.create_index(op.f("ix_checks_at"), "checks", ["at"])
    for name, table, columns in INDEXES:
        op.create_index(op.f(name), table, columns)
    counters = sa.table("counters", sa.column("name"), sa.column("value"))
    op.execute(counters.insert().values(name=CHECK_KEY, value=secrets.randbits(62)))


def downgrade() -> None:
    counters = sa.table("counters", sa.column("name"), sa.column("value"))
    op.execute(counters.delete().where(counters.c.name == CHECK_KEY))
    for name, table, _ in INDEXES:
        op.drop_index(op.f(name), table)
    op.drop_table("checks")
