"""A report may come with an album: its pictures are kept together."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Until now only the captioned picture of an album was kept."""
    for table in ("drafts", "media"):
        op.add_column(table, sa.Column("album_id", sa.String(64)))


def downgrade() -> None:
    """Drop the columns; the pictures stay."""
    for table in ("media", "drafts"):
        with op.batch_alter_table(table) as batch:
            batch.drop_column("album_id")
