"""Who is away, from when to when, and who acts for them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nobody is away yet."""
    op.create_table(
        "leaves",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("officer_id", sa.Integer(), nullable=True),
        sa.Column("post", sa.String(64), nullable=True),
        sa.Column("substitute_id", sa.Integer(), nullable=True),
        sa.Column("from_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("to_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("(officer_id IS NULL) <> (post IS NULL)", name=op.f("ck_leaves_a_person_or_a_post")),
        sa.CheckConstraint("to_at >= from_at", name=op.f("ck_leaves_ends_after_it_begins")),
        sa.ForeignKeyConstraint(["officer_id"], ["officers.id"], name=op.f("fk_leaves_officer_id")),
        sa.ForeignKeyConstraint(["post"], ["posts.code"], name=op.f("fk_leaves_post")),
        sa.ForeignKeyConstraint(["substitute_id"], ["officers.id"], name=op.f("fk_leaves_substitute_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_leaves")),
    )


def downgrade() -> None:
    """Everybody is back."""
    op.drop_table("leaves")
