"""All offices of a district can be given time; the clocks of its tickets stand until then."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "standstills",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("district", sa.String(64), nullable=False),
        sa.Column("department", sa.String(32), nullable=True),
        sa.Column("reason", sa.String(256), nullable=False),
        sa.Column("ordered_by", sa.Integer(), nullable=True),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("from_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("until_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("end_told_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("from_at IS NULL OR until_at > from_at", name=op.f("ck_standstills_ends_after_it_begins")),
        sa.CheckConstraint("ended_at IS NULL OR from_at IS NOT NULL", name=op.f("ck_standstills_ended_after_it_began")),
        sa.ForeignKeyConstraint(["ordered_by"], ["officers.id"], name=op.f("fk_standstills_ordered_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_standstills")),
    )
    op.add_column("tickets", sa.Column("standstill_until_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        op.f("ix_tickets_standstill"),
        "tickets",
        ["standstill_until_at"],
        sqlite_where=sa.text("standstill_until_at IS NOT NULL"),
        postgresql_where=sa.text("standstill_until_at IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index(op.f("ix_tickets_standstill"), "tickets")
    with op.batch_alter_table("tickets") as batch:
        batch.drop_column("standstill_until_at")
    op.drop_table("standstills")
