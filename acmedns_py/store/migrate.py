"""Brings a database to the schema of this program, or says why it must not be touched.

A database is one of: empty; ours at a known revision; ours at a later revision, which is used as it is where its
`compatibility.oldest_program` admits this program; somebody else's, acme-dns's too (`home` gives one beside that). Only
the first two are ever migrated, SQLite's after a copy by its backup API, and each migration is one transaction.
"""

import asyncio
import os
import re
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

import structlog
from sqlalchemy import Connection, inspect, select, text
from sqlalchemy.schema import CreateSchema

from acmedns_py.errors import StoreRefused
from acmedns_py.store import schema
from acmedns_py.store.acme_dns import holds_acme_dns
from acmedns_py.store.engine import FOREIGN_ERRORS, Target, Use, connect, give_to_owner, opening_error

_REVISIONS = "alembic_version"
"""Alembic's own table; it is read here without Alembic, which would log what it thinks of each database."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class SchemaState:
    """Where a database stands: its revision (None while empty), this program's, whether it must be migrated."""

    revision: str | None
    head: str
    due: bool


@dataclass(frozen=True, slots=True)
class Migrated:
    """What `migrate` led to: the revision, whether it is another than before, the copy that was made."""

    revision: str | None
    migrated: bool
    backup: Path | None


def scripts() -> Path:
    """The directory of `env.py` and `versions/`, as installed."""
    found = find_spec("acmedns_py.migrations")
    assert found is not None, "the migrations are part of the installed package"
    assert found.submodule_search_locations, "the migrations are a package"
    return Path(next(iter(found.submodule_search_locations)))


def program_version() -> str:
    """The version of the installed program."""
    return metadata.version("acmedns-py")


async def migrate(place: Target) -> Migrated:
    """Bring the database up to date; raises `StoreRefused` or `StoreUnavailable`. The caller holds the lock."""
    found = await schema_state(place)
    if not found.due:
        return Migrated(found.revision, migrated=False, backup=None)
    engine = connect(place, Use.LONG)
    try:
        copy: Path | None = None
        if place.path is not None and found.revision is not None:
            copy = await asyncio.to_thread(back_up, place.path, found.revision)
            log.info("database_backed_up", copy=str(copy))
        async with engine.connect() as connection, connection.begin():
            if place.path is not None:
                await connection.exec_driver_sql("BEGIN IMMEDIATE")
            if place.schema is not None:
                await connection.execute(CreateSchema(place.schema, if_not_exists=True))
            await connection.run_sync(_upgrade)
    except FOREIGN_ERRORS as error:
        raise opening_error(error, place) from error
    finally:
        await engine.dispose()
    log.info("database_migrated", database=place.name, revision=found.head, before=found.revision)
    return Migrated(found.head, migrated=True, backup=copy)


async def schema_state(place: Target) -> SchemaState:
    """Where the database stands; changes nothing of it. Raises `StoreRefused` or `StoreUnavailable`."""
    engine = connect(place, Use.LOOK)
    try:
        async with engine.connect() as connection:
            return await connection.run_sync(_judge, place)
    except FOREIGN_ERRORS as error:
        raise opening_error(error, place) from error
    finally:
        await engine.dispose()


def _upgrade(connection: Connection) -> None:
    # Most starts have nothing to migrate, and need not keep 10 MiB of Alembic for as long as they run.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(scripts()).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _judge(connection: Connection, place: Target) -> SchemaState:
    """Tell what the database is; raises `StoreRefused` where it is not for us."""
    tables = inspect(connection).get_table_names()
    lowered = {table.lower(): table for table in tables}
    if holds_acme_dns(connection):
        raise StoreRefused(
            f"{place.name} holds acme-dns's own tables and was left untouched; "
            "start and stop acme-dns once, so that its file is whole, and try again"
        )
    head = schema.REVISIONS[-1]
    revision: str | None = None
    if _REVISIONS in tables:
        revision = connection.scalar(text(f"SELECT version_num FROM {_REVISIONS}"))  # noqa: S608 - a constant
    if revision is None or schema.compatibility.name not in tables:
        taken = sorted(set(schema.metadata.tables) & lowered.keys())
        if taken or revision is not None:
            raise StoreRefused(
                f"{place.name} holds tables of another program ({', '.join(taken) or _REVISIONS}); "
                "point database.url at an empty database"
            )
        return SchemaState(None, head, due=True)
    oldest = connection.scalar(select(schema.compatibility.c.oldest_program)) or "0"
    if _parts(program_version()) < _parts(oldest):
        raise StoreRefused(
            f"{place.name} is newer than this program: its revision {revision} needs acmedns-py {oldest} or later, "
            f"this is {program_version()}; upgrade the program, or restore the backup made before the migration"
        )
    return SchemaState(revision, head, due=revision in schema.REVISIONS and revision != head)


def _parts(version: str) -> tuple[int, ...]:
    """Give a version's leading numbers, by which versions are ordered."""
    found = re.match(r"\d+(?:\.\d+)*", version)
    return tuple(int(part) for part in found.group().split(".")) if found else ()


def back_up(path: Path, revision: str) -> Path:
    """Copy SQLite's file as one moment of it, durable and readable by its owner only; gives the copy's path."""
    time = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    copy = path.with_name(f"{path.name}.backup-{revision}-{time}")
    unfinished = copy.with_name(copy.name + ".part")
    made = os.open(unfinished, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    give_to_owner(made, path)
    os.close(made)
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(unfinished)) as destination:
        source.backup(destination)
    with unfinished.open("rb") as written:
        os.fsync(written.fileno())
    unfinished.rename(copy)
    return copy
