"""A message remembers after which of our posts its sending began, so that a look back need not be longer than that."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; rows without it are looked for by the clock."""
    op.add_column("outbox", sa.Column("after_id", sa.String(128)))


def downgrade() -> None:
    """Drop it."""
    with op.batch_alter_table("outbox") as batch:
        batch.drop_column("after_id")
