"""Accounts and their values in SQL: looked up for the API in batches, read and written for the writer in groups.

Each function takes a whole group and sends a fixed number of statements, however many accounts are in it: a statement
costs some hundred microseconds of processor time whatever it asks, and that time is shared with the API.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import bindparam, delete, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from acmedns_py.accounts.ports import Account, Entry, Token
from acmedns_py.accounts.txt_rule import TxtRule
from acmedns_py.store.live import LiveValues, Row
from acmedns_py.store.schema import PASSWORD, Clock, account, credential, txt
from acmedns_py.store.standing import stored_allow_from

_LONGEST_USERNAME = 255

T = TypeVar("T")


@dataclass(frozen=True, slots=True, eq=False)
class NewAccount:
    """An account to be committed; `allow_from` in the form the client gave.

    `label` is folded, so that no two accounts have one name of the zone; one that is `chosen` is not random.
    `token` is the one by which it is registered; `by` that of an operator, who can do nothing once it has ended.
    """

    username: str
    label: str
    allow_from: tuple[str, ...]
    verifier: str
    title: str
    entry: Entry | None
    chosen: bool = False
    token: Token | None = None
    txt_rule: TxtRule = TxtRule.ACME
    by: Token | None = None


def padded(values: Iterable[T]) -> list[T]:
    """The values, the last repeated up to a power of two: so few texts of a statement that each stays prepared."""
    given = list(values)
    return given + [given[-1]] * ((1 << (len(given) - 1).bit_length()) - len(given))


def possible_username(username: str) -> bool:
    """Whether an account may have this name at all; PostgreSQL can't even be asked for some of the others."""
    return 0 < len(username) <= _LONGEST_USERNAME and username.isascii() and username.isprintable()


async def by_username(connection: AsyncConnection, usernames: Sequence[str], clock: Clock) -> dict[str, Account]:
    """The accounts of these usernames that exist, each with the verifiers of its passwords that are valid."""
    rows = await connection.execute(
        select(
            account.c.id,
            account.c.username,
            account.c.label,
            account.c.allow_from,
            account.c.disabled,
            account.c.txt_rule,
            credential.c.verifier,
        )
        .join(credential, credential.c.account == account.c.id)
        .where(
            account.c.username.in_(usernames),
            credential.c.kind == PASSWORD,
            or_(credential.c.expires.is_(None), credential.c.expires > clock()),
        )
        .order_by(credential.c.id)
    )
    found: dict[str, Account] = {}
    for number, username, label, allow_from, disabled, txt_rule, verifier in rows:
        older = found.get(username)
        found[username] = Account(
            number,
            username,
            label,
            stored_allow_from(allow_from),
            verifier,
            former=None if older is None else older.verifier,
            disabled=disabled,
            txt_rule=TxtRule(txt_rule),
        )
    return found


async def live_rows(connection: AsyncConnection, ids: Sequence[int]) -> dict[int, dict[bytes, Row]]:
    """The rows of these accounts' values."""
    rows = await connection.execute(
        select(txt.c.account, txt.c.value, txt.c.cursor, txt.c.written_at, txt.c.superseded).where(
            txt.c.account.in_(ids)
        )
    )
    found: dict[int, dict[bytes, Row]] = {}
    for number, value, cursor, written_at, superseded in rows:
        found.setdefault(number, {})[value] = Row(cursor, written_at, superseded)
    return found


async def save(connection: AsyncConnection, accounts: Mapping[int, LiveValues]) -> None:
    """Make the table hold what these accounts' values have become: three statements at most."""
    deleted = [
        {"of_account": number, "of_value": value} for number, values in accounts.items() for value in values.deleted()
    ]
    if deleted:
        await connection.execute(
            delete(txt).where(txt.c.account == bindparam("of_account"), txt.c.value == bindparam("of_value")), deleted
        )
    updated = [
        {"of_account": number, "of_value": value, "time": row.written_at, "mark": row.superseded}
        for number, values in accounts.items()
        for value, row in values.updated().items()
    ]
    if updated:
        await connection.execute(
            update(txt)
            .where(txt.c.account == bindparam("of_account"), txt.c.value == bindparam("of_value"))
            .values(written_at=bindparam("time"), superseded=bindparam("mark")),
            updated,
        )
    inserted = [
        {
            "account": number,
            "value": value,
            "cursor": row.cursor,
            "written_at": row.written_at,
            "superseded": row.superseded,
        }
        for number, values in accounts.items()
        for value, row in values.inserted().items()
    ]
    if inserted:
        await connection.execute(insert(txt), inserted)


async def create(connection: AsyncConnection, accounts: Sequence[NewAccount], now: int) -> dict[str, int]:
    """Insert accounts and their passwords: two statements; gives the accounts' ids by username."""
    created = await connection.execute(
        insert(account).returning(account.c.id, account.c.username),
        [
            {
                "username": one.username,
                "label": one.label,
                "title": one.title,
                "allow_from": json.dumps(one.allow_from),
                "disabled": False,
                "created_at": now,
                "txt_rule": one.txt_rule,
            }
            for one in accounts
        ],
    )
    ids = {username: number for number, username in created}
    await connection.execute(
        insert(credential),
        [
            {"account": ids[one.username], "kind": PASSWORD, "verifier": one.verifier, "expires": None}
            for one in accounts
        ],
    )
    return ids
