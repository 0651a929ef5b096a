"""Backups of one engine restored into the same or the other: row by row the same, or nothing at all."""

import asyncio
import base64
import gzip
import hashlib
import json
import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Boolean, Column, ForeignKey, LargeBinary, Table, Text, select

from acmedns_py.accounts.directory import Delete
from acmedns_py.accounts.ports import Account, Entry
from acmedns_py.accounts.times import moment_of
from acmedns_py.accounts.txt_rule import TxtRule
from acmedns_py.api.local import user_name
from acmedns_py.cli.backup import counted
from acmedns_py.errors import AcmednsError, BackupRefused, LabelTaken, StoreRefused, StoreUnavailable
from acmedns_py.store import backup_file, bulk, rows, schema
from acmedns_py.store import restore as restoring
from acmedns_py.store.backup import back_up
from acmedns_py.store.backup_file import BATCH_OCTETS, LONGEST_LINE, Header, examined, file_name, opened, written
from acmedns_py.store.bulk import copy_in
from acmedns_py.store.engine import Use, connect, snapshot, target
from acmedns_py.store.merge import NEW, PRESENT, merge
from acmedns_py.store.restore import (
    COMMITS_A_SECOND,
    DELETED,
    DISABLED,
    MOST_AHEAD,
    REVOKED,
    GoodAgain,
    Restored,
    restore,
    resumed,
)
from acmedns_py.store.store import SqlStore
from acmedns_py.store.takeover import MOST_TOLD
from tests.postgres import Postgres
from tests.store.conftest import APEX, Opened, OpenStore, a_value, execute
from tests.store.link import Link

ZONE = "auth.example"
ACTOR = user_name(os.getuid())
EACH = 3
"""Rows of every table."""
VERIFIER = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAA{}A$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"


@pytest.fixture
def urls(tmp_path: Path, postgres: Postgres) -> Iterator[Callable[[str, str], str]]:
    """Gives URLs of empty databases by engine and name; of SQLite not even the directory is there."""
    made: list[str] = []

    def url(engine: str, name: str) -> str:
        if engine == "sqlite":
            return f"sqlite:///{tmp_path}/{name}/acmedns.db"
        made.append(postgres.make_database())
        return postgres.url(made[-1])

    yield url
    for name in made:
        postgres.drop_database(name)


async def prepared(url: str) -> str:
    """Make the tables and the zone's row, as a server does."""
    store = await SqlStore.open(url, apex=APEX, window_seconds=3600, max_values=100, on_commit=lambda _commit: None)
    await store.close()
    return url


def cell(column: Column[Any], number: int) -> Any:
    """Make up what a column of the `number`-th row holds, unlike what it holds in any other."""
    if column is schema.stored.c.token:
        # The one that is not revoked: others keep nothing.
        return 1_000
    if column.foreign_keys or column.name == "id":
        return 1_000 + number
    if column.name == "allow_from":
        return json.dumps(["192.0.2.0/24", f"2001:db8::{number}/128"])
    if column is schema.txt.c.written_at:
        # Times to come are not kept.
        return 1_700_000_000_000_000 + number
    if column.name == "verifier":
        return VERIFIER.format(number)
    if column is schema.credential.c.kind:
        return schema.PASSWORD
    if column.name == "txt_rule":
        return TxtRule.ANY
    if column is schema.token.c.scopes:
        return "register storage"
    if column is schema.token.c.sources:
        return json.dumps([f"192.0.2.{number}/32"])
    if column is schema.audit.c.details:
        return json.dumps({"number": number})
    if column is schema.retired_label.c.label:
        return f"retired-{number}"
    if isinstance(column.type, Boolean):
        return number % 2 == 0
    if isinstance(column.type, LargeBinary):
        return bytes([0, number, 255]) + column.name.encode()
    if isinstance(column.type, Text):
        return None if column.nullable and number == 0 else f"{column.name.replace('_', '-')}-{number}"
    return None if column.nullable and number == 0 else 2**53 + number


async def filled(url: str) -> str:
    """Put rows into every table that is carried, all columns of them."""
    place = target(await prepared(url))
    engine = connect(place, Use.LONG)
    try:
        async with engine.begin() as connection:
            for table in rows.CARRIED:
                made = [tuple(cell(column, number) for column in table.columns) for number in range(EACH)]
                await copy_in(connection, place, table, table.columns.keys(), made)
    finally:
        await engine.dispose()
    return url


async def contents(url: str) -> dict[str, list[tuple[Any, ...]]]:
    """Give all rows of the tables that are carried, without what this database's audit log has of a restore."""
    async with snapshot(target(url), Use.LOOK) as connection:
        found = {
            table.name: [
                tuple(row) for row in await connection.execute(select(table).order_by(*table.primary_key.columns))
            ]
            for table in rows.CARRIED
        }
    found["audit"] = [row for row in found["audit"] if ACTOR not in row]
    return found


async def entries(url: str) -> list[tuple[Any, ...]]:
    """Give what the audit log has of restores and imports; the details as they are read."""
    found = await execute(
        url,
        f"SELECT action, source, subject, details FROM audit WHERE actor = '{ACTOR}' ORDER BY id",  # noqa: S608
    )
    return [(*others, json.loads(details)) for *others, details in found]


