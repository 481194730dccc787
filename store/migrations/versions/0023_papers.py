"""An edition goes out with pictures and papers: what they are made of, and their bytes until they are sent."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from store.columns import UtcTime

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

UNFINISHED = sa.text("next_try_at IS NOT NULL")


def upgrade() -> None:
    """Editions that went before have no papers."""
    op.create_table(
        "edition_forms",
        sa.Column("step_id", sa.String(128), nullable=False),
        sa.Column("channel_id", sa.Integer(), nullable=False),
        sa.Column("chat_id", sa.String(64), nullable=False),
        sa.Column("topic_id", sa.String(32), nullable=True),
        sa.Column("sheet", sa.Text(), nullable=False),
        sa.Column("by_mail", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("next_try_at", UtcTime(), nullable=True),
        sa.Column("error", sa.String(512), nullable=True),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.CheckConstraint("tries >= 0", name=op.f("ck_edition_forms_tries_not_negative")),
        sa.ForeignKeyConstraint(["channel_id"], ["channels.id"], name=op.f("fk_edition_forms_channel_id")),
        sa.PrimaryKeyConstraint("step_id", name=op.f("pk_edition_forms")),
    )
    op.create_index(
        "ix_edition_forms_due",
        "edition_forms",
        ["next_try_at"],
        sqlite_where=UNFINISHED,
        postgresql_where=UNFINISHED,
    )
    op.create_table(
        "papers",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("step_id", sa.String(160), nullable=False),
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("media_type", sa.String(128), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_papers")),
        sa.UniqueConstraint("step_id", "name", name=op.f("uq_papers_step_id_name")),
    )


def downgrade() -> None:
    """Papers not yet sent go with their table."""
    op.drop_table("papers")
    op.drop_index("ix_edition_forms_due", table_name="edition_forms")
    op.drop_table("edition_forms")
