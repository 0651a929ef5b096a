"""POST and DELETE /update: set, clear or remove the TXT values of one account."""

from aiohttp import web

from acmedns_py.accounts.credentials import canonical_username
from acmedns_py.accounts.update import Updates
from acmedns_py.api.answers import Answer, json_answer
from acmedns_py.api.bodies import read_body, wished_change
from acmedns_py.api.client import login
from acmedns_py.api.visit import Visit


class UpdateRoute:
    """Both methods answer exactly 200 with the value, also when there was nothing to change (clients #1, #6)."""

    def __init__(self, updates: Updates) -> None:
        self._updates = updates

    async def post(self, request: web.BaseRequest, visit: Visit) -> Answer:
        """Add the value; an empty one clears the name."""
        return await self._apply(request, visit, remove=False)

    async def delete(self, request: web.BaseRequest, visit: Visit) -> Answer:
        """Remove the value."""
        return await self._apply(request, visit, remove=True)

    async def _apply(self, request: web.BaseRequest, visit: Visit, *, remove: bool) -> Answer:
        change = wished_change(await read_body(request), remove=remove)
        shown = login(request, visit.source)
        visit.account = canonical_username(shown.username)
        await self._updates.apply(shown, change)
        return json_answer(200, {"txt": change.value})
