"""The exclusive right to write: one process at a time, known by name, given up only by ending or by losing it.

PostgreSQL: a session's advisory lock on a connection of its own, so that the server frees it when the process or its
network ends. SQLite: `flock` on a file beside the database, freed by the kernel. `hold` is asked before each
transaction: a right that was lost stops commits until it is had again.

A process may not have noticed yet that its session ended. Therefore each holder writes its token into the zones' rows,
and the writer compares it under the lock of its zone's row: once a successor has written its own, nobody else commits.
"""

import asyncio
import fcntl
import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

import structlog
from sqlalchemy import text, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from acmedns_py.errors import StoreRefused, StoreUnavailable
from acmedns_py.store.engine import FOREIGN_ERRORS, Target, Use, connect, give_to_owner, program_name, unavailable
from acmedns_py.store.schema import zone

ADVISORY_KEY = 0x61636D65
"""Our advisory lock in the database ("acme" in ASCII); below 2^31, so that pg_locks shows it in one column."""

PATIENCE_SECONDS = 2
"""How long a start waits for a predecessor's lock: a backend needs a moment to notice that its client was killed."""

log = structlog.get_logger()


class Lock(Protocol):
    """The right to write to one database; `token` is what the holder writes into the zones' rows."""

    @property
    def token(self) -> str:
        """Name this holder, unlike any other and any former one."""

    async def acquire(self) -> None:
        """Take it; raises `StoreRefused` naming the holder."""

    async def hold(self) -> None:
        """Make sure that it is held, taking it again where it was lost; raises `StoreUnavailable`."""

    def held(self) -> bool:
        """Whether it is held, as far as is known without asking anybody."""

    async def drop(self) -> None:
        """Take note that it was lost, so that `hold` takes it again."""

    async def heartbeat(self) -> None:
        """Find out whether the holder's connection still lives; to be called once a second."""

    async def release(self) -> None:
        """Give it up."""


def lock_for(place: Target) -> Lock:
    """The lock that suits the database."""
    return AdvisoryLock(place) if place.path is None else FileLock(place.path)


def new_token() -> str:
    """Name a holder: program, process and host for people, and something that no other has."""
    return f"{program_name()} {secrets.token_hex(8)}"


def _held(place: str, holder: str) -> StoreRefused:
    return StoreRefused(f"{place} is written by {holder} already; stop that one first")


