"""Tokens in SQL: found by digest, counted down by the writer, listed for people."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, delete, func, insert, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from acmedns_py.accounts.ports import Issued, NewToken, Token
from acmedns_py.accounts.txt_rule import TxtRule
from acmedns_py.errors import TokenTaken, UnknownToken
from acmedns_py.store.schema import Clock, made_by, stored, token


def _tokens(read_at: Any) -> Select[Any]:
    """Ask for tokens in the order of the fields of `Token`."""
    return select(
        token.c.id,
        token.c.name,
        token.c.digest,
        token.c.scopes,
        token.c.sources,
        token.c.labels,
        token.c.expires_at,
        token.c.uses_left,
        token.c.created_at,
        token.c.last_used_at,
        token.c.revoked_at,
        token.c.txt_rule,
        read_at.label("read_at"),
    )


def _token(row: Sequence[Any]) -> Token:
    number, name, digest, scopes, sources, *others, txt_rule, read_at = row
    others += [TxtRule(txt_rule), read_at]
    return Token(number, name, digest, tuple(scopes.split()), tuple(json.loads(sources)), *others)


async def by_digest(connection: AsyncConnection, digests: Sequence[str], clock: Clock) -> dict[str, Token]:
    """The tokens of these digests that exist, ended ones too."""
    found = [_token(row) for row in await connection.execute(_tokens(clock()).where(token.c.digest.in_(digests)))]
    return {one.digest: one for one in found}


async def by_id(connection: AsyncConnection, ids: Collection[int], now: int) -> dict[int, Token]:
    """What these tokens are at the moment of a transaction."""
    found = [_token(row) for row in await connection.execute(_tokens(literal(now)).where(token.c.id.in_(ids)))]
    return {one.id: one for one in found}


async def save_uses(connection: AsyncConnection, tokens: Iterable[Token]) -> None:
    """Make the table hold how often these may still be used, and when they were."""
    await connection.execute(
        update(token)
        .where(token.c.id == bindparam("of_token"))
        .values(uses_left=bindparam("uses"), last_used_at=bindparam("used")),
        [{"of_token": one.id, "uses": one.uses_left, "used": one.last_used_at} for one in tokens],
    )


async def note_use(connection: AsyncConnection, number: int, now: int) -> None:
    """Write down when a token was used for what is no registration."""
    await connection.execute(update(token).where(token.c.id == number).values(last_used_at=now))


async def note_makers(connection: AsyncConnection, makers: Mapping[int, int]) -> None:
    """Write down which token made which account: {account: token}."""
    await connection.execute(
        insert(made_by), [{"account": account, "token": maker} for account, maker in makers.items()]
    )


async def give_back(connection: AsyncConnection, accounts: Collection[int]) -> None:
    """Count the uses that made these accounts, as if they had never been."""
    if not accounts:
        return
    rows = await connection.execute(
        select(made_by.c.token, func.count()).where(made_by.c.account.in_(accounts)).group_by(made_by.c.token)
    )
    for number, uses in rows.all():
        # One without a limit stays without: NULL and a number are NULL.
        await connection.execute(update(token).where(token.c.id == number).values(uses_left=token.c.uses_left + uses))


async def add(connection: AsyncConnection, wanted: NewToken, now: int) -> None:
    """Insert a token; raises `TokenTaken`."""
    revoked = (await connection.execute(select(token.c.revoked_at).where(token.c.name == wanted.name))).first()
    if revoked is not None:
        state = "a revoked token" if revoked[0] is not None else "a token"
        raise TokenTaken(f"there is {state} of the name {wanted.name} already; choose another name")
    row = {
        "name": wanted.name,
        "digest": wanted.digest,
        "scopes": " ".join(wanted.scopes),
        "sources": json.dumps(wanted.sources),
        "labels": wanted.labels,
        "expires_at": wanted.expires_at,
        "uses_left": wanted.uses,
        "created_at": now,
        "txt_rule": wanted.txt_rule,
    }
    await connection.execute(insert(token), row)


async def revoke(connection: AsyncConnection, name: str, now: int) -> None:
    """End a token, and what is kept under it; one that was revoked before keeps its time. Raises `UnknownToken`."""
    number = await connection.scalar(select(token.c.id).where(token.c.name == name))
    if number is None:
        raise UnknownToken(name)
    await connection.execute(
        update(token).where(token.c.id == number, token.c.revoked_at.is_(None)).values(revoked_at=now)
    )
    await connection.execute(delete(stored).where(stored.c.token == number))


async def scopes_held(connection: AsyncConnection, scopes: Sequence[str]) -> dict[str, bool]:
    """Those of these scopes that any token has, ended or not."""
    held = {scope for row in await connection.scalars(select(token.c.scopes).distinct()) for scope in row.split()}
    return {scope: True for scope in scopes if scope in held}


async def issued(
    connection: AsyncConnection, clock: Clock, wanted: Collection[ColumnElement[bool]], *, most: int
) -> list[Issued]:
    """The first tokens by id for which all of `wanted` holds, each with the number of its accounts."""
    counted = select(func.count()).where(made_by.c.token == token.c.id).scalar_subquery()
    rows = await connection.execute(
        _tokens(clock()).add_columns(counted).where(*wanted).order_by(token.c.id).limit(most)
    )
    return [Issued(_token(row[:-1]), row[-1]) for row in rows]
