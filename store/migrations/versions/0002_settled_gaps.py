"""Let a gap be marked as dealt with: when, and by which code of the person who looked."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("gaps", sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("gaps", sa.Column("settled_why", sa.String(64), nullable=True))