class FileLock:
    """`flock` on DATABASE.lock; the file names its holder and stays when it is freed, else two could hold two files."""

    def __init__(self, database: Path) -> None:
        self.token = new_token()
        self._database = database
        self._path = database.with_name(database.name + ".lock")
        self._descriptor: int | None = None
        self._identity: tuple[int, int] | None = None

    async def acquire(self) -> None:
        """Take it; raises `StoreRefused` naming the holder."""
        try:
            # No links: root must not be led to write into, and give away, another file.
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreRefused(
                f"lock file {self._path} can't be opened for writing: {error.strerror}; "
                f"let user {os.geteuid()} write the directory"
            ) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 256, 0).decode(errors="replace").strip() or "another process"
            os.close(descriptor)
            raise _held(str(self._database), holder) from None
        self._descriptor = descriptor
        with suppress(OSError):
            # Root at work beside a server that runs as another user must not leave it a file that it can't open.
            give_to_owner(descriptor, self._database)
        with suppress(OSError):  # A full disk has room for the lock, if not for the name of its holder.
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{program_name()}\n".encode(), 0)

    async def hold(self) -> None:
        """Make sure that the database is still the file that was opened; raises `StoreUnavailable`.

        The lock itself can't be lost. But a file that was removed or replaced by another would swallow commits: they
        would go to an inode without a name.
        """
        wrong = self._wrong()
        if wrong:
            raise StoreUnavailable(f"database file {self._database} {wrong}; restart acmedns")

    def held(self) -> bool:
        """Whether the database is still the file that was opened."""
        return not self._wrong()

    def _wrong(self) -> str:
        if self._descriptor is None:
            return "was closed"
        try:
            found = os.stat(self._database)  # noqa: PTH116 - the kernel's answer, without waiting for a disk
        except OSError as error:
            return f"is gone: {error.strerror}"
        identity = (found.st_dev, found.st_ino)
        self._identity = self._identity or identity
        return "" if self._identity == identity else "was replaced by another"

    async def drop(self) -> None:
        """Do nothing: the kernel keeps the lock."""

    async def heartbeat(self) -> None:
        """Do nothing: the kernel keeps the lock."""

    async def release(self) -> None:
        """Give it up."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


class AdvisoryLock:
    """A session-level advisory lock, on a connection that does nothing else."""

    def __init__(self, place: Target) -> None:
        self.token = new_token()
        self._place = place
        self._engine: AsyncEngine = connect(place, Use.READ)
        self._connection: AsyncConnection | None = None
        self._driver: Any = None
        # The writer and the heartbeat must not both replace a lost connection.
        self._changing = asyncio.Lock()

    async def acquire(self) -> None:
        """Take it, waiting a moment for a predecessor to vanish; raises `StoreRefused` naming the holder."""
        if not await self._take(PATIENCE_SECONDS):
            holder = await self._holder()
            await self._let_go()
            raise _held(self._place.name, holder)

    async def hold(self) -> None:
        """Make sure that it is held, taking it again where its connection was lost; raises `StoreUnavailable`."""
        if self.held():
            return
        async with self._changing:
            if not self.held():
                await self._take_again()

    def held(self) -> bool:
        """Whether the lock's connection lives, as far as its socket knows."""
        return self._connection is not None and not self._driver.is_closed()

    async def drop(self) -> None:
        """Give the connection up, so that `hold` takes the lock on another."""
        async with self._changing:
            await self._let_go()

    async def heartbeat(self) -> None:
        """Ask something over the lock's connection; one that does not answer is given up, and with it the lock."""
        async with self._changing:
            if self._connection is None:
                return
            try:
                await self._connection.execute(text("SELECT 1"))
            except FOREIGN_ERRORS:
                log.warning("database_lock_lost", database=self._place.name)
                await self._let_go()

    async def release(self) -> None:
        """Give it up."""
        await self._let_go()
        await self._engine.dispose()

    async def _take_again(self) -> None:
        if self._connection is not None:
            log.warning("database_lock_lost", database=self._place.name)
        try:
            await self._let_go()
            taken = await self._take(0)
            if taken:
                # On the lock's own session: it can't be written by one that holds the lock no longer.
                await self._connection_now().execute(update(zone).values(holder=self.token))
            else:
                holder = await self._holder()
        except FOREIGN_ERRORS as error:
            await self._let_go()
            raise unavailable(error) from error
        if not taken:
            await self._let_go()
            raise StoreUnavailable(f"{self._place.name} is written by {holder} since our lock was lost")
        log.info("database_lock_held", database=self._place.name)

    async def _take(self, patience_seconds: int) -> bool:
        self._connection = await self._engine.connect()
        raw = await self._connection.get_raw_connection()
        self._driver = raw.driver_connection
        if patience_seconds:
            # Blocking with a limit, not asking again and again: the lock comes the moment that it is free.
            await self._connection.execute(
                text("SELECT set_config('statement_timeout', :limit, false)"), {"limit": f"{patience_seconds}s"}
            )
            try:
                await self._connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": ADVISORY_KEY})
            except FOREIGN_ERRORS:
                if self._driver.is_closed():
                    raise
                return False
            return True
        taken = await self._connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": ADVISORY_KEY})
        return bool(taken)

    async def _holder(self) -> str:
        row = (
            await self._connection_now().execute(
                text(
                    "SELECT activity.application_name, activity.pid, activity.client_addr::text AS address"
                    " FROM pg_locks AS locks JOIN pg_stat_activity AS activity USING (pid)"
                    " WHERE locks.locktype = 'advisory' AND locks.granted AND locks.objid = :key"
                    " AND locks.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
                ),
                {"key": ADVISORY_KEY},
            )
        ).first()
        if row is None:
            return "another process"
        return f"{row.application_name or 'another program'} (backend {row.pid}, from {row.address or 'this host'})"

    def _connection_now(self) -> AsyncConnection:
        assert self._connection is not None, "the lock was just taken, or refused, on it"
        return self._connection

    async def _let_go(self) -> None:
        connection, self._connection, self._driver = self._connection, None, None
        if connection is not None:
            # The session ends with the lock: a pooled connection would keep it.
            with suppress(*FOREIGN_ERRORS):
                await connection.invalidate()
            with suppress(*FOREIGN_ERRORS):
                await connection.close()
