"""Which accounts hold values that have left the window, by the database's clock.

Expiry is a write like any other: the writer settles these accounts' values and commits the change, so that workers,
which know no window, never differ from the store.
"""

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from acmedns_py.store.live import Rule
from acmedns_py.store.schema import MICROSECONDS, Clock, txt, zone

MOST_VALUES = 5_000
"""Values looked at in one commit; the next follows a second later."""


def due_accounts(rule: Rule, now: int) -> Select[tuple[int]]:
    """The question for the accounts of some values that must go; the index `txt_expiry` holds all that it looks at.

    Not DISTINCT: SQLite would then go through the whole table in the order of accounts.
    """
    return (
        select(txt.c.account)
        .where(txt.c.superseded, txt.c.written_at < rule.oldest_within(now))
        .order_by(txt.c.written_at)
        .limit(MOST_VALUES)
    )


async def due(connection: AsyncConnection, rule: Rule, now: int) -> set[int]:
    """Some accounts with values that must go."""
    return set(await connection.scalars(due_accounts(rule, now)))


async def work_waits(connection: AsyncConnection, zone_id: int, published: int, rule: Rule, clock: Clock) -> bool:
    """Whether the writer should look: a value to expire, or a commit that was not published. Takes no lock."""
    oldest = clock() - rule.window_seconds * MICROSECONDS
    expired = select(txt.c.account).where(txt.c.superseded, txt.c.written_at < oldest).exists()
    row = (await connection.execute(select(zone.c.cursor, expired).where(zone.c.id == zone_id))).one()
    return row[0] != published or bool(row[1])
