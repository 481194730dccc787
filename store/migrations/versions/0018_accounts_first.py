"""Accounts whom a person answers first: legislators, the press."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the operator's list, and the mark on tickets of those who stand there."""
    op.create_table(
        "first_accounts",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("platform", sa.String(32), nullable=False),
        sa.Column("handle", sa.String(128), nullable=False, server_default=""),
        sa.Column("author_id", sa.String(64), nullable=False, server_default=""),
        sa.Column("note", sa.String(256), nullable=False, server_default=""),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("platform IN ('x', 'facebook', 'telegram')", name=op.f("ck_first_accounts_platform_known")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_first_accounts")),
        sa.UniqueConstraint(
            "platform", "handle", "author_id", name=op.f("uq_first_accounts_platform_handle_author_id")
        ),
    )
    op.add_column("tickets", sa.Column("person_first", sa.Boolean(), nullable=False, server_default=sa.false()))


def downgrade() -> None:
    """Drop the list; nobody is answered by a person first."""
    with op.batch_alter_table("tickets") as batch:
        batch.drop_column("person_first")
    op.drop_table("first_accounts")
