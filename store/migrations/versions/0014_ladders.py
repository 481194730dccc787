"""Departments whose ladder is not the usual one."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """All have the usual one until a file says otherwise."""
    op.create_table(
        "ladders",
        sa.Column("department", sa.String(32), nullable=False),
        sa.Column("roles", sa.String(128), nullable=False),
        sa.PrimaryKeyConstraint("department", name=op.f("pk_ladders")),
    )


def downgrade() -> None:
    """All have the usual one again."""
    op.drop_table("ladders")
