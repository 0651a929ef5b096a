"""What operators and accounts read of the database: pages by key, one account whole, numbers, the audit log.

A page is found by its first id, never by counting rows, so that the last of a million accounts costs what the first
does.
"""

import json
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from acmedns_py.accounts.directory import Filter, Listed, LiveValue, Recorded, Shown, Statistics, shown_value
from acmedns_py.accounts.labels import MOST_NAME_CHARACTERS
from acmedns_py.accounts.ports import Entry, Issued, Stored
from acmedns_py.accounts.times import moment_of, ticks_of
from acmedns_py.accounts.txt_rule import TxtRule
from acmedns_py.errors import UnknownToken
from acmedns_py.store.engine import FOREIGN_ERRORS, Target, Use, connect, connection_lost, unavailable
from acmedns_py.store.schema import (
    MICROSECONDS,
    PASSWORD,
    Clock,
    account,
    audit,
    credential,
    made_by,
    retired_label,
    token,
    txt,
)
from acmedns_py.store.standing import stored_allow_from
from acmedns_py.store.stored import domains_of, of_token
from acmedns_py.store.tokens import issued

DAY_SECONDS = 86_400
QUARTER_SECONDS = 90 * DAY_SECONDS
"""The longest that a certificate of a public CA commonly lives between two renewals."""

T = TypeVar("T")

_LISTED = (
    account.c.id,
    account.c.username,
    account.c.label,
    account.c.title,
    account.c.allow_from,
    account.c.disabled,
    account.c.created_at,
    account.c.last_update_at,
    account.c.last_update_from,
    account.c.txt_rule,
    # Of a row that is given, not of each that is looked through.
    select(token.c.name)
    .join(made_by, made_by.c.token == token.c.id)
    .where(made_by.c.account == account.c.id)
    .scalar_subquery()
    .label("made_by"),
)