async def backed_up(url: str, path: Path, **options: Any) -> Header:
    """Write a backup."""
    return await back_up(url, zone_name=ZONE, out=partial(written, path, compressed=True), name=str(path), **options)


async def restored(url: str, path: Path, *, replace: bool = False) -> Restored:
    """Restore a backup."""
    return await restore(url, path, apex=APEX, zone_name=ZONE, replace=replace, actor=ACTOR)


BOTH = pytest.mark.parametrize("engine", ["sqlite", "postgresql"])


@BOTH
@pytest.mark.parametrize("into", ["sqlite", "postgresql"])
async def test_every_column_of_every_table_comes_back(engine: str, into: str, urls, tmp_path: Path):
    """From either engine into either; and a backup of what was restored has the same lines but for its header."""
    source, destination = await filled(urls(engine, "source")), urls(into, "destination")
    first, second = tmp_path / "first", tmp_path / "second"
    await backed_up(source, first)
    made = await restored(destination, first)
    assert made.kept is None
    assert await contents(destination) == await contents(source)
    assert all(len(found) == EACH for found in (await contents(destination)).values())
    await backed_up(destination, second)
    lines, again = (gzip.decompress(path.read_bytes()).splitlines() for path in (first, second))
    assert [line for line in again[1:-1] if b"database_restored" not in line] == lines[1:-1]
    assert len(again) == len(lines) + 1
    assert len(lines) == EACH * len(rows.CARRIED) + 2


@BOTH
async def test_numbers_go_on_above_those_that_came(engine: str, urls, tmp_path: Path, open_at: OpenStore):
    """A host registers at the restored server, and gets an id that no row has; so does a token."""
    await backed_up(await filled(urls("sqlite", "source")), tmp_path / "backup")
    url = urls(engine, "destination")
    await restored(url, tmp_path / "backup")
    account = await (await open_at(url)).new_account()
    assert account.id > 1_000 + EACH - 1


async def deleted(one: Opened, account: Account) -> Account:
    """Have an operator delete an account."""
    entry = Entry(ACTOR, "test", "account_deleted", account.username)
    await one.store.change(account.id, Delete(), entry)
    return account


async def require_gone_for_ever(one: Opened, account: Account) -> None:
    """Its label is refused to who chooses it, and the next account has a higher number."""
    with pytest.raises(LabelTaken):
        await one.store.register(
            username=str(uuid.uuid4()), label=account.label, allow_from=[], verifier="v", chosen=True
        )
    assert (await one.new_account()).id > account.id


@BOTH
@pytest.mark.parametrize("into", ["sqlite", "postgresql"])
async def test_what_was_deleted_before_the_backup_stays_so(
    engine: str, into: str, urls, tmp_path: Path, open_at: OpenStore
):
    """Neither label nor number is handed out by the restored server; of the highest number no row was left."""
    source, destination = urls(engine, "source"), urls(into, "destination")
    one = await open_at(source)
    await one.new_account()
    gone = await deleted(one, await one.new_account())
    await backed_up(source, tmp_path / "backup")
    await restored(destination, tmp_path / "backup")
    await require_gone_for_ever(await open_at(destination), gone)


@BOTH
async def test_what_was_deleted_in_what_is_replaced_stays_so(engine: str, urls, tmp_path: Path, open_at: OpenStore):
    """Unless the backup has the account: that is good again, and can be deleted again."""
    url = urls(engine, "one")
    one = await open_at(url)
    old, always = await one.new_account(), await deleted(one, await one.new_account())
    await backed_up(url, tmp_path / "backup")
    since = await deleted(one, await one.new_account())
    await deleted(one, old)
    await one.store.close()
    for _ in range(2):
        await restored(url, tmp_path / "backup", replace=True)
        assert {label for (label,) in (await contents(url))["retired_label"]} == {always.label, since.label}
    one = await open_at(url)
    for account in (always, since, await deleted(one, old)):
        await require_gone_for_ever(one, account)


async def test_a_backup_of_before_numbers_were_kept_is_restored(urls, tmp_path: Path):
    """Its header says nothing of them."""
    lines = await lines_of(urls, tmp_path)
    path = tmp_path / "older"
    path.write_bytes(b"".join(changed(lines, 0, numbered=...)))
    url = urls("sqlite", "destination")
    await restored(url, path)
    assert len((await contents(url))["account"]) == EACH


async def test_what_postgresql_can_not_store_of_an_old_audit_log_is_escaped(urls, tmp_path: Path):
    """SQLite took NUL, from a name that somebody typed; a merge knows such entries again."""
    source, destination = await filled(urls("sqlite", "source")), urls("postgresql", "destination")
    await execute(source, "UPDATE audit SET subject = 'a' || char(0) || 'b' WHERE id = 1001")
    await backed_up(source, tmp_path / "backup")
    await restored(destination, tmp_path / "backup")
    assert await execute(destination, "SELECT subject FROM audit WHERE id = 1001") == [("a\\x00b",)]
    for url in (source, destination):
        made = await merge(url, tmp_path / "backup", apex=APEX, zone_name=ZONE, dry_run=True, actor=ACTOR)
        assert made.others["audit"] == {PRESENT: EACH, NEW: 0}


