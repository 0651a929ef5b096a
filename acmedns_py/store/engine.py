"""Connections to the database: where it is, how each kind of work connects, and what a driver's error means.

Both engines are reached by the same SQLAlchemy Core code; what differs between them stands here, in `lock` and in
`schema.DatabaseClock`. Errors of SQLAlchemy and of the drivers are turned into ours here and nowhere else: into
`StoreRefused` or `StoreUnavailable` while opening, always into `StoreUnavailable` while running.
"""

import asyncio
import os
import socket
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import Any

import asyncpg  # type: ignore[import-untyped]
from sqlalchemy import URL, event, make_url
from sqlalchemy.exc import DBAPIError, EmulatedDBAPIException, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool, NullPool

from acmedns_py.errors import StoreRefused, StoreUnavailable

CONNECT_SECONDS = 5.0
"""How long a connection may take; PostgreSQL's own clients wait for ever, a certificate client for some 10 to 30 s."""

STATEMENT_SECONDS = 5.0
"""How long one statement may take, waiting for another program's lock included."""

LONG_SECONDS = 600.0
"""The same for a migration and for loading a whole zone."""

READERS = 2
"""Connections for look-ups; these are batched, so that more would only stand by."""

_SQLITE_DRIVER = "sqlite+aiosqlite"
_POSTGRESQL_DRIVER = "postgresql+asyncpg"


class Use(Enum):
    """What a connection is for: the writer, look-ups, long work, or looking at what may be somebody else's."""

    WRITE = "write"
    READ = "read"
    LONG = "long"
    LOOK = "look"


@dataclass(frozen=True, slots=True)
class Target:
    """A database: SQLAlchemy's URL with our driver, SQLite's file or None, and a name for people without password.

    `schema` is PostgreSQL's schema where it is another than the connection's own.
    """

    url: URL
    path: Path | None
    name: str
    schema: str | None = None


def target(url: str) -> Target:
    """Take `sqlite:///PATH` or `postgresql://USER:PASSWORD@HOST/DATABASE` apart; the configuration has checked it."""
    parsed = make_url(url)
    if parsed.drivername == "sqlite":
        assert parsed.database, "the configuration has seen to it"
        return sqlite_file(Path(parsed.database))
    # As libpq has it, a parameter goes before what stands in front of the path; a host may be a socket's directory.
    parameters = {key: str(value) for key, value in parsed.query.items()}
    host = parameters.get("host", parsed.host)
    port = int(parameters["port"]) if "port" in parameters else parsed.port
    # libpq and acme-dns say sslmode, asyncpg says ssl, with the same words.
    query = {"ssl": parameters["sslmode"]} if "sslmode" in parameters else {}
    # Without a host the driver tries the usual sockets before this.
    place = f"{host or 'localhost'}:{port}" if port else host or "localhost"
    parsed = parsed.set(drivername=_POSTGRESQL_DRIVER, host=host, port=port, query=query)
    return Target(parsed, None, f"PostgreSQL {parsed.username or ''}@{place}/{parsed.database}")


def sqlite_file(path: Path) -> Target:
    """The SQLite database of a file."""
    path = path.absolute()
    return Target(URL.create(_SQLITE_DRIVER, database=str(path)), path, f"SQLite {path}")


def in_schema(place: Target, schema: str) -> Target:
    """The same PostgreSQL database, with all tables in this schema."""
    return replace(place, name=f"{place.name} (schema {schema})", schema=schema)


