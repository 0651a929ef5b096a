"""GET and POST below /storage: where lego and Traefik keep their accounts when they have no disk (clients #18)."""

from aiohttp import hdrs, web

from acmedns_py.accounts.credentials import canonical_username
from acmedns_py.accounts.storage import Holder, Kept, Storage, domain_of
from acmedns_py.api.answers import Answer, json_answer
from acmedns_py.api.bodies import kept_account, read_body
from acmedns_py.api.client import shown_token
from acmedns_py.api.problems import NotFound
from acmedns_py.api.visit import Visit
from acmedns_py.errors import TokenNotAccepted

_NOT_CACHED: dict[str, str] = {hdrs.CACHE_CONTROL: "no-store"}


class StorageRoute:
    """A token of the scope `storage` stands before the route or in `Authorization`; it sees what it kept alone."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    async def all(self, request: web.BaseRequest, visit: Visit) -> Answer:
        """All accounts by domain, which lego calls the map."""
        holder = await self._holder(request, visit)
        kept = await self._storage.all(holder)
        return json_answer(200, {one.domain: _five_keys(one) for one in kept}, _NOT_CACHED)

    async def get(self, request: web.BaseRequest, visit: Visit) -> Answer:
        """One account; 404 makes lego register."""
        holder = await self._holder(request, visit)
        kept = await self._storage.one(holder, visit.domain)
        if kept is None:
            raise NotFound
        visit.account = kept.username
        return json_answer(200, _five_keys(kept), _NOT_CACHED)

    async def post(self, request: web.BaseRequest, visit: Visit) -> Answer:
        """Always 200, at which lego stops and prints the CNAME to create.

        201 would have it go on at once, as if the CNAME were there. This server asks no DNS and can't know it; to say
        so wrongly costs a failed validation, of which CAs allow few, to be silent about it a second run.
        """
        holder = await self._holder(request, visit)
        wanted = kept_account(await read_body(request), visit.domain)
        visit.account = canonical_username(wanted.username)
        await self._storage.keep(holder, wanted, visit.source)
        return json_answer(200, {"domain": domain_of(wanted.domain), "fulldomain": wanted.fulldomain})

    async def _holder(self, request: web.BaseRequest, visit: Visit) -> Holder:
        try:
            holder = await self._storage.admit(shown_token(request, visit), visit.source)
        except TokenNotAccepted as refused:
            visit.token = refused.token
            raise
        visit.token = holder.token.name
        return holder


def _five_keys(kept: Kept) -> dict[str, str]:
    """The form in which lego keeps an account."""
    return {
        "fulldomain": kept.fulldomain,
        "subdomain": kept.label,
        "username": kept.username,
        "password": kept.password,
        "server_url": kept.server_url,
    }