def test_what_is_not_carried_has_a_reason():
    """A table is carried unless it is on the list; the list names tables that there are."""
    assert set(rows.NOT_CARRIED) < set(schema.metadata.tables)
    assert set(rows.BY_NAME) | set(rows.NOT_CARRIED) == set(schema.metadata.tables)
    assert not set(rows.BY_NAME) & set(rows.NOT_CARRIED)
    assert all(len(reason) >= 20 for reason in rows.NOT_CARRIED.values())


async def test_a_backup_is_one_moment(open_store: OpenStore, database_url: str, tmp_path: Path):
    """What is committed behind its first look is not in it."""
    opened_store = await open_store()
    account = await opened_store.new_account()
    await opened_store.store.add_value(account, a_value())
    before = await contents(database_url)

    path = tmp_path / "backup"
    async with snapshot(target(database_url), Use.LOOK) as connection:
        # The moment is the first look.
        await connection.execute(select(schema.account.c.id))
        await opened_store.store.add_value(account, a_value())
        found = [tuple(row) for row in await connection.execute(select(schema.txt))]
    assert len(found) == len(before["txt"])
    header = await backed_up(database_url, path)
    assert header.counts["txt"] == len(before["txt"]) + 1


def test_the_serial_goes_on_above_all_that_was_served():
    """Above the backup's and what may have followed it, above what is replaced, by less than 2^31 (RFC 1982 3.2)."""
    header = Header(format=1, program="", revision="", zone=ZONE, cursor=10**9, made_at=10**15, counts={})
    seconds = schema.MICROSECONDS
    assert resumed(header, replaced=0, now=10**15) == 10**9 + 1
    assert resumed(header, replaced=0, now=10**15 - seconds) == 10**9 + 1
    assert resumed(header, replaced=0, now=10**15 + 1) == 10**9 + 1 + COMMITS_A_SECOND
    assert resumed(header, replaced=10**9 + 5, now=10**15) == 10**9 + 6
    assert resumed(header, replaced=0, now=10**15 + 60 * seconds) == 10**9 + 1 + 60 * COMMITS_A_SECOND
    assert resumed(header, replaced=0, now=10**15 + 365 * 86_400 * seconds) == 10**9 + 1 + MOST_AHEAD
    assert MOST_AHEAD < 2**31


@BOTH
async def test_a_restored_server_goes_on_above_the_serial(engine: str, urls, tmp_path: Path, open_at: OpenStore):
    """An older backup over a database that has served more since."""
    url = urls(engine, "one")
    one = await open_at(url)
    account = await one.new_account()
    await backed_up(url, tmp_path / "backup")
    for _ in range(5):
        await one.store.add_value(account, a_value())
    served = one.image.state().cursor
    await one.store.close()
    made = await restored(url, tmp_path / "backup", replace=True)
    again = await open_at(url)
    assert again.image.state().cursor >= made.cursor > served
    assert await again.loaded(account) == ()
    found = await again.store.account(account.username)
    assert found is not None
    assert found.verifier == account.verifier


@BOTH
async def test_what_is_there_is_replaced_only_when_asked_and_is_kept(engine: str, urls, tmp_path: Path):
    """Refused with what there is; with replace a backup of it is written that brings it back, retired labels beside."""
    await backed_up(await filled(urls("sqlite", "source")), tmp_path / "backup")
    url = urls(engine, "destination")
    place = await prepared(url)
    await execute(url, "INSERT INTO retired_label VALUES ('gone')")
    before = await contents(url)
    with pytest.raises(StoreRefused, match=r"is not empty \(retired_label: 1\); with --replace a backup"):
        await restored(url, tmp_path / "backup")
    assert await contents(url) == before
    made = await restored(url, tmp_path / "backup", replace=True)
    assert made.kept is not None
    assert made.kept.stat().st_mode & 0o777 == 0o600
    both = sorted([("gone",), *((f"retired-{number}",) for number in range(EACH))])
    assert (await contents(url))["retired_label"] == both
    await restored(place, made.kept, replace=True)
    assert await contents(url) == before | {"retired_label": both}


@BOTH
async def test_who_restored_what_is_in_the_audit_log(engine: str, urls, tmp_path: Path):
    """In the transaction of the restore, with what is good again that had been ended in what was replaced."""
    path = tmp_path / os.fsdecode(b"backup-\xff")
    header = await backed_up(await filled(urls("sqlite", "source")), path)
    url = urls(engine, "destination")
    await restored(url, path)
    facts = {"made_at": moment_of(header.made_at).isoformat(), "rows": EACH * len(rows.CARRIED), "accounts": EACH}
    first = ("database_restored", "offline", f"{tmp_path}/backup-\\xff", facts | {"kept": None})
    assert await entries(url) == [first]
    await execute(
        url,
        "UPDATE token SET revoked_at = NULL, expires_at = NULL, uses_left = NULL",
        "UPDATE account SET disabled = (1 = 0)",
    )
    good = tmp_path / "good"
    await backed_up(url, good)
    await execute(
        url,
        "UPDATE token SET revoked_at = 1 WHERE name <> 'name-0'",
        "UPDATE account SET disabled = (1 = 1) WHERE username = 'username-0'",
        *(f"DELETE FROM {table} WHERE account = 1001" for table in ("stored", "made_by", "txt", "credential")),  # noqa: S608
        "DELETE FROM account WHERE id = 1001",
        "INSERT INTO retired_label VALUES ('label-1')",
    )
    made = await restored(url, good, replace=True)
    assert made.again.names == {
        REVOKED: ["name-1", "name-2"],
        DISABLED: ["username-0"],
        DELETED: ["username-1"],
    }
    assert made.kept is not None
    (*_, (_, _, subject, details)) = await entries(url)
    assert (subject, details["kept"]) == (str(good), file_name(made.kept))
    assert {what: details[what] for what in made.again.counts} == {REVOKED: 2, DISABLED: 1, DELETED: 1}
    again = await restored(url, good, replace=True)
    assert again.again == GoodAgain()


