"""What an operator asks of a database while no server runs on it (upgrade), or at any time (check, tokens)."""

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from acmedns_py.accounts.ports import Token
from acmedns_py.errors import StoreRefused
from acmedns_py.store.engine import FOREIGN_ERRORS, Target, Use, file_exists, opening_error, snapshot
from acmedns_py.store.home import home
from acmedns_py.store.migrate import schema_state
from acmedns_py.store.owned import owned
from acmedns_py.store.schema import account
from acmedns_py.store.tokens import listed

WHOLE = "ok"
"""What SQLite's integrity check says of a database without damage."""


@dataclass(frozen=True, slots=True)
class Report:
    """What was found, line by line for people, and whether the database may be used as it is."""

    lines: tuple[str, ...]
    good: bool


async def upgrade(url: str) -> tuple[str, ...]:
    """Migrate a database under the exclusive lock; gives what was done. Raises `StoreRefused`, `StoreUnavailable`."""
    place = (await home(url)).place
    async with owned(place) as taken:
        done = taken.migrated
    copy = (f"copied before to {done.backup}",) if done.backup else ()
    if done.migrated:
        return *copy, f"{place.name}: brought to revision {done.revision}"
    return (f"{place.name}: revision {done.revision}, nothing to do",)


async def check(url: str) -> Report:
    """Look at a database without changing it, also while a server runs; raises `StoreRefused`, `StoreUnavailable`."""
    place = await require_file(url)
    found = await schema_state(place)
    if found.revision is None:
        return Report((f"{place.name}: empty; acmedns serve or acmedns db upgrade makes the tables",), good=False)
    try:
        async with snapshot(place, Use.LOOK) as connection:
            damage = await _damage(connection, place)
            accounts = await connection.scalar(select(func.count()).select_from(account))
    except FOREIGN_ERRORS as error:
        raise opening_error(error, place) from error
    current = "up to date" if not found.due else f"not up to date: revision {found.head} waits, run acmedns db upgrade"
    return Report(
        (
            f"engine: {place.name}",
            f"revision: {found.revision} ({current})",
            f"integrity: {damage or WHOLE}",
            f"accounts: {accounts}",
        ),
        good=not found.due and damage is None,
    )


async def require_file(url: str) -> Target:
    """Give the place of our tables; refuses an SQLite file that is missing, since looking at it would create it.

    Raises `StoreRefused`.
    """
    place = (await home(url)).place
    if place.path is not None and not file_exists(place.path):
        raise StoreRefused(f"database file {place.path} does not exist; acmedns serve or acmedns db upgrade makes it")
    return place


async def tokens(url: str) -> list[tuple[Token, int]]:
    """All registration tokens by name, each with the number of its accounts; also while a server runs.

    Raises `StoreRefused`, `StoreUnavailable`.
    """
    place = await require_file(url)
    if (await schema_state(place)).due:
        raise StoreRefused(f"{place.name} is not up to date; run acmedns db upgrade")
    try:
        async with snapshot(place, Use.LOOK) as connection:
            return await listed(connection)
    except FOREIGN_ERRORS as error:
        raise opening_error(error, place) from error


async def _damage(connection: AsyncConnection, place: Target) -> str | None:
    """Give SQLite's first finding. PostgreSQL looks after itself: that it answers is what can be asked of it here."""
    if place.path is None:
        return None
    first = (await connection.exec_driver_sql("PRAGMA integrity_check(1)")).scalar_one()
    return None if first == WHOLE else str(first)
