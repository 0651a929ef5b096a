"""Which TXT values an account may hold, and accounts that clients store here for themselves.

A program that does not know the rule lets lasting values expire like others; none was released.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the rule to accounts and tokens, and the table, empty."""
    for table in ("account", "token"):
        op.add_column(table, sa.Column("txt_rule", sa.Text, nullable=False, server_default="acme"))
    op.create_table(
        "stored",
        sa.Column("token", sa.BigInteger, sa.ForeignKey("token.id"), nullable=False),
        sa.Column("domain", sa.Text, nullable=False),
        sa.Column("account", sa.BigInteger, sa.ForeignKey("account.id", ondelete="CASCADE"), nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("written_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("token", "domain", name="stored_pkey"),
        sqlite_with_rowid=False,
    )
    op.create_index("stored_account", "stored", ["account"])
