"""Many complaints on one outage are linked: incidents, and which one a ticket is of."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table and the columns; tickets of before stand alone."""
    big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "incidents",
        sa.Column("id", big, nullable=False),
        sa.Column("category", sa.String(32), nullable=False),
        sa.Column("district", sa.String(64), nullable=False),
        sa.Column("department", sa.String(32), nullable=False),
        sa.Column("owner_post", sa.String(64), nullable=False),
        sa.Column("locality", sa.String(256), nullable=True),
        sa.Column("numbers", sa.String(256), nullable=False, server_default=""),
        sa.Column("names", sa.Text(), nullable=False, server_default=""),
        sa.Column("keys", sa.Text(), nullable=False, server_default=""),
        sa.Column("lead_id", big, nullable=True),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["owner_post"], ["posts.code"], name=op.f("fk_incidents_owner_post")),
        sa.ForeignKeyConstraint(["lead_id"], ["tickets.id"], name=op.f("fk_incidents_lead_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incidents")),
    )
    op.create_index("ix_incidents_block", "incidents", ["district", "category", "opened_at"])
    with op.batch_alter_table("tickets") as batch:
        batch.add_column(sa.Column("incident_id", big, nullable=True))
        batch.add_column(sa.Column("stands_apart", sa.Boolean(), nullable=False, server_default=sa.false()))
        batch.create_foreign_key(op.f("fk_tickets_incident_id"), "incidents", ["incident_id"], ["id"])
    op.create_index(
        "ix_tickets_incident",
        "tickets",
        ["incident_id"],
        sqlite_where=sa.text("incident_id IS NOT NULL"),
        postgresql_where=sa.text("incident_id IS NOT NULL"),
    )


def downgrade() -> None:
    """Every ticket stands alone again."""
    op.drop_index("ix_tickets_incident", "tickets")
    with op.batch_alter_table("tickets") as batch:
        batch.drop_constraint(op.f("fk_tickets_incident_id"), type_="foreignkey")
        batch.drop_column("stands_apart")
        batch.drop_column("incident_id")
    op.drop_index("ix_incidents_block", "incidents")
    op.drop_table("incidents")
