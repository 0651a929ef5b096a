"""Writes all that a database holds to a backup: one moment of it, while a server may be writing on.

The moment is a read transaction's: SQLite keeps what is written meanwhile in its log, PostgreSQL in its tables.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import IO

from sqlalchemy import Connection, func, select

from acmedns_py.errors import StoreRefused
from acmedns_py.store import rows
from acmedns_py.store.backup_file import FORMAT, Header, Sink
from acmedns_py.store.bulk import fetched, numbered
from acmedns_py.store.engine import FOREIGN_ERRORS, Target, Use, opening_error, snapshot
from acmedns_py.store.maintenance import require_tables
from acmedns_py.store.migrate import program_version, schema_state
from acmedns_py.store.schema import DatabaseClock, audit, zone

Out = Callable[[], AbstractContextManager[IO[bytes]]]
"""Opens where a backup goes, once there is a database to write one of."""


async def back_up(url: str, *, zone_name: str, out: Out, name: str, with_audit: bool = True) -> Header:
    """Write a backup of the database to `out`, which people know by `name`; gives its header.

    Raises `StoreRefused`, `StoreUnavailable`, or `BackupRefused` where it can't be written.
    """
    return await copy_out(await require_tables(url), zone_name=zone_name, out=out, name=name, with_audit=with_audit)


async def copy_out(place: Target, *, zone_name: str, out: Out, name: str, with_audit: bool = True) -> Header:
    """Do the same for a place that is known."""
    found = await schema_state(place)
    if found.revision != found.head:
        cure = (
            "run acmedns db upgrade" if found.due else f"let the program back it up that has revision {found.revision}"
        )
        raise StoreRefused(f"{place.name} is not of this program's revision {found.head}; {cure}")
    try:
        async with snapshot(place, Use.LOOK) as connection:
            header = Header(
                format=FORMAT,
                program=program_version(),
                revision=found.head,
                zone=zone_name,
                # The highest: changes made under another name of the zone are changes of this one.
                cursor=await connection.scalar(select(func.max(zone.c.cursor))) or 0,
                made_at=await connection.scalar(select(DatabaseClock())) or 0,
                counts={
                    called: await connection.scalar(select(func.count()).select_from(table)) or 0
                    for called, table in rows.BY_NAME.items()
                    if with_audit or table is not audit
                },
                numbered=await numbered(connection, place),
            )
            with out() as file:
                sink = Sink(file, name, header)
                await connection.run_sync(_tables, sink, header)
                sink.end()
    except FOREIGN_ERRORS as error:
        raise opening_error(error, place) from error
    return header


def _tables(connection: Connection, sink: Sink, header: Header) -> None:
    for name in header.counts:
        table = rows.BY_NAME[name]
        for batch in fetched(connection, select(table).order_by(*table.primary_key.columns)):
            sink.write(rows.encoded(table, batch), len(batch))
