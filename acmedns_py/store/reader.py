"""Account look-ups for the API: all that wait share one statement, as writes share a transaction."""

import asyncio

from sqlalchemy.ext.asyncio import AsyncEngine

from acmedns_py.accounts.ports import Account
from acmedns_py.errors import Overloaded, StoreUnavailable
from acmedns_py.store.accounts import by_username, possible_username
from acmedns_py.store.engine import connection_lost, unavailable
from acmedns_py.store.schema import Clock

WAITING_USERNAMES = 1_024
"""Usernames that may wait."""

BATCH_USERNAMES = 256
"""The most usernames of one statement."""

CALLER_SECONDS = 10.0
"""How long a caller waits: a connection and a statement may take five seconds each."""


class AccountReader:
    """Gives accounts by username; one statement at a time, started by the first that asks."""

    def __init__(self, engine: AsyncEngine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock
        self._waiting: dict[str, list[asyncio.Future[Account | None]]] = {}
        self._task: asyncio.Task[None] | None = None

    async def account(self, username: str) -> Account | None:
        """The account, or None; raises `StoreUnavailable`, or `Overloaded` where too many wait."""
        if not possible_username(username):
            return None
        if len(self._waiting) >= WAITING_USERNAMES:
            raise Overloaded("account look-ups", retry_after=1)
        answer: asyncio.Future[Account | None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(username, []).append(answer)
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="store reader")
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
            usernames = list(self._waiting)[:BATCH_USERNAMES]
            batch = {username: self._waiting.pop(username) for username in usernames}
            try:
                found = await self._found(usernames)
            except Exception as error:  # noqa: BLE001 - the supervisor of all look-ups
                for answer in (answer for answers in batch.values() for answer in answers if not answer.done()):
                    answer.set_exception(unavailable(error))
                continue
            for username, answers in batch.items():
                for answer in answers:
                    if not answer.done():
                        answer.set_result(found.get(username))
        self._task = None

    async def _found(self, usernames: list[str]) -> dict[str, Account]:
        try:
            async with self._engine.connect() as connection:
                return await by_username(connection, usernames, self._clock)
        except Exception as error:
            # A pooled connection may have died while nobody used it; the database may well be there.
            if not connection_lost(error):
                raise
        async with self._engine.connect() as connection:
            return await by_username(connection, usernames, self._clock)
