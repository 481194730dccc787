"""An office's answer says what it is: done, not found, not eligible, before a court, a matter of policy, another body's."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Until now every answer said that it was done."""
    op.add_column("tickets", sa.Column("disposal", sa.String(16)))
    for table in ("satisfaction", "drafts"):
        op.add_column(table, sa.Column("disposal", sa.String(16), nullable=False, server_default="done"))
    op.execute("UPDATE tickets SET disposal = 'done' WHERE disposal_count > 0")


def downgrade() -> None:
    """Drop the columns; the answers are done ones again."""
    for table in ("drafts", "satisfaction", "tickets"):
        with op.batch_alter_table(table) as batch:
            batch.drop_column("disposal")
