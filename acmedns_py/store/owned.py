"""A database taken for writing: its file is there, the lock is held, its tables are those of this program.

Whoever writes comes by here: the server for as long as it runs, a command for as long as it works.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from acmedns_py.store.engine import FOREIGN_ERRORS, Owner, Target, opening_error, prepare_file
from acmedns_py.store.lock import Lock, lock_for
from acmedns_py.store.migrate import Migrated, migrate, schema_state


@dataclass(frozen=True, slots=True)
class Owned:
    """The lock that is held, and what was done to the tables."""

    lock: Lock
    migrated: Migrated


async def take(place: Target, owner: Owner | None = None) -> Owned:
    """Take a database for writing, migrated where due; the caller then releases the lock.

    `owner` is whose SQLite's file will be where it is made now, as in `prepare_file`.

    Raises `StoreRefused` or `StoreUnavailable`, holding nothing.
    """
    if place.path is not None:
        prepare_file(place.path, owner)
    # Before anything is made beside a database that is not for us.
    await schema_state(place)
    lock = lock_for(place)
    try:
        await lock.acquire()
        migrated = await migrate(place)
        await lock.hold()
    except FOREIGN_ERRORS as error:
        await lock.release()
        raise opening_error(error, place) from error
    except BaseException:
        await lock.release()
        raise
    return Owned(lock, migrated)


@asynccontextmanager
async def owned(place: Target, owner: Owner | None = None) -> AsyncIterator[Owned]:
    """Hold a database for the block; what the database fails with in it is raised as ours, as in `take`."""
    taken = await take(place, owner)
    try:
        yield taken
    except FOREIGN_ERRORS as error:
        raise opening_error(error, place) from error
    finally:
        await taken.lock.release()
