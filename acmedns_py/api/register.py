"""POST /register: an account for whoever may register."""

from aiohttp import web

from acmedns_py.accounts.register import Registration
from acmedns_py.api.answers import Answer, json_answer
from acmedns_py.api.bodies import read_body, wished_account
from acmedns_py.api.client import shown_token
from acmedns_py.api.visit import Visit
from acmedns_py.errors import RegistrationRefused


class RegisterRoute:
    """`zone` is the zone's name for people, without a final dot."""

    def __init__(self, registration: Registration, zone: str) -> None:
        self._registration = registration
        self._zone = zone

    async def post(self, request: web.BaseRequest, visit: Visit) -> Answer:
        """Exactly 201 and the five keys of acme-dns, `allowfrom` always a list (clients #1, #5)."""
        wish = wished_account(await read_body(request))
        try:
            token = await self._registration.admit(shown_token(request, visit), visit.source)
        except RegistrationRefused as refused:
            visit.token = refused.token
            raise
        visit.token = None if token is None else token.name
        fresh = await self._registration.register(wish, visit.source, token)
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
