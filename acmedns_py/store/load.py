"""The whole zone as it is served, read from one moment of the database, row by row."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from acmedns_py.feed.changes import Values, ZoneState
from acmedns_py.store.schema import account, txt, zone
from acmedns_py.store.transaction import Ground, static_rrsets

ROWS_AT_ONCE = 5_000
"""Rows fetched in one step; between two the event loop runs."""


async def zone_state(connection: AsyncConnection, ground: Ground) -> ZoneState:
    """Everything that is served; `connection` must see one moment for all of its reads."""
    cursor = await connection.scalar(select(zone.c.cursor).where(zone.c.id == ground.zone_id))
    assert cursor is not None, "the zone's row was made when the store was opened"
    challenges: dict[bytes, Values] = {}
    rows = await connection.stream(
        select(account.c.label, txt.c.cursor, txt.c.value)
        .outerjoin(txt, txt.c.account == account.c.id)
        # The order of the primary key, which both engines can give without sorting a million rows.
        .order_by(account.c.id),
        execution_options={"yield_per": ROWS_AT_ONCE},
    )
    current = b""
    values: list[tuple[int, bytes]] = []
    async for chunk in rows.partitions():
        for label, written, value in chunk:
            owner = ground.owner(label)
            if owner != current:
                if current:
                    challenges[current] = _in_served_order(values)
                current, values = owner, []
            if value is not None:
                values.append((written, value))
    if current:
        challenges[current] = _in_served_order(values)
    return ZoneState(cursor, challenges, await static_rrsets(connection, ground))


def _in_served_order(values: list[tuple[int, bytes]]) -> Values:
    return tuple(value for _cursor, value in sorted(values))