def test_of_many_that_are_good_again_the_first_are_named():
    """All are counted."""
    again = GoodAgain()
    for number in range(MOST_TOLD + 5):
        again.note(DISABLED, str(number))
    assert again.counts == {DISABLED: MOST_TOLD + 5}
    assert again.names == {DISABLED: [str(number) for number in range(MOST_TOLD)]}


async def lines_of(urls, tmp_path: Path) -> list[bytes]:
    """Give the lines of a good backup."""
    path = tmp_path / "good"
    await backed_up(await filled(urls("sqlite", "source")), path)
    return gzip.decompress(path.read_bytes()).splitlines(keepends=True)


def ended(lines: list[bytes]) -> list[bytes]:
    """Give these lines an end that fits them, as somebody would who means it."""
    body = b"".join(lines)
    end = {"type": "end", "rows": len(lines) - 1, "sha256": hashlib.sha256(body).hexdigest()}
    return [*lines, json.dumps(end).encode() + b"\n"]


def changed(lines: list[bytes], number: int, **fields: object) -> list[bytes]:
    """Change fields of a line, None for no such field, and give all an end that fits."""
    document = json.loads(lines[number])
    for key, found in fields.items():
        document[key] = found
    changed_line = json.dumps({key: found for key, found in document.items() if found is not ...}).encode() + b"\n"
    return ended([*lines[:number], changed_line, *lines[number + 1 : -1]])


def spoilt(lines: list[bytes], table: str, **fields: object) -> bytes:
    """Change fields of a table's first row."""
    number = next(number for number, line in enumerate(lines) if json.loads(line)["type"] == table)
    return b"".join(changed(lines, number, **fields))


def octets_of(count: int) -> str:
    """Give so many octets as a file has them."""
    return base64.b64encode(b"x" * count).decode()


