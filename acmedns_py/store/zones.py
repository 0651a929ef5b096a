"""A zone's row: found or made, claimed by the holder of the lock, its cursor set above what was served before."""

from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from acmedns_py.store import changes
from acmedns_py.store.schema import MICROSECONDS, Clock, zone


async def claimed(connection: AsyncConnection, apex: bytes, clock: Clock, token: str) -> tuple[int, int]:
    """Find or make the zone's row and claim it in this transaction; gives its id and cursor.

    A zone takes part in one order with every other that this database was written for: accounts belong to no zone,
    so that changes made under another apex are changes of this one, and its serial must lie above them.
    """
    await connection.execute(update(zone).values(holder=token))
    known = (await connection.execute(select(zone.c.id, zone.c.cursor).where(zone.c.name == apex))).first()
    others = await connection.scalar(select(func.max(zone.c.cursor)).where(zone.c.name != apex)) or 0
    if known is None:
        seconds = (await connection.scalar(select(clock())) or 0) // MICROSECONDS
        cursor = max(seconds, others + 1)
        row = {"name": apex, "cursor": cursor, "holder": token}
        inserted = await connection.scalar(insert(zone).returning(zone.c.id), row)
        assert inserted is not None, "an insert gives its row's id"
        return inserted, cursor
    zone_id, cursor = known
    if others >= cursor:
        cursor = others + 1
        await jump(connection, zone_id, cursor)
    return zone_id, cursor


async def jump(connection: AsyncConnection, zone_id: int, cursor: int) -> None:
    """Set a zone's cursor without change rows that lead up to it; those that are there go."""
    await connection.execute(update(zone).where(zone.c.id == zone_id).values(cursor=cursor))
    await changes.forget(connection, zone_id)
