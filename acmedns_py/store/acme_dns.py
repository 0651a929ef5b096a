"""An acme-dns database as it stands: found, opened read-only, and read account by account.

Releases differ in where values are: the first ones keep one in `records` (Value, LastActive), all later ones, v1 and v2
too, keep two in `txt`; a database whose upgrade was cut short has both. So not the release is asked for but the
columns, and all that is there is read.

Everything comes as one stream in the order of subdomains, which the database sorts: an account's row first, then its
values. Memory does not grow with the database. What can't be read of one account is that account's own misfortune;
what is wrong with the database as a whole ends the reading with one line.

Nothing is written: not to the database, and no file beside it. SQLite would make the files of a write-ahead log where
they are missing, so these three are told apart: both files there, as while acme-dns runs (SQLite uses them); none, and
then nothing is in it (the file alone is read); the log without its index, as in a copy (a copy of both is read).
"""

import shutil
import sqlite3
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, inspect, text
from sqlalchemy.ext.asyncio import AsyncConnection

from acmedns_py.errors import StoreRefused, StoreUnavailable
from acmedns_py.store.acme_dns_rows import ForeignAccount, Row, Unreadable, accounts_of, named
from acmedns_py.store.engine import FOREIGN_ERRORS, Target, Use, causes, connect, opening_error, snapshot, sqlite_code

ROWS_AT_ONCE = 5_000
"""Rows fetched in one step, and so the most accounts given in one."""

LOCKED_SECONDS = 5
"""How long a lock of acme-dns is waited for: it holds one for a moment only."""

KNOWN_DB_VERSION = 1
"""`db_version` in table `acmedns`, as v0.8, v1 and v2 have it; the first releases have no such table."""

_SQLITE_HEADER_OCTETS = 100
_WRITE_AHEAD_LOG = 2
"""The octet at 19 of a SQLite file whose readers must look into a write-ahead log as well."""

_ACCOUNT_ROWS = """
SELECT CAST(subdomain AS TEXT) AS s, 0 AS part, username, password, allowfrom,
CAST(NULL AS TEXT) AS value, CAST(NULL AS BIGINT) AS time FROM records
"""
_VALUE_ROWS = """
SELECT CAST(subdomain AS TEXT), 1, NULL, NULL, NULL, value, {time} FROM {table} WHERE value <> ''
"""

_MOST_DUPLICATES = 1_000


@dataclass(frozen=True, slots=True)
class Form:
    """Which tables and columns there are."""

    has_records: bool
    values_in_records: bool
    values_in_txt: bool

    @property
    def name(self) -> str:
        """What acme-dns calls it."""
        if self.values_in_records:
            return "db_version 0, its upgrade begun" if self.values_in_txt else "db_version 0"
        return f"db_version {KNOWN_DB_VERSION}"


def holds_acme_dns(connection: Connection) -> bool:
    """Whether acme-dns wrote here: by its table `acmedns`, or a column that our own `txt` does not have."""
    return _holds(_columns(connection))


def _columns(connection: Connection) -> dict[str, set[str]]:
    """Give the columns of the tables that acme-dns may have made, all names in lower case."""
    inspector = inspect(connection)
    tables = {table.lower(): table for table in inspector.get_table_names()}
    return {
        lowered: {column["name"].lower() for column in inspector.get_columns(tables[lowered])}
        for lowered in ("acmedns", "records", "txt")
        if lowered in tables
    }


def _holds(columns: dict[str, set[str]]) -> bool:
    return "acmedns" in columns or any("subdomain" in columns.get(table, ()) for table in ("records", "txt"))


async def is_acme_dns_file(place: Target) -> bool:
    """Whether a SQLite file is acme-dns's, by the file alone; False for one that can't be read or is none."""
    assert place.path is not None, "of a file"
    if not _header(place.path).startswith(b"SQLite format 3\0"):
        return False
    engine = connect(_by_uri(place, place.path, "mode=ro&immutable=1"), Use.LOOK)
    try:
        async with engine.connect() as connection:
            return await connection.run_sync(holds_acme_dns)
    except FOREIGN_ERRORS:
        return False
    finally:
        await engine.dispose()


def _header(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_SQLITE_HEADER_OCTETS)
    except OSError:
        return b""


def _by_uri(place: Target, path: Path, options: str) -> Target:
    query = dict(option.split("=") for option in options.split("&"))
    url = place.url.set(database=f"file:{quote(str(path))}", query={**query, "uri": "true"})
    return replace(place, url=url)


