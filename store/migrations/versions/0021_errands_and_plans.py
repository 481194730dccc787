"""Errands beside the owner, plans for a later day, notes for colleagues, and in which chair a report was written."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

SPEAKERS = "'citizen','stranger','officer','human','quoted'"
WITH_NOTES = "'citizen','stranger','officer','note','human','quoted'"
NOT_NEGATIVE = "ck_tickets_planned_turn_not_negative"


def upgrade() -> None:
    op.add_column("tickets", sa.Column("errands", sa.Text(), nullable=False, server_default=""))
    op.add_column("tickets", sa.Column("planned_until_at", sa.DateTime(timezone=True), nullable=True))
    with op.batch_alter_table("tickets") as batch:
        batch.add_column(sa.Column("planned_turn", sa.Integer(), nullable=False, server_default="0"))
        batch.create_check_constraint(op.f(NOT_NEGATIVE), "planned_turn >= 0")
    op.add_column("drafts", sa.Column("post", sa.String(64)))
    _let_speak(WITH_NOTES)


def downgrade() -> None:
    """Notes are an office's own words, and stand there as such again."""
    op.execute("UPDATE transcript SET speaker = 'officer' WHERE speaker = 'note'")
    _let_speak(SPEAKERS)
    with op.batch_alter_table("drafts") as batch:
        batch.drop_column("post")
    with op.batch_alter_table("tickets") as batch:
        batch.drop_constraint(op.f(NOT_NEGATIVE), type_="check")
        for column in ("planned_turn", "planned_until_at", "errands"):
            batch.drop_column(column)


def _let_speak(speakers: str) -> None:
    known = op.f("ck_transcript_speaker_known")
    with op.batch_alter_table("transcript") as batch:
        batch.drop_constraint(known, type_="check")
        batch.create_check_constraint(known, f"speaker IN ({speakers})")
