"""A citizen may object once to a rejection, and another person than the one who rejected decides."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Who rejected stands in the history; nothing has been objected to yet."""
    op.add_column("tickets", sa.Column("rejected_by", sa.Integer()))
    op.add_column("tickets", sa.Column("objected_at", sa.DateTime(timezone=True)))
    op.add_column("tickets", sa.Column("objection_settled_at", sa.DateTime(timezone=True)))
    last = (
        "SELECT e.officer_id FROM events e WHERE e.ticket_id = tickets.id AND e.kind = 'rejected' "
        "ORDER BY e.id DESC LIMIT 1"
    )
    op.execute(f"UPDATE tickets SET rejected_by = ({last}) WHERE status = 'rejected'")  # noqa: S608 no input in it


def downgrade() -> None:
    """Drop the columns; objections are plain additions again."""
    with op.batch_alter_table("tickets") as batch:
        for name in ("objection_settled_at", "objected_at", "rejected_by"):
            batch.drop_column(name)
