"""A million accounts of acme-dns taken over: how long it takes, and what memory of the program at the most."""

import asyncio
import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import asyncpg  # type: ignore[import-untyped]

from benchmarks import commands, zones
from benchmarks.commands import Ran, configure
from benchmarks.many import MANY, VALUES
from benchmarks.report import Row, Settings, table

_BCRYPT = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_TABLES = """
CREATE TABLE acmedns(Name TEXT, Value TEXT);
INSERT INTO acmedns VALUES ('db_version', '1');
CREATE TABLE records(Username TEXT UNIQUE NOT NULL PRIMARY KEY, Password TEXT UNIQUE NOT NULL,
Subdomain TEXT UNIQUE NOT NULL, AllowFrom TEXT);
CREATE TABLE txt({rowid}Subdomain TEXT NOT NULL, Value TEXT NOT NULL DEFAULT '', LastUpdate INT);
"""
"""As acme-dns makes them."""


def run(settings: Settings) -> list[Row]:
    """Import into an empty database and again, on each engine; without PostgreSQL on SQLite alone."""
    recipe = zones.Recipe(settings.many, VALUES)
    config = settings.folder / "config.toml"
    runs: dict[str, tuple[Ran, Ran]] = {}
    source = settings.folder / "acme-dns.db"
    _fill_sqlite(source, recipe)
    configure(config, f"sqlite:///{settings.folder}/acmedns.db")
    runs["SQLite"] = _import(str(source), config), _import(str(source), config)
    with commands.postgresql() as server:
        if server is not None:
            theirs, ours = server.url(server.make_database()), server.url(server.make_database())
            asyncio.run(_fill_postgresql(theirs, recipe))
            configure(config, ours)
            url = f"{theirs}?sslmode=disable"
            runs["PostgreSQL"] = _import(url, config), _import(url, config)
    lines = [
        (engine, f"{first.seconds:.0f}", f"{again.seconds:.0f}", f"{max(first.peak_mib, again.peak_mib):.0f}")
        for engine, (first, again) in runs.items()
    ]
    print(f"\n{settings.many:,} accounts of acme-dns with {VALUES} values, taken over into the same engine")
    print(table(("engine", "seconds", "seconds, all there", "MiB at most"), lines))
    whole = settings.many >= MANY
    rows = []
    for engine, (first, again) in runs.items():
        peak = max(first.peak_mib, again.peak_mib)
        what = f"import of {settings.many:,} accounts, {engine}"
        rows.append(Row(what, first.seconds, " s", *((180, 90) if whole else (None, None)), at_most=True))
        rows.append(Row(f"{what}, memory", peak, " MiB", *((512, 256) if whole else (None, None)), at_most=True))
    return rows


def _import(source: str, config: Path) -> Ran:
    return commands.run("import", "acme-dns", source, "-c", config)


def _rows(recipe: zones.Recipe) -> Iterator[tuple[tuple[str, str, str, str], list[tuple[str, str, int]]]]:
    """Yield each account's row and those of its values."""
    source = random.Random(9)  # noqa: S311 - repeatable on purpose
    for username, (label, values) in zip(zones.usernames(recipe.accounts), recipe.rows(), strict=True):
        password = f"$2a$10${''.join(source.choices(_BCRYPT, k=53))}"
        yield (
            (username, password, label, "[]"),
            [(label, value, 1_700_000_000 + rank) for rank, value in enumerate(values)],
        )


def _fill_sqlite(path: Path, recipe: zones.Recipe) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.executescript(f"PRAGMA synchronous = OFF;{_TABLES.format(rowid='')}BEGIN;")
        for record, values in _rows(recipe):
            connection.execute("INSERT INTO records VALUES (?, ?, ?, ?)", record)
            connection.executemany("INSERT INTO txt VALUES (?, ?, ?)", values)
        connection.execute("COMMIT")


async def _fill_postgresql(url: str, recipe: zones.Recipe) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(_TABLES.format(rowid="rowid SERIAL, "))
        await connection.copy_records_to_table("records", records=(record for record, _ in _rows(recipe)))
        values = (value for _, values in _rows(recipe) for value in values)
        await connection.copy_records_to_table("txt", records=values, columns=["subdomain", "value", "lastupdate"])
        await connection.execute("ANALYZE")
    finally:
        await connection.close()
