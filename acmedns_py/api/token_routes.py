"""The operator's routes about tokens: /admin/v1/tokens and what is below it."""

from datetime import datetime
from typing import Any

import msgspec

from acmedns_py.accounts.administration import MOST_LISTED
from acmedns_py.accounts.issued_tokens import IssuedTokens, TokenWish
from acmedns_py.accounts.ports import Issued
from acmedns_py.accounts.times import moment_of
from acmedns_py.accounts.tokens import REGISTER
from acmedns_py.api.asked import Asked, Told, body_of, in_utc, known, next_after, number
from acmedns_py.errors import StoreUnavailable, UnknownToken, Unusable


class _NewToken(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    scopes: tuple[str, ...] = (REGISTER,)
    expires: datetime | None = None
    uses: int | None = None
    sources: tuple[str, ...] = ()
    labels: str | None = None
    txt_rule: str | None = None


class TokenRoutes:
    """One method a route and HTTP method."""

    def __init__(self, issued: IssuedTokens) -> None:
        self._issued = issued

    async def page(self, asked: Asked) -> Told:
        """Give the next tokens, ended ones too."""
        query = known(asked.query, "after", "limit")
        limit = number(query, "limit", MOST_LISTED)
        found = await self._issued.listed(after=number(query, "after", 0), most=limit)
        more = next_after([one.token.id for one in found], limit)
        return Told(200, {"tokens": [_document(one) for one in found], "next": more})

    async def create(self, asked: Asked) -> Told:
        """Make a token; its text is in this answer and nowhere else."""
        wish = body_of(asked, _NewToken)
        text = await self._issued.issue(
            asked.by,
            TokenWish(wish.name, wish.scopes, wish.sources, wish.labels, wish.uses, wish.txt_rule, _end(wish.expires)),
        )
        try:
            facts = _document(await self._issued.shown(wish.name))
        except (StoreUnavailable, UnknownToken):
            # It is there for good, and whoever asked must have its text whatever became of the database since.
            facts = {"name": wish.name}
        return Told(201, {"token": text, **facts})

    async def show(self, name: str) -> Told:
        """Give one token, which is all but its text."""
        return Told(200, _document(await self._issued.shown(name)))

    async def revoke(self, asked: Asked, name: str) -> Told:
        """End a token for good."""
        await self._issued.revoke(asked.by, name)
        return await self.show(name)


def _end(expires: datetime | None) -> datetime | None:
    if expires is None:
        return None
    try:
        return in_utc(expires)
    except OverflowError:
        raise Unusable(f"expires = {expires.isoformat()} is too far ahead; give an earlier time, or none") from None


def _document(issued: Issued) -> dict[str, Any]:
    token = issued.token
    return {
        "id": token.id,
        "name": token.name,
        "state": "good" if token.ended is None else token.ended.value,
        "scopes": token.scopes,
        "accounts": issued.accounts,
        "uses_left": token.uses_left,
        "expires": _time(token.expires_at),
        "sources": token.sources,
        "labels": token.labels,
        "txt_rule": token.txt_rule,
        "created": _time(token.created_at),
        "last_used": _time(token.last_used_at),
        "revoked": _time(token.revoked_at),
    }


def _time(ticks: int | None) -> datetime | None:
    return None if ticks is None else moment_of(ticks)
