"""The foundation: zone, accounts with credentials, live TXT, static records, changes.

A revision that older programs can't work with must raise `compatibility.oldest_program` to its own program's version.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables in an empty database."""
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "zone",
        sa.Column("id", number, primary_key=True),
        sa.Column("name", sa.LargeBinary, nullable=False),
        sa.Column("cursor", sa.BigInteger, nullable=False),
        sa.Column("holder", sa.Text, nullable=False),
        sa.UniqueConstraint("name", name="zone_name"),
    )
    op.create_table(
        "account",
        sa.Column("id", number, primary_key=True),
        sa.Column("username", sa.Text, nullable=False),
        sa.Column("label", sa.Text, nullable=False),
        sa.Column("allow_from", sa.Text, nullable=False),
        sa.Column("disabled", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("username", name="account_username"),
        sa.UniqueConstraint("label", name="account_label"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "credential",
        sa.Column("id", number, primary_key=True),
        sa.Column("account", sa.BigInteger, sa.ForeignKey("account.id", ondelete="CASCADE"), nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("verifier", sa.Text, nullable=False),
        sa.Column("expires", sa.BigInteger, nullable=True),
    )
    op.create_index("credential_account", "credential", ["account"])
    op.create_table(
        "txt",
        sa.Column("account", sa.BigInteger, sa.ForeignKey("account.id", ondelete="CASCADE"), nullable=False),
        sa.Column("value", sa.LargeBinary, nullable=False),
        sa.Column("cursor", sa.BigInteger, nullable=False),
        sa.Column("written_at", sa.BigInteger, nullable=False),
        sa.Column("superseded", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("account", "value", name="txt_pkey"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "txt_expiry",
        "txt",
        ["written_at"],
        sqlite_where=sa.text("superseded = 1"),
        postgresql_where=sa.text("superseded"),
    )
    op.create_table(
        "static",
        sa.Column("zone", sa.BigInteger, sa.ForeignKey("zone.id", ondelete="CASCADE"), nullable=False),
        sa.Column("owner", sa.LargeBinary, nullable=False),
        sa.Column("rrtype", sa.Integer, nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("zone", "owner", "rrtype", name="static_pkey"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "change",
        sa.Column("zone", sa.BigInteger, sa.ForeignKey("zone.id", ondelete="CASCADE"), nullable=False),
        sa.Column("cursor", sa.BigInteger, nullable=False),
        sa.Column("owner", sa.LargeBinary, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("rrtype", sa.Integer, nullable=False),
        sa.Column("before", sa.LargeBinary, nullable=True),
        sa.Column("after", sa.LargeBinary, nullable=True),
        sa.Column("committed_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("zone", "cursor", "owner", "kind", "rrtype", name="change_pkey"),
        sqlite_with_rowid=False,
    )
    compatibility = op.create_table("compatibility", sa.Column("oldest_program", sa.Text, nullable=False))
    op.bulk_insert(compatibility, [{"oldest_program": "0.1.0"}])
