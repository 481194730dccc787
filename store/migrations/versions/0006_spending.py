"""What a channel has spent since the day or month began is counted without reading whole tables."""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_inbox_received", "inbox", ["channel_id", "received_at"])
    op.create_index("ix_attempts_at", "attempts", ["at"])