class Source:
    """An open acme-dns database, one moment of it; made by `opened` only."""

    def __init__(
        self, connection: AsyncConnection, *, place: Target, form: Form, mark: str, unlocked: Path | None
    ) -> None:
        self.place = place
        self.form = form
        self.mark = mark
        """What tells this state from any in which there is an account more or a value later."""
        self._connection = connection
        # A file that is read alone, as nobody had it open: no lock keeps anybody out.
        self._unlocked = unlocked
        self._whole = False

    async def require_whole(self) -> None:
        """Refuse a damaged file before anything is taken from it; raises `StoreRefused`. PostgreSQL sees to itself."""
        if self.place.path is None or self._whole:
            return
        first = (await self._connection.exec_driver_sql("PRAGMA quick_check(1)")).scalar_one()
        if first != "ok":
            raise StoreRefused(_damaged(self.place, str(first).splitlines()[-1]))
        self._whole = True

    async def accounts(self) -> AsyncIterator[list[ForeignAccount | Unreadable]]:
        """All accounts in batches; raises `StoreRefused` or `StoreUnavailable`, whatever came before."""
        await self.require_whole()
        if self.place.path is not None:
            raw = await self._connection.get_raw_connection()
            driver: Any = raw.driver_connection
            # A text that is no UTF-8 must cost one account, not all.
            driver.text_factory = bytes
        if not self.form.has_records:
            return
        duplicated = await self._duplicated()
        group: list[Row] = []
        async with self._connection.stream(text(self._statement())) as rows:
            async for part in rows.partitions(ROWS_AT_ONCE):
                batch: list[ForeignAccount | Unreadable] = []
                for row in part:
                    if group and row[0] != group[0][0]:
                        batch += accounts_of(group, duplicated)
                        group = []
                    group.append(tuple(row))
                yield batch
        if group:
            yield list(accounts_of(group, duplicated))
        if self._unlocked and _state(self._unlocked) != self.mark:
            raise StoreUnavailable(f"{self.place.path} was changed while it was read; stop acme-dns and try again")

    async def _duplicated(self) -> frozenset[str]:
        """Give usernames that several rows have: acme-dns's tables forbid it, tables made from a dump may not."""
        question = text("SELECT username FROM records GROUP BY 1 HAVING count(*) > 1 LIMIT :most")
        rows = await self._connection.execute(question, {"most": _MOST_DUPLICATES})
        return frozenset(named(username) for (username,) in rows)

    def _statement(self) -> str:
        """Give one SELECT for all rows; sorted by octets, which both engines can."""
        parts = [_ACCOUNT_ROWS]
        if self.form.values_in_txt:
            parts.append(_VALUE_ROWS.format(time="lastupdate", table="txt"))
        if self.form.values_in_records:
            parts.append(_VALUE_ROWS.format(time="lastactive", table="records"))
        order = "s" if self.place.path is not None else 's COLLATE "C"'
        return f"SELECT * FROM ({' UNION ALL '.join(parts)}) AS everything ORDER BY {order}, part"  # noqa: S608 - ours


@asynccontextmanager
async def opened(place: Target, *, option: str) -> AsyncIterator[Source]:
    """Open an acme-dns database; raises `StoreRefused` or `StoreUnavailable` where it can't be read as one.

    Errors of the database while it is read come out of here as well; `option` is what the operator named it by.
    """
    with ExitStack() as files:
        try:
            before = None if place.path is None else _state(place.path)
            readable = place if place.path is None else files.enter_context(_without_writing(place, place.path))
            async with snapshot(readable, Use.LOOK) as connection:
                if place.path is not None:
                    await connection.exec_driver_sql(f"PRAGMA busy_timeout = {LOCKED_SECONDS * 1000}")
                form = await _form(connection, place)
                mark = await _postgresql_mark(connection, form) if before is None else before
                unlocked = place.path if "immutable" in readable.url.query else None
                yield Source(connection, place=place, form=form, mark=mark, unlocked=unlocked)
        except FOREIGN_ERRORS as error:
            raise _trouble(error, place, option) from error


def _state(path: Path) -> str:
    """Give sizes and times of the file and its log; raises `StoreRefused` where there is no file to read."""
    found = []
    for file in (path, _beside(path, "-wal")):
        try:
            seen = file.stat()
        except FileNotFoundError:
            if file == path:
                raise StoreRefused(
                    f"database file {path} does not exist; name acme-dns's, or run this where acme-dns is started"
                ) from None
        except OSError as error:
            raise StoreRefused(f"database file {path} can't be looked at: {error.strerror}") from error
        else:
            found.append(f"{seen.st_size}/{seen.st_mtime_ns}")
    return " ".join(found)


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


