"""A zone's static RRsets in SQL: read whole, and made what the configuration says."""

from sqlalchemy import delete, insert, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from acmedns_py.feed.changes import StaticChange, StaticData
from acmedns_py.store import changes
from acmedns_py.store.schema import static


async def found(connection: AsyncConnection, zone_id: int) -> dict[tuple[bytes, int], StaticData]:
    """The zone's static RRsets."""
    rows = await connection.execute(
        select(static.c.owner, static.c.rrtype, static.c.data).where(static.c.zone == zone_id)
    )
    return {(owner, rrtype): changes.static_data(data) for owner, rrtype, data in rows}


async def replace(
    connection: AsyncConnection, zone_id: int, rrsets: dict[tuple[bytes, int], StaticData]
) -> tuple[StaticChange, ...]:
    """Make the zone's static RRsets these; gives the difference."""
    difference = changes.static_difference(await found(connection, zone_id), rrsets)
    if difference:
        await connection.execute(
            delete(static).where(
                static.c.zone == zone_id,
                tuple_(static.c.owner, static.c.rrtype).in_([(one.owner, one.rrtype) for one in difference]),
            )
        )
    kept = [
        {"zone": zone_id, "owner": one.owner, "rrtype": one.rrtype, "data": changes.encoded(one.after)}
        for one in difference
        if one.after is not None
    ]
    if kept:
        await connection.execute(insert(static), kept)
    return difference
