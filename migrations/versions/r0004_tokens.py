"""Registration tokens, and which accounts they made.

Older programs can work with it: to them registration is open or off, and both tables are nothing to them.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the two tables, empty."""
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "token",
        sa.Column("id", number, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("scopes", sa.Text, nullable=False),
        sa.Column("sources", sa.Text, nullable=False),
        sa.Column("labels", sa.Text, nullable=True),
        sa.Column("expires_at", sa.BigInteger, nullable=True),
        sa.Column("uses_left", sa.BigInteger, nullable=True),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("last_used_at", sa.BigInteger, nullable=True),
        sa.Column("revoked_at", sa.BigInteger, nullable=True),
        sa.UniqueConstraint("name", name="token_name"),
        sa.UniqueConstraint("digest", name="token_digest"),
    )
    op.create_table(
        "made_by",
        sa.Column("account", sa.BigInteger, sa.ForeignKey("account.id", ondelete="CASCADE"), nullable=False),
        sa.Column("token", sa.BigInteger, sa.ForeignKey("token.id"), nullable=False),
        sa.PrimaryKeyConstraint("account", name="made_by_pkey"),
        sqlite_with_rowid=False,
    )
    op.create_index("made_by_token", "made_by", ["token"])