def file_exists(path: Path) -> bool:
    """Whether there is a file; raises `StoreRefused` where that can't be seen."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise StoreRefused(
            f"database file {path} can't be looked at: {error.strerror}; run this as the user that it belongs to"
        ) from error
    return True


Owner = tuple[int, int]
"""User and group of a file, as numbers."""


def prepare_file(path: Path, owner: Owner | None = None) -> None:
    """Make SQLite's directory (0700) and file (0600) where missing; raises `StoreRefused` naming what can't be.

    What is made is `owner`'s where there is one, which takes root. Else a file that root makes is the directory's
    owner's, as whom the server runs. SQLite gives what it makes beside the file to the file's owner.
    """
    try:
        missing = [folder for folder in (path.parent, *path.parent.parents) if not folder.exists()]
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if owner is not None:
            for folder in missing:
                os.chown(folder, *owner)
    except OSError as error:
        raise StoreRefused(
            f"database directory {path.parent} can't be made: {error.strerror}; "
            "make it, or point database.url elsewhere"
        ) from error
    try:
        try:
            made = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except FileExistsError:
            # Without making it: a link that leads nowhere must not have root make a file there.
            os.close(os.open(path, os.O_RDWR | os.O_CLOEXEC))
        else:
            if owner is not None:
                os.fchown(made, *owner)
            else:
                give_to_owner(made, path.parent)
            os.close(made)
    except OSError as error:
        raise StoreRefused(
            f"database file {path} can't be opened for writing: {error.strerror}; "
            f"let user {os.geteuid()} write it and its directory"
        ) from error


def give_to_owner(descriptor: int, example: Path) -> None:
    """Let a file that root has just made belong to whom `example` belongs to; nothing where this is not root."""
    if os.geteuid() == 0:
        found = example.stat()
        os.fchown(descriptor, found.st_uid, found.st_gid)


def connect(place: Target, use: Use) -> AsyncEngine:
    """An engine for one kind of work; it connects at first use."""
    brief = use in (Use.WRITE, Use.READ)
    seconds = STATEMENT_SECONDS if brief else LONG_SECONDS
    # Parameters are TXT values and verifiers; an error's text goes to the log.
    options: dict[str, Any] = {"poolclass": NullPool, "hide_parameters": True}
    if brief:
        options |= {
            "poolclass": AsyncAdaptedQueuePool,
            "pool_size": READERS if use is Use.READ else 1,
            "max_overflow": 0,
            "pool_timeout": CONNECT_SECONDS,
        }
    if place.path is None:
        return _postgresql_engine(place, use, seconds, options)
    # The driver begins no transaction by itself: a look-up needs none, and the writer must take its lock first.
    engine = create_async_engine(place.url, connect_args={"timeout": seconds, "isolation_level": None}, **options)
    event.listen(engine.sync_engine, "connect", _set_query_only if use is Use.LOOK else _set_pragmas)
    if use is Use.WRITE:
        event.listen(engine.sync_engine, "begin", _begin_immediate)
    return engine


def _postgresql_engine(place: Target, use: Use, seconds: float, options: dict[str, Any]) -> AsyncEngine:
    arguments = {
        "timeout": CONNECT_SECONDS,
        "command_timeout": seconds,
        "server_settings": {
            "application_name": program_name(),
            # A host that vanished without a word must not hold its locks for the two hours of TCP's default.
            "tcp_keepalives_idle": "5",
            "tcp_keepalives_interval": "2",
            "tcp_keepalives_count": "3",
            "statement_timeout": str(int(seconds * 1000)),
            "synchronous_commit": "on",
            "jit": "off",
            **({"search_path": place.schema} if place.schema else {}),
        },
    }
    if use is Use.READ:
        options["isolation_level"] = "AUTOCOMMIT"
    return create_async_engine(place.url, connect_args=arguments, **options)


def program_name() -> str:
    """How this process is named to the database and in the lock file: "acmedns PID@HOST" (at most 63 octets)."""
    return f"acmedns {os.getpid()}@{socket.gethostname()}"[:63]


def _set_pragmas(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    try:
        for pragma, wanted in (
            ("journal_mode = WAL", "wal"),
            ("synchronous = FULL", None),
            ("foreign_keys = ON", None),
        ):
            cursor.execute(f"PRAGMA {pragma}")
            answer = cursor.fetchone()
            if wanted is not None and answer[0] != wanted:
                raise StoreRefused(
                    f"SQLite keeps its journal as {answer[0]!r}; a write-ahead log must be possible here"
                )
        # Read back: a build of SQLite may ignore a pragma without a word, and the promise "durable" rests on this one.
        cursor.execute("PRAGMA synchronous")
        if cursor.fetchone()[0] != 2:
            raise StoreRefused("SQLite does not keep synchronous=FULL, without which a power cut loses commits")
    finally:
        cursor.close()


def _set_query_only(connection: Any, _record: Any) -> None:
    # A change of the journal's mode alone would write to the file.
    connection.cursor().execute("PRAGMA query_only = ON")


def _begin_immediate(connection: Any) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


@asynccontextmanager
async def snapshot(place: Target, use: Use = Use.LONG) -> AsyncIterator[AsyncConnection]:
    """Give a connection of its own in which all reads see the same moment, without a time limit to speak of."""
    engine = connect(place, use)
    try:
        async with engine.connect() as connection:
            if place.path is None:
                connection = await connection.execution_options(  # noqa: PLW2901 - the same one, with options
                    isolation_level="REPEATABLE READ", postgresql_readonly=True
                )
            await connection.begin()
            if place.path is not None:
                await connection.exec_driver_sql("BEGIN")
            yield connection
    finally:
        await engine.dispose()


def causes(error: BaseException) -> Iterator[BaseException]:
    """Yield the error and all that lies below it: SQLAlchemy's, its adapter's, the driver's, the system's."""
    found: BaseException | None = error
    while found is not None:
        yield found
        found = getattr(found, "orig", None) or found.__cause__


_DISTURBED_SQLSTATES = ("08", "25006", "40", "53", "55", "57", "58", "XX")
_SQLITE_TRANSIENT = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_INTERRUPT,
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_PERM,
}


def connection_lost(error: BaseException) -> bool:
    """Whether the connection itself is dead, so that the same work may go through on another."""
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    return any(
        isinstance(cause, (ConnectionError, asyncpg.PostgresConnectionError, asyncpg.AdminShutdownError))
        or "connection is closed" in str(cause)
        for cause in causes(error)
    )


def database_disturbed(error: BaseException) -> bool:
    """Whether the database could not work at all, in contrast to one statement's data being at fault."""
    if isinstance(error, StoreUnavailable) or connection_lost(error):
        return True
    for cause in causes(error):
        if isinstance(cause, (OSError, TimeoutError, PoolTimeoutError)):
            return True
        if isinstance(cause, asyncpg.PostgresError):
            return (cause.sqlstate or "XX").startswith(_DISTURBED_SQLSTATES)
        if isinstance(cause, sqlite3.Error):
            return sqlite_code(cause) in _SQLITE_TRANSIENT
    return False