packed = gzip.compress
BAD: dict[str, tuple[Callable[[list[bytes]], bytes], str]] = {
    "empty": (lambda _lines: b"", "is no backup of acmedns; name a file made by acmedns backup"),
    "JSON of something else": (lambda _lines: b'{"accounts": []}\n', "is no backup of acmedns"),
    "not even text": (lambda _lines: b"\x00\xff" * 50, "is no backup of acmedns"),
    "gzip of something else": (lambda _lines: packed(b"tar\n"), "is no backup of acmedns"),
    "a database": (lambda _lines: b"SQLite format 3\0" + bytes(100), "is no backup of acmedns"),
    "odd numbers in the header": (
        lambda lines: b"".join(changed(lines, 0, numbered={"account": 2**63})),
        "its header's numbered has 'account': 9223372036854775808, which can't be",
    ),
    "numbers of another table in the header": (
        lambda lines: b"".join(changed(lines, 0, numbered={"shoe": 1})),
        "its header's numbered has 'shoe': 1, which can't be",
    ),
    "newer format": (
        lambda lines: b"".join(changed(lines, 0, format=2, program="7.0")),
        "has format 2, made by acmedns-py 7.0; this program reads format 1",
    ),
    "newer revision": (
        lambda lines: b"".join(changed(lines, 0, revision="0999", program="7.0")),
        "was made by acmedns-py 7.0 from a database of revision 0999; this program knows revisions up to",
    ),
    "other zone": (
        lambda lines: b"".join(changed(lines, 0, zone="other.example")),
        "is of the zone other.example, this configuration serves auth.example; set zone.name",
    ),
    "odd header": (lambda lines: b"".join(changed(lines, 0, cursor="x")), "its header can't be read: Expected `int`"),
    "odd time in the header": (
        lambda lines: b"".join(changed(lines, 0, made_at=10**18)),
        "its header's made_at is no time of the years 1 to 9999",
    ),
    "odd cursor in the header": (
        lambda lines: b"".join(changed(lines, 0, cursor=2**63)),
        "its header's cursor is none from 0 to 4611686018427387904",
    ),
    "no room for another id": (
        lambda lines: b"".join(changed(lines, 1, id=2**63 - 1)),
        "line 2 can't be read: the id 9223372036854775807 can't be one",
    ),
    "uses below 0": (lambda lines: spoilt(lines, "token", uses_left=-1), "can't be read: uses_left is below 0"),
    "cut between lines": (lambda lines: b"".join(lines[:5]), "it ends behind line 5, before its end: it was cut off"),
    "cut in a line": (lambda lines: b"".join(lines)[:-9], "has no end: it was cut off"),
    "cut in gzip": (lambda lines: packed(b"".join(lines))[:-20], "before its end: it was cut off"),
    "flipped in gzip": (
        lambda lines: flipped(packed(b"".join(lines)), -6),
        "can't be unpacked: CRC check failed",
    ),
    "flipped": (lambda lines: b"".join(lines).replace(b"username-1", b"username-7"), "SHA-256"),
    "swapped": (lambda lines: b"".join([lines[0], lines[2], lines[1], *lines[3:]]), "SHA-256"),
    "joined": (lambda lines: b"".join(lines * 2), "it goes on behind its end, at line"),
    "joined in gzip": (lambda lines: packed(b"".join(lines)) * 2, "it goes on behind its end"),
    "wrong end": (
        lambda lines: b"".join([*lines[:-1], lines[-1].replace(b'"rows":', b'"rows":1')]),
        "it has other rows than its header and its end say",
    ),
    "a row missing": (
        lambda lines: b"".join(ended([*lines[:2], *lines[3:-1]])),
        "it has other rows than its header and its end say",
    ),
    "unknown column": (lambda lines: b"".join(changed(lines, 1, shoe_size=9)), "line 2 can't be read: Object contains"),
    "unknown table": (lambda lines: b"".join(changed(lines, 1, type="shoe")), "line 2 can't be read: Invalid value"),
    "missing column": (lambda lines: b"".join(changed(lines, 1, username=...)), "line 2 can't be read: Object missing"),
    "wrong type": (lambda lines: b"".join(changed(lines, 1, id="1")), "line 2 can't be read: Expected `int`"),
    "too large": (lambda lines: b"".join(changed(lines, 1, id=2**63)), "line 2 can't be read: "),
    "bad label": (lambda lines: b"".join(changed(lines, 1, label="A.b")), "line 2 can't be read: the label 'A.b'"),
    "bad username": (lambda lines: b"".join(changed(lines, 1, username="")), "line 2 can't be read: the username ''"),
    "bad networks": (lambda lines: b"".join(changed(lines, 1, allow_from="{}")), "line 2 can't be read: allow_from"),
    "bad rule": (lambda lines: b"".join(changed(lines, 1, txt_rule="x")), "line 2 can't be read: txt_rule 'x' is none of acme"),
    "bad time": (lambda lines: b"".join(changed(lines, 1, created_at=2**62)), "line 2 can't be read: created_at is no time"),
    "bad time of a value": (lambda lines: spoilt(lines, "txt", written_at=-(2**62)), "can't be read: written_at is no time"),
    "bad rule of a token": (lambda lines: spoilt(lines, "token", txt_rule=""), "can't be read: txt_rule '' is none of acme"),
    "bad sources": (lambda lines: spoilt(lines, "token", sources="{"), "can't be read: sources is no JSON list"),
    "bad network": (lambda lines: spoilt(lines, "token", sources='["::1"]'), "can't be read: the source '::1' is no network"),
    "bad scope": (lambda lines: spoilt(lines, "token", scopes="register all"), "can't be read: the scope 'all' is not"),
    "bad details": (lambda lines: spoilt(lines, "audit", details="[]"), "can't be read: details is no JSON object"),
    **{
        f"costly {cost}": (
            lambda lines, cost=cost: spoilt(lines, "credential", verifier=VERIFIER.format(0).replace("m=19456,t=2,p=1", cost)),
            "can't be read: the verifier asks for more than an Argon2 hash may cost",
        )
        for cost in ("m=262145,t=2,p=1", "m=19456,t=17,p=1", "m=19456,t=2,p=17")
    },
    "label of our own": (
        lambda lines: b"".join(changed(lines, 1, label="_acme-challenge")),
        "line 2 can't be read: the label '_acme-challenge' is one that the server has a use for itself",
    ),
    "label of canaries": (lambda lines: b"".join(changed(lines, 1, label="_acmedns-check")), "has a use for itself"),
    "value too long": (lambda lines: spoilt(lines, "txt", value=octets_of(1025)), "a value of 1025 octets can't be served"),
    "value without octets": (lambda lines: spoilt(lines, "txt", value=""), "a value of 0 octets can't be served"),
    "bad cursor of a value": (lambda lines: spoilt(lines, "txt", cursor=-1), "the cursor -1 can't be one"),
    "values not together": (lambda lines: spoilt(lines, "txt", account=1_002), "stands behind those of account 1002"),
    "wrong order": (
        lambda lines: b"".join(ended([lines[0], lines[-2], *lines[1:-2]])),
        ": rows of ",
    ),
    "long line": (lambda lines: b"".join([lines[0], b"x" * (LONGEST_LINE + 1)]), "line 2 is too long"),
    "deep": (lambda lines: b"".join([lines[0], b'{"type":' + b"[" * 50_000 + b"\n"]), "line 2 can't be read"),
}  # fmt: skip


def with_values(lines: list[bytes], values: list[bytes], **fields: object) -> bytes:
    """Give the file these values, all of one account, in place of its own."""
    found = [json.loads(line) for line in lines[:-1]]
    header, others = found[0], [row for row in found[1:] if row["type"] != "txt"]
    first = next(row for row in found if row["type"] == "txt")
    made = [{**first, "value": base64.b64encode(value).decode(), **fields} for value in sorted(values)]
    header["counts"]["txt"] = len(made)
    return b"".join(ended([json.dumps(row).encode() + b"\n" for row in (header, *others, *made)]))


