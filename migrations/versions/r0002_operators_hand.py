"""The operator's hand: what an account is called and when it was used, labels never given again, the audit log."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add columns and tables; programs that don't know them go on as before."""
    op.add_column("account", sa.Column("title", sa.Text, nullable=False, server_default=""))
    op.add_column("account", sa.Column("last_update_at", sa.BigInteger, nullable=True))
    op.add_column("account", sa.Column("last_update_from", sa.Text, nullable=True))
    op.create_index(
        "credential_expiry",
        "credential",
        ["expires"],
        sqlite_where=sa.text("expires IS NOT NULL"),
        postgresql_where=sa.text("expires IS NOT NULL"),
    )
    op.create_table(
        "retired_label",
        sa.Column("label", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("label", name="retired_label_pkey"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "audit",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("result", sa.Text, nullable=False),
        sa.Column("details", sa.Text, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("audit_at", "audit", ["at"])
