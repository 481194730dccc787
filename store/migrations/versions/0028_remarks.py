"""The Chief Minister's Office remarks on a ticket or to an office, and is answered."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

TICKET = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "remarks",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("ticket_id", TICKET, nullable=True),
        sa.Column("post", sa.String(64), nullable=True),
        sa.Column("department", sa.String(32), nullable=True),
        sa.Column("district", sa.String(64), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("officer_id", sa.Integer(), nullable=False),
        sa.Column("from_post", sa.String(64), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reminded_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(ticket_id IS NULL) <> (post IS NULL)", name=op.f("ck_remarks_a_ticket_or_an_office")),
        sa.CheckConstraint("(post IS NULL) = (department IS NULL)", name=op.f("ck_remarks_an_office_has_a_department")),
        sa.CheckConstraint("due_at >= made_at", name=op.f("ck_remarks_due_after_it_was_made")),
        sa.CheckConstraint(
            "answered_at IS NULL OR answered_at >= made_at", name=op.f("ck_remarks_answered_after_it_was_made")
        ),
        sa.ForeignKeyConstraint(["ticket_id"], ["tickets.id"], name=op.f("fk_remarks_ticket_id")),
        sa.ForeignKeyConstraint(["post"], ["posts.code"], name=op.f("fk_remarks_post")),
        sa.ForeignKeyConstraint(["officer_id"], ["officers.id"], name=op.f("fk_remarks_officer_id")),
        sa.ForeignKeyConstraint(["from_post"], ["posts.code"], name=op.f("fk_remarks_from_post")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_remarks")),
    )
    op.create_index(op.f("ix_remarks_ticket"), "remarks", ["ticket_id", "id"])
    op.create_index(op.f("ix_remarks_made"), "remarks", ["made_at"])
    op.create_index(op.f("ix_remarks_answered"), "remarks", ["answered_at"])
    is_open = sa.text("answered_at IS NULL")
    op.create_index(op.f("ix_remarks_open"), "remarks", ["due_at"], sqlite_where=is_open, postgresql_where=is_open)
    op.create_table(
        "remark_answers",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("remark_id", sa.Integer(), nullable=False),
        sa.Column("officer_id", sa.Integer(), nullable=False),
        sa.Column("post", sa.String(64), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["remark_id"], ["remarks.id"], name=op.f("fk_remark_answers_remark_id")),
        sa.ForeignKeyConstraint(["officer_id"], ["officers.id"], name=op.f("fk_remark_answers_officer_id")),
        sa.ForeignKeyConstraint(["post"], ["posts.code"], name=op.f("fk_remark_answers_post")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_remark_answers")),
    )
    op.create_index(op.f("ix_remark_answers_remark"), "remark_answers", ["remark_id", "id"])


def downgrade() -> None:
    op.drop_table("remark_answers")
    op.drop_table("remarks")
