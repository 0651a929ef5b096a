"""The tables, as SQLAlchemy Core sees them; `migrations/` makes the same ones in every database.

Owners and TXT values are octets, never text: a name of the zone is compared as RFC 4343 wants, folded, and a value
is whatever a client wrote. Times are microseconds since 1970 by the clock of the database, so that the order of two
writes does not depend on which program made them.
"""

from collections.abc import Callable
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

MICROSECONDS = 1_000_000
"""Clock ticks in a second."""

PASSWORD = "password"  # noqa: S105 - the kind of a credential, not one
"""`credential.kind` of what acme-dns calls a password."""

CHALLENGE = "challenge"
"""`change.kind` of a challenge name's values."""

STATIC = "static"
"""`change.kind` of a static RRset."""

REVISIONS = ("0001", "0002", "0003", "0004", "0005")
"""The revisions of `migrations/`, oldest first: what a database is compared with, without loading Alembic for it."""

metadata = MetaData()

# SQLite numbers rows by itself only in a column declared INTEGER, which holds 64 bits there.
_Id = BigInteger().with_variant(Integer(), "sqlite")

zone = Table(
    "zone",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("name", LargeBinary, nullable=False),
    Column("cursor", BigInteger, nullable=False),
    # Who holds the right to write; a transaction of somebody else finds out under the row's lock.
    Column("holder", Text, nullable=False),
    UniqueConstraint("name", name="zone_name"),
)

account = Table(
    "account",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("username", Text, nullable=False),
    Column("label", Text, nullable=False),
    Column("allow_from", Text, nullable=False),
    Column("disabled", Boolean, nullable=False, server_default=false()),
    Column("created_at", BigInteger, nullable=False),
    # What people call the account; nothing is looked up by it.
    Column("title", Text, nullable=False, server_default=""),
    # The last write of the account's own credential, and the address that it came from where one is known.
    Column("last_update_at", BigInteger, nullable=True),
    Column("last_update_from", Text, nullable=True),
    # Which TXT values it may hold: "acme" or "any".
    Column("txt_rule", Text, nullable=False, server_default="acme"),
    UniqueConstraint("username", name="account_username"),
    UniqueConstraint("label", name="account_label"),
    # An id that was given once is never given again, as little as a label is.
    sqlite_autoincrement=True,
)

