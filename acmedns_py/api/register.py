"""POST /register: an account for whoever asks, where registration is open."""

from aiohttp import web

from acmedns_py.accounts.register import Registration
from acmedns_py.api.answers import Answer, json_answer
from acmedns_py.api.bodies import read_body, wished_allow_from
from acmedns_py.api.visit import Visit


class RegisterRoute:
    """`zone` is the zone's name for people, without a final dot."""

    def __init__(self, registration: Registration, zone: str) -> None:
        self._registration = registration
        self._zone = zone

    async def post(self, request: web.BaseRequest, visit: Visit) -> Answer:
        """Exactly 201 and the five keys of acme-dns, `allowfrom` always a list (clients #1, #5)."""
        allow_from = wished_allow_from(await read_body(request))
        fresh = await self._registration.register(allow_from, visit.source)
        visit.account = fresh.username
        return json_answer(
            201,
            {
                "username": fresh.username,
                "password": fresh.password,
                "fulldomain": f"{fresh.label}.{self._zone}",
                "subdomain": fresh.label,
                "allowfrom": fresh.allow_from,
            },
        )
