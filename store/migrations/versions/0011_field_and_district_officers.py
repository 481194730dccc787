"""Field officers, who are sent, and district nodal officers, who stand over all departments of a district."""

from __future__ import annotations

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

OLD_ROLES = "'nodal_officer', 'district_head', 'department_head', 'cmo_desk', 'cmo_viewer'"
ROLES = (
    "'field_officer', 'nodal_officer', 'district_nodal', 'district_head', 'department_head', 'cmo_desk', 'cmo_viewer'"
)


def upgrade() -> None:
    _allow(ROLES, "'cmo_desk','cmo_viewer','district_nodal'")


def downgrade() -> None:
    """Posts of the new roles must be abolished first: the older tables have no place for them."""
    _allow(OLD_ROLES, "'cmo_desk','cmo_viewer'")


def _allow(roles: str, without_department: str) -> None:
    known, department = op.f("ck_posts_role_known"), op.f("ck_posts_a_department_or_the_cmo")
    with op.batch_alter_table("posts") as batch:
        batch.drop_constraint(known, type_="check")
        batch.drop_constraint(department, type_="check")
        batch.create_check_constraint(known, f"role IN ({roles})")
        batch.create_check_constraint(department, f"(department IS NULL) = (role IN ({without_department}))")
