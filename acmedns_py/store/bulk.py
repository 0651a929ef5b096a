"""Many rows at once, out of tables and into them, by the drivers' own ways: SQLAlchemy's take several times as long."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Select, Table, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from acmedns_py.store.engine import Target
from acmedns_py.store.schema import metadata

ROWS_AT_ONCE = 5_000
"""Rows fetched in one step; between two the event loop runs."""

CACHE_KIB = 131_072
"""SQLite's memory for pages: the index of a million usernames, which come in random order, fits."""

NUMBERED = frozenset(
    str(table.name) for table in metadata.sorted_tables if table.dialect_options["sqlite"]["autoincrement"]
)
"""Tables that give no number twice; those of others are free again with their row, on SQLite."""

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


async def numbered(connection: AsyncConnection, place: Target) -> dict[str, int]:
    """Give the highest number that each table which numbers for good has given; one that has given none is left out."""
    if place.path is None:
        question = text(
            "SELECT called, pg_sequence_last_value(pg_get_serial_sequence(called, 'id')::regclass)"
            " FROM unnest(CAST(:tables AS text[])) AS called"
        )
        found = await connection.execute(question, {"tables": list(NUMBERED)})
    else:
        found = await connection.execute(text("SELECT name, seq FROM sqlite_sequence"))
    return {name: number for name, number in found if name in NUMBERED and number}


async def number_on(connection: AsyncConnection, place: Target, given: Mapping[str, int]) -> None:
    """Let the tables number on above their rows and above what was `given` elsewhere, and never back."""
    if place.path is None:
        for name, table in metadata.tables.items():
            if "id" in table.columns:
                await connection.execute(
                    text(
                        f"SELECT setval(numbers, greatest(nextval(numbers), (SELECT max(id) FROM {name}), :given))"  # noqa: S608 - ours
                        f" FROM (SELECT pg_get_serial_sequence('{name}', 'id')::regclass AS numbers) AS found"
                    ),
                    {"given": given.get(name, 0)},
                )
        return
    for name, number in given.items():
        here = {"name": name, "number": number}
        await connection.execute(
            text(
                "INSERT INTO sqlite_sequence (name, seq) SELECT :name, 0"
                " WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = :name)"
            ),
            here,
        )
        await connection.execute(
            text("UPDATE sqlite_sequence SET seq = :number WHERE name = :name AND seq < :number"), here
        )


async def settle(connection: AsyncConnection, place: Target, tables: Sequence[Table]) -> None:
    """Tell PostgreSQL how many rows there are: until it finds out it reads whole tables for a few accounts."""
    if place.path is None:
        await connection.exec_driver_sql(f"ANALYZE {', '.join(table.name for table in tables)}")
