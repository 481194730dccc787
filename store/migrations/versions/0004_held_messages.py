"""Let messages be held: a state of their own, and when one was let out of the shadow."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

STATES = "'pending', 'sending', 'sent', 'retry', 'unknown', 'parked', 'cancelled', 'superseded', 'held'"


def upgrade() -> None:
    for table, column in (("outbox", "state"), ("attempts", "result")):
        name = op.f(f"ck_{table}_{column}_known")
        with op.batch_alter_table(table) as batch:
            batch.drop_constraint(name, type_="check")
            batch.create_check_constraint(name, f"{column} IN ({STATES})")
            if table == "outbox":
                batch.add_column(sa.Column("released_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "ix_outbox_held",
        "outbox",
        ["ticket_id", "id"],
        sqlite_where=sa.text("state = 'held'"),
        postgresql_where=sa.text("state = 'held'"),
    )
