"""Let a channel be put back to an earlier moment by a restore, and keep what it is found to have said since."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# SQLite counts up only INTEGER primary keys.
BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("channels", sa.Column("rewound_to_at", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "found_words",
        sa.Column("id", BigId, nullable=False),
        sa.Column("channel_id", sa.Integer(), nullable=False),
        sa.Column("message_id", sa.String(128), nullable=False),
        sa.Column("thread_id", sa.String(128), nullable=False),
        sa.Column("reply_to_id", sa.String(128), nullable=True),
        sa.Column("numbers", sa.String(256), nullable=False, server_default=""),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["channel_id"], ["channels.id"], name=op.f("fk_found_words_channel_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_found_words")),
        sa.UniqueConstraint("channel_id", "message_id", name=op.f("uq_found_words_channel_id_message_id")),
    )
    op.create_index(
        "ix_found_words_unused",
        "found_words",
        ["thread_id"],
        unique=False,
        sqlite_where=sa.text("used_at IS NULL"),
        postgresql_where=sa.text("used_at IS NULL"),
    )