async def test_as_many_values_come_as_go_into_a_message(tmp_path: Path, filled_lines: list[bytes]):
    """All that can be configured; one more is refused, since its name could not be answered any more."""
    most = [b"%043d" % number for number in range(1_000)] + [b"x" * 1_023 + b"%d" % number for number in range(8)]
    url, path = f"sqlite:///{tmp_path}/destination/acmedns.db", tmp_path / "backup"
    path.write_bytes(with_values(filled_lines, [*most, b"y"]))
    with pytest.raises(BackupRefused, match="account 1000 has more values than go into a message"):
        await restored(url, path)
    path.write_bytes(with_values(filled_lines, most))
    await restored(url, path)
    assert len((await contents(url))["txt"]) == len(most)


@BOTH
async def test_values_from_the_future_count_as_written_now(
    engine: str, urls, tmp_path: Path, filled_lines: list[bytes]
):
    """They would stay for ever, and every value of a host would be older than they are."""
    url, path = urls(engine, "destination"), tmp_path / "backup"
    path.write_bytes(with_values(filled_lines, [b"a"], written_at=2**57))
    await restored(url, path)
    (restored_at,) = (await execute(url, "SELECT at FROM audit WHERE action = 'database_restored'"))[0]
    assert await execute(url, "SELECT written_at FROM txt") == [(restored_at,)]


def test_long_rows_come_in_small_batches(tmp_path: Path, filled_lines: list[bytes]):
    """However long the rows of a file are, only some of them are in memory at once; and none is left out."""
    header, entry = json.loads(filled_lines[0]), next(line for line in filled_lines if b'"type":"audit"' in line)
    document = {**json.loads(entry), "subject": "x" * (LONGEST_LINE - 1_000)}
    count = 2 * BATCH_OCTETS // LONGEST_LINE + 1
    long_lines = [json.dumps({**document, "id": number}).encode() + b"\n" for number in range(1, count + 1)]
    header["counts"] = {"audit": count}
    path = tmp_path / "long"
    path.write_bytes(b"".join(ended([json.dumps(header).encode() + b"\n", *long_lines])))
    with opened(path) as reader:
        batches = list(reader.batches())
    assert [row.id for batch in batches for row in batch] == list(range(1, count + 1))
    assert all(sum(len(row.subject) for row in batch) <= BATCH_OCTETS for batch in batches)


def flipped(octets: bytes, place: int, bit: int = 0) -> bytes:
    """Turn one bit over."""
    changed_octets = bytearray(octets)
    changed_octets[place] ^= 1 << bit
    return bytes(changed_octets)


@pytest.mark.parametrize("case", BAD)
async def test_a_file_that_is_not_as_it_was_written_is_refused_whole(case: str, urls, tmp_path: Path):
    """Each with its reason, in one line with the file's name; and not even a directory is made."""
    spoil, words = BAD[case]
    path = tmp_path / "backup"
    path.write_bytes(spoil(await lines_of(urls, tmp_path)))
    with pytest.raises(BackupRefused) as refused:
        await restored(urls("sqlite", "destination"), path)
    assert words in str(refused.value)
    assert str(refused.value).startswith(str(path))
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "destination").exists()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A small whole backup, uncompressed."""
    header = {"type": "backup", "format": 1, "program": "0", "revision": schema.REVISIONS[-1], "zone": ZONE}
    header |= {"cursor": 1, "made_at": 1, "counts": {"retired_label": 3}}
    lines = [header, *({"type": "retired_label", "label": label} for label in "abc")]
    return b"".join(ended([json.dumps(line).encode() + b"\n" for line in lines]))


@given(data=st.data(), compressed=st.booleans(), cut=st.booleans())
def test_no_cut_and_no_flipped_bit_goes_unseen(tmp_path_factory, whole: bytes, data, compressed, cut):
    """Refused; or where a bit of gzip's own header says nothing, the same rows."""
    good = gzip.compress(whole, mtime=0) if compressed else whole
    place = data.draw(st.integers(0, len(good) - 1))
    path = tmp_path_factory.getbasetemp() / "spoiled"
    path.write_bytes(good[:place] if cut else flipped(good, place, data.draw(st.integers(0, 7))))
    try:
        with opened(path) as reader:
            found = [row.label for batch in reader.batches() for row in batch]
    except BackupRefused:
        return
    assert compressed
    assert not cut
    assert found == ["a", "b", "c"]


