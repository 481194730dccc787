"""Let a cursor be as long as it must: an account that watches many threads on Facebook names them all in one."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Widen the column."""
    with op.batch_alter_table("cursors") as batch:
        batch.alter_column("value", existing_type=sa.String(1024), type_=sa.Text(), existing_nullable=False)


def downgrade() -> None:
    """Narrow it again; PostgreSQL refuses while a longer cursor is kept."""
    with op.batch_alter_table("cursors") as batch:
        batch.alter_column("value", existing_type=sa.Text(), type_=sa.String(1024), existing_nullable=False)
