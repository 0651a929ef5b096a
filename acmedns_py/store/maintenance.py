"""What an operator asks of a database while no server runs on it (upgrade), or at any time (check)."""

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from acmedns_py.errors import StoreRefused
from acmedns_py.store.engine import FOREIGN_ERRORS, Owner, Target, Use, file_exists, opening_error, snapshot
from acmedns_py.store.home import home
from acmedns_py.store.migrate import Migrated, schema_state
from acmedns_py.store.owned import owned
from acmedns_py.store.schema import account

WHOLE = "ok"
"""What SQLite's integrity check says of a database without damage."""


@dataclass(frozen=True, slots=True)
class Report:
    """What was found: `revision` is None where there are no tables yet, `waiting` one that the database is to come to.

    `damage` is the first that there is.
    """

    database: str
    revision: str | None
    waiting: str | None = None
    damage: str | None = None
    accounts: int = 0

    @property
    def good(self) -> bool:
        """Whether the database may be used as it is."""
        return self.revision is not None and self.waiting is None and self.damage is None


async def upgrade(url: str, *, owner: Owner | None = None) -> tuple[Target, Migrated]:
    """Migrate a database under the exclusive lock, or make it, for `owner`; gives where it is, and what was done.

    Raises `StoreRefused`, `StoreUnavailable`.
    """
    place = (await home(url)).place
    async with owned(place, owner) as taken:
        return place, taken.migrated


async def check(url: str) -> Report:
    """Look at a database without changing it, also while a server runs; raises `StoreRefused`, `StoreUnavailable`."""
    place = (await home(url)).place
    # Looking at SQLite's file would make it.
    _require_file(place)
    found = await schema_state(place)
    if found.revision is None:
        return Report(place.name, None, waiting=found.head)
    try:
        async with snapshot(place, Use.LOOK) as connection:
            damage = await _damage(connection, place)
            accounts = await connection.scalar(select(func.count()).select_from(account))
    except FOREIGN_ERRORS as error:
        raise opening_error(error, place) from error
    return Report(place.name, found.revision, found.head if found.due else None, damage, accounts or 0)


async def require_tables(url: str) -> Target:
    """Give the place of our tables; refuses what the first start has yet to make, or to take over from acme-dns.

    Raises `StoreRefused`, `StoreUnavailable`.
    """
    found = await home(url)
    if found.acme_dns is not None and found.begins:
        raise StoreRefused(
            f"{found.acme_dns.name} is a database of acme-dns that has not been taken over; acmedns serve does that, "
            "start it first"
        )
    _require_file(found.place)
    return found.place


def _require_file(place: Target) -> None:
    if place.path is not None and not file_exists(place.path):
        raise StoreRefused(f"database file {place.path} does not exist; acmedns serve or acmedns db upgrade makes it")


async def _damage(connection: AsyncConnection, place: Target) -> str | None:
    """Give SQLite's first finding. PostgreSQL looks after itself: that it answers is what can be asked of it here."""
    if place.path is None:
        return None
    first = (await connection.exec_driver_sql("PRAGMA integrity_check(1)")).scalar_one()
    return None if first == WHOLE else str(first)
