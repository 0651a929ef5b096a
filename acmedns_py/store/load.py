"""The whole zone as it is served, read from one moment of the database, row by row."""

from collections.abc import Iterator
from itertools import chain, groupby
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.ext.asyncio import AsyncConnection

from acmedns_py.dns.table import ChallengeTable
from acmedns_py.feed.changes import ZoneState
from acmedns_py.store.bulk import fetched
from acmedns_py.store.schema import account, txt, zone
from acmedns_py.store.transaction import Ground, static_rrsets


async def zone_state(connection: AsyncConnection, ground: Ground) -> ZoneState:
    """Everything that is served; `connection` must see one moment for all of its reads."""
    cursor = await connection.scalar(select(zone.c.cursor).where(zone.c.id == ground.zone_id))
    assert cursor is not None, "the zone's row was made when the store was opened"
    challenges = await connection.run_sync(_challenges, ground)
    return ZoneState(cursor, challenges, await static_rrsets(connection, ground))


def _challenges(connection: Connection, ground: Ground) -> ChallengeTable:
    challenges = ChallengeTable(ground.apex)
    for label, rows in groupby(_rows(connection), itemgetter(0)):
        # In the order in which they are served: by cursor, then by octets.
        values = [(written, value) for _label, written, value in rows if value is not None]
        values.sort()
        challenges.add(ground.owner(label), tuple([value for _written, value in values]))
    return challenges


def _rows(connection: Connection) -> Iterator[tuple[Any, ...]]:
    """Give (label, cursor, value) of each value and each account without values, an account's rows together."""
    query = (
        select(account.c.label, txt.c.cursor, txt.c.value)
        .outerjoin(txt, txt.c.account == account.c.id)
        # The order of the primary key, which both engines can give without sorting a million rows.
        .order_by(account.c.id)
    )
    return chain.from_iterable(fetched(connection, query))
