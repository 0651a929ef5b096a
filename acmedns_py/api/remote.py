"""The operator's routes over HTTP, for who shows a token with the scope `read` or `write`.

Until there is such a token these paths are answered as any path that is none: nobody learns what could be there, and a
server whose operator has never asked for them has none of them. The token comes by `Authorization` alone: in a path it
would stand in the logs of proxies. That suits a token that may register and no more; one of the scope `storage`, which
may come in a path too, gives stored passwords away to who reads such a log.
"""

from aiohttp import hdrs, web

from acmedns_py.accounts.administration import Operator
from acmedns_py.accounts.ports import Token
from acmedns_py.accounts.tokens import READ, WRITE, Tokens
from acmedns_py.api.admin import PREFIX, AdminRoutes, template
from acmedns_py.api.answers import Answer, json_answer
from acmedns_py.api.asked import Asked
from acmedns_py.api.bodies import read_body
from acmedns_py.api.client import authorization_token
from acmedns_py.api.problems import AdminFailed
from acmedns_py.api.visit import Visit
from acmedns_py.errors import Overloaded, StoreUnavailable, TokenNotAccepted


class RemoteAdmin:
    """`tokens` is the one that /register asks, too: wrong ones of a source count together."""

    def __init__(self, routes: AdminRoutes, tokens: Tokens) -> None:
        self._routes = routes
        self._tokens = tokens

    async def route(self, request: web.BaseRequest, path: str) -> str | None:
        """The route that a path leads to, without names; None where it is to be answered as a path that is none."""
        if not path.startswith(f"{PREFIX}/"):
            return None
        try:
            exist = await self._tokens.operators_exist()
        except (StoreUnavailable, Overloaded):
            # Whether they are switched on can't be known, so they are not; but who shows a token may have switched
            # them on, and hears of the fault where it is looked up.
            exist = authorization_token(request) is not None
        return template(path) if exist else None

    async def exist(self) -> bool:
        """Whether these routes are there by now; where that can't be known, they are not."""
        try:
            return await self._tokens.operators_exist()
        except (StoreUnavailable, Overloaded):
            return False

    async def answer(self, request: web.BaseRequest, path: str, visit: Visit) -> Answer:
        """Answer a request below `PREFIX`; looking takes `read`, all else `write`.

        Raises `TokenNotAccepted`, `ScopeLacking`, `TooManyAttempts`, `AdminFailed`, and what `read_body` raises.
        """
        method = hdrs.METH_GET if request.method == hdrs.METH_HEAD else request.method
        scope = READ if method == hdrs.METH_GET else WRITE
        token = await self._admitted(request, visit, scope)
        operator = Operator(f"token:{token.name}", str(visit.source or "unknown"), token)
        # Only now, so that strangers have nothing read.
        body = await read_body(request)
        if body:
            # That may have taken seconds, in which the token may have been revoked.
            await self._admitted(request, visit, scope)
        told = await self._routes.answer(Asked(method, path, dict(request.query), body, operator))
        if told.status >= 400:
            raise AdminFailed(told)
        return json_answer(told.status, told.document, told.headers)

    async def _admitted(self, request: web.BaseRequest, visit: Visit, scope: str) -> Token:
        shown = authorization_token(request)
        if shown is None:
            raise TokenNotAccepted("no_token")
        try:
            token = await self._tokens.accept(shown, visit.source, scope=scope)
        except TokenNotAccepted as refused:
            visit.token = refused.token
            raise
        visit.token = token.name
        return token
