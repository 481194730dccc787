"""How much one account posted lately is looked up without reading the whole inbox."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_inbox_actor", "inbox", ["actor_key", "occurred_at"])
