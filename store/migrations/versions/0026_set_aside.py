"""What was set aside for a person is found without looking at everything ever heard and said."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name, table, column, words in (
        ("ix_inbox_parked", "inbox", "id", "state = 'parked'"),
        ("ix_outbox_set_aside", "outbox", "state", "state IN ('parked', 'unknown')"),
    ):
        where = sa.text(words)
        op.create_index(op.f(name), table, [column], sqlite_where=where, postgresql_where=where)


def downgrade() -> None:
    op.drop_index(op.f("ix_outbox_set_aside"), "outbox")
    op.drop_index(op.f("ix_inbox_parked"), "inbox")
