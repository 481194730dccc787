"""Buttons that turn the pages of a list belong to no ticket."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Let a button stand without a ticket."""
    with op.batch_alter_table("buttons") as batch:
        batch.alter_column("ticket_id", existing_type=sa.BigInteger(), nullable=True)


def downgrade() -> None:
    """Buttons of lists go; an old list says so when one of them is pressed."""
    op.execute("DELETE FROM buttons WHERE ticket_id IS NULL")
    with op.batch_alter_table("buttons") as batch:
        batch.alter_column("ticket_id", existing_type=sa.BigInteger(), nullable=False)
