"""Takes the accounts of an acme-dns database over into ours: all that is new, in one transaction, under one cursor.

An account is known by its username. One that is here already stays as it is here; where it is another there, that is
said. All accounts come under the zone's next cursor, without change rows, as a million of these would help nobody:
this happens before a server has loaded the zone, and secondaries are given the whole of it.
"""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog
from sqlalchemy import Table, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from acmedns_py.accounts.audit import OFFLINE, START
from acmedns_py.accounts.hashing import outdated
from acmedns_py.accounts.labels import fits
from acmedns_py.accounts.ports import Entry
from acmedns_py.dns import name
from acmedns_py.errors import StoreRefused
from acmedns_py.store import acme_dns
from acmedns_py.store.accounts import padded
from acmedns_py.store.acme_dns import Source
from acmedns_py.store.acme_dns_rows import ForeignAccount, Unreadable
from acmedns_py.store.bulk import copy_in, make_room, settle, take_ids
from acmedns_py.store.engine import (
    FOREIGN_ERRORS,
    Owner,
    Target,
    Use,
    connect,
    file_exists,
    opening_error,
    snapshot,
    target,
)
from acmedns_py.store.home import home
from acmedns_py.store.live import ALWAYS_LIVE
from acmedns_py.store.migrate import schema_state
from acmedns_py.store.owned import owned
from acmedns_py.store.schema import PASSWORD, Clock, DatabaseClock, account, credential, imported, retired_label, txt
from acmedns_py.store.standing import write_audit
from acmedns_py.store.zones import claimed, jump

MOST_TOLD = 20
"""Accounts that are named of each kind; a broken source must not fill a terminal or a log."""

UNREADABLE, DIFFERS, REMARK = "can't be read", "differs", "note"
"""What is told of an account."""

log = structlog.get_logger()


@dataclass(slots=True)
class Taken:
    """What an import came to: counts of accounts, and the first of those of which there is something to say.

    `unchanged` says that the source looks as it did at the last import, so that it was not read again.
    """

    source: str
    form: str
    kept_in: str
    new: int = 0
    present: int = 0
    differing: int = 0
    unreadable: int = 0
    unchanged: bool = False
    told: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    untold: Counter[str] = field(default_factory=Counter)

    def tell(self, kind: str, who: str, what: str) -> None:
        """Note something about an account, or only that there is more of the kind."""
        lines = self.told.setdefault(kind, [])
        if len(lines) < MOST_TOLD:
            lines.append((who, what))
        else:
            self.untold[kind] += 1


async def import_acme_dns(
    url: str, source_url: str, *, apex: bytes, dry_run: bool, actor: str, owner: Owner | None = None
) -> Taken:
    """Import into the database of `url`, whose server must not be running; `dry_run` only compares, at any time.

    `actor` is who does it, for the audit log; `owner` is whose the database will be where it is made now.

    Raises `StoreRefused` or `StoreUnavailable`; then nothing was imported.
    """
    place = (await home(url)).place
    source_place = target(source_url)
    if source_place.path is not None and source_place.path == place.path:
        raise StoreRefused(f"{place.name} is this server's own database; name acme-dns's")
    async with acme_dns.opened(source_place, option=_SOURCE) as source:
        if dry_run:
            return await _compare(place, source, apex)
        await source.require_whole()
        async with owned(place, owner) as held:
            token = held.lock.token
            return await _transaction(place, source, apex=apex, clock=DatabaseClock, token=token, actor=actor)


_SOURCE = "the address of acme-dns's database"


async def take_over_beside(place: Target, source_place: Target, *, apex: bytes, clock: Clock, token: str) -> None:
    """Import what is new in the acme-dns database that ours stands beside, and log it; the caller holds the lock.

    A source that looks as it did last time is not read: a start with a million accounts costs one look at it.
    """
    async with acme_dns.opened(source_place, option="database.url") as source:
        try:
            taken = await _transaction(place, source, apex=apex, clock=clock, token=token, actor=None)
        except FOREIGN_ERRORS as error:
            raise opening_error(error, place) from error
    for kind, lines in taken.told.items():
        for who, what in lines:
            log.warning("acme_dns_account", account=who, kind=kind, reason=what)
    log.info(
        "acme_dns_taken_over",
        source=taken.source,
        form=taken.form,
        new=taken.new,
        present=taken.present,
        differing=taken.differing,
        unreadable=taken.unreadable,
        read=not taken.unchanged,
        kept_in=taken.kept_in,
        way_back="stop acmedns and start acme-dns: its tables are as it left them",
    )


