"""Pictures of posts are fetched too: where they lie, how often it was tried, what the camera noted, who saw them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from store.columns import UtcTime

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

COLUMNS = ("url", "message_id", "attempts", "next_try_at", "taken_at", "latitude", "longitude", "shown_in")
NOT_HERE = sa.text("content IS NULL AND error IS NULL")
UNSHOWN = sa.text("source = 'citizen' AND content IS NOT NULL AND shown_in IS NULL")


def upgrade() -> None:
    """Pictures that are here were taken as they came; nothing is known of their making."""
    op.add_column("media", sa.Column("url", sa.Text()))
    op.add_column("media", sa.Column("message_id", sa.String(128)))
    op.add_column("media", sa.Column("attempts", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("media", sa.Column("next_try_at", UtcTime()))
    op.add_column("media", sa.Column("taken_at", UtcTime()))
    op.add_column("media", sa.Column("latitude", sa.Float()))
    op.add_column("media", sa.Column("longitude", sa.Float()))
    op.add_column("media", sa.Column("shown_in", sa.String(64)))
    op.create_index("ix_media_wanted", "media", ["id"], sqlite_where=NOT_HERE, postgresql_where=NOT_HERE)
    op.create_index("ix_media_unshown", "media", ["id"], sqlite_where=UNSHOWN, postgresql_where=UNSHOWN)


def downgrade() -> None:
    """Drop the columns; the pictures stay."""
    op.drop_index("ix_media_unshown", table_name="media")
    op.drop_index("ix_media_wanted", table_name="media")
    with op.batch_alter_table("media") as batch:
        for column in COLUMNS:
            batch.drop_column(column)
