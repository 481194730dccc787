"""A clerk of the CMO desk who works on a ticket has it for five minutes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing is claimed yet."""
    op.add_column("tickets", sa.Column("claimed_by", sa.Integer()))
    op.add_column("tickets", sa.Column("claimed_until_at", sa.DateTime(timezone=True)))


def downgrade() -> None:
    """Drop the columns; every clerk may work on every ticket again."""
    with op.batch_alter_table("tickets") as batch:
        batch.drop_column("claimed_until_at")
        batch.drop_column("claimed_by")