@contextmanager
def _without_writing(place: Target, path: Path) -> Iterator[Target]:
    """Give the way to open the file by which nothing is made beside it; see the head of this module."""
    try:
        with path.open("rb") as file:
            header = file.read(_SQLITE_HEADER_OCTETS)
    except OSError as error:
        raise StoreRefused(f"database file {path} can't be read: {error.strerror}; run this as its owner") from error
    log, index = _beside(path, "-wal"), _beside(path, "-shm")
    if header[19:20] != bytes([_WRITE_AHEAD_LOG]) or (log.exists() and index.exists()):
        yield _by_uri(place, path, "mode=ro")
    elif not log.exists() or log.stat().st_size == 0:
        yield _by_uri(place, path, "mode=ro&immutable=1")
    else:
        with tempfile.TemporaryDirectory(prefix="acmedns-import-") as folder:
            copy = Path(folder) / path.name
            shutil.copyfile(path, copy)
            shutil.copyfile(log, _beside(copy, "-wal"))
            yield _by_uri(place, copy, "mode=ro")


async def _form(connection: AsyncConnection, place: Target) -> Form:
    columns = await connection.run_sync(_columns)
    if not _holds(columns):
        raise StoreRefused(f"{place.name} holds no tables of acme-dns; name the database that acme-dns uses")
    if "acmedns" in columns:
        rows = await connection.execute(text("SELECT value FROM acmedns WHERE name = 'db_version'"))
        versions = {str(version or "0") for (version,) in rows}
        if unknown := sorted(versions - {str(number) for number in range(KNOWN_DB_VERSION + 1)}):
            raise StoreRefused(
                f"{place.name} has db_version {unknown[0]!r}, this program knows up to {KNOWN_DB_VERSION}; "
                "upgrade acmedns-py"
            )
    records = columns.get("records")
    if records is not None and (missing := sorted({"username", "password", "subdomain", "allowfrom"} - records)):
        raise StoreRefused(f"{place.name}: table records has no column {missing[0]}, so it is none of acme-dns's")
    return Form(
        has_records=records is not None,
        values_in_records={"value", "lastactive"} <= (records or set()),
        values_in_txt={"subdomain", "value", "lastupdate"} <= columns.get("txt", set()),
    )


async def _postgresql_mark(connection: AsyncConnection, form: Form) -> str:
    """Give what changes with every account that comes and every value that is written."""
    questions = []
    if form.has_records:
        questions.append("SELECT count(*), sum(hashtext(username)) FROM records")
    if form.values_in_txt:
        questions.append("SELECT count(*), max(lastupdate) FROM txt")
    if form.values_in_records:
        questions.append("SELECT count(*), max(lastactive) FROM records")
    answers = [(await connection.execute(text(question))).one() for question in questions]
    return " ".join(str(part) for answer in answers for part in answer)


def _damaged(place: Target, reason: str) -> str:
    return (
        f"{place.path} is damaged or cut off ({reason}), so nothing was taken from it; "
        "take a whole copy, or mend it with sqlite3's .recover"
    )


def _trouble(error: BaseException, place: Target, option: str) -> StoreRefused | StoreUnavailable:
    """Say what is wrong with the source in one line."""
    for cause in causes(error):
        if isinstance(cause, (StoreRefused, StoreUnavailable)):
            return cause
        if isinstance(cause, sqlite3.Error):
            return _sqlite_trouble(cause, place)
    return opening_error(error, place, option=option)


def _sqlite_trouble(error: sqlite3.Error, place: Target) -> StoreRefused | StoreUnavailable:
    code = sqlite_code(error)
    if code == sqlite3.SQLITE_NOTADB:
        return StoreRefused(f"{place.path} is not a SQLite database; name acme-dns's")
    if code == sqlite3.SQLITE_CORRUPT:
        return StoreRefused(_damaged(place, str(error)))
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return StoreUnavailable(f"{place.path} is locked by another program; stop acme-dns first")
    if code == sqlite3.SQLITE_READONLY:
        return StoreRefused(
            f"{place.path} was left in the middle of a write, with a journal beside it; "
            "start and stop acme-dns once, which mends it"
        )
    if code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
        return StoreUnavailable(f"{place.path} can't be sorted: {error}; make room in the folder for temporary files")
    return StoreUnavailable(f"{place.path} can't be read: {error}")
