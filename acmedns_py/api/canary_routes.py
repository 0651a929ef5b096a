"""The routes by which a check sets a value of its own in the zone: /admin/v1/canaries and what is below it."""

from acmedns_py.accounts.canary import LIFE_SECONDS, Canaries
from acmedns_py.api.asked import Asked, Told
from acmedns_py.errors import Unusable


class CanaryRoutes:
    """`canaries` is None where no server runs that could answer them."""

    def __init__(self, canaries: Canaries | None) -> None:
        self._canaries = canaries

    async def set(self, asked: Asked) -> Told:
        """Serve another one."""
        canary = await self._there().set(asked.by)
        document = {"name": canary.label, "fulldomain": canary.fulldomain, "txt": canary.value}
        return Told(201, {**document, "seconds": LIFE_SECONDS})

    async def remove(self, asked: Asked, label: str) -> Told:
        """Take one away; one that is gone already is no failure."""
        return Told(200, {"removed": await self._there().remove(label, asked.by)})

    def _there(self) -> Canaries:
        if self._canaries is None:
            raise Unusable("no server runs that could answer it; start acmedns serve")
        return self._canaries
