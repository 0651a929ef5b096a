"""GET /account: what a credential is, for the host that holds it; nothing is changed by it."""

from aiohttp import hdrs, web

from acmedns_py.accounts.credentials import canonical_username
from acmedns_py.accounts.own import OwnAccount
from acmedns_py.api.answers import Answer, json_answer
from acmedns_py.api.client import login
from acmedns_py.api.visit import Visit


class AccountRoute:
    """`zone` is the zone's name for people, without a final dot."""

    def __init__(self, own: OwnAccount, zone: str) -> None:
        self._own = own
        self._zone = zone

    async def get(self, request: web.BaseRequest, visit: Visit) -> Answer:
        """The account without its password, and whether it may be used from where this was asked."""
        shown = login(request, visit.source)
        visit.account = canonical_username(shown.username)
        view = await self._own.view(shown)
        account = view.shown.account
        return json_answer(
            200,
            {
                "username": account.username,
                "fulldomain": f"{account.label}.{self._zone}",
                "subdomain": account.label,
                "label": account.title,
                "allowfrom": account.allow_from,
                "address": None if visit.source is None else str(visit.source),
                "address_allowed": view.permitted,
                "created": account.created_at,
                "last_update": account.last_update_at,
                "last_update_from": account.last_update_from,
                "txt_rule": account.txt_rule,
                "values": [
                    {"txt": one.value, "written": one.written_at, "age_seconds": one.age_seconds}
                    for one in view.shown.values
                ],
            },
            {hdrs.CACHE_CONTROL: "no-store"},
        )
