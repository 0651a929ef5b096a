"""Whether who asked by showing a token may still do so at the moment of the transaction.

The token was judged when it was shown. What it asks for may have waited since, for a hash or for the writer, and a
token that was revoked meanwhile must change nothing more.
"""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from acmedns_py.accounts.ports import Ended
from acmedns_py.accounts.tokens import ending
from acmedns_py.errors import TokenNotAccepted
from acmedns_py.store import tokens
from acmedns_py.store.accounts import NewAccount
from acmedns_py.store.requests import AccountChange, Issue, Request, Revocation


async def refusals(connection: AsyncConnection, requests: Sequence[Request], now: int) -> list[TokenNotAccepted | None]:
    """Give, in the order of a group, why each may not be done any more, or None; a revocation in front of it counts."""
    shown = [
        request.by if isinstance(request, AccountChange | NewAccount | Issue | Revocation) else None
        for request in requests
    ]
    ids = {token.id for token in shown if token is not None}
    standing = await tokens.by_id(connection, ids, now) if ids else {}
    revoked: set[str] = set()
    found: list[TokenNotAccepted | None] = []
    for request, token in zip(requests, shown, strict=True):
        refusal = None
        if token is not None:
            if standing[token.id].ended in (Ended.REVOKED, Ended.EXPIRED):
                refusal = TokenNotAccepted(ending(standing[token.id]), token.name)
            elif token.name in revoked:
                refusal = TokenNotAccepted(f"token_{Ended.REVOKED.value}", token.name)
        if refusal is None and isinstance(request, Revocation):
            revoked.add(request.name)
        found.append(refusal)
    return found
