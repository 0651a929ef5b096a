"""Makes a database what a backup says: all of it in one transaction, or nothing.

The file is read to its end before anything is touched, and a second time while its rows go in. Static records are not
among them: the next start makes them of the configuration. Of what is replaced only this stays: no label of an account
that was deleted there is handed out again, unless the file has that account, and no number of an account.
"""

import asyncio
import glob
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Column, ColumnElement, delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from acmedns_py.accounts.audit import OFFLINE
from acmedns_py.accounts.ports import Entry
from acmedns_py.accounts.times import moment_of
from acmedns_py.errors import BackupRefused, StoreRefused
from acmedns_py.store import rows
from acmedns_py.store.accounts import padded
from acmedns_py.store.backup import copy_out
from acmedns_py.store.backup_file import Examined, Header, examined, file_name, opened, remove_unfinished, written
from acmedns_py.store.bulk import copy_in, make_room, number_on, settle
from acmedns_py.store.engine import Owner, Target, Use, connect
from acmedns_py.store.home import home
from acmedns_py.store.owned import owned
from acmedns_py.store.schema import (
    MICROSECONDS,
    Clock,
    DatabaseClock,
    account,
    compatibility,
    metadata,
    retired_label,
    stored,
    token,
    txt,
    zone,
)
from acmedns_py.store.standing import write_audit
from acmedns_py.store.takeover import MOST_TOLD

COMMITS_A_SECOND = 100
"""How many commits a second, at the most, are believed to have followed a backup: each of them is an fsync."""

MOST_AHEAD = 2**30
"""The longest step of the serial: half of what a secondary takes for forward (RFC 1982 3.2)."""


REVOKED, DISABLED, DELETED = "tokens_revoked", "accounts_disabled", "accounts_deleted"
"""What had become of what is good again."""


@dataclass(frozen=True, slots=True)
class Restored:
    """Where rows went, the header that they came under, the cursor that the zone goes on from, what was kept.

    `again` is what had been ended in the database that was replaced, and is good again.
    """

    place: Target
    header: Header
    cursor: int
    kept: Path | None
    again: "GoodAgain"


@dataclass(slots=True)
class GoodAgain:
    """Tokens and accounts by what had become of them: how many, and the names of the first."""

    counts: Counter[str] = field(default_factory=Counter)
    names: dict[str, list[str]] = field(default_factory=dict)

    def note(self, what: str, who: str) -> None:
        """Count one, and keep its name unless there are many."""
        self.counts[what] += 1
        if self.counts[what] <= MOST_TOLD:
            self.names.setdefault(what, []).append(who)


async def restore(
    url: str,
    path: Path,
    *,
    apex: bytes,
    zone_name: str,
    replace: bool,
    actor: str,
    owner: Owner | None = None,
    clock: Clock = DatabaseClock,
) -> Restored:
    """Restore a backup into the database of `url`, which must be empty, and whose server must not be running.

    With `replace` a backup of what is there is written first, beside SQLite's file or else beside `path`. `actor` is
    who does it, for the audit log; `owner` is whose SQLite's file will be where it is made now.

    Raises `BackupRefused`, `StoreRefused` or `StoreUnavailable`; then nothing was changed.
    """
    found = await asyncio.to_thread(examined, path)
    header = found.header
    require_zone(header, path, zone_name)
    place = (await home(url)).place
    async with owned(place, owner) as taken:
        engine = connect(place, Use.LONG)
        try:
            async with engine.connect() as connection, connection.begin():
                await make_room(connection, place)
                remove_unfinished((place.path or path).parent, f"{glob.escape(_kept_name(place, path))}*")
                kept = await _set_aside(connection, place, path, zone_name, replace=replace)
                now = await connection.scalar(select(clock())) or 0
                replaced = await connection.scalar(select(func.max(zone.c.cursor))) or 0
                cursor = resumed(header, replaced=replaced, now=now)
                again = GoodAgain() if kept is None else await _good_again(connection, path, found, now)
                for table in reversed(metadata.sorted_tables):
                    if table not in (compatibility, retired_label):
                        await connection.execute(delete(table))
                await _fill(connection, place, path, found, now)
                # An older program may have left it there; nobody may fetch it any more.
                revoked = select(token.c.id).where(token.c.revoked_at.is_not(None))
                await connection.execute(delete(stored).where(stored.c.token.in_(revoked)))
                await connection.execute(insert(zone).values(name=apex, cursor=cursor, holder=taken.lock.token))
                await write_audit(connection, [_entry(path, header, kept, again, actor)], now)
        finally:
            await engine.dispose()
    return Restored(place, header, cursor, kept, again)


