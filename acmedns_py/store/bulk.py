"""Many rows at once, out of tables and into them, by the drivers' own ways: SQLAlchemy's take several times as long."""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, Select, Table, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from acmedns_py.store.engine import Target

ROWS_AT_ONCE = 5_000
"""Rows fetched in one step; between two the event loop runs."""

CACHE_KIB = 131_072
"""SQLite's memory for pages: the index of a million usernames, which come in random order, fits."""

Rows = Sequence[tuple[Any, ...]]


def fetched(connection: Connection, query: Select[Any]) -> Iterator[Rows]:
    """Give a query's rows as the driver has them, `ROWS_AT_ONCE` at a time; to be called by `run_sync`.

    The driver knows no types of SQLAlchemy's: SQLite's truths are 0 and 1.
    """
    cursor: Any = connection.connection.cursor(server_side=True)
    try:
        cursor.execute(str(query.compile(connection)))
        yield from iter(lambda: cursor.fetchmany(ROWS_AT_ONCE), [])
    finally:
        cursor.close()


async def make_room(connection: AsyncConnection, place: Target) -> None:
    """Prepare for many rows: take SQLite's right to write, and memory for its pages; first in a transaction."""
    if place.path is not None:
        await connection.exec_driver_sql("BEGIN IMMEDIATE")
        await connection.exec_driver_sql(f"PRAGMA cache_size = -{CACHE_KIB}")


async def copy_in(
    connection: AsyncConnection, place: Target, table: Table, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]
) -> None:
    """Insert rows, by COPY on PostgreSQL."""
    if not rows:
        return
    if place.path is None:
        raw = await connection.get_raw_connection()
        driver: Any = raw.driver_connection
        await driver.copy_records_to_table(table.name, columns=columns, records=rows)
        return
    marks = ", ".join("?" * len(columns))
    names = ", ".join(f'"{column}"' for column in columns)
    await connection.exec_driver_sql(f'INSERT INTO "{table.name}" ({names}) VALUES ({marks})', list(rows))  # noqa: S608 - our own names


async def take_ids(connection: AsyncConnection, place: Target, table: Table, count: int) -> list[int]:
    """Take so many ids of a table, none of which it has or, where it numbers for good, ever had."""
    if place.path is None:
        question = text("SELECT nextval(pg_get_serial_sequence(:table, 'id')) FROM generate_series(1, :count)")
        return list(await connection.scalars(question, {"table": table.name, "count": count}))
    numbered = await connection.scalar(
        text("SELECT seq FROM sqlite_sequence WHERE name = :table"), {"table": table.name}
    )
    last = max(numbered or 0, await connection.scalar(select(func.max(table.c.id))) or 0)
    return list(range(last + 1, last + 1 + count))


async def settle(connection: AsyncConnection, place: Target, tables: Sequence[Table]) -> None:
    """Tell PostgreSQL how many rows there are: until it finds out it reads whole tables for a few accounts."""
    if place.path is None:
        await connection.exec_driver_sql(f"ANALYZE {', '.join(table.name for table in tables)}")
