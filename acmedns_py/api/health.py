"""GET /health and /health/ready: is the process there, and can it do its work."""

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from acmedns_py.api.answers import Answer, json_answer
from acmedns_py.api.visit import Visit

Readiness = Callable[[], Awaitable[tuple[bool, dict[str, Any]]]]
"""Whether everything needed works, and a JSON document that says so part by part."""


class HealthRoutes:
    """`readiness` is asked at each request."""

    def __init__(self, readiness: Readiness) -> None:
        self._readiness = readiness

    async def alive(self, _request: web.BaseRequest, _visit: Visit) -> Answer:
        """200 with an empty body, as acme-dns."""
        return Answer(status=200)

    async def ready(self, _request: web.BaseRequest, _visit: Visit) -> Answer:
        """200, or 503 where a part of the service is missing."""
        ready, document = await self._readiness()
        return json_answer(200 if ready else 503, document)
