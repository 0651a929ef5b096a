"""Look-ups for the API: all that wait share one statement, as writes share a transaction."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Generic, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from acmedns_py.errors import Overloaded, StoreUnavailable
from acmedns_py.store.engine import connection_lost, unavailable

WAITING_KEYS = 1_024
"""Keys that may wait."""

BATCH_KEYS = 256
"""The most keys of one statement."""

CALLER_SECONDS = 10.0
"""How long a caller waits: a connection and a statement may take five seconds each."""

T = TypeVar("T")


class BatchReader(Generic[T]):
    """Gives things by key; one statement at a time, started by the first that asks."""

    def __init__(
        self,
        engine: AsyncEngine,
        find: Callable[[AsyncConnection, Sequence[str]], Awaitable[Mapping[str, T]]],
        *,
        what: str,
    ) -> None:
        """`find` gives those of the keys that exist; `what` names them for people."""
        self._engine = engine
        self._find = find
        self._what = what
        self._waiting: dict[str, list[asyncio.Future[T | None]]] = {}
        self._task: asyncio.Task[None] | None = None

    async def found(self, key: str) -> T | None:
        """What has this key, or None; raises `StoreUnavailable`, or `Overloaded` where too many wait."""
        if len(self._waiting) >= WAITING_KEYS:
            raise Overloaded(f"{self._what} look-ups", retry_after=1)
        answer: asyncio.Future[T | None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(key, []).append(answer)
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name=f"store {self._what} reader")
        try:
            async with asyncio.timeout(CALLER_SECONDS):
                return await answer
        except TimeoutError:
            raise StoreUnavailable("the database did not answer in time") from None

    async def close(self) -> None:
        """Finish what waits."""
        if self._task is not None:
            await self._task

    async def _run(self) -> None:
        while self._waiting:
            keys = list(self._waiting)[:BATCH_KEYS]
            batch = {key: self._waiting.pop(key) for key in keys}
            try:
                found = await self._read(keys)
            except Exception as error:  # noqa: BLE001 - the supervisor of all look-ups
                for answer in (answer for answers in batch.values() for answer in answers if not answer.done()):
                    answer.set_exception(unavailable(error))
                continue
            for key, answers in batch.items():
                for answer in answers:
                    if not answer.done():
                        answer.set_result(found.get(key))
        self._task = None

    async def _read(self, keys: list[str]) -> Mapping[str, T]:
        try:
            async with self._engine.connect() as connection:
                return await self._find(connection, keys)
        except Exception as error:
            # A pooled connection may have died while nobody used it; the database may well be there.
            if not connection_lost(error):
                raise
        async with self._engine.connect() as connection:
            return await self._find(connection, keys)