@pytest.fixture(scope="module")
def filled_lines(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """The lines of a backup with rows of every table."""
    folder = tmp_path_factory.mktemp("lines")
    asyncio.run(_backed_up_in(folder))
    return gzip.decompress((folder / "good").read_bytes()).splitlines(keepends=True)


async def _backed_up_in(folder: Path) -> None:
    await backed_up(await filled(f"sqlite:///{folder}/acmedns.db"), folder / "good")


EDGES = st.sampled_from([edge + step for edge in (0, 2**31, 2**53, 2**62, 2**63, -(2**63)) for step in (-1, 0, 1)])
ANYTHING = st.one_of(
    EDGES,
    st.integers(),
    st.text(max_size=9),
    st.none(),
    st.booleans(),
    st.floats(allow_nan=False),
    st.just([]),
    st.just({}),
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_stands_in_a_file_is_restored_or_refused(tmp_path: Path, filled_lines: list[bytes], data):
    """A field of the header or of a row that somebody has changed, with an end that fits: never another failure.

    What is restored can be told, and backed up again.
    """
    number = data.draw(st.integers(0, len(filled_lines) - 2))
    field = data.draw(st.sampled_from(sorted(json.loads(filled_lines[number]))))
    path, folder = tmp_path / "file", tmp_path / "database"
    path.write_bytes(b"".join(changed(filled_lines, number, **{field: data.draw(ANYTHING)})))
    shutil.rmtree(folder, ignore_errors=True)

    async def restored_and_backed_up() -> None:
        try:
            made = await restored(f"sqlite:///{folder}/acmedns.db", path)
        except AcmednsError:
            return
        assert counted(made.header)
        (tmp_path / "again").unlink(missing_ok=True)
        await backed_up(f"sqlite:///{folder}/acmedns.db", tmp_path / "again")
        examined(tmp_path / "again")

    asyncio.run(restored_and_backed_up())


async def test_an_older_backup_takes_defaults_for_what_it_lacks(urls, tmp_path: Path):
    """Columns that came later, with the defaults that their migration gave to rows."""
    lines = await lines_of(urls, tmp_path)
    older = changed(changed(lines, 0, revision="0001"), 1, title=..., disabled=..., last_update_at=...)
    path = tmp_path / "older"
    path.write_bytes(b"".join(older))
    await restored(urls("sqlite", "destination"), path)
    found = await execute(
        urls("sqlite", "destination"), "SELECT title, disabled, last_update_at FROM account WHERE id = 1000"
    )
    assert found == [("", 0, None)]


async def test_what_an_older_program_kept_under_a_revoked_token_stays_away(urls, tmp_path: Path):
    """It ends with its token; what is restored says no other."""
    source, destination = await filled(urls("sqlite", "source")), urls("sqlite", "destination")
    await execute(source, "UPDATE stored SET token = 1001 WHERE domain = 'domain-1'")
    await backed_up(source, tmp_path / "backup")
    await restored(destination, tmp_path / "backup")
    kept = await execute(destination, "SELECT token, domain FROM stored ORDER BY domain")
    assert kept == [(1000, "domain-0"), (1000, "domain-2")]


async def test_whatever_is_noted_in_the_audit_log_can_be_restored(urls, tmp_path: Path, open_at: OpenStore):
    """A text without an end would make a line of the backup that no reader takes."""
    url = urls("sqlite", "source")
    long = "\N{GRINNING FACE}" * LONGEST_LINE
    store = (await open_at(url)).store
    await store.note(Entry("user:root", "here", "done", long, long, {"reason": long, "scopes": [long] * 9}))
    await backed_up(url, tmp_path / "backup")
    await restored(urls("sqlite", "destination"), tmp_path / "backup")
    assert len(await execute(urls("sqlite", "destination"), "SELECT id FROM audit")) == 2


async def test_a_file_that_is_replaced_between_its_readings_is_refused_whole(urls, tmp_path: Path, monkeypatch):
    """What the first has looked at is known again by its octets alone."""
    path = tmp_path / "backup"
    await backed_up(await filled(urls("sqlite", "source")), path)

    def examined_then_replaced(path: Path):
        found = examined(path)
        lines = gzip.decompress(path.read_bytes()).splitlines(keepends=True)
        path.write_bytes(b"".join(changed(lines, 1, title="another")))
        return found

    monkeypatch.setattr(restoring, "examined", examined_then_replaced)
    url = await prepared(urls("sqlite", "destination"))
    before = await contents(url)
    with pytest.raises(BackupRefused, match="was replaced while it was read; try again"):
        await restored(url, path)
    assert await contents(url) == before


async def test_what_two_rows_can_not_both_have_is_refused_whole(urls, tmp_path: Path):
    """A file that fits its sum, and breaks a rule of the tables."""
    path = tmp_path / "twice"
    path.write_bytes(b"".join(changed(await lines_of(urls, tmp_path), 2, username="username-0")))
    with pytest.raises(AcmednsError, match=r"account\.username"):
        await restored(urls("sqlite", "destination"), path)
    assert not any((await contents(urls("sqlite", "destination"))).values())


async def test_a_database_that_a_server_writes_is_refused_by_name(
    open_store: OpenStore, database_url: str, urls, tmp_path
):
    """With whoever holds it."""
    await backed_up(await filled(urls("sqlite", "source")), tmp_path / "backup")
    await open_store()
    with pytest.raises(StoreRefused, match="is written by acmedns"):
        await restored(database_url, tmp_path / "backup", replace=True)


BACKENDS = (
    "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity WHERE datname = '{}' AND pid <> pg_backend_pid()"
)
"""Ends whoever is connected to a database; they are gone when it is answered."""


@pytest.mark.parametrize("hides_end", [False, True])
async def test_postgresql_lost_in_the_middle_leaves_nothing_half_done(
    urls,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    postgres: Postgres,
    link: Link,
    hides_end: bool,  # noqa: FBT001 - a case
):
    """Its backend ends behind the first rows; the next try finds an empty database.

    Between its last word and the end of its connection the driver says that another operation is in progress.
    """
    await backed_up(await filled(urls("sqlite", "source")), tmp_path / "backup")
    url = await prepared(urls("postgresql", "destination"))

    async def copy_and_lose(connection: Any, place: Any, table: Table, *arguments: Any) -> None:
        await copy_in(connection, place, table, *arguments)
        if table is schema.credential:
            link.hides_end = hides_end
            link.ended.clear()
            postgres.sql(BACKENDS.format(place.url.database))
            await link.ended.wait()
            # What had come for this process by then is read when this is answered.
            await execute(url, "SELECT 1")

    with monkeypatch.context() as patched:
        patched.setattr(restoring, "copy_in", copy_and_lose)
        patched.setattr(backup_file, "BATCH", 1)
        with pytest.raises(
            StoreUnavailable, match=r"^PostgreSQL .* can't be reached: .*connection (is closed|was lost)"
        ):
            await restored(link.url(url), tmp_path / "backup")
    assert not any((await contents(url)).values())
    await restored(url, tmp_path / "backup")


async def test_postgresql_lost_in_the_middle_of_a_backup_is_one_line(
    urls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, postgres: Postgres
):
    """Its backend ends between two steps through a table; there is no file."""
    url = await filled(urls("postgresql", "source"))
    encoded = rows.encoded

    def encode_and_lose(table: Table, batch: Any) -> bytes:
        postgres.sql(BACKENDS.format(target(url).url.database))
        return encoded(table, batch)

    monkeypatch.setattr(rows, "encoded", encode_and_lose)
    monkeypatch.setattr(bulk, "ROWS_AT_ONCE", 1)
    with pytest.raises(StoreUnavailable, match=r"^PostgreSQL .* can't be (used|reached): "):
        await backed_up(url, tmp_path / "backup")
    assert os.listdir(tmp_path) == []


async def test_a_file_that_is_there_is_overwritten_only_by_force(urls, tmp_path: Path):
    """And where the database fails meanwhile, it stays as it was."""
    url, path = await filled(urls("sqlite", "source")), tmp_path / "backup"
    await backed_up(url, path)
    first = path.read_bytes()
    with pytest.raises(BackupRefused, match="is there already"):
        await backed_up(url, path)
    forced = partial(written, path, compressed=True, force=True)
    with pytest.raises(StoreRefused, match="does not exist"):
        await back_up(f"sqlite:///{tmp_path}/none.db", zone_name=ZONE, out=forced, name="")
    assert path.read_bytes() == first
    await execute(url, "DELETE FROM retired_label")
    await back_up(url, zone_name=ZONE, out=forced, name="")
    assert examined(path).header.counts["retired_label"] == 0
    assert [name for name in os.listdir(tmp_path) if ".part" in name] == []


async def test_a_place_that_can_not_be_written_is_named(urls, tmp_path: Path):
    """With the system's reason."""
    url = await filled(urls("sqlite", "source"))
    with pytest.raises(BackupRefused, match=r"/nowhere/backup can't be written: No such file or directory; make room"):
        await backed_up(url, tmp_path / "nowhere" / "backup")


def test_a_killed_backup_leaves_no_file_of_that_name(tmp_path: Path):
    """SIGKILL in the middle: what is half written has another name, and goes with the next backup to that place."""
    path = tmp_path / "backup"
    code = (
        "import sys; from pathlib import Path; from acmedns_py.store.backup_file import written\n"
        f"with written(Path({str(path)!r}), compressed=True) as file:\n"
        "    file.write(b'x' * 100_000); print('in the middle', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"in the middle\n"
        with written(path, compressed=True):
            assert len(list(tmp_path.iterdir())) == 2, "what is being written stays"
        path.unlink()
        process.kill()
    assert not path.exists()
    assert len(list(tmp_path.iterdir())) == 1
    with written(path, compressed=True):
        pass
    assert list(tmp_path.iterdir()) == [path]


async def test_what_a_killed_restore_has_left_goes_with_the_next(urls, tmp_path: Path):
    """A half written backup of what was to be replaced."""
    url, file = await filled(urls("sqlite", "source")), tmp_path / "backup"
    await backed_up(url, file)
    left = tmp_path / "source" / ".acmedns.db.replaced-20260101T000000.000000Z.jsonl.gz.abc.part"
    # A pipe of such a name in a shared directory has no other end.
    pipe = left.with_name(".acmedns.db.replaced-20260102T000000.000000Z.jsonl.gz.x.part")
    os.mkfifo(pipe)
    other = left.with_name(".other.db.replaced-x.part")
    for path in (left, other):
        path.touch()
    await restored(url, file, replace=True)
    assert {path for path in left.parent.iterdir() if ".part" in path.name} == {pipe, other}


def test_truths_of_a_foreign_key_are_numbers():
    """Whoever refers to an account or a token does so by its id, on which a merge relies."""
    keys = [key for table in rows.CARRIED for key in table.foreign_keys]
    assert all(isinstance(key, ForeignKey) and key.column.name == "id" for key in keys)


async def test_only_plain_files_are_replaced_and_read(urls, tmp_path: Path):
    """A device or a link would be gone for good; a pipe can be read once, and may never be opened."""
    url = await filled(urls("sqlite", "source"))
    for name, make in (("link", lambda path: path.symlink_to("nowhere")), ("pipe", os.mkfifo), ("folder", Path.mkdir)):
        make(tmp_path / name)
        forced = partial(written, tmp_path / name, compressed=True, force=True)
        with pytest.raises(BackupRefused, match="is no plain file; name a file"):
            await back_up(url, zone_name=ZONE, out=forced, name="")
    with pytest.raises(BackupRefused, match="is no file, and a backup is read twice; save it to a file first"):
        examined(tmp_path / "pipe")