async def require_whole(source_place: Target) -> None:
    """Refuse a source that can't be taken over before anything is made beside it."""
    async with acme_dns.opened(source_place, option="database.url") as source:
        await source.require_whole()


async def _compare(place: Target, source: Source, apex: bytes) -> Taken:
    """Compare only; a database that is not there yet, or has no tables, is as one without accounts."""
    taken = Taken(source.place.name, source.form.name, place.name)
    if place.path is not None and not file_exists(place.path):
        await _go_through(None, source, taken, apex, since=None)
        return taken
    state = await schema_state(place)
    if state.revision is None:
        await _go_through(None, source, taken, apex, since=None)
        return taken
    if state.due:
        raise StoreRefused(f"{place.name} is not up to date; run acmedns db upgrade first")
    try:
        async with snapshot(place, Use.LOOK) as connection:
            since = await _last_import(connection, source)
            await _go_through(connection, source, taken, apex, since=None if since is None else since.imported_at)
    except FOREIGN_ERRORS as error:
        raise opening_error(error, place) from error
    return taken


async def _transaction(
    place: Target, source: Source, *, apex: bytes, clock: Clock, token: str, actor: str | None
) -> Taken:
    """Do all of it; `actor` is None at a start, which does not read a source that looks as it did last time."""
    taken = Taken(source.place.name, source.form.name, place.name)
    engine = connect(place, Use.LONG)
    try:
        async with engine.connect() as connection, connection.begin():
            await make_room(connection, place)
            zone_id, cursor = await claimed(connection, apex, clock, token)
            last = await _last_import(connection, source)
            if last is not None and last.mark == source.mark and actor is None:
                taken.unchanged = True
                taken.present, taken.differing, taken.unreadable = last.present, last.differing, last.unreadable
                return taken
            now = await connection.scalar(select(clock())) or 0
            into = _Into(connection, place, cursor + 1, now)
            await _go_through(connection, source, taken, apex, since=last.imported_at if last else None, into=into)
            if taken.new:
                await jump(connection, zone_id, cursor + 1)
                await settle(connection, place, (account, credential, txt))
            await write_audit(connection, [imported_entry(taken, actor or START, taken.source)], now)
            if last is None or last.mark != source.mark:
                await _remember(connection, source, taken, now)
    finally:
        await engine.dispose()
    return taken


def imported_entry(taken: Taken, actor: str, subject: str, **others: int) -> Entry:
    """What the audit log says of an import; `others` are counts of what else came than accounts."""
    counts = {
        "new": taken.new,
        "present": taken.present,
        "differing": taken.differing,
        "unreadable": taken.unreadable,
    }
    return Entry(actor, OFFLINE, "accounts_imported", subject, details={"form": taken.form, **counts, **others})


async def _last_import(connection: AsyncConnection, source: Source) -> Any:
    """Give the row of the last import from this source, or None."""
    return (await connection.execute(select(imported).where(imported.c.source == source.place.name))).first()


async def _remember(connection: AsyncConnection, source: Source, taken: Taken, now: int) -> None:
    await connection.execute(delete(imported).where(imported.c.source == source.place.name))
    row = {
        "source": source.place.name,
        "mark": source.mark,
        "imported_at": now,
        "present": taken.present + taken.new,
        "differing": taken.differing,
        "unreadable": taken.unreadable,
    }
    await connection.execute(insert(imported), row)


async def _go_through(
    connection: AsyncConnection | None,
    source: Source,
    taken: Taken,
    apex: bytes,
    *,
    since: int | None,
    into: "_Into | None" = None,
) -> None:
    """Compare every account with ours, and put the new ones in where there is a place for them.

    `connection` is None where there are no tables of ours; `since` is the time of the last import in microseconds.
    """
    ours = _Ours(connection)
    zone = name.to_text(apex).removesuffix(".")
    await ours.look()
    async for batch in source.accounts():
        readable: list[ForeignAccount] = []
        for one in batch:
            if isinstance(one, Unreadable):
                taken.unreadable += 1
                taken.tell(UNREADABLE, one.who, one.reason)
            elif not fits(one.label, zone):
                taken.unreadable += 1
                taken.tell(UNREADABLE, one.username, f"below {zone} its name is longer than any that DNS can ask for")
            else:
                readable.append(one)
        await ours.find(readable)
        new: list[ForeignAccount] = []
        for one in readable:
            differences = ours.differences(one, since)
            if differences is None:
                new.append(one)
                for remark in one.remarks:
                    taken.tell(REMARK, one.username, remark)
            elif differences:
                taken.differing += 1
                taken.tell(DIFFERS, one.username, differences)
            else:
                taken.present += 1
        taken.new += len(new)
        if into is not None and new:
            await into.put(new)