class DirectoryReader:
    """Reads for operators on connections of their own: what is long must not stand in the way of look-ups."""

    def __init__(self, place: Target, *, lookups: AsyncEngine, clock: Clock) -> None:
        """`lookups` is the engine of the API's own reads."""
        self._lookups = lookups
        self._engine = connect(place, Use.LONG)
        self._clock = clock

    async def close(self) -> None:
        """Let go of the database."""
        await self._engine.dispose()

    async def listed(self, wanted: Filter, *, after: int, most: int) -> list[Listed]:
        """Give the next accounts by id; raises `UnknownToken` where `made_by` names none."""
        query = select(*_LISTED).where(*_conditions(wanted)).limit(most)
        return await self._read(self._engine, lambda connection: _page(connection, query, wanted.made_by, after))

    async def find(self, *, username: str | None, label: str) -> list[Listed]:
        """Give the accounts with that username or that label."""
        named = account.c.label == label
        query = select(*_LISTED).where(named if username is None else or_(named, account.c.username == username))
        return await self._read(self._engine, lambda connection: _accounts(connection, query))

    async def shown(self, number: int) -> Shown | None:
        """Give one account with its values and what is valid of its passwords."""
        return await self._read(self._lookups, lambda connection: _shown(connection, number, self._clock))

    async def stored(self, token: int, domain: str | None) -> list[Stored]:
        """Give what is kept for the holder of a token."""
        return await self._read(self._lookups, lambda connection: of_token(connection, token, domain))

    async def statistics(self) -> Statistics:
        """Count."""
        return await self._read(self._engine, lambda connection: _statistics(connection, self._clock))

    async def audit(self, *, since: datetime | None, after: int, most: int) -> list[Recorded]:
        """Give the next entries of the audit log."""
        query = select(audit).where(audit.c.id > after).order_by(audit.c.id).limit(most)
        if since is not None:
            query = query.where(audit.c.at >= ticks_of(since))
        return await self._read(self._engine, lambda connection: _entries(connection, query))

    async def issued_tokens(self, *, after: int, most: int) -> list[Issued]:
        """Give the next tokens by id."""
        wanted = (token.c.id > after,)
        return await self._read(self._engine, lambda connection: issued(connection, self._clock, wanted, most=most))

    async def issued_token(self, name: str) -> Issued | None:
        """Give the token of that name."""
        wanted = (token.c.name == name,)
        found = await self._read(self._engine, lambda connection: issued(connection, self._clock, wanted, most=1))
        return found[0] if found else None

    async def _read(self, engine: AsyncEngine, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        """Read on one connection, on another where the first was dead; raises `StoreUnavailable`."""
        try:
            try:
                async with engine.connect() as connection:
                    return await work(connection)
            except FOREIGN_ERRORS as error:
                if not connection_lost(error):
                    raise
            async with engine.connect() as connection:
                return await work(connection)
        except FOREIGN_ERRORS as error:
            raise unavailable(error) from error


def _conditions(wanted: Filter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.title is not None:
        found.append(func.lower(account.c.title).contains(wanted.title.lower(), autoescape=True))
    if wanted.unused_since is not None:
        found.append(func.coalesce(account.c.last_update_at, account.c.created_at) < ticks_of(wanted.unused_since))
    if wanted.never_updated is not None:
        never = account.c.last_update_at.is_(None)
        found.append(never if wanted.never_updated else ~never)
    if wanted.last_update_from is not None:
        found.append(account.c.last_update_from == wanted.last_update_from)
    if wanted.disabled is not None:
        found.append(account.c.disabled.is_(wanted.disabled))
    return found


async def _page(connection: AsyncConnection, query: Select[Any], maker: str | None, after: int) -> list[Listed]:
    key: ColumnElement[int] = account.c.id
    if maker is not None:
        named = select(token.c.id).where(token.c.name == maker)
        # PostgreSQL takes not every text.
        number = await connection.scalar(named) if maker.isprintable() else None
        if number is None:
            raise UnknownToken(maker[:MOST_NAME_CHARACTERS])
        # By its own key, so that few of a million are found without going through the others.
        key = made_by.c.account
        query = query.join(made_by, made_by.c.account == account.c.id).where(made_by.c.token == number)
    return await _accounts(connection, query.where(key > after).order_by(key))


async def _accounts(connection: AsyncConnection, query: Select[Any]) -> list[Listed]:
    return [_listed(row) for row in await connection.execute(query)]


def _listed(row: Sequence[Any]) -> Listed:
    number, username, label, title, allow_from, disabled, created_at, last_update_at, last_update_from, *others = row
    txt_rule, maker = others
    return Listed(
        id=number,
        username=username,
        label=label,
        title=title,
        allow_from=stored_allow_from(allow_from),
        disabled=disabled,
        created_at=moment_of(created_at),
        last_update_at=None if last_update_at is None else moment_of(last_update_at),
        last_update_from=last_update_from,
        txt_rule=TxtRule(txt_rule),
        made_by=maker,
    )


async def _shown(connection: AsyncConnection, number: int, clock: Clock) -> Shown | None:
    found = (await connection.execute(select(*_LISTED).where(account.c.id == number))).first()
    if found is None:
        return None
    now = await connection.scalar(select(clock()))
    assert now is not None, "a clock gives a time"
    passwords = await connection.execute(
        select(credential.c.verifier, credential.c.expires).where(
            credential.c.account == number,
            credential.c.kind == PASSWORD,
            or_(credential.c.expires.is_(None), credential.c.expires > now),
        )
    )
    valid = passwords.all()
    values = await connection.execute(
        select(txt.c.value, txt.c.written_at).where(txt.c.account == number).order_by(txt.c.cursor, txt.c.value)
    )
    return Shown(
        account=_listed(found),
        values=tuple(
            LiveValue(shown_value(value), moment_of(written_at), max(0, now - written_at) // MICROSECONDS)
            for value, written_at in values
        ),
        verifiers=frozenset(verifier for verifier, _expires in valid),
        former_until=max((moment_of(expires) for _verifier, expires in valid if expires is not None), default=None),
        stored_for=tuple(await domains_of(connection, number)),
    )


async def _statistics(connection: AsyncConnection, clock: Clock) -> Statistics:
    now = await connection.scalar(select(clock()))
    assert now is not None, "a clock gives a time"

    def how_many(condition: ColumnElement[bool]) -> ColumnElement[int]:
        return func.count().filter(condition)

    accounts = await connection.execute(
        select(
            func.count(),
            how_many(account.c.disabled.is_(True)),
            how_many(account.c.last_update_at.is_(None)),
            how_many(account.c.last_update_at > now - DAY_SECONDS * MICROSECONDS),
            how_many(account.c.last_update_at > now - QUARTER_SECONDS * MICROSECONDS),
        ).select_from(account)
    )
    others = [await connection.scalar(select(func.count()).select_from(table)) for table in (txt, retired_label, audit)]
    return Statistics(*accounts.one(), *(count or 0 for count in others))


async def _entries(connection: AsyncConnection, query: Select[Any]) -> list[Recorded]:
    return [
        Recorded(
            row.id,
            moment_of(row.at),
            Entry(row.actor, row.source, row.action, row.subject, row.result, json.loads(row.details)),
        )
        for row in await connection.execute(query)
    ]
