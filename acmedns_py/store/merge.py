"""Merges a backup into a database that has accounts of its own: what is new comes, what is here stays as it is.

An account is known by its username, a token by its name, an entry of the audit log by all that it says. What belongs to
an account comes with it and not otherwise, so that a merge that is repeated changes nothing. Ids are given anew. All
accounts come under the zone's next cursor, without change rows, as with `takeover`.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Table, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from acmedns_py.accounts.hashing import outdated
from acmedns_py.accounts.ports import Entry
from acmedns_py.accounts.txt_rule import TxtRule, is_challenge
from acmedns_py.errors import StoreRefused
from acmedns_py.store import rows
from acmedns_py.store.accounts import padded
from acmedns_py.store.backup_file import examined, file_name, opened
from acmedns_py.store.bulk import ROWS_AT_ONCE, copy_in, make_room, settle, take_ids
from acmedns_py.store.engine import FOREIGN_ERRORS, Target, Use, connect, opening_error, snapshot
from acmedns_py.store.maintenance import require_tables
from acmedns_py.store.migrate import schema_state
from acmedns_py.store.owned import owned
from acmedns_py.store.restore import require_zone
from acmedns_py.store.schema import (
    PASSWORD,
    Clock,
    DatabaseClock,
    account,
    audit,
    credential,
    imported,
    retired_label,
    stored,
    token,
    txt,
)
from acmedns_py.store.standing import write_audit
from acmedns_py.store.takeover import DIFFERS, UNREADABLE, Taken, imported_entry
from acmedns_py.store.zones import claimed, jump

NEW, PRESENT, DIFFERING = "new", "already there", "differ"

_COMPARED = {
    account.name: {
        "label": "subdomain",
        "allow_from": "allowfrom",
        "disabled": "disabled",
        "title": "label",
        "txt_rule": "txt_rule",
    },
    token.name: {key: key for key in ("scopes", "sources", "labels", "expires_at", "revoked_at", "txt_rule")},
}
"""Columns in which a row here and one there are compared, and what people call them; others change by mere use."""


@dataclass(slots=True)
class Merged:
    """What came of the accounts, and of the rows of other tables that are counted by themselves."""

    accounts: Taken
    others: dict[str, Counter[str]] = field(default_factory=dict)


async def merge(
    url: str, path: Path, *, apex: bytes, zone_name: str, dry_run: bool, actor: str, clock: Clock = DatabaseClock
) -> Merged:
    """Merge a backup into the database of `url`, whose server must not be running; `dry_run` only compares.

    `actor` is who does it, for the audit log.

    Raises `BackupRefused`, `StoreRefused` or `StoreUnavailable`; then nothing was changed.
    """
    header = (await asyncio.to_thread(examined, path, _pass_over)).header
    require_zone(header, path, zone_name)
    # Not made here: at a place that was not meant, an import would look as if it had gone well.
    place = await require_tables(url)
    state = await schema_state(place)
    if state.revision is None:
        raise StoreRefused(f"{place.name} is empty; acmedns serve or acmedns db upgrade makes the tables")
    merged = Merged(Taken(str(path), f"backup of revision {header.revision}", place.name))
    if dry_run:
        if state.due:
            raise StoreRefused(f"{place.name} is not up to date; run acmedns db upgrade first")
        try:
            async with snapshot(place, Use.LOOK) as connection:
                await _Merge(connection, place, merged, into=None).all_of(path)
        except FOREIGN_ERRORS as error:
            raise opening_error(error, place) from error
        return merged
    async with owned(place) as taken:
        engine = connect(place, Use.LONG)
        try:
            async with engine.connect() as connection, connection.begin():
                await make_room(connection, place)
                zone_id, cursor = await claimed(connection, apex, clock, taken.lock.token)
                now = await connection.scalar(select(clock())) or 0
                await _Merge(connection, place, merged, into=(cursor + 1, now)).all_of(path)
                if merged.accounts.new:
                    await jump(connection, zone_id, cursor + 1)
                    await settle(connection, place, (account, credential, txt))
                await write_audit(connection, [_entry(path, merged, actor)], now)
        finally:
            await engine.dispose()
    return merged


def _entry(path: Path, merged: Merged, actor: str) -> Entry:
    others = {f"{table}_{NEW}": counts[NEW] for table, counts in merged.others.items() if counts[NEW]}
    return imported_entry(merged.accounts, actor, file_name(path), **others)


def _pass_over(_line: int, _reason: str) -> None:
    """Leave it for the second reading to tell."""


class _Merge:
    """One merge; `into` is the cursor and the time that new values come under, None where nothing is written."""

    def __init__(
        self, connection: AsyncConnection, place: Target, merged: Merged, *, into: tuple[int, int] | None
    ) -> None:
        self._connection = connection
        self._place = place
        self._merged = merged
        self._taken = merged.accounts
        self._into = into
        # From ids of the file to ids here: of what is new, or is here too.
        self._new: dict[int, int] = {}
        self._here: dict[int, int] = {}
        # Ids of the file, of accounts that are here: which differ, whose values can last there.
        self._unlike: set[int] = set()
        self._lasting: set[int] = set()
        self._tokens: dict[int, int] = {}
        # The highest number in the audit log before anything came.
        self._last_entry: int | None = None
        # Names of those that are revoked, here or, of what is new, there.
        self._revoked: dict[int, str] = {}

    async def all_of(self, path: Path) -> None:
        with opened(path) as reader:
            for batch in reader.batches(self._unreadable):
                if batch:
                    await self._take(rows.BY_NAME[rows.table_of(batch[0])], batch)

    def _unreadable(self, line: int, reason: str) -> None:
        self._taken.unreadable += 1
        self._taken.tell(UNREADABLE, f"line {line}", reason)

    async def _take(self, table: Table, batch: list[Any]) -> None:
        if table is account:
            await self._accounts(batch)
        elif table is token:
            await self._token_rows(batch)
        elif table is retired_label:
            await self._retired(batch)
        elif table is audit:
            await self._entries(batch)
        elif table is not imported:  # That is about what this database stands beside.
            if table is credential:
                await self._compare_passwords(batch)
            elif table is txt:
                await self._compare_lasting(batch)
            elif table is stored:
                batch = await self._storable(batch)
            await self._belongings(table, batch)

    async def _accounts(self, batch: list[Any]) -> None:
        here = await self._found(account, account.c.username, [row.username for row in batch])
        labels = {found.label for found in await self._found(account, account.c.label, [row.label for row in batch])}
        retired = await self._retired_here(batch)
        known = {found.username: found for found in here}
        new = []
        for row in batch:
            found = known.get(row.username)
            if found is not None:
                self._here[row.id] = found.id
                if row.txt_rule == TxtRule.ANY:
                    self._lasting.add(row.id)
                self._taken.present += 1
                if differing := _differing(account, row, found):
                    self._unlike_here(row.id, row.username, differing)
                continue
            if row.label in retired:
                reason = "it was deleted here, and stays so"
            elif row.label in labels:
                reason = "its subdomain belongs to another account here"
            else:
                new.append(row)
                continue
            self._differs(row.username, reason)
        self._taken.new += len(new)
        self._new |= await self._insert_numbered(account, new)

    async def _token_rows(self, batch: list[Any]) -> None:
        here = await self._found(token, token.c.name, [row.name for row in batch])
        digests = {row.digest for row in await self._found(token, token.c.digest, [row.digest for row in batch])}
        known = {found.name: found for found in here}
        new = []
        for row in batch:
            found = known.get(row.name)
            if (row if found is None else found).revoked_at is not None:
                self._revoked[row.id] = row.name
            if found is None and row.digest not in digests:
                new.append(row)
                continue
            if found is None:
                reason = "it is here by another name"
            elif found.digest != row.digest:
                reason = "another token has this name here"
            else:
                self._tokens[row.id] = found.id
                differing = _differing(token, row, found)
                reason = f"in {differing}; what is here was kept" if differing else ""
            self._count(token, DIFFERING if reason else PRESENT)
            if reason:
                self._taken.tell(DIFFERS, f"token {row.name}", reason)
        self._count(token, NEW, len(new))
        self._tokens |= await self._insert_numbered(token, new)

    async def _retired(self, batch: list[Any]) -> None:
        retired = await self._retired_here(batch)
        used = {found.label for found in await self._found(account, account.c.label, [row.label for row in batch])}
        new = []
        for row in batch:
            if row.label in used:
                self._count(retired_label, DIFFERING)
                self._taken.tell(DIFFERS, f"label {row.label}", "deleted there; the account that has it here keeps it")
            elif row.label in retired:
                self._count(retired_label, PRESENT)
            else:
                new.append(row)
        self._count(retired_label, NEW, len(new))
        await self._insert(retired_label, ["label"], [(row.label,) for row in new])

    async def _entries(self, batch: list[Any]) -> None:
        columns = [str(column.name) for column in audit.columns if column is not audit.c.id]
        said = [tuple(getattr(row, column) for column in columns) for row in batch]
        here = await self._said_here(columns, set(said))
        new = [one for one in said if one not in here]
        self._count(audit, NEW, len(new))
        self._count(audit, PRESENT, len(said) - len(new))
        await self._insert(audit, columns, new)

    async def _said_here(self, columns: Sequence[str], said: set[tuple[Any, ...]]) -> set[tuple[Any, ...]]:
        """Give those of these entries that were here before the merge.

        However many are of one time, as a file may have made them, only as many are kept as were asked for.
        """
        if self._last_entry is None:
            self._last_entry = await self._connection.scalar(select(func.max(audit.c.id))) or 0
        place = columns.index(audit.c.at.name)
        asked = select(*(audit.c[column] for column in columns)).where(
            audit.c.at.in_(padded({one[place] for one in said})), audit.c.id <= self._last_entry
        )
        here = set()
        async with self._connection.stream(asked) as found:
            async for some in found.partitions(ROWS_AT_ONCE):
                # What the file has of an entry with a NUL is its escaped form.
                here |= said.intersection(tuple(map(rows.escaped, one)) for one in some)
        return here

    async def _compare_passwords(self, batch: list[Any]) -> None:
        """Find accounts that are here with another password; a hash that a login has renewed is no difference."""
        asked = [row for row in batch if row.account in self._here and row.kind == PASSWORD and row.expires is None]
        ids = [self._here[row.account] for row in asked]
        here: dict[int, set[str]] = {}
        for found in await self._found(credential, credential.c.account, ids):
            here.setdefault(found.account, set()).add(found.verifier)
        unlike = [row for row in asked if _other_password(row.verifier, here.get(self._here[row.account], set()))]
        await self._tell_unlike({row.account for row in unlike}, "password")

    async def _compare_lasting(self, batch: list[Any]) -> None:
        """Find accounts that are here without a value that lasts there: a certificate may hang on it."""
        asked = [row for row in batch if row.account in self._lasting and not is_challenge(row.value)]
        found = await self._found(txt, txt.c.account, [self._here[row.account] for row in asked])
        here = {(one.account, one.value) for one in found}
        missing = {row.account for row in asked if (self._here[row.account], row.value) not in here}
        await self._tell_unlike(missing, "lasting values")

    async def _tell_unlike(self, numbers: set[int], what: str) -> None:
        """Tell of accounts that are here, by their ids in the file, in what they differ."""
        names = await self._found(account, account.c.id, [self._here[number] for number in sorted(numbers)])
        usernames = {found.id: found.username for found in names}
        for number in sorted(numbers):
            self._unlike_here(number, usernames[self._here[number]], what)

    def _unlike_here(self, number: int, username: str, what: str) -> None:
        """Tell of one; it is counted once, in however much it differs."""
        if number not in self._unlike:
            self._unlike.add(number)
            self._taken.present -= 1
            self._taken.differing += 1
        self._taken.tell(DIFFERS, f"account {username}", f"in {what}; what is here was kept")

    async def _storable(self, batch: list[Any]) -> list[Any]:
        """Give those of new accounts whose token is good, and has nothing under their domain; the others are told."""
        asked = [row for row in batch if row.account in self._new and row.token in self._tokens]
        if not asked:
            return []
        tokens = [self._tokens[row.token] for row in asked]
        of_domains = stored.c.domain.in_(padded(row.domain for row in asked))
        found = await self._found(stored, stored.c.token, tokens, of_domains)
        here = {(one.token, one.domain) for one in found}
        names = {one.id: one.name for one in await self._found(token, token.c.id, tokens)}
        kept = []
        for row in asked:
            number = self._tokens[row.token]
            if row.token in self._revoked:
                # What a token keeps ends with it.
                told = f"token {self._revoked[row.token]} is revoked"
            elif (number, row.domain) in here:
                told = f"token {names[number]} has another one of that domain here, which was kept"
            else:
                kept.append(row)
                continue
            self._count(stored, DIFFERING)
            self._taken.tell(DIFFERS, f"stored account of {row.domain}", told)
        if kept:
            self._count(stored, NEW, len(kept))
        return kept

    async def _belongings(self, table: Table, batch: list[Any]) -> None:
        """Insert rows that belong to new accounts, with the ids that accounts and tokens have here."""
        ids = {account.name: self._new, token.name: self._tokens}
        columns = [column for column in table.columns if column.name != "id"]
        owners = {column.name: ids[key.column.table.name] for column in columns for key in column.foreign_keys}
        new = []
        for row in batch:
            if any(getattr(row, name) not in known for name, known in owners.items()):
                continue
            document = {str(column.name): getattr(row, column.name) for column in columns}
            document |= {name: known[document[name]] for name, known in owners.items()}
            if table is txt and self._into is not None:
                cursor, now = self._into
                # A clock that was ahead there must not let a value outlive those that come here.
                document |= {"cursor": cursor, "written_at": min(row.written_at, now)}
            new.append(tuple(document.values()))
        await self._insert(table, [str(column.name) for column in columns], new)

    async def _found(
        self, table: Table, key: ColumnElement[Any], values: Sequence[Any], *more: ColumnElement[bool]
    ) -> list[Any]:
        """Give the rows that have one of these values, and for which all else holds."""
        if not values:
            return []
        return list(await self._connection.execute(select(table).where(key.in_(padded(values)), *more)))

    async def _retired_here(self, batch: list[Any]) -> set[str]:
        found = await self._found(retired_label, retired_label.c.label, [row.label for row in batch])
        return {row.label for row in found}

    async def _insert_numbered(self, table: Table, new: list[Any]) -> dict[int, int]:
        """Insert rows under ids of their own; gives these by the ids of the file."""
        if self._into is None or not new:
            return dict.fromkeys((row.id for row in new), 0)
        given = await take_ids(self._connection, self._place, table, len(new))
        numbered = [(number, *rows.cells(row)[1:]) for number, row in zip(given, new, strict=True)]
        await self._insert(table, table.columns.keys(), numbered)
        return {row.id: number for number, row in zip(given, new, strict=True)}

    async def _insert(self, table: Table, columns: Sequence[str], new: Sequence[tuple[Any, ...]]) -> None:
        if self._into is not None:
            await copy_in(self._connection, self._place, table, columns, new)

    def _differs(self, username: str, reason: str) -> None:
        self._taken.differing += 1
        self._taken.tell(DIFFERS, f"account {username}", reason)

    def _count(self, table: Table, what: str, count: int = 1) -> None:
        self._merged.others.setdefault(str(table.name), Counter())[what] += count


def _other_password(verifier: str, here: set[str]) -> bool:
    return verifier not in here and not outdated(verifier) and not any(map(outdated, here))


def _differing(table: Table, row: Any, found: Any) -> str:
    """Name what is another there than here; "" where nothing is."""
    compared: Iterator[tuple[str, str]] = iter(_COMPARED[table.name].items())
    return ", ".join(called for column, called in compared if getattr(row, column) != getattr(found, column))
