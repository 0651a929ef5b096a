"""Accounts that clients keep here, in SQL: by token and domain, sealed; they go with their account."""

from collections.abc import Sequence

from sqlalchemy import delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from acmedns_py.accounts.ports import Stored
from acmedns_py.accounts.storage import MOST_STORED
from acmedns_py.errors import AcmednsError, BadInput, TokenNotAccepted
from acmedns_py.store.requests import Keeping
from acmedns_py.store.schema import account, stored, token


async def keep(connection: AsyncConnection, wanted: Keeping, now: int) -> AcmednsError | None:
    """Put an account in the place of what the token keeps for the domain; gives what stands against it."""
    if await connection.scalar(select(account.c.id).where(account.c.id == wanted.account)) is None:
        return BadInput("bad_account", "account_deleted")
    # What is kept ends with its token: nothing could open it any more.
    name, revoked_at = (
        await connection.execute(select(token.c.name, token.c.revoked_at).where(token.c.id == wanted.token))
    ).one()
    if revoked_at is not None:
        return TokenNotAccepted("token_revoked", name)
    others = select(func.count()).where(stored.c.token == wanted.token, stored.c.domain != wanted.domain)
    if (await connection.scalar(others) or 0) >= MOST_STORED:
        return BadInput("storage_full", f"the token keeps {MOST_STORED} accounts, which is the most")
    await connection.execute(
        delete(stored).where(stored.c.token == wanted.token, stored.c.domain == wanted.domain),
    )
    row = {
        "token": wanted.token,
        "domain": wanted.domain,
        "account": wanted.account,
        "sealed": wanted.sealed,
        "written_at": now,
    }
    await connection.execute(insert(stored), row)
    return None


async def of_token(connection: AsyncConnection, number: int, domain: str | None) -> list[Stored]:
    """What a token keeps, for one domain or all, by domain."""
    query = (
        select(stored.c.domain, account.c.username, account.c.label, stored.c.sealed)
        .join(account, account.c.id == stored.c.account)
        .where(stored.c.token == number)
        .order_by(stored.c.domain)
    )
    if domain is not None:
        query = query.where(stored.c.domain == domain)
    return [Stored(*row) for row in await connection.execute(query)]


async def domains_of(connection: AsyncConnection, number: int) -> Sequence[tuple[str, str]]:
    """For which domains an account is kept, each with the name of the token that it is kept by."""
    rows = await connection.execute(
        select(stored.c.domain, token.c.name)
        .join(token, token.c.id == stored.c.token)
        .where(stored.c.account == number)
        .order_by(stored.c.domain, token.c.name)
    )
    return [(domain, name) for domain, name in rows]
