"""A message remembers in which list it was told, when quiet news of a desk is gathered."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column and the way from a list to its parts; no row has one yet."""
    op.add_column("outbox", sa.Column("gathered_into", sa.BigInteger().with_variant(sa.Integer(), "sqlite")))
    op.create_index(
        "ix_outbox_gathered",
        "outbox",
        ["gathered_into"],
        sqlite_where=sa.text("gathered_into IS NOT NULL"),
        postgresql_where=sa.text("gathered_into IS NOT NULL"),
    )


def downgrade() -> None:
    """Drop both: what was told in a list stays superseded."""
    op.drop_index("ix_outbox_gathered", "outbox")
    with op.batch_alter_table("outbox") as batch:
        batch.drop_column("gathered_into")
