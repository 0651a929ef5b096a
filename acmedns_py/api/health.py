"""GET /health and /health/ready: is the process there, and can it do its work."""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from acmedns_py.api.answers import Answer, json_answer
from acmedns_py.api.visit import Visit

Readiness = Callable[[], Awaitable[tuple[bool, dict[str, Any]]]]
"""Whether everything needed works, and a JSON document that says so part by part."""


ANSWER_SECONDS = 1.0
"""How long a look at the database counts: strangers may ask too, and there are few connections for reading."""


class Remembered:
    """A look that costs something, made at most once in `ANSWER_SECONDS` however many ask for its answer."""

    def __init__(self, look: Callable[[], Awaitable[bool]], clock: Callable[[], float] = time.monotonic) -> None:
        """`look` is asked; `clock` gives monotonic seconds."""
        self._look = look
        self._clock = clock
        self._turn = asyncio.Lock()
        self._answer = False
        self._good_until = -math.inf

    async def __call__(self) -> bool:
        """The answer, not older than `ANSWER_SECONDS`; who comes while a look is made waits for that one."""
        async with self._turn:
            if self._clock() >= self._good_until:
                self._answer = await self._look()
                self._good_until = self._clock() + ANSWER_SECONDS
            return self._answer


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