credential = Table(
    "credential",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("account", BigInteger, ForeignKey("account.id", ondelete="CASCADE"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("verifier", Text, nullable=False),
    Column("expires", BigInteger, nullable=True),
    Index("credential_account", "account"),
    # Only what a rotation left behind expires, so that looking for it costs nothing.
    Index(
        "credential_expiry",
        "expires",
        sqlite_where=text("expires IS NOT NULL"),
        postgresql_where=text("expires IS NOT NULL"),
    ),
)

retired_label = Table(
    "retired_label",
    metadata,
    # Of an account that was deleted: a CNAME may still point to it, so nobody else may ever get it.
    Column("label", Text, nullable=False),
    PrimaryKeyConstraint("label", name="retired_label_pkey"),
    sqlite_with_rowid=False,
)

txt = Table(
    "txt",
    metadata,
    Column("account", BigInteger, ForeignKey("account.id", ondelete="CASCADE"), nullable=False),
    Column("value", LargeBinary, nullable=False),
    Column("cursor", BigInteger, nullable=False),
    Column("written_at", BigInteger, nullable=False),
    # True for all but the two latest: only these can expire, and the index below holds only these, so that a
    # look for expired values costs nothing however many accounts keep their last two for ever.
    Column("superseded", Boolean, nullable=False),
    PrimaryKeyConstraint("account", "value", name="txt_pkey"),
    Index("txt_expiry", "written_at", sqlite_where=text("superseded = 1"), postgresql_where=text("superseded")),
    sqlite_with_rowid=False,
)

static = Table(
    "static",
    metadata,
    Column("zone", BigInteger, ForeignKey("zone.id", ondelete="CASCADE"), nullable=False),
    Column("owner", LargeBinary, nullable=False),
    Column("rrtype", Integer, nullable=False),
    Column("data", LargeBinary, nullable=False),
    PrimaryKeyConstraint("zone", "owner", "rrtype", name="static_pkey"),
    sqlite_with_rowid=False,
)

change = Table(
    "change",
    metadata,
    Column("zone", BigInteger, ForeignKey("zone.id", ondelete="CASCADE"), nullable=False),
    Column("cursor", BigInteger, nullable=False),
    Column("owner", LargeBinary, nullable=False),
    Column("kind", Text, nullable=False),
    Column("rrtype", Integer, nullable=False),
    Column("before", LargeBinary, nullable=True),
    Column("after", LargeBinary, nullable=True),
    Column("committed_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("zone", "cursor", "owner", "kind", "rrtype", name="change_pkey"),
    sqlite_with_rowid=False,
)

audit = Table(
    "audit",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("actor", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("result", Text, nullable=False),
    # A JSON object; never holds a secret.
    Column("details", Text, nullable=False),
    Index("audit_at", "at"),
    sqlite_autoincrement=True,
)

token = Table(
    "token",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("name", Text, nullable=False),
    # SHA-256 in hexadecimal digits; the token itself is nowhere.
    Column("digest", Text, nullable=False),
    # Words with a blank between them.
    Column("scopes", Text, nullable=False),
    Column("sources", Text, nullable=False),
    Column("labels", Text, nullable=True),
    Column("expires_at", BigInteger, nullable=True),
    Column("uses_left", BigInteger, nullable=True),
    Column("created_at", BigInteger, nullable=False),
    Column("last_used_at", BigInteger, nullable=True),
    Column("revoked_at", BigInteger, nullable=True),
    # That of the accounts that it makes.
    Column("txt_rule", Text, nullable=False, server_default="acme"),
    UniqueConstraint("name", name="token_name"),
    UniqueConstraint("digest", name="token_digest"),
)

made_by = Table(
    "made_by",
    metadata,
    Column("account", BigInteger, ForeignKey("account.id", ondelete="CASCADE"), nullable=False),
    Column("token", BigInteger, ForeignKey("token.id"), nullable=False),
    PrimaryKeyConstraint("account", name="made_by_pkey"),
    Index("made_by_token", "token"),
    sqlite_with_rowid=False,
)

stored = Table(
    "stored",
    metadata,
    # Whose it is: what was sealed with one token can be opened with no other.
    Column("token", BigInteger, ForeignKey("token.id"), nullable=False),
    Column("domain", Text, nullable=False),
    Column("account", BigInteger, ForeignKey("account.id", ondelete="CASCADE"), nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("written_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("token", "domain", name="stored_pkey"),
    Index("stored_account", "account"),
    sqlite_with_rowid=False,
)

compatibility = Table(
    "compatibility",
    metadata,
    Column("oldest_program", Text, nullable=False),
)

imported = Table(
    "imported",
    metadata,
    # A source's name for people, without its password.
    Column("source", Text, primary_key=True),
    # What the source looked like: while it looks so, there is nothing new in it.
    Column("mark", Text, nullable=False),
    Column("imported_at", BigInteger, nullable=False),
    Column("present", BigInteger, nullable=False),
    Column("differing", BigInteger, nullable=False),
    Column("unreadable", BigInteger, nullable=False),
)


class DatabaseClock(FunctionElement[int]):
    """Now, by the database: microseconds since 1970, a 64-bit integer."""

    type = BigInteger()
    inherit_cache = True


@compiles(DatabaseClock, "sqlite")
def _sqlite_clock(_element: DatabaseClock, _compiler: SQLCompiler, **_kw: Any) -> str:
    # Fractions of a second have no shorter spelling before SQLite 3.42; 2440587.5 is 1970 as a Julian day.
    return "CAST((julianday('now') - 2440587.5) * 86400000000.0 AS INTEGER)"


@compiles(DatabaseClock, "postgresql")
def _postgresql_clock(_element: DatabaseClock, _compiler: SQLCompiler, **_kw: Any) -> str:
    # Not now(): that is the time at which the transaction began, which may be long before its row lock was had.
    return "CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)"


Clock = Callable[[], ColumnElement[int]]
"""What gives the SQL expression of the time, in microseconds since 1970."""