def sqlite_code(error: sqlite3.Error) -> int:
    """Give the primary result code; the higher octets only refine it."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def unavailable(error: BaseException) -> StoreUnavailable:
    """What a caller gets at run time; the text is for the log."""
    if isinstance(error, StoreUnavailable):
        return error
    return StoreUnavailable(f"the database could not do it: {_reason(error)}")


def opening_error(
    error: BaseException, place: Target, *, option: str = "database.url"
) -> StoreRefused | StoreUnavailable:
    """What stops the start, in one line: what was wrong, where, what to do; `option` is what names the database."""
    for cause in causes(error):
        if isinstance(cause, (StoreRefused, StoreUnavailable)):
            return cause
        if isinstance(cause, sqlite3.Error):
            return _sqlite_opening_error(cause, place)
        if isinstance(cause, asyncpg.PostgresError):
            return _postgresql_opening_error(cause, place, option)
    return StoreUnavailable(f"{place.name} can't be reached: {_reason(error)}; check {option} and that it runs")


def _sqlite_opening_error(error: sqlite3.Error, place: Target) -> StoreRefused | StoreUnavailable:
    code = sqlite_code(error)
    if code == sqlite3.SQLITE_NOTADB:
        return StoreRefused(
            f"{place.path} is not a SQLite database; point database.url elsewhere or move the file away"
        )
    if code == sqlite3.SQLITE_CORRUPT:
        return StoreRefused(f"{place.path} is damaged ({error}); restore a backup of it")
    if code in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM):
        return StoreRefused(
            f"{place.path} can't be written ({error}); let user {os.geteuid()} write it and its directory"
        )
    return StoreUnavailable(f"{place.name} can't be used: {error}")


def _postgresql_opening_error(
    error: asyncpg.PostgresError, place: Target, option: str
) -> StoreRefused | StoreUnavailable:
    reason = _reason(error)
    state = error.sqlstate or ""
    if state.startswith("28"):
        return StoreRefused(f"{place.name} refuses the login: {reason}; check user and password in {option}")
    if state == "3D000":
        return StoreRefused(f"{place.name}: {reason}; make it with createdb, or correct {option}")
    if state == "42501":
        return StoreRefused(f"{place.name}: {reason}; the user must own the database or have CREATE on its schema")
    return StoreUnavailable(f"{place.name} can't be used: {reason}")


def _reason(error: BaseException) -> str:
    """Give the innermost cause in one line, without SQL or parameters."""
    innermost = list(causes(error))[-1]
    if isinstance(innermost, (TimeoutError, asyncio.CancelledError)) and not str(innermost):
        return "no answer in time"
    if _out_of_step(innermost):
        return "the connection was lost"
    said = str(innermost).strip() or type(innermost).__name__
    return said.splitlines()[0]


def _out_of_step(cause: BaseException) -> bool:
    """Whether the driver does not know any more what its connection is at.

    So it is from when it has read that a backend ends (an administrator stops PostgreSQL) until it reads that the
    connection is closed: whatever is asked then fails as if something else were asked at the same time.
    """
    return isinstance(cause, asyncpg.InternalClientError) or (
        isinstance(cause, asyncpg.InterfaceError) and "another operation is in progress" in str(cause)
    )


FOREIGN_ERRORS = (
    SQLAlchemyError,
    EmulatedDBAPIException,
    sqlite3.Error,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
)
"""All that SQLAlchemy, its adapters, the drivers and the system raise where a database fails."""
