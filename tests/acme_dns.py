"""Databases that acme-dns itself has written (tests/data/acme_dns), put where a test may use them, and what is in them.

`NAME.accounts.jsonl` has each account's password and the values that must be live.
"""

import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.postgres import Postgres

DATA = Path(__file__).parent / "data" / "acme_dns"
SQLITE = ("v0-schema", "v0.8", "v2.0.2")
POSTGRESQL = "v2.0.2.postgres"
NAMES = (*SQLITE, POSTGRESQL)

RECORDS = """CREATE TABLE records(Username TEXT UNIQUE NOT NULL PRIMARY KEY, Password TEXT UNIQUE NOT NULL,
Subdomain TEXT UNIQUE NOT NULL, AllowFrom TEXT)"""
FIRST_RECORDS = """CREATE TABLE records(Username TEXT UNIQUE NOT NULL PRIMARY KEY, Password TEXT UNIQUE NOT NULL,
Subdomain TEXT UNIQUE NOT NULL, Value TEXT, LastActive INT, AllowFrom TEXT)"""
VERSIONS = "CREATE TABLE acmedns(Name TEXT, Value TEXT)"
TXT = "CREATE TABLE txt(Subdomain TEXT NOT NULL, Value TEXT NOT NULL DEFAULT '', LastUpdate INT)"
TABLES = {
    "db_version 0": [FIRST_RECORDS],
    "db_version 1": [VERSIONS, "INSERT INTO acmedns VALUES ('db_version', '1')", RECORDS, TXT],
    "interrupted": [VERSIONS, TXT],
}
"""What each form's tables are made by."""

Account = dict[str, Any]


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    """A folder of acme-dns's own."""
    (tmp_path / "theirs").mkdir()
    return tmp_path / "theirs"


@pytest.fixture
def foreign(postgres: Postgres) -> Iterator[str]:
    """The name of an empty database for acme-dns."""
    name = postgres.make_database()
    yield name
    postgres.drop_database(name)


def accounts(name: str) -> list[Account]:
    """Give what its users know of the accounts in a database."""
    return [json.loads(line) for line in (DATA / f"{name}.accounts.jsonl").read_text().splitlines()]


def put(name: str, folder: Path, postgres: Postgres | None = None, database: str = "") -> str:
    """Put the database into a folder, or into an empty one of PostgreSQL; gives its URL as acme-dns writes it."""
    if name != POSTGRESQL:
        shutil.copyfile(DATA / f"{name}.sqlite", folder / "acme-dns.db")
        return f"sqlite:///{folder}/acme-dns.db"
    assert postgres is not None, "a dump needs a server"
    # psql's own commands are for a dump that it reads from a file.
    lines = (DATA / f"{name}.sql").read_text().splitlines()
    postgres.sql("\n".join(line for line in lines if not line.startswith("\\")), database)
    return f"{postgres.url(database)}?sslmode=disable"


def written(path: Path, *statements: str | tuple[str, tuple[Any, ...]], form: str = "db_version 1") -> str:
    """Make a SQLite database of a form, with these statements behind; gives its URL."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in (*TABLES.get(form, ()), *statements):
            if isinstance(statement, str):
                connection.execute(statement)
            else:
                connection.execute(*statement)
    return f"sqlite:///{path}"
