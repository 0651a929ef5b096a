"""Where our tables live for a configured URL: in that database, or beside acme-dns's where it is one of acme-dns's.

acme-dns's tables stay as they are, so that going back is starting acme-dns again. On SQLite ours are in a file of
their own next to its file, on PostgreSQL in a schema of their own: both have a table `txt`. Once they are there they
are used, whatever became of acme-dns's: who drops those must not find an empty server.
"""

from dataclasses import dataclass

from sqlalchemy import Connection, inspect

from acmedns_py.store.acme_dns import holds_acme_dns, is_acme_dns_file
from acmedns_py.store.engine import (
    FOREIGN_ERRORS,
    Target,
    Use,
    connect,
    file_exists,
    in_schema,
    opening_error,
    sqlite_file,
    target,
)

SCHEMA = "acmedns_py_tables"
"""Not the name of any role: PostgreSQL looks into a schema of the role's name first, and acme-dns would find our tables
there."""

SUFFIX = ".acmedns-py.db"


@dataclass(frozen=True, slots=True)
class Home:
    """Where our tables are or will be, and the acme-dns database that they stand beside, if there is one.

    `begins` says that they are not there yet.
    """

    place: Target
    acme_dns: Target | None = None
    begins: bool = False


async def home(url: str) -> Home:
    """Look where a URL leads; makes nothing. Raises `StoreRefused` or `StoreUnavailable`."""
    place = target(url)
    if place.path is None:
        return await _postgresql(place)
    own = place.path.with_name(place.path.name + SUFFIX)
    # First by the name that people know, so that it is the one they read of where nothing may be looked at.
    theirs = file_exists(place.path) and await is_acme_dns_file(place)
    ours = file_exists(own)
    if theirs or ours:
        return Home(sqlite_file(own), place if theirs else None, begins=not ours)
    return Home(place)


async def _postgresql(place: Target) -> Home:
    engine = connect(place, Use.LOOK)
    try:
        async with engine.connect() as connection:
            theirs, ours = await connection.run_sync(_found)
    except FOREIGN_ERRORS as error:
        raise opening_error(error, place) from error
    finally:
        await engine.dispose()
    if theirs or ours:
        return Home(in_schema(place, SCHEMA), place if theirs else None, begins=not ours)
    return Home(place)


def _found(connection: Connection) -> tuple[bool, bool]:
    """Give whether acme-dns's tables are there, and whether ours are beside them."""
    return holds_acme_dns(connection), bool(inspect(connection).get_table_names(SCHEMA))
