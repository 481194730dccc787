"""What citizens answered in a stretch of time is counted from an index alone."""

from __future__ import annotations

from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

NAME = "ix_satisfaction_answered"


def upgrade() -> None:
    op.drop_index(op.f(NAME), "satisfaction")
    op.create_index(op.f(NAME), "satisfaction", ["answered_at", "outcome", "disposal"])


def downgrade() -> None:
    op.drop_index(op.f(NAME), "satisfaction")
    op.create_index(op.f(NAME), "satisfaction", ["answered_at"])