class _Ours:
    """The accounts that are here already, looked up for a batch of others; an empty database is asked only once."""

    def __init__(self, connection: AsyncConnection | None) -> None:
        self._connection = connection
        self._empty = True
        self._by_username: dict[str, tuple[str, tuple[str, ...], set[str]]] = {}
        self._labels: set[str] = set()
        self._deleted: set[str] = set()

    async def look(self) -> None:
        """Find out whether there is or was any account; those that this import brings are no two of them alike."""
        if self._connection is not None:
            found = [
                (await self._connection.execute(select(table.c.label).limit(1))).first()
                for table in (account, retired_label)
            ]
            self._empty = found == [None, None]

    async def find(self, others: Sequence[ForeignAccount]) -> None:
        """Look up what `differences` of these accounts needs."""
        if self._connection is None or self._empty or not others:
            return
        rows = await self._connection.execute(
            select(account.c.username, account.c.label, account.c.allow_from, credential.c.verifier)
            .outerjoin(credential, (credential.c.account == account.c.id) & (credential.c.kind == PASSWORD))
            .where(account.c.username.in_(padded(one.username for one in others)))
        )
        self._by_username = {}
        for username, label, allow_from, verifier in rows:
            known = self._by_username.setdefault(username, (label, tuple(json.loads(allow_from)), set()))
            known[2].add(verifier)
        labels = padded(one.label for one in others)
        self._labels = set(await self._connection.scalars(select(account.c.label).where(account.c.label.in_(labels))))
        deleted = select(retired_label.c.label).where(retired_label.c.label.in_(labels))
        self._deleted = set(await self._connection.scalars(deleted))

    def differences(self, other: ForeignAccount, since: int | None) -> str | None:
        """Say what is another there than here, "" where nothing is; None where the account is not here."""
        known = self._by_username.get(other.username)
        if known is None and other.label in self._deleted:
            return "it was deleted here, and stays so"
        if known is None:
            return "its subdomain belongs to another account here" if other.label in self._labels else None
        label, allow_from, verifiers = known
        found = []
        if label != other.label:
            found.append("subdomain")
        if allow_from != other.allow_from:
            found.append("allowfrom")
        # A verifier of ours is what a login has made of theirs, or what an operator has set.
        if all(verifier and outdated(verifier) for verifier in verifiers) and other.verifier not in verifiers:
            found.append("password")
        if since is not None and other.values and other.values[0][1] > since:
            found.append("values (written there since the last import)")
        return f"in {', '.join(found)}; what is here was kept" if found else ""


class _Into:
    """Where new accounts go: a transaction that holds the zone's row, the cursor and the time that they come under."""

    def __init__(self, connection: AsyncConnection, place: Target, cursor: int, now: int) -> None:
        self._connection = connection
        self._place = place
        self._cursor = cursor
        self._now = now

    async def put(self, accounts: Sequence[ForeignAccount]) -> None:
        """Insert accounts with their passwords and values."""
        ids = await take_ids(self._connection, self._place, account, len(accounts))
        numbered = list(zip(ids, accounts, strict=True))
        await self._copy(
            account,
            ("id", "username", "label", "allow_from", "disabled", "created_at", "last_update_at"),
            [
                (number, one.username, one.label, json.dumps(one.allow_from), False, self._now, self._latest(one))
                for number, one in numbered
            ],
        )
        await self._copy(
            credential,
            ("account", "kind", "verifier"),
            [(number, PASSWORD, one.verifier) for number, one in numbered],
        )
        await self._copy(
            txt,
            ("account", "value", "cursor", "written_at", "superseded"),
            [
                # A clock that was ahead there must not let a value outlive those that come here.
                (number, value, self._cursor, min(time, self._now), rank >= ALWAYS_LIVE)
                for number, one in numbered
                for rank, (value, time) in enumerate(one.values)
            ],
        )

    def _latest(self, one: ForeignAccount) -> int | None:
        """Give when an account was last used there: the clock there may have been ahead."""
        return min(one.values[0][1], self._now) if one.values else None

    async def _copy(self, table: Table, columns: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
        await copy_in(self._connection, self._place, table, columns, rows)