def require_zone(header: Header, path: Path, zone_name: str) -> None:
    """Refuse a backup of another zone: hosts' CNAMEs lead to names of that one."""
    if header.zone != zone_name:
        raise BackupRefused(
            f"{path} is of the zone {header.zone}, this configuration serves {zone_name}; set zone.name to that of the "
            "backup (accounts keep their labels when zone.name changes afterwards)"
        )


def resumed(header: Header, *, replaced: int, now: int) -> int:
    """The cursor to go on from, above all that was served: by the backup's server since then too, as far as is known.

    A secondary takes no lower serial. `replaced` is the cursor of what was there, `now` in microseconds since 1970.
    """
    # A second that has begun counts whole: a hundred commits may be all in its first half.
    since = -(-max(0, now - header.made_at) // MICROSECONDS)
    ahead = min(since * COMMITS_A_SECOND, MOST_AHEAD)
    return max(header.cursor + 1 + ahead, replaced + 1, now // MICROSECONDS)


async def _set_aside(
    connection: AsyncConnection, place: Target, path: Path, zone_name: str, *, replace: bool
) -> Path | None:
    """Write a backup of what is there, where there is something, and give its path."""
    there = {
        table.name: count
        for table in rows.CARRIED
        if (count := await connection.scalar(select(func.count()).select_from(table)))
    }
    if not there:
        return None
    if not replace:
        holds = ", ".join(f"{table}: {count}" for table, count in there.items())
        raise StoreRefused(
            f"{place.name} is not empty ({holds}); with --replace a backup of it is written, and it is replaced"
        )
    time = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    kept = (place.path or path).with_name(f"{_kept_name(place, path)}{time}.jsonl.gz")
    await copy_out(place, zone_name=zone_name, out=partial(written, kept, compressed=True), name=str(kept))
    return kept


def _kept_name(place: Target, path: Path) -> str:
    """How the names of files begin that a restore keeps what it replaces in."""
    return f"{(place.path or path).name}.replaced-"


def _entry(path: Path, header: Header, kept: Path | None, again: GoodAgain, actor: str) -> Entry:
    details = {
        "made_at": moment_of(header.made_at).isoformat(),
        "rows": sum(header.counts.values()),
        "accounts": header.counts.get(account.name, 0),
        "kept": None if kept is None else file_name(kept),
        **again.counts,
    }
    return Entry(actor, OFFLINE, "database_restored", file_name(path), details=details)


async def _good_again(connection: AsyncConnection, path: Path, known: Examined, now: int) -> GoodAgain:
    """Find what the file brings back to life; to be called while what it replaces is there."""
    again = GoodAgain()
    with opened(path) as reader:
        for batch in reader.batches(known=known.sha256):
            table = rows.table_of(batch[0]) if batch else None
            if table == token.name:
                good = {row.digest: row.name for row in batch if _is_good(row, now)}
                for digest in await _those(connection, token.c.digest, good, token.c.revoked_at.is_not(None)):
                    again.note(REVOKED, good[digest])
            elif table == account.name:
                usernames = {row.username: row.username for row in batch if not row.disabled}
                for username in await _those(connection, account.c.username, usernames, account.c.disabled):
                    again.note(DISABLED, username)
                labels = {row.label: row.username for row in batch if not row.disabled}
                for label in await _those(connection, retired_label.c.label, labels):
                    again.note(DELETED, labels[label])
    return again


def _is_good(row: Any, now: int) -> bool:
    lives = row.expires_at is None or row.expires_at > now
    return row.revoked_at is None and lives and row.uses_left != 0


async def _those(
    connection: AsyncConnection, column: Column[Any], wanted: Collection[str], *more: ColumnElement[bool]
) -> list[str]:
    """Give those of these keys that are here, and for which all else holds."""
    if not wanted:
        return []
    return sorted(await connection.scalars(select(column).where(column.in_(padded(wanted)), *more)))


async def _fill(connection: AsyncConnection, place: Target, path: Path, known: Examined, now: int) -> None:
    with opened(path) as reader:
        for batch in reader.batches(known=known.sha256):
            if batch:
                table = rows.BY_NAME[rows.table_of(batch[0])]
                if table is txt:
                    for row in batch:
                        # A clock that was ahead there must not let a value outlive those that come here.
                        row.written_at = min(row.written_at, now)
                elif table is retired_label:
                    here = set(await _those(connection, retired_label.c.label, [row.label for row in batch]))
                    batch = [row for row in batch if row.label not in here]  # noqa: PLW2901 - what is left of it
                await copy_in(connection, place, table, table.columns.keys(), [rows.cells(row) for row in batch])
    held = select(account.c.label)
    await connection.execute(delete(retired_label).where(retired_label.c.label.in_(held)))
    await number_on(connection, place, known.header.numbered)
    await settle(connection, place, rows.CARRIED)
